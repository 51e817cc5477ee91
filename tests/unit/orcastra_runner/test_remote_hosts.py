# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts without an instance: when playbooks run for them, and with which variables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.remote_hosts import STANDBY_SECONDS, RemoteHosts, RemoteJob
from orcastra_runner.settings import read_settings
from orcastra_runner.status import StatusStore
from tests.unit.orcastra_runner.conftest import Clock, Log


class Playbooks:
    """Records each run: the last part of the playbook's name, and the variables."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.results: dict[str, PlaybookResult] = {}

    def run(
        self, playbook: str, variables: Mapping[str, Any], _should_stop: Callable[[], bool], inventory: Path
    ) -> PlaybookResult:
        assert inventory == Path("hosts.yml")
        name = playbook.removeprefix("orcastra.swarm.")
        self.ran.append((name, dict(variables)))
        return self.results.get(name, PlaybookResult(playbook, "successful", 1.0))

    def names(self) -> list[str]:
        found = [name for name, _variables in self.ran]
        self.ran.clear()
        return found


@pytest.fixture
def playbooks() -> Playbooks:
    return Playbooks()


@pytest.fixture
def status() -> StatusStore:
    status = StatusStore()
    status.decided("acting", leads=True, acts=True)
    return status


def new_hosts(clock: Clock, playbooks: Any, status: StatusStore) -> RemoteHosts:
    return RemoteHosts(read_settings(), "workers", Path("hosts.yml"), playbooks, status, clock=clock)


def run_due(jobs: list[RemoteJob]) -> None:
    """Run the jobs that are due, as the scheduler does."""
    for job in jobs:
        if job.seconds_to_next() == 0:
            job.run()


def test_remote_jobs_run_at_their_own_intervals(
    clock: Clock, playbooks: Playbooks, status: StatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    clock.now = 1_000_000_000.0  # 01:46:40
    jobs = new_hosts(clock, playbooks, status).jobs()
    run_due(jobs)
    assert playbooks.names() == ["autoheal", "mods", "log_rotate"]
    assert min(job.seconds_to_next() for job in jobs) == 300
    clock.now += 300
    run_due(jobs)
    assert playbooks.names() == ["autoheal"]
    clock.now = 1_000_008_000.0  # 04:00
    run_due(jobs)
    assert playbooks.names() == ["autoheal", "prune", "mods"]
    mods = next(job for job in jobs if job.name == "remote_mods")
    mods.ask()
    assert (mods.seconds_to_next(), mods.woken.is_set()) == (0, True)
    run_due(jobs)
    assert playbooks.names() == ["mods"]


def test_remote_jobs_run_only_on_the_active_instance(
    clock: Clock, playbooks: Playbooks, status: StatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    clock.now = 1_000_000_000.0
    jobs = new_hosts(clock, playbooks, status).jobs()
    status.decided("standing by", leads=False, acts=False)
    clock.now = 1_000_010_000.0
    next(job for job in jobs if job.name == "remote_mods").ask()
    assert {job.seconds_to_next() for job in jobs} == {STANDBY_SECONDS}
    status.decided("acting", leads=True, acts=True)
    run_due(jobs)
    # the other instance pruned at 04:00
    assert playbooks.names() == ["autoheal", "mods", "log_rotate"]


def test_remote_job_does_nothing_if_it_lost_the_lead_while_waiting(
    clock: Clock, playbooks: Playbooks, status: StatusStore
) -> None:
    jobs = new_hosts(clock, playbooks, status).jobs()
    status.decided("standing by", leads=False, acts=False)
    for job in jobs:
        job.run()
    assert playbooks.names() == []


def test_remote_job_delayed_by_another_still_runs(
    clock: Clock, playbooks: Playbooks, status: StatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    clock.now = 1_000_000_000.0
    jobs = new_hosts(clock, playbooks, status).jobs()
    clock.now = 1_000_010_000.0  # 04:00 was half an hour ago
    run_due(jobs)
    assert playbooks.names() == ["autoheal", "prune", "mods", "log_rotate"]


def test_remote_jobs_pass_only_settings_that_differ_from_the_default(
    clock: Clock, playbooks: Playbooks, status: StatusStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_due(new_hosts(clock, playbooks, status).jobs())
    hosts = {"orcastra_hosts": "workers:managers", "orcastra_remote_hosts": "workers"}
    only_named = {"orcastra_remote_hosts": "workers", "orcastra_log_rotate_skip_unconfigured": True}
    assert playbooks.ran == [
        ("autoheal", hosts),
        ("mods", hosts),
        ("log_rotate", {"orcastra_hosts": "workers", **only_named}),
    ]
    playbooks.ran.clear()
    (tmp_path / "config.json").write_text(
        '[{"url": "https://a.example/x", "headers": {"X-Key": "${KEY} ${NO}"}}]'
    )
    (tmp_path / "key").write_text("secret\n")
    for name, value in {
        "AUTOHEAL_GRACE_PERIOD": "7.5",
        "GC_MINIMUM_IMAGES_TO_SAVE": "9",
        "GC_DRY_RUN": "1",
        "GC_CRON": "* * * * *",
        "WEBHOOK_URL": "https://chat.example/hook",
        "MOD_MANAGER_DEST": "/srv/mods",
        "MOD_MANAGER_CONFIG": str(tmp_path / "config.json"),
        "KEY_FILE": str(tmp_path / "key"),
    }.items():
        monkeypatch.setenv(name, value)
    hosts_of = new_hosts(clock, playbooks, status)
    jobs = hosts_of.jobs()
    clock.now += 60
    run_due(jobs)
    assert dict(playbooks.ran) == {
        "autoheal": {
            **hosts,
            "orcastra_autoheal_grace_period": 8,
            "orcastra_autoheal_webhook_url": "https://chat.example/hook",
        },
        "prune": {**hosts, "orcastra_prune_keep_images": 9, "orcastra_prune_dry_run": True},
        "mods": {
            **hosts,
            "orcastra_mods_dest": "/srv/mods",
            "orcastra_mods_file": hosts_of.mods_file.copy(),
            "orcastra_mods_variables": {"KEY": "secret"},
        },
        "log_rotate": {"orcastra_hosts": "workers", **only_named},
    }
    copied = Path(hosts_of.mods_file.copy())
    assert json.loads(copied.read_text()) == [
        {"url": "https://a.example/x", "headers": {"X-Key": "${KEY} ${NO}"}}
    ]
    assert copied.stat().st_mode & 0o777 == 0o600


def test_remote_jobs_can_be_disabled(
    clock: Clock, playbooks: Playbooks, status: StatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOHEAL_CHECK_INTERVAL", "0")
    monkeypatch.setenv("GC_CRON", "off")
    monkeypatch.setenv("MOD_MANAGER_REFRESH_INTERVAL_MINUTES", "0")
    run_due(new_hosts(clock, playbooks, status).jobs())
    assert playbooks.names() == ["log_rotate"]


def test_remote_jobs_continue_after_a_failure(
    clock: Clock, playbooks: Playbooks, status: StatusStore, logged: Log
) -> None:
    step = {"summary": "stop web.1", "action": "stop_container", "why": ["it is ill"]}
    tasks = (
        TaskResult("Heal", "wrk-a", ok=True, changed=True, plan=(step,)),
        TaskResult("Heal", "wrk-b", ok=False, changed=False, message="no route to host"),
    )
    playbooks.results["autoheal"] = PlaybookResult("orcastra.swarm.autoheal", "failed", 1.0, tasks)
    jobs = new_hosts(clock, playbooks, status).jobs()
    with pytest.raises(OrcastraError, match="no route to host"):
        run_due(jobs)
    run_due(jobs)
    assert playbooks.names() == ["autoheal", "mods", "log_rotate"]
    assert min(job.seconds_to_next() for job in jobs) == 300
    assert [action.summary for action in status.view().history] == ["stop web.1 on wrk-a"]
    assert "info done: stop web.1" in logged.sentences


def test_remote_hosts_need_an_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCASTRA_REMOTE_HOSTS", "workers")
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert [problem.key for problem in caught.value.problems] == ["ORCASTRA_REMOTE_HOSTS"]
    monkeypatch.setenv("ORCASTRA_INVENTORY", "hosts.yml")
    assert read_settings().remote_hosts == "workers"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing the reboot of the own host over to another instance, and waiting for its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    BeatHandover,
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    OfferHandover,
    StateEdit,
    TakeHandover,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineUnreachable
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.handover import (
    OFFER_SECONDS,
    SILENCE_SECONDS,
)
from orcastra_runner import application, cli
from orcastra_runner.command import handover
from orcastra_runner.command import run as command_run
from orcastra_runner.command.handover import CHECK_SECONDS, LONGEST_GAP_SECONDS, HandoverWatch
from orcastra_runner.command.job import CommandJob
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.signals import Signals
from tests.unit.orcastra_runner.command.test_job import Bench, done
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.fakes import three_nodes

ROLLING = {"command": "rolling_reboot", "id": "all"}
TAKEN = "alpha is being rebooted by the instance on bravo"
LEFT = "rebooted bravo; alpha is left to another instance because this one runs on it"


class Hosts(Bench):
    """alpha, bravo and charlie are managers; the job runs on alpha, the leader."""

    def restart(self) -> None:
        super().restart()
        self.job = CommandJob(60, self.file, self.clock, monotonic=self.clock)

    def edit(self, *edits: StateEdit) -> None:
        """Write to the saved state as another process."""
        self.fake.state = apply_edits(self.fake.state, edits)

    def wait(self, seconds: float) -> None:
        """Let time pass, and run the job as often as it is due."""
        while seconds > 0:
            self.clock.now += CHECK_SECONDS
            seconds -= CHECK_SECONDS
            self.run()

    @property
    def record(self) -> Any:
        return self.fake.state.commands["id:all"]


def rebooted(*left: str) -> PlaybookResult:
    stats: dict[str, Any] = {"orcastra_rebooted": ["bravo"]}
    if left:
        stats["orcastra_reboot_left"] = {f"id-{name}": name for name in left}
    return replace(done("p", "drain node bravo"), stats=stats)


@pytest.fixture
def hosts(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log) -> Hosts:
    monkeypatch.setattr(command_run, "boot_id", lambda: "boot-alpha")
    fake = three_nodes()
    fake.change_nodes(lambda one: replace(one, reachability="reachable"))
    hosts = Hosts(fake, tmp_path / "c.yml", clock, monkeypatch)
    hosts.work.run_on_hosts = hosts._run_playbook
    return hosts


def test_reboot_of_own_host_is_offered_to_another_instance(hosts: Hosts, logged: Log) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING, "relabel_all")
    assert hosts.run() is True
    given = {"orcastra_reboot_hand_over": True, "orcastra_reboot_own_nodes": ["id-alpha"]}
    assert hosts.ran == [("orcastra.swarm.rolling_reboot", given)]
    assert (hosts.record.status, hosts.record.message) == ("running", LEFT)
    offered = hosts.fake.state.handovers["id:all"]
    assert (offered.nodes, offered.names, offered.boot) == (("id-alpha",), ("alpha",), "boot-alpha")
    assert logged.sentences[-1] == "info command handed over: rolling_reboot"
    assert LEFT in [entry.get("result") for entry in logged.entries]
    assert [result["status"] for result in hosts.results()] == ["running", "waiting"]
    # the next command might reboot the instance that works on the handover
    for _check in range(2):
        assert hosts.job.requeue_after == CHECK_SECONDS
        hosts.run()
    assert len(hosts.ran) == 1

    hosts.edit(TakeHandover("id:all", "b", "bravo", "bravo does it"))
    hosts.run()
    assert hosts.job.requeue_after == CHECK_SECONDS
    hosts.edit(FinishCommand("id:all", "b", "done", "all well", 2.0))
    assert hosts.run() is True
    assert hosts.job.requeue_after is None
    assert hosts.statuses() == ["done", "done"]
    # the instance that did the reboot has recorded it
    assert [action.summary for action in hosts.work.status.view().history] == [
        "command relabel_all: restart shop_db"
    ]


def test_reboot_with_remote_engine_names_no_own_node(hosts: Hosts) -> None:
    hosts.fake.is_local = False
    hosts.fake.results = [rebooted()]
    hosts.write(ROLLING)
    hosts.run()
    assert hosts.ran[0][1]["orcastra_reboot_own_nodes"] == []


def test_reboot_of_other_hosts_offers_nothing(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted()]
    hosts.write(ROLLING)
    assert hosts.run() is True
    assert hosts.record.message == "rebooted bravo"
    assert (hosts.fake.state.handovers, hosts.job.requeue_after) == ({}, None)


def test_failed_reboot_reports_hosts_rebooted_before(hosts: Hosts) -> None:
    failed = TaskResult("t", "localhost", ok=False, changed=False, message="charlie: it does not come back")
    result = PlaybookResult(ROLLING, "failed", 1.0, tasks=(failed,), stats={"orcastra_rebooted": ["bravo"]})
    hosts.fake.results = [result]
    hosts.write(ROLLING)
    hosts.run()
    assert (hosts.record.status, hosts.record.message) == (
        "failed",
        "rebooted bravo; charlie: it does not come back",
    )


def test_offer_that_is_not_taken_fails(hosts: Hosts, logged: Log) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING, "relabel_all")
    hosts.run()
    hosts.run()
    hosts.wait(OFFER_SECONDS - CHECK_SECONDS)
    assert hosts.record.is_running
    hosts.wait(CHECK_SECONDS)
    assert hosts.record.status == "failed"
    assert "alpha" in hosts.record.message
    assert hosts.fake.state.handovers == {}
    assert hosts.statuses() == ["failed", "done"]
    failures = [line for line in logged.sentences if line == "error command failed: rolling_reboot"]
    assert len(failures) == 1
    assert hosts.work.status.view().history[-1].result == "failed"


def test_offer_stays_while_another_host_is_rebooted(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    hosts.run()
    other = CommandRecord("reboot_node bravo", "shell", "bravo", "s", 1.0)
    rest = replace(hosts.fake.state.handovers["id:all"], names=("bravo",), boot="boot-bravo")
    hosts.edit(ClaimCommand("s", other), OfferHandover("s", "s", rest, ""))
    hosts.edit(TakeHandover("s", "c", "charlie", ""))
    for _beat in range(3):
        hosts.wait(OFFER_SECONDS - 2 * CHECK_SECONDS)
        hosts.edit(BeatHandover("s", "c"))
    hosts.edit(FinishCommand("s", "c", "done", "", 1.0))
    hosts.wait(OFFER_SECONDS - CHECK_SECONDS)
    assert hosts.record.is_running
    hosts.wait(2 * CHECK_SECONDS)
    assert hosts.record.status == "failed"


def test_offer_without_other_ready_nodes_fails_at_once(hosts: Hosts) -> None:
    hosts.fake.change_nodes(lambda one: replace(one, state="ready" if one.hostname == "alpha" else "down"))
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    assert hosts.run() == "reported"
    assert hosts.record.status == "failed"
    assert hosts.fake.state.handovers == {}


def test_silent_handover_is_interrupted_by_the_new_leader(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    hosts.run()
    hosts.edit(TakeHandover("id:all", "b", "bravo", "bravo does it"))
    hosts.fake.local = "charlie"
    hosts.restart()
    hosts.run()
    for _beat in range(3):
        hosts.wait(SILENCE_SECONDS - CHECK_SECONDS)
        hosts.edit(BeatHandover("id:all", "b"))
        hosts.run()
    assert hosts.record.is_running
    # time without observations doesn't count as silence
    hosts.clock.now += 10 * SILENCE_SECONDS
    hosts.run()
    assert hosts.record.is_running
    hosts.fake.change_nodes(
        lambda one: replace(one, availability="drain") if one.hostname == "alpha" else one
    )
    hosts.wait(SILENCE_SECONDS - LONGEST_GAP_SECONDS)
    assert hosts.record.status == "interrupted"
    assert "`orcastra command activate_node alpha`" in hosts.record.message
    assert len(hosts.ran) == 1


def test_offer_that_was_not_saved_is_saved_later(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    hosts.errors = [None, EngineUnreachable("gone"), EngineUnreachable("gone")]
    with pytest.raises(EngineUnreachable):
        hosts.run()
    assert (hosts.fake.state.handovers, hosts.record.message) == ({}, "")
    hosts.run()
    assert list(hosts.fake.state.handovers) == ["id:all"]
    assert len(hosts.ran) == 1


def test_shell_waits_until_the_handover_is_taken(
    hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(application, "connect", lambda _options: hosts.fake.connect())
    monkeypatch.setattr(application.Application, "on_hosts", lambda *_arguments: hosts._run_playbook)
    monkeypatch.setenv("ORCASTRA_INVENTORY", str(tmp_path / "hosts.yml"))
    monkeypatch.setattr(Signals, "install", lambda _self: None)
    pauses: list[float] = []

    def taken(_self: Signals, seconds: float) -> None:
        pauses.append(seconds)
        hosts.edit(TakeHandover("id:x", "b", "bravo", TAKEN))

    def nothing_happens(_self: Signals, seconds: float) -> None:
        clock.now += seconds

    hosts.fake.results = [rebooted("alpha"), rebooted("alpha")]
    monkeypatch.setattr(Signals, "pause", taken)
    command = ["command", "reboot_node", "alpha", "--id"]
    assert cli.main([*command, "x"]) == cli.EXIT_OK
    assert capsys.readouterr().out.splitlines() == [
        f"reboot_node alpha: {LEFT}",
        f"reboot_node alpha: {TAKEN}; `orcastra status` shows the result",
    ]
    assert pauses == [CHECK_SECONDS]

    clock = Clock()
    monkeypatch.setattr(Signals, "pause", nothing_happens)
    monkeypatch.setattr(handover, "HandoverWatch", lambda: HandoverWatch(clock, clock))
    assert cli.main([*command, "y"]) == cli.EXIT_FAILED
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("reboot_node alpha: failed: rebooted bravo; alpha ")
    # the instance that took the first one sent no heartbeat
    assert [hosts.fake.state.commands[f"id:{key}"].status for key in "xy"] == ["interrupted", "failed"]

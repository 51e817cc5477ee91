# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Healing and pruning in the runner: settings, due times and log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import Healing
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import Freed, Pruning
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_steps import (
    RemoveVolume,
    StopContainer,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import Ended, HealPlan, HealRules
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import PruneRules
from orcastra_runner.application import Application
from orcastra_runner.files import Files
from orcastra_runner.local import autoheal as local_autoheal
from orcastra_runner.local import prune as local_prune
from orcastra_runner.local.autoheal import AutohealJob, heal_rules
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.local.prune import PruneJob, prune_rules
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import Settings, read_settings
from orcastra_runner.status import StatusStore
from tests.unit.orcastra_runner.conftest import Clock, Log

ENGINE: Any = object()
STOP = StopContainer(
    container_id="c",
    title="c of web",
    started=1,
    timeout_seconds=1,
    why=(Reason("saved_reason", text="it is ill"),),
)


def application(settings: Settings) -> Application:
    rules = RebalanceFile(lambda: settings.config_dir / "rebalance_config.yml")
    return Application(settings, Files(None, rules, ModsFile(settings.mod_manager_config)))


def test_local_rules_default_to_those_of_the_planners(settings: Settings) -> None:
    assert heal_rules(settings) == HealRules()
    assert prune_rules(settings) == PruneRules()
    assert [job.name for job in application(settings).local_jobs()] == [
        "logs",
        "autoheal",
        "prune",
        "mods",
        "mod_requests",
    ]


def test_local_rules_follow_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AUTOHEAL_INTERVAL": "5",
        "AUTOHEAL_CONTAINER_LABEL": "all",
        "AUTOHEAL_GRACE_PERIOD": "0",
        "GC_FORCE_IMAGE_REMOVAL": "0",
        "GC_FORCE_CONTAINER_REMOVAL": "1",
        "GC_MINIMUM_IMAGES_TO_SAVE": "0",
        "GC_CLEAN_UP_VOLUMES": "0",
        "GC_EXCLUDE_IMAGES": "a:*, b ,",
        "GC_CRON": "@daily",
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.autoheal_interval_seconds == 5
    assert (heal_rules(settings).label, heal_rules(settings).grace) == ("all", 0)
    rules = prune_rules(settings)
    assert (rules.multiple_repositories, rules.force_containers, rules.keep_images) == (False, True, 0)
    assert (rules.volumes, rules.exclude_images) == ("none", ("a:*", "b"))
    monkeypatch.setenv("AUTOHEAL_CHECK_INTERVAL", "7")
    monkeypatch.setenv("ORCASTRA_GC_NAMED_VOLUMES", "1")
    settings = read_settings()
    assert settings.autoheal_interval_seconds == 7
    assert prune_rules(settings).volumes == "named"


def test_local_jobs_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOD_MANAGER_REFRESH_INTERVAL_MINUTES", "0")
    monkeypatch.setenv("AUTOHEAL_CHECK_INTERVAL", "0")
    monkeypatch.setenv("GC_CRON", "off")
    assert [job.name for job in application(read_settings()).local_jobs()] == ["logs"]


@pytest.mark.parametrize("text", ["61 * * * *", "* * * *", "* * * * * *", "@often", "0 0 30 2 *", "soon"])
def test_gc_cron_rejects_invalid_schedules(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GC_CRON", text)
    with pytest.raises(ConfigError, match=r"^GC_CRON: expected five fields") as caught:
        read_settings()
    assert caught.value.problems[0].found == repr(text)


def heal_with(monkeypatch: pytest.MonkeyPatch, *healings: Healing) -> list[dict[str, Any]]:
    """Let the job find these; returns the calls."""
    calls: list[dict[str, Any]] = []
    left = list(healings)

    def heal_node(_engine: Any, _rules: Any, _folder: Path, **options: Any) -> Healing:
        calls.append(options)
        return left.pop(0)

    monkeypatch.setattr(local_autoheal, "heal_node", heal_node)
    return calls


def test_autoheal_job_is_due_after_interval_and_start_period(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, logged: Log
) -> None:
    monkeypatch.setenv("AUTOHEAL_START_PERIOD", "12")
    calls = heal_with(
        monkeypatch,
        Healing(frozenset({"a", "b"}), HealPlan(settled=frozenset({"a"}))),
        Healing(frozenset({"a", "b"}), HealPlan(settled=frozenset({"b"}))),
        Healing(frozenset({"b"})),
        Healing(),
    )
    job = AutohealJob(read_settings(), None, clock)
    assert job.seconds_to_next() == 12
    for _ in range(4):
        clock.now += job.seconds_to_next()
        job.run(ENGINE)
        assert job.seconds_to_next() == 30
    assert [call["settled"] for call in calls] == [frozenset(), {"a"}, {"a", "b"}, {"b"}]
    assert not logged.sentences


def test_autoheal_job_logs_actions_and_errors(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, clock: Clock, logged: Log
) -> None:
    ended = Ended("s1", "web", "t1", 0, 5.0)
    done = Healing(
        heal=HealPlan(
            Plan(steps=(STOP,), warnings=(Reason("saved_reason", text="x is given up"),)),
            for_manager=(ended,),
        ),
        results=(StepResult(STOP, changed=True), StepResult(STOP, skipped="container c: it is gone")),
    )
    failed = Healing(results=(StepResult(STOP, error="container c: no"),))
    heal_with(monkeypatch, done, failed)
    job = AutohealJob(settings, None, clock)
    job.run(ENGINE)
    assert [(entry["level"], entry["event"]) for entry in logged.entries] == [
        ("warning", "plan warning"),
        ("warning", "unhealthy task ended"),
        ("info", "done"),
        ("info", "skipped"),
    ]
    with pytest.raises(OrcastraError, match=r"container c: no"):
        job.run(ENGINE)


def test_autoheal_job_reports_events_to_notify_about(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, clock: Clock
) -> None:
    gave_up = Reason("saved_reason", text="it is ill again")
    heal = HealPlan(plan=Plan(steps=(STOP,)), given_up=(gave_up,))
    heal_with(monkeypatch, Healing(frozenset("c"), heal, (StepResult(STOP, changed=True),)))
    status = StatusStore()
    status.events.is_on = True
    AutohealJob(settings, None, clock, status).run(ENGINE)
    found = [event.reason("alpha") for event in status.events.waiting()]
    assert sorted(reason.code for reason in found) == ["notify_heal_given_up", "notify_healed"]
    assert [reason.params["reason"] for reason in found if reason.code == "notify_heal_given_up"] == [gave_up]


def test_prune_job_is_due_by_cron_in_the_local_time_zone(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, logged: Log
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("GC_CRON", "30 2 * * *")
    clock.now = 1_774_720_800.0  # 2026-03-28 19:00 in Berlin; that night the clocks go forward
    step = RemoveVolume(name="x", why=(Reason("saved_reason", text="old"),))
    pruning = Pruning(Plan(steps=(step,)), (StepResult(step, changed=True),), freed=Freed(volumes=1))
    calls: list[dict[str, Any]] = []

    def prune_node(*_arguments: Any, **options: Any) -> Pruning:
        calls.append(options)
        return pruning

    monkeypatch.setattr(local_prune, "prune_node", prune_node)
    job = PruneJob(read_settings(), None, clock)
    assert logged.sentences == ["info next prune scheduled: 2026-03-29 03:00 (Europe/Berlin)"]
    assert "GC_PLAIN_CONTAINERS" in logged.entries[0]["keeps"]
    assert job.seconds_to_next() == 7 * 3600
    clock.now += job.seconds_to_next()
    logged.clear()
    job.run(ENGINE)
    assert logged.sentences == [
        "info pruned: remove volume x",
        "info prune finished: 0 containers, 0 images and 1 volume, 0 B",
    ]
    assert logged.entries[-1]["next"] == "2026-03-30 02:30 (Europe/Berlin)"
    assert calls == [{"connect_manager": None, "dry_run": False, "remember": True}]


OF_TASKS = "stopped containers of Swarm tasks with their anonymous volumes, unused images"


@pytest.mark.parametrize(
    ("variables", "removes", "is_plain"),
    [
        ({}, OF_TASKS, False),
        ({"GC_CLEAN_UP_VOLUMES": "0"}, "stopped containers of Swarm tasks, unused images", False),
        (
            {"ORCASTRA_GC_NAMED_VOLUMES": "1"},
            f"{OF_TASKS}, unused named volumes of stacks",
            False,
        ),
        (
            {"GC_PLAIN_CONTAINERS": "true"},
            "stopped containers with their anonymous volumes, unused images, unused anonymous volumes",
            True,
        ),
    ],
)
def test_prune_job_logs_its_rules_at_the_start(
    monkeypatch: pytest.MonkeyPatch, logged: Log, variables: dict[str, str], removes: str, is_plain: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    PruneJob(settings, None)
    assert logged.entries[0]["removes"] == removes
    assert (logged.entries[0].get("keeps") is None) == is_plain
    assert prune_rules(settings).plain_containers == is_plain


def test_prune_job_logs_kept_objects_and_errors(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, logged: Log, settings: Settings
) -> None:
    step = RemoveVolume(name="x", why=(Reason("saved_reason", text="old"),))
    plan = Plan(
        steps=(step,),
        warnings=(Reason("saved_reason", text="a pattern"),),
        notes=(Reason("saved_reason", text="a note"),),
    )
    pruning = Pruning(plan, (StepResult(step, skipped="volume x: it is in use"),))
    monkeypatch.setattr(local_prune, "prune_node", lambda *_arguments, **_options: pruning)
    job = PruneJob(settings, None, clock)
    logged.clear()
    for _run in range(2):
        job.run(ENGINE)
    # patterns are reported once
    assert [text for text in logged.sentences if "prune" not in text] == [
        "warning a pattern",
        "info a note",
        "info kept: volume x: it is in use",
        "info kept: volume x: it is in use",
    ]


@pytest.mark.parametrize(("name", "remember"), [("DRY_RUN", False), ("GC_DRY_RUN", True)])
def test_prune_job_logs_steps_in_a_dry_run(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, logged: Log, name: str, remember: bool
) -> None:
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TZ", "UTC")
    step = RemoveVolume(name="x", why=(Reason("saved_reason", text="old"),))
    calls: list[dict[str, Any]] = []

    def prune_node(*_arguments: Any, **options: Any) -> Pruning:
        calls.append(options)
        return Pruning(Plan(steps=(step,)))

    monkeypatch.setattr(local_prune, "prune_node", prune_node)
    PruneJob(read_settings(), None, clock).run(ENGINE)
    assert calls == [{"connect_manager": None, "dry_run": True, "remember": remember}]
    assert "info would be pruned: remove volume x" in logged.sentences
    assert (logged.entries[-1]["event"], logged.entries[-1]["steps"]) == ("prune dry run finished", 1)

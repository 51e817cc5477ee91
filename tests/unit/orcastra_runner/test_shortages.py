# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are short of tasks: in the headline, on record, and in the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import (
    FAILING,
    STARTING,
    WAITING,
    Shortage,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from orcastra_runner.report import plan_data, plan_text
from orcastra_runner.shortages import STEADY_SECONDS, ShortageLog
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import plan_all
from orcastra_runner.web.data import plans_data, state_data
from tests.support.builders import desired, node, service, snapshot, task
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.fakes import three_nodes
from tests.unit.orcastra_runner.served import observation
from tests.unit.orcastra_runner.test_loop import Driven, nothing

NOW = 100_000.0


def short(name: str = "web", code: str = FAILING, *errors: str, fresh: bool = False) -> Shortage:
    reason = Reason("tasks_fail", count=1, nodes=None, errors=errors)
    return Shortage(name, code, 1, 0, (reason,), is_fresh=fresh, errors=errors)


def warnings(logged: Log) -> list[str]:
    return [entry["summary"] for entry in logged.entries if entry["event"] == "short of tasks"]


def ends(logged: Log) -> list[str]:
    return [entry["summary"] for entry in logged.entries if entry["event"] == "no longer short of tasks"]


def test_a_reason_is_logged_once(logged: Log, clock: Clock) -> None:
    told = ShortageLog(clock)
    for _ in range(20):
        told.tell([short("web", FAILING, "No such image"), short("db", WAITING)])
        clock.now += 3
    assert len(warnings(logged)) == 2
    assert ends(logged) == []


def test_what_is_fresh_is_not_logged(logged: Log, clock: Clock) -> None:
    told = ShortageLog(clock)
    told.tell([short(code=STARTING, fresh=True)])
    told.tell([])
    assert not logged.entries


def test_another_error_is_logged_and_errors_that_take_turns_once_each(logged: Log, clock: Clock) -> None:
    told = ShortageLog(clock)
    for number in range(30):
        told.tell([short("web", FAILING, ("no image", "port is taken")[number % 2])])
        clock.now += 3
    assert len(warnings(logged)) == 2


@pytest.mark.parametrize("template", ["dial tcp: port {}", "process {} was killed", "pid {} and port {}"])
def test_numbers_that_differ_each_time_make_no_news(logged: Log, clock: Clock, template: str) -> None:
    told = ShortageLog(clock)
    for number in range(30):
        told.tell([short("web", FAILING, template.format(40_000 + number, 50_000 - number))])
        clock.now += 3
    assert len(warnings(logged)) == 1


def test_a_service_that_always_has_another_reason_is_logged_seldom(logged: Log, clock: Clock) -> None:
    told = ShortageLog(clock)
    for number in range(200):
        told.tell([short("web", FAILING, f"error {number}")])
        clock.now += 6
    assert len(warnings(logged)) <= 10


def test_the_end_is_logged_at_once_where_nothing_failed(logged: Log, clock: Clock) -> None:
    told = ShortageLog(clock)
    told.tell([short(code=WAITING)])
    told.tell([])
    assert ends(logged) == ["web"]


def test_a_task_that_runs_for_a_moment_between_two_failures_ends_nothing(logged: Log, clock: Clock) -> None:
    told = ShortageLog(clock)
    for number in range(60):
        told.tell([short("web", FAILING, "exit code 1")] if number % 2 else [])
        clock.now += 5
    assert (len(warnings(logged)), ends(logged)) == (1, [])
    clock.now += STEADY_SECONDS
    told.tell([])
    told.tell([])
    assert ends(logged) == ["web"]


def test_the_headline_never_says_that_all_is_well_while_tasks_are_missing() -> None:
    some = [short("a"), short("b", STARTING, fresh=True)]
    assert plan_text(Plan()).startswith("No changes needed: the swarm matches the configuration.")
    text = plan_text(Plan(), short=some).splitlines()
    assert text[0] == (
        "No changes needed: the swarm matches the configuration, but 2 services are short of tasks: a, b."
    )
    assert [line.partition(":")[0] for line in text[1:]] == ["warning", "note"]
    data = plan_data(Plan(), short=some)
    assert [entry["service"] for entry in data["short_of_tasks"]] == ["a", "b"]
    assert (len(data["warnings"]), len(data["notes"])) == (1, 1)
    many = plan_data(Plan(), short=[short(f"s{number}") for number in range(40)])
    assert many["headline"].endswith("but 40 services are short of tasks: s0, s1, s2, s3, s4 and 35 more")


def test_steps_and_missing_tasks_are_both_in_the_headline() -> None:
    status = StatusStore()
    seen = observation()
    config = desired(nodes={"alpha": {"ssd": "true"}}, anchors={"db": ("app",)})
    status.configured(config)
    status.observed(seen, 0.1)
    status.decided("acting", leads=True, acts=True)
    status.planned("sync", plan_all(seen, config))
    data = plans_data(status.view())
    assert data["steps"]
    # shop_app has one of its two tasks
    assert data["headline"].endswith("1 service is short of tasks: shop_app")
    assert data["short_of_tasks"][0]["expected"] == 2
    status.decided("standing by", leads=False, acts=False)
    assert "as configured" not in plans_data(status.view())["headline"]


def test_each_look_finds_the_reasons_afresh_and_since_when_they_hold() -> None:
    now = [NOW]
    status = StatusStore(clock=lambda: now[0])
    alpha, web = node("alpha"), service("web")

    def look(*tasks: Any) -> dict[str, Any]:
        status.observed(observation(snapshot=snapshot(alpha, web, *tasks), engine_time=now[0]), 0.1)
        (found,) = state_data(status.view())["services"]
        now[0] += 30
        return found

    assert look(task("web", "alpha"))["problem"] is None
    failed = [
        task("web", "alpha", state="starting", created=now[0] - 2),
        task("web", "alpha", state="failed", desired_state="shutdown", created=now[0] - 20, error="boom"),
        task("web", "alpha", state="rejected", desired_state="shutdown", created=now[0] - 30, error="boom"),
    ]
    first = look(*failed)
    assert "boom" in first["problem"]
    later = look(*(replace(one, created=one.created + 30) for one in failed))
    assert later["short_since"] == first["short_since"]
    waiting = look(task("web", None, state="pending", created=now[0] - 60))
    assert "although alpha is suitable" in waiting["problem"]
    assert look(task("web", "alpha"))["problem"] is None
    assert status.view().short == ()


def test_the_loop_looks_again_while_tasks_are_missing(
    settings: Any, config_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    missing = replace(fake.snapshot.tasks[0], state="failed", desired_state="shutdown", error="boom")
    complete = fake.snapshot
    fake.snapshot = replace(complete, tasks=(missing,))
    driven = Driven(fake, replace(settings, config_dir=config_dir), clock, monkeypatch)
    driven.run(*[nothing] * 40, lambda: setattr(fake, "snapshot", complete), *[nothing] * 20, step=1)
    # the interval is a minute
    assert fake.looks >= 4
    assert warnings(logged) == ["shop_db: Swarm gave up on 1 of 1 task (failed: boom)"]


def test_one_cycle_says_what_is_short(
    settings: Any, config_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    fake.snapshot = replace(fake.snapshot, tasks=())
    driven = Driven(fake, replace(settings, config_dir=config_dir), clock, monkeypatch)
    assert driven.loop.run_once() is True
    assert logged.sentences[-1] == (
        "warning no changes needed: the swarm matches the configuration, but services are short of tasks"
    )
    assert logged.entries[-1]["services"] == "shop_db"

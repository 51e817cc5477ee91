# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are short of tasks: in the headline, in the status, and in the log."""

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


def test_shortage_log_logs_a_reason_once(logged: Log, clock: Clock) -> None:
    shown = ShortageLog(clock)
    for _ in range(20):
        shown.log_new([short("web", FAILING, "No such image"), short("db", WAITING)])
        clock.now += 3
    assert len(warnings(logged)) == 2
    assert ends(logged) == []


def test_shortage_log_ignores_new_shortages(logged: Log, clock: Clock) -> None:
    shown = ShortageLog(clock)
    shown.log_new([short(code=STARTING, fresh=True)])
    shown.log_new([])
    assert not logged.entries


def test_shortage_log_logs_alternating_errors_once_each(logged: Log, clock: Clock) -> None:
    shown = ShortageLog(clock)
    for number in range(30):
        shown.log_new([short("web", FAILING, ("no image", "port is taken")[number % 2])])
        clock.now += 3
    assert len(warnings(logged)) == 2


@pytest.mark.parametrize("template", ["dial tcp: port {}", "process {} was killed", "pid {} and port {}"])
def test_shortage_log_ignores_changing_numbers(logged: Log, clock: Clock, template: str) -> None:
    shown = ShortageLog(clock)
    for number in range(30):
        shown.log_new([short("web", FAILING, template.format(40_000 + number, 50_000 - number))])
        clock.now += 3
    assert len(warnings(logged)) == 1


def test_shortage_log_limits_changing_reasons(logged: Log, clock: Clock) -> None:
    shown = ShortageLog(clock)
    for number in range(200):
        shown.log_new([short("web", FAILING, f"error {number}")])
        clock.now += 6
    assert len(warnings(logged)) <= 10


def test_shortage_log_logs_the_end_at_once_without_failures(logged: Log, clock: Clock) -> None:
    shown = ShortageLog(clock)
    shown.log_new([short(code=WAITING)])
    shown.log_new([])
    assert ends(logged) == ["web"]


def test_shortage_log_ignores_short_recoveries(logged: Log, clock: Clock) -> None:
    shown = ShortageLog(clock)
    for number in range(60):
        shown.log_new([short("web", FAILING, "exit code 1")] if number % 2 else [])
        clock.now += 5
    assert (len(warnings(logged)), ends(logged)) == (1, [])
    clock.now += STEADY_SECONDS
    shown.log_new([])
    shown.log_new([])
    assert ends(logged) == ["web"]


def test_headline_mentions_missing_tasks_without_changes() -> None:
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


def test_headline_mentions_changes_and_missing_tasks() -> None:
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


def test_status_store_keeps_the_start_of_a_shortage() -> None:
    now = [NOW]
    status = StatusStore(clock=lambda: now[0])
    alpha, web = node("alpha"), service("web")

    def observe(*tasks: Any) -> dict[str, Any]:
        status.observed(observation(snapshot=snapshot(alpha, web, *tasks), engine_time=now[0]), 0.1)
        (found,) = state_data(status.view())["services"]
        now[0] += 30
        return found

    assert observe(task("web", "alpha"))["problem"] is None
    failed = [
        task("web", "alpha", state="starting", created=now[0] - 2),
        task("web", "alpha", state="failed", desired_state="shutdown", created=now[0] - 20, error="boom"),
        task("web", "alpha", state="rejected", desired_state="shutdown", created=now[0] - 30, error="boom"),
    ]
    first = observe(*failed)
    assert "boom" in first["problem"]
    later = observe(*(replace(one, created=one.created + 30) for one in failed))
    assert later["short_since"] == first["short_since"]
    waiting = observe(task("web", None, state="pending", created=now[0] - 60))
    assert "although alpha is suitable" in waiting["problem"]
    assert observe(task("web", "alpha"))["problem"] is None
    assert status.view().short == ()


def test_loop_observes_sooner_while_tasks_are_missing(
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
    assert fake.observations >= 4
    assert [text.partition(":")[0] for text in warnings(logged)] == ["shop_db"]


def test_run_once_reports_shortages(
    settings: Any, config_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    fake.snapshot = replace(fake.snapshot, tasks=())
    driven = Driven(fake, replace(settings, config_dir=config_dir), clock, monkeypatch)
    assert driven.loop.run_once() is True
    last = logged.entries[-1]
    assert (last["level"], last["event"], last["services"]) == ("warning", "no changes needed", "shop_db")

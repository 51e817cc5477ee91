# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that balances memory, and the file with the rules."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import Outcome, StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import SetMove, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner import rebalance
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.jobs import JobError, Work
from orcastra_runner.rebalance import RebalanceFile, RebalanceJob
from tests.unit.orcastra_runner.conftest import Clock, Log

MOVE = PlaceService(
    service_id="id-app",
    name="app",
    purpose="move app from a to b",
    constraints=(),
    why=(Reason("saved_reason", text="a is short of memory"),),
)


class FakeSwarm:
    """Counts the requests."""

    def __init__(self) -> None:
        self.carried_out: list[Plan] = []
        self.error: str | None = None
        self.forgotten = 0

    def observe(self) -> Observation:
        return Observation(SwarmSnapshot(), State(), (), "", "", 0)

    def invalidate(self) -> None:
        self.forgotten += 1

    def carry_out(self, plan: Plan) -> Outcome:
        self.carried_out.append(plan)
        return Outcome(tuple(StepResult(step, changed=True, error=self.error) for step in plan.steps))


class Bench:
    """A job with a plan that the test sets."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.plan = Plan()
        self.error: Exception | None = None
        self.memory = Memory()
        self.swarm = FakeSwarm()
        self.playbooks: list[str] = []
        self.work = Work(swarm=self.swarm, desired=DesiredState(), run_playbook=self._run)  # type: ignore[arg-type]
        monkeypatch.setattr(rebalance.Meter, "measure", self._measure)
        monkeypatch.setattr(rebalance, "plan_rebalance", lambda *_arguments: self.plan)
        self.may_answer = threading.Event()
        self.may_answer.set()

    def _measure(self, _picture: SwarmSnapshot, _sources: MetricSources) -> Memory:
        assert self.may_answer.wait(20)
        if self.error is not None:
            raise self.error
        return self.memory

    def _run(self, name: str, _variables: Mapping[str, Any] = {}, /) -> PlaybookResult:
        self.playbooks.append(name)
        return PlaybookResult(name, "successful", 1.0)

    def job(self, *, in_process: bool = False) -> RebalanceJob:
        return RebalanceJob(RebalanceFile(self.path), in_process=in_process)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    path = tmp_path / "rebalance_config.yml"
    path.write_text("monitor_interval_seconds: 7\n")
    return Bench(path, monkeypatch)


def test_rebalance_job_moves_with_the_playbook(bench: Bench) -> None:
    bench.plan = Plan(steps=(MOVE,), requeue_after=5.0)
    job = bench.job()
    assert job.run(bench.work) is True
    assert (bench.playbooks, bench.swarm.carried_out, bench.swarm.forgotten) == (
        ["orcastra.swarm.rebalance"],
        [],
        1,
    )
    assert (job.interval, job.requeue_after) == (7, 5.0)
    bench.plan = Plan()
    assert job.run(bench.work) is False
    assert job.requeue_after is None


def test_rebalance_job_moves_in_process_in_event_mode(bench: Bench, logged: Log) -> None:
    bench.plan = Plan(steps=(MOVE,))
    assert bench.job(in_process=True).run(bench.work) is True
    assert (bench.playbooks, bench.swarm.carried_out) == ([], [bench.plan])
    assert logged.sentences == ["info done: move app from a to b"]
    assert [why["text"] for why in logged.entries[-1]["why"]] == ["a is short of memory"]


def test_rebalance_job_reports_failures(bench: Bench) -> None:
    bench.plan, bench.swarm.error = Plan(steps=(MOVE,)), "service app: it is gone"
    with pytest.raises(JobError, match="service app: it is gone"):
        bench.job(in_process=True).run(bench.work)


def test_rebalance_job_saves_the_state_without_a_playbook(bench: Bench) -> None:
    bench.plan = Plan(remember=(SetMove("x", None),))
    assert bench.job().run(bench.work) is False
    assert (bench.playbooks, bench.swarm.carried_out) == ([], [bench.plan])


def test_rebalance_job_does_not_wait_for_slow_measurements(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebalance, "TIMEOUT_SECONDS", 0.01)
    bench.plan = Plan(steps=(MOVE,))
    bench.may_answer.clear()
    job = bench.job()
    for _time in range(2):
        assert job.run(bench.work) is False
        assert job.requeue_after == 0.01
    bench.may_answer.set()
    monkeypatch.setattr(rebalance, "TIMEOUT_SECONDS", 20)
    assert job.run(bench.work) is True


@pytest.mark.parametrize("error", [OrcastraError("no library"), TimeoutError("late")])
def test_rebalance_job_reports_measurement_errors_each_time(bench: Bench, error: Exception) -> None:
    bench.error = error
    job = bench.job()
    for _time in range(2):
        with pytest.raises(type(error), match=str(error)):
            job.run(bench.work)


def test_rebalance_job_only_plans_in_a_dry_run(bench: Bench, logged: Log) -> None:
    bench.plan, bench.memory = Plan(steps=(MOVE,)), Memory(problems=("node a: no answer",))
    bench.work.dry_run = True
    job = bench.job(in_process=True)
    assert job.run(bench.work) is True
    assert job.run(bench.work) is True
    assert (bench.playbooks, bench.swarm.carried_out) == ([], [])
    assert logged.sentences.count("warning node a: no answer") == 1
    assert sum(MOVE.summary in sentence for sentence in logged.sentences) == 1


def test_rebalance_job_keeps_messages_during_a_measurement(
    bench: Bench, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.memory, bench.plan = (
        Memory(problems=("node a: no answer",)),
        Plan(notes=(Reason("saved_reason", text="b is full"),)),
    )
    status, job = bench.work.status, bench.job()

    def current() -> tuple[tuple[str, ...], tuple[str, ...]]:
        plan = status.view().plans["rebalance"]
        return tuple(map(str, plan.warnings)), tuple(map(str, plan.notes))

    for _time in range(3):
        monkeypatch.setattr(rebalance, "TIMEOUT_SECONDS", 20)
        bench.may_answer.set()
        job.run(bench.work)
        assert current() == (("node a: no answer",), ("b is full",))
        monkeypatch.setattr(rebalance, "TIMEOUT_SECONDS", 0.01)
        bench.may_answer.clear()
        job.run(bench.work)
        assert current() == (("node a: no answer",), ("b is full",))
    assert logged.sentences == ["warning node a: no answer", "info b is full"]
    bench.may_answer.set()
    bench.path.unlink()
    job = bench.job()
    job.run(bench.work)
    assert current() == ((), ())


def test_rebalance_job_without_file_does_nothing(bench: Bench) -> None:
    bench.plan = Plan(steps=(MOVE,))
    bench.path.unlink()
    job = bench.job()
    assert job.run(bench.work) is False
    for nothing in ("", "# nothing yet\n", "---\n"):
        bench.path.write_text(nothing)
        assert job.run(bench.work) is False
    bench.path.write_text("{}")
    assert job.run(bench.work) is True


@pytest.mark.parametrize("text", [None, "", "# gone\n", "---\n", "null\n"])
def test_rebalance_file_that_disappears_stays_in_effect(
    bench: Bench, logged: Log, clock: Clock, text: str | None
) -> None:
    bench.plan = Plan(steps=(MOVE,))
    file = RebalanceFile(bench.path, clock)
    job = RebalanceJob(file)
    assert job.run(bench.work) is True
    if text is None:
        bench.path.unlink()
    else:
        bench.path.write_text(text)
    for _time in range(3):
        clock.now += 60
        assert job.run(bench.work) is True
    assert job.interval == 7
    assert "rebalance configuration" in bench.work.status.view().problems
    assert sum("configuration missing" in sentence for sentence in logged.sentences) == 1
    assert len(file.accept_removals()) == 1
    assert job.run(bench.work) is False
    assert "rebalance configuration" not in bench.work.status.view().problems
    bench.path.write_text("monitor_interval_seconds: 8\n")
    assert job.run(bench.work) is True
    assert job.interval == 8


def test_rebalance_file_delays_removals_until_it_is_stable(bench: Bench, clock: Clock) -> None:
    bench.path.write_text("monitor_interval_seconds: 7\nservices: {db: {cooldown_minutes: 5}, web: {}}\n")
    file = RebalanceFile(bench.path, clock)
    bench.path.write_text("monitor_interval_seconds: 9\nservices: {web: {}, api: {}}\n")
    for seconds in (0, 5):
        clock.now += seconds
        file.refresh()
        assert set(file.rebalance.rules.services) == set(file.data["services"]) == {"db", "web", "api"}
        assert file.rebalance.interval_seconds == 9
    clock.now += 6
    file.refresh()
    assert set(file.rebalance.rules.services) == {"web", "api"}
    bench.path.write_text("{}")
    file.refresh()
    assert file.rebalance.interval_seconds == 9
    clock.now += 11
    file.refresh()
    assert (file.rebalance.interval_seconds, file.rebalance.rules.services) == (30, {})
    assert file.is_present


def test_rebalance_file_removes_nothing_if_truncated(bench: Bench, clock: Clock) -> None:
    text = "monitor_interval_seconds: 70\nservices:\n  db:\n    cooldown_minutes: 50\n  web:\n"
    bench.path.write_text(text)
    file = RebalanceFile(bench.path, clock)
    before = file.rebalance
    for length in range(len(text)):
        bench.path.write_text(text[:length])
        clock.now += 1
        file.refresh()
        assert file.rebalance == before


def test_rebalance_job_completes_moves_without_file_and_measurement(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = Plan(steps=(MOVE,), requeue_after=5.0)
    monkeypatch.setattr(rebalance, "plan_moves_under_way", lambda *_arguments: ending)
    monkeypatch.setattr(rebalance, "TIMEOUT_SECONDS", 0.01)
    bench.may_answer.clear()
    job = bench.job()
    assert job.run(bench.work) is True
    assert job.requeue_after == 0.01
    bench.path.unlink()
    job = bench.job()
    assert job.run(bench.work) is True
    # the playbook would measure, and start other moves
    assert (bench.playbooks, bench.swarm.carried_out) == ([], [ending, ending])
    assert (bench.swarm.forgotten, job.requeue_after) == (2, 5.0)
    bench.may_answer.set()


def test_rebalance_file_uses_valid_changes_only(bench: Bench, logged: Log) -> None:
    job = bench.job()
    bench.path.write_text("monitor_interval_seconds: 9\n")
    os.utime(bench.path, ns=(1, 1))
    job.run(bench.work)
    assert job.interval == 9
    bench.path.write_text("monitor_interval_seconds: often\n")
    for _time in range(2):
        job.run(bench.work)
    assert job.interval == 9
    problem = "monitor_interval_seconds: expected a number of seconds, 1 to 86400, found 'often'"
    assert logged.sentences == [
        "info configuration changed",
        f"error configuration rejected: {bench.path}:1: {problem}",
        "error keeping the previous configuration",
    ]


def test_rebalance_file_invalid_at_the_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text("servces: {}\n")
    with pytest.raises(ConfigError, match="did you mean 'services'"):
        RebalanceFile(tmp_path / "r.yml")

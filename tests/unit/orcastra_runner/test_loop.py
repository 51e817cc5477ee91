# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop: which instance acts, errors, reloading. No test waits for a real interval."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import CommandRecord, Move, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NoLeader,
    NotAManager,
)
from orcastra_runner.configuration import Configuration
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.jobs import Job, JobError, SyncJob, Work
from orcastra_runner.loop import LONGEST_CYCLE_SECONDS, ONCE_WAIT_SECONDS, Loop
from orcastra_runner.settings import Settings
from orcastra_runner.signals import STOP, SYNC, Signals
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.fakes import FakeSwarm, failed, three_nodes, work_on


class OtherJob:
    """Counts its runs, and fails while it has errors to raise."""

    name = "other"
    interval = 60.0
    starts_late = False
    requeue_after: float | None = None

    def __init__(self) -> None:
        self.runs = 0
        self.errors: list[Exception] = []

    def run(self, work: Work) -> bool:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        return False


class Driven:
    """A loop whose waiting is simulated: each wait moves the clock and calls the next action."""

    def __init__(
        self,
        fake: FakeSwarm,
        settings: Settings,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        *,
        jobs: list[Job] | None = None,
        acts_anywhere: bool = False,
        dry_run: bool = False,
        leader_watch: Any = None,
    ) -> None:
        self.fake, self.clock = fake, clock
        self.configuration = Configuration(settings, clock)
        self.signals = Signals(clock)
        self.work = work_on(fake, self.configuration.desired, monkeypatch, dry_run=dry_run)
        self.loop = Loop(
            jobs or [SyncJob(60, 600)],
            self.work,
            self.configuration,
            self.signals,
            acts_anywhere=acts_anywhere,
            leader_watch=leader_watch,
            clock=clock,
        )
        self._monkeypatch = monkeypatch

    def run(self, *actions: Callable[[], object], step: float = 60.0) -> None:
        """Run one iteration for each action, which happens while the loop waits; then stop."""
        pending = list(actions)
        inbox = self.signals.inbox

        class Inbox:
            def get(_self, timeout: float) -> str:  # noqa: N805
                assert 0 < timeout <= 1
                self.clock.now += step
                if not pending:
                    self.signals._stop(signal.SIGTERM, None)
                else:
                    pending.pop(0)()
                return inbox.get(timeout=0)

            def put(_self, message: str) -> None:  # noqa: N805
                inbox.put(message)

        self._monkeypatch.setattr(self.signals, "inbox", Inbox())
        self.loop.run()


@pytest.fixture
def here(settings: Settings, config_dir: Path) -> Settings:
    return replace(settings, config_dir=config_dir)


def nothing() -> None:
    """Only let time pass."""


def test_loop_restores_a_lost_label(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    driven = Driven(fake, here, clock, monkeypatch)
    driven.run(nothing, lambda: fake.label("alpha"), nothing)
    assert fake.labels_of("alpha") == {"ssd": "true"}
    assert len(fake.playbooks) == 2
    assert "acting" in logged.events
    assert logged.sentences[-1] == "info stopping"
    assert logged.entries[-1]["signal"] == "SIGTERM"


def test_loop_only_observes_in_quiet_cycles(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    Driven(fake, here, clock, monkeypatch).run(*[nothing] * 5)
    assert (fake.observations, fake.playbooks, len(fake.engines)) == (6, [], 1)
    assert logged.events == ["acting", "stopping"]


def test_loop_waits_for_the_interval(here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    Driven(fake, here, clock, monkeypatch).run(*[nothing] * 59, step=1)
    assert fake.observations == 1


def test_loop_acts_only_on_the_leader_and_logs_changes(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.local = "bravo"
    driven = Driven(fake, here, clock, monkeypatch)
    driven.run(
        nothing, lambda: fake.lead(None), lambda: fake.lead("bravo"), nothing, lambda: fake.lead("charlie")
    )
    assert len(fake.playbooks) == 1
    roles = [entry for entry in logged.entries if entry["event"] in ("acting", "standing by")]
    assert [entry["event"] for entry in roles] == ["standing by", "standing by", "acting", "standing by"]
    assert [entry["summary"].rpartition(" ")[2] for entry in roles] == [
        "alpha",
        "leader",
        "leader",
        "charlie",
    ]


class Watch:
    """Records the calls to the leader watch."""

    def __init__(self) -> None:
        self.calls: list[str | None] = []

    def stand_by(self, node_id: str) -> None:
        self.calls.append(node_id)

    def rest(self) -> None:
        self.calls.append(None)


def test_loop_acts_at_once_when_it_becomes_the_leader(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = three_nodes()
    fake.local = "bravo"
    watch = Watch()
    driven = Driven(fake, here, clock, monkeypatch, leader_watch=watch)

    def lose_the_leader() -> None:
        fake.errors = [NoLeader("no leader")]
        driven.signals.sync()

    def win() -> None:
        fake.lead("bravo")
        driven.signals.lead()

    # after a failed observation, the next one would follow about 5 seconds later
    driven.run(lose_the_leader, win, nothing, step=1)
    assert fake.labels_of("alpha") == {"ssd": "true"}
    assert watch.calls == ["id-bravo", None]


def test_loop_with_acts_anywhere_ignores_the_leader(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = three_nodes()
    fake.local = "bravo"
    Driven(fake, here, clock, monkeypatch, acts_anywhere=True).run()
    assert fake.labels_of("alpha") == {"ssd": "true"}


def test_loop_logs_an_unreachable_engine_once_and_backs_off(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    fake.errors = [EngineUnreachable("no answer")] * 4
    Driven(fake, here, clock, monkeypatch).run(*[nothing] * 200, step=1)
    assert logged.sentences[0] == "error no answer"
    events = logged.events
    assert events == ["problem", "problem resolved", "acting", "stopping"]
    # at 0, about 5, 15, 35 and 75 seconds, then every 60
    assert 6 <= fake.observations <= 8


def test_loop_on_a_worker_does_not_back_off(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    fake.errors = [NotAManager("expected a manager, found a worker")] * 5
    Driven(fake, here, clock, monkeypatch).run(*[nothing] * 6)
    assert fake.observations == 7
    assert logged.events[:2] == ["problem", "problem resolved"]
    assert logged.entries[0]["level"] == "warning"


@pytest.mark.parametrize("error", [JobError("no way"), ZeroDivisionError("by zero")])
def test_loop_continues_after_a_failed_job(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log, error: Exception
) -> None:
    fake = three_nodes()
    other = OtherJob()
    other.errors = [error, error]
    Driven(fake, here, clock, monkeypatch, jobs=[other, SyncJob(60, 600)]).run(*[nothing] * 3)
    assert fake.labels_of("alpha") == {"ssd": "true"}
    assert other.runs == 4
    problems = [sentence for sentence in logged.sentences if "no way" in sentence or "by zero" in sentence]
    assert len(problems) == 1
    assert "info problem resolved: job other" in logged.sentences


def test_loop_logs_a_failing_playbook_once(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.results = [failed("p", "the engine refused")] * 3
    Driven(fake, here, clock, monkeypatch).run(*[nothing] * 4)
    assert len([s for s in logged.sentences if "the engine refused" in s]) == 1
    assert len([s for s in logged.sentences if s.startswith("info planned")]) == 1
    assert fake.labels_of("alpha") == {"ssd": "true"}
    assert "info problem resolved: job sync" in logged.sentences


def test_loop_syncs_on_sighup(here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    driven = Driven(fake, here, clock, monkeypatch)

    def lose_and_ask() -> None:
        fake.label("alpha")
        driven.signals._sync(signal.SIGHUP, None)

    driven.run(lose_and_ask, nothing, step=1)
    assert len(fake.playbooks) == 2
    assert fake.labels_of("alpha") == {"ssd": "true"}


def test_loop_uses_a_changed_configuration(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    path = here.config_dir / "swarm.yml"
    driven = Driven(fake, here, clock, monkeypatch)
    change = lambda: path.write_text("nodes: {bravo: {labels: [hdd]}}\n")  # noqa: E731
    driven.run(change, nothing, nothing, step=1)
    # removals wait until the file is stable
    assert (fake.labels_of("alpha"), fake.labels_of("bravo")) == ({"ssd": "true"}, {"hdd": "true"})
    driven = Driven(fake, here, clock, monkeypatch)
    driven.run(nothing, nothing, step=1)
    assert (fake.labels_of("alpha"), fake.labels_of("bravo")) == ({}, {"hdd": "true"})
    changed = next(entry for entry in logged.entries if entry["event"] == "configuration changed")
    assert changed["changes"] == "node bravo added"


def test_loop_rejects_an_invalid_configuration_with_all_errors(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    path = here.config_dir / "swarm.yml"
    driven = Driven(fake, here, clock, monkeypatch)
    driven.run(
        lambda: path.write_text("nodes: {alpha: {labels: 3}}\nfoo: 1\n"),
        nothing,
        lambda: fake.label("alpha"),
        *[nothing] * 60,
        step=1,
    )
    refused = [s for s in logged.sentences if s.startswith("error configuration rejected")]
    assert len(refused) == 2
    assert f"{path}:1: nodes.alpha.labels: expected" in refused[0]
    assert "error keeping the previous configuration" in logged.sentences
    assert fake.labels_of("alpha") == {"ssd": "true"}


def replaced(path: Path, text: str | None) -> Callable[[], object]:
    """Write a file again, or remove it."""
    return (lambda: path.write_text(text)) if text is not None else path.unlink


@pytest.mark.parametrize("text", [None, "", "---\n", "# nothing\n", "leader: alpha\n"])
def test_loop_keeps_a_configuration_that_disappears(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log, text: str | None
) -> None:
    fake = three_nodes()
    path = here.config_dir / "swarm.yml"
    driven = Driven(fake, here, clock, monkeypatch)
    seen: list[object] = []
    driven.run(
        replaced(path, text),
        *[nothing] * 70,
        lambda: seen.append(driven.work.status.view().problems["configuration"].topic),
        driven.signals.sync,
        *[nothing] * 20,
        step=1,
    )
    assert fake.labels_of("alpha") == {"ssd": "true"}
    assert seen == ["configuration"]
    missing = [entry for entry in logged.entries if entry["event"] == "configuration missing"]
    assert len(missing) == 1
    assert "accept_removals" in missing[0]["summary"]


def test_loop_resolves_the_problem_of_a_missing_configuration(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = three_nodes()
    path = here.config_dir / "swarm.yml"
    text = path.read_text()
    driven = Driven(fake, here, clock, monkeypatch)
    driven.run(replaced(path, None), *[nothing] * 5, replaced(path, text), *[nothing] * 5, step=1)
    assert "configuration" not in driven.work.status.view().problems


def accepted(fake: FakeSwarm, key: str, instance: str) -> None:
    record = CommandRecord("accept_removals", "shell", "alpha", instance, 1000.0, status="running")
    fake.state = replace(fake.state, commands={**fake.state.commands, key: record})


def test_loop_accepts_removals_of_another_process(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = three_nodes()
    accepted(fake, "shell:old", "long ago")
    path = here.config_dir / "swarm.yml"
    path.write_text(path.read_text() + "dependencies: {db: [web]}\n")
    driven = Driven(fake, here, clock, monkeypatch)
    calls: list[tuple[str, ...]] = []
    driven.work.accept_removals = lambda: calls.append(driven.configuration.accept_removals()) or ()  # type: ignore[func-returns-value]
    driven.work.acceptances.add("our own")
    driven.run(
        replaced(path, "nodes: {alpha: {labels: [ssd]}}\n"),
        *[nothing] * 70,
        lambda: accepted(fake, "id:own", "our own"),
        *[nothing] * 70,
        lambda: calls.append(("before",)),
        lambda: accepted(fake, "shell:new", "another"),
        *[nothing] * 70,
        step=1,
    )
    # neither older removals nor this process's own count
    assert calls[0] == ("before",)
    assert len(calls) == 2
    assert driven.configuration.desired.dependencies == {}


def test_loop_starts_no_job_after_a_stop_request(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = three_nodes()
    other = OtherJob()
    driven = Driven(fake, here, clock, monkeypatch, jobs=[SyncJob(60, 600), other])
    real = driven.work.run_playbook

    def stop_meanwhile(name: str) -> PlaybookResult:
        driven.signals._stop(signal.SIGTERM, None)
        return real(name)

    driven.work.run_playbook = stop_meanwhile
    driven.run()
    assert (len(fake.playbooks), other.runs) == (1, 0)


def test_run_once_logs_all_changes(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    assert Driven(fake, here, clock, monkeypatch).loop.run_once() is True
    first = logged.entries[1]
    assert (first["event"], first["nodes"], first["ready_nodes"]) == ("cycle started", 3, 3)
    assert "info done: set ssd=true on node alpha" in logged.sentences
    logged.clear()
    assert Driven(fake, here, clock, monkeypatch).loop.run_once() is True
    assert logged.entries[-1]["event"] == "no changes needed"
    assert len(fake.playbooks) == 1


def test_run_once_changes_nothing_in_a_dry_run(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    assert Driven(fake, here, clock, monkeypatch, dry_run=True).loop.run_once() is True
    assert fake.playbooks == []
    assert logged.events[-2:] == ["planned", "dry run finished"]


def test_run_once_does_nothing_on_standby(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    fake.local = "bravo"
    loop = Driven(fake, here, clock, monkeypatch).loop
    assert (loop.run_once(), loop.left_to_another) == (True, True)
    assert fake.playbooks == []
    assert logged.sentences[-1].startswith("warning nothing done")
    assert (logged.entries[-1]["node"], logged.entries[-1]["leader"]) == ("bravo", "alpha")


@pytest.mark.parametrize("error", [EngineUnreachable("no answer"), NotAManager("a worker")])
def test_run_once_fails_without_an_engine(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log, error: Exception
) -> None:
    fake = three_nodes()
    fake.errors = [error]
    assert Driven(fake, here, clock, monkeypatch).loop.run_once() is False
    assert str(error) in logged.sentences[-2]
    assert logged.events[-1] == "cycle failed"


def test_run_once_fails_with_a_failed_job_but_runs_the_others(
    here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = three_nodes()
    other = OtherJob()
    other.errors = [JobError("no way")]
    assert Driven(fake, here, clock, monkeypatch, jobs=[other, SyncJob(60, 600)]).loop.run_once() is False
    assert fake.labels_of("alpha") == {"ssd": "true"}


class WaitingJob:
    """Wants to run again each second, and takes one step for each entry of the test."""

    name = "sync"
    interval = 60.0
    starts_late = False

    def __init__(self, requeue_after: float = 1.0, steps: Callable[[int], str | None] = lambda _run: None):
        self.requeue_after: float | None = requeue_after
        self.runs = 0
        self._steps = steps

    def run(self, work: Work) -> bool:
        what = self._steps(self.runs)
        self.runs += 1
        work.status.planned(
            self.name,
            Plan(notes=(Reason("saved_reason", text="shop_app waits"),), requeue_after=self.requeue_after),
        )
        if what is not None:
            work.status.playbook_stepped(self.name, {"summary": what, "action": "restart_service"}, None)
        return what is not None


@pytest.fixture
def once(here: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., float]:
    """Run one cycle with a job. Returns its duration in seconds, by a clock that waiting moves."""

    def run(job: Job, fake: FakeSwarm | None = None, **options: float) -> float:
        driven = Driven(fake or three_nodes(), here, clock, monkeypatch, jobs=[job])
        driven.loop._once_wait_seconds = options.get("wait", ONCE_WAIT_SECONDS)

        class Inbox:
            def get(_self, timeout: float) -> str:  # noqa: N805
                clock.now += timeout
                raise queue.Empty

        monkeypatch.setattr(driven.signals, "inbox", Inbox())
        started = clock.now
        assert driven.loop.run_once() is True
        return clock.now - started

    return run


def test_run_once_ends_despite_work_that_never_finishes(once: Callable[..., float], logged: Log) -> None:
    assert 50 <= once(WaitingJob()) <= 60
    left = [entry for entry in logged.entries if entry["event"] == "left for the next run"]
    assert [(entry["job"], entry["summary"]["text"]) for entry in left] == [("sync", "shop_app waits")]


@pytest.mark.parametrize("wait", [0.0, 5.0, 400.0])
def test_run_once_waits_as_configured(once: Callable[..., float], wait: float) -> None:
    assert wait - 2 <= once(WaitingJob(), wait=wait) <= wait


def test_run_once_logs_a_wait_again_only_after_progress(once: Callable[..., float], logged: Log) -> None:
    once(WaitingJob(steps=lambda run: "move service" if run == 40 else None))
    waits = [entry for entry in logged.entries if entry["event"] == "waiting for work in progress"]
    assert [entry["at_most_seconds"] for entry in waits] == [60, 60]


def test_run_once_does_not_count_retries_as_progress(once: Callable[..., float]) -> None:
    assert once(WaitingJob(steps=lambda run: "restart shop_bad" if run % 3 else None)) <= 62


def test_run_once_continues_while_there_is_progress(once: Callable[..., float]) -> None:
    job = WaitingJob(steps=lambda run: f"move service {run}" if run % 40 == 0 and run <= 80 else None)
    assert 130 <= once(job) <= 150


def test_run_once_ends_after_five_minutes(once: Callable[..., float]) -> None:
    assert 290 <= once(WaitingJob(steps=lambda run: f"move service {run}")) <= LONGEST_CYCLE_SECONDS


def test_run_once_waits_for_services_scaled_to_0(once: Callable[..., float]) -> None:
    fake = three_nodes()
    fake.state = State(moves={"id-shop_db": Move("db", ("id-alpha",), 0.0, replicas=1)})
    assert 290 <= once(WaitingJob(), fake) <= LONGEST_CYCLE_SECONDS


def test_run_once_does_not_wait_for_a_distant_retry(once: Callable[..., float], logged: Log) -> None:
    assert once(WaitingJob(requeue_after=10.0)) == 0
    assert "left for the next run" in {entry["event"] for entry in logged.entries}


def test_signals_put_messages_into_the_inbox() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    signals = Signals()
    try:
        signals.install()
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.inbox.get(timeout=5) == SYNC
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.inbox.get(timeout=5) == STOP
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert signals.stop_requested
    assert signals.name == "SIGTERM"

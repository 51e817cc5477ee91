# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of this instance, for the page, the API and the metrics.

The loop and the node's own jobs report their observations, plans and actions here; ``view`` returns all of
it as one immutable value. Any thread may write and read; nothing here blocks except on its own lock.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import ModOutcome, Refreshing
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, text_of
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import CommandRecord
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import shortages
from orcastra_runner.heartbeat import STUCK_SECONDS, Heartbeat
from orcastra_runner.metrics import Metrics
from orcastra_runner.notify.events import Events

# Number of actions to keep for the page.
HISTORY = 200

DONE = "done"
FAILED = "failed"

SERVICE_STEPS = ("place_service", "scale_service", "restart_service", "resume_update", "roll_back")


@dataclass(frozen=True, slots=True)
class Action:
    """An action, successful or not, that ``job`` ended at ``ended_at`` (seconds since the epoch)."""

    ended_at: float
    job: str
    summary: str
    result: str
    why: tuple[Mapping[str, Any], ...] = ()
    why_not: tuple[Mapping[str, Any], ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job. Times are seconds since the epoch; ``seconds`` is the duration of its last run."""

    name: str
    interval: float
    started_at: float | None = None
    is_running: bool = False
    ended_at: float | None = None
    seconds: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class OpenProblem:
    """A problem that has existed since ``since`` (seconds since the epoch)."""

    topic: str
    text: str
    since: float


@dataclass(frozen=True)
class View:
    """The whole status at one moment. ``version`` changes with each update.

    ``role``: whether the instance is active, and the reason, as text; ``plans``: the last plan of each job.
    ``observed_at``: when the swarm was last observed; ``answers``: whether the engine answered the last
    request, even if it is not a manager's engine. ``mods``: the result for each mod of the last refresh, at
    ``refreshed_at``. ``short``: the services that were short of tasks at the last observation; their
    ``since`` is when that began. ``read_only``: there is no configuration, so this instance changes nothing.
    ``peers``: the URLs of other instances. All times are seconds since the epoch.
    """

    version: int = 0
    started_at: float = 0.0
    dry_run: bool = False
    read_only: bool = False
    peers: tuple[str, ...] = ()
    seen: Observation | None = None
    short: tuple[Shortage, ...] = ()
    observed_at: float | None = None
    role: str = "starting"
    acts: bool = False
    answers: bool = False
    desired: DesiredState = field(default_factory=DesiredState)
    memory: Memory | None = None
    measured_at: float | None = None
    plans: Mapping[str, Plan] = field(default_factory=dict)
    jobs: Mapping[str, JobState] = field(default_factory=dict)
    problems: Mapping[str, OpenProblem] = field(default_factory=dict)
    history: tuple[Action, ...] = ()
    mods: tuple[ModOutcome, ...] = ()
    refreshed_at: float | None = None


def command_summary(record: CommandRecord) -> str:
    """Return a finished command as one line."""
    is_done = record.status == DONE
    return f"command {record.command}{f': {record.message}' if is_done and record.message else ''}"


class StatusStore:
    """Collects the status."""

    def __init__(
        self,
        *,
        dry_run: bool = False,
        read_only: bool = False,
        peers: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """``clock`` returns seconds since the epoch, ``monotonic`` monotonic seconds.

        ``heartbeat`` shows other processes on this host that the loop is alive.
        """
        self.metrics = Metrics()
        self.events = Events()
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._beat_at = monotonic()
        self._heartbeat = heartbeat
        self._view = View(started_at=clock(), dry_run=dry_run, read_only=read_only, peers=peers)
        self._history: deque[Action] = deque(maxlen=HISTORY)
        self.metrics.dry_run.set(dry_run)

    def view(self) -> View:
        """Return the current status."""
        with self._lock:
            return self._view

    def heartbeat(self) -> None:
        """Note that the loop began another iteration, or is still waiting for a playbook."""
        self._beat_at = self._monotonic()
        if self._heartbeat is not None:
            self._heartbeat.beat()

    def seconds_since_heartbeat(self) -> float:
        return self._monotonic() - self._beat_at

    def is_stuck(self) -> bool:
        """Whether the last iteration of the loop began too long ago."""
        return self.seconds_since_heartbeat() > STUCK_SECONDS

    def configured(self, desired: DesiredState) -> None:
        """Note the configuration in effect."""
        self._change(desired=desired)

    def observed(self, seen: Observation, seconds: float) -> None:
        """Note an observation of the swarm, which took ``seconds``."""
        short = self._short(seen)
        self._change(seen=seen, short=short, observed_at=self._clock(), answers=True)
        self.metrics.observed(seen, seconds, missing=sum(one.expected - one.running for one in short))

    def _short(self, seen: Observation) -> tuple[Shortage, ...]:
        """Return the services that are short of tasks, with the time of the first observation of that."""
        began = {one.service: one.since for one in self.view().short}
        found = shortages(seen.snapshot, seen.engine_time or self._clock())
        return tuple(replace(one, since=min(one.since, began.get(one.service, one.since))) for one in found)

    def observation_failed(self, role: str, *, answers: bool) -> None:
        """Note a failed observation: the engine is not a manager's (it ``answers``), or does not answer."""
        self._change(role=role, acts=False, plans={}, answers=answers)
        self.metrics.leads(leads=False, acts=False)

    def decided(self, role: str, *, leads: bool, acts: bool) -> None:
        """Note whether this instance is active; ``role`` includes the reason."""
        self._change(role=role, acts=acts, **({} if acts else {"plans": {}}))
        self.metrics.leads(leads=leads, acts=acts)

    def measured(self, memory: Memory) -> None:
        self._change(memory=memory, measured_at=self._clock())

    def planned(self, job: str, plan: Plan) -> None:
        with self._lock:
            plans = {**self._view.plans, job: plan}
        self._change(plans=plans)
        self.metrics.planned(job, plan)

    def refreshed(self, done: Refreshing) -> None:
        """Note the result of a refresh of this node's mods."""
        self.metrics.refreshed(done)
        self._change(mods=done.mods, refreshed_at=self._clock())
        self.events.refreshed(self._clock(), done.mods)

    def problem(self, topic: str, text: str | None) -> None:
        """Note a problem; None if it is resolved."""
        with self._lock:
            problems = dict(self._view.problems)
        before = problems.pop(topic, None)
        if text is not None:
            since = self._clock() if before is None else before.since
            problems[topic] = OpenProblem(topic, text, since)
        elif before is None:
            return
        self._change(problems=problems)
        self.metrics.problems.set(len(problems))

    def job_began(self, name: str, interval: float) -> None:
        with self._lock:
            job = self._view.jobs.get(name, JobState(name, interval))
            job = replace(job, interval=interval, started_at=self._clock(), is_running=True)
            self._replace(jobs={**self._view.jobs, name: job})

    def job_ended(self, name: str, seconds: float, *, ok: bool, acted: bool = False) -> None:
        """Note the end of a run of a job, which took ``seconds``; ``acted``: there was something to do."""
        with self._lock:
            now = self._clock()
            job = self._view.jobs[name]
            failures = 0 if ok else job.failures + 1
            job = replace(job, is_running=False, ended_at=now, seconds=seconds, failures=failures)
            self._replace(jobs={**self._view.jobs, name: job})
        self.metrics.job_ended(name, seconds, now=now, failures=failures, acted=acted)

    def stepped(self, job: str, result: StepResult) -> None:
        """Note the result of a step. A step that turned out to be unnecessary is not recorded."""
        if result.error is None and not result.changed:
            return
        outcome = DONE if result.error is None else FAILED
        step = result.step
        why, why_not = (tuple(map(Reason.to_data, given)) for given in (step.why, step.why_not))
        self._add(Action(self._clock(), job, step.summary, outcome, why, why_not, result.error))
        self._count(job, step.action, outcome, step)
        self.events.stepped(self._clock(), job, step.summary, map(str, step.why), result.error, step)

    def playbook_stepped(self, job: str, result: Mapping[str, Any], step: Step | None) -> None:
        """Note a step that a playbook carried out; ``step`` is the same step as planned here, if it was."""
        why, why_not = tuple(result.get("why") or ()), tuple(result.get("why_not") or ())
        self._add(Action(self._clock(), job, str(result.get("summary")), DONE, why, why_not))
        self._count(job, str(result.get("action")), DONE, step)
        reasons = [text_of(reason) for reason in why]
        self.events.stepped(self._clock(), job, str(result.get("summary")), reasons, None, step)

    def gave_up_healing(self, reasons: Iterable[Reason]) -> None:
        """Note the containers that are no longer healed."""
        self.events.gave_up_healing(self._clock(), reasons)

    def commanded(self, record: CommandRecord) -> None:
        """Note the end of a command."""
        why = (Reason("command_requested", source=record.source).to_data(),)
        error = None if record.status == DONE else record.message
        summary = command_summary(record)
        self._add(Action(self._clock(), "commands", summary, record.status, why, error=error))
        self.metrics.commands.labels(record.command.split(" ", 1)[0], record.status).inc()

    def _add(self, action: Action) -> None:
        with self._lock:
            self._history.appendleft(action)
            self._replace(history=tuple(self._history))

    def _count(self, job: str, action: str, outcome: str, step: Step | None) -> None:
        self.metrics.steps.labels(action, outcome).inc()
        if outcome != DONE:
            return
        if isinstance(step, LabelNode):
            anchors = {dependency.label for dependency in self.view().desired.dependencies.values()}
            if any(change.key in anchors for change in step.changes):
                self.metrics.anchor_updates.inc()
        if job in ("sync", "resync") and action in SERVICE_STEPS:
            self.metrics.dependent_updates.inc()

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self._replace(**changes)

    def _replace(self, **changes: Any) -> None:
        self._view = replace(self._view, version=self._view.version + 1, **changes)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop: runs the jobs that are due, then waits for the next job, a signal or a changed file.

A job that fails never stops the others. Only the instance whose own engine is the swarm leader acts, so that
Raft elects the active instance together with the leader.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Sequence

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotAManager
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import watched_services
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import requeue_after
from orcastra_runner.command.file import CommandFile
from orcastra_runner.configuration import Configuration
from orcastra_runner.hints import CONNECTION_ERRORS, DOCTOR_HINT
from orcastra_runner.jobs import AS_CONFIGURED, AS_CONFIGURED_BUT_SHORT, Job, Work
from orcastra_runner.leadership import LeaderWatch
from orcastra_runner.log import get_logger
from orcastra_runner.reload import Reloader
from orcastra_runner.report import counts
from orcastra_runner.scheduler import Scheduler
from orcastra_runner.shortages import ShortageLog, names
from orcastra_runner.signals import COMMAND, EVENT, LEAD, STOP, SYNC, Signals, StopNow
from orcastra_runner.swarm import leader_of, node_name
from orcastra_runner.watch import Watcher

# Interval of the check for changed configuration files, in seconds: one stat() per file.
FILE_CHECK_SECONDS = 1.0

# Events come in bursts. The loop waits this long after the first one, and this long between two observations.
DEBOUNCE_SECONDS = 0.1
EVENT_GAP_SECONDS = 0.5

# A single cycle finishes the work that it started. It ends once it has achieved nothing new for
# ONCE_WAIT_SECONDS, and after LONGEST_CYCLE_SECONDS in any case.
FOLLOW_UP_SECONDS = 5.0
ONCE_WAIT_SECONDS = 60.0
LONGEST_CYCLE_SECONDS = 300.0

log = get_logger()


class Loop:
    """Runs jobs until it is asked to stop."""

    def __init__(
        self,
        jobs: Sequence[Job],
        work: Work,
        configuration: Configuration,
        signals: Signals,
        *,
        acts_anywhere: bool = False,
        debug: bool = False,
        watcher: Watcher | None = None,
        command_file: CommandFile | None = None,
        leader_watch: LeaderWatch | None = None,
        once_wait_seconds: float = ONCE_WAIT_SECONDS,
        scheduler: Scheduler | None = None,
        is_over: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``acts_anywhere``: act whichever engine is the leader. ``clock`` returns monotonic seconds.

        ``watcher`` and ``leader_watch`` wake the loop through the inbox of ``signals``. A change of
        ``command_file`` makes the job ``commands`` due. ``once_wait_seconds``: how long ``run_once`` waits
        without progress. ``is_over`` ends ``run`` without a signal.
        """
        self._jobs = {job.name: job for job in jobs}
        self._work = work
        self._files = Reloader(configuration, work, self._configuration_changed)
        self._signals = signals
        self._acts_anywhere = acts_anywhere
        self._watcher = watcher
        self._command_file = command_file
        self._leader_watch = leader_watch
        self._once_wait_seconds = once_wait_seconds
        self._is_over = is_over
        self._observed_at = -EVENT_GAP_SECONDS
        self._clock = clock
        self._status = work.status
        self._status.configured(work.desired)
        self._scheduler = scheduler or Scheduler(work.status, clock, debug=debug)
        self._schedule = self._scheduler.schedule
        self._problems = self._scheduler.problems
        self._shortages = ShortageLog(clock)
        self._role: str | None = None
        self.left_to_another = False
        """Whether ``run_once`` did nothing because another instance is active."""

    def run(self) -> None:
        """Loop until a signal ends it, or it is over."""
        now = self._clock()
        for job in self._jobs.values():
            self._schedule.add(job.name, job.interval, now + (job.interval if job.starts_late else 0))
        try:
            while not self._signals.stop_requested:
                if self._is_over():
                    return
                self._status.heartbeat()
                self.run_due()
                self._wait()
        except StopNow:
            pass
        log.info("stopping", signal=self._signals.name)

    def run_once(self) -> bool:
        """Run one cycle: all jobs that do not start late. Returns whether it succeeded."""
        try:
            seen = self._observe()
            log.info("cycle started", **counts(seen))
            if not self._may_act(seen):
                self.left_to_another = True
                log.warning(
                    "nothing done",
                    summary="only the instance on the leader acts (see ORCASTRA_LEADER)",
                    node=node_name(seen),
                    leader=leader_of(seen),
                )
                return True
            return self._run_until_finished([job for job in self._jobs.values() if not job.starts_late])
        except OrcastraError as error:
            if isinstance(error, CONNECTION_ERRORS):
                log.error("cycle failed", summary=DOCTOR_HINT)  # noqa: TRY400 - the error was reported
            return False
        except StopNow:
            log.info("stopping", signal=self._signals.name)
            return False

    def _configuration_changed(self) -> None:
        self._schedule.trigger(self._clock())

    def run_due(self) -> None:
        """Run the jobs that are due now, if this instance is active."""
        due = self._schedule.due(self._clock())
        if not due:
            return
        self._work.swarm.invalidate()
        self._observed_at = self._clock()
        is_reachable, acts = True, False
        try:
            seen = self._observe()
            self._files.observed(seen)
            acts = self._may_act(seen)
            if self._watcher is not None:
                watched = watched_services(seen.snapshot, self._work.desired) if acts else frozenset()
                self._watcher.follow(seen, watched)
        except NotAManager:
            # It may be promoted. Asking costs one request, so there is no need to back off.
            if self._watcher is not None:
                self._watcher.rest()
        except OrcastraError:
            is_reachable = False
        for name in due:
            if self._signals.stop_requested:
                return
            if not is_reachable or (acts and self._run(self._jobs[name]) is None):
                delay = self._schedule.failed(name, self._clock())
                log.debug("retry scheduled", job=name, seconds=round(delay, 1))
            else:
                # counted from the observation that jobs with the same interval share, so that they keep
                # sharing it
                self._schedule.succeeded(name, self._observed_at, self._jobs[name].interval)
                again = self._jobs[name].requeue_after
                if acts and again is not None:
                    self._schedule.hasten(name, self._clock() + again)
        if acts:
            self._report_shortages()
            log.debug("reconciliation finished", jobs=", ".join(due))

    def _report_shortages(self) -> None:
        """Log the services that are short of tasks, and observe again soon: most tasks start without an
        event.
        """
        short = self._status.view().short
        self._shortages.log_new(short)
        seconds = requeue_after(short)
        if seconds is not None and "sync" in self._jobs:
            self._schedule.hasten("sync", self._clock() + seconds)

    def _run_until_finished(self, jobs: Sequence[Job]) -> bool:
        """Run the jobs, and repeat those with work in progress until it is finished.

        Neither repeated attempts nor waiting for Swarm count as progress, so that a service that never starts
        doesn't keep this from ending.
        """
        deadline = self._clock() + max(LONGEST_CYCLE_SECONDS, self._once_wait_seconds)
        results = [self._run(job) for job in jobs]
        done: set[tuple[str, str]] = set()
        limit = 0.0
        while None not in results and not self._signals.stop_requested:
            waiting = [job for job in jobs if job.requeue_after is not None]
            seconds = min((job.requeue_after or 0.0 for job in waiting), default=None)
            if seconds is None:
                break
            before = len(done)
            done |= {(action.job, action.summary) for action in self._status.view().history}
            is_new = len(done) > before or not limit
            if is_new:
                limit = self._clock() + self._once_wait_seconds
            latest = deadline if self._has_scaled_to_0() else min(limit, deadline)
            if seconds > FOLLOW_UP_SECONDS or self._clock() + seconds > latest:
                self._log_remaining_work(waiting)
                break
            if is_new:
                self._log_wait(waiting, latest - self._clock())
            with contextlib.suppress(queue.Empty):
                self._signals.inbox.get(timeout=max(seconds, 0.001))
            self._work.swarm.invalidate()
            results += [self._run(job) for job in waiting]
        if None in results:
            return False
        short = self._status.view().short
        self._shortages.log_new(short)
        if not any(results) and short:
            log.warning("no changes needed", summary=AS_CONFIGURED_BUT_SHORT, services=names(short))
        elif not any(results):
            log.info("no changes needed", summary=AS_CONFIGURED)
        elif self._work.dry_run:
            log.info("dry run finished", summary="nothing was changed")
        return True

    def _log_wait(self, waiting: Sequence[Job], seconds: float) -> None:
        """Log how long a single cycle waits at most; the notes of the plans have the work in progress."""
        plans = self._status.view().plans
        if any(plans[job.name].notes for job in waiting if job.name in plans):
            log.info("waiting for work in progress", at_most_seconds=round(seconds))

    def _has_scaled_to_0(self) -> bool:
        """Whether a service is scaled to 0 for its move: it must not stay down until the next run."""
        with contextlib.suppress(OrcastraError):
            return any(move.replicas is not None for move in self._work.swarm.observe().state.moves.values())
        return False

    def _log_remaining_work(self, waiting: Sequence[Job]) -> None:
        plans = self._status.view().plans
        log.warning("work still in progress", summary="the next run continues it")
        for job in waiting:
            plan = plans.get(job.name)
            for note in plan.notes if plan is not None else ():
                log.warning("left for the next run", job=job.name, summary=note)

    def _observe(self) -> Observation:
        """Observe the swarm. Reports an error before raising it."""
        try:
            seen = self._work.swarm.observe()
        except NotAManager as error:
            self._role = None
            if self._leader_watch is not None:
                self._leader_watch.rest()
            self._problems.report("engine", f"standing by: {error}", warning=True)
            self._status.observation_failed(f"standing by: {error}", answers=True)
            self._status.problem("engine", None)
            raise
        except OrcastraError as error:
            self._role = None
            self._scheduler.report("engine", str(error))
            self._status.observation_failed("standing by: the engine does not answer", answers=False)
            raise
        self._problems.resolved("engine")
        return seen

    def _may_act(self, seen: Observation) -> bool:
        """Return whether this instance is active, and log each change of that."""
        leader = leader_of(seen)
        if self._acts_anywhere:
            reason = "this instance acts regardless of the leader (ORCASTRA_LEADER)"
        elif seen.is_leader:
            reason = "this node is the swarm leader"
        elif leader is None:
            reason = "the swarm has no leader"
        else:
            reason = f"the leader is node {leader}"
        acts = self._acts_anywhere or seen.is_leader
        role = f"{'acting' if acts else 'standing by'}: {reason}"
        if role != self._role:
            self._role = role
            if acts:
                log.info("acting", summary=reason, node=node_name(seen))
            else:
                log.info("standing by", summary=reason, node=node_name(seen))
        self._work.swarm.uses_full_timeout = acts
        if self._leader_watch is not None:
            if acts:
                self._leader_watch.rest()
            else:
                self._leader_watch.stand_by(seen.local_node_id)
        self._status.decided(role, leads=seen.is_leader, acts=acts)
        return acts

    def _run(self, job: Job) -> bool | None:
        """Run one job. Returns whether it had anything to do; None if it failed, which was reported."""
        acted = self._scheduler.run(job.name, job.interval, lambda: job.run(self._work))
        self._status.heartbeat()
        return acted

    def _wait(self) -> None:
        """Wait until a job is due, a message arrives, or the files must be checked."""
        seconds = min(FILE_CHECK_SECONDS, self._schedule.seconds_to_next(self._clock()))
        try:
            message = self._signals.inbox.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            message = None
        if message == STOP:
            return
        if message == EVENT:
            now = self._clock()
            due = max(now + DEBOUNCE_SECONDS, self._observed_at + EVENT_GAP_SECONDS)
            for job in self._jobs.values():
                if not job.starts_late and getattr(job, "follows_events", True):
                    self._schedule.hasten(job.name, due)
        if message == LEAD:
            # jobs that failed while there was no leader need not wait any longer
            for job in self._jobs.values():
                if not job.starts_late:
                    self._schedule.trigger(self._clock(), job.name)
        if message == COMMAND:
            self._schedule.trigger(self._clock(), "commands")
        if message == SYNC:
            log.info("sync requested")
            self._scheduler.sync()
        self._reload(at_once=message == SYNC)

    def _reload(self, *, at_once: bool) -> None:
        """Reload the files that have changed, if they are valid."""
        if self._command_file is not None and self._command_file.refresh(at_once=at_once):
            self._schedule.trigger(self._clock(), "commands")
        self._files.reload(at_once=at_once)

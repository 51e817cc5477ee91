# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of the loop.

They observe and plan in this process, and start a playbook only if the plan has steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import Outcome
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import DisownLabels, OwnLabels
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable
from orcastra_runner.dedup import OnceFilter, log_messages
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.log import get_logger
from orcastra_runner.shortages import names
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import Swarm, plan_all

LABEL_PLAYBOOK = "orcastra.swarm.label_sync"
SITE_PLAYBOOK = "orcastra.swarm.site"
# The swarm may change during the first run, which the second one corrects. If that isn't enough, something
# else keeps changing it, and more runs would not help.
RUNS_PER_CYCLE = 2
# Delay before the steps that the first ones made possible.
NEXT_STAGE_SECONDS = 1.0
AS_CONFIGURED = "the swarm matches the configuration"
AS_CONFIGURED_BUT_SHORT = f"{AS_CONFIGURED}, but services are short of tasks"

log = get_logger()


class JobError(OrcastraError):
    """A job failed."""


class AlreadyReported(JobError):
    """A job failed and has already logged the reason."""


class Stopped(JobError):
    """A job was interrupted because the process is shutting down."""


class RunPlaybook(Protocol):
    """Runs a playbook with the variables of the configuration, and ``variables`` on top of them.

    ``check`` runs it in check mode, which changes nothing.
    """

    def __call__(
        self, name: str, variables: Mapping[str, Any] = ..., /, *, check: bool = ...
    ) -> PlaybookResult: ...


@dataclass
class Work:
    """The environment of jobs. ``desired`` is replaced when the configuration changes.

    ``run_playbook`` takes a playbook's name and returns its result; ``run_on_hosts`` does the same on the
    hosts of the user's inventory, and is None without one. ``dry_run``: plan only. ``status`` collects plans
    and actions. ``accept_removals`` drops the retained configuration of missing files and returns a
    description of it; ``acceptances`` are the instance IDs of this process that have run it.
    """

    swarm: Swarm
    desired: DesiredState
    run_playbook: RunPlaybook
    dry_run: bool = False
    run_on_hosts: RunPlaybook | None = None
    status: StatusStore = field(default_factory=StatusStore)
    accept_removals: Callable[[], tuple[str, ...]] = tuple
    acceptances: set[str] = field(default_factory=set)


class Job(Protocol):
    """Runs every ``interval`` seconds, and at the start unless it ``starts_late``.

    ``requeue_after``: seconds until a run that left work in progress must be repeated, or None.
    """

    name: str
    starts_late: bool
    requeue_after: float | None

    @property
    def interval(self) -> float: ...

    def run(self, work: Work) -> bool:
        """Run the job. Returns whether there was anything to do. Raises OrcastraError if it fails."""


class SyncJob:
    """Reconciles labels and followers.

    It acts through a playbook or, ``in_process``, through the executor that the playbook's modules use,
    which saves the seconds that a playbook needs to start.
    """

    name = "sync"
    starts_late = False

    def __init__(self, interval: float, give_up_seconds: float, *, in_process: bool = False) -> None:
        self.interval = interval
        self.requeue_after: float | None = None
        self._give_up_seconds = give_up_seconds
        self._in_process = in_process
        self._once = OnceFilter()

    def run(self, work: Work) -> bool:
        self.requeue_after = None
        plan = self._plan(work)
        if work.dry_run:
            return not plan.is_empty
        runs = 0
        repeated: set[str] | None = None
        while not plan.is_empty and runs < RUNS_PER_CYCLE:
            self._act(work, plan)
            runs += 1
            summaries = {step.summary for step in plan.steps}
            repeated = summaries if repeated is None else repeated & summaries
            work.swarm.invalidate()
            plan = self._plan(work)
        left = [step.summary for step in plan.steps if step.summary in (repeated or ())]
        if left:
            raise JobError(f"still needed after {runs} runs: {'; '.join(left)}")
        self.requeue_after = plan.requeue_after if plan.is_empty else NEXT_STAGE_SECONDS
        if runs and self.requeue_after is None:
            short = work.status.view().short
            if short:
                log.info("verified", summary=AS_CONFIGURED_BUT_SHORT, services=names(short))
            else:
                log.info("verified", summary=AS_CONFIGURED)
        return runs > 0

    def _act(self, work: Work, plan: Plan) -> None:
        if not self._in_process:
            run_and_report(work, self.name, playbook_for(plan), planned=plan)
            return
        report_outcome(work, self.name, work.swarm.carry_out(plan))

    def _plan(self, work: Work) -> Plan:
        plan = plan_all(work.swarm.observe(), work.desired, self._give_up_seconds)
        work.status.planned(self.name, plan)
        log_messages(self._once, plan.warnings, plan.notes)
        log_steps(self._once, plan, at_once=self._in_process and not work.dry_run)
        if plan.remember and not plan.steps:
            log.debug("planned", summary="update the saved state")
        return plan


class ResyncJob:
    """Runs the whole site playbook from time to time, whether or not there is a plan.

    With ``sync``, a job that acts in this process, it runs that job instead, which saves the time and memory
    of a playbook. A new connection makes sure that no cached knowledge is used.
    """

    name = "resync"
    starts_late = True

    def __init__(self, interval: float, sync: SyncJob | None = None) -> None:
        self.interval = interval
        self.requeue_after: float | None = None
        self._sync = sync

    def run(self, work: Work) -> bool:
        if self._sync is not None:
            work.swarm.close()
            changed = self._sync.run(work)
            self.requeue_after = self._sync.requeue_after
            return changed
        result = run_and_report(work, self.name, SITE_PLAYBOOK)
        if result.changed:
            work.swarm.invalidate()
            log.warning("resync made unplanned changes")
        return result.changed


def playbook_for(plan: Plan) -> str:
    """Return the smallest playbook that carries out all steps of ``plan``, whatever is configured."""
    only_labels = all(isinstance(step, LabelNode) for step in plan.steps) and all(
        isinstance(edit, (OwnLabels, DisownLabels)) for edit in plan.remember
    )
    return LABEL_PLAYBOOK if only_labels else SITE_PLAYBOOK


def log_steps(once: OnceFilter, plan: Plan, *, at_once: bool) -> None:
    """Log new steps.

    If they are carried out ``at_once``, that is logged a moment later, so these are debug lines.
    """
    steps = {step.summary: step for step in plan.steps}
    for summary in once.fresh("steps", steps):
        values = step_fields(steps[summary])
        if at_once:
            log.debug("planned", **values)
        else:
            log.info("planned", **values)


def step_fields(step: Step) -> dict[str, Any]:
    """Return the log fields for a step."""
    fields = {"summary": step.summary, "action": step.action, "target": step.target}
    return {**fields, "why": step.why, "why_not": step.why_not or None}


def played_fields(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the log fields for a step of a playbook."""
    return {name: step.get(name) for name in ("summary", "action", "target", "why")}


def report_outcome(work: Work, job: str, outcome: Outcome) -> None:
    """Log the results of steps that were carried out in this process. Raises JobError if one failed."""
    for result in outcome.results:
        work.status.stepped(job, result)
        if result.error is None and result.changed:
            log.info("done", **step_fields(result.step))
    if outcome.failures:
        raise JobError("; ".join(f"could not {one.step.summary}: {one.error}" for one in outcome.failures))


def run_and_report(work: Work, job: str, playbook: str, planned: Plan | None = None) -> PlaybookResult:
    """Run a playbook for a job and log its actions.

    Raises JobError if it failed, Stopped if it was canceled.
    """
    log.debug("playbook started", playbook=playbook)
    result = work.run_playbook(playbook)
    expected = {printable(step.summary): step for step in planned.steps} if planned else {}
    done = [step for task in result.tasks for step in task.plan]
    for step in done:
        if step.get("summary") not in expected:
            log.info("planned by playbook", **played_fields(step))
    for warning in [warning for task in result.tasks if planned is None for warning in task.warnings]:
        log.debug("playbook warning", message=warning)
    if result.status == "canceled":
        raise Stopped(result.problem)
    if not result.ok:
        raise JobError(result.problem)
    summary: dict[str, Any] = {"playbook": playbook, "seconds": round(result.seconds, 1)}
    if result.changed:
        for step in done:
            work.status.playbook_stepped(job, step, expected.get(str(step.get("summary"))))
            log.info("done", **played_fields(step))
        log.info("playbook finished", steps=len(done), **summary)
    else:
        log.debug("playbook changed nothing", **summary)
    return result

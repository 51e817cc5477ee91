# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan restarts: of services that Swarm has given up, and of followers whose anchor was restarted."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..._model.desired import Removals
from ..._model.errors import OrcastraError
from ..._model.reasons import Reason
from ..._model.service_steps import RestartService
from ..._model.snapshot import Service, SwarmSnapshot, Task
from ..._model.state import SetAnchorTasks, SetAttempts, State, StateEdit
from ..._model.steps import Plan
from ..hints import no_requested_service
from ..names import find_service
from ..scheduling.finished import finished, missing_tasks, runs_once
from ..scheduling.managed import move_constraints
from .backoff import ANCHOR_RESTARTED, MISPLACED, exhausted, forget_seconds, next_attempt, wait_seconds
from .groups import AnchorGroup, Follower
from .unrest import restarted, wait_for_rest


def plan_restarts(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    state: State,
    now: float,
    give_up_seconds: float,
    busy: frozenset[str] = frozenset(),
    removals: Removals = Removals.ALLOWED,
) -> Plan:
    """Plan the restarts that Swarm does not perform itself.

    Swarm replaces failed tasks until its restart policy is exhausted; only then does a restart help. A
    follower is restarted with its anchor if ``restart_dependents`` is set. ``busy``: IDs of services that the
    same plan writes anyway. Unless ``removals`` are allowed, the saved tasks of existing anchors that aren't
    configured are kept.
    """
    plan = Plan()
    followers = {follower.service.id for group in groups for follower in group.followers}
    # a service in the middle of a chain is in two groups
    seen: dict[str, Service] = {}
    done = set(busy)
    for group in groups:
        services = [group.place.service] if group.place.service is not None else []
        services += [follower.service for follower in group.followers if not follower.misplaced]
        for service in services:
            seen[service.id] = service
            if service.id not in done:
                done.add(service.id)
                intervals = group.dependency.retry_intervals
                # for followers, their own planner forgets the attempts
                forgets = service.id not in followers
                plan += _restart_failed(
                    snapshot, service, intervals, state, now, give_up_seconds, forgets=forgets
                )
        if group.dependency.restart_dependents:
            plan += _restart_dependents(snapshot, group, state, now, busy | _written(plan))
    anchors = {group.place.service.id for group in groups if group.place.service is not None}
    kept = anchors if removals is Removals.ALLOWED else anchors | snapshot.service_by_id.keys()
    forgotten = [SetAnchorTasks(service_id, None) for service_id in sorted(state.anchor_tasks.keys() - kept)]
    failed = [warning for service in seen.values() for warning in _failed_for_good(snapshot, service)]
    return plan + Plan(remember=tuple(forgotten), warnings=tuple(failed))


def _written(plan: Plan) -> frozenset[str]:
    """Return the IDs of the services that the plan writes."""
    return frozenset(step.service_id for step in plan.steps if isinstance(step, RestartService))


def plan_requested_restarts(snapshot: SwarmSnapshot, names: list[str], stack: str, state: State) -> Plan:
    """Plan restarts that a user has requested. Earlier attempts for these services are forgotten.

    Raises OrcastraError, before any change, if one of them does not exist or is being updated.
    """
    problems: list[Reason] = []
    steps: list[RestartService] = []
    for name in names:
        service = find_service(snapshot, name, stack)
        if service is None:
            problems.append(no_requested_service(snapshot, name, stack))
        elif service.is_updating:
            problems.append(Reason("restart_refused", service=service.name, state=service.update_state))
        else:
            edits: tuple[StateEdit, ...] = ()
            if service.id in state.attempts:
                edits = (SetAttempts(service.id, None),)
            steps.append(_restart(service, (Reason("restart_requested"),), edits, why_not=()))
    if problems:
        raise OrcastraError("; ".join(map(str, problems)))
    return Plan(steps=tuple(steps))


def _restart_failed(
    snapshot: SwarmSnapshot,
    service: Service,
    intervals: tuple[float, ...],
    state: State,
    now: float,
    give_up_seconds: float,
    *,
    forgets: bool,
) -> Plan:
    """Plan for a failed service. ``forgets``: whether its attempts are forgotten when it is healthy."""
    attempts = state.attempts.get(service.id)
    reason = _given_up_by_swarm(snapshot, service)
    if reason is None:
        if attempts is None or not forgets:
            return Plan()
        seconds = forget_seconds(attempts, intervals, now)
        if seconds > 0:
            return Plan(requeue_after=seconds)
        return Plan(remember=(SetAttempts(service.id, None),))
    done = len(finished(snapshot, service).done)
    if done:
        return Plan(
            warnings=(Reason("restart_would_repeat_tasks", service=service.name, problem=reason, count=done),)
        )
    ours = attempts is not None and attempts.reason != MISPLACED
    if service.is_updating and not ours:
        # one of our restarts that fails also leaves its update paused; any other pause is the user's
        state_now = service.update_state or ""
        return Plan(
            warnings=(
                Reason("restart_left_to_update", service=service.name, problem=reason, state=state_now),
            )
        )
    given_up = attempts.given_up if attempts is not None else None
    given_up = given_up or exhausted(attempts, intervals, give_up_seconds, now)
    if given_up is not None:
        remember: tuple[StateEdit, ...] = ()
        if attempts is not None and attempts.given_up is None:
            remember = (SetAttempts(service.id, replace(attempts, given_up=given_up)),)
        warning = Reason("service_given_up", service=service.name, why=given_up, problem=reason)
        return Plan(warnings=(warning,), remember=remember)
    seconds = wait_seconds(attempts, intervals, now)
    if seconds > 0:
        note = Reason("restart_waits", service=service.name, problem=reason, seconds=seconds)
        return Plan(notes=(note,), requeue_after=seconds)
    claim = SetAttempts(service.id, next_attempt(attempts, reason, now))
    return Plan(steps=(_restart(service, (reason,), (claim,)),))


def _given_up_by_swarm(snapshot: SwarmSnapshot, service: Service) -> Reason | None:
    """Return why Swarm no longer tries to run all tasks of the service, or None."""
    if not service.is_replicated or not service.replicas or move_constraints(service) or runs_once(service):
        return None
    if service.is_update_running:
        return None
    over = {task.slot for task in finished(snapshot, service).tasks}
    tasks = [task for task in snapshot.tasks_of(service) if task.slot not in over]
    missing = missing_tasks(snapshot, service)
    ended = [task for task in tasks if task.state in ("failed", "rejected", "complete", "shutdown")]
    if (
        missing <= 0
        or not ended
        or not any(task.state in ("failed", "rejected", "complete") for task in ended)
    ):
        return None
    last = _last(ended)
    return Reason(
        "swarm_gave_up_tasks",
        missing=missing,
        replicas=service.replicas,
        state=last.state,
        error=_how_it_ended(last),
    )


def _failed_for_good(snapshot: SwarmSnapshot, service: Service) -> tuple[Reason, ...]:
    """Return a warning if tasks have failed that must never be restarted."""
    failed = finished(snapshot, service).failed
    if not failed:
        return ()
    last = _last(failed)
    return (
        Reason(
            "tasks_failed_for_good",
            service=service.name,
            count=len(failed),
            state=last.state,
            error=_how_it_ended(last),
        ),
    )


def _last(tasks: Sequence[Task]) -> Task:
    return max(tasks, key=lambda task: task.created)


def _how_it_ended(task: Task) -> Reason | str | None:
    if not task.error and task.exit_code:
        return Reason("exit_code", number=task.exit_code)
    return task.error or task.message or None


def _restart_dependents(
    snapshot: SwarmSnapshot, group: AnchorGroup, state: State, now: float, busy: frozenset[str]
) -> Plan:
    """Restart each follower that is older than the anchor's present tasks once.

    Ages come from Swarm's task objects, and so from one clock.
    """
    anchor = group.place.service
    if anchor is None or not group.place.settled:
        return Plan()
    tasks = [task for task in snapshot.tasks_of(anchor) if task.should_run]
    if not tasks:
        return Plan()  # it has finished
    present = frozenset(task.id for task in tasks)
    remembered = state.anchor_tasks.get(anchor.id)
    if present == remembered:
        return Plan()
    remember = Plan(remember=(SetAnchorTasks(anchor.id, present),))
    if remembered is None:
        return remember
    newest = max((task.created for task in tasks if task.id not in remembered), default=0.0)
    plan = Plan()
    late = False
    for follower in group.followers:
        if not _is_older(follower, newest) or follower.runs_to_its_end or follower.finished:
            continue  # never run a finished task again
        late = True
        service = follower.service
        if follower.misplaced or move_constraints(service) or service.is_updating or service.id in busy:
            continue  # a move replaces its tasks, too
        attempts = state.attempts.get(follower.service.id)
        seconds = wait_seconds(attempts, group.dependency.retry_intervals, now)
        seconds = max(seconds, wait_for_rest((group,), service, state, now))
        why = Reason("restarts_with_anchor", anchor=anchor.name)
        if seconds > 0:
            note = Reason("restart_waits", service=service.name, problem=why, seconds=seconds)
            plan += Plan(notes=(note,), requeue_after=seconds)
        elif attempts is None or attempts.given_up is None:
            intent_edits = (
                SetAttempts(service.id, next_attempt(attempts, ANCHOR_RESTARTED, now)),
                restarted(snapshot, group, follower, state, now),
            )
            plan += Plan(steps=(_restart(service, (why,), intent_edits),))
    return plan if late else remember


def _is_older(follower: Follower, moment: float) -> bool:
    # a task that does not run yet starts after the anchor, even if it was created earlier
    return any(task.is_running and task.created < moment for task in follower.tasks)


def _restart(
    service: Service,
    why: tuple[Reason, ...],
    intent_edits: tuple[StateEdit, ...],
    why_not: tuple[Reason, ...] = (Reason("restart_policy_does_not_help"),),
) -> RestartService:
    return RestartService(
        service_id=service.id,
        name=service.name,
        force_update=service.force_update,
        while_updating=service.is_updating,
        why=why,
        why_not=why_not,
        intent_edits=intent_edits,
    )

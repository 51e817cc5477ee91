# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan restarts: of services that Swarm has stopped trying, and of followers whose anchor was restarted."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture, Service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import RestartService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    SetAnchorTasks,
    SetAttempts,
    State,
    StateEdit,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.cooldown import (
    MISPLACED,
    exhausted,
    forget_seconds,
    next_attempt,
    wait_seconds,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import Follower, Group
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import ours_to_move
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import find_service, service_hint


def plan_restarts(
    picture: Picture,
    groups: tuple[Group, ...],
    state: State,
    now: float,
    give_up_seconds: float,
    busy: frozenset[str] = frozenset(),
) -> Plan:
    """Plan the restarts that Swarm itself does not make.

    Swarm replaces what fails until its restart policy is used up; only then is a restart of any use. A
    follower is restarted with its anchor where ``restart_dependents`` asks for it. ``busy`` are the IDs of
    services that the same plan writes to anyway.
    """
    plan = Plan()
    followers = {follower.service.id for group in groups for follower in group.followers}
    # a service in the middle of a chain is in two groups
    done = set(busy)
    for group in groups:
        services = [group.place.service] if group.place.service is not None else []
        services += [follower.service for follower in group.followers if not follower.astray]
        for service in services:
            if service.id not in done:
                done.add(service.id)
                intervals = group.dependency.retry_intervals
                # the planner of the followers forgets for them
                forgets = service.id not in followers
                plan += _restart_failed(
                    picture, service, intervals, state, now, give_up_seconds, forgets=forgets
                )
        if group.dependency.restart_dependents:
            plan += _restart_dependents(picture, group, state, now, busy)
    anchors = {group.place.service.id for group in groups if group.place.service is not None}
    forgotten = [
        SetAnchorTasks(service_id, None) for service_id in sorted(state.anchor_tasks.keys() - anchors)
    ]
    return plan + Plan(remember=tuple(forgotten))


def plan_asked_restarts(picture: Picture, names: list[str], stack: str, state: State) -> Plan:
    """Plan restarts that somebody has asked for; what was tried for those services before is forgotten.

    Raises OrcastraError, before anything is done, where one of them does not exist or is being updated.
    """
    problems: list[str] = []
    steps: list[RestartService] = []
    for name in names:
        service = find_service(picture, name, stack)
        if service is None:
            full = f"{stack}_{name}" if stack else name
            hint = service_hint(picture, name, stack, is_configured=False)
            problems.append(f"there is no service {full} in this swarm{hint}")
        elif service.is_updating:
            problems.append(f"{service.name} is not restarted: Swarm is updating it ({service.update_state})")
        else:
            edits: tuple[StateEdit, ...] = ()
            if service.id in state.attempts:
                edits = (SetAttempts(service.id, None),)
            steps.append(_restart(service, ("it was asked for",), edits, why_not=()))
    if problems:
        raise OrcastraError("; ".join(problems))
    return Plan(steps=tuple(steps))


def _restart_failed(
    picture: Picture,
    service: Service,
    intervals: tuple[float, ...],
    state: State,
    now: float,
    give_up_seconds: float,
    *,
    forgets: bool,
) -> Plan:
    """``forgets``: what was tried is forgotten once the service is in order."""
    attempts = state.attempts.get(service.id)
    reason = _given_up_by_swarm(picture, service)
    if reason is None:
        if attempts is None or not forgets:
            return Plan()
        seconds = forget_seconds(attempts, intervals, now)
        if seconds > 0:
            return Plan(again_seconds=seconds)
        return Plan(remember=(SetAttempts(service.id, None),))
    ours = attempts is not None and attempts.reason != MISPLACED
    if service.is_updating and not ours:
        # a restart of ours that fails leaves its update paused, too; any other pause is left alone
        found = f"its update is {service.update_state}, so it is left alone"
        return Plan(warnings=(f"{service.name}: {reason}; {found}",))
    given_up = attempts.given_up if attempts is not None else None
    given_up = given_up or exhausted(attempts, intervals, give_up_seconds, now)
    if given_up is not None:
        remember: tuple[StateEdit, ...] = ()
        if attempts is not None and attempts.given_up is None:
            remember = (SetAttempts(service.id, replace(attempts, given_up=given_up)),)
        return Plan(warnings=(f"{service.name} is given up: {given_up}; {reason}",), remember=remember)
    seconds = wait_seconds(attempts, intervals, now)
    if seconds > 0:
        note = f"{service.name}: {reason}; the next restart is in {seconds:.0f} s"
        return Plan(notes=(note,), again_seconds=seconds)
    claim = SetAttempts(service.id, next_attempt(attempts, reason, now))
    return Plan(steps=(_restart(service, (reason,), (claim,)),))


def _given_up_by_swarm(picture: Picture, service: Service) -> str | None:
    """Why Swarm no longer tries to run as many tasks as the service asks for, or None."""
    if not service.is_replicated or not service.replicas or ours_to_move(service):
        return None
    if service.update_state in ("updating", "rollback_started"):
        return None
    tasks = picture.tasks_of(service)
    missing = service.replicas - sum(task.is_wanted for task in tasks)
    ended = [task for task in tasks if task.state in ("failed", "rejected", "complete", "shutdown")]
    if (
        missing <= 0
        or not ended
        or not any(task.state in ("failed", "rejected", "complete") for task in ended)
    ):
        return None
    last = max(ended, key=lambda task: task.created)
    detail = last.error or (f"exit code {last.exit_code}" if last.exit_code else last.message)
    return f"Swarm has given up {missing} of its {service.replicas} tasks ({last.state}: {detail})"


def _restart_dependents(
    picture: Picture, group: Group, state: State, now: float, busy: frozenset[str]
) -> Plan:
    """Restart each follower that is older than the anchor's present tasks, once.

    Ages are those of Swarm's own task objects, so that they come from one clock.
    """
    anchor = group.place.service
    if anchor is None or not group.place.settled:
        return Plan()
    tasks = [task for task in picture.tasks_of(anchor) if task.is_wanted]
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
        if not _is_older(follower, newest):
            continue
        late = True
        service = follower.service
        if follower.astray or ours_to_move(service) or service.is_updating or service.id in busy:
            continue  # a move replaces its tasks, too
        attempts = state.attempts.get(follower.service.id)
        seconds = wait_seconds(attempts, group.dependency.retry_intervals, now)
        why = f"{anchor.name} was restarted, and restart_dependents is on"
        if seconds > 0:
            note = f"{follower.service.name} is restarted in {seconds:.0f} s: {why}"
            plan += Plan(notes=(note,), again_seconds=seconds)
        elif attempts is None or attempts.given_up is None:
            claim = SetAttempts(follower.service.id, next_attempt(attempts, why, now))
            plan += Plan(steps=(_restart(follower.service, (why,), (claim,)),))
    return plan if late else remember


def _is_older(follower: Follower, moment: float) -> bool:
    # one that does not run yet will start after the anchor, although it may have been created before it
    return any(task.is_running and task.created < moment for task in follower.tasks)


def _restart(
    service: Service,
    why: tuple[str, ...],
    claims: tuple[StateEdit, ...],
    why_not: tuple[str, ...] = ("leaving it to Swarm: its restart policy does not cover this",),
) -> RestartService:
    return RestartService(
        service_id=service.id,
        name=service.name,
        force_update=service.force_update,
        while_updating=service.is_updating,
        why=why,
        why_not=why_not,
        claims=claims,
    )

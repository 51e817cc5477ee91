# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan what to do with updates that Swarm has paused."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.reasons import Reason
from ..._model.service_steps import ResumeUpdate, RollBack
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.steps import Plan, Step
from ..scheduling.finished import finished
from ..scheduling.managed import move_constraints
from ..shortages import expected_and_running


def plan_paused(snapshot: SwarmSnapshot, way: str) -> Plan:
    """Plan what to do with paused updates. ``way``: ``auto``, ``resume``, ``rollback`` or ``report``.

    An update is never resumed twice: resuming makes its own spec the one that Swarm would roll back to. After
    a second pause, there is nothing to roll back to, and the user must decide.
    """
    steps: list[Step] = []
    warnings: list[Reason] = []
    notes: list[Reason] = []
    for service in sorted(snapshot.services, key=lambda service: service.name):
        if not service.is_update_paused or move_constraints(service):
            continue
        failing = _failing(snapshot, service)
        if way != "resume" and failing is None and _has_only_finished(snapshot, service):
            notes.append(Reason("update_paused_by_finished_tasks", service=service.name))
        elif way == "report" or service.update_state == "rollback_paused" or not service.can_roll_back:
            warnings.append(_needs_user(service))
        elif way == "resume" or (way == "auto" and failing is None):
            steps.append(_resume(service, way))
        else:
            steps.append(_roll_back(service, way, failing))
    return Plan(steps=tuple(steps), warnings=tuple(warnings), notes=tuple(notes))


def _is_paused(service: Service) -> Reason:
    message = service.update_message or None
    if service.update_state == "rollback_paused":
        return Reason("rollback_paused", service=service.name, message=message)
    return Reason("update_paused", service=service.name, message=message)


def _needs_user(service: Service) -> Reason:
    if service.can_roll_back:
        return Reason("update_needs_user_or_rollback", service=service.name, because=_is_paused(service))
    return Reason("update_needs_user", service=service.name, because=_is_paused(service))


def _resume(service: Service, way: str) -> ResumeUpdate:
    is_automatic = way == "auto"
    return ResumeUpdate(
        service_id=service.id,
        name=service.name,
        while_updating=True,
        why=(_is_paused(service), Reason("all_tasks_run") if is_automatic else Reason("resume_requested")),
        why_not=(Reason("rollback_without_failure"),) if is_automatic else (),
    )


def _roll_back(service: Service, way: str, failing: Reason | None) -> RollBack:
    why = failing if way != "rollback" and failing is not None else Reason("rollback_requested")
    return RollBack(
        service_id=service.id,
        name=service.name,
        while_updating=True,
        why=(_is_paused(service), why),
        why_not=(Reason("resume_would_fail"),) if way == "auto" else (),
    )


def _has_only_finished(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Return whether some tasks of the service have completed, and none has ended otherwise.

    Swarm counts it as a failure if a task ends while it monitors the update. Resuming or rolling back would
    run finished tasks again.
    """
    over = finished(snapshot, service)
    return bool(over.done) and not over.failed


def _failing(snapshot: SwarmSnapshot, service: Service) -> Reason | None:
    """Return why tasks of the service do not run; None if all of them run."""
    expected, running = expected_and_running(snapshot, service)
    if running >= expected:
        return None
    errors = [task for task in snapshot.tasks_of(service) if task.error]
    if not errors:
        return Reason("updated_tasks_missing", count=expected - running)
    return Reason("updated_tasks_fail", error=max(errors, key=lambda task: task.created).error)

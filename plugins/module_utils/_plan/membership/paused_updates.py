# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Updates that Swarm has paused."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.service_steps import (
    ResumeUpdate,
    RollBack,
)
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.steps import Plan, Step
from ..scheduling.finished import finished
from ..scheduling.managed import move_constraints
from ..shortages import expected_and_running


def plan_paused(snapshot: SwarmSnapshot, way: str) -> Plan:
    """Plan what becomes of paused updates. ``way``: ``auto``, ``resume``, ``rollback`` or ``report``.

    An update is never resumed twice: to resume it makes its own spec the one that Swarm rolls back to, so
    with a second pause there is nothing left to roll back to, and somebody has to look at it.
    """
    steps: list[Step] = []
    warnings: list[str] = []
    notes: list[str] = []
    for service in sorted(snapshot.services, key=lambda service: service.name):
        if not service.is_update_paused or move_constraints(service):
            continue
        if way != "resume" and _has_only_finished(snapshot, service):
            notes.append(
                f"the update of {service.name} is paused, because its tasks have finished so soon: nothing "
                f"is wrong with it"
            )
            continue
        what = (
            f"the {'rollback' if service.update_state == 'rollback_paused' else 'update'} of {service.name}"
        )
        why = f"{what} is paused: {service.update_message or 'Swarm gives no reason'}"
        failing = _failing(snapshot, service)
        resumes = way == "resume" or (way == "auto" and not failing)
        if way == "report" or service.update_state == "rollback_paused" or not service.can_roll_back:
            back = f", or `docker service rollback {service.name}`" if service.can_roll_back else ""
            warnings.append(
                f"{why}. Next step: mend the cause, then `docker service update {service.name}`{back}"
            )
        elif resumes:
            reason = "resume was asked for" if way == "resume" else "all its tasks run now"
            steps.append(
                ResumeUpdate(
                    service_id=service.id,
                    name=service.name,
                    while_updating=True,
                    why=(why, reason),
                    why_not=("rolling it back: nothing of it fails",) if way == "auto" else (),
                )
            )
        else:
            reason = "rollback was asked for" if way == "rollback" else f"its tasks fail: {failing}"
            steps.append(
                RollBack(
                    service_id=service.id,
                    name=service.name,
                    while_updating=True,
                    why=(why, reason),
                    why_not=("going on: it would fail again",) if way == "auto" else (),
                )
            )
    return Plan(steps=tuple(steps), warnings=tuple(warnings), notes=tuple(notes))


def _has_only_finished(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Whether the service's tasks have all completed, or run, and some have completed.

    Swarm takes it for a failure if a task ends while it still watches the update. To resume or roll back
    would be to run finished tasks again.
    """
    over = finished(snapshot, service)
    return bool(over.done) and not over.failed and not _failing(snapshot, service)


def _failing(snapshot: SwarmSnapshot, service: Service) -> str:
    """Why tasks of the service do not run, empty where all do."""
    expected, running = expected_and_running(snapshot, service)
    if running >= expected:
        return ""
    errors = [task for task in snapshot.tasks_of(service) if task.error]
    if not errors:
        return f"{expected - running} of them do not run"
    return max(errors, key=lambda task: task.created).error

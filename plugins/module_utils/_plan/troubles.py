# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Updates that Swarm has paused, and tasks that find no node."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture, Service, Task
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    ResumeUpdate,
    RollBack,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.finished import finished, missing_tasks
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import ours_to_move
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduler import Scheduler

# how long a task may wait for a node before that is worth a word, in seconds
PENDING_SECONDS = 20.0
# how many nodes are told with their reasons
SHOWN_NODES = 5


def plan_paused(picture: Picture, way: str) -> Plan:
    """Plan what becomes of paused updates. ``way``: ``auto``, ``resume``, ``rollback`` or ``report``.

    An update is never resumed twice: to resume it makes its own spec the one that Swarm rolls back to, so
    with a second pause there is nothing left to roll back to, and somebody has to look at it.
    """
    steps: list[Step] = []
    warnings: list[str] = []
    notes: list[str] = []
    for service in sorted(picture.services, key=lambda service: service.name):
        if not service.is_update_paused or ours_to_move(service):
            continue
        if way != "resume" and _has_only_finished(picture, service):
            notes.append(
                f"the update of {service.name} is paused, because its tasks have finished so soon: nothing "
                f"is wrong with it"
            )
            continue
        what = (
            f"the {'rollback' if service.update_state == 'rollback_paused' else 'update'} of {service.name}"
        )
        why = f"{what} is paused: {service.update_message or 'Swarm gives no reason'}"
        failing = _failing(picture, service)
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


def _has_only_finished(picture: Picture, service: Service) -> bool:
    """Whether the service's tasks have all completed, or run, and some have completed.

    Swarm takes it for a failure if a task ends while it still watches the update. To resume or roll back
    would be to run finished tasks again.
    """
    over = finished(picture, service)
    return bool(over.done) and not over.failed and not _failing(picture, service)


def _failing(picture: Picture, service: Service) -> str:
    """Why tasks of the service do not run, empty where all do."""
    tasks = picture.tasks_of(service)
    wanted = [task for task in tasks if task.is_wanted]
    short = service.is_replicated and missing_tasks(picture, service) > 0
    waiting = [task for task in wanted if not task.is_running]
    if not short and not waiting:
        return ""
    errors = [task for task in tasks if task.error]
    if not errors:
        return f"{len(waiting) or 'some'} of them do not run"
    return max(errors, key=lambda task: task.created).error


def plan_pending(picture: Picture, now: float) -> Plan:
    """Say of each service whose tasks find no node, why; nothing is changed about it."""
    scheduler = Scheduler(picture, now)
    warnings = []
    for service in sorted(picture.services, key=lambda service: service.name):
        waiting = [
            task
            for task in picture.tasks_of(service)
            if task.is_wanted and task.state == "pending" and now - task.created >= PENDING_SECONDS
        ]
        words = _pending_words(picture, service, waiting, scheduler, now) if waiting else ""
        if words:
            warnings.append(f"{service.name}: {words}")
    return Plan(warnings=tuple(warnings))


def _pending_words(
    picture: Picture, service: Service, waiting: list[Task], scheduler: Scheduler, now: float
) -> str:
    """Why they wait; empty where Swarm has had no time yet to see that a node would do."""
    found = f"{len(waiting)} of its tasks wait for a node"
    reasons: dict[str, list[str]] = {}
    for node in sorted(picture.nodes, key=lambda node: node.hostname):
        obstacles = scheduler.obstacles(service, node, service.constraints)
        if not obstacles and now - node.updated < PENDING_SECONDS:
            return ""
        if not obstacles:
            return (
                f"{found}, although {node.hostname} would do; Swarm says: {_said(waiting)}. Next step: if "
                f"that stays so, `docker service update --force {service.name}`"
            )
        reasons.setdefault("; ".join(obstacles), []).append(node.hostname)
    told = [f"{', '.join(names)}: {text}" for text, names in reasons.items()]
    more = f" … and {len(told) - SHOWN_NODES} more" if len(told) > SHOWN_NODES else ""
    return f"{found}. {'. '.join(told[:SHOWN_NODES])}{more}"


def _said(tasks: Iterable[Task]) -> str:
    return "; ".join(sorted({task.error or task.message for task in tasks} - {""})) or "nothing"

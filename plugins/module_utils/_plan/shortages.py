# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the services that are short of tasks, and why. The reasons come from one snapshot, so they are always
current.

Swarm keeps the last few tasks of each slot (of each node, for a global service). The newest one shows the
present state of the slot, and those before it whether it has failed earlier.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .._model.reasons import Reason
from .._model.shortage import (
    CODES,
    FAILING,
    NODE_LOST,
    PAUSED,
    STARTING,
    STOPPED,
    WAITING,
    Shortage,
    without_ids,
)
from .._model.snapshot import Node, Service, SwarmSnapshot, Task
from .._model.steps import Plan
from .convergence import global_places
from .scheduling.finished import is_finished
from .scheduling.scheduler import Scheduler

# How long a task may wait for a node, or take to start, before a warning, in seconds.
PENDING_SECONDS = 20.0
STARTING_SECONDS = 60.0
# Failures are repeated if no task has run for longer than this between them.
REPEATED_SECONDS = 300.0
# A service with a restart delay of at least this length is periodic if its tasks end well.
RESTING_SECONDS = 60.0
# When to check shortages again: most task changes cause no event. Fresh shortages pass sooner.
FRESH_REQUEUE_SECONDS = 5.0
REQUEUE_SECONDS = 15.0
# the maximum number of nodes that are listed with their reasons
SHOWN_NODES = 5

JOBS = ("replicated-job", "global-job")
ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
# A task that was moved, by a label or by its constraints, has not failed.
_MOVED = "no longer meets constraints"


@dataclass
class _Slot:
    """The tasks of one slot, the newest first. ``node_id``: for a global service, the node of the slot."""

    tasks: list[Task]
    node_id: str | None = None

    @property
    def newest(self) -> Task | None:
        return self.tasks[0] if self.tasks else None


def shortages(snapshot: SwarmSnapshot, now: float) -> tuple[Shortage, ...]:
    """Return each service that is short of tasks, by name. ``now``: seconds since the epoch, by Swarm's
    clock."""
    found = []
    scheduler: Scheduler | None = None
    for service in sorted(snapshot.services, key=lambda service: service.name):
        missing = _missing(snapshot, service)
        if not missing:
            continue
        if scheduler is None and any(_is_pending(slot.newest, service) for slot in missing):
            scheduler = Scheduler(snapshot, now)
        found.append(_Look(snapshot, service, missing, scheduler, now).shortage())
    return tuple(found)


def plan_short(snapshot: SwarmSnapshot, now: float) -> Plan:
    """Warn of each service that is short of tasks and may not recover by itself, without any change.

    Another planner handles paused updates.
    """
    found = [short for short in shortages(snapshot, now) if not short.is_fresh and short.code != PAUSED]
    return Plan(warnings=tuple(short.reason for short in found))


def requeue_after(found: Iterable[Shortage]) -> float | None:
    """Return when to check the services again that are short of tasks; None if there are none."""
    seconds = [FRESH_REQUEUE_SECONDS if short.is_fresh else REQUEUE_SECONDS for short in found]
    return min(seconds, default=None)


def expected_and_running(snapshot: SwarmSnapshot, service: Service) -> tuple[int, int]:
    """Return how many tasks of a service should run, and how many do."""
    running = _running(snapshot, service)
    if service.mode in JOBS:
        due = sum(_is_due(task, service) for task in snapshot.tasks_of(service))
        return due, sum(_is_due(t, service) and t.state == "running" for t in snapshot.tasks_of(service))
    return running + len(_missing(snapshot, service)), running


# missing tasks


def _missing(snapshot: SwarmSnapshot, service: Service) -> list[_Slot]:
    """Return the slots of the service in which a task should run but none does."""
    if service.is_replicated and _running(snapshot, service) >= (service.replicas or 0):
        return []
    slots: dict[object, _Slot] = {}
    by_node = service.mode in ("global", "global-job")
    for task in sorted(
        snapshot.tasks_of(service), key=lambda task: (task.created, task.should_run), reverse=True
    ):
        key: object = task.node_id if by_node else task.slot
        slots.setdefault(key, _Slot([], task.node_id if by_node else None)).tasks.append(task)
    if service.mode in JOBS:
        return [slot for slot in slots.values() if _is_stuck(slot, service)]
    if by_node:
        places = {node.id for node in global_places(snapshot, service)}
        found = [slots.get(node_id, _Slot([], node_id)) for node_id in sorted(places)]
        return [slot for slot in found if not _is_served(snapshot, slot, service)]
    if not service.is_replicated:
        return []
    open_slots = [slot for slot in slots.values() if not _is_served(snapshot, slot, service)]
    number = (service.replicas or 0) - (len(slots) - len(open_slots))
    # desired slots first: the others may be left over from scaling down
    open_slots.sort(key=lambda slot: not any(task.should_run for task in slot.tasks))
    if number > 0 and not slots and service.restart_condition != "any":
        return []  # it may have finished long ago: Swarm's task history is limited
    return [*open_slots[: max(number, 0)], *(_Slot([]) for _number in range(number - len(open_slots)))]


def _is_served(snapshot: SwarmSnapshot, slot: _Slot, service: Service) -> bool:
    """Return whether the slot has its task: one that runs, has finished, or waits for its next periodic
    run."""
    if any(_runs(snapshot, task) for task in slot.tasks):
        return True
    newest = slot.newest
    if newest is None:
        return False
    if not any(task.should_run for task in slot.tasks):
        return is_finished(newest, service)
    before = next((task for task in slot.tasks if not task.should_run), None)
    is_resting = before is not None and before.state == "complete" and _rests(service)
    return is_resting and newest.desired_state == "ready"


def _rests(service: Service) -> bool:
    """Return whether the service is periodic: it waits between two runs that end well."""
    return service.restart_delay_seconds >= RESTING_SECONDS


def _runs(snapshot: SwarmSnapshot, task: Task) -> bool:
    if task.state != "running":
        return False
    node = snapshot.node_by_id.get(task.node_id or "")
    return task.is_running and node is not None and not node.is_down


def _running(snapshot: SwarmSnapshot, service: Service) -> int:
    return sum(_runs(snapshot, task) for task in snapshot.tasks_of(service))


def _is_due(task: Task, service: Service) -> bool:
    """Return whether Swarm wants the task to run, or to run to completion."""
    is_asked_for = task.desired_state == "complete" if service.mode in JOBS else task.should_run
    return is_asked_for and task.state not in ENDED


def _is_pending(task: Task | None, service: Service) -> bool:
    return task is not None and _is_due(task, service) and task.state == "pending"


def _is_stuck(slot: _Slot, service: Service) -> bool:
    """Return whether a job's task cannot run: it waits for a node, or repeatedly fails to start."""
    newest = slot.newest
    if newest is None or not _is_due(newest, service) or newest.state == "running":
        return False
    return newest.state == "pending" or any(task.state == "rejected" for task in slot.tasks[1:])


# reasons


class _Look:
    """The analysis of one service that is short of tasks."""

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        service: Service,
        missing: list[_Slot],
        scheduler: Scheduler | None,
        now: float,
    ) -> None:
        self.snapshot = snapshot
        self.service = service
        self.missing = missing
        self.scheduler = scheduler
        self.now = now

    def shortage(self) -> Shortage:
        by_code: dict[str, list[_Slot]] = {}
        for slot in self.missing:
            by_code.setdefault(self._code(slot), []).append(slot)
        tellers = {
            FAILING: self._failing,
            WAITING: self._waiting,
            STOPPED: self._stopped,
            NODE_LOST: self._lost,
            STARTING: self._starting,
        }
        told = [(code, *tellers[code](by_code[code])) for code in CODES if code in by_code]
        code = told[0][0]
        reasons = [reason for _code, reason, _is_fresh in told]
        if self.service.is_update_paused:
            code = PAUSED
            message = without_ids(self.service.update_message) or None
            reasons.insert(
                0, Reason("short_of_paused_update", state=self.service.update_state, message=message)
            )
        expected, running = expected_and_running(self.snapshot, self.service)
        newest = [slot.newest.created for slot in self.missing if slot.newest is not None]
        return Shortage(
            service=self.service.name,
            code=code,
            expected=expected,
            running=running,
            reasons=tuple(reasons),
            since=max(newest, default=self.now),
            is_fresh=all(is_fresh for _code, _reason, is_fresh in told) and code != PAUSED,
            errors=_errors(failed for slot in self.missing for failed in self._failures(slot)),
        )

    def _code(self, slot: _Slot) -> str:
        newest = slot.newest
        if newest is None:
            return STARTING
        if not _is_due(newest, self.service):
            if newest.state in ENDED:
                return FAILING if self._has_just_failed(newest) else STOPPED
            return STARTING
        if newest.state == "running":
            return NODE_LOST
        if newest.state == "pending" and self._age(newest) >= PENDING_SECONDS:
            return WAITING
        if self._failures(slot):
            return FAILING
        return WAITING if newest.state == "pending" else STARTING

    def _has_just_failed(self, task: Task) -> bool:
        """Return whether Swarm may be about to replace the task."""
        return self._has_failed(task) and self.now - _changed(task) < PENDING_SECONDS

    def _age(self, task: Task) -> float:
        return self.now - task.created

    def _failures(self, slot: _Slot) -> list[Task]:
        """Return the failed tasks of the slot since one that ran for long, the newest first."""
        found: list[Task] = []
        later = self.now
        for task in slot.tasks:
            if not _is_due(task, self.service):
                if not self._has_failed(task):
                    break
                found.append(task)
                if later - task.created > REPEATED_SECONDS:
                    break
            later = task.created
        return found

    def _has_failed(self, task: Task) -> bool:
        if task.state == "complete":
            return not is_finished(task, self.service) and not _rests(self.service)
        return task.state in ("failed", "rejected") and _MOVED not in task.error

    # each of these returns a reason, and whether the problem may pass by itself

    def _failing(self, slots: list[_Slot]) -> tuple[Reason, bool]:
        failures = [failed for slot in slots for failed in self._failures(slot)]
        again = any(len(self._failures(slot)) > 1 for slot in slots)
        states = {failed.state for failed in failures}
        count, errors = len(slots), _errors(failures)
        nodes = self._names(failed.node_id for failed in failures) or None
        if states == {"rejected"} and again:
            reason = Reason("tasks_rejected_repeatedly", count=count, nodes=nodes, errors=errors)
        elif states == {"rejected"}:
            reason = Reason("tasks_rejected", count=count, nodes=nodes, errors=errors)
        elif states == {"complete"} and again:
            reason = Reason("tasks_end_repeatedly", count=count, nodes=nodes, errors=errors)
        elif states == {"complete"}:
            reason = Reason("tasks_end", count=count, nodes=nodes, errors=errors)
        elif again:
            reason = Reason("tasks_fail_repeatedly", count=count, nodes=nodes, errors=errors)
        else:
            reason = Reason("tasks_fail", count=count, nodes=nodes, errors=errors)
        return reason, self._starts(slots, again)

    def _waiting(self, slots: list[_Slot]) -> tuple[Reason, bool]:
        waiting = [slot.newest for slot in slots if slot.newest is not None]
        found = Reason("tasks_wait", count=len(waiting))
        if max(self._age(task) for task in waiting) < PENDING_SECONDS or self.scheduler is None:
            return found, True
        unsuitable: dict[tuple[Reason, ...], list[str]] = {}
        places = {slot.node_id for slot in slots if slot.node_id}
        for node in sorted(self.snapshot.nodes, key=lambda node: (node.hostname, node.id)):
            if places and node.id not in places:
                continue
            obstacles = self._obstacles(node)
            if not obstacles and self.now - node.updated < PENDING_SECONDS:
                return found, True  # Swarm may not have noticed the suitable node yet
            if not obstacles:
                return self._unexplained(waiting, node), False
            unsuitable.setdefault(obstacles, []).append(node.hostname)
        told = [
            Reason("nodes_unsuitable", nodes=names, obstacles=obstacles)
            for obstacles, names in unsuitable.items()
        ]
        more = len(told) - SHOWN_NODES
        return (
            Reason(
                "tasks_wait_for_suitable_node",
                count=len(waiting),
                unsuitable=told[:SHOWN_NODES],
                more=Reason("and_more", count=more) if more > 0 else None,
            ),
            False,
        )

    def _unexplained(self, waiting: list[Task], node: Node) -> Reason:
        return Reason(
            "tasks_wait_despite_suitable_node",
            count=len(waiting),
            node=node.hostname,
            said=_said(waiting) or None,
            service=self.service.name,
        )

    def _obstacles(self, node: Node) -> tuple[Reason, ...]:
        if self.scheduler is None:
            return ()
        if self.service.mode != "global":
            return self.scheduler.obstacles(self.service, node, self.service.constraints)
        # its own waiting task already counts there
        self.scheduler.take(self.service, node.id)
        try:
            return self.scheduler.obstacles(self.service, node, self.service.constraints)
        finally:
            self.scheduler.put(self.service, node.id)

    def _stopped(self, slots: list[_Slot]) -> tuple[Reason, bool]:
        last = [slot.newest for slot in slots if slot.newest is not None]
        is_fresh = self.now - max(_changed(task) for task in last) < PENDING_SECONDS
        reason = Reason(
            "tasks_given_up",
            count=len(slots),
            total=self.service.replicas if self.service.replicas is not None else len(slots),
            states=sorted({task.state for task in last}),
            errors=_errors(last),
        )
        return reason, is_fresh

    def _lost(self, slots: list[_Slot]) -> tuple[Reason, bool]:
        nodes = self._names(slot.newest.node_id for slot in slots if slot.newest is not None)
        if not nodes:
            return Reason("tasks_ran_on_removed_node", count=len(slots)), True
        return Reason("tasks_ran_on_lost_node", count=len(slots), nodes=nodes), True

    def _starting(self, slots: list[_Slot]) -> tuple[Reason, bool]:
        newest = [slot.newest for slot in slots if slot.newest is not None]
        count = len(slots)
        if not newest:
            return Reason("tasks_not_created", count=count), True
        nodes = self._names(task.node_id for task in newest) or None
        states = sorted({task.state for task in newest})
        if any(_is_due(task, self.service) for task in newest):
            reason = Reason("tasks_start", count=count, nodes=nodes, states=states)
        else:
            reason = Reason("tasks_stop", count=count, nodes=nodes, states=states)
        return reason, self._starts(slots, again=False)

    def _starts(self, slots: list[_Slot], again: bool) -> bool:
        """Return whether the tasks may still start: no earlier failure, and little time so far."""
        ages = [self._age(slot.newest) for slot in slots if slot.newest is not None]
        return not again and max(ages, default=0.0) < STARTING_SECONDS

    def _names(self, node_ids: Iterable[str | None]) -> tuple[str, ...]:
        nodes = (self.snapshot.node_by_id.get(node_id or "") for node_id in node_ids)
        return tuple(sorted({node.hostname for node in nodes if node is not None}))


def _errors(failures: Iterable[Task]) -> tuple[str, ...]:
    return tuple(sorted({_detail(task) for task in failures}))


def _detail(task: Task) -> str:
    """Return the engine's error for a task that has ended."""
    if task.error:
        return without_ids(task.error)
    if task.exit_code or task.state == "complete":
        return f"exit code {task.exit_code or 0}"
    return without_ids(task.message) or task.state


def _said(tasks: Iterable[Task]) -> tuple[str, ...]:
    texts = {without_ids(task.error or task.message) for task in tasks}
    return tuple(sorted(texts - {""}))


def _changed(task: Task) -> float:
    """Return when the task entered its present state, in seconds since the epoch; 0 if unknown."""
    try:
        return datetime.strptime(f"{task.since[:19]}+0000", "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return 0.0

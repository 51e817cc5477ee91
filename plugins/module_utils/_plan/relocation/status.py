# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life cycle that all relocations share: the snapshot decides the status, and ``ending`` acts on it.

In a relocation, a managed constraint moves a service, or the service is scaled to 0 and started on another
node. The purpose (to its anchor, for balance, off a node) only changes the policy: how long it may take.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from functools import cached_property

from ..._model.compat import dataclass
from ..._model.ownership import REPLICAS_LABEL, replicas_before, without
from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot, Task
from ..._model.state import Move
from ..scheduling.constraints import violated
from ..scheduling.finished import missing_tasks
from ..scheduling.managed import move_constraints, move_off

# states in which a container may still run
ALIVE = ("assigned", "accepted", "preparing", "ready", "starting", "running")

# how much longer than its stop grace period a container may take to stop
STOP_MARGIN_SECONDS = 10.0


class Status(Enum):
    """The status of a relocation. If several apply, ``Progress.status`` returns the first that it checks."""

    # scaled to 0: containers may still run; all containers have stopped
    STOPPING = "stopping"
    STOPPED = "stopped"
    # only our record of the number of tasks is left: a user has scaled the service since
    RESCALED = "rescaled"
    # no managed constraint: the write may still follow, or the outcome depends on an update
    PENDING = "pending"
    # no managed constraint: Swarm has rolled back the write
    ROLLED_BACK = "rolled_back"
    # no managed constraint, and none will follow: it was never written, or a user has redeployed the service
    VOID = "void"
    # all tasks have arrived; the same while Swarm still monitors the update
    ARRIVED = "arrived"
    WATCHED = "watched"
    # an old container is stopping: a write now would start the next one without waiting for it
    LEAVING = "leaving"
    # the constraints lead to a node where the service no longer belongs
    SUPERSEDED = "superseded"
    UNDER_WAY = "under_way"
    # Swarm has given up; it takes too long
    FAILED = "failed"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a relocation may take, in seconds, and when to check it again.

    ``stuck_seconds``: if a task finds no node. ``paused_seconds``: if Swarm has paused the update.
    ``void_seconds``: how long a journal entry without a constraint counts, because the write may still
    follow. ``arrives_paused``: whether it counts as arrived if all tasks are on the right nodes but the
    update is paused.
    """

    limit_seconds: float = 600.0
    stuck_seconds: float = 30.0
    paused_seconds: float = 30.0
    void_seconds: float = 0.0
    arrives_paused: bool = False
    requeue_seconds: float = 1.0


# A follower belongs with its anchor in any case, so a paused update is no reason to move it back. An entry
# without a constraint blocks nothing, so it may stay for a while.
FOLLOW_POLICY = Policy(paused_seconds=math.inf, void_seconds=60.0, arrives_paused=True)
# The same move without a configured anchor: nothing defines where the service belongs, so a paused move ends.
ORPHAN_POLICY = Policy(arrives_paused=True)
# Balancing is never urgent and must not harm a service. An entry without a constraint blocks all other moves,
# and the same process writes both, so such an entry is void at once.
BALANCE_POLICY = Policy(requeue_seconds=5.0)
# The user waits for the node. A task that finds no node may find one as soon as others have left, but a
# paused update fails the drain at once. Another process may own the entry and be about to write.
DRAIN_POLICY = Policy(stuck_seconds=600.0, paused_seconds=0.0, void_seconds=10.0)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Whether hidden containers of a service that was scaled to 0 may still be stopping.

    ``wait``: why to wait, or None. ``move``: the journal entry to save.
    """

    wait: Reason | None
    move: Move


class Progress:
    """The progress of one relocation, derived from the snapshot.

    ``move`` is its journal entry, or None if that was lost. ``route``: the constraints that decide whether it
    has arrived if the service has no managed ones. ``superseded``: whether the move leads to a node where the
    service no longer belongs. ``is_ordered``: whether an old container must stop before the next one starts.
    """

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        service: Service,
        move: Move | None,
        now: float,
        policy: Policy,
        *,
        route: tuple[str, ...] = (),
        superseded: bool = False,
        is_ordered: bool | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.service = service
        self.move = move
        self.now = now
        self.policy = policy
        self.moving = move_constraints(service)
        self.replicas = scaled_from(service, move)
        self._route = route
        self._superseded = superseded
        self._is_ordered = service.is_stateful if is_ordered is None else is_ordered

    @cached_property
    def status(self) -> Status:
        if self.replicas is not None:
            waits = self._alive(self.tasks) or (self.unseen is not None and self.unseen.wait is not None)
            return Status.STOPPING if waits else Status.STOPPED
        return self._under_way() if self.moving else self._without_constraint()

    def _without_constraint(self) -> Status:
        service = self.service
        if has_stale_number(service):
            return Status.RESCALED
        if service.is_update_running:
            return Status.PENDING
        if service.is_update_paused:
            return Status.OVERDUE if self._age > self.limit else Status.PENDING
        if self._route and runs_within(self.snapshot, service, self._route):
            return Status.ARRIVED
        if service.update_state == "rollback_completed":
            return Status.ROLLED_BACK
        return Status.VOID if self._age >= self.policy.void_seconds else Status.PENDING

    def _under_way(self) -> Status:
        service = self.service
        if not self._superseded and self._runs_as_moved():
            # the update that moves one task of several would not end by itself
            if service.is_update_running and not self._stays:
                return Status.WATCHED
            if not service.is_update_paused or self.policy.arrives_paused:
                return Status.ARRIVED
        if self._is_ordered and self.stopping:
            return Status.LEAVING
        if self._superseded:
            return Status.SUPERSEDED
        desired = any(task.should_run for task in self.tasks)
        if missing_tasks(self.snapshot, service) and not desired and not service.is_update_running:
            # its problem has nothing to do with its node
            return Status.FAILED
        return Status.OVERDUE if self._age > self.limit else Status.UNDER_WAY

    @property
    def _stays(self) -> int:
        """How many of its tasks may stay on the node that it leaves."""
        return 0 if self.move is None else self.move.stays

    def _runs_as_moved(self) -> bool:
        if self.move is None or not self._stays:
            return runs_as_moved(self.snapshot, self.service)
        source = self.move.source
        left = sum(task.should_run and task.node_id == source for task in self.tasks)
        return left <= self._stays and runs_within(
            self.snapshot, self.service, without(self.moving, (move_off(source),))
        )

    @property
    def failure(self) -> Reason | None:
        """Why the relocation has failed, or None."""
        if self.status is Status.FAILED:
            return Reason("move_given_up_by_swarm")
        if self.status is Status.ROLLED_BACK:
            return Reason("move_rolled_back")
        if self.status is not Status.OVERDUE:
            return None
        if self._age > self.policy.paused_seconds and self.service.is_update_paused:
            return Reason("move_paused", error=self.service.update_message or self.complaint)
        return Reason("move_overdue", seconds=self.limit, error=self.complaint)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        return self.snapshot.tasks_of(self.service)

    @cached_property
    def waiting(self) -> tuple[Task, ...]:
        """Its tasks for which Swarm has found no node."""
        return tuple(task for task in self.tasks if task.should_run and task.state == "pending")

    @cached_property
    def stopping(self) -> tuple[Task, ...]:
        """Its tasks that should no longer run, but whose containers may still be running."""
        return tuple(self._alive(task for task in self.tasks if not task.should_run))

    @cached_property
    def unseen(self) -> Unseen | None:
        return None if self.move is None else unseen(self.snapshot, self.service, self.move, self.now)

    @property
    def complaint(self) -> str | None:
        """Swarm's errors for tasks that should be running but are not."""
        found = {task.error for task in self.tasks if task.should_run and not task.is_running}
        return "; ".join(sorted(found - {""})) or None

    @property
    def limit(self) -> float:
        """How long it may take in its present state, in seconds."""
        limits = [self.policy.limit_seconds]
        if self.waiting:
            # the service is down, so the limit is short
            limits.append(self.policy.stuck_seconds)
        if self.service.is_update_paused:
            limits.append(self.policy.paused_seconds)
        return min(limits)

    @property
    def _age(self) -> float:
        """How long it has been under way; infinite if its journal entry is lost."""
        return math.inf if self.move is None else self.now - self.move.since

    def _alive(self, tasks: Iterable[Task]) -> list[Task]:
        """The tasks whose containers may be running, as far as Swarm knows."""
        found = []
        for task in tasks:
            node = node_of(self.snapshot, task)
            if task.state in ALIVE and node is not None and not node.is_down:
                found.append(task)
        return found


def runs_within(snapshot: SwarmSnapshot, service: Service, constraints: tuple[str, ...]) -> bool:
    """Return whether all tasks of the service run, each on a ready node that ``constraints`` allow."""
    if missing_tasks(snapshot, service):
        return False
    for task in snapshot.tasks_of(service):
        node = node_of(snapshot, task)
        if not task.should_run:
            continue
        if not task.is_running or node is None or not node.is_ready or violated(constraints, node):
            return False
    return True


def runs_as_moved(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Return whether all tasks of the service run, each on a node that the constraints of its move allow."""
    return runs_within(snapshot, service, move_constraints(service))


def scaled_from(service: Service, move: Move | None) -> int | None:
    """Return the number of tasks from before we scaled the service to 0; None if we did not, or no longer.

    The service's own label is decisive: a redeploy drops it, and then the user's number stays, even if it is
    0. The journal is the fallback if the label is damaged, or an older release has set none.
    """
    if service.replicas != 0:
        return None
    before = replicas_before(service.labels, service.id)
    if before is None and move is not None and (not move.recorded or REPLICAS_LABEL in service.labels):
        return move.replicas
    return before


def has_stale_number(service: Service) -> bool:
    """Return whether a user has scaled the service since we scaled it to 0, and our record is still there."""
    return service.replicas != 0 and replicas_before(service.labels, service.id) is not None


def unseen(snapshot: SwarmSnapshot, service: Service, move: Move, now: float) -> Unseen:
    """Return whether to wait for containers that Swarm has forgotten.

    A new leader of the swarm immediately forgets the tasks of a service that was scaled down, although their
    containers may run until their stop grace period ends (swarmkit, ``manager/orchestrator/taskreaper``). The
    period begins when the engines learn of it, possibly only from the new leader.
    """
    leader = leader_of(snapshot)
    if move.leader not in ("", leader):
        unheard = sorted(node.hostname for node in snapshot.nodes if not node.is_ready and not node.is_down)
        if unheard:
            return Unseen(Reason("leader_unheard", service=service.name, nodes=unheard), move)
        move = replace(move, leader=leader, unseen_since=now)
    if move.unseen_since is None:
        return Unseen(None, move)
    seconds = service.stop_grace_seconds + STOP_MARGIN_SECONDS
    if now - move.unseen_since >= seconds:
        return Unseen(None, move)
    return Unseen(Reason("leader_forgot", service=service.name, seconds=seconds), move)


def leader_of(snapshot: SwarmSnapshot) -> str:
    """Return the ID of the swarm's leader; empty while there is none."""
    return next((node.id for node in snapshot.nodes if node.leader), "")


def node_of(snapshot: SwarmSnapshot, task: Task) -> Node | None:
    return snapshot.node_by_id.get(task.node_id or "")

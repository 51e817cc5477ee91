# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Orcastra has done to services that are no followers any more: end it, and take it back.

- A move under way always ends: it is finished or undone, whatever the configuration says by now. If only a
  part of the configuration is given, another task may have begun the move and gets some time to end it.
- A constraint that only holds a service to an anchor's label goes only if the whole configuration is known.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Set

from ..._model.desired import Removals
from ..._model.ownership import replicas_before
from ..._model.service_steps import PlaceService
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import (
    FOLLOW,
    Move,
    SetAttempts,
    SetMove,
    State,
    StateEdit,
)
from ..._model.steps import Plan
from ..anchors.groups import ALIVE
from ..scheduling.managed import move_constraints, ours_to_hold
from .moves import (
    MOVING_SECONDS,
    has_stale_number,
    runs_as_moved,
    scaled_from,
    unseen,
)

# how long a move may take; how long if a task finds no node, or Swarm has paused the update
LIMIT_SECONDS = 600.0
STUCK_SECONDS = 30.0

# how long a move that another task has begun is left to it
FOREIGN_SECONDS = 60.0


def plan_orphans(
    snapshot: SwarmSnapshot,
    state: State,
    followers: Set[str],
    now: float,
    removals: Removals = Removals.ALLOWED,
) -> Plan:
    """Plan what to take off every service whose ID is not in ``followers``, and what to forget.

    ``now`` is in seconds since the epoch. Constraints on labels go only if ``removals`` are allowed.
    """
    plan = Plan()
    for service in sorted(snapshot.services, key=lambda service: service.name):
        move = state.moves.get(service.id)
        if service.id in followers or (move is not None and move.kind != FOLLOW):
            continue  # a move for balance, or off a node, is ended by its own planner
        if removals is Removals.FOREIGN and move is not None and now - move.since < FOREIGN_SECONDS:
            plan += Plan(
                notes=(f"{service.name} is on its way to {move.anchor}, which isn't configured here",)
            )
            continue
        purge = removals is Removals.ALLOWED
        orphaned = ours_to_hold(service) if purge else ()
        if _is_moving(service, move):
            plan += _Ending(snapshot, service, move, now, orphaned, undo=purge).plan()
        elif orphaned:
            plan += _release(service, orphaned, move)
        elif move is not None:
            plan += Plan(remember=(SetMove(service.id, None),))
    gone = sorted((state.moves.keys() | state.attempts.keys()) - snapshot.service_by_id.keys())
    forgotten = [edit for key in gone for edit in (SetMove(key, None), SetAttempts(key, None))]
    return plan + Plan(remember=tuple(forgotten))


def _is_moving(service: Service, move: Move | None) -> bool:
    """Whether something of a move is still to be seen on the service."""
    scaled = scaled_from(service, move) is not None or has_stale_number(service)
    return scaled or bool(move_constraints(service))


def _release(service: Service, orphaned: tuple[str, ...], move: Move | None) -> Plan:
    """Take the constraint off that holds the service to the label of an anchor."""
    commit_edits = (SetMove(service.id, None),) if move is not None else ()
    if service.is_updating:
        note = f"{service.name} loses Orcastra's constraint once its update is over"
        return Plan(notes=(note,), remember=commit_edits)
    step = PlaceService(
        service_id=service.id,
        name=service.name,
        purpose=f"take what Orcastra has set off {service.name}",
        constraints=service.constraints,
        remove=orphaned,
        why=("it depends on no anchor any more",),
        commit_edits=commit_edits,
    )
    return Plan(steps=(step,))


class _Ending:
    """How the move of one service ends that follows no anchor of this configuration.

    ``orphaned``: what else is to be taken off the service in the same write. ``undo``: the service depends on
    nothing any more, so its move ends at once. Else somebody may still want it, and it is finished.
    """

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        service: Service,
        move: Move | None,
        now: float,
        orphaned: tuple[str, ...],
        *,
        undo: bool,
    ) -> None:
        self.snapshot = snapshot
        self.service = service
        self.move = move
        self.now = now
        self.orphaned = orphaned
        self.undo = undo

    def plan(self) -> Plan:
        service = self.service
        replicas = scaled_from(service, self.move)
        if replicas is not None:
            return self._start_again(replicas)
        if not move_constraints(service):
            # the user's number of tasks stays; to tasks that find no node, a write would be of no use
            if service.is_updating or not (self.orphaned or runs_as_moved(self.snapshot, service)):
                return Plan(notes=(f"{service.name} loses Orcastra's record of its move later",))
            return self._end("the user has scaled it since it was scaled to 0 for its move")
        if service.is_stateful and self._tasks_alive(desired=False):
            # a write now would have Swarm start the next container without waiting for this one
            return self._wait(f"{service.name} stops; its move ends after that")
        if not self.undo and self.move is not None and self._is_on_its_way(self.move):
            return self._wait(f"{service.name} is on its way")
        return self._end("it depends on no anchor any more" if self.undo else "its move is over")

    def _start_again(self, replicas: int) -> Plan:
        """It was scaled to 0: scale it back once all of its containers have stopped."""
        service = self.service
        hidden = unseen(self.snapshot, service, self.move, self.now) if self.move is not None else None
        if self._tasks_alive() or (hidden is not None and hidden.wait):
            moved = hidden is not None and hidden.move != self.move
            edits = (SetMove(service.id, hidden.move),) if hidden is not None and moved else ()
            return self._wait(f"{service.name} stops; it is started again after that", edits)
        return self._end("all of its containers have stopped", replicas=replicas)

    def _is_on_its_way(self, move: Move) -> bool:
        service = self.service
        if runs_as_moved(self.snapshot, service):
            return service.update_state == "updating"
        waits = any(task.state == "pending" for task in self.snapshot.tasks_of(service) if task.should_run)
        limit = STUCK_SECONDS if waits or service.is_update_paused else LIMIT_SECONDS
        return self.now - move.since <= limit

    def _tasks_alive(self, *, desired: bool | None = None) -> bool:
        """Whether Swarm knows of containers that may run; ``desired``: only if they are to run, or not."""
        for task in self.snapshot.tasks_of(self.service):
            node = self.snapshot.node_by_id.get(task.node_id or "")
            if task.state in ALIVE and node is not None and not node.is_down:
                if desired is None or task.should_run == desired:
                    return True
        return False

    def _end(self, why: str, *, replicas: int | None = None) -> Plan:
        service = self.service
        purpose = f"end the move of {service.name}"
        if self.orphaned or self.undo:
            purpose = f"take what Orcastra has set off {service.name}"
        step = PlaceService(
            service_id=service.id,
            name=service.name,
            purpose=purpose,
            constraints=service.constraints,
            remove=(*self.orphaned, *move_constraints(service)),
            replicas=replicas,
            unrecorded=replicas_before(service.labels, service.id) is None,
            why=(why,),
            commit_edits=(SetMove(service.id, None),) if self.move is not None else (),
            # it is what frees an update that cannot end
            while_updating=replicas is not None or bool(move_constraints(service)),
        )
        return Plan(steps=(step,))

    def _wait(self, note: str, remember: tuple[StateEdit, ...] = ()) -> Plan:
        return Plan(notes=(note,), remember=remember, requeue_after=MOVING_SECONDS)

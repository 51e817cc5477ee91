# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finish or undo moves for balance that are under way.

One decision a cycle for each of them, from what is seen and what the journal says, so that a controller can
die anywhere: the next one goes on.

- All tasks run where they are to run: the constraint of the move goes, the move is remembered as made.
- Swarm cannot end it (no node is found, its update is paused) or it takes too long: the service is moved
  back to the node it came from, and the failure is remembered. That, too, may fail: then the constraint
  goes and Swarm decides.
- The constraint is gone without us (a rollback, a new deployment): remembered or forgotten, nothing else.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.service_steps import PlaceService
from ..._model.snapshot import Service, SwarmSnapshot, Task
from ..._model.state import (
    BACK,
    REBALANCE,
    AddRelocation,
    Move,
    Relocation,
    SetMove,
    State,
    StateEdit,
)
from ..._model.steps import Plan
from ..anchors.groups import AnchorGroup
from ..scheduling.constraints import violated
from ..scheduling.finished import missing_tasks
from ..scheduling.managed import (
    move_constraints,
    move_off,
    move_to,
    user_constraints,
)
from ..scheduling.placement import obstacles

# how long a move may take; how long if nothing more can come of it by itself
DEFAULT_LIMIT_SECONDS = 600.0
STUCK_SECONDS = 30.0

# when to look again at a move that is under way
AGAIN_SECONDS = 5.0


def balancing_moves(state: State) -> dict[str, Move]:
    """Service ID → the move for balance (or the undoing of one) that the journal has for it."""
    return {service_id: move for service_id, move in state.moves.items() if move.kind in (REBALANCE, BACK)}


def plan_moves_under_way(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    state: State,
    now: float,
    limit_seconds: float = DEFAULT_LIMIT_SECONDS,
) -> Plan:
    """Plan how moves for balance end. It needs no measurements. ``now`` is in seconds since the epoch.

    ``limit_seconds``: how long a move may take before it is undone. A service that has become a follower
    meanwhile is left to the planner of the followers.
    """
    followers = {follower.service.id for group in groups for follower in group.followers}
    plan = Plan()
    for service_id, move in sorted(balancing_moves(state).items()):
        service = snapshot.service_by_id.get(service_id)
        if service is None:
            plan += Plan(remember=(SetMove(service_id, None),))
        elif service_id not in followers:
            plan += _Ending(snapshot, service, move, now, limit_seconds).plan()
    return plan


class _Ending:
    """What is to become of one move."""

    def __init__(
        self, snapshot: SwarmSnapshot, service: Service, move: Move, now: float, limit_seconds: float
    ) -> None:
        self.snapshot = snapshot
        self.service = service
        self.move = move
        self.now = now
        self.limit_seconds = limit_seconds
        self.moving = move_constraints(service)
        self.tasks: list[Task] = [task for task in snapshot.tasks_of(service) if task.should_run]
        self.waiting = [task for task in self.tasks if task.state == "pending"]

    def plan(self) -> Plan:
        service = self.service
        if self.move.kind == BACK and self.moving and self._is_for_the_way_out():
            return self._go_back()
        if not self.moving:
            return self._without_constraint()
        if self._is_in_place() and not service.is_updating:
            return self._end((f"it runs on {self._names()}",))
        if self._is_in_place() and service.update_state == "updating":
            return self._wait("is in place; its move ends once Swarm has watched the update for long enough")
        limit = STUCK_SECONDS if self._is_stuck() else self.limit_seconds
        if self.now - self.move.since <= limit:
            return self._wait(f"is on its way to {self._names()}{self._complaint()}")
        reason = f"it has not ended within {limit:g} s{self._complaint()}"
        if self.move.kind == BACK:
            return self._leave_to_swarm(reason)
        return self._undo(reason)

    # the cases

    def _without_constraint(self) -> Plan:
        """Nobody moves it any more: the write never came, it was rolled back, or deployed anew."""
        service, commit_edits = self.service, self._settles(None)
        if service.is_updating:
            return self._wait(f"is being updated ({service.update_state}); its move is judged after that")
        if self.move.kind != BACK and not self._is_in_place():
            if (service.update_state or "").startswith("rollback"):
                commit_edits = self._settles("Swarm rolled it back")
                note = f"{service.name} was moved to {self._names()}; Swarm rolled the move back"
                return Plan(warnings=(note,), remember=commit_edits)
            commit_edits = (SetMove(service.id, None),)
        return Plan(remember=commit_edits)

    def _end(self, why: tuple[str, ...]) -> Plan:
        return self._step(
            f"end the move of {self.service.name}",
            remove=self.moving,
            why=why,
            commit_edits=self._settles(None),
        )

    def _undo(self, reason: str) -> Plan:
        """Move it back to where it was, if it can run there."""
        service, move = self.service, self.move
        source = self.snapshot.node_by_id.get(move.source)
        failed = self._relocation(reason)
        usable = source is not None and not obstacles(
            self.snapshot, service, source, user_constraints(service)
        )
        if source is None or not usable:
            return self._leave_to_swarm(reason, (failed,))
        back = Move("", (move.source,), self.now, kind=BACK, source=move.nodes[0])
        return self._step(
            f"move {service.name} back to {source.hostname}",
            add=self._way_back(back),
            remove=self.moving,
            why=(f"its move to {self._names()} failed: {reason}",),
            intent_edits=(SetMove(service.id, back), failed),
            is_failure=True,
        )

    def _go_back(self) -> Plan:
        """The journal says that it goes back, the constraint still says the opposite."""
        return self._step(
            f"move {self.service.name} back to {self._names()}",
            add=self._way_back(self.move),
            remove=self.moving,
            why=("its move failed",),
        )

    def _leave_to_swarm(self, reason: str, failed: tuple[StateEdit, ...] = ()) -> Plan:
        return self._step(
            f"end the move of {self.service.name}, wherever it is",
            remove=self.moving,
            why=(reason,),
            intent_edits=failed,
            commit_edits=(SetMove(self.service.id, None),),
            is_failure=True,
        )

    # parts

    def _is_for_the_way_out(self) -> bool:
        return set(self.moving) != set(self._way_back(self.move))

    def _way_back(self, back: Move) -> tuple[str, ...]:
        if self.service.replicas == 1:
            return (move_to(back.nodes[0]),)
        return (move_off(back.source),)

    def _is_in_place(self) -> bool:
        """Whether all tasks run where the constraints of the move, or without them the journal, want them."""
        desired = self.moving
        if not desired and self.service.replicas == 1:
            desired = (move_to(self.move.nodes[0]),)
        elif not desired:
            desired = (move_off(self.move.source),)
        if missing_tasks(self.snapshot, self.service):
            return False
        for task in self.tasks:
            node = self.snapshot.node_by_id.get(task.node_id or "")
            if node is None or not node.is_ready or not task.is_running or violated(desired, node):
                return False
        return True

    def _is_stuck(self) -> bool:
        return bool(self.waiting) or self.service.is_update_paused

    def _relocation(self, failed: str | None) -> AddRelocation:
        move = self.move
        made = Relocation(move.source, move.nodes[0], self.now, move.memory_bytes, failed)
        return AddRelocation(self.service.id, made)

    def _settles(self, failed: str | None) -> tuple[StateEdit, ...]:
        gone = SetMove(self.service.id, None)
        # the failure that is being undone is remembered already
        return (gone,) if self.move.kind == BACK else (gone, self._relocation(failed))

    def _step(
        self,
        purpose: str,
        *,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        why: tuple[str, ...],
        intent_edits: tuple[StateEdit, ...] = (),
        commit_edits: tuple[StateEdit, ...] = (),
        is_failure: bool = False,
    ) -> Plan:
        service = self.service
        step = PlaceService(
            service_id=service.id,
            name=service.name,
            purpose=purpose,
            constraints=service.constraints,
            add=add,
            remove=tuple(text for text in remove if text not in add),
            why=why,
            intent_edits=intent_edits,
            commit_edits=commit_edits,
            # it is what frees an update that cannot end
            while_updating=is_failure or self.move.kind == BACK,
        )
        warnings = (f"{service.name}: {'; '.join(why)}",) if is_failure else ()
        return Plan(steps=(step,), warnings=warnings, requeue_after=AGAIN_SECONDS)

    def _wait(self, text: str) -> Plan:
        return Plan(notes=(f"{self.service.name} {text}",), requeue_after=AGAIN_SECONDS)

    def _names(self) -> str:
        nodes = (self.snapshot.node_by_id.get(node_id) for node_id in self.move.nodes)
        return ", ".join(node.hostname for node in nodes if node is not None) or "a node that is gone"

    def _complaint(self) -> str:
        errors = sorted({task.error for task in self.waiting} - {""})
        return f"; Swarm says: {'; '.join(errors)}" if errors else ""

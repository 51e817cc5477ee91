# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finish or undo moves for balance and spreading that are under way.

Each move gets one decision per cycle, from the snapshot and the journal. So a controller can die at any
point: the next one continues.

- All tasks have arrived: the constraint of the move is removed, and the move is saved as made.
- Swarm cannot finish it (it finds no node, or the update is paused), or it takes too long: the service moves
  back to its previous node, and the failure is saved. If that fails too, the constraint is removed, and Swarm
  decides.
- Someone else has removed the constraint (a rollback, a redeploy): the move is saved or forgotten, without a
  write.
- A move of one task of several does not go back after a failure: Swarm decides where the task runs.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import (
    BACK,
    REBALANCE,
    SPREAD,
    AddRelocation,
    Move,
    Relocation,
    SetMove,
    State,
    StateEdit,
)
from ..._model.steps import Plan
from ..anchors.groups import AnchorGroup
from ..relocation.ending import Ending, node_names
from ..relocation.status import BALANCE_POLICY, Progress
from ..scheduling.managed import move_constraints, move_off, move_to, user_constraints
from ..scheduling.placement import obstacles

DEFAULT_LIMIT_SECONDS = BALANCE_POLICY.limit_seconds

# when to check a move again that is under way
REQUEUE_SECONDS = BALANCE_POLICY.requeue_seconds


def balancing_moves(state: State) -> dict[str, Move]:
    """Return service ID → the journaled move for balance or spreading, or the move back."""
    kinds = (REBALANCE, SPREAD, BACK)
    return {service_id: move for service_id, move in state.moves.items() if move.kind in kinds}


def plan_moves_under_way(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    state: State,
    now: float,
    limit_seconds: float = DEFAULT_LIMIT_SECONDS,
) -> Plan:
    """Plan the ends of moves for balance. This needs no measurements. ``now`` is in seconds since the epoch.

    ``limit_seconds``: how long a move may take before it is undone. A service that has become a follower in
    the meantime is left to the follower planner.
    """
    followers = {follower.service.id for group in groups for follower in group.followers}
    plan = Plan()
    for service_id, move in sorted(balancing_moves(state).items()):
        service = snapshot.service_by_id.get(service_id)
        if service is None:
            plan += Plan(remember=(SetMove(service_id, None),))
        elif service_id not in followers:
            plan += _Ending(_progress(snapshot, service, move, now, limit_seconds), move).plan()
    return plan


def _progress(
    snapshot: SwarmSnapshot, service: Service, move: Move, now: float, limit_seconds: float
) -> Progress:
    route = _route(service, move)
    policy = replace(BALANCE_POLICY, limit_seconds=limit_seconds)
    # the journal may say that it moves back while the constraint still leads forward
    way_out = {move_to(move.source), move_off(move.nodes[0])}
    superseded = move.kind == BACK and not way_out.isdisjoint(move_constraints(service))
    return Progress(snapshot, service, move, now, policy, route=route, superseded=superseded)


def _route(service: Service, move: Move) -> tuple[str, ...]:
    """Return the constraints that lead to the journaled target."""
    return (move_to(move.nodes[0]),) if service.replicas == 1 else (move_off(move.source),)


class _Ending(Ending):
    """End one move. After a failure, the unit moves back if possible."""

    def __init__(self, progress: Progress, move: Move) -> None:
        super().__init__(progress, move.nodes)
        self._move = move

    def edits(self, failure: Reason | None) -> tuple[StateEdit, ...]:
        # the failure behind a move back is already saved
        made = () if self._move.kind == BACK else (self._made(failure),)
        return (*super().edits(failure), *made)

    def end(self, why: tuple[Reason, ...], failure: Reason | None, **options: Any) -> Plan:
        if self._move.stays:
            # this write ends the update, which would otherwise go on to the next task
            options = {"while_updating": True, **options}
        return super().end(why, failure, **options)

    def void(self) -> Plan:
        return Plan(remember=super().edits(None))

    def supersede(self) -> Plan:
        return self._go_back(self._move, Reason("earlier_move_failed"))

    def fail(self, failure: Reason) -> Plan:
        """Move it back to its previous node if it can run there."""
        if self._move.kind == BACK or self._move.stays or not self.progress.moving:
            return super().fail(failure)
        snapshot, service, move, failed = (
            self.progress.snapshot,
            self.service,
            self._move,
            self._made(failure),
        )
        warnings = Plan(warnings=(self.failed(failure),))
        source = snapshot.node_by_id.get(move.source)
        if source is None or obstacles(snapshot, service, source, user_constraints(service)):
            gone = super().edits(failure)
            return warnings + self.end((failure,), failure, intent_edits=(failed,), commit_edits=gone)
        back = Move("", (move.source,), self.progress.now, kind=BACK, source=move.nodes[0])
        return warnings + self._go_back(back, failure, (SetMove(service.id, back), failed))

    def _go_back(self, back: Move, why: Reason, intent_edits: tuple[StateEdit, ...] = ()) -> Plan:
        nodes = node_names(self.progress.snapshot, back.nodes)
        return self.end(
            (why,),
            why,
            purpose=Reason("service_moved_back", service=self.name, nodes=nodes),
            add=_route(self.service, back),
            intent_edits=intent_edits,
            commit_edits=(),
        )

    def _made(self, failure: Reason | None) -> AddRelocation:
        move, now = self._move, self.progress.now
        made = Relocation(move.source, move.nodes[0], now, move.memory_bytes, failure)
        return AddRelocation(self.service.id, made)

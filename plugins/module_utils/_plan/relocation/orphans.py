# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orphans: what Orcastra has done to services that are no followers any more. End it, and take it back.

- A move under way always ends: it is finished or undone, whatever the configuration says by now. If only a
  part of the configuration is given, another task may have begun the move and gets some time to end it.
- A constraint that only holds a service to an anchor's label goes only if the whole configuration is known.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Set

from ..._model.desired import Removals
from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import FOLLOW, Move, SetAttempts, SetMove, State, StateEdit
from ..._model.steps import Plan
from ..scheduling.managed import move_constraints, ours_to_hold
from .ending import Ending, place_service
from .status import ORPHAN_POLICY, Progress, Status, has_stale_number, runs_as_moved, scaled_from

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
            plan += Plan(notes=(Reason("follows_foreign_anchor", service=service.name, anchor=move.anchor),))
            continue
        purge = removals is Removals.ALLOWED
        orphaned = ours_to_hold(service) if purge else ()
        if _is_moving(service, move):
            progress = Progress(snapshot, service, move, now, ORPHAN_POLICY, superseded=purge)
            plan += _Ending(progress, orphaned, undo=purge).plan()
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
        note = Reason("orphan_waits_for_update", service=service.name)
        return Plan(notes=(note,), remember=commit_edits)
    step = place_service(
        service,
        Reason("orphan_released", service=service.name),
        remove=orphaned,
        why=(Reason("follows_no_anchor"),),
        commit_edits=commit_edits,
    )
    return Plan(steps=(step,))


class _Ending(Ending):
    """How the move of a service ends that follows no anchor of this configuration.

    ``orphaned``: what else is to be taken off the service in the same write. ``undo``: the service depends on
    nothing any more, so its move ends at once. Else another task may still want it, and it is finished.
    """

    def __init__(self, progress: Progress, orphaned: tuple[str, ...], *, undo: bool) -> None:
        super().__init__(progress, progress.move.nodes if progress.move is not None else ())
        self._orphaned = orphaned
        self._undo = undo

    @property
    def purpose(self) -> Reason:
        if self._orphaned or self._undo:
            return Reason("orphan_released", service=self.name)
        return super().purpose

    @property
    def removed(self) -> tuple[str, ...]:
        return (*self._orphaned, *self.progress.moving)

    def edits(self, failure: Reason | None) -> tuple[StateEdit, ...]:
        return super().edits(failure) if self.progress.move is not None else ()

    def supersede(self) -> Plan:
        return self.end((Reason("follows_no_anchor"),), None, while_updating=True)

    def void(self) -> Plan:
        """The user's number of tasks stays; to tasks that find no node, a write would be of no use."""
        if self.progress.status is Status.VOID:
            return super().void()
        runs = runs_as_moved(self.progress.snapshot, self.service)
        if self.service.is_updating or not (self._orphaned or runs):
            return Plan(notes=(Reason("record_removed_later", service=self.name),))
        return self.end((Reason("rescaled_by_user"),), None)

    def fail(self, failure: Reason) -> Plan:
        lost = Reason("journal_entry_lost") if self.progress.move is None else failure
        return self.end((lost,), failure)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clean up orphans: managed constraints and moves of services that are no longer followers.

- A move under way is always finished or undone, whatever the configuration now contains. If only a part of
  the configuration is given, another task may own the move, and gets some time to end it.
- A constraint on an anchor's label is removed only if the whole configuration is known.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Set

from ..._model.desired import Removals
from ..._model.ownership import without
from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import FOLLOW, Move, SetAttempts, SetMove, State, StateEdit
from ..._model.steps import Plan
from ..scheduling.finished import would_run_again
from ..scheduling.managed import managed_label_constraints, move_constraints
from .ending import Ending, place_service
from .status import ORPHAN_POLICY, Progress, Status, has_stale_number, runs_as_moved, scaled_from

# how long another task may take to end a move that it has begun
FOREIGN_SECONDS = 60.0


def plan_orphans(
    snapshot: SwarmSnapshot,
    state: State,
    followers: Set[str],
    now: float,
    removals: Removals = Removals.ALLOWED,
) -> Plan:
    """Plan what to remove from each service whose ID is not in ``followers``, and what to forget.

    ``now`` is in seconds since the epoch. Constraints on labels are only removed if ``removals`` are allowed.
    """
    plan = Plan()
    for service in sorted(snapshot.services, key=lambda service: service.name):
        move = state.moves.get(service.id)
        if service.id in followers or (move is not None and move.kind != FOLLOW):
            continue  # another planner ends moves for balance and drains
        if removals is Removals.FOREIGN and move is not None and now - move.since < FOREIGN_SECONDS:
            plan += Plan(notes=(Reason("follows_foreign_anchor", service=service.name, anchor=move.anchor),))
            continue
        purge = removals is Removals.ALLOWED
        orphaned = managed_label_constraints(service) if purge else ()
        if _is_moving(service, move):
            progress = Progress(snapshot, service, move, now, ORPHAN_POLICY, superseded=purge)
            plan += _Ending(progress, orphaned, undo=purge).plan()
        elif orphaned:
            plan += _release(snapshot, service, orphaned, move)
        elif move is not None:
            plan += Plan(remember=(SetMove(service.id, None),))
    gone = sorted((state.moves.keys() | state.attempts.keys()) - snapshot.service_by_id.keys())
    forgotten = [edit for key in gone for edit in (SetMove(key, None), SetAttempts(key, None))]
    return plan + Plan(remember=tuple(forgotten))


def _is_moving(service: Service, move: Move | None) -> bool:
    """Return whether the service still has traces of a move."""
    scaled = scaled_from(service, move) is not None or has_stale_number(service)
    return scaled or bool(move_constraints(service))


def _release(snapshot: SwarmSnapshot, service: Service, orphaned: tuple[str, ...], move: Move | None) -> Plan:
    """Remove the constraint on an anchor's label, unless that would run finished tasks again."""
    commit_edits = (SetMove(service.id, None),) if move is not None else ()
    if service.is_updating:
        note = Reason("orphan_waits_for_update", service=service.name)
        return Plan(notes=(note,), remember=commit_edits)
    desired = [task for task in snapshot.tasks_of(service) if task.should_run]
    if would_run_again(snapshot, service, without(service.constraints, orphaned), desired):
        note = Reason("constraint_kept_for_tasks", service=service.name)
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
    """End the move of a service that follows no anchor of this configuration.

    ``orphaned``: constraints to remove in the same write. ``undo``: the service no longer depends on
    anything, so its move ends at once. Otherwise another task may need the move, so it is finished.
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
        """Keep the user's number of tasks. While tasks find no node, a write would not help them."""
        if self.progress.status is Status.VOID:
            return super().void()
        runs = runs_as_moved(self.progress.snapshot, self.service)
        if self.service.is_updating or not (self._orphaned or runs):
            return Plan(notes=(Reason("record_removed_later", service=self.name),))
        return self.end((Reason("rescaled_by_user"),), None)

    def fail(self, failure: Reason) -> Plan:
        lost = Reason("journal_entry_lost") if self.progress.move is None else failure
        return self.end((lost,), failure)

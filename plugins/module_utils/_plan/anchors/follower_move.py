# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End the move of a follower: co-located, moved on with its anchor, or undone."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._model.reasons import Reason
from ..._model.state import Move, SetAttempts, SetMove, StateEdit
from ..._model.steps import Plan
from ..relocation import moves
from ..relocation.ending import Ending
from ..relocation.status import FOLLOW_POLICY, Progress, Status, runs_as_moved
from ..scheduling.managed import move_constraints
from .backoff import NO_FAILURES
from .follower_case import FollowerCase


class FollowerMove(Ending):
    """Decide the next step of the current move of ``case``'s follower."""

    def __init__(self, case: FollowerCase) -> None:
        self.case = case
        follower, place = case.follower, case.group.place
        leads = (
            not place.settled or not place.on or moves.leads_to_anchor(case.snapshot, case.group, follower)
        )
        progress = Progress(
            case.snapshot,
            case.service,
            # the entry may be lost, or a rollback has restored the constraint
            case.move or Move(case.dependency.anchor, follower.targets, case.now),
            case.now,
            replace(FOLLOW_POLICY, limit_seconds=case.give_up_seconds),
            superseded=not leads,
            is_ordered=follower.needs_order(case.dependency),
        )
        super().__init__(progress, follower.targets or (case.move.nodes if case.move is not None else ()))

    def plan(self) -> Plan:
        case, plan = self.case, super().plan()
        if case.move is None and self.progress.replicas is None:
            # the time limit of the move starts now
            journal = SetMove(self.service.id, self.progress.move)
            return Plan(remember=(journal,)) + plan
        return plan

    @property
    def removed(self) -> tuple[str, ...]:
        return (*self.case.orphaned, *move_constraints(self.service))

    def edits(self, failure: Reason | None) -> tuple[StateEdit, ...]:
        """After a success, forget the attempts, so that the next move starts without a pause."""
        attempts = self.case.attempts
        if failure is None and attempts is not None and attempts.reason in NO_FAILURES:
            return (*super().edits(None), SetAttempts(self.service.id, None))
        return super().edits(failure)

    def end(self, why: tuple[Reason, ...], failure: Reason | None, **options: Any) -> Plan:
        case = self.case
        add = () if case.would_run_again(case.managed, self.removed) else case.managed
        return super().end(why, failure, **{"add": add, **options})

    def finish(self) -> Plan:
        return self.end((Reason("beside_anchor", anchor=self.case.dependency.anchor),), None)

    def fail(self, failure: Reason) -> Plan:
        if self.progress.status is Status.FAILED:
            return self.end((failure,), failure)
        return self.end((failure,), failure, purpose=Reason("move_undone", service=self.name))

    def supersede(self) -> Plan:
        """Follow the anchor, which has moved again, as soon as a write cancels no update."""
        case, anchor = self.case, self.case.dependency.anchor
        if case.may_move_on():
            return case.move_on()
        if self.service.update_state == "updating" and not case.follower.waiting:
            note = Reason("move_continues_later", service=self.name, anchor=anchor)
            return Plan(notes=(note,), requeue_after=self.progress.policy.requeue_seconds)
        failure = Reason("anchor_moved_on", anchor=anchor)
        arrived = runs_as_moved(case.snapshot, self.service)
        return self.end((failure,), failure, commit_edits=self.edits(None if arrived else failure))

    def start_again(self, **options: Any) -> Plan:
        """Scale the service back up, on its anchor's node if that is known."""
        case, place, move = self.case, self.case.group.place, self.progress.move
        if not place.settled or not place.on or not case.follower.can_follow or move is None:
            purpose = Reason("service_started_again", service=self.name)
            return super().start_again(
                purpose=purpose,
                add=case.managed,
                commit_edits=(SetMove(self.service.id, None),),
                **options,
            )
        return super().start_again(
            purpose=Reason("service_started", service=self.name, nodes=self.to),
            add=(*case.managed, *moves.constraints_to_move(case.snapshot, case.group, case.follower)),
            # the time limit of the move itself starts now
            commit_edits=(SetMove(self.service.id, replace(move, replicas=None, since=case.now)),),
            **options,
        )

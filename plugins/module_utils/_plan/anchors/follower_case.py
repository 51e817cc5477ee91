# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts behind the decision on a follower: earlier attempts, waits, effects of a write."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from ..._model.desired import Dependency
from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot, Task
from ..._model.state import Attempts, Move, SetAttempts, SetMove, State, StateEdit
from ..._model.steps import Edit, Plan, Step
from ..relocation import moves
from ..scheduling.finished import would_run_again
from ..scheduling.managed import move_constraints
from .backoff import MISPLACED, calm_seconds, exhausted, forget_seconds
from .groups import AnchorGroup, Follower, labelled
from .unrest import moved, wait_for_rest

# when to check an update again that is not ours
UPDATE_SECONDS = 5.0


@dataclass
class Result:
    """The combined plan of all followers, collected one by one."""

    snapshot: SwarmSnapshot
    groups: tuple[AnchorGroup, ...]
    steps: list[Step] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    remember: list[Edit] = field(default_factory=list)
    requeue_after: float | None = None

    @cached_property
    def after_labels(self) -> SwarmSnapshot:
        return labelled(self.snapshot, self.groups)

    @cached_property
    def groups_of(self) -> dict[str, tuple[AnchorGroup, ...]]:
        """Service ID of a follower → the groups of its anchors."""
        found: dict[str, tuple[AnchorGroup, ...]] = {}
        for group in self.groups:
            for follower in group.followers:
                found[follower.service.id] = (*found.get(follower.service.id, ()), group)
        return found

    @cached_property
    def _moving(self) -> frozenset[str]:
        return frozenset(
            follower.service.id
            for group in self.groups
            for follower in group.followers
            if follower.misplaced or move_constraints(follower.service)
        )

    def is_moving(self, service: Service) -> bool:
        """Return whether an anchor is itself a follower that is misplaced or moving."""
        return service.id in self._moving

    def add(self, plan: Plan) -> None:
        self.steps += plan.steps
        self.warnings += plan.warnings
        self.notes += plan.notes
        self.remember += plan.remember
        if plan.requeue_after is not None:
            self.requeue(plan.requeue_after)

    def requeue(self, seconds: float) -> None:
        self.requeue_after = seconds if self.requeue_after is None else min(self.requeue_after, seconds)


class FollowerCase:
    """A follower in one cycle. ``_plan.anchors.followers`` decides what to do with it.

    ``groups``: those of its anchors. ``group``: that of the leading anchor, with the follower's own anchorage
    as its place.
    """

    snapshot: SwarmSnapshot
    groups: tuple[AnchorGroup, ...]
    group: AnchorGroup
    dependency: Dependency
    follower: Follower
    service: Service
    state: State
    move: Move | None
    attempts: Attempts | None
    now: float
    give_up_seconds: float
    result: Result

    managed: tuple[str, ...]
    orphaned: tuple[str, ...]

    def move_on(self) -> Plan:
        """Move it from the previous to the present node of its anchor."""
        raise NotImplementedError

    # conditions to wait for

    def _claims(self, attempts: Attempts) -> tuple[StateEdit, ...]:
        service, state = self.service, self.state
        track = moved(self.groups, service, self.follower.targets, state, self.now)
        return (SetAttempts(service.id, attempts), track)

    def _wait_for_rest(self) -> float:
        return wait_for_rest(self.groups, self.service, self.state, self.now)

    def _goes_by_label(self) -> bool:
        """Return whether it is enough to remove the label from its node, which the leading anchor has
        left."""
        if any(task.node_id in self.follower.anchorage.places[0].on for task in self.follower.misplaced):
            return False
        return moves.goes_by_label(self.snapshot, self.group, self.follower)

    def may_move_on(self) -> bool:
        """Return whether the next move may begin while Swarm still monitors the previous one."""
        return (
            moves.is_only_watched(self.snapshot, self.service)
            and self.follower.can_follow
            and not self.follower.finished
            and moves.why_scaled(self.follower, self.dependency) is None
            and self._wait_for_rest() == 0
        )

    # effects of a write

    def would_run_again(self, add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[Task, ...]:
        """Return the finished tasks that a write of these constraints would run again."""
        kept = tuple(text for text in self.service.constraints if text not in remove)
        for snapshot in (self.snapshot, self.result.after_labels):
            # both cases: the labels of anchors are written first, but that may fail
            again = would_run_again(snapshot, self.service, (*kept, *add), self.follower.desired)
            if again:
                return again
        return ()

    def _may_be_written(self) -> bool:
        """Return whether a write now neither disturbs an update nor starts a task.

        Swarm treats a task that ends quickly as a failure and pauses its update. If the only task has
        completed, a write cannot resume anything of that update.
        """
        service, over = self.service, self.follower.finished
        if service.update_state == "paused":
            return service.replicas == 1 and len(over.done) == 1 and not self.follower.desired
        return self.follower.is_complete and not service.is_updating

    # reports

    def note(self, reason: Reason) -> None:
        self.result.notes.append(reason)

    def _warn_of_parted_anchors(self) -> None:
        """Report the anchors that it does not follow, unless they are about to join it."""
        anchorage = self.follower.anchorage
        apart = [
            place.dependency.anchor
            for place in anchorage.apart
            if place.service is None or not self.result.is_moving(place.service)
        ]
        if apart:
            lead = anchorage.place.dependency.anchor
            self.result.warnings.append(
                Reason("anchors_apart", service=self.service.name, anchor=lead, others=apart)
            )

    def _wait_for_update(self) -> None:
        state = self.service.update_state
        if state in ("updating", "rollback_started"):
            self.note(Reason("misplaced_until_updated", service=self.service.name, state=state))
            self.result.requeue(UPDATE_SECONDS)
            return
        # it stays paused until the user acts
        anchor = self.dependency.anchor
        warning = Reason("misplaced_and_paused", service=self.service.name, anchor=anchor, state=state)
        self.result.warnings.append(warning)

    # earlier attempts

    def _given_up(self) -> Reason | None:
        if self.attempts is not None and self.attempts.given_up is not None:
            return self.attempts.given_up
        return exhausted(self.attempts, self.dependency.retry_intervals, self.give_up_seconds, self.now)

    def _give_up(self, reason: Reason) -> None:
        warning = Reason("service_given_up", service=self.service.name, why=reason, problem=MISPLACED)
        self.result.warnings.append(warning)
        if self.attempts is not None and self.attempts.given_up is None:
            edit = SetAttempts(self.service.id, replace(self.attempts, given_up=reason))
            self.result.remember.append(edit)

    def _forget(self) -> None:
        if self.move is not None:
            self.result.remember.append(SetMove(self.service.id, None))
        if self.attempts is None:
            return
        if self.service.is_update_running:
            self.result.requeue(UPDATE_SECONDS)  # Swarm may still roll it back
            return
        intervals = self.dependency.retry_intervals
        seconds = forget_seconds(self.attempts, intervals, self.now)
        if self.service.update_state not in (None, "completed"):
            # it runs, but the move failed
            seconds = max(seconds, calm_seconds(self.attempts, intervals, self.now))
        if seconds > 0:
            self.result.requeue(seconds)
        else:
            self.result.remember.append(SetAttempts(self.service.id, None))

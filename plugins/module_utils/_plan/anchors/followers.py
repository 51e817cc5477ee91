# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the moves that bring followers to their anchor's node and keep them there.

For each follower of an anchor whose place is known, the planner makes one decision per cycle, from the
snapshot alone. The journal only adds when a move began and how many tasks to scale back to. So a controller
can die at any point: the next one sees the same snapshot and continues.

- Co-located: a constraint on the anchor's label keeps it there, and the traces of a move are removed.
- Misplaced: ``ordered`` adds a constraint that its present node violates, so Swarm waits up to a minute for
  the old container to stop before it starts the new one. ``evict`` only moves the label:
  ``_plan.labels.plan`` removes it from the old node.
- A stateful service for which Swarm would not wait is scaled to 0 and back.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._model.desired import Dependency, Removals
from ..._model.reasons import Reason
from ..._model.service_steps import ScaleService
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import Attempts, Move, SetMove, State, StateEdit
from ..._model.steps import Plan
from ..hints import no_service, service_hint
from ..relocation import moves
from ..relocation.ending import node_names, place_service, task_nodes
from ..relocation.orphans import plan_orphans
from ..relocation.status import FOLLOW_POLICY, has_stale_number, leader_of, scaled_from
from ..scheduling.managed import managed_constraints, managed_label_constraints, move_constraints
from .backoff import MISPLACED, forget_seconds, next_attempt, wait_seconds
from .explanations import cannot_follow, may_still_run, why_misplaced, why_not_evict
from .follower_case import UPDATE_SECONDS, FollowerCase, Result
from .follower_move import FollowerMove
from .groups import AnchorGroup, Follower

DEFAULT_GIVE_UP_SECONDS = FOLLOW_POLICY.limit_seconds

# when to check a move again that is about to begin
MOVING_SECONDS = FOLLOW_POLICY.requeue_seconds


def plan_followers(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    state: State,
    now: float,
    give_up_seconds: float = DEFAULT_GIVE_UP_SECONDS,
    removals: Removals = Removals.ALLOWED,
    *,
    begin: bool = True,
) -> Plan:
    """Plan the moves of followers. ``now`` is in seconds since the epoch.

    ``give_up_seconds``: how long a service may be misplaced or failing before it is given up. ``removals``:
    the policy for managed constraints on the labels of anchors that aren't configured. Without ``begin``, the
    plan only ends the moves that are under way, of any instance.
    """
    result = Result(snapshot, groups)
    followers: set[str] = set()
    for group in groups:
        for name in group.missing if begin else ():
            result.warnings.append(
                Reason(
                    "follower_not_found",
                    anchor=group.dependency.anchor,
                    problem=no_service(snapshot, name, group.dependency.stack),
                    hint=service_hint(snapshot, name, group.dependency.stack),
                )
            )
        if group.unrest is not None:
            result.warnings.append(group.unrest)
        for follower in group.followers:
            followers.add(follower.service.id)
            if not follower.is_led_by(group.dependency):
                continue
            decision = _Decision(snapshot, group, follower, state, now, give_up_seconds, result)
            if begin or decision.is_under_way:
                decision.decide()
            decision.drop_void_entry()
    plan = Plan(
        tuple(result.steps),
        tuple(result.warnings),
        tuple(result.notes),
        tuple(result.remember),
        result.requeue_after,
    )
    return plan + plan_orphans(snapshot, state, followers, now, removals if begin else Removals.HELD)


class _Decision(FollowerCase):
    """Decide the next action for one follower."""

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        group: AnchorGroup,
        follower: Follower,
        state: State,
        now: float,
        give_up_seconds: float,
        result: Result,
    ) -> None:
        self.snapshot = snapshot
        self.groups = result.groups_of[follower.service.id]
        self.group = replace(group, place=follower.anchorage.place)
        self.dependency: Dependency = group.dependency
        self.follower = follower
        self.service: Service = follower.service
        self.move: Move | None = state.moves.get(self.service.id)
        self.attempts: Attempts | None = state.attempts.get(self.service.id)
        self.scaled_from = scaled_from(self.service, self.move)
        self.foreign = follower.kept
        self.managed, self.orphaned = self._managed()
        self.state = state
        self.now = now
        self.give_up_seconds = give_up_seconds
        self.result = result

    @property
    def is_under_way(self) -> bool:
        """Return whether a move of the service has begun but not ended."""
        return self.scaled_from is not None or bool(move_constraints(self.service))

    def decide(self) -> None:
        service, place = self.service, self.group.place
        lost = may_still_run(self.snapshot, self.follower)
        if lost is not None and self.follower.needs_order(self.dependency):
            self.result.notes.append(lost)
        self._warn_of_parted_anchors()
        if service.mode not in ("replicated", "global"):
            self.note(Reason("job_not_moved", service=service.name, mode=service.mode))
        elif self.is_under_way:
            self.result.add(FollowerMove(self).plan())
        elif not place.on or not place.settled:
            self._hold(replace_only=True)
        elif not self.follower.misplaced:
            self._keep_in_place()
        elif self.follower.runs_to_its_end:
            nodes = task_nodes(self.snapshot, self.follower.misplaced)
            self.note(Reason("follower_runs_to_its_end", service=service.name, nodes=nodes))
        elif not self.follower.can_follow:
            self.result.warnings += cannot_follow(self.snapshot, self.follower)
        elif self._goes_by_label():
            self._hold()
            self.result.requeue(MOVING_SECONDS)
        else:
            self._start()

    def drop_void_entry(self) -> None:
        """Forget a journaled move that never began or was undone."""
        if (
            self.move is not None
            and not self.is_under_way
            and self.now - self.move.since > FOLLOW_POLICY.void_seconds
        ):
            self.result.remember.append(SetMove(self.service.id, None))

    # the cases

    def _keep_in_place(self) -> None:
        """Keep the follower where it is, and forget earlier attempts."""
        self._hold()
        if self.follower.is_in_place:
            self._forget()
        elif self.follower.waiting and not self.follower.can_follow:
            self.result.warnings += cannot_follow(self.snapshot, self.follower)

    def _start(self) -> None:
        """Begin a move if it is due."""
        service, follower = self.service, self.follower
        if service.is_updating:
            self._wait_for_update()
            return
        if follower.stopping and follower.needs_order(self.dependency):
            self.note(Reason("misplaced_until_stopped", service=service.name))
            self.result.requeue(MOVING_SECONDS)
            return
        if has_stale_number(service) and self._may_be_written():
            # it may never move again; if the user then scaled it to 0, this number would count again
            purpose, why = Reason("move_ends", service=service.name), (Reason("rescaled_by_user"),)
            self.result.steps.append(place_service(service, purpose, why=why))
            self.result.requeue(MOVING_SECONDS)
            return
        if self.attempts is not None and self.attempts.reason != MISPLACED and follower.is_complete:
            # it had failed and runs again: start counting the attempts to move it
            if not forget_seconds(self.attempts, self.dependency.retry_intervals, self.now):
                self.attempts = None
        why_scaled = moves.why_scaled(follower, self.dependency)
        add = (*self.managed, *moves.constraints_to_move(self.snapshot, self.group, follower))
        if follower.finished and (why_scaled is not None or self.would_run_again(add, ())):
            nodes = task_nodes(self.snapshot, follower.misplaced)
            self.note(Reason("move_would_repeat_tasks", service=service.name, nodes=nodes))
            self._hold()
            return
        given_up = self._given_up()
        if given_up is not None:
            self._give_up(given_up)
            return
        seconds = wait_seconds(self.attempts, self.dependency.retry_intervals, self.now)
        seconds = max(seconds, self._wait_for_rest())
        if seconds > 0:
            self.note(Reason("misplaced_until_retry", service=service.name, seconds=seconds))
            self.result.requeue(seconds)
            return
        self.result.requeue(MOVING_SECONDS)
        intent_edits = self._claims(next_attempt(self.attempts, MISPLACED, self.now))
        if why_scaled is not None:
            self._scale_down(why_scaled, intent_edits)
        else:
            why_not = why_not_evict(self.snapshot, self.group, follower)
            self.result.add(self._move(add, intent_edits, why_not))

    def _scale_down(self, why_scaled: Reason, intent_edits: tuple[StateEdit, ...]) -> None:
        """Scale the service to 0. It starts on its anchor's node when its containers have stopped."""
        service, follower = self.service, self.follower
        move = Move(
            self.dependency.anchor,
            follower.targets,
            self.now,
            replicas=service.replicas,
            leader=leader_of(self.snapshot),
            recorded=True,
        )
        self.result.steps.append(
            ScaleService(
                service_id=service.id,
                name=service.name,
                replicas_before=service.replicas or 0,
                replicas=0,
                why=(why_misplaced(self.snapshot, self.group, follower), why_scaled),
                why_not=(Reason("constraint_could_overlap"),),
                intent_edits=(*intent_edits, SetMove(service.id, move)),
            )
        )

    def _move(
        self,
        add: tuple[str, ...],
        intent_edits: tuple[StateEdit, ...],
        why_not: tuple[Reason, ...],
        **options: Any,
    ) -> Plan:
        move = Move(self.dependency.anchor, self.follower.targets, self.now)
        nodes = node_names(self.snapshot, self.follower.targets)
        step = place_service(
            self.service,
            Reason("follower_moved", service=self.service.name, nodes=nodes),
            add=add,
            # a constraint on another label could leave it without a node
            remove=(*self.orphaned, *move_constraints(self.service)),
            why=(why_misplaced(self.snapshot, self.group, self.follower),),
            why_not=why_not,
            intent_edits=(*intent_edits, SetMove(self.service.id, move)),
            **options,
        )
        return Plan(steps=(step,))

    def move_on(self) -> Plan:
        """Move it to the present node of its anchor in the same write that ends its previous move."""
        return self._move(
            (*self.managed, *moves.constraints_to_move(self.snapshot, self.group, self.follower)),
            self._claims(next_attempt(None, MISPLACED, self.now)),
            (Reason("no_wait_for_watched_move"),),
            while_updating=True,
        )

    def _hold(self, replace_only: bool = False) -> None:
        """Add a missing constraint on the anchor's label, and remove orphaned constraints.

        ``replace_only``: the anchor's place is unknown, so add no constraint that no node may meet.
        """
        service = self.service
        required = moves.constraints_to_manage(self.follower, self.dependency)
        add = self.managed if replace_only else required
        add = tuple(text for text in add if text not in service.constraints)
        remove = tuple(
            text for text in managed_constraints(service) if text not in required and text not in self.foreign
        )
        needed = moves.constraints_needed(self.follower, self.dependency)
        is_late = not required and any(text in remove for text in needed)
        if needed and not required and not is_late:
            nodes = task_nodes(self.snapshot, self.follower.unpinnable(needed)) or None
            label = self.dependency.label
            self.note(Reason("constraint_could_repeat_tasks", service=service.name, label=label, nodes=nodes))
        is_stale = has_stale_number(service)
        if not add and not remove and not is_stale:
            return
        frees = bool(remove and self.follower.waiting)
        if not self._may_be_written() and not frees:
            # a write starts a new attempt of a task that cannot run, and Swarm pauses an update that fails
            if service.is_updating:
                self.note(
                    Reason("constraints_wait_for_update", service=service.name, state=service.update_state)
                )
            else:
                self.note(Reason("constraints_wait_for_tasks", service=service.name))
            if not service.is_update_paused:
                self.result.requeue(UPDATE_SECONDS)
            return
        if self.would_run_again(add, remove):
            self.note(Reason("constraint_kept_for_tasks", service=service.name))
            return
        why: list[Reason] = []
        purpose = Reason("move_ends", service=service.name)
        if remove:
            purpose = Reason("managed_constraint_removed", service=service.name)
            late = Reason("pinned_too_late", service=service.name)
            why.append(late if is_late else Reason("constraint_not_needed", constraints=remove))
        if add:
            purpose = Reason("follower_held", service=service.name, anchor=self.dependency.anchor)
            why.insert(0, Reason("constraint_missing", anchor=self.dependency.anchor))
        if is_stale:
            why.append(Reason("rescaled_by_user"))
        writes_anyway = frees or service.is_update_paused
        options: dict[str, Any] = {
            "add": add,
            "remove": remove,
            "why": tuple(why),
            "while_updating": writes_anyway,
        }
        self.result.steps.append(place_service(service, purpose, **options))

    def _managed(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the managed constraints that the service needs, if a node has the label, and the orphaned
        ones."""
        required, key, place = (
            moves.constraints_to_manage(self.follower, self.dependency),
            self.dependency.label,
            self.group.place,
        )
        is_labelled = any(node.labels.get(key) == "true" for node in self.snapshot.nodes)
        if required and not is_labelled and not (place.on and place.settled):
            return (), ()
        kept = (*required, *self.foreign)
        return required, tuple(text for text in managed_label_constraints(self.service) if text not in kept)

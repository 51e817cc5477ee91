# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan how followers get to their anchor and stay there.

For each follower of an anchor whose place is known, one decision a cycle, from what is seen alone; the
journal adds since when a move is under way and what to scale back to. So a controller can die anywhere:
the next one sees the same snapshot and goes on.

- In place: it is held there by a constraint on the anchor's label, and the traces of a move are removed.
- Astray: ordered, by a constraint that its present node violates (Swarm starts the new container once the
  old one has stopped, for up to a minute); evicted, by the label alone, which
  ``_plan.labels.plan`` removes.
- A stateful service that Swarm would not wait for is scaled to 0 and back instead.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._model.desired import Dependency, Removals
from ..._model.ownership import replicas_before
from ..._model.service_steps import (
    PlaceService,
    ScaleService,
)
from ..._model.snapshot import Service, SwarmSnapshot
from ..._model.state import (
    Attempts,
    Move,
    SetAttempts,
    SetMove,
    State,
    StateEdit,
)
from ..._model.steps import Plan
from ..hints import no_service, service_hint
from ..relocation import moves
from ..relocation.moves import MOVING_SECONDS
from ..relocation.orphans import plan_orphans
from ..scheduling.managed import (
    move_constraints,
    ours,
    ours_to_hold,
)
from . import wording
from .backoff import (
    MISPLACED,
    NO_FAILURES,
    forget_seconds,
    next_attempt,
    wait_seconds,
)
from .follower_case import (
    UPDATE_SECONDS,
    FollowerCase,
    Result,
)
from .groups import AnchorGroup, Follower

DEFAULT_GIVE_UP_SECONDS = 600.0

# an entry of the journal for which nothing was done is void after that long: its controller is dead
VOID_SECONDS = 60.0


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

    ``give_up_seconds``: how long a service may be out of order before it is reported as given up.
    ``removals``: the policy for managed constraints on the labels of anchors that aren't configured. Without
    ``begin``, moves that are under way are ended, whoever has begun them, and nothing else is done.
    """
    result = Result(snapshot, groups)
    followers: set[str] = set()
    for group in groups:
        for name in group.missing if begin else ():
            missing = no_service(snapshot, name, group.dependency.stack)
            hint = service_hint(snapshot, name, group.dependency.stack)
            also = "" if hint is None else f"; {hint}"
            result.warnings.append(f"dependencies.{group.dependency.anchor}: {missing}{also}")
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
    """What is to become of one follower in this cycle."""

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
        self.scaled_from = moves.scaled_from(self.service, self.move)
        self.foreign = follower.kept
        self.held, self.obsolete = self._held()
        self.state = state
        self.now = now
        self.give_up_seconds = give_up_seconds
        self.result = result
        # where it goes, in words
        targets = follower.targets or (self.move.nodes if self.move is not None else ())
        self.target_names = wording.names_of(snapshot, targets) or "its anchor"
        self.complaint = wording.complaint(follower)

    @property
    def is_under_way(self) -> bool:
        """Whether a move of the service has been begun, and not ended."""
        return self.scaled_from is not None or bool(move_constraints(self.service))

    def decide(self) -> None:
        service, place = self.service, self.group.place
        lost = wording.may_still_run(self.snapshot, self.follower)
        if lost is not None and self.follower.needs_order(self.dependency):
            self.result.notes.append(lost)
        self._tell_apart()
        if service.mode not in ("replicated", "global"):
            self._note(f"is a {service.mode}: jobs are not moved")
        elif self.scaled_from is not None:
            self._scale_back(self.scaled_from)
        elif move_constraints(service):
            self._go_on()
        elif not place.on or not place.settled:
            self._hold(replace_only=True)
        elif not self.follower.misplaced:
            self._settle()
        elif self.follower.runs_to_its_end:
            self._note(
                f"runs to its end on {wording.places_of(self.snapshot, self.follower.misplaced)}: its "
                "restart condition is 'none', so it is not started again elsewhere"
            )
        elif not self.follower.can_follow:
            self.result.warnings += wording.cannot_follow(self.snapshot, self.follower)
        elif self._goes_by_label():
            self._hold()
            self.result.look_again(MOVING_SECONDS)
        else:
            self._start()

    def drop_void_entry(self) -> None:
        """Forget a move that was journaled and never begun, or undone."""
        if self.move is not None and not self.is_under_way and self.now - self.move.since > VOID_SECONDS:
            self.result.remember.append(SetMove(self.service.id, None))

    # the cases

    def _settle(self) -> None:
        """Nothing is astray: hold it there, and forget what was tried."""
        self._hold()
        if self.follower.is_in_place:
            self._forget()
        elif self.follower.waiting and not self.follower.can_follow:
            self.result.warnings += wording.cannot_follow(self.snapshot, self.follower)

    def _start(self) -> None:
        """Begin a move, if it is time to."""
        service, follower = self.service, self.follower
        if service.is_updating:
            self._wait_for_update()
            return
        if follower.stopping and follower.needs_order(self.dependency):
            self._note("is astray; it is moved once an earlier container of it has stopped")
            self.result.look_again(MOVING_SECONDS)
            return
        if self.attempts is not None and self.attempts.reason != MISPLACED and follower.is_complete:
            # it had failed and runs again: the attempts to move it are counted afresh
            if not forget_seconds(self.attempts, self.dependency.retry_intervals, self.now):
                self.attempts = None
        why_scaled = moves.why_scaled(follower, self.dependency)
        add = (*self.held, *moves.constraints_to_move(self.snapshot, self.group, follower))
        if follower.finished and (why_scaled is not None or self._would_run_again(add, ())):
            places = wording.places_of(self.snapshot, follower.misplaced)
            self._note(f"stays on {places}: a move would run those of its tasks again that have finished")
            return
        given_up = self._given_up()
        if given_up is not None:
            self._give_up(given_up)
            return
        seconds = wait_seconds(self.attempts, self.dependency.retry_intervals, self.now)
        seconds = max(seconds, self._wait_for_rest())
        if seconds > 0:
            self._note(f"is astray; the next attempt to move it is in {seconds:.0f} s")
            self.result.look_again(seconds)
            return
        self.result.look_again(MOVING_SECONDS)
        intent_edits = self._claims(next_attempt(self.attempts, MISPLACED, self.now))
        why = wording.why_misplaced(self.snapshot, self.group, follower)
        if why_scaled is not None:
            move = Move(
                self.dependency.anchor,
                follower.targets,
                self.now,
                replicas=service.replicas,
                leader=moves.leader_of(self.snapshot),
                recorded=True,
            )
            self.result.steps.append(
                ScaleService(
                    service_id=service.id,
                    name=service.name,
                    replicas_before=service.replicas or 0,
                    replicas=0,
                    why=(why, why_scaled),
                    why_not=("a move by a constraint: two copies could run at once",),
                    intent_edits=(*intent_edits, SetMove(service.id, move)),
                )
            )
            return
        self._move(add, intent_edits, wording.why_not_evict(self.snapshot, self.group, follower))

    def _move(
        self,
        add: tuple[str, ...],
        intent_edits: tuple[StateEdit, ...],
        why_not: tuple[str, ...],
        **options: Any,
    ) -> None:
        move = Move(self.dependency.anchor, self.follower.targets, self.now)
        self._place(
            f"move {self.service.name} to {self.target_names}",
            add=add,
            # a constraint on another label could leave it without a node
            remove=(*self.obsolete, *move_constraints(self.service)),
            why=(wording.why_misplaced(self.snapshot, self.group, self.follower),),
            why_not=why_not,
            intent_edits=(*intent_edits, SetMove(self.service.id, move)),
            **options,
        )

    def _move_on(self) -> None:
        """It has arrived where its anchor was: move it on in the same write that ends that move."""
        self._move(
            (*self.held, *moves.constraints_to_move(self.snapshot, self.group, self.follower)),
            self._claims(next_attempt(None, MISPLACED, self.now)),
            ("waiting until Swarm has watched the last move: it has arrived, and its anchor has moved on",),
            while_updating=True,
        )

    def _go_on(self) -> None:
        """A move is under way: finish it, follow the anchor on, or undo it."""
        service, follower, place = self.service, self.follower, self.group.place
        self.result.look_again(MOVING_SECONDS)
        if self.move is None:
            # its entry was lost, or a rollback has brought the constraint back: its time runs from now on
            targets = follower.targets
            self.result.remember.append(SetMove(service.id, Move(self.dependency.anchor, targets, self.now)))
        leads = (
            not place.settled or not place.on or moves.leads_to_anchor(self.snapshot, self.group, follower)
        )
        if leads and moves.has_arrived(self.snapshot, follower):
            if service.update_state == "updating":
                self._note("is in place; its move ends once Swarm has watched the update for long enough")
            else:
                why = f"it runs beside {self.dependency.anchor}"
                self._end(f"end the move of {service.name}", why, has_succeeded=True)
        elif follower.stopping and follower.needs_order(self.dependency):
            # a write now would have Swarm start the next container without waiting for this one
            self._note(f"stops on {wording.places_of(self.snapshot, follower.stopping)}")
        elif not leads:
            if self._may_move_on():
                self._move_on()
            elif service.update_state == "updating" and not follower.waiting:
                self._note("is on its way to where its anchor was; it goes on once its update is over")
            else:
                why = f"{self.dependency.anchor} has moved on"
                arrived = moves.runs_as_moved(self.snapshot, service)
                self._end(f"end the move of {service.name}", why, has_succeeded=arrived)
        elif not follower.is_complete and not follower.desired and not service.is_update_running:
            # what is wrong with it has nothing to do with where it is to run
            self._end(f"end the move of {service.name}", "Swarm has given it up where it went")
        elif self.move is not None and self.now - self.move.since > (limit := self._longest()):
            reason = f"it has not ended within {limit:g} s{self.complaint}"
            self._end(f"undo the move of {service.name}", reason)
        else:
            self._note(f"is on its way to {self.target_names}{self.complaint}")

    def _scale_back(self, replicas: int) -> None:
        """The service was scaled to 0 for a move: scale it back once all of its containers have stopped."""
        service, follower, place = self.service, self.follower, self.group.place
        # the entry may have been lost; the service's own record is enough
        move = self.move or Move(self.dependency.anchor, follower.targets, self.now)
        self.result.look_again(MOVING_SECONDS)
        if follower.stopping or any(task.node_id is not None for task in follower.desired):
            self._note(f"stops; it is started beside {self.dependency.anchor} after that")
            return
        unseen = moves.unseen(self.snapshot, service, move, self.now)
        if unseen.wait:
            self._note(f"waits {unseen.wait}")
            if unseen.move != move:
                self.result.remember.append(SetMove(service.id, unseen.move))
            return
        known = place.settled and place.on and follower.can_follow
        add = self.held
        if known:
            add += moves.constraints_to_move(self.snapshot, self.group, follower)
        self._place(
            f"start {service.name} on {self.target_names}" if known else f"start {service.name} again",
            add=add,
            remove=(*self.obsolete, *move_constraints(service)),
            why=("all of its containers have stopped",),
            replicas=replicas,
            # the time that the move itself may take runs from now on
            commit_edits=(
                SetMove(service.id, replace(move, replicas=None, since=self.now) if known else None),
            ),
            while_updating=True,
        )

    def _hold(self, replace_only: bool = False) -> None:
        """Add the constraint on the anchor's label where it is missing, and remove what is left of ours.

        ``replace_only``: the anchor's place is not known, so that nothing may be added that no node meets.
        """
        service = self.service
        held = moves.held(self.follower, self.dependency)
        add = self.held if replace_only else held
        add = tuple(text for text in add if text not in service.constraints)
        remove = tuple(text for text in ours(service) if text not in held and text not in self.foreign)
        is_stale = moves.has_stale_number(service)
        if not add and not remove and not is_stale:
            return
        frees = bool(remove and self.follower.waiting)
        if not self._may_be_written() and not frees:
            # to a task that cannot run, a write would be one more attempt, and an update that fails is paused
            state = service.update_state if service.is_updating else "not all of its tasks run"
            self._note(f"gets its constraints later (now: {state})")
            if not service.is_update_paused:
                self.result.look_again(UPDATE_SECONDS)
            return
        again = self._would_run_again(add, remove)
        if again and add:
            self._note(
                f"gets no constraint on label {self.dependency.label}: with it, Swarm would run again what "
                f"has run on {wording.places_of(self.snapshot, again) or 'a node that is gone'}"
            )
            add, again = (), self._would_run_again((), remove)
        if again or not (add or remove):
            return
        purpose = f"hold {service.name} to the nodes of {self.dependency.anchor}"
        why = [f"it depends on {self.dependency.anchor} and has no constraint on its label"] if add else []
        if remove:
            purpose = purpose if add else f"take Orcastra's constraint off {service.name}"
            why.append(f"{', '.join(remove)} is no longer needed")
        if is_stale:
            purpose = purpose if add or remove else f"end the move of {service.name}"
            why.append("the user has scaled it since it was scaled to 0 for its move")
        writes_anyway = frees or service.is_update_paused
        self._place(purpose, add=add, remove=remove, why=tuple(why), while_updating=writes_anyway)

    def _held(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is to hold the service, if a node has the label, and what of ours goes in its favour."""
        held, key, place = moves.held(self.follower, self.dependency), self.dependency.label, self.group.place
        is_labelled = any(node.labels.get(key) == "true" for node in self.snapshot.nodes)
        if held and not is_labelled and not (place.on and place.settled):
            return (), ()
        kept = (*held, *self.foreign)
        return held, tuple(text for text in ours_to_hold(self.service) if text not in kept)

    # parts of steps

    def _place(
        self,
        purpose: str,
        *,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        why: tuple[str, ...],
        why_not: tuple[str, ...] = (),
        replicas: int | None = None,
        intent_edits: tuple[StateEdit, ...] = (),
        commit_edits: tuple[StateEdit, ...] = (),
        while_updating: bool = False,
    ) -> None:
        self.result.steps.append(
            PlaceService(
                service_id=self.service.id,
                name=self.service.name,
                purpose=purpose,
                constraints=self.service.constraints,
                add=tuple(text for text in add if text not in self.service.constraints),
                remove=tuple(text for text in remove if text not in add),
                replicas=replicas,
                unrecorded=replicas_before(self.service.labels, self.service.id) is None,
                why=why,
                why_not=why_not,
                intent_edits=intent_edits,
                commit_edits=commit_edits,
                while_updating=while_updating,
            )
        )

    def _end(self, purpose: str, reason: str, *, has_succeeded: bool = False) -> None:
        """Take the constraints of the move away again. After a success the next one begins anew."""
        commit_edits: tuple[StateEdit, ...] = (SetMove(self.service.id, None),)
        if has_succeeded and self.attempts is not None and self.attempts.reason in NO_FAILURES:
            commit_edits += (SetAttempts(self.service.id, None),)
        removed = (*self.obsolete, *move_constraints(self.service))
        self._place(
            purpose,
            add=() if self._would_run_again(self.held, removed) else self.held,
            remove=removed,
            why=(reason,),
            commit_edits=commit_edits,
            # one that is stuck is freed by that; one that Swarm is through with is not updating any more
            while_updating=True,
        )

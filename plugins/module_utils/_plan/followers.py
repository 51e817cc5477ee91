# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan how followers get to their anchor and stay there.

For each follower of an anchor whose place is known, one decision a cycle, from what is seen alone; the
journal adds since when a move is under way and what to scale back to. So a controller can die anywhere:
the next one sees the same picture and goes on.

- In place: it is held there by a constraint on the anchor's label, and the traces of a move are removed.
- Astray: ordered, by a constraint that its present node violates (Swarm starts the new container once the
  old one has stopped, for up to a minute); evicted, by the label alone, which ``_plan.labels`` takes away.
- A stateful service that Swarm would not wait for is scaled to 0 and back instead.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture, Service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    ScaleService,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    Attempts,
    Move,
    SetAttempts,
    SetMove,
    State,
    StateEdit,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Dependency
from ansible_collections.orcastra.swarm.plugins.module_utils._plan import moves, wording
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.cooldown import (
    MISPLACED,
    exhausted,
    forget_seconds,
    next_attempt,
    wait_seconds,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import Follower, Group
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.leftovers import plan_leftovers
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import ours, ours_to_move
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.moves import MOVING_SECONDS
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import service_hint

DEFAULT_GIVE_UP_SECONDS = 600.0
STUCK_SECONDS = 30.0

# an entry of the journal for which nothing was done is void after that long: its controller is dead
VOID_SECONDS = 60.0

# when to look again at an update that is not ours
UPDATE_SECONDS = 5.0


@dataclass
class _Result:
    """What is collected while the followers are looked at one by one."""

    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remember: list[StateEdit] = field(default_factory=list)
    again_seconds: float | None = None

    def look_again(self, seconds: float) -> None:
        self.again_seconds = seconds if self.again_seconds is None else min(self.again_seconds, seconds)


def plan_followers(
    picture: Picture,
    groups: tuple[Group, ...],
    state: State,
    now: float,
    give_up_seconds: float = DEFAULT_GIVE_UP_SECONDS,
) -> Plan:
    """Plan the moves of followers. ``now`` is in seconds since the epoch.

    ``give_up_seconds``: how long a service may be out of order before it is reported as given up.
    """
    result = _Result()
    followers: set[str] = set()
    for group in groups:
        for name in group.missing:
            full = f"{group.dependency.stack}_{name}" if group.dependency.stack else name
            result.warnings.append(
                f"dependencies.{group.dependency.anchor}: there is no service {full} in this swarm"
                f"{service_hint(picture, name, group.dependency.stack)}"
            )
        for follower in group.followers:
            followers.add(follower.service.id)
            _Decision(picture, group, follower, state, now, give_up_seconds, result).decide()
    plan = Plan(
        tuple(result.steps),
        tuple(result.warnings),
        tuple(result.notes),
        tuple(result.remember),
        result.again_seconds,
    )
    return plan + plan_leftovers(picture, state, followers, now)


class _Decision:
    """What is to become of one follower in this cycle."""

    def __init__(
        self,
        picture: Picture,
        group: Group,
        follower: Follower,
        state: State,
        now: float,
        give_up_seconds: float,
        result: _Result,
    ) -> None:
        self.picture = picture
        self.group = group
        self.dependency: Dependency = group.dependency
        self.follower = follower
        self.service: Service = follower.service
        self.move: Move | None = state.moves.get(self.service.id)
        self.attempts: Attempts | None = state.attempts.get(self.service.id)
        self.now = now
        self.give_up_seconds = give_up_seconds
        self.result = result
        # where it goes, in words
        targets = follower.targets or (self.move.nodes if self.move is not None else ())
        self.target_names = wording.names_of(picture, targets) or "its anchor"
        self.complaint = wording.complaint(follower)

    def decide(self) -> None:
        service, place = self.service, self.group.place
        lost = wording.may_still_run(self.picture, self.follower)
        if lost is not None and self.follower.needs_order(self.dependency):
            self.result.notes.append(lost)
        if service.mode not in ("replicated", "global"):
            self._note(f"is a {service.mode}: jobs are not moved")
        elif self.move is not None and self.move.replicas is not None and service.replicas == 0:
            self._scale_back(self.move)
        elif ours_to_move(service):
            self._go_on()
        elif not place.on or not place.settled:
            self._hold(replace_only=True)
        elif not self.follower.astray:
            self._settle()
        elif not self.follower.can_follow:
            self.result.warnings += wording.cannot_follow(self.picture, self.group, self.follower)
        elif moves.goes_by_label(self.picture, self.group, self.follower):
            self._hold()
            self.result.look_again(MOVING_SECONDS)
        else:
            self._start()
        if self.move is not None and not ours_to_move(service) and service.replicas != 0:
            # it was journaled and never begun, or undone
            if self.now - self.move.since > VOID_SECONDS:
                self.result.remember.append(SetMove(service.id, None))

    # the cases

    def _settle(self) -> None:
        """Nothing is astray: hold it there, and forget what was tried."""
        self._hold()
        if self.follower.is_in_place:
            self._forget()
        elif self.follower.waiting and not self.follower.can_follow:
            self.result.warnings += wording.cannot_follow(self.picture, self.group, self.follower)
        elif self.follower.waiting:
            self._note(f"waits for a node{self.complaint}")

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
        given_up = self._given_up()
        if given_up is not None:
            self._give_up(given_up)
            return
        seconds = wait_seconds(self.attempts, self.dependency.retry_intervals, self.now)
        if seconds > 0:
            self._note(f"is astray; the next attempt to move it is in {seconds:.0f} s")
            self.result.look_again(seconds)
            return
        self.result.look_again(MOVING_SECONDS)
        attempts = next_attempt(self.attempts, MISPLACED, self.now)
        claims: tuple[StateEdit, ...] = (SetAttempts(service.id, attempts),)
        why = wording.why_astray(self.picture, self.group, follower)
        why_scaled = moves.why_scaled(follower, self.dependency)
        if why_scaled is not None:
            move = Move(
                self.dependency.anchor,
                follower.targets,
                self.now,
                replicas=service.replicas,
                leader=moves.leader_of(self.picture),
            )
            self.result.steps.append(
                ScaleService(
                    service_id=service.id,
                    name=service.name,
                    replicas_before=service.replicas or 0,
                    replicas=0,
                    why=(why, why_scaled),
                    why_not=("a move by a constraint: two copies could run at once",),
                    claims=(*claims, SetMove(service.id, move)),
                )
            )
            return
        move = Move(self.dependency.anchor, follower.targets, self.now)
        self._place(
            f"move {service.name} to {self.target_names}",
            add=(
                *moves.held(follower, self.dependency),
                *moves.constraints_to_move(self.picture, self.group, follower),
            ),
            why=(why,),
            why_not=wording.why_not_evict(self.picture, self.group, follower),
            claims=(*claims, SetMove(service.id, move)),
        )

    def _go_on(self) -> None:
        """A move is under way: finish it, follow the anchor on, or undo it."""
        service, follower, place = self.service, self.follower, self.group.place
        self.result.look_again(MOVING_SECONDS)
        if self.move is None:
            # its entry was lost, or a rollback has brought the constraint back: its time runs from now on
            targets = follower.targets
            self.result.remember.append(SetMove(service.id, Move(self.dependency.anchor, targets, self.now)))
        leads = not place.settled or not place.on or moves.leads_to_anchor(self.picture, self.group, follower)
        if leads and moves.has_arrived(self.picture, follower):
            if service.update_state == "updating":
                self._note("is in place; its move ends once Swarm has watched the update for long enough")
            else:
                self._end(f"end the move of {service.name}", f"it runs beside {self.dependency.anchor}")
        elif follower.stopping and follower.needs_order(self.dependency):
            # a write now would have Swarm start the next container without waiting for this one
            self._note(f"stops on {wording.places_of(self.picture, follower.stopping)}")
        elif not leads:
            if service.update_state == "updating" and not follower.waiting:
                self._note("is on its way to where its anchor was; it goes on once its update is over")
            else:
                self._end(f"end the move of {service.name}", f"{self.dependency.anchor} has moved on")
        elif self.move is not None and self.now - self.move.since > (limit := self._longest()):
            reason = f"it has not ended within {limit:g} s{self.complaint}"
            self._end(f"undo the move of {service.name}", reason)
        else:
            self._note(f"is on its way to {self.target_names}{self.complaint}")

    def _scale_back(self, move: Move) -> None:
        """The service was scaled to 0 for a move: scale it back once all of its containers have stopped."""
        service, follower, place = self.service, self.follower, self.group.place
        self.result.look_again(MOVING_SECONDS)
        if follower.stopping or any(task.node_id is not None for task in follower.wanted):
            self._note(f"stops; it is started beside {self.dependency.anchor} after that")
            return
        unseen = moves.unseen(self.picture, service, move, self.now)
        if unseen.wait:
            self._note(f"waits {unseen.wait}")
            if unseen.move != move:
                self.result.remember.append(SetMove(service.id, unseen.move))
            return
        known = place.settled and place.on and follower.can_follow
        add = moves.held(follower, self.dependency)
        if known:
            add += moves.constraints_to_move(self.picture, self.group, follower)
        self._place(
            f"start {service.name} on {self.target_names}" if known else f"start {service.name} again",
            add=add,
            remove=ours_to_move(service),
            why=("all of its containers have stopped",),
            replicas=move.replicas,
            # the time that the move itself may take runs from now on
            settles=(SetMove(service.id, replace(move, replicas=None, since=self.now) if known else None),),
            while_updating=True,
        )

    def _hold(self, replace_only: bool = False) -> None:
        """Add the constraint on the anchor's label where it is missing, and remove what is left of ours.

        ``replace_only``: the anchor's place is not known, so that nothing may be added that no node meets.
        """
        service, key = self.service, self.dependency.label
        labelled = any(node.labels.get(key) == "true" for node in self.picture.nodes)
        held = moves.held(self.follower, self.dependency)
        add = held if labelled or not replace_only else ()
        add = tuple(text for text in add if text not in service.constraints)
        remove = tuple(text for text in ours(service) if text not in held)
        if not add and not remove:
            return
        if service.is_updating or not self.follower.is_complete:
            # to a task that cannot run, a write would be one more attempt, and an update that fails is paused
            state = service.update_state if service.is_updating else "not all of its tasks run"
            self._note(f"gets its constraints later (now: {state})")
            self.result.look_again(UPDATE_SECONDS)
            return
        purpose = f"hold {service.name} to the nodes of {self.dependency.anchor}"
        why = [f"it depends on {self.dependency.anchor} and has no constraint on its label"] if add else []
        if remove:
            purpose = purpose if add else f"take Orcastra's constraint off {service.name}"
            why.append(f"{', '.join(remove)} is no longer needed")
        self._place(purpose, add=add, remove=remove, why=tuple(why))

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
        claims: tuple[StateEdit, ...] = (),
        settles: tuple[StateEdit, ...] = (),
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
                why=why,
                why_not=why_not,
                claims=claims,
                settles=settles,
                while_updating=while_updating,
            )
        )

    def _end(self, purpose: str, reason: str) -> None:
        """Take the constraints of the move away again."""
        self._place(
            purpose,
            add=moves.held(self.follower, self.dependency),
            remove=ours_to_move(self.service),
            why=(reason,),
            settles=(SetMove(self.service.id, None),),
            # one that is stuck is freed by that; one that Swarm is through with is not updating any more
            while_updating=True,
        )

    def _longest(self) -> float:
        """How long a move may take. With a task that finds no node the service is down: then not for long."""
        return min(STUCK_SECONDS, self.give_up_seconds) if self.follower.waiting else self.give_up_seconds

    def _note(self, text: str) -> None:
        self.result.notes.append(f"{self.service.name} {text}")

    def _wait_for_update(self) -> None:
        state = self.service.update_state
        if state in ("updating", "rollback_started"):
            self._note(f"is astray; it is moved once its update is over (now: {state})")
            self.result.look_again(UPDATE_SECONDS)
            return
        # it stays like that until somebody does something about it
        self.result.warnings.append(
            f"{self.service.name} is not beside {self.dependency.anchor}, and its update is {state}: "
            f"it is moved once that is resolved (docker service update or rollback)"
        )

    # what was tried

    def _given_up(self) -> str | None:
        if self.attempts is not None and self.attempts.given_up is not None:
            return self.attempts.given_up
        return exhausted(self.attempts, self.dependency.retry_intervals, self.give_up_seconds, self.now)

    def _give_up(self, reason: str) -> None:
        self.result.warnings.append(f"{self.service.name} is given up: {reason}; it is not beside its anchor")
        if self.attempts is not None and self.attempts.given_up is None:
            edit = SetAttempts(self.service.id, replace(self.attempts, given_up=reason))
            self.result.remember.append(edit)

    def _forget(self) -> None:
        if self.move is not None:
            self.result.remember.append(SetMove(self.service.id, None))
        if self.attempts is None:
            return
        seconds = forget_seconds(self.attempts, self.dependency.retry_intervals, self.now)
        if seconds > 0:
            self.result.look_again(seconds)
        else:
            self.result.remember.append(SetAttempts(self.service.id, None))

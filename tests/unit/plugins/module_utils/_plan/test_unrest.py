# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves that count as unrest, and their effect; ``tests/unit/sim/test_unrest.py`` simulates them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, Move, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.track import Track
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import (
    ANCHOR_RESTARTED,
    MISPLACED,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import move_to
from tests.support.builders import node, ours, service, task
from tests.support.followed import (
    CONFIG,
    HELD,
    NOW,
    TO_BRAVO,
    VOLUME,
    labels,
    placed,
    plan,
    remembered,
    swarm,
    with_option,
    writes_to_services,
)

APP = service("shop_app", mounts=VOLUME, **ours(HELD))
DB = "id-shop_db"
SIX = tuple(NOW - 5 * number for number in range(6, 0, -1))


def track(state: State, name: str = "shop_db") -> Track:
    return state.tracks[f"id-{name}"]


def after(seen: SwarmSnapshot, state: State | None = None, now: float = NOW) -> State:
    return remembered(plan(seen, state=state, now=now), state)


class TestAnchors:
    def test_anchor_move_after_arrival_is_no_sign(self) -> None:
        state = after(swarm(APP))

        assert track(state) == Track(("id-bravo",), NOW, (NOW,))
        assert after(swarm(APP), state, NOW + 1).tracks == state.tracks

    @pytest.mark.parametrize(
        "app",
        [
            task("shop_app", "charlie"),
            task("shop_app", "alpha", state="starting"),
            task("shop_app", None, state="pending"),
        ],
    )
    def test_anchor_move_before_arrival_is_a_sign(self, app: Any) -> None:
        assert track(after(swarm(APP, app, app_on=None))).restless == (NOW,)

    def test_anchor_move_while_followers_are_scaled_to_0_is_a_sign(self) -> None:
        state = State(moves={"id-shop_app": Move("db", ("id-alpha",), NOW - 3, replicas=1)})

        assert track(after(swarm(replace(APP, replicas=0), app_on=None), state)).restless == (NOW,)

    @pytest.mark.parametrize(
        ("condition", "attempts"),
        [("none", None), ("any", Attempts(6, NOW, NOW, MISPLACED, "tried 6 times"))],
    )
    def test_stuck_followers_do_not_count(self, condition: str, attempts: Attempts | None) -> None:
        stays = replace(APP, restart_condition=condition)
        state = State(attempts={"id-shop_app": attempts} if attempts else {})

        assert track(after(swarm(stays, app_on="charlie"), state)).restless == ()

    @pytest.mark.parametrize(
        ("state", "is_sign"),
        [("failed", True), ("rejected", True), ("complete", True), ("orphaned", True), ("shutdown", False)],
    )
    def test_anchor_failure_is_a_sign(self, state: str, is_sign: bool) -> None:
        ended = task("shop_db", "alpha", state=state, desired_state="shutdown")

        assert bool(track(after(swarm(APP, ended))).restless) == is_sign

    def test_node_loss_is_a_sign(self) -> None:
        lost = task("shop_db", "charlie", desired_state="shutdown")

        assert track(after(swarm(APP, lost, node("charlie", state="down")))).restless == (NOW,)

    def test_first_placement_and_scaling_are_no_moves(self) -> None:
        two = [service("shop_db", replicas=2), task("shop_db", "alpha", slot=2)]

        assert DB not in after(swarm(APP, node("alpha"))).tracks
        assert DB not in after(swarm(APP, *two)).tracks

    def test_move_back_is_noticed_although_the_label_stayed(self) -> None:
        bravo = node("bravo", labels={"db": "true"})
        state = State(tracks={DB: Track(("id-bravo",), NOW - 2, (NOW - 2,))})

        # the follower never went
        assert track(after(swarm(APP, bravo, anchor_on="alpha"), state)) == Track(
            ("id-alpha",), NOW, (NOW - 2, NOW), (NOW,)
        )

    def test_old_signs_do_not_count(self) -> None:
        old = Track(("id-alpha",), NOW - 601, (NOW - 601,), (NOW - 601, NOW + 60))

        assert track(after(swarm(APP), State(tracks={DB: old}))) == Track(("id-bravo",), NOW, (NOW,))


class TestFollowers:
    RESTLESS = Track(("id-bravo",), NOW - 3, SIX, SIX)

    def state(self, anchor: Track | None = RESTLESS, own: Track | None = None) -> State:
        tracks = {DB: anchor, "id-shop_app": own}
        return State(tracks={key: track for key, track in tracks.items() if track is not None})

    def test_followers_wait_for_a_restless_anchor(self) -> None:
        state = self.state(own=Track(("id-alpha",), NOW - 10))
        found = plan(swarm(APP), state=state)

        assert writes_to_services(found) == []
        assert found.requeue_after == 27
        assert len(found.warnings) == 1
        assert writes_to_services(plan(swarm(APP), state=state, now=NOW + 27)) == ["move shop_app to bravo"]
        assert plan(swarm(APP), state=state, now=NOW + 27).warnings == ()

    def test_followers_move_at_most_once_a_minute(self) -> None:
        state = self.state(own=Track(("id-alpha",), NOW - 58))
        found = plan(swarm(APP), state=state)

        assert (writes_to_services(found), found.requeue_after) == ([], 2)
        assert writes_to_services(plan(swarm(APP), state=state, now=NOW + 2)) == ["move shop_app to bravo"]
        # a follower that has not moved recently need not wait
        assert writes_to_services(plan(swarm(APP), state=self.state())) == ["move shop_app to bravo"]

    def test_followers_move_immediately_on_request(self) -> None:
        state = self.state(own=Track(("id-alpha",), NOW - 10))
        found = plan_anchors(swarm(APP), CONFIG, state, NOW, retry_now=True)

        assert writes_to_services(found) == ["move shop_app to bravo"]

    def test_waiting_followers_are_not_evicted(self) -> None:
        app = replace(APP, mounts=())
        state = self.state(own=Track(("id-alpha",), NOW - 10))

        assert labels(plan(swarm(app), state=state)) == {"bravo": {"db": "true"}}
        assert labels(plan(swarm(app), state=state, now=NOW + 27)) == {
            "bravo": {"db": "true"},
            "alpha": {"db": None},
        }

    @pytest.mark.parametrize(
        "calm",
        [
            Track(("id-bravo",), NOW - 3, SIX, SIX[:5]),
            Track(("id-bravo",), NOW - 3, SIX * 2, ()),
            Track(("id-bravo",), NOW - 3, (NOW - 601,) * 20, (NOW - 601,) * 20),
            Track(("id-bravo",), NOW + 3, (NOW + 3,) * 20, (NOW + 3,) * 20),
            Track(("id-bravo",), NOW - 31, SIX, SIX),
        ],
    )
    def test_followers_follow_a_calm_anchor_immediately(self, calm: Track) -> None:
        state = self.state(calm, Track(("id-alpha",), NOW - 10))
        found = plan(swarm(APP), state=state)

        assert writes_to_services(found) == ["move shop_app to bravo"]
        assert found.warnings == ()

    def test_followers_wait_after_many_moves(self) -> None:
        often = Track(("id-bravo",), NOW - 3, (*SIX, *SIX, NOW - 3))

        assert writes_to_services(plan(swarm(APP), state=self.state(often, Track((), NOW - 9)))) == []

    def test_follower_that_does_not_stay_moves_once_a_minute(self) -> None:
        state = self.state(None, Track(("id-bravo",), NOW - 10, (), SIX))
        found = plan(swarm(APP, node("bravo", labels={"db": "true"}), node("alpha")), state=state)

        assert (writes_to_services(found), found.requeue_after) == ([], 50)

    def test_move_to_the_same_node_is_a_sign_if_the_anchor_stayed(self) -> None:
        seen = swarm(APP, node("bravo", labels={"db": "true"}), node("alpha"))
        own = Track(("id-bravo",), NOW - 10)
        for anchor, is_sign in ((None, True), (NOW - 20, True), (NOW - 5, False)):
            moved = None if anchor is None else Track(("id-bravo",), anchor)
            state = self.state(moved, own)
            assert bool(track(after(seen, state), "shop_app").restless) == is_sign
        elsewhere = self.state(None, Track(("id-alpha",), NOW - 10))
        assert track(after(seen, elsewhere), "shop_app") == Track(("id-bravo",), NOW)


class TestTheNextMove:
    MOVED = replace(APP, **ours(HELD, TO_BRAVO), previous_constraints=(HELD,), update_state="updating")
    STATE = State(
        moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 3)},
        attempts={"id-shop_app": Attempts(1, NOW - 3, NOW - 3, MISPLACED)},
    )

    def test_next_move_begins_in_the_last_write_of_the_previous_one(self) -> None:
        found = plan(swarm(self.MOVED, anchor_on="charlie", app_on="bravo"), state=self.STATE)
        step = placed(found)

        assert (step.add, step.remove, step.while_updating) == ((move_to("id-charlie"),), (TO_BRAVO,), True)
        state = remembered(found, self.STATE)
        assert state.attempts["id-shop_app"] == Attempts(1, NOW, NOW, MISPLACED)
        assert state.moves["id-shop_app"].nodes == ("id-charlie",)

    @pytest.mark.parametrize(
        "service_",
        [
            # the user has written since: that update is left to Swarm
            replace(MOVED, previous_constraints=(HELD, TO_BRAVO)),
            replace(MOVED, stop_grace_seconds=90),
            replace(MOVED, update_order="start-first"),
        ],
    )
    def test_next_move_waits_for_other_updates(self, service_: Any) -> None:
        seen = swarm(service_, anchor_on="charlie", app_on="bravo")

        assert writes_to_services(plan(seen, state=self.STATE)) == []

    @pytest.mark.parametrize(
        "parts",
        [
            [task("shop_app", "bravo", state="starting")],
            [task("shop_app", "bravo"), task("shop_app", "alpha", desired_state="shutdown", id="old")],
        ],
    )
    def test_next_move_waits_for_arrival(self, parts: list[Any]) -> None:
        seen = swarm(self.MOVED, *parts, anchor_on="charlie", app_on=None)

        assert writes_to_services(plan(seen, state=self.STATE)) == []

    def test_next_move_waits_for_a_restless_anchor(self) -> None:
        tracks = {DB: TestFollowers.RESTLESS, "id-shop_app": Track(("id-bravo",), NOW - 3)}
        state = replace(self.STATE, tracks=tracks)
        seen = swarm(self.MOVED, anchor_on="charlie", app_on="bravo")

        assert writes_to_services(plan(seen, state=state)) == []


class TestWhatSucceeded:
    def test_success_is_forgotten_when_the_move_ends(self) -> None:
        moved = replace(APP, **ours(HELD, TO_BRAVO), update_state="completed")
        attempts = {"id-shop_app": Attempts(3, NOW - 9, NOW - 99, MISPLACED)}
        state = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 9)}, attempts=attempts)
        seen = swarm(moved, node("bravo", labels={"db": "true"}), app_on="bravo")

        assert remembered(plan(seen, state=state), state).attempts == {}

    def test_success_is_kept_while_swarm_may_roll_back(self) -> None:
        state = State(attempts={"id-shop_app": Attempts(1, NOW - 9, NOW - 9, MISPLACED)})
        for update, now, is_kept in (
            ("updating", NOW + 60, True),
            ("rollback_started", NOW + 60, True),
            ("rollback_completed", NOW, True),
            ("rollback_completed", NOW + 60, False),
            ("paused", NOW, True),
            ("paused", NOW + 60, False),
            ("completed", NOW, False),
        ):
            seen = swarm(replace(APP, update_state=update), anchor_on="alpha", app_on="alpha")
            found = plan(seen, state=state, now=now)
            assert bool(remembered(found, state).attempts) == is_kept, update

    def test_move_does_not_forget_an_earlier_failure(self) -> None:
        failed = Attempts(2, NOW - 20, NOW - 40, "Swarm gave up on 1 of its 1 tasks")
        state = State(attempts={"id-shop_app": failed})
        moves = remembered(plan(swarm(APP), state=state), state)

        assert moves.attempts["id-shop_app"].count == 3
        arrived = swarm(APP, anchor_on="alpha", app_on="alpha")
        assert remembered(plan(arrived, state=moves, now=NOW + 9), moves).attempts


class TestRestarts:
    def seen(self, ended: str = "shutdown") -> SwarmSnapshot:
        seen = swarm(APP, anchor_on="alpha")
        parts = (
            task("shop_db", "alpha", id="second", created=20.0),
            task("shop_db", "alpha", id="first", created=10.0, state=ended, desired_state="shutdown"),
            task("shop_app", "alpha", created=11.0),
        )
        return replace(seen, tasks=parts)

    def state(self, **fields: Any) -> State:
        return State(anchor_tasks={DB: frozenset({"first"})}, **fields)

    def test_successful_restart_is_no_attempt(self) -> None:
        config = with_option(restart_dependents=True)
        state = remembered(plan(self.seen(), config, self.state()), self.state())
        assert state.attempts["id-shop_app"].reason == ANCHOR_RESTARTED

        done = replace(
            self.seen(),
            tasks=(
                task("shop_db", "alpha", id="second", created=20.0),
                task("shop_app", "alpha", created=21.0),
            ),
        )
        assert remembered(plan(done, config, state), state).attempts == {}

    @pytest.mark.parametrize(("ended", "restarts"), [("failed", 0), ("shutdown", 1)])
    def test_followers_restart_with_a_failing_anchor_once_a_minute(self, ended: str, restarts: int) -> None:
        config = with_option(restart_dependents=True)
        signs = SIX if ended == "failed" else ()
        state = self.state(tracks={"id-shop_app": Track((), NOW - 5, SIX, signs)})
        found = plan(self.seen(ended), config, state)

        assert len(writes_to_services(found)) == restarts
        later = plan(self.seen(ended), config, state, now=NOW + 55)
        assert writes_to_services(later) == ["restart shop_app"]
        assert bool(track(remembered(later, state), "shop_app").restless[len(signs) :]) == (ended == "failed")

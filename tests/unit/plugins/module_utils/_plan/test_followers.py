# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves of followers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import ScaleService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    Attempts,
    Move,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import MISPLACED
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.followed import (
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


class TestOrdered:
    APP = service("shop_app", mounts=VOLUME, **ours(HELD))

    def test_ordered_move_labels_the_new_node_and_keeps_the_old_label(self) -> None:
        found = plan(swarm(self.APP))

        assert labels(found) == {"bravo": {"db": "true"}}
        step = placed(found)
        assert (step.summary, step.add, step.remove) == ("move shop_app to bravo", (TO_BRAVO,), ())
        assert step.why == (
            Reason("follower_misplaced", anchors=["db"], anchor_nodes=["bravo"], nodes=["alpha"]),
        )
        assert step.why_not == (Reason("no_eviction_of_data"),)
        assert remembered(found).moves == {"id-shop_app": Move("db", ("id-bravo",), NOW)}
        assert "anchor_label_kept" in codes(found.notes)

    def test_ordered_first_move_also_adds_the_label_constraint(self) -> None:
        found = plan(swarm(replace(self.APP, **ours(user_constraints=("node.role==worker",)))))

        assert placed(found).after == {"constraints": ["node.role==worker", HELD, TO_BRAVO]}

    @pytest.mark.parametrize(
        "own", ["node.labels.db == true", "node.labels.db==true", "Node.Labels.db==True"]
    )
    def test_ordered_move_accepts_the_users_constraint(self, own: str) -> None:
        found = plan(swarm(replace(self.APP, **ours(user_constraints=(own,)))))

        assert placed(found).after == {"constraints": [own, TO_BRAVO]}

    def test_ordered_move_waits_while_under_way(self) -> None:
        moving = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="updating")
        state = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 3)})

        found = plan(swarm(moving, task("shop_app", "bravo", state="starting"), app_on=None), state=state)

        assert writes_to_services(found) == []
        assert Reason("move_under_way", service="shop_app", nodes=["bravo"], error=None) in found.notes
        assert "alpha" not in labels(found)

    def test_old_node_loses_the_label_after_arrival(self) -> None:
        moving = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="updating")
        bravo = node("bravo", labels={"db": "true"})

        found = plan(swarm(moving, bravo, app_on="bravo"))

        assert labels(found) == {"alpha": {"db": None}}
        assert writes_to_services(found) == []

    def test_move_constraint_is_removed_after_the_update(self) -> None:
        moved = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="completed")
        state = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 9)})

        found = plan(swarm(moved, node("bravo", labels={"db": "true"}), app_on="bravo"), state=state)

        step = placed(found)
        assert (step.summary, step.remove) == ("end the move of shop_app", (TO_BRAVO,))
        assert remembered(found, state).moves == {}

    def test_follower_moves_on_when_the_anchor_moves_again(self) -> None:
        moved = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="completed")

        found = plan(swarm(moved, anchor_on="charlie", app_on="bravo"))

        assert placed(found).remove == (TO_BRAVO,)

    def test_move_without_a_node_is_undone(self) -> None:
        moving = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="updating")
        state = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 31)})
        waiting = task("shop_app", None, state="pending", error="no suitable node")

        found = plan(swarm(moving, waiting, app_on=None), state=state)

        step = placed(found)
        assert (step.summary, step.remove, step.while_updating) == (
            "undo the move of shop_app",
            (TO_BRAVO,),
            True,
        )
        assert step.why == (Reason("move_overdue", seconds=30.0, error="no suitable node"),)

    def test_misplaced_replicas_are_moved_off_their_nodes(self) -> None:
        app = replace(self.APP, replicas=2)
        seen = swarm(
            app,
            service("shop_db", replicas=2),
            task("shop_db", "charlie", slot=2),
            task("shop_app", "bravo", slot=2),
        )

        assert placed(plan(seen)).add == ("node.id!=id-alpha",)

    def test_updating_service_is_not_written(self) -> None:
        found = plan(swarm(replace(self.APP, update_state="updating")))

        assert writes_to_services(found) == []
        assert Reason("misplaced_until_updated", service="shop_app", state="updating") in found.notes

    def test_paused_update_is_only_reported(self) -> None:
        found = plan(swarm(replace(self.APP, update_state="paused")))

        assert writes_to_services(found) == []
        assert found.warnings == (
            Reason("misplaced_and_paused", service="shop_app", anchor="db", state="paused"),
        )

    def test_node_unheard_by_a_new_leader_keeps_the_label(self) -> None:
        moving = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="updating")
        unheard = node("alpha", labels={"db": "true"}, state="unknown")

        found = plan(swarm(moving, unheard, node("bravo", labels={"db": "true"})))

        assert found.steps == ()

    def test_move_waits_for_a_stopping_container(self) -> None:
        moving = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="updating")
        state = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 31)})
        parts = [
            task("shop_app", "alpha", desired_state="shutdown"),
            task("shop_app", None, state="pending"),
        ]

        found = plan(swarm(moving, *parts, app_on=None, anchor_on="charlie"), state=state)

        assert writes_to_services(found) == []
        assert Reason("move_waits_for_old_task", service="shop_app", nodes=["alpha"]) in found.notes

    def test_lost_journal_entry_is_recreated(self) -> None:
        moving = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="updating")

        found = plan(swarm(moving, task("shop_app", "bravo", state="starting"), app_on=None))

        assert remembered(found).moves["id-shop_app"].since == NOW

    def test_move_ends_despite_a_paused_update(self) -> None:
        moved = replace(self.APP, **ours(HELD, TO_BRAVO), update_state="paused")

        found = plan(swarm(moved, node("bravo", labels={"db": "true"}), app_on="bravo"))

        assert placed(found).remove == (TO_BRAVO,)
        assert placed(found).while_updating

    def test_co_located_replica_stays(self) -> None:
        app = replace(self.APP, replicas=2, reserved_memory_bytes=600, max_replicas_per_node=1)
        seen = swarm(
            app,
            node("bravo", memory_bytes=1000),
            node("charlie", memory_bytes=1000),
            service("shop_db", replicas=2),
            task("shop_db", "charlie", slot=2),
            task("shop_app", "bravo", slot=2),
        )

        assert placed(plan(seen)).add == ("node.id!=id-alpha",)

    def test_move_without_a_label_constraint_excludes_all_other_nodes(self) -> None:
        config = with_option(manage_constraint=False)
        app = replace(self.APP, replicas=2, **ours())
        more = [service("shop_db", replicas=2), task("shop_db", "charlie", slot=2), node("delta")]
        seen = swarm(app, *more, task("shop_app", "bravo", slot=2))

        assert placed(plan(seen, config)).add == ("node.id!=id-alpha", "node.id!=id-delta")

    def test_down_host_may_only_be_cut_off(self) -> None:
        down = node("alpha", labels={"db": "true"}, state="down")
        lost = task("shop_app", "alpha", desired_state="shutdown")

        found = plan(swarm(self.APP, down, lost, task("shop_app", None, state="pending"), app_on=None))

        assert Reason("copy_may_still_run", service="shop_app", nodes=["alpha"]) in found.notes

    def test_unsettled_anchor_moves_nothing(self) -> None:
        seen = swarm(self.APP, task("shop_db", "bravo", state="starting"), anchor_on="bravo")
        seen = replace(seen, tasks=tuple(t for t in seen.tasks if t.id != "shop_db-1-bravo-running"))

        assert plan(seen).steps == ()


class TestSlowToStop:
    APP = service("shop_app", mounts=VOLUME, **ours(HELD), stop_grace_seconds=90, replicas=1)
    MOVING = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 5, replicas=1)})

    def test_slow_follower_is_scaled_to_0_first(self) -> None:
        found = plan(swarm(self.APP))

        (step,) = (step for step in found.steps if isinstance(step, ScaleService))
        assert step.summary == "scale shop_app from 1 to 0"
        assert apply_edits(State(), step.intent_edits).moves["id-shop_app"].replicas == 1

    def test_slow_follower_waits_for_its_container(self) -> None:
        stopping = task("shop_app", "alpha", desired_state="shutdown")

        found = plan(swarm(replace(self.APP, replicas=0), stopping, app_on=None), state=self.MOVING)

        assert writes_to_services(found) == []
        assert Reason("move_stops_service", service="shop_app") in found.notes

    def test_slow_follower_is_scaled_back_on_the_new_node(self) -> None:
        stopped = task("shop_app", "alpha", state="shutdown", desired_state="shutdown")

        found = plan(swarm(replace(self.APP, replicas=0), stopped, app_on=None), state=self.MOVING)

        step = placed(found)
        assert (step.summary, step.replicas, step.add) == ("start shop_app on bravo", 1, (TO_BRAVO,))
        assert remembered(found, self.MOVING).moves["id-shop_app"].replicas is None

    def test_new_leader_causes_a_wait_for_the_whole_stop_grace(self) -> None:
        app = replace(self.APP, replicas=0)
        move = replace(self.MOVING.moves["id-shop_app"], leader="id-charlie")
        state = State(moves={"id-shop_app": move})
        leader = node("alpha", labels={"db": "true"}, leader=True)

        unheard = plan(swarm(app, leader, node("delta", state="unknown"), app_on=None), state=state)
        found = plan(swarm(app, leader, app_on=None), state=state, now=NOW + 60)
        known = remembered(found, state)
        soon = plan(swarm(app, leader, app_on=None), state=known, now=NOW + 154)
        late = plan(swarm(app, leader, app_on=None), state=known, now=NOW + 160.1)
        same = plan(swarm(app, node("charlie", leader=True), app_on=None), state=state)

        # the engines may have learned of it only from the new leader
        assert writes_to_services(unheard) == writes_to_services(found) == []
        assert Reason("leader_unheard", service="shop_app", nodes=["delta"]) in unheard.notes
        assert remembered(unheard, state).moves == state.moves
        assert Reason("leader_forgot", service="shop_app", seconds=100.0) in found.notes
        assert known.moves["id-shop_app"].unseen_since == NOW + 60
        assert Reason("leader_forgot", service="shop_app", seconds=100.0) in soon.notes
        assert placed(late).replicas == 1
        assert remembered(late, known).moves["id-shop_app"].since == NOW + 160.1
        assert placed(same).replicas == 1

    def test_start_first_follower_is_scaled_too(self) -> None:
        found = plan(swarm(replace(self.APP, stop_grace_seconds=10, update_order="start-first")))

        assert writes_to_services(found) == ["scale shop_app from 1 to 0"]

    def test_slow_follower_waits_for_a_node_unheard_by_a_new_leader(self) -> None:
        stopping = task("shop_app", "alpha", desired_state="shutdown")
        unheard = node("alpha", labels={"db": "true"}, state="unknown")

        found = plan(swarm(replace(self.APP, replicas=0), stopping, unheard, app_on=None), state=self.MOVING)

        assert writes_to_services(found) == []

    def test_unused_journal_entry_is_forgotten(self) -> None:
        given = {"id-shop_app": Move("db", ("id-bravo",), NOW - 61, replicas=1)}
        attempts = {"id-shop_app": Attempts(1, NOW - 1, NOW - 61, MISPLACED)}
        state = State(moves=given, attempts=attempts)

        assert remembered(plan(swarm(self.APP), state=state), state).moves == {}

    def test_orphaned_follower_is_not_scaled_back_before_it_stops(self) -> None:
        stopping = task("shop_app", "alpha", desired_state="shutdown")

        found = plan(swarm(replace(self.APP, replicas=0), stopping, app_on=None), desired(), self.MOVING)

        assert writes_to_services(found) == []

    def test_orphaned_follower_is_scaled_back(self) -> None:
        found = plan(swarm(replace(self.APP, replicas=0), app_on=None), desired(), self.MOVING)

        step = placed(found)
        assert (step.replicas, step.remove) == (1, (HELD,))
        assert remembered(found, self.MOVING).moves == {}

    def test_stateless_service_is_not_scaled(self) -> None:
        found = plan(swarm(replace(self.APP, mounts=())), with_option(relocate="auto"))

        assert not any(isinstance(step, ScaleService) for step in found.steps)


class TestEvict:
    APP = service("shop_app", **ours(HELD))

    def test_evict_moves_a_stateless_follower_by_label(self) -> None:
        found = plan(swarm(self.APP))

        assert labels(found) == {"bravo": {"db": "true"}, "alpha": {"db": None}}
        assert [step.target for step in found.steps] == ["node bravo", "node alpha"]

    def test_follower_without_a_label_constraint_moves_by_constraint(self) -> None:
        assert placed(plan(swarm(replace(self.APP, **ours())))).add == (HELD, TO_BRAVO)

    def test_evicted_follower_is_left_to_swarm(self) -> None:
        gone = plan(swarm(self.APP, node("alpha"), node("bravo", labels={"db": "true"})))
        # Swarm ignores labels there
        paused = plan(
            swarm(self.APP, node("alpha", availability="pause"), node("bravo", labels={"db": "true"}))
        )

        assert writes_to_services(gone) == []
        assert placed(paused).add == (TO_BRAVO,)

    def test_stuck_follower_does_not_block_the_others(self) -> None:
        config = desired(anchors={"db": ("app", "web")})
        web = service("shop_web", **ours(HELD, user_constraints=("node.hostname == alpha",)))

        found = plan(swarm(self.APP, web, task("shop_web", "alpha")), config)

        assert writes_to_services(found) == ["move shop_app to bravo"]
        kept = Reason("label_kept_for_stuck_follower", service="shop_web")
        assert placed(found).why_not == (Reason("label_kept", node="alpha", why=kept),)

    def test_global_follower_moves_with_the_label(self) -> None:
        app = service("shop_app", mode="global", replicas=None, mounts=VOLUME, **ours(HELD))

        found = plan(swarm(app))

        assert labels(found) == {"bravo": {"db": "true"}, "alpha": {"db": None}}
        assert writes_to_services(found) == []

    def test_relocate_option_overrides_the_default(self) -> None:
        stateful = replace(self.APP, mounts=VOLUME)

        assert writes_to_services(plan(swarm(stateful), with_option(relocate="evict"))) == []
        assert placed(plan(swarm(self.APP), with_option(relocate="ordered"))).add == (TO_BRAVO,)

    def test_stateful_follower_makes_all_moves_ordered(self) -> None:
        config = desired(anchors={"db": ("app", "store")})
        store = service("shop_store", mounts=VOLUME, **ours(HELD))

        found = plan(swarm(self.APP, store, task("shop_store", "alpha")), config)

        assert writes_to_services(found) == ["move shop_app to bravo", "move shop_store to bravo"]


class TestAnotherAnchor:
    """A follower that still has a managed constraint on another anchor's label: no node may have both
    labels."""

    OLD = "node.labels.old==true"

    def app(self, *moving: str, **fields: Any) -> Service:
        return service(
            "shop_app",
            **{
                "mounts": VOLUME,
                **ours(self.OLD, *moving, user_constraints=("node.role==worker",)),
                **fields,
            },
        )

    def test_write_replaces_the_constraint_of_the_old_anchor(self) -> None:
        misplaced = placed(plan(swarm(self.app())))
        assert misplaced.after == {"constraints": ["node.role==worker", HELD, TO_BRAVO]}
        arrived = placed(plan(swarm(self.app(TO_BRAVO, update_state="completed"), app_on="bravo")))
        assert arrived.after == {"constraints": ["node.role==worker", HELD]}
        in_place = placed(plan(swarm(self.app(), anchor_on="alpha", app_on="alpha")))
        assert in_place.after == {"constraints": ["node.role==worker", HELD]}

    def test_scaled_service_gets_the_constraint_of_the_new_anchor(self) -> None:
        move = Move("old", ("id-alpha",), NOW - 5, replicas=1)

        step = placed(
            plan(swarm(self.app(replicas=0), app_on=None), state=State(moves={"id-shop_app": move}))
        )

        assert (step.replicas, step.after["constraints"]) == (1, ["node.role==worker", HELD, TO_BRAVO])

    def test_old_constraint_stays_until_a_node_has_the_new_label(self) -> None:
        """Otherwise the service, which was scaled to 0, would find no node."""
        parts = (node("alpha", labels={"old": "true"}), self.app(replicas=0))
        state = State(moves={"id-shop_app": Move("old", ("id-alpha",), NOW - 5, replicas=1)})

        step = placed(plan(snapshot(*parts), state=state))

        assert (step.replicas, step.after["constraints"]) == (1, ["node.role==worker", self.OLD])

    @pytest.mark.parametrize("update_state", [None, "updating", "paused"])
    def test_old_constraint_is_removed_if_it_blocks_tasks(self, update_state: str | None) -> None:
        app = self.app(**ours(self.OLD, HELD), update_state=update_state)
        waiting = task("shop_app", None, state="pending")

        step = placed(plan(swarm(app, waiting, app_on=None)))

        assert (step.remove, step.while_updating) == ((self.OLD,), True)

    def test_old_constraint_is_removed_if_the_user_pins_the_service(self) -> None:
        app = service(
            "shop_app", mounts=VOLUME, **ours(self.OLD, user_constraints=("node.labels.db == true",))
        )

        assert placed(plan(swarm(app))).after == {"constraints": ["node.labels.db == true", TO_BRAVO]}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Followers of several anchors: co-located with all of them, or with the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import ScaleService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Move, State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.surge import still_leaving
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.units import find_units
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import (
    label_constraint,
    move_off,
    move_to,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.what_if import what_if
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
    writes_to_services,
)

CONFIG = desired(anchors={"db": ("app",), "cache": ("app",)})
TURNED = desired(anchors={"cache": ("app",), "db": ("app",)})
HELD_TO_CACHE = label_constraint("cache")
BOTH = ("node.labels.db == true", "node.labels.cache==true")
NAMES = ("alpha", "bravo", "charlie")


def swarm(
    *more: Node | Service | Task,
    db: str | None = "alpha",
    cache: str | None = "alpha",
    app: str | None = "alpha",
    labelled: bool = True,
    **fields: Any,
) -> SwarmSnapshot:
    """A swarm with two anchors and their follower, and the labels on the anchors' nodes."""
    where = {"db": (db or "").split(), "cache": (cache or "").split()}
    nodes = [
        node(name, labels={key: "true" for key, on in where.items() if labelled and name in on})
        for name in NAMES
    ]
    parts: list[Node | Service | Task] = list(nodes)
    for name, on in {**where, "app": (app or "").split()}.items():
        options = fields if name == "app" else {}
        if name == "app":
            options = {**ours(HELD), "mounts": VOLUME, **fields}
        parts.append(service(f"shop_{name}", replicas=len(on), **options))
        parts += [task(f"shop_{name}", hostname, slot=slot) for slot, hostname in enumerate(on, 1)]
    replaced = {part.id for part in more}
    return snapshot(*[part for part in parts if part.id not in replaced], *more)


def target(found: Any) -> tuple[str, ...]:
    return tuple(name for name in NAMES if move_to(f"id-{name}") in placed(found).add)


class TestWhere:
    def test_follower_runs_with_both_anchors(self) -> None:
        assert plan(swarm(), CONFIG).is_empty
        found = plan(swarm(app="bravo"), CONFIG)
        assert (target(found), found.warnings) == (("alpha",), ())

    def test_follower_is_pinned_to_the_first_label_only(self) -> None:
        assert placed(plan(swarm(constraints=()), CONFIG)).add == (HELD,)
        assert placed(plan(swarm(constraints=()), TURNED)).add == (HELD_TO_CACHE,)

    def test_follower_runs_with_the_first_anchor_if_they_are_apart(self) -> None:
        for config, there in ((CONFIG, "alpha"), (TURNED, "bravo")):
            found = plan(swarm(cache="bravo", app="charlie", constraints=()), config)
            assert target(found) == (there,)
            assert len(found.warnings) == 1

    def test_follower_stays_with_the_first_anchor_if_the_other_leaves(self) -> None:
        found = plan(swarm(cache="bravo"), CONFIG)

        assert found.steps == ()
        assert len(found.warnings) == 1

    def test_follower_runs_on_the_shared_node(self) -> None:
        seen = swarm(db="alpha bravo", cache="bravo charlie", app="alpha")
        found = plan(seen, CONFIG)

        assert (target(found), found.warnings) == (("bravo",), ())
        # the label is the anchor's, so that nothing is evicted by it
        assert labels(found) == {}
        stateless = plan(swarm(db="alpha bravo", cache="bravo charlie", app="alpha", mounts=()), CONFIG)
        assert (target(stateless), labels(stateless)) == (("bravo",), {})

    def test_tasks_leave_nodes_with_only_one_anchor(self) -> None:
        three = swarm(db="alpha bravo charlie", cache="alpha bravo", app="alpha charlie")

        assert placed(plan(three, CONFIG)).add == (move_off("id-charlie"),)

    @pytest.mark.parametrize("state", ["starting", "pending"])
    def test_starting_second_anchor_moves_nothing(self, state: str) -> None:
        starts = task("shop_cache", "bravo", state=state, id="shop_cache-1-alpha-running")
        for there in ("alpha", "bravo"):
            assert plan(swarm(starts, db="alpha bravo", app=there), CONFIG).steps == ()

    def test_starting_first_anchor_moves_nothing(self) -> None:
        starts = task("shop_db", "bravo", state="starting", id="shop_db-1-alpha-running")
        for there in NAMES:
            assert writes_to_services(plan(swarm(starts, app=there), CONFIG)) == []

    def test_missing_anchor_does_not_count(self) -> None:
        seen = swarm(cache="bravo", app="charlie", constraints=())
        gone = replace(seen, services=tuple(one for one in seen.services if one.name != "shop_db"))

        step = placed(plan(gone, CONFIG))
        assert step.add == (HELD_TO_CACHE, TO_BRAVO)
        # after its removal, its label stays until it is back
        held = replace(
            gone,
            services=tuple(
                replace(one, **ours(HELD)) if one.name == "shop_app" else one for one in gone.services
            ),
        )
        assert writes_to_services(plan(held, CONFIG)) == []

    def test_anchor_scaled_to_0_does_not_count(self) -> None:
        assert target(plan(swarm(cache=None, app="charlie"), CONFIG)) == ("alpha",)

    def test_follower_of_three_anchors(self) -> None:
        config = desired(anchors={"db": ("app",), "cache": ("app",), "queue": ("app",)})
        for queue, found in (("alpha", "alpha"), ("bravo", "bravo"), ("charlie", "alpha")):
            parts = [service("shop_queue"), task("shop_queue", queue)]
            seen = swarm(*parts, db="alpha bravo", cache="alpha bravo", app="charlie")
            if queue == "charlie":
                (step,) = (step for step in plan(seen, config).steps if step.action == "place_service")
                assert step.after["constraints"][1:] == [move_off("id-charlie")]
            else:
                assert target(plan(seen, config)) == (found,)

    def test_follower_runs_with_one_anchor_if_the_shared_node_is_full(self) -> None:
        port = {"host_ports": ((80, "tcp"),)}
        proxy = [service("shop_web", **port), task("shop_web", "bravo")]
        seen = swarm(*proxy, db="alpha bravo", cache="bravo", app="charlie", **port)

        assert target(plan(seen, CONFIG)) == ("alpha",)

    def test_anchor_that_follows_the_other_is_awaited_silently(self) -> None:
        config = desired(anchors={"db": ("cache", "app"), "cache": ("app",)})
        moving = replace(
            swarm(db="bravo"),
            services=tuple(
                replace(one, mounts=VOLUME, **ours(HELD)) if one.name == "shop_cache" else one
                for one in swarm().services
            ),
        )
        found = plan(moving, config)

        assert writes_to_services(found) == ["move shop_cache to bravo", "move shop_app to bravo"]
        assert found.warnings == ()

    def test_reason_names_the_followed_anchors(self) -> None:
        (step,) = plan(swarm(app="bravo"), CONFIG).steps
        (why,) = step.why
        assert isinstance(why, Reason)
        assert why.params["anchors"] == ("db", "cache")


class TestTheUsersOwnConstraints:
    def test_user_constraints_on_both_labels_are_met_on_the_shared_node(self) -> None:
        found = plan(swarm(app="bravo", constraints=BOTH), CONFIG)

        assert (target(found), found.warnings) == (("alpha",), ())
        assert plan(swarm(constraints=BOTH), CONFIG).is_empty
        # even before the labels are set
        assert target(plan(swarm(app="bravo", constraints=BOTH, labelled=False), CONFIG)) == ("alpha",)

    def test_user_constraint_keeps_a_label_that_it_requires(self) -> None:
        seen = swarm(cache="bravo", constraints=BOTH)
        before = replace(
            seen,
            nodes=(
                node("alpha", labels={"db": "true", "cache": "true"}),
                node("bravo"),
                node("charlie"),
            ),
        )
        assert labels(plan(before, CONFIG)) == {"bravo": {"cache": "true"}}
        # its own one, or none, would not
        for fields in (ours(HELD), ours(user_constraints=(BOTH[0],))):
            without = replace(
                before,
                services=tuple(
                    replace(one, **fields) if one.name == "shop_app" else one for one in before.services
                ),
            )
            assert labels(plan(without, CONFIG))["alpha"] == {"cache": None}

    def test_user_constraints_on_both_labels_leave_no_node_if_apart(self) -> None:
        waiting = task("shop_app", None, state="pending", id="shop_app-1-charlie-running")
        for seen in (
            swarm(cache="bravo", app="charlie", constraints=BOTH),
            swarm(waiting, cache="bravo", app="charlie", constraints=BOTH),
        ):
            found = plan(seen, CONFIG)
            assert writes_to_services(found) == []
            assert any(BOTH[1] in str(warning) for warning in found.warnings)


class TestTheSwitch:
    def test_switch_of_the_leading_anchor_takes_one_write(self) -> None:
        in_place = placed(plan(swarm(**ours(HELD)), TURNED))
        assert (in_place.add, in_place.remove) == ((HELD_TO_CACHE,), (HELD,))

        moves = placed(plan(swarm(cache="bravo", **ours(HELD)), TURNED))
        assert (moves.add, moves.remove) == ((HELD_TO_CACHE, TO_BRAVO), (HELD,))

    def test_switch_of_the_leading_anchor_by_scaling(self) -> None:
        slow = {**ours(HELD), "stop_grace_seconds": 90.0}
        found = plan(swarm(cache="bravo", **slow), TURNED)
        assert [type(step) for step in found.steps if not labels(found)] == [ScaleService]

        state = State(moves={"id-shop_app": Move("cache", ("id-bravo",), NOW, replicas=1)})
        stopped = swarm(cache="bravo", app="", **slow)
        step = placed(plan(stopped, TURNED, state))
        assert (step.add, step.remove) == ((HELD_TO_CACHE, TO_BRAVO), (HELD,))

    def test_move_continues_to_the_shared_node(self) -> None:
        moving = {**ours(HELD, move_to("id-alpha")), "update_state": "updating"}
        state = State(moves={"id-shop_app": Move("db", ("id-alpha",), NOW - 3)})
        seen = swarm(db="bravo", cache="bravo", app="alpha", previous_constraints=(HELD,), **moving)
        found = plan(seen, CONFIG, state)

        assert target(found) == ("bravo",)
        assert remembered(found, state).moves["id-shop_app"].nodes == ("id-bravo",)


class TestEverythingElse:
    def config(self, **anchors: bool) -> DesiredState:
        return DesiredState(
            dependencies={
                name: replace(found, restart_dependents=anchors.get(name, False))
                for name, found in CONFIG.dependencies.items()
            }
        )

    @pytest.mark.parametrize("which", [("db",), ("cache",), ("db", "cache")])
    def test_follower_restarts_once_with_any_anchor(self, which: tuple[str, ...]) -> None:
        new = [
            task(f"shop_{name}", "alpha", id=f"{name}-2", created=20.0 if name in which else 5.0)
            for name in ("db", "cache")
        ]
        seen = swarm()
        seen = replace(seen, tasks=(*new, task("shop_app", "alpha", created=10.0)))
        before = {f"id-shop_{name}": frozenset({"old"}) for name in ("db", "cache")}
        found = plan(seen, self.config(db=True, cache=True), State(anchor_tasks=before))

        assert writes_to_services(found) == ["restart shop_app"]

    def test_follower_restarts_only_if_configured(self) -> None:
        new = [task(f"shop_{name}", "alpha", id=f"{name}-2", created=20.0) for name in ("db", "cache")]
        seen = replace(swarm(), tasks=(*new, task("shop_app", "alpha", created=10.0)))
        before = {f"id-shop_{name}": frozenset({"old"}) for name in ("db", "cache")}

        found = plan(seen, self.config(), State(anchor_tasks=before))
        assert writes_to_services(found) == []

    @pytest.mark.parametrize("cache", ["alpha", "bravo"])
    def test_balancing_does_not_separate_anchors(self, cache: str) -> None:
        seen = swarm(cache=cache, mounts=())
        memory = Memory(tasks={one.id: 1 for one in seen.tasks})
        units = find_units(seen, resolve_anchor_groups(seen, CONFIG), memory, RebalanceRules(), State(), NOW)

        assert all(unit.forbidden is not None for unit in units)

    def test_balancing_moves_chained_anchors_together(self) -> None:
        config = desired(anchors={"db": ("cache", "app"), "cache": ("app",)})
        seen = swarm(mounts=())
        memory = Memory(tasks={one.id: 1 for one in seen.tasks})
        units = find_units(seen, resolve_anchor_groups(seen, config), memory, RebalanceRules(), State(), NOW)

        free = [unit for unit in units if unit.forbidden is None]
        assert [sorted(member.name for member in unit.members) for unit in free] == [
            ["shop_app", "shop_cache", "shop_db"]
        ]

    def test_forecast_moves_the_follower(self) -> None:
        def fate(lost: str, **where: str) -> tuple[str, ...]:
            seen = swarm(**where)
            found = what_if(
                seen, resolve_anchor_groups(seen, CONFIG), Memory(), NOW, lose=[seen.node_by_id[f"id-{lost}"]]
            )
            (app,) = (one for one in found.fates if one.service == "shop_app")
            assert not app.unplaced
            return app.to

        assert fate("charlie", db="alpha bravo", cache="bravo", app="charlie") == ("bravo",)
        # apart: with the first
        assert fate("charlie", db="alpha", cache="bravo", app="charlie") == ("alpha",)

    def test_forecast_considers_user_constraints(self) -> None:
        seen = swarm(cache="bravo", app="charlie", constraints=BOTH)
        found = what_if(
            seen, resolve_anchor_groups(seen, CONFIG), Memory(), NOW, lose=[seen.node_by_id["id-charlie"]]
        )

        (app,) = (one for one in found.fates if one.service == "shop_app")
        assert app.unplaced == 1

    def test_drain_waits_only_for_the_followed_anchor(self) -> None:
        seen = swarm(cache="bravo")

        # the cache has left alpha, and the follower stays there with the database
        (left,) = still_leaving(
            seen, resolve_anchor_groups(seen, CONFIG), State(), seen.node_by_id["id-alpha"]
        )
        assert left.params["service"] == "shop_db"
        gone = swarm(db="bravo", cache="bravo")
        assert still_leaving(gone, resolve_anchor_groups(gone, CONFIG), State(), gone.node_by_id["id-alpha"])

    def test_global_follower_uses_the_first_label(self) -> None:
        everywhere = service("shop_app", mode="global", replicas=None, **ours(HELD))
        found = plan(swarm(everywhere, db="bravo", labelled=False, cache="charlie"), CONFIG)

        assert writes_to_services(found) == []

    def test_follower_gets_one_decision_per_cycle(self) -> None:
        config = desired(anchors={"db": ("app",), "cache": ("app",), "queue": ("app",)})
        parts = [service("shop_queue"), task("shop_queue", "alpha")]
        for where in NAMES:
            found = plan(swarm(*parts, app=where, constraints=()), config)
            assert len(writes_to_services(found)) == 1

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orphans: moves of any instance end with any configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    Removals,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import (
    REPLICAS_LABEL,
    with_replicas_before,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DRAIN,
    REBALANCE,
    Attempts,
    Move,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import (
    plan_anchors,
    plan_label_sync,
    plan_removal,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.plan import next_pass
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.orphans import plan_orphans
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.status import ORPHAN_POLICY
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.unfinished import (
    plan_unfinished,
)
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.followed import (
    CONFIG,
    HELD,
    NOW,
    TO_BRAVO,
    VOLUME,
    placed,
    plan,
    remembered,
    swarm,
    with_option,
    writes_to_services,
)

ID = "id-shop_app"
MOVE = Move("db", ("id-bravo",), NOW - 5, replicas=2, recorded=True)
LIMIT_SECONDS, STUCK_SECONDS = ORPHAN_POLICY.limit_seconds, ORPHAN_POLICY.stuck_seconds
JOURNAL = State(moves={ID: MOVE})
MOVING = State(moves={ID: replace(MOVE, replicas=None)})
OTHER = Dependency(anchor="web", stack="shop", label="web", followers=("cache",))

Planner = Callable[[SwarmSnapshot, State, float], Plan]


def scaled(replicas: int = 2, service_id: str = ID, at: int = 0) -> Service:
    """A follower that was scaled to 0 for a move."""
    app = service("shop_app", mounts=VOLUME, replicas=at, **ours(HELD))
    return replace(app, labels=with_replicas_before(app.labels, service_id, replicas))


def moving(**fields: object) -> Service:
    return service("shop_app", mounts=VOLUME, update_state="updating", **{**ours(HELD, TO_BRAVO), **fields})


def with_config(config: DesiredState) -> Planner:
    return lambda seen, state, now: plan_anchors(seen, config, state, now)


# all planners of the swarm, with all possible changes of a configuration
PLANNERS: dict[str, Planner] = {
    "the same configuration": with_config(CONFIG),
    "no dependency": with_config(desired()),
    "labels alone": with_config(desired({"alpha": {"ssd": "true"}})),
    "another dependency": with_config(DesiredState(dependencies={"web": OTHER})),
    "no follower": with_config(desired(anchors={"db": ()})),
    "another follower": with_config(desired(anchors={"db": ("cache",)})),
    "another anchor": with_config(desired(anchors={"web": ("app",)})),
    "another stack": with_config(desired(anchors={"db": ("app",)}, stack="other")),
    "a constraint of the user's own": with_config(with_option(manage_constraint=False)),
    "another way to move": with_config(with_option(relocate="evict")),
    "label_sync": lambda seen, state, now: plan_label_sync(seen, CONFIG, state, now),
    "label_sync without dependencies": lambda seen, state, now: plan_label_sync(seen, desired(), state, now),
    "label_sync with others": lambda seen, state, now: plan_label_sync(
        seen, DesiredState(dependencies={"web": OTHER}), state, now
    ),
    "removal": plan_removal,
    "without purge": lambda seen, state, now: plan_orphans(seen, state, set(), now, removals=Removals.HELD),
    "beside rebalance": lambda seen, state, now: plan_unfinished(seen, (), state, now, balancing=False),
    "drain": lambda seen, state, now: (
        next_pass(seen, desired(), state, "charlie", now, protect_quorum=False).plan
    ),
    "drain with dependencies": lambda seen, state, now: (
        next_pass(seen, CONFIG, state, "charlie", now, protect_quorum=False).plan
    ),
}
STATES = {"journal": JOURNAL, "lost": State()}


def of_services(found: Plan) -> Plan:
    """The steps of the plan that write services."""
    steps = tuple(s for s in found.steps if not isinstance(s, LabelNode) and s.action != "set_availability")
    return replace(found, steps=steps)


@pytest.mark.parametrize("name", PLANNERS)
class TestEveryPlanner:
    @pytest.mark.parametrize("state", STATES)
    def test_orphan_scaled_to_0_is_scaled_back(self, name: str, state: str) -> None:
        found = PLANNERS[name](swarm(scaled(), app_on=None), STATES[state], NOW)

        step = placed(of_services(found))
        assert (step.target, step.replicas) == ("service shop_app", 2)
        assert step.while_updating

    @pytest.mark.parametrize("state", STATES)
    def test_orphan_is_not_scaled_back_before_its_containers_stop(self, name: str, state: str) -> None:
        stopping = task("shop_app", "alpha", desired_state="shutdown")
        found = PLANNERS[name](swarm(scaled(), stopping, app_on=None), STATES[state], NOW)

        assert writes_to_services(of_services(found)) == []
        assert found.requeue_after == 1.0

    def test_orphan_uses_the_number_of_an_older_journal(self, name: str) -> None:
        app = service("shop_app", mounts=VOLUME, replicas=0, **ours(HELD))
        state = State(moves={ID: replace(MOVE, recorded=False)})

        step = placed(of_services(PLANNERS[name](swarm(app, app_on=None), state, NOW)))
        assert (step.replicas, step.unrecorded) == (2, True)

    @pytest.mark.parametrize("replicas", [0, 1, 5])
    def test_redeploy_keeps_the_users_number_of_tasks(self, name: str, replicas: int) -> None:
        """A redeploy drops our records."""
        app = service("shop_app", mounts=VOLUME, replicas=replicas)
        found = PLANNERS[name](swarm(app, app_on=None), JOURNAL, NOW)

        for step in of_services(found).steps:
            assert getattr(step, "replicas", None) is None
        later = PLANNERS[name](swarm(app, app_on=None), JOURNAL, NOW + 100)
        assert ID not in apply_edits(JOURNAL, later.remember).moves

    def test_scaling_keeps_the_users_number_and_drops_the_record(self, name: str) -> None:
        tasks = [task("shop_app", "bravo", slot=slot) for slot in (1, 2, 3)]
        found = PLANNERS[name](swarm(scaled(at=3), *tasks, app_on=None), JOURNAL, NOW)

        for step in of_services(found).steps:
            assert getattr(step, "replicas", None) is None
            spec = {
                "Labels": dict(scaled().labels),
                "Mode": {"Replicated": {"Replicas": 3}},
                "TaskTemplate": {"Placement": {"Constraints": [HELD]}},
            }
            assert REPLICAS_LABEL not in step.change_spec(spec)["Labels"]  # type: ignore[attr-defined]

    def test_record_of_a_misplaced_service_is_dropped_even_if_it_was_given_up(self, name: str) -> None:
        """Otherwise the number would count again once the user scales the service to 0."""
        tasks = [task("shop_app", "alpha", slot=slot) for slot in (1, 2, 3)]
        given_up = Attempts(9, NOW - 1, NOW - 900, Reason("misplaced"), Reason("attempts_exhausted", count=9))
        state = State(attempts={ID: given_up})
        steps = of_services(PLANNERS[name](swarm(scaled(at=3), *tasks, app_on=None), state, NOW)).steps

        # `label_sync` alone ends moves, but changes no followers
        assert [type(step) for step in steps] == ([] if name == "label_sync" else [PlaceService])
        assert all(getattr(step, "replicas", None) is None for step in steps)

    def test_copied_spec_is_not_changed(self, name: str) -> None:
        clone = replace(scaled(), id="id-clone", name="clone", constraints=())
        found = PLANNERS[name](swarm(service("shop_app", **ours(HELD)), clone), State(), NOW)

        assert "service clone" not in [step.target for step in found.steps]

    def test_rollback_to_0_is_scaled_back(self, name: str) -> None:
        """The rollback restores the record that the start has dropped."""
        app = replace(scaled(), update_state="rollback_completed")
        found = PLANNERS[name](swarm(app, app_on=None), State(), NOW)

        assert placed(of_services(found)).replicas == 2

    @pytest.mark.parametrize("state", [MOVING, State()], ids=["journal", "lost"])
    def test_orphaned_move_ends(self, name: str, state: State) -> None:
        """Immediately, on the node where it has arrived."""
        app = replace(moving(), update_state="completed")
        found = PLANNERS[name](swarm(app, app_on="bravo"), state, NOW)

        step = placed(of_services(found))
        assert TO_BRAVO in step.remove
        assert remembered(of_services(found), state).moves == {}

    def test_orphaned_move_that_fails_is_undone(self, name: str) -> None:
        seen = swarm(moving(), task("shop_app", None, state="pending"), app_on=None)
        found = PLANNERS[name](seen, MOVING, NOW + LIMIT_SECONDS)

        assert TO_BRAVO in placed(of_services(found)).remove

    def test_orphaned_move_waits_for_the_old_container(self, name: str) -> None:
        stopping = task("shop_app", "alpha", desired_state="shutdown")
        ready = task("shop_app", "bravo", state="preparing", desired_state="ready")
        found = PLANNERS[name](swarm(moving(), stopping, ready, app_on=None), MOVING, NOW)

        if name != "another way to move":  # the user accepts two copies
            assert writes_to_services(of_services(found)) == []
            assert found.requeue_after == 1.0


class TestWithoutPurge:
    def end(self, app: Service, *tasks: object, state: State = MOVING, after: float = 0) -> Plan:
        seen = swarm(app, *tasks, app_on=None)  # type: ignore[arg-type]
        return plan_orphans(seen, state, set(), NOW + after, removals=Removals.HELD)

    def test_label_constraint_stays(self) -> None:
        app = service("shop_app", **ours(HELD))
        seen = swarm(app, app_on="alpha")

        assert plan_orphans(seen, State(), set(), NOW, removals=Removals.HELD) == Plan()
        assert placed(plan_orphans(seen, State(), set(), NOW)).remove == (HELD,)

    def test_label_constraint_stays_after_a_move(self) -> None:
        found = self.end(replace(moving(), update_state="completed"), task("shop_app", "bravo"))
        assert placed(found).after == {"constraints": [HELD]}

        step = placed(self.end(scaled(), state=JOURNAL))
        assert (step.after["constraints"], step.replicas) == ([HELD], 2)

    def test_foreign_move_gets_time_to_end(self) -> None:
        pending, starting = (
            task("shop_app", None, state="pending"),
            task("shop_app", "bravo", state="starting"),
        )

        for one, limit in ((pending, STUCK_SECONDS), (starting, LIMIT_SECONDS)):
            waits = self.end(moving(), one, after=limit - 6)
            assert (waits.steps, waits.requeue_after) == ((), 1.0)
            assert placed(self.end(moving(), one, after=limit)).remove == (TO_BRAVO,)
        watched = self.end(moving(), task("shop_app", "bravo"))
        assert (watched.steps, watched.requeue_after) == ((), 1.0)


class TestWithPurge:
    def test_purge_starts_and_cleans_the_service_in_one_write(self) -> None:
        step = placed(plan(swarm(scaled(), app_on=None), desired(), JOURNAL))

        assert (step.replicas, step.after["constraints"], step.remove) == (2, [], (HELD,))

    def test_purge_undoes_a_pointless_move_immediately(self) -> None:
        found = plan(swarm(moving(), task("shop_app", None, state="pending"), app_on=None), desired(), MOVING)

        assert placed(found).after == {"constraints": []}


class TestOtherMoves:
    """Moves for balance and off a node, in planners without knowledge of either."""

    SEEN = snapshot(
        node("alpha"),
        node("bravo"),
        node("charlie"),
        service("web", replicas=1, update_state="completed", **ours(TO_BRAVO)),
        task("web", "bravo"),
    )

    @pytest.mark.parametrize(
        "name",
        [
            "label_sync",
            "label_sync without dependencies",
            "removal",
            "drain",
            "drain with dependencies",
        ],
    )
    @pytest.mark.parametrize("kind", [REBALANCE, DRAIN])
    def test_other_moves_end(self, name: str, kind: str) -> None:
        move = Move("", ("id-bravo",), NOW - 5, kind=kind, source="id-alpha")
        state = State(moves={"id-web": move})
        found = of_services(PLANNERS[name](self.SEEN, state, NOW))

        assert placed(found).remove == (TO_BRAVO,)
        assert remembered(found, state).moves == {}

    def test_moves_for_balance_are_left_to_their_planner(self) -> None:
        move = Move("", ("id-bravo",), NOW - 5, kind=REBALANCE, source="id-alpha")
        state = State(moves={"id-web": move})

        assert plan_anchors(self.SEEN, desired(), state, NOW).steps == ()
        assert plan_unfinished(self.SEEN, (), state, NOW, balancing=False).steps == ()
        assert placed(plan_anchors(self.SEEN, desired(), state, NOW, balancing=True)).remove == (TO_BRAVO,)

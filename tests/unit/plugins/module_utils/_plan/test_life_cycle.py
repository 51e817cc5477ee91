# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life cycle of a relocation, which is the same for every kind except for the policies listed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import Removals
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    ServiceStep,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    BACK,
    DRAIN,
    REBALANCE,
    Move,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.surge import plan_surge_ends
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.moves import plan_moves_under_way
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.orphans import plan_orphans
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.status import (
    BALANCE_POLICY,
    DRAIN_POLICY,
    FOLLOW_POLICY,
    ORPHAN_POLICY,
    Policy,
    Progress,
    Status,
)
from tests.support.builders import node, ours, service, snapshot, task
from tests.support.followed import CONFIG, HELD, NOW, TO_BRAVO, VOLUME

ID = "id-shop_app"
Planner = Callable[[SwarmSnapshot, State, float], Plan]


def orphans(seen: SwarmSnapshot, state: State, now: float) -> Plan:
    return plan_orphans(seen, state, set(), now, removals=Removals.HELD)


@dataclass(frozen=True)
class Kind:
    """A service that moves from alpha to bravo. ``held``: managed constraints that stay."""

    move: Move
    planner: Planner
    policy: Policy
    held: tuple[str, ...] = ()

    def service(self, *, moving: bool = True, **fields: Any) -> Service:
        constraints = (*self.held, TO_BRAVO) if moving else self.held
        return service("shop_app", **{**ours(*constraints), **fields})

    def seen(self, app: Service, *tasks: Task, bravo: str = "ready") -> SwarmSnapshot:
        return snapshot(
            node("alpha"),
            node("bravo", labels={"db": "true"}, state=bravo),
            node("charlie"),
            service("shop_db"),
            task("shop_db", "bravo"),
            app,
            *tasks,
        )

    def state(self) -> State:
        return State(moves={ID: self.move})

    def plan(self, seen: SwarmSnapshot, after: float = 1, state: State | None = None) -> Plan:
        """The plan for it ``after`` seconds."""
        found = self.planner(seen, self.state() if state is None else state, NOW + after)
        steps = tuple(s for s in found.steps if isinstance(s, ServiceStep) and s.service_id == ID)
        return replace(found, steps=steps)


TO, TO_NAMES = ("id-bravo",), ("bravo",)
KINDS = {
    "anchor": Kind(
        Move("db", TO, NOW), lambda *given: plan_anchors(given[0], CONFIG, *given[1:]), FOLLOW_POLICY, (HELD,)
    ),
    "orphan": Kind(Move("db", TO, NOW), orphans, ORPHAN_POLICY, (HELD,)),
    "balance": Kind(
        Move("", TO, NOW, kind=REBALANCE, source="id-alpha"),
        lambda *given: plan_moves_under_way(given[0], (), *given[1:]),
        BALANCE_POLICY,
    ),
    "back": Kind(
        Move("", TO, NOW, kind=BACK, source="id-alpha"),
        lambda *given: plan_moves_under_way(given[0], (), *given[1:]),
        BALANCE_POLICY,
    ),
    "drain": Kind(Move("", TO, NOW, kind=DRAIN, source="id-alpha"), plan_surge_ends, DRAIN_POLICY),
}

EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
PENDING = task("shop_app", None, state="pending", error="no suitable node")


def only_step(found: Plan) -> PlaceService:
    (step,) = found.steps
    assert isinstance(step, PlaceService)
    return step


def moves_after(found: Plan, kind: Kind) -> dict[str, Move]:
    """The journal after the plan is applied."""
    edits = [*found.remember, *(edit for s in found.steps for edit in (*s.intent_edits, *s.commit_edits))]
    return dict(apply_edits(kind.state(), edits).moves)  # type: ignore[arg-type]


def is_ended(found: Plan, kind: Kind) -> bool:
    """Return whether the constraint of the move is removed and the earlier ones stay."""
    step = only_step(found)
    kept = [text for text in step.changed(step.constraints) if text != "node.id==id-alpha"]
    return TO_BRAVO in step.remove and kept == list(kind.held)


@EVERY
class TestArrived:
    def test_arrived_move_is_finished(self, kind: Kind) -> None:
        found = kind.plan(kind.seen(kind.service(update_state="completed"), task("shop_app", "bravo")))

        assert is_ended(found, kind)
        assert not only_step(found).while_updating
        assert moves_after(found, kind) == {}
        assert found.warnings == ()

    @pytest.mark.parametrize("state", ["updating", "rollback_started"])
    def test_arrived_move_waits_for_swarm(self, kind: Kind, state: str) -> None:
        found = kind.plan(kind.seen(kind.service(update_state=state), task("shop_app", "bravo")), 9999)

        assert found.steps == ()
        assert Reason("move_watched", service="shop_app") in found.notes
        assert found.requeue_after == kind.policy.requeue_seconds

    def test_arrived_move_accepts_a_new_number_of_tasks(self, kind: Kind) -> None:
        tasks = [task("shop_app", "bravo", slot=slot) for slot in (1, 2, 3)]
        step = only_step(kind.plan(kind.seen(kind.service(replicas=3, update_state="completed"), *tasks)))

        assert (TO_BRAVO in step.remove, step.replicas) == (True, None)

    def test_arrived_move_waits_for_all_tasks(self, kind: Kind) -> None:
        tasks = [task("shop_app", "bravo"), task("shop_app", "bravo", slot=2, state="starting")]

        assert kind.plan(kind.seen(kind.service(replicas=2), *tasks)).steps == ()
        assert kind.plan(kind.seen(kind.service(replicas=2), tasks[0])).steps == ()

    def test_arrived_move_of_a_service_scaled_to_0_by_the_user(self, kind: Kind) -> None:
        found = kind.plan(kind.seen(kind.service(replicas=0)))

        assert is_ended(found, kind)
        assert only_step(found).replicas is None

    def test_arrived_move_counts_finished_tasks(self, kind: Kind) -> None:
        done = task("shop_app", "bravo", state="complete", desired_state="shutdown", exit_code=0)
        app = kind.service(restart_condition="on-failure", update_state="completed")

        # the constraint on its label may go, too: Swarm could run the task again because of it
        assert TO_BRAVO in only_step(kind.plan(kind.seen(app, done))).remove

    def test_arrived_move_waits_for_an_unheard_node(self, kind: Kind) -> None:
        found = kind.plan(kind.seen(kind.service(), task("shop_app", "bravo"), bravo="unknown"))

        assert found.steps == ()

    def test_arrived_move_ignores_old_containers(self, kind: Kind) -> None:
        app = kind.service(mounts=VOLUME, update_state="completed")
        old = task("shop_app", "alpha", desired_state="shutdown")

        assert is_ended(kind.plan(kind.seen(app, task("shop_app", "bravo"), old)), kind)


@EVERY
class TestUnderWay:
    @pytest.mark.parametrize(
        "one",
        [
            task("shop_app", "alpha"),
            task("shop_app", "bravo", state="preparing"),
            task("shop_app", "bravo", state="starting"),
            PENDING,
        ],
        ids=["not begun", "preparing", "starting", "pending"],
    )
    def test_move_under_way_is_awaited(self, kind: Kind, one: Task) -> None:
        found = kind.plan(kind.seen(kind.service(update_state="updating"), one))

        assert found.steps == ()
        error = one.error or None
        assert Reason("move_under_way", service="shop_app", nodes=["bravo"], error=error) in found.notes
        assert found.requeue_after == kind.policy.requeue_seconds

    def test_move_under_way_waits_for_an_old_container(self, kind: Kind) -> None:
        """However late it is: after a write, Swarm would start the next one without waiting."""
        app = kind.service(mounts=VOLUME, update_state="updating")
        old = task("shop_app", "alpha", desired_state="shutdown")
        ready = task("shop_app", "bravo", state="preparing", desired_state="ready")
        found = kind.plan(kind.seen(app, old, ready), 9999)

        assert found.steps == ()
        assert Reason("move_waits_for_old_task", service="shop_app", nodes=["alpha"]) in found.notes

    def test_move_under_way_ignores_an_old_stateless_container(self, kind: Kind) -> None:
        old = task("shop_app", "alpha", desired_state="shutdown")

        assert is_ended(kind.plan(kind.seen(kind.service(), old, PENDING), 9999), kind)


@EVERY
class TestFailed:
    def check(self, kind: Kind, name: str, seen: SwarmSnapshot, limit: float) -> None:
        """The move waits up to the limit. Then it ends, which also ends the blocked update."""
        if limit:
            assert kind.plan(seen, limit).steps == ()
        found = kind.plan(seen, limit + 1)
        assert is_ended(found, kind), name
        assert only_step(found).while_updating
        if kind is KINDS["balance"]:
            assert only_step(found).add == ("node.id==id-alpha",)
            assert moves_after(found, kind)[ID].kind == BACK
        else:
            assert moves_after(found, kind) == {}

    def test_overdue_move_fails(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(update_state="updating"), task("shop_app", "bravo", state="starting"))

        self.check(kind, "too long", seen, kind.policy.limit_seconds)

    def test_move_without_a_node_fails(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(update_state="updating"), PENDING)

        self.check(kind, "no node", seen, kind.policy.stuck_seconds)

    def test_move_to_a_removed_node_fails(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(update_state="updating"), PENDING)
        seen = replace(seen, nodes=tuple(one for one in seen.nodes if one.id != "id-bravo"))

        self.check(kind, "target gone", seen, kind.policy.stuck_seconds)

    def test_move_with_a_paused_update_fails(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(update_state="paused"), task("shop_app", "bravo", state="starting"))

        self.check(kind, "paused", seen, min(kind.policy.paused_seconds, kind.policy.limit_seconds))

    def test_move_given_up_by_swarm_fails(self, kind: Kind) -> None:
        ended = task("shop_app", "bravo", state="failed", desired_state="shutdown", exit_code=3)
        found = kind.plan(kind.seen(kind.service(), ended))

        assert is_ended(found, kind)

    def test_clock_set_back_ends_no_move(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(update_state="updating"), PENDING)

        assert kind.plan(seen, -9999).steps == ()


@pytest.mark.parametrize("kind", ["anchor", "orphan"])
def test_move_arrives_despite_a_paused_update(kind: str) -> None:
    found = KINDS[kind].plan(
        KINDS[kind].seen(KINDS[kind].service(update_state="paused"), task("shop_app", "bravo"))
    )

    assert is_ended(found, KINDS[kind])
    assert only_step(found).while_updating


@pytest.mark.parametrize("kind", ["balance", "back", "drain"])
def test_paused_update_is_no_success_for_optional_moves(kind: str) -> None:
    seen = KINDS[kind].seen(KINDS[kind].service(update_state="paused"), task("shop_app", "bravo"))
    found = KINDS[kind].plan(seen, 31)

    assert is_ended(found, KINDS[kind])
    (warning,) = found.warnings
    assert isinstance(warning, Reason)
    assert warning.params["failure"] == Reason("move_paused", error=None)


@EVERY
class TestWithoutConstraint:
    def test_arrival_before_the_state_was_saved(self, kind: Kind) -> None:
        found = kind.plan(kind.seen(kind.service(moving=False), task("shop_app", "bravo")))

        assert found.steps == ()
        assert moves_after(found, kind) == {}
        assert found.warnings == ()

    @pytest.mark.parametrize("state", [None, "completed"])
    def test_redeployed_service_voids_the_move(self, kind: Kind, state: str | None) -> None:
        """The entry is void, and the service is not changed."""
        seen = kind.seen(service("shop_app", update_state=state), task("shop_app", "alpha"))
        found = kind.plan(seen, max(kind.policy.void_seconds, 1) + 1)

        assert moves_after(found, kind).get(ID) != kind.move
        assert all(getattr(step, "remove", ()) == () for step in found.steps)

    def test_missing_constraint_may_still_be_written(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(moving=False, update_state="updating"), task("shop_app", "alpha"))
        found = kind.plan(seen)

        assert found.steps == ()
        if kind is not KINDS["orphan"]:  # a move without a purpose is forgotten immediately
            assert moves_after(found, kind) == {ID: kind.move}

    def test_rolled_back_move_fails(self, kind: Kind) -> None:
        seen = kind.seen(
            kind.service(moving=False, update_state="rollback_completed"), task("shop_app", "alpha")
        )
        found = kind.plan(seen)

        assert all(getattr(step, "remove", ()) == () for step in found.steps)
        if kind in (KINDS["balance"], KINDS["drain"]):
            failure = Reason("move_rolled_back")
            assert found.warnings == (
                Reason("move_failed", service="shop_app", nodes=TO_NAMES, failure=failure),
            )
            assert moves_after(found, kind) == {}

    def test_running_rollback_is_awaited(self, kind: Kind) -> None:
        seen = kind.seen(
            kind.service(moving=False, update_state="rollback_started"), task("shop_app", "alpha")
        )

        assert kind.plan(seen).steps == ()

    def test_paused_update_is_left_to_the_user(self, kind: Kind) -> None:
        seen = kind.seen(kind.service(moving=False, update_state="paused"), task("shop_app", "alpha"))
        found = kind.plan(seen, 61)

        assert found.steps == ()
        if kind is not KINDS["anchor"]:  # it is still misplaced, and its attempt counts
            assert moves_after(found, kind) == {}

    def test_removed_service_is_forgotten(self, kind: Kind) -> None:
        seen = kind.seen(kind.service())
        seen = replace(seen, services=tuple(one for one in seen.services if one.id != ID))
        found = kind.plan(seen)

        assert found.steps == ()
        assert moves_after(found, kind) == {}


class TestJournalLost:
    """Without its entry a move is the follower's own, or an orphan."""

    @pytest.mark.parametrize("kind", ["orphan", "balance", "back", "drain"])
    def test_lost_journal_ends_an_orphan(self, kind: str) -> None:
        seen = KINDS["orphan"].seen(KINDS[kind].service(update_state="updating"), task("shop_app", "alpha"))
        step = only_step(KINDS["orphan"].plan(seen, state=State()))

        assert step.remove == (TO_BRAVO,)
        assert step.why == (Reason("journal_entry_lost"),)

    def test_lost_journal_restarts_the_time_of_a_follower(self) -> None:
        kind = KINDS["anchor"]
        seen = kind.seen(kind.service(update_state="updating"), PENDING)
        found = kind.plan(seen, 999, State())

        assert found.steps == ()
        assert apply_edits(State(), found.remember).moves == {ID: Move("db", TO, NOW + 999)}  # type: ignore[arg-type]

    @EVERY
    def test_lost_journal_does_not_prevent_arrival(self, kind: Kind) -> None:
        planner = kind if kind is KINDS["anchor"] else KINDS["orphan"]
        seen = kind.seen(kind.service(update_state="completed"), task("shop_app", "bravo"))

        assert only_step(planner.plan(seen, state=State())).remove == (TO_BRAVO,)


class TestSuperseded:
    def test_superseded_move_follows_the_anchor(self) -> None:
        kind = KINDS["anchor"]
        seen = kind.seen(kind.service(update_state="completed"), task("shop_app", "bravo"))
        tasks = (task("shop_db", "charlie"), *(one for one in seen.tasks if one.service_id == ID))
        step = only_step(kind.plan(replace(seen, tasks=tasks)))

        assert step.remove == (TO_BRAVO,)
        assert step.why == (Reason("anchor_moved_on", anchor="db"),)

    def test_superseded_move_back_is_written_again(self) -> None:
        kind = replace(KINDS["back"], move=Move("", ("id-alpha",), NOW, kind=BACK, source="id-bravo"))
        step = only_step(kind.plan(kind.seen(kind.service(), task("shop_app", "bravo"))))

        assert (step.add, step.remove) == (("node.id==id-alpha",), (TO_BRAVO,))

    def test_superseded_orphan_is_undone(self) -> None:
        seen = KINDS["orphan"].seen(KINDS["orphan"].service(), task("shop_app", "alpha"))
        step = only_step(plan_orphans(seen, KINDS["orphan"].state(), set(), NOW))

        assert step.changed(step.constraints) == []


@pytest.mark.parametrize("fields", [{}, {"replicas": 3}], ids=["one", "three"])
@pytest.mark.parametrize("policy", [FOLLOW_POLICY, ORPHAN_POLICY, BALANCE_POLICY, DRAIN_POLICY])
def test_status_is_final_or_has_a_note(policy: Policy, fields: dict[str, Any]) -> None:
    """Any snapshot of the service has a status, and only some statuses are failures."""
    failures = {Status.FAILED, Status.OVERDUE, Status.ROLLED_BACK}
    for state in (None, "updating", "paused", "completed", "rollback_started", "rollback_paused"):
        for one in (PENDING, task("shop_app", "bravo"), task("shop_app", "alpha", desired_state="shutdown")):
            for constraints in ((TO_BRAVO,), ()):
                for move in (None, Move("", TO, NOW)):
                    app = service("shop_app", update_state=state, **ours(*constraints), **fields)
                    seen = KINDS["drain"].seen(app, one)
                    progress = Progress(seen, app, move, NOW + 700, policy)

                    assert (progress.failure is not None) == (progress.status in failures)
                    if constraints:
                        assert progress.status not in (Status.VOID, Status.PENDING, Status.RESCALED)

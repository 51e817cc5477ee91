# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot, Task
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    BACK,
    REBALANCE,
    Move,
    Relocation,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.moves import plan_moves_under_way
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.rebalance_case import the_step

NOW = 1_700_000_000.0
TO, OFF = "node.id==id-beta", "node.id!=id-alpha"
MOVE = Move("", ("id-beta",), NOW, kind=REBALANCE, source="id-alpha", memory_bytes=7)
BACKWARD = Move("", ("id-alpha",), NOW, kind=BACK, source="id-beta")


def swarm(*tasks: Task, **fields: Any) -> SwarmSnapshot:
    fields = {**ours(TO), **fields}
    return snapshot(node("alpha"), node("beta"), node("gamma"), service("app", **fields), *tasks)


def plan(seen: SwarmSnapshot, move: Move = MOVE, after: float = 10) -> Plan:
    return plan_moves_under_way(seen, (), State(moves={"id-app": move}), NOW + after)


def remembered(*edits: Iterable[Any], move: Move = MOVE) -> State:
    return apply_edits(State(moves={"id-app": move}), [edit for some in edits for edit in some])


def made(at: float, failed: Reason | None = None) -> dict[str, tuple[Relocation, ...]]:
    return {"id-app": (Relocation("id-alpha", "id-beta", NOW + at, 7, failed),)}


def test_arrived_move_is_ended_and_saved() -> None:
    step = the_step(plan(swarm(task("app", "beta"), update_state="completed")))

    assert (step.summary, step.remove, step.add) == ("end the move of app", (TO,), ())
    assert step.changed((TO, "node.role == worker")) == ["node.role == worker"]
    assert not step.while_updating
    assert remembered(step.commit_edits) == State(relocations=made(10))


WAITING = {
    "not yet there": (swarm(task("app", "alpha")), "move_under_way"),
    "starting": (swarm(task("app", "beta", state="preparing")), "move_under_way"),
    "watched by Swarm": (swarm(task("app", "beta"), update_state="updating"), "move_watched"),
    "pending": (
        swarm(task("app", None, state="pending", error="no suitable node")),
        "move_under_way",
    ),
    "being rolled back": (
        swarm(task("app", "alpha"), **ours(), update_state="rollback_started"),
        "move_waits_for_update",
    ),
}


@pytest.mark.parametrize("name", WAITING)
def test_move_under_way_is_awaited(name: str) -> None:
    seen, code = WAITING[name]
    found = plan(seen)

    assert found.steps == ()
    assert found.remember == ()
    (found_note,) = found.notes
    assert isinstance(found_note, Reason)
    assert found_note.code == code
    assert found.requeue_after == 5


FAILING = {
    "too long": (swarm(task("app", "beta", state="starting"), update_state="updating"), 601),
    "no node": (swarm(task("app", None, state="pending")), 31),
    "paused": (swarm(task("app", "beta", state="starting"), update_state="paused"), 31),
}


@pytest.mark.parametrize("name", FAILING)
def test_failed_move_is_undone_and_saved(name: str) -> None:
    seen, after = FAILING[name]
    step = the_step(plan(seen, after=after))

    assert step.summary == "move app back to alpha"
    assert (step.add, step.remove) == (("node.id==id-alpha",), (TO,))
    assert step.while_updating
    state = remembered(step.intent_edits)
    assert state.moves["id-app"] == replace(BACKWARD, since=NOW + after)
    assert state.relocations["id-app"][0].failed is not None


def test_failed_move_without_its_old_node_is_left_to_swarm() -> None:
    seen = swarm(task("app", None, state="pending"))
    seen = replace(
        seen, nodes=tuple(replace(n, state="down") if n.id == "id-alpha" else n for n in seen.nodes)
    )

    step = the_step(plan(seen, after=31))

    assert (step.add, step.remove) == ((), (TO,))
    assert remembered(step.intent_edits, step.commit_edits).moves == {}
    assert remembered(step.intent_edits).relocations["id-app"][0].failed is not None


def test_failed_move_of_replicas_leaves_the_new_node() -> None:
    seen = swarm(
        task("app", "gamma", slot=1),
        task("app", "beta", slot=2, state="starting"),
        **ours(OFF),
        replicas=2,
        update_state="paused",
    )

    step = the_step(plan(seen, after=31))

    assert (step.add, step.remove) == (("node.id!=id-beta",), (OFF,))


def test_move_back_is_repeated_after_a_lost_write() -> None:
    step = the_step(plan(swarm(task("app", "beta")), move=BACKWARD))

    assert (step.add, step.remove) == (("node.id==id-alpha",), (TO,))


def test_move_back_is_saved_only_once() -> None:
    seen = swarm(task("app", "alpha"), **ours("node.id==id-alpha"))
    step = the_step(plan(seen, move=BACKWARD))

    assert step.remove == ("node.id==id-alpha",)
    assert remembered(step.commit_edits, move=BACKWARD) == State()


def test_failed_move_back_is_left_to_swarm() -> None:
    seen = swarm(task("app", None, state="pending"), **ours("node.id==id-alpha"))
    found = plan(seen, move=BACKWARD, after=31)

    assert the_step(found).remove == ("node.id==id-alpha",)
    assert remembered(the_step(found).commit_edits, move=BACKWARD) == State()
    assert found.warnings


GONE = {
    "ended, but not yet saved": (swarm(task("app", "beta"), **ours()), made(10)),
    "never begun": (swarm(task("app", "alpha"), **ours()), {}),
    "rolled back": (
        swarm(task("app", "alpha"), **ours(), update_state="rollback_completed"),
        made(10, Reason("move_rolled_back")),
    ),
    "the service is gone": (snapshot(node("alpha")), {}),
}


@pytest.mark.parametrize("name", GONE)
def test_move_without_its_constraint_is_over(name: str) -> None:
    seen, relocations = GONE[name]
    found = plan(seen)

    assert found.steps == ()
    assert remembered(found.remember) == State(relocations=relocations)


def test_follower_planner_ignores_moves_for_balance() -> None:
    seen = swarm(task("app", "alpha"))
    state = State(moves={"id-app": MOVE})

    assert plan_anchors(seen, desired(), state, NOW).is_empty
    assert not plan_anchors(seen, desired(), State(), NOW).is_empty  # an orphan after the state is lost


def test_move_of_a_new_follower_is_left_to_the_follower_planner() -> None:
    seen = snapshot(
        node("alpha"),
        node("beta"),
        service("shop_db"),
        task("shop_db", "alpha"),
        service("shop_app", **ours(TO)),
        task("shop_app", "beta"),
    )
    state = State(moves={"id-shop_app": MOVE})
    groups = resolve_anchor_groups(seen, desired(anchors={"db": ("app",)}))

    assert plan_moves_under_way(seen, groups, state, NOW) == Plan()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Surge: services that leave a node before the drain, their order, and those left to the drain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DRAIN,
    AskAvailability,
    Move,
    SetMove,
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.plan import Pass, next_pass, preview
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.surge import LIMIT_SECONDS
from tests.support.builders import desired, node, ours, service, snapshot, task

DATA = (Mount("volume", "data", "/data"),)
MOVING = State(moves={"id-web": Move("", (), 100.0, kind=DRAIN, source="id-a")})
NOTHING = DesiredState()


def web(**fields: object) -> Service:
    return service("web", **{"update_order": "start-first", "replicas": 2, **fields})


def on_a(*parts: Node | Service | Task, availability: str = "active") -> SwarmSnapshot:
    return snapshot(node("a", availability=availability), node("b"), node("c"), *parts)


def run(
    seen: SwarmSnapshot,
    state: State = State(),  # noqa: B008
    configured: DesiredState = NOTHING,
    now: float = 101.0,
) -> Pass:
    return next_pass(seen, configured, state, "a", now, protect_quorum=False)


def whats(found: Pass) -> list[str]:
    return [step.summary for step in found.plan.steps]


def test_start_first_services_leave_before_the_drain() -> None:
    parts = (web(), task("web", "a"), task("web", "b", slot=2), service("old"), task("old", "a"))
    first = run(on_a(*parts))
    assert whats(first) == [
        "set the availability of node a to pause",
        "move web from a to another node",
    ]
    place = first.plan.steps[1]
    assert isinstance(place, PlaceService)
    assert place.add == ("node.id!=id-a",)
    assert place.intent_edits == (SetMove("id-web", Move("", (), 101.0, kind=DRAIN, source="id-a")),)

    moved = web(**ours("node.id!=id-a"), update_state="updating")
    under_way = run(on_a(moved, *parts[1:], availability="pause"), MOVING)
    assert (whats(under_way), under_way.is_over) == ([], False)
    assert under_way.left == (
        Reason("has_not_left", service="web", node="a", state="updating"),
        Reason("move_under_way", service="web", nodes=None, error=None),
    )

    arrived = (moved, task("web", "c"), task("web", "b", slot=2), *parts[3:])
    drained = run(on_a(*arrived, availability="pause"), MOVING)
    assert whats(drained) == ["set the availability of node a to drain"]

    ended = run(on_a(replace(moved, update_state="completed"), *arrived[1:], availability="drain"), MOVING)
    assert whats(ended) == ["end the move of web"]
    assert ended.left == (
        Reason("task_not_gone", service="old", state="running"),
        Reason("moves_not_ended"),
    )

    over = run(on_a(web(), *arrived[1:3], availability="drain"), State(asked_availability={"id-a": 1.0}))
    assert over.is_over


def test_anchor_leaves_first_to_a_node_that_fits_its_followers() -> None:
    configured = desired(anchors={"db": ("app",)}, stack="")
    held = service("app", **ours("node.labels.db==true", user_constraints=("node.labels.ssd == true",)))
    seen = snapshot(
        node("a", labels={"db": "true", "ssd": "true"}),
        node("b"),
        node("c", labels={"ssd": "true"}),
        service("db", mounts=DATA),
        task("db", "a"),
        held,
        task("app", "a"),
    )
    first = run(seen, configured=configured)
    assert "move db from a to c" in whats(first)
    assert not any("app" in what for what in whats(first))
    # the anchor has arrived, but the node is not drained before its follower has, too
    gone = replace(seen, tasks=(task("db", "c"), task("app", "a")))
    behind = replace(gone, nodes=(replace(seen.nodes[0], availability="pause"), *seen.nodes[1:]))
    left = run(behind, configured=configured)
    assert Reason("has_not_followed", service="app", anchor="db") in left.left
    assert "set the availability of node a to drain" not in whats(left)


@pytest.mark.parametrize(
    "kept",
    [
        # two copies of a stateful service must never run at once
        {"mounts": DATA},
        {"update_order": "stop-first"},
        {"mode": "global", "replicas": None},
    ],
)
def test_other_services_are_left_to_the_drain(kept: dict[str, object]) -> None:
    seen = on_a(web(**kept), task("web", "a"), availability="pause")
    assert whats(run(seen)) == ["set the availability of node a to drain"]


def test_service_without_another_node_is_reported_and_does_not_block() -> None:
    full = web(max_replicas_per_node=1, replicas=3)
    tasks = [task("web", name, slot=number) for number, name in enumerate("abc")]
    seen = on_a(full, *tasks, availability="active")
    first = run(seen)
    assert whats(first) == ["set the availability of node a to pause"]
    assert first.plan.warnings == (Reason("drain_stops_service", service="web", node="a"),)
    assert whats(run(on_a(full, *tasks, availability="pause"))) == ["set the availability of node a to drain"]


@pytest.mark.parametrize(
    ("now", "fields", "why"),
    [
        (
            101.0,
            {"update_state": "paused", "update_message": "no image"},
            Reason("move_paused", error="no image"),
        ),
        (101.0, {"update_state": "rollback_completed", "constraints": ()}, Reason("move_rolled_back")),
        (
            101.0 + LIMIT_SECONDS,
            {"update_state": "updating"},
            Reason("move_overdue", seconds=600.0, error=None),
        ),
    ],
)
def test_failed_move_is_undone_and_ends_the_drain(now: float, fields: dict[str, object], why: Reason) -> None:
    moved = web(**{**ours("node.id!=id-a"), **fields})
    found = run(on_a(moved, task("web", "a"), task("web", "b"), availability="pause"), MOVING, now=now)
    assert found.failed == (Reason("move_failed", service="web", nodes=None, failure=why),)
    assert whats(found) == (["end the move of web"] if moved.constraints else [])


def test_drained_node_is_finished_immediately() -> None:
    found = run(on_a(web(), task("web", "b"), availability="drain"))
    assert found.is_over
    assert found.plan.remember == (AskAvailability("id-a", 101.0),)


def test_preview_has_all_steps_and_raises_immediately() -> None:
    plan = preview(on_a(web(), task("web", "a")), NOTHING, State(), "a", 1.0, protect_quorum=True)
    assert [step.summary for step in plan.steps] == [
        "move web from a to another node",
        "set the availability of node a to drain",
    ]
    alone = snapshot(node("a", role="manager", reachability="reachable"))
    with pytest.raises(OrcastraError, match="cannot be spared"):
        preview(alone, NOTHING, State(), "a", 1.0, protect_quorum=True)
    with pytest.raises(OrcastraError, match="cannot be spared"):
        next_pass(alone, NOTHING, State(), "a", 1.0, protect_quorum=True)

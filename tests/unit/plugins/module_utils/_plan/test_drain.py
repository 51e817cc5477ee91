# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draining nodes: planned steps, refusals, and the reported remaining tasks."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    AskAvailability,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.availability import (
    check_spare,
    left_on,
    plan_availability,
)
from tests.support.builders import node, service, task


def managers(*reachability: str) -> tuple[Node, ...]:
    return tuple(
        node(f"m{number}", role="manager", reachability=said) for number, said in enumerate(reachability)
    )


def test_drained_node_needs_no_step() -> None:
    seen = SwarmSnapshot(nodes=(node("a"), node("b", availability="drain")))
    found = plan_availability(seen, State(), "a", "drain", 7.0)
    (step,) = found.steps
    assert (step.before, step.after) == ({"availability": "active"}, {"availability": "drain"})
    asked = apply_edits(State(), found.remember)
    assert asked.asked_availability == {"id-a": 7.0}
    # a node that was drained manually now stays drained, too
    kept = plan_availability(seen, State(), "b", "drain", 7.0)
    assert (kept.steps, kept.remember) == ((), (AskAvailability("id-b", 7.0),))
    assert plan_availability(seen, apply_edits(State(), kept.remember), "b", "drain", 8.0).is_empty


def test_activated_node_is_forgotten() -> None:
    seen = SwarmSnapshot(nodes=(node("a", availability="drain"), node("b")))
    found = plan_availability(seen, State(asked_availability={"id-a": 7.0}), "a", "active", 8.0)
    assert [step.after for step in found.steps] == [{"availability": "active"}]
    assert found.remember == (AskAvailability("id-a", None),)
    assert plan_availability(seen, State(), "b", "active", 8.0).is_empty


def test_draining_the_last_active_node_warns() -> None:
    plan = plan_availability(
        SwarmSnapshot(nodes=(node("a"), node("b", availability="pause"))), State(), "a", "drain", 0
    )
    assert len(plan.steps) == 1
    assert plan.warnings == (Reason("drains_last_active_node", node="a"),)


def test_ambiguous_and_unknown_names_are_refused() -> None:
    seen = SwarmSnapshot(nodes=(node("a"), node("a", id="other")))
    with pytest.raises(OrcastraError, match="there is no node c"):
        plan_availability(seen, State(), "c", "drain", 0)
    with pytest.raises(OrcastraError, match="2 nodes have this host name"):
        plan_availability(seen, State(), "a", "drain", 0)


@pytest.mark.parametrize(
    ("reachability", "spared"),
    [
        (("reachable",), False),
        (("reachable", "reachable"), False),
        (("reachable", "reachable", "reachable"), True),
        (("reachable", "reachable", "unreachable"), False),
    ],
)
def test_manager_stops_only_if_the_others_have_a_quorum(reachability: tuple[str, ...], spared: bool) -> None:
    seen = SwarmSnapshot(nodes=(*managers(*reachability), node("w")))
    assert plan_availability(seen, State(), "m0", "drain", 0).steps
    check_spare(seen, seen.node_by_id["id-w"])
    if spared:
        assert plan_availability(seen, State(), "m0", "drain", 0, stops=True).steps
    else:
        with pytest.raises(OrcastraError, match="cannot be spared"):
            plan_availability(seen, State(), "m0", "drain", 0, stops=True)


def test_left_on_lists_tasks_that_may_still_run() -> None:
    seen = SwarmSnapshot(
        nodes=(node("a"), node("b")),
        services=(service("web", stop_grace_seconds=30.0), service("db")),
        tasks=(
            task("web", "a", desired_state="shutdown"),
            task("db", "a"),
            task("db", "a", state="shutdown", desired_state="shutdown"),
            task("db", "b"),
        ),
    )
    assert left_on(seen, "id-a") == (
        Reason("task_not_gone", service="db", state="running"),
        Reason("task_stopping", service="web", seconds=30.0),
    )
    assert left_on(seen, "id-none") == ()

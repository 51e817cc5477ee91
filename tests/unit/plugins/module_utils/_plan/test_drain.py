# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draining nodes: what is planned, what is refused, and what is said to be left."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain import (
    check_spare,
    left_on,
    plan_availability,
)
from tests.unit.builders import node, service, task


def managers(*reachability: str) -> tuple[Node, ...]:
    return tuple(
        node(f"m{number}", role="manager", reachability=said) for number, said in enumerate(reachability)
    )


def test_a_node_that_is_drained_already_is_left_alone() -> None:
    seen = Picture(nodes=(node("a"), node("b", availability="drain")))
    (step,) = plan_availability(seen, "a", "drain").steps
    assert (step.before, step.after) == ({"availability": "active"}, {"availability": "drain"})
    assert plan_availability(seen, "b", "drain").is_empty


def test_draining_the_last_active_node_is_done_with_a_warning() -> None:
    plan = plan_availability(Picture(nodes=(node("a"), node("b", availability="pause"))), "a", "drain")
    assert len(plan.steps) == 1
    assert "no other node is ready and active" in plan.warnings[0]


def test_names_that_mean_no_node_or_two_are_refused() -> None:
    seen = Picture(nodes=(node("a"), node("a", id="other")))
    with pytest.raises(OrcastraError, match="there is no node c"):
        plan_availability(seen, "c", "drain")
    with pytest.raises(OrcastraError, match="2 nodes have this host name"):
        plan_availability(seen, "a", "drain")


@pytest.mark.parametrize(
    ("reachability", "spared"),
    [
        (("reachable",), False),
        (("reachable", "reachable"), False),
        (("reachable", "reachable", "reachable"), True),
        (("reachable", "reachable", "unreachable"), False),
    ],
)
def test_a_manager_is_stopped_only_while_the_others_have_a_quorum(
    reachability: tuple[str, ...], spared: bool
) -> None:
    seen = Picture(nodes=(*managers(*reachability), node("w")))
    assert plan_availability(seen, "m0", "drain").steps
    check_spare(seen, seen.node_by_id["id-w"])
    if spared:
        assert plan_availability(seen, "m0", "drain", stops=True).steps
    else:
        with pytest.raises(OrcastraError, match="cannot be spared"):
            plan_availability(seen, "m0", "drain", stops=True)


def test_what_is_left_is_what_may_still_run() -> None:
    seen = Picture(
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
        "db is still to run there (running)",
        "web is stopping, which may take 30 s",
    )
    assert left_on(seen, "id-none") == ()

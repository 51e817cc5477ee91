# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Following moves: saved with the first move, kept unless another is better, forgotten in a balanced
swarm."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    REBALANCE,
    Move,
    SetAhead,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from tests.support.builders import node, ours, service, snapshot, task
from tests.support.rebalance_case import LONG_AGO, NOW, Case, samples, the_step


def three_alike(a_on: str = "alpha", **ahead: str) -> Plan:
    """One step for a, b and c with 4 GB each on alpha, two of which must move."""
    used = {"alpha": 14.0, "beta": 2.0, "gamma": 2.0}
    used["alpha"] -= 4
    used[a_on] += 4
    seen = snapshot(
        *(node(name) for name in used),
        *(service(name) for name in "abc"),
        *(task(name, a_on if name == "a" else "alpha") for name in "abc"),
    )
    measured = Memory(nodes=samples(**used), services={f"id-{name}": 4 * GB for name in "abc"})
    state = State(
        pressure={"alpha": LONG_AGO},
        ahead={f"id-{name}/id-alpha": f"id-{target}" for name, target in ahead.items()},
    )
    rules = RebalanceRules(default=ServiceRules(memory_difference_bytes=GB, rebalance_buffer_bytes=GB))
    return plan_rebalance(seen, (), measured, rules, state, NOW)


def test_following_moves_are_saved_with_the_first() -> None:
    step = the_step(three_alike())

    assert step.summary == "move a from alpha to beta"
    assert apply_edits(State(), step.intent_edits).ahead == {"id-b/id-alpha": "id-gamma"}


@pytest.mark.parametrize(
    ("ahead", "what"),
    [
        ({}, "move b from alpha to gamma"),
        ({"c": "gamma"}, "move c from alpha to gamma"),
        ({"c": "lost"}, "move b from alpha to gamma"),
        ({"c": "beta"}, "move b from alpha to gamma"),
        ({"gone": "gamma"}, "move b from alpha to gamma"),
    ],
    ids=["nothing", "as good as any", "its node is lost", "it is worth nothing", "it is gone"],
)
def test_following_move_begins_if_none_is_better(ahead: dict[str, str], what: str) -> None:
    step = the_step(three_alike("beta", **ahead))

    assert step.summary == what
    assert (step.why[-1] == Reason("planned_with_last_move")) == (what.startswith("move c"))
    assert apply_edits(State(ahead={"x/y": "z"}), step.intent_edits).ahead == {}


def test_balanced_swarm_plans_nothing_ahead() -> None:
    case = Case(nodes=samples(alpha=8, beta=8), state=State(ahead={"id-big/id-alpha": "id-beta"}))

    assert case.plan().remember == (SetAhead({}),)
    case.state = State()
    assert case.plan().remember == ()


def test_following_moves_wait_for_busy_hosts() -> None:
    case = Case(nodes=samples(alpha=8, beta=8))
    under_way = Move("", ("id-beta",), NOW, kind=REBALANCE, source="id-gamma")
    case.state = State(moves={"id-other": under_way}, ahead={"id-big/id-alpha": "id-beta"})
    case.parts = (service("other", **ours("node.id==id-beta")), task("other", "gamma"))

    assert not any(isinstance(edit, SetAhead) for edit in case.plan().remember)

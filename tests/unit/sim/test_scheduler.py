# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's constraints and failure counts, compared with a real scheduler."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError
from tests.behaviour.world import SECOND, Swarm
from tests.sim import Behaviour, Sim
from tests.sim.room import MANY_FAILURES
from tests.support.builders import node
from tests.support.constraint_cases import CASES, INVALID

Connect = Callable[[str], Engine]


def test_constraint_table(to_engine: Connect) -> None:
    with Sim() as sim:
        labels = {"disk": "SSD", "Room": "cellar", "empty": ""}
        there = sim.add_node("alpha", role="manager", labels=labels, engine_labels={"rack": "r1"})
        sim.add_node("bravo")
        engine = to_engine(sim.docker_host())
        seen = node("alpha", id=there.id, architecture="x86_64")
        for number, (expression, _expected) in enumerate(CASES):
            constraints = [f"node.id=={there.id}", expression.format(node=seen)]
            template = {"ContainerSpec": {"Image": "x"}, "Placement": {"Constraints": constraints}}
            engine.post("/services/create", {"Name": f"case-{number}", "TaskTemplate": template})
        sim.advance(2)
        found = {
            expression: bool(sim.tasks(f"case-{number}")[0].node_id)
            for number, (expression, _expected) in enumerate(CASES)
        }
    assert found == dict(CASES)


@pytest.mark.parametrize(("expression", "message"), INVALID)
def test_invalid_constraints_are_refused(swarm: Swarm, expression: str, message: str) -> None:
    with pytest.raises(EngineError) as error:
        swarm.deploy("bad", placement={"Constraints": [expression]})
    assert message in str(error.value)


def test_repeatedly_failing_node_comes_last(swarm: Swarm, sim: Sim) -> None:
    """Five failures within five minutes: the other nodes come first, however many tasks they have."""
    for name in ("alpha", "bravo"):
        sim.place(
            {"Name": f"load-{name}", "TaskTemplate": {"ContainerSpec": {"Image": "x"}}}, [sim.node(name)]
        )
    swarm.deploy("web", restart={"Delay": SECOND // 10})
    sim.behave("web", Behaviour(refused_by=frozenset({"charlie"})))
    swarm.until(lambda: swarm.where("web"), "a node that has the image")
    assert "charlie" not in swarm.where("web")
    rejected = [task for task in sim.tasks("web", desired=False) if task.error.startswith("No such image")]
    # the scheduler prefers the empty node until it has failed often enough; only some of it is kept
    assert rejected
    assert sim.scheduler.room(sim.node("charlie").id).failures(sim.tasks("web")[0], sim.now) == MANY_FAILURES

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node is lost and returns: replicas and tasks are spread again, and nothing else restarts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules, SpreadRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from tests.sim import Sim, swarm
from tests.unit.sim.controller import Controller, run

SECOND = 1_000_000_000
RULES = RebalanceRules(spread=SpreadRules(settle_seconds=30))


class Spreading(Controller):
    """The cycle that spreads, without measurements."""

    rules = RULES

    def plan(self) -> Plan | None:
        seen = observe(self._open())
        return plan_rebalance(seen.snapshot, (), Memory(), self.rules, seen.state, self.sim.now)


def spec(name: str, replicas: int = 1, **update: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": "x"}, "Placement": {"Constraints": []}},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 0, "Monitor": SECOND, **update},
    }


@pytest.fixture
def five() -> Iterator[Sim]:
    """Five nodes, of which echo has just returned: it is empty, and bravo runs two tasks of web."""
    with swarm(workers=["delta", "echo"]) as sim:
        names = ("alpha", "bravo", "charlie", "delta")
        nodes = [sim.node(name) for name in names]
        sim.place(spec("web", 5, Order="start-first"), [*nodes, nodes[1]])
        for number, node in enumerate((*nodes, *nodes)):
            sim.place(spec(f"single{number}"), [node])
        sim.advance(60)
        yield sim


def tasks(sim: Sim) -> dict[str, tuple[str, str]]:
    """Running task → its service and its host name."""
    found = {}
    for node in sim.store.nodes.values():
        for container in sim.agents.containers(node):
            found[container.task.id] = (container.task.spec.name, node.hostname)
    return found


def totals(sim: Sim) -> Counter[str]:
    return Counter(place for _service, place in tasks(sim).values())


def test_plan_spreads_again_after_a_node_returns(five: Sim) -> None:
    controller = Spreading(five, {})
    before, configs = tasks(five), {}
    for service in five.store.services.values():
        configs[service.spec.name] = service.spec.raw.get("UpdateConfig")
    fewest: list[int] = []
    run(five, [controller], 200, lambda: fewest.append(sum(s == "web" for s, _ in tasks(five).values())))
    after = tasks(five)
    assert controller.errors == []
    assert Counter(place for service, place in after.values() if service == "web") == Counter(
        ["alpha", "bravo", "charlie", "delta", "echo"]
    )
    assert (
        max(totals(five).values()) - min(totals(five)[node.hostname] for node in five.store.nodes.values())
        <= 1
    )
    # only tasks that moved to echo are new
    assert {place for task, (_service, place) in after.items() if task not in before} == {"echo"}
    assert len(after.keys() - before.keys()) == 2
    # the start-first service never had less than all of its tasks
    assert min(fewest) == 5
    for service in five.store.services.values():
        raw = service.spec.raw
        assert raw.get("UpdateConfig") == configs[service.spec.name]
        assert not any(label.startswith("orcastra.") for label in raw.get("Labels") or {})
        assert raw["TaskTemplate"]["Placement"].get("Constraints", []) == []
    # the plan for a spread swarm is empty
    assert controller.cycle() == replace(Plan(), notes=controller.cycle().notes)  # type: ignore[union-attr]


def test_plan_continues_a_move_after_an_interruption_between_any_two_steps(five: Sim) -> None:
    """The instance is replaced in each cycle: all it knows is in the swarm."""
    for _cycle in range(200):
        controller = Spreading(five, {})
        controller.cycle()
        assert controller.errors == []
        controller.close()
        five.advance(1)
    assert max(totals(five).values()) <= 3


def test_plan_ends_a_move_whose_journal_is_lost(five: Sim) -> None:
    controller = Spreading(five, {})
    run(five, [controller], 60, lambda: None, until=lambda: bool(controller.steps))
    for config in list(five.store.configs.values()):
        five.store.configs.pop(config.id)
    follower_planner = Controller(five, {})
    run(five, [follower_planner], 60, lambda: None)
    for service in five.store.services.values():
        assert not any(label.startswith("orcastra.") for label in service.spec.raw.get("Labels") or {})
        config = service.spec.raw["UpdateConfig"]
        assert (config["Parallelism"], config.get("Delay", 0)) == (0, 0)

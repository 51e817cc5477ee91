# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of spreading on random swarms: it ends, is even in the end, and respects every prohibition."""

from __future__ import annotations

import random

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    RebalanceRules,
    ServiceRules,
    SpreadRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import violated
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import user_constraints
from tests.bench.balance import spread_days
from tests.bench.balance.worlds import World
from tests.support.rebalance_case import flatten

RULES = RebalanceRules(
    default=ServiceRules(cooldown_seconds=0),
    spread=SpreadRules(topology="node.labels.zone"),
    max_moves_per_cycle=2,
)
SEEDS = range(40)


def world_of(seed: int) -> World:
    """Nodes in zones, of which the last is empty; services of up to six tasks, some restricted to a zone."""
    rng = random.Random(seed)
    nodes = tuple(
        Node(id=f"node{number}", hostname=f"host{number}", labels={"zone": "ab"[number % 2]})
        for number in range(rng.randrange(2, 8))
    )
    services, tasks = [], []
    for number in range(rng.randrange(1, 15)):
        name = f"s{number:02}"
        zone = rng.choice("ab") if rng.random() < 0.2 else None
        allowed = [node for node in nodes if zone in (None, node.labels["zone"])]
        most = rng.choice((0, 0, 0, 2))
        count = min(rng.choice((1, 1, 1, 2, 3, 6)), len(allowed) * most if most else 6)
        services.append(
            Service(
                id=name,
                name=name,
                replicas=count,
                constraints=(f"node.labels.zone == {zone}",) if zone else (),
                preferences=("node.labels.zone",) if rng.random() < 0.2 else (),
                max_replicas_per_node=most,
                host_ports=((8000 + number % 3, "tcp"),) if count == 1 and rng.random() < 0.1 else (),
            )
        )
        places = [node for node in allowed if node is not nodes[-1]] or allowed
        for slot in range(count):
            place = rng.choice(places) if not most else allowed[slot % len(allowed)]
            tasks.append(Task(f"{name}/{slot}/0", name, place.id, "running", "running", slot=slot + 1))
    return World(SwarmSnapshot(nodes, tuple(services), tuple(tasks)), {}, {}, {}, {})


def own(world: World, service: Service) -> dict[str, int]:
    """Node ID → the number of the service's tasks, for the nodes that its constraints allow."""
    allowed = [node.id for node in world.snapshot.nodes if not violated(user_constraints(service), node)]
    tasks = world.snapshot.tasks_of(service)
    return {node_id: sum(task.node_id == node_id for task in tasks) for node_id in allowed}


@pytest.mark.parametrize("seed", SEEDS)
def test_cycles_spread_until_even(seed: int) -> None:
    world = world_of(seed)
    counts = {service.id: service.replicas for service in world.snapshot.services}
    for _cycle in range(200):
        plan = world.plan(RULES, Memory())
        if plan.is_empty:
            break
        moved = len(world.moves)
        world.carry_out(plan)
        world.now += 1000
        assert len(world.moves) - moved <= RULES.max_moves_per_cycle
        for service in world.snapshot.services:
            found = own(world, service)
            assert sum(found.values()) == counts[service.id], "a task runs where its constraints forbid it"
            assert not service.max_replicas_per_node or max(found.values()) <= service.max_replicas_per_node
    else:
        pytest.fail("spreading does not end")
    reversals = {(name, target, source) for _at, name, source, target in world.moves}
    assert not reversals & {(name, source, target) for _at, name, source, target in world.moves}
    assert not any(text.startswith("node.id") for s in world.snapshot.services for text in s.constraints)
    for service in world.snapshot.services:
        zones: dict[str, int] = {}
        for node_id, number in own(world, service).items():
            zone = world.snapshot.node_by_id[node_id].labels["zone"]
            zones[zone] = zones.get(zone, 0) + number
        if max(zones.values()) - min(zones.values()) > 1:
            # no constraint leads a task to another zone if Swarm prefers nodes that run tasks of the service
            assert "swarm_prefers_node" in codes(flatten(plan.notes))
        for zone in zones:
            found = [
                n
                for i, n in own(world, service).items()
                if world.snapshot.node_by_id[i].labels["zone"] == zone
            ]
            assert max(found) - min(found) <= 1


def test_plan_is_deterministic() -> None:
    assert world_of(5).plan(RULES, Memory()) == world_of(5).plan(RULES, Memory())


@pytest.mark.slow
@pytest.mark.parametrize("crash", [False, True])
def test_days_without_a_move_that_undoes_another(*, crash: bool) -> None:
    lived = spread_days.live(7, 2, 5, 4.0, crash=crash, cycle=1800)
    assert lived.moves
    assert (lived.undone, lived.fought, lived.violations) == (0, 0, 0)

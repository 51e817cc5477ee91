# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node exporters of simulated nodes, read by the collection itself."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from tests.behaviour.world import Swarm
from tests.sim import Behaviour, Fault, Sim

Connect = Callable[[str], Engine]

MIB = 1024**2


def sources(sim: Sim) -> MetricSources:
    port = sim.docker_host().rpartition(":")[2]
    return MetricSources(node_exporter_url=f"http://{{address}}:{port}/metrics")


def test_container_memory_grows(sim: Sim, swarm: Swarm) -> None:
    swarm.deploy("leak", placement={"Constraints": ["node.hostname==bravo"]})
    sim.behave("leak", Behaviour(memory_bytes=lambda age: 100 * MIB + age * MIB))
    sim.wait_until(lambda: sim.where("leak"), 5)
    bravo = sim.node("bravo")
    first = measure(observe(swarm.engine).snapshot, sources(sim))
    assert set(first.nodes) == set(sim.store.nodes)
    assert first.problems == ()
    used = first.nodes[bravo.id].used_bytes
    assert abs(used - bravo.base_memory_bytes - 100 * MIB) < 10 * MIB
    task = sim.tasks("leak")[0]
    assert abs(first.tasks[task.id] - 100 * MIB) < 10 * MIB

    sim.advance(1000)
    later = measure(observe(swarm.engine).snapshot, sources(sim))
    assert abs(later.nodes[bravo.id].used_bytes - used - 1000 * MIB) < 10 * MIB
    assert later.nodes[sim.node("alpha").id].used_bytes == sim.node("alpha").base_memory_bytes


def test_lost_exporter_gives_no_sample(sim: Sim, swarm: Swarm) -> None:
    sim.fail(Fault(path="/metrics", node="charlie", drop="before"))
    found = measure(observe(swarm.engine).snapshot, sources(sim))
    assert sim.node("charlie").id not in found.nodes
    assert len(found.nodes) == 2
    assert len(found.problems) == 1

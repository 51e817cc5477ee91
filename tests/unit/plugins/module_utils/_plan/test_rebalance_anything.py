# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the planner promises, for whatever swarm: hypothesis makes them up, with noise in their memory.

What is forbidden is told here again, in a few lines of its own, without the planner's code.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from tests.bench.balance.worlds import CYCLE_SECONDS, World

BUFFER = GB // 4
RULES = RebalanceRules(
    default=ServiceRules(memory_difference_bytes=GB // 2, rebalance_buffer_bytes=BUFFER, cooldown_seconds=0),
    sustained_seconds=0,
    max_moves_per_cycle=2,
)
CYCLES = 6
VOLUME = (Mount(type="volume", source="data", target="/data"),)


@st.composite
def nodes(draw: st.DrawFn, number: int) -> Node:
    return Node(
        id=f"node{number}",
        hostname=f"host{number}",
        state=draw(st.sampled_from(["ready"] * 5 + ["down"])),
        availability=draw(st.sampled_from(["active"] * 5 + ["pause", "drain"])),
        labels={"zone": draw(st.sampled_from(["a", "b"]))},
        architecture=draw(st.sampled_from(["x86_64"] * 3 + ["aarch64"])),
        memory_bytes=draw(st.sampled_from([4, 8, 16])) * GB,
        nano_cpus=8 * 10**9,
    )


@st.composite
def services(draw: st.DrawFn, number: int, members: tuple[Node, ...]) -> Service:
    labels = {}
    if draw(st.integers(0, 7)) == 0:
        labels["orchestration.rebalance"] = draw(st.sampled_from(["false", "true"]))
    if draw(st.booleans()):
        labels["orchestration.preferred.node"] = draw(st.sampled_from(members)).hostname
    zone = draw(st.sampled_from([""] * 4 + ["node.labels.zone==a", "node.labels.zone != b"]))
    return Service(
        id=f"s{number}",
        name=f"service{number}",
        mode="global" if draw(st.integers(0, 9)) == 0 else "replicated",
        replicas=draw(st.sampled_from([1, 1, 1, 2, 3])),
        labels=labels,
        constraints=(zone,) if zone else (),
        platforms=(("linux", "x86_64"),) if draw(st.integers(0, 5)) == 0 else (),
        max_replicas_per_node=draw(st.sampled_from([0, 0, 0, 1, 2])),
        mounts=VOLUME if draw(st.integers(0, 5)) == 0 else (),
        host_ports=((8080, "tcp"),) if draw(st.integers(0, 5)) == 0 else (),
        reserved_memory_bytes=draw(st.sampled_from([0, 0, 0, GB, 3 * GB])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Swarms in which nothing is where it may not be; what has no place has no task."""
    members = tuple(draw(nodes(number)) for number in range(draw(st.integers(2, 5))))
    found = tuple(draw(services(number, members)) for number in range(draw(st.integers(1, 9))))
    memory = {service.id: draw(st.integers(1, 48)) * GB // 16 for service in found}
    base = {node.hostname: draw(st.integers(1, 8)) * GB // 16 for node in members}
    placed: list[Task] = []
    kept: list[Service] = []
    for service in found:
        count = len(members) if service.mode == "global" else service.replicas or 0
        tasks: list[Task] = []
        for slot in range(count):
            trial = SwarmSnapshot(nodes=members, services=(*kept, service), tasks=(*placed, *tasks))
            free = [
                node
                for node in members
                if not faults(trial, service, node)
                and base[node.hostname]
                + sum(memory[task.service_id] for task in (*placed, *tasks) if task.node_id == node.id)
                + memory[service.id]
                <= node.memory_bytes
            ]
            if free:
                node = draw(st.sampled_from(free))
                tasks.append(
                    Task(
                        id=f"{service.id}.{slot}/0",
                        service_id=service.id,
                        node_id=node.id,
                        slot=slot + 1,
                        state="running",
                        desired_state="running",
                    )
                )
        if len(tasks) == count or service.mode == "global":
            kept.append(service)
            placed += tasks
    return World(
        snapshot=SwarmSnapshot(nodes=members, services=tuple(kept), tasks=tuple(placed)),
        memory=memory,
        total={node.hostname: node.memory_bytes for node in members},
        base=base,
        host_of={node.id: node.hostname for node in members},
    )


def faults(snapshot: SwarmSnapshot, service: Service, node: Node) -> list[str]:
    """What would be wrong with one more task of the service on the node."""
    there = [task.service_id for task in snapshot.tasks if task.node_id == node.id]
    others = [one for service_id in there for one in snapshot.services if one.id == service_id]
    reserved = sum(one.reserved_memory_bytes for one in others)
    found = []
    if node.state != "ready" or node.availability != "active":
        found.append("not in use")
    if any(text == "node.labels.zone==a" for text in service.constraints) and node.labels["zone"] != "a":
        found.append("not in a")
    if any(text == "node.labels.zone != b" for text in service.constraints) and node.labels["zone"] == "b":
        found.append("in b")
    if service.platforms and node.architecture != "x86_64":
        found.append("another architecture")
    if service.reserved_memory_bytes and reserved + service.reserved_memory_bytes > node.memory_bytes:
        found.append("too much reserved")
    if service.host_ports and any(one.host_ports for one in others):
        found.append("port taken")
    if service.max_replicas_per_node and there.count(service.id) >= service.max_replicas_per_node:
        found.append("too many of it")
    return found


def must_stay(service: Service) -> bool:
    allowed = service.labels.get("orchestration.rebalance")
    return service.mode == "global" or allowed == "false" or (bool(service.mounts) and allowed != "true")


def without(snapshot: SwarmSnapshot, service: Service, node_id: str) -> SwarmSnapshot:
    """The snapshot without one task of the service on the node."""
    task = next(one for one in snapshot.tasks if one.service_id == service.id and one.node_id == node_id)
    tasks = tuple(one for one in snapshot.tasks if one is not task)
    return SwarmSnapshot(nodes=snapshot.nodes, services=snapshot.services, tasks=tasks)


@settings(
    max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(world=worlds(), data=st.data())
def test_plan_keeps_its_invariants(world: World, data: st.DataObject) -> None:
    quiet = dict(world.base)
    for _cycle in range(CYCLES):
        # the noise of two hosts together is less than the buffer
        world.base = {
            host: used + data.draw(st.integers(0, BUFFER // 2 - 1), label=f"noise of {host}")
            for host, used in quiet.items()
        }
        before, count = world.pressure(), len(world.moves)
        counts = Counter(task.service_id for task in world.snapshot.tasks)
        world.carry_out(world.plan(RULES))
        world.now += CYCLE_SECONDS

        assert max(world.pressure().values()) <= max(before.values()) + 1e-9
        assert len(world.moves) - count <= RULES.max_moves_per_cycle * 3
        assert Counter(task.service_id for task in world.snapshot.tasks) == counts
        for _at, name, source, target in world.moves[count:]:
            service = next(one for one in world.snapshot.services if one.name == name)
            assert not must_stay(service), name
            node = next(one for one in world.snapshot.nodes if one.id == target)
            assert faults(without(world.snapshot, service, target), service, node) == [], (name, source)
    made = [(name, source, target) for _at, name, source, target in world.moves]
    for name, source, target in made:
        assert (name, target, source) not in made, made

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated swarms whose tasks use memory. They carry out plans like Swarm."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from math import sqrt

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import Dependency, DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import GB, RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import violated
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.scheduler import Scheduler

CYCLE_SECONDS = 1000.0


@dataclass
class World:
    """A swarm. ``memory``: service ID → bytes of each task; ``base``: host → bytes used otherwise."""

    snapshot: SwarmSnapshot
    memory: dict[str, int]
    total: dict[str, int]
    base: dict[str, int]
    host_of: dict[str, str]
    desired: DesiredState = field(default_factory=DesiredState)
    state: State = field(default_factory=State)
    now: float = 1_700_000_000.0
    moves: list[tuple[float, str, str, str]] = field(default_factory=list)

    def used(self) -> dict[str, int]:
        used = dict(self.base)
        for task in self.snapshot.tasks:
            if task.is_running and task.node_id is not None:
                used[self.host_of[task.node_id]] += self.memory[task.service_id]
        return used

    def pressure(self) -> dict[str, float]:
        used = self.used()
        return {host: used[host] / self.total[host] for host in used}

    def spread(self) -> tuple[float, float]:
        """Return the worst pressure, and the standard deviation from the pressure of the whole swarm."""
        used = self.used()
        mean = sum(used.values()) / sum(self.total.values())
        found = self.pressure().values()
        return max(found), sqrt(sum((one - mean) ** 2 for one in found) / len(found))

    def sample(self) -> Memory:
        used = self.used()
        return Memory(
            nodes={
                node_id: NodeMemory(host, self.total[host], self.total[host] - used[host])
                for node_id, host in self.host_of.items()
            },
            services=self.memory,
        )

    def plan(self, rules: RebalanceRules, memory: Memory | None = None) -> Plan:
        groups = resolve_anchor_groups(self.snapshot, self.desired)
        return plan_rebalance(self.snapshot, groups, memory or self.sample(), rules, self.state, self.now)

    def carry_out(self, plan: Plan) -> None:
        """Carry out the plan. All moves are finished by the next cycle."""
        self.state = apply_edits(self.state, plan.remember)
        for step in plan.steps:
            assert isinstance(step, PlaceService)
            self.state = apply_edits(self.state, step.intent_edits)
            self._place(step)
            self.state = apply_edits(self.state, step.commit_edits)

    def _place(self, step: PlaceService) -> None:
        service = self.snapshot.service_by_id[step.service_id]
        placement = {"Constraints": list(service.constraints)}
        spec = step.change_spec(
            {"Labels": dict(service.labels), "Mode": {}, "TaskTemplate": {"Placement": placement}}
        )
        constraints = spec["TaskTemplate"]["Placement"].get("Constraints", ())
        changed = replace(service, constraints=tuple(constraints), labels=spec["Labels"])
        services = tuple(changed if s.id == service.id else s for s in self.snapshot.services)
        self.snapshot = replace(self.snapshot, services=services)
        scheduler = Scheduler(self.snapshot, self.now)
        for task in self.snapshot.tasks_of(changed):
            node = self.snapshot.node_by_id[task.node_id or ""]
            if not task.should_run or not violated(changed.constraints, node):
                continue
            scheduler.take(changed, node.id)
            found = scheduler.choices(changed, changed.constraints)
            assert found, f"{step.purpose}: Swarm finds no node"
            scheduler.put(changed, found[0].id)
            self.go(task, found[0].id)
            self.moves.append((self.now, changed.name, node.id, found[0].id))
            self._bring_followers(changed, node.id, found[0].id)
            if step.one_task:
                break

    def _bring_followers(self, anchor: Service, source: str, target: str) -> None:
        """Move followers like the follower planner would in the next cycles."""
        dependency = self.desired.dependencies.get(anchor.name)
        for name in dependency.followers if dependency is not None else ():
            follower = self.snapshot.service_by_name[name]
            for task in self.snapshot.tasks_of(follower):
                if task.should_run and task.node_id == source:
                    self.go(task, target)
            self._bring_followers(follower, source, target)

    def go(self, task: Task, node_id: str) -> None:
        """Replace ``task`` with a new task on this node."""
        prefix, _separator, number = task.id.rpartition("/")
        new = replace(task, id=f"{prefix}/{int(number) + 1}", node_id=node_id, created=self.now)
        tasks = tuple(new if other.id == task.id else other for other in self.snapshot.tasks)
        self.snapshot = replace(self.snapshot, tasks=tasks)

    def settle(self, rules: RebalanceRules, cycles: int = 400) -> int:
        """Run cycles until no more moves are planned. Returns the number of moves."""
        before = len(self.moves)
        idle = 0
        for _cycle in range(cycles):
            plan = self.plan(rules)
            self.carry_out(plan)
            self.now += CYCLE_SECONDS
            idle = 0 if plan.steps or plan.remember else idle + 1
            # a task's memory is underestimated shortly after its move
            if idle > 2:
                break
        return len(self.moves) - before


def random_world(
    seed: int,
    nodes: int,
    per_node: float = 5.0,
    *,
    held: float = 0.15,
    grouped: float = 0.3,
    zoned: float = 0.15,
    reserved: float = 0.2,
    empty: bool = False,
    replicated: float = 0.0,
) -> World:
    """Return a swarm as Swarm schedules it: about the same number of tasks per node, whatever their memory.

    ``held``, ``grouped``, ``zoned`` and ``reserved`` are the shares of services that must not move (local
    data), form groups, are restricted to some nodes, or reserve memory. ``empty``: one node has just joined.
    ``replicated``: the share of services with two to five tasks, which share nodes at first.
    """
    rng = random.Random(seed)
    labels = ("a", "b")
    members = tuple(
        Node(
            id=f"node{number}",
            hostname=f"host{number}",
            labels={"zone": labels[number % 2]},
            memory_bytes=rng.choice((16, 32, 32, 64)) * GB,
            nano_cpus=16 * 10**9,
        )
        for number in range(nodes)
    )
    total = {node.hostname: node.memory_bytes for node in members}
    base = {node.hostname: int(node.memory_bytes * rng.uniform(0.04, 0.1)) for node in members}
    capacity = sum(total.values())
    count = max(2, round(nodes * per_node))
    weights = [rng.lognormvariate(0, 0.9) for _ in range(count)]
    scale = capacity * rng.uniform(0.35, 0.65) / sum(weights)
    usable = members[:-1] if empty and nodes > 2 else members
    services: list[Service] = []
    tasks: list[Task] = []
    memory: dict[str, int] = {}
    anchors: dict[str, tuple[str, ...]] = {}
    load = {node.id: rng.randrange(2) for node in usable}
    # fuller hosts are rare in practice
    room = {node.id: int(node.memory_bytes * 0.95) - base[node.hostname] for node in members}
    free = {node.id: node.memory_bytes for node in members}
    anchor: tuple[str, str] | None = None
    for number, weight in enumerate(weights):
        name = f"s{number:05d}"
        used = max(64 * 1024**2, min(int(weight * scale), 12 * GB))
        fields: dict[str, object] = {}
        if rng.random() < held:
            fields["mounts"] = (Mount("volume", f"{name}_data", "/data"),)
        zone = rng.choice(labels) if rng.random() < zoned else None
        follows = anchor is not None and rng.random() < grouped
        fits = [node for node in usable if room[node.id] >= used]
        places = [node for node in fits if zone is None or node.labels["zone"] == zone]
        if not places:
            continue
        node_id = min(places, key=lambda node: (load[node.id], node.id)).id
        if follows and anchor is not None and room[anchor[1]] >= used:
            node_id = anchor[1]
            anchors[anchor[0]] = (*anchors.get(anchor[0], ()), name)
        elif zone is not None:
            fields["constraints"] = (f"node.labels.zone == {zone}",)
        count = rng.randrange(2, 6) if replicated and not follows and rng.random() < replicated else 1
        used //= count
        if rng.random() < reserved and free[node_id] > used * count:
            fields["reserved_memory_bytes"] = used
            free[node_id] -= used * count
        load[node_id] += count
        room[node_id] -= used * count
        services.append(Service(id=name, name=name, replicas=count, **fields))  # type: ignore[arg-type]
        tasks += _tasks(name, node_id, count)
        memory[name] = used
        if count > 1 or anchor is None or name not in anchors.get(anchor[0], ()):
            anchor = None if count > 1 else (name, node_id)
    return World(
        snapshot=SwarmSnapshot(members, tuple(services), tuple(tasks)),
        memory=memory,
        total=total,
        base=base,
        host_of={node.id: node.hostname for node in members},
        desired=DesiredState(
            dependencies={
                name: Dependency(anchor=name, stack="", label=name, followers=followers)
                for name, followers in anchors.items()
            }
        ),
    )


def _tasks(name: str, node_id: str, count: int) -> list[Task]:
    return [
        Task(f"{name}/{slot}/0" if count > 1 else f"{name}/0", name, node_id, "running", "running", slot=slot)
        for slot in range(1, count + 1)
    ]

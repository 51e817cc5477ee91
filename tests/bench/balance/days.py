# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulated days: memory with noise, daily cycles, leaks and spikes, and nodes that crash."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import exp, pi, sin

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import GB, RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.scheduler import Scheduler
from tests.bench.balance.baselines import most_free
from tests.bench.balance.worlds import random_world
from tests.bench.report import Table, load_average

# not the seeds that were used to tune the planner
FIRST_SEED = 100
CYCLE = 60.0
DAY = 86400.0
# a container starts with this share of its memory and approaches all of it with this time constant
COLD, WARM_UP = 0.4, 300.0
OUTAGE = 1800.0


@dataclass
class Habits:
    """How a service uses memory: amplitude and phase of the daily cycle, noise, and leak per day."""

    swing: float
    phase: float
    noise: float
    leak: float
    drift: float = 0.0


class Days:
    """A world whose memory changes over time. All randomness comes from the seed."""

    def __init__(
        self, seed: int, nodes: int, per_node: float, *, cycle: float = CYCLE, replicated: float = 0.0
    ) -> None:
        self.rng = random.Random(seed)
        self.world = random_world(seed, nodes, per_node, held=0.1, replicated=replicated)
        self.cycle = cycle
        self.lost: list[tuple[float, str]] = []
        """When Swarm has started a task of a service elsewhere after the loss of a node."""
        self.mean = dict(self.world.memory)
        self.start = self.world.now
        self.habits = {
            name: Habits(
                swing=self.rng.choice((0.0, 0.0, 0.2, 0.4)),
                phase=self.rng.random(),
                noise=self.rng.uniform(0.01, 0.06),
                leak=0.15 if self.rng.random() < 0.1 else 0.0,
            )
            for name in self.mean
        }
        self.tasks: dict[str, int] = {}
        self.down: tuple[str, float] | None = None
        self.crashes = 0

    def step(self, *, crash: bool) -> Memory:
        """Advance by one cycle. Returns the measured memory."""
        world = self.world
        world.now += self.cycle
        hours = (world.now - self.start) / DAY
        for name, mean in self.mean.items():
            habit = self.habits[name]
            habit.drift = 0.95 * habit.drift + self.rng.gauss(0, habit.noise)
            if self.rng.random() < 1 / 20000:
                habit.drift += 0.8  # a spike that fades within an hour
            curve = 1 + habit.swing * sin(2 * pi * (hours + habit.phase))
            # leaking services are restarted once a day
            curve += habit.leak * (hours % 1)
            world.memory[name] = max(1, int(mean * max(0.1, curve + habit.drift)))
        if crash:
            self._crash()
        return self._measure()

    def _measure(self) -> Memory:
        world = self.world
        used, tasks = dict(world.base), {}
        for task in world.snapshot.tasks:
            if not task.is_running or task.node_id is None:
                continue
            age = world.now - task.created
            warm = 1 - (1 - COLD) * exp(-age / WARM_UP) if task.created else 1.0
            tasks[task.id] = int(world.memory[task.service_id] * warm)
            used[world.host_of[task.node_id]] += tasks[task.id]
        self.tasks = tasks
        self.now_used = used
        down = self.down[0] if self.down else None
        nodes = {
            node_id: NodeMemory(
                host, world.total[host], world.total[host] - used[host] + int(self.rng.gauss(0, 0.1) * GB)
            )
            for node_id, host in world.host_of.items()
            if node_id != down
        }
        return Memory(nodes=nodes, tasks=tasks)

    def worst(self) -> float:
        world = self.world
        return max(self.now_used[host] / world.total[host] for host in world.total)

    def _crash(self) -> None:
        """Crash a node once a day. Swarm reschedules its tasks; the node returns empty after half an hour."""
        world = self.world
        if self.down is not None and world.now >= self.down[1]:
            self._set_state(self.down[0], "ready")
            self.down = None
        elif self.down is None and (world.now - self.start + DAY / 2) // DAY > self.crashes:
            self.crashes += 1
            node_id = self.rng.choice(world.snapshot.nodes).id
            self.down = (node_id, world.now + OUTAGE)
            self._set_state(node_id, "down")
            scheduler = Scheduler(world.snapshot, world.now)
            for task in world.snapshot.wanted_by_node.get(node_id, ()):
                service = world.snapshot.service_by_id[task.service_id]
                scheduler.take(service, node_id)
                found = scheduler.choices(service, service.constraints)
                self.lost.append((world.now, service.name))
                target = found[0].id if found else next(n.id for n in world.snapshot.nodes if n.is_ready)
                scheduler.put(service, target)
                world.go(task, target)
            # move followers back to their anchors' nodes
            for name, dependency in world.desired.dependencies.items():
                anchor = world.snapshot.tasks_of(world.snapshot.service_by_name[name])[0]
                for follower in dependency.followers:
                    for task in world.snapshot.tasks_of(world.snapshot.service_by_name[follower]):
                        if task.node_id != anchor.node_id:
                            world.go(task, anchor.node_id or "")

    def _set_state(self, node_id: str, state: str) -> None:
        snapshot = self.world.snapshot
        nodes = tuple(
            replace(n, state=state, updated=self.world.now) if n.id == node_id else n for n in snapshot.nodes
        )
        self.world.snapshot = replace(snapshot, nodes=nodes)


@dataclass(frozen=True)
class Lived:
    """The result of one run: its moves, how many of them were returns, and the worst pressure of each cycle.

    ``undone``: moves that reverse an earlier move, from its target back to its source. ``within_hour``:
    those of them within an hour. ``returned``: moves to any node that the service was moved off before.
    """

    moves: int
    undone: int
    within_hour: int
    returned: int
    worst: list[float]


def measure(weeks: int, days: int, nodes: int, per_node: float) -> Table:
    table = Table(
        f"{weeks} × {days} simulated days: {nodes} nodes, {per_node:g} tasks per node, one cycle per minute",
        ["method", "crashes", "moves/day", "A→B→A", "back within 1 h", "any return", "mean worst",
         "worst p99", "time > 90 %"],
    )  # fmt: skip
    before = load_average()
    ways = {
        "nothing": None,
        "orcastra": RebalanceRules(),
        "most free node, hourly": "most_free",
    }
    with ProcessPoolExecutor() as pool:
        # runs depend only on their seeds
        runs = {
            (name, crash): [
                pool.submit(live, FIRST_SEED + week, days, nodes, per_node, rules, crash=crash)
                for week in range(weeks)
            ]
            for crash in (False, True)
            for name, rules in ways.items()
        }
        for (name, crash), futures in runs.items():
            total = [future.result() for future in futures]
            worst = sorted(value for one in total for value in one.worst)
            table.rows.append(
                [
                    name, "daily" if crash else "none", sum(one.moves for one in total) / (weeks * days),
                    sum(one.undone for one in total), sum(one.within_hour for one in total),
                    sum(one.returned for one in total), sum(worst) / len(worst),
                    worst[int(len(worst) * 0.99)],
                    f"{100 * sum(value > 0.9 for value in worst) / len(worst):.1f} %",
                ]
            )  # fmt: skip
    table.notes.append(
        "A→B→A: a move that reverses an earlier move of the same run. Any return: a move to any node that the"
        " service was moved off earlier in the same run."
    )
    table.load = (before, load_average())
    return table


def live(
    seed: int, days: int, nodes: int, per_node: float, rules: RebalanceRules | str | None, *, crash: bool
) -> Lived:
    """Simulate the days in one world."""
    life = Days(seed, nodes, per_node)
    world, worst = life.world, []
    for cycle in range(int(days * DAY / CYCLE)):
        memory = life.step(crash=crash)
        if isinstance(rules, RebalanceRules):
            world.carry_out(world.plan(rules, memory))
        elif rules is not None and cycle % 60 == 59 and life.down is None:
            most_free(world)
        worst.append(life.worst())
    undone = [
        later - at
        for index, (at, name, source, target) in enumerate(world.moves)
        for later, other, start, end in world.moves[index + 1 :]
        if other == name and end == source and start == target
    ]
    left: set[tuple[str, str]] = set()
    returned = 0
    for _at, name, source, target in world.moves:
        returned += (name, target) in left
        left.add((name, source))
    return Lived(len(world.moves), len(undone), sum(gap <= 3600 for gap in undone), returned, worst)

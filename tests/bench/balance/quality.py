# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares the planner with the optimum and with simple baselines, on random clusters."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from tests.bench.balance.baselines import deschedule, most_free
from tests.bench.balance.optimum import SECONDS, Optimum
from tests.bench.balance.worlds import World, random_world
from tests.bench.report import Table, load_average

DEFAULT = RebalanceRules()
# low enough that thresholds don't affect the comparison
FINE = RebalanceRules(default=ServiceRules(memory_difference_bytes=GB // 32, rebalance_buffer_bytes=GB // 64))
NEAR = 1.02

WAYS: dict[str, Callable[[World], object]] = {
    "no moves": lambda world: None,
    "orcastra, default limits": lambda world: world.settle(DEFAULT),
    "orcastra, 0.03/0.016 GB": lambda world: world.settle(FINE),
    "descheduler, mean ± 10 points, then Swarm": deschedule,
    "most free node, largest task": most_free,
}


def clusters(count: int) -> list[World]:
    """Return random clusters of 3 to 12 nodes: half with few large tasks, half with many small tasks."""
    worlds = []
    for seed in range(count):
        nodes = random.Random(seed).randint(3, 12)
        worlds.append(random_world(seed, nodes, 5.0 if seed % 2 else 10.0, empty=seed % 3 == 0))
    return worlds


@dataclass(frozen=True)
class Judged:
    """The planner's result for one cluster, and the optimum.

    ``fewest``: the fewest moves to an equally good spread. ``near``: the fewest moves to within 2 % of the
    lowest worst pressure. ``is_exact``: HiGHS proved that the lowest worst pressure can be reached.
    """

    start: float
    worst: float
    least: float
    std: float
    least_std: float
    moves: float
    fewest: float
    near: float
    is_exact: bool

    @property
    def is_low(self) -> bool:
        return self.worst <= self.least * NEAR

    @property
    def is_short(self) -> bool:
        return self.moves <= round(self.fewest + 0.49) + 1


def against_optimum(count: int) -> tuple[Table, Table]:
    """Return a table of averages by size, and a table of the clusters that miss a goal."""
    table = Table(
        f"Spread and moves against the optimum: {count} random clusters of 3 to 12 nodes",
        [
            "nodes", "tasks/node", "clusters", "worst before", "worst after", "optimum",
            "≤2 % of optimum", "std after", "optimum", "moves", "fewest", "≤1 more",
        ],
    )  # fmt: skip
    before = load_average()
    classes: dict[tuple[str, float], list[Judged]] = {}
    missed = Table(
        "Clusters more than 2 % above the optimum, or with at least two extra moves",
        [
            "cluster", "nodes", "services", "worst after", "optimum", "above %", "moves", "fewest",
            "fewest to ≤2 %",
        ],
    )  # fmt: skip
    worlds = clusters(count)
    with ProcessPoolExecutor() as processes:
        judged = list(processes.map(_judge, worlds))
    for number, (world, row) in enumerate(zip(worlds, judged, strict=True)):
        nodes = len(world.snapshot.nodes)
        size = "3-5" if nodes <= 5 else "6-8" if nodes <= 8 else "9-12"
        classes.setdefault((size, 5.0 if number % 2 else 10.0), []).append(row)
        if not (row.is_low and row.is_short):
            above = 100 * (row.worst / row.least - 1)
            services = len(world.snapshot.services)
            missed.rows.append(
                [number, nodes, services, row.worst, row.least, above, row.moves, row.fewest, row.near]
            )
    for (size, density), rows in sorted(classes.items()):
        table.rows.append(_row(size, f"{density:g}", rows))
    table.rows.append(_row("all", "", [row for rows in classes.values() for row in rows]))
    unproven = sum(not row.is_exact for row in judged)
    table.notes += [
        "Optimum: the best allowed assignment, even if it needs intermediate moves that make things worse.",
        "Each move of the planner must be an improvement, so it cannot reach some of these assignments.",
        f"The optimum is a lower bound; HiGHS ran out of time ({SECONDS:g} s) on {unproven} of {count}.",
        "Fewest: moves to a worst pressure and a std that both match the planner's, in any order.",
        "Thresholds: 0.03 GB, buffer 0.016 GB.",
    ]
    missed.notes.append("Fewest to ≤2 %: moves to a worst pressure within 2 % of the optimum, in any order.")
    table.load = missed.load = (before, load_average())
    return table, missed


def _judge(world: World) -> Judged:
    start, _deviation = world.spread()
    optimum = Optimum(world)
    least, deviation = optimum.least_worst(), optimum.least_deviation()
    world.settle(FINE)
    worst, ours = world.spread()
    moves = float(len(world.moves))
    # the planner's result is also a solution, even if the solver's tolerances exclude it
    fewest = min(optimum.fewest_moves(worst, ours).value, moves)
    near = optimum.fewest_moves(least.value * NEAR).value
    return Judged(start, worst, least.value, ours, deviation.value, moves, fewest, near, least.is_exact)


def _row(size: str, density: str, rows: list[Judged]) -> list[str | int | float]:
    return [
        size, density, len(rows), mean(row.start for row in rows), mean(row.worst for row in rows),
        mean(row.least for row in rows), share(row.is_low for row in rows),
        mean(row.std for row in rows), mean(row.least_std for row in rows),
        mean(row.moves for row in rows), mean(row.fewest for row in rows),
        share(row.is_short for row in rows),
    ]  # fmt: skip


def against_baselines(count: int) -> Table:
    table = Table(
        f"Comparison with simple baselines: {count} random clusters of 3 to 12 nodes",
        ["method", "worst", "std", "moves", "clusters with a higher worst"],
    )
    before = load_average()
    with ProcessPoolExecutor() as processes:
        for name in WAYS:
            ends = list(processes.map(_end, [name] * count, clusters(count)))
            worst, std, moves = (mean(end[n] for end in ends) for n in range(3))
            table.rows.append([name, worst, std, moves, sum(end[3] for end in ends)])
    table.notes.append("All methods respect forbidden moves, and move groups as a whole.")
    table.load = (before, load_average())
    return table


def _end(way: str, world: World) -> tuple[float, float, int, bool]:
    """Return the final worst pressure, deviation and moves, and whether the worst pressure increased."""
    start, _deviation = world.spread()
    WAYS[way](world)
    worst, deviation = world.spread()
    return worst, deviation, len(world.moves), worst > start + 1e-9


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0


def share(values: Iterable[bool]) -> str:
    flags = list(values)
    return f"{100 * sum(flags) / len(flags):.0f} %" if flags else "-"

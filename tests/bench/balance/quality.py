# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner against the optimum and against simple baselines, on random clusters."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from tests.bench.balance.baselines import deschedule, most_free
from tests.bench.balance.optimum import Optimum
from tests.bench.balance.worlds import World, random_world
from tests.bench.report import Table, load_average

DEFAULT = RebalanceRules()
# so that the thresholds, which are the user's, do not stand in the way of the comparison
FINE = RebalanceRules(default=ServiceRules(memory_difference_bytes=GB // 32, rebalance_buffer_bytes=GB // 64))
NEAR = 1.02


def clusters(count: int) -> list[World]:
    """Random clusters of 3 to 12 nodes: half of them with few large tasks, half with many small ones."""
    worlds = []
    for seed in range(count):
        nodes = random.Random(seed).randint(3, 12)
        worlds.append(random_world(seed, nodes, 5.0 if seed % 2 else 10.0, empty=seed % 3 == 0))
    return worlds


def against_optimum(count: int) -> Table:
    table = Table(
        f"Spread and moves against the optimum: {count} random clusters of 3 to 12 nodes",
        [
            "nodes", "tasks/node", "clusters", "worst before", "worst after", "optimum",
            "≤2 % of optimum", "std after", "optimum", "moves", "fewest", "≤1 more",
        ],
    )  # fmt: skip
    before = load_average()
    classes: dict[tuple[str, float], list[tuple[float, ...]]] = {}
    worlds = clusters(count)
    with ProcessPoolExecutor() as processes:
        judged = list(processes.map(_judge, worlds))
    for number, (world, row) in enumerate(zip(worlds, judged, strict=True)):
        nodes = len(world.picture.nodes)
        size = "3-5" if nodes <= 5 else "6-8" if nodes <= 8 else "9-12"
        classes.setdefault((size, 5.0 if number % 2 else 10.0), []).append(row)
    for (size, density), rows in sorted(classes.items()):
        table.rows.append(_row(size, f"{density:g}", rows))
    table.rows.append(_row("all", "", [row for rows in classes.values() for row in rows]))
    table.notes += [
        "Optimum: any assignment that is allowed, however reached (a bound where HiGHS ran out of time).",
        "Fewest: moves to a spread as good as ours, in any order. Thresholds: 0.03 GB, buffer 0.016 GB.",
    ]
    table.load = (before, load_average())
    return table


def _judge(world: World) -> tuple[float, ...]:
    start, _deviation = world.spread()
    optimum = Optimum(world)
    least, deviation = optimum.least_worst().value, optimum.least_deviation().value
    world.settle(FINE)
    worst, ours = world.spread()
    # what we have reached is an answer, too, should the solver's tolerances exclude it
    fewest = min(optimum.fewest_moves(worst, ours).value, float(len(world.moves)))
    return start, worst, least, ours, deviation, float(len(world.moves)), fewest


def _row(size: str, density: str, rows: list[tuple[float, ...]]) -> list[str | int | float]:
    start, worst, least, ours, deviation, moves, fewest = (mean(column) for column in zip(*rows, strict=True))
    return [
        size, density, len(rows), start, worst, least,
        share(row[1] <= row[2] * NEAR for row in rows),
        ours, deviation, moves, fewest,
        share(row[5] <= round(row[6] + 0.49) + 1 for row in rows),
    ]  # fmt: skip


def against_baselines(count: int) -> Table:
    table = Table(
        f"Against simple baselines: {count} random clusters of 3 to 12 nodes",
        ["way", "worst", "std", "moves", "clusters with a higher worst"],
    )
    before = load_average()
    ways: dict[str, Callable[[World], object]] = {
        "as it was": lambda world: None,
        "orcastra, default limits": lambda world: world.settle(DEFAULT),
        "orcastra, 0.03/0.016 GB": lambda world: world.settle(FINE),
        "descheduler, mean ± 10 points, then Swarm": deschedule,
        "most free node, largest task": most_free,
    }
    for name, way in ways.items():
        ends: list[tuple[float, float, int, bool]] = []
        for world in clusters(count):
            start, _deviation = world.spread()
            way(world)
            worst, deviation = world.spread()
            ends.append((worst, deviation, len(world.moves), worst > start + 1e-9))
        table.rows.append(
            [name, *(mean(end[n] for end in ends) for n in range(3)), sum(end[3] for end in ends)]
        )
    table.notes.append("All obey what forbids a move, and move groups as a whole.")
    table.load = (before, load_average())
    return table


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0


def share(values: Iterable[bool]) -> str:
    flags = list(values)
    return f"{100 * sum(flags) / len(flags):.0f} %" if flags else "-"

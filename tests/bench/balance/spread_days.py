# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulated days with balancing and spreading at once: do they undo each other's moves?"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules, SpreadRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import violated
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import user_constraints
from tests.bench.balance.days import DAY, FIRST_SEED, Days
from tests.bench.report import Table, load_average

RULES = RebalanceRules(spread=SpreadRules())


@dataclass(frozen=True)
class Lived:
    """The result of one run.

    ``undone``: moves that reverse an earlier move, although no node with a task of the service was lost in
    between. ``returned``: those after a loss. ``violations``: tasks on nodes that constraints forbid.
    """

    moves: int
    undone: int
    returned: int
    violations: int


def measure(runs: int, days: int, cycle: float, nodes: int = 5, per_node: float = 4.0) -> Table:
    """Live ``days`` in each of ``runs`` worlds: half of them without losses, half with one loss per day."""
    table = Table(
        f"{runs} × {days} simulated days with balancing and spreading: {nodes} nodes, {per_node:g} services "
        f"per node, a third of them replicated, one cycle per {cycle / 60:g} min",
        ["crashes", "days", "moves/day", "A→B→A", "A→B→A after a loss", "violations"],
    )
    before = load_average()
    with ProcessPoolExecutor() as pool:
        futures = {
            crash: [
                pool.submit(live, FIRST_SEED + run, days, nodes, per_node, crash=crash, cycle=cycle)
                for run in range(runs // 2 if crash else runs - runs // 2)
            ]
            for crash in (False, True)
        }
        for crash, found in futures.items():
            lived = [future.result() for future in found]
            table.rows.append(
                (
                    "daily" if crash else "none",
                    len(lived) * days,
                    sum(one.moves for one in lived) / (len(lived) * days),
                    sum(one.undone for one in lived),
                    sum(one.returned for one in lived),
                    sum(one.violations for one in lived),
                )
            )
    table.load = (before, load_average())
    return table


def live(seed: int, days: float, nodes: int, per_node: float, *, crash: bool, cycle: float) -> Lived:
    """Simulate the days in one world."""
    life = Days(seed, nodes, per_node, cycle=cycle, replicated=0.33)
    world, violations = life.world, 0
    for _cycle in range(int(days * DAY / cycle)):
        moved = len(world.moves)
        world.carry_out(world.plan(RULES, life.step(crash=crash)))
        if len(world.moves) > moved:
            violations += _violations(world.snapshot)
    undone = returned = 0
    for index, (at, name, source, target) in enumerate(world.moves):
        for later, other, start, end in world.moves[index + 1 :]:
            if (other, start, end) == (name, target, source):
                was_lost = any(at <= when <= later and lost == name for when, lost in life.lost)
                returned += was_lost
                undone += not was_lost
    return Lived(len(world.moves), undone, returned, violations)


def _violations(snapshot: SwarmSnapshot) -> int:
    found = 0
    for task in snapshot.tasks:
        service, node = snapshot.service_by_id[task.service_id], snapshot.node_by_id[task.node_id or ""]
        found += bool(violated(user_constraints(service), node))
    return found

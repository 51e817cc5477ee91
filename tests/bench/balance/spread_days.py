# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulated days with balancing and spreading at once: do they undo each other's moves?"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules, SpreadRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import SPREAD, SetMove
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import violated
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import user_constraints
from tests.bench.balance.days import DAY, FIRST_SEED, Days
from tests.bench.report import Table, load_average

BALANCING = RebalanceRules()
RULES = RebalanceRules(spread=SpreadRules())
# a move may be reversed after so long, when Orcastra has forgotten it; see the planner's RETURN_SECONDS
WEEK = 7 * DAY


@dataclass(frozen=True)
class Lived:
    """The result of one run.

    ``spreading``: the number of moves that spread. ``undone``: moves that reverse a move of the same week,
    although no task of the service was lost in between. ``fought``: those of which one balances and the other
    spreads. ``returned``: those after a loss. ``later``: after more than a week. ``violations``: tasks on
    nodes that constraints forbid. ``hours``: from the return of a node until it runs as many tasks as an
    average node. ``short``: how often it did not within a day.
    """

    moves: int
    spreading: int
    undone: int
    fought: int
    returned: int
    later: int
    violations: int
    hours: tuple[float, ...]
    short: int


def measure(runs: int, days: int, cycle: float, nodes: int = 5, per_node: float = 4.0) -> list[Table]:
    """Live ``days`` in each of ``runs`` worlds: half of them without losses, half with one loss per day."""
    title = (
        f"{runs} × {days} simulated days with balancing and spreading: {nodes} nodes, {per_node:g} services "
        f"per node, a third of them replicated, one cycle per {cycle / 60:g} min"
    )
    undone = Table(
        title,
        ["crashes", "days", "A→B→A", "by both", "after a loss", "after a week", "violations"],
        notes=["A→B→A: within a week, without a loss of the service's tasks in between."],
    )
    moves = Table(
        "The same days: moves, and the time until a returned node runs an average number of tasks",
        [
            "crashes",
            "moves/day",
            "that spread",
            "without spreading",
            "returns",
            "hours median",
            "hours max",
            "not within a day",
        ],
    )
    before = load_average()
    with ProcessPoolExecutor() as pool:
        futures = {
            (crash, rules.spread is not None): [
                pool.submit(
                    live, FIRST_SEED + run, days, nodes, per_node, crash=crash, cycle=cycle, rules=rules
                )
                for run in range(runs // 2 if crash else runs - runs // 2)
            ]
            for crash in (False, True)
            for rules in (RULES, BALANCING)
        }
        for crash in (False, True):
            lived = [future.result() for future in futures[crash, True]]
            alone = [future.result() for future in futures[crash, False]]
            number, name = len(lived) * days, "daily" if crash else "none"
            hours = [hour for one in lived for hour in one.hours]
            undone.rows.append(
                (
                    name,
                    number,
                    sum(one.undone for one in lived),
                    sum(one.fought for one in lived),
                    sum(one.returned for one in lived),
                    sum(one.later for one in lived),
                    sum(one.violations for one in lived),
                )
            )
            moves.rows.append(
                (
                    name,
                    sum(one.moves for one in lived) / number,
                    sum(one.spreading for one in lived) / number,
                    sum(one.moves for one in alone) / number,
                    len(hours) + sum(one.short for one in lived),
                    median(hours) if hours else "-",
                    max(hours, default="-"),
                    sum(one.short for one in lived),
                )
            )
    undone.load = moves.load = (before, load_average())
    return [undone, moves]


def live(
    seed: int,
    days: float,
    nodes: int,
    per_node: float,
    *,
    crash: bool,
    cycle: float,
    rules: RebalanceRules = RULES,
) -> Lived:
    """Simulate the days in one world."""
    life = Days(seed, nodes, per_node, cycle=cycle, replicated=0.33)
    world, violations = life.world, 0
    kinds: list[str] = []
    returns = _Returns(life)
    for _cycle in range(int(days * DAY / cycle)):
        memory = life.step(crash=crash)
        returns.observe()
        plan = world.plan(rules, memory)
        begun = {
            edit.service_id: edit.move.kind
            for step in plan.steps
            if isinstance(step, PlaceService)
            for edit in step.intent_edits
            if isinstance(edit, SetMove) and edit.move is not None
        }
        world.carry_out(plan)
        if len(world.moves) > len(kinds):
            violations += _violations(world.snapshot)
            kinds += [begun[world.snapshot.service_by_name[move[1]].id] for move in world.moves[len(kinds) :]]
    undone = fought = returned = later = 0
    for index, (at, name, source, target) in enumerate(world.moves):
        for number, (end, *move) in enumerate(world.moves[index + 1 :], index + 1):
            if move != [name, target, source]:
                continue
            if end - at >= WEEK:
                later += 1
            elif any(at <= when <= end and lost == name for when, lost in life.lost):
                returned += 1
            else:
                undone += 1
                fought += kinds[index] != kinds[number]
    return Lived(
        len(world.moves),
        kinds.count(SPREAD),
        undone,
        fought,
        returned,
        later,
        violations,
        tuple(returns.hours),
        returns.short,
    )


class _Returns:
    """How long it takes until a node that has returned runs as many tasks as an average node."""

    def __init__(self, life: Days) -> None:
        self._life = life
        self._waiting: tuple[str, float] | None = None
        self._down: str | None = None
        self.hours: list[float] = []
        self.short = 0

    def observe(self) -> None:
        """Call it in each cycle, before the plan is carried out."""
        world, down = self._life.world, self._life.down
        if self._waiting is not None:
            node_id, since = self._waiting
            tasks = len(world.snapshot.wanted_by_node.get(node_id, ()))
            if tasks >= len(world.snapshot.tasks) // len(world.snapshot.nodes):
                self.hours.append((world.now - since) / 3600)
                self._waiting = None
            elif down is not None:
                self.short += 1
                self._waiting = None
        if self._down is not None and down is None:
            self._waiting = (self._down, world.now)
        self._down = down[0] if down is not None else None


def _violations(snapshot: SwarmSnapshot) -> int:
    found = 0
    for task in snapshot.tasks:
        service, node = snapshot.service_by_id[task.service_id], snapshot.node_by_id[task.node_id or ""]
        found += bool(violated(user_constraints(service), node))
    return found

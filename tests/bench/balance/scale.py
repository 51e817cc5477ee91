# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time and memory for planning in large swarms. Each size runs in a separate process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import (
    decide_moves,
    plan_rebalance,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.what_if import what_if
from tests.bench.balance.worlds import random_world
from tests.bench.report import Table, load_average

PER_NODE = 10.0
REPEAT = 5


def measure(sizes: list[int]) -> Table:
    table = Table(
        f"Planning in large swarms: {PER_NODE:g} services per node, one empty node; median of {REPEAT}",
        [
            "nodes",
            "services",
            "quiet s",
            "move s",
            "all verdicts s",
            "what-if s",
            "peak MB",
            "swarm alone MB",
        ],
    )
    before = load_average()
    for size in sizes:
        output = subprocess.run(
            [sys.executable, "-m", "tests.bench.balance.scale", str(size)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        table.rows.append(json.loads(output.stdout))
    table.notes.append(
        "Peak: the whole process, including Python and the generated swarm. What-if: the loss of one node."
    )
    table.load = (before, load_average())
    return table


def one(nodes: int) -> list[float]:
    world = random_world(1, nodes, PER_NODE, empty=True)
    memory, rules, groups = (
        world.sample(),
        RebalanceRules(),
        resolve_anchor_groups(world.snapshot, world.desired),
    )
    built = _peak()
    first = plan_rebalance(world.snapshot, groups, memory, rules, world.state, world.now)
    state, later = apply_edits(world.state, first.remember), world.now + rules.sustained_seconds

    def quiet() -> object:
        return plan_rebalance(replace(world.snapshot), groups, memory, rules, state, world.now)

    def move() -> object:
        plan = plan_rebalance(replace(world.snapshot), groups, memory, rules, state, later)
        if not plan.steps:
            raise RuntimeError("expected a move in the generated swarm, found none")
        return plan

    def verdicts() -> object:
        return decide_moves(replace(world.snapshot), groups, memory, rules, state, later).candidates()

    quiet_seconds, move_seconds, verdict_seconds = _seconds(quiet), _seconds(move), _seconds(verdicts)
    peak = _peak()
    lose = _seconds(
        lambda: what_if(replace(world.snapshot), groups, memory, later, lose=world.snapshot.nodes[:1])
    )
    return [
        nodes, len(world.snapshot.services), quiet_seconds, move_seconds, verdict_seconds, lose, peak, built
    ]  # fmt: skip


def _seconds(call: Callable[[], object]) -> float:
    """Return the median time of ``call``, which must copy the snapshot, because indexes add to the cost."""
    found = []
    for _time in range(REPEAT):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _peak() -> float:
    """Return this process's peak in MB. ``getrusage`` would also count the parent process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("expected VmHWM in /proc/self/status, found none")


if __name__ == "__main__":
    print(json.dumps(one(int(sys.argv[1]))))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long planning takes, and how much memory, in large swarms. Each size is a process of its own."""

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
        f"Planning in large swarms: {PER_NODE:g} services a node, one node empty; median of {REPEAT}",
        [
            "nodes",
            "services",
            "quiet s",
            "move s",
            "all verdicts s",
            "lose one s",
            "peak MB",
            "of it, swarm MB",
        ],
    )
    before = load_average()
    for size in sizes:
        output = subprocess.run(
            [sys.executable, "-m", "tests.bench.balance.scale", str(size)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        table.rows.append(json.loads(output.stdout))
    table.notes.append("Peak: of the whole process, Python and the made-up swarm in it.")
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
            raise RuntimeError("the made-up swarm is not what it is meant to be")
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
    """A fresh copy of the snapshot each time: its indexes are a part of the cost."""
    found = []
    for _time in range(REPEAT):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _peak() -> float:
    """Of this process, in MB. The peak of `getrusage` would be that of the process that started this one."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not tell the peak of this process's memory")


if __name__ == "__main__":
    print(json.dumps(one(int(sys.argv[1]))))

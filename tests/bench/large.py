# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A quiet cycle at sizes that need the simulator, with real HTTP, real parsing and the real planner."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from orcastra_runner.swarm import plan_all
from tests.bench.cycle import PARTS, TimedClient
from tests.bench.report import Table, calm_down, load_average, median
from tests.sim.large import configuration, large_swarm

SIZES = ((100, 2_000), (1_000, 20_000))


def measure(repeat: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Table:
    """``sizes``: nodes and tasks."""
    table = Table(
        f"Quiet cycle of a large simulated swarm; median of {repeat}",
        ["swarm", "requests", *(f"{part} ms" for part in PARTS), "parse ms", "plan ms", "total ms", "MiB"],
        notes=[
            "The simulator runs in the same process and returns prepared JSON.",
            "'parse' turns the JSON into a snapshot; 'MiB' is the size of the responses.",
        ],
    )
    calm_down()
    before = load_average()
    for nodes, tasks in sizes:
        table.rows.append(_row(nodes, tasks, repeat))
    table.load = (before, load_average())
    return table


def _row(nodes: int, tasks: int, repeat: int) -> list[str | int | float]:
    desired = parse_config(configuration(tasks), stack_name="")
    samples: dict[str, list[float]] = defaultdict(list)
    with large_swarm(nodes, tasks) as sim:
        engine = connect(ConnectionOptions(docker_host=sim.docker_host()))
        timed = TimedClient(engine._client)
        # keep the simulator's objects from slowing down the garbage collector
        gc.collect()
        gc.freeze()
        engine._client = timed
        for number in range(repeat + 1):
            timed.seconds.clear()
            timed.bytes = 0
            started = time.perf_counter()
            seen = observe(engine)
            observed = time.perf_counter()
            plan = plan_all(seen, desired)
            ended = time.perf_counter()
            if not plan.is_empty:
                raise RuntimeError(f"the swarm is not quiet: {[step.summary for step in plan.steps]}")
            if number == 0:
                # the simulator prepares its responses in the first cycle
                continue
            for part in PARTS:
                samples[part].append(timed.seconds[part])
            samples["parse"].append(observed - started - sum(timed.seconds.values()))
            samples["plan"].append(ended - observed)
            samples["whole"].append(ended - started)
        engine.close()
        gc.unfreeze()
    parts = [median(samples[part]) * 1e3 for part in (*PARTS, "parse", "plan", "whole")]
    return [f"{nodes} nodes, {tasks} tasks", seen.requests, *parts, timed.bytes / 1024**2]

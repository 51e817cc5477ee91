# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A quiet cycle on real engines: cost of observing and planning if there is nothing to change."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from orcastra_runner.swarm import plan_all
from tests.bench.report import Table, calm_down, load_average, median, percentile
from tests.bench.swarms import STACK, Scale

WARM_UP = 3
PARTS = ("info", "configs", "nodes", "services", "tasks")
_WHOLE = len(PARTS) + 4
"""The column of the total time."""


def new_table(repeat: int) -> Table:
    lists = [f"{part} ms" for part in PARTS]
    return Table(
        f"Quiet cycle: five requests, parsing, planning; median of {repeat}",
        ["swarm", "requests", *lists, "parse ms", "plan ms", "total ms", "ratio", "p95 ms", "KiB", "CPU ms"],
        notes=[
            "'ratio' is the total time relative to the first row.",
            "A request ends when its response has been read. 'parse' turns the JSON into a snapshot.",
            "'KiB' is the size of the responses, 'CPU' the CPU time of this process.",
        ],
    )


def measure(table: Table, scale: Scale, docker_host: str, data: dict[str, Any], repeat: int) -> None:
    """Add a row for the swarm at ``docker_host``, to which ``data`` (as in swarm.yml) is already applied."""
    desired = parse_config(data, stack_name=STACK)
    calm_down()
    before = load_average()
    engine = connect(ConnectionOptions(docker_host=docker_host))
    timed = TimedClient(engine._client)
    engine._client = timed
    samples: dict[str, list[float]] = defaultdict(list)
    requests = 0
    try:
        for n in range(WARM_UP + repeat):
            timed.seconds.clear()
            timed.bytes = 0
            cpu = time.process_time()
            started = time.perf_counter()
            seen = observe(engine)
            observed = time.perf_counter()
            plan = plan_all(seen, desired)
            ended = time.perf_counter()
            cpu = time.process_time() - cpu
            if not plan.is_empty:
                raise RuntimeError(f"the swarm is not quiet: {[step.summary for step in plan.steps]}")
            if n < WARM_UP:
                continue
            requests = seen.requests
            for part in PARTS:
                samples[part].append(timed.seconds[part])
            samples["parse"].append(observed - started - sum(timed.seconds.values()))
            samples["plan"].append(ended - observed)
            samples["whole"].append(ended - started)
            samples["cpu"].append(cpu)
    finally:
        engine.close()
    parts = [median(samples[part]) * 1e3 for part in (*PARTS, "parse", "plan", "whole")]
    p95 = percentile(samples["whole"], 95) * 1e3
    first = float(table.rows[0][_WHOLE]) if table.rows else parts[-1]
    table.rows.append(
        (
            str(scale),
            requests,
            *parts,
            parts[-1] / first,
            p95,
            timed.bytes / 1024,
            median(samples["cpu"]) * 1e3,
        )
    )
    table.load = (table.load[0] or before, load_average())


class TimedClient:
    """An HTTP client that times requests. ``seconds``: last part of a path → time of its requests."""

    def __init__(self, client: Any) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.bytes = 0
        self._client = client

    def request(self, method: str, url: str, **options: Any) -> Any:
        started = time.perf_counter()
        response = self._client.request(method, url, **options)
        self.seconds[urlsplit(url).path.rpartition("/")[2]] += time.perf_counter() - started
        self.bytes += len(response.content)
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

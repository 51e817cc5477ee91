# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of the metrics and of the page's requests over HTTP, for a large simulated swarm."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import plan_all
from orcastra_runner.web.guard import Guard
from orcastra_runner.web.server import WebServer
from orcastra_runner.web.site import Site
from tests.bench.report import Table, calm_down, load_average, median
from tests.sim.large import REPLICAS, configuration, large_swarm

SIZES = ((100, 2_000),)


def measure(repeat: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Table:
    """``sizes``: nodes and services."""
    table = Table(
        f"Page and metrics for a large simulated swarm; median of {repeat}",
        ["swarm", "/metrics ms", "state, built ms", "state, cached ms", "304 ms", "KiB", "KiB sent"],
        notes=[
            "Over HTTP from the same process. 'built': the first request after a change.",
            "'304': a repeated request without a change. 'KiB sent': compressed, as sent to browsers.",
        ],
    )
    calm_down()
    before = load_average()
    for nodes, services in sizes:
        table.rows.append(_row(nodes, services, repeat))
    table.load = (before, load_average())
    return table


@contextmanager
def serving(nodes: int, tasks: int) -> Iterator[tuple[WebServer, StatusStore]]:
    """The page of a large simulated swarm that has been observed and planned."""
    desired = parse_config(configuration(tasks), stack_name="")
    with large_swarm(nodes, tasks) as sim:
        engine = connect(ConnectionOptions(docker_host=sim.docker_host()))
        seen = observe(engine)
        engine.close()
    status = StatusStore()
    status.configured(desired)
    status.observed(seen, 0.0)
    status.decided("acting", leads=True, acts=True)
    status.planned("sync", plan_all(seen, desired))
    server = WebServer(Site(status, Signals(), CommandRequests(), Guard(None)), "127.0.0.1", 0)
    if not server.start():
        raise RuntimeError("the HTTP server didn't start")
    try:
        yield server, status
    finally:
        server.stop()


def _row(nodes: int, services: int, repeat: int) -> list[str | int | float]:
    figures: dict[str, list[float]] = {"metrics": [], "new": [], "known": [], "same": []}
    with serving(nodes, services * REPLICAS) as (server, status):
        for number in range(repeat):
            figures["metrics"].append(ask(server.port, "/metrics")[0])
            status.problem("bench", str(number))
            seconds, etag, packed = ask(server.port, "/api/state", {"Accept-Encoding": "gzip"})
            figures["new"].append(seconds)
            seconds, _, plain = ask(server.port, "/api/state")
            figures["known"].append(seconds)
            figures["same"].append(ask(server.port, "/api/state", {"If-None-Match": etag})[0])
    times = [median(samples) * 1e3 for samples in figures.values()]
    return [f"{nodes} nodes, {services} services", *times, plain / 1024, packed / 1024]


def ask(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[float, str, int]:
    """Send a request. Returns its seconds and the ETag and size of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        started = time.perf_counter()
        connection.request("GET", path, headers=headers or {})
        reply = connection.getresponse()
        size = len(reply.read())
        return time.perf_counter() - started, reply.headers.get("ETag") or "", size
    finally:
        connection.close()

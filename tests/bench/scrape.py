# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measuring memory: many exporters at once, some of which hang. They are threads of another process."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure as measure_memory
from tests.bench.report import Table, load_average, median

ENDPOINTS = 100
TIMEOUT_SECONDS = 5.0
TASKS = 20
# a node exporter of Debian 12 says some 70 KB
OTHER_LINES = 1000


def measure(repeat: int) -> Table:
    """Time a measurement of 100 endpoints, of which none, one and ten hang."""
    table = Table(
        f"{ENDPOINTS} exporters, {len(_page()) // 1024} KB each; deadline {TIMEOUT_SECONDS:g} s; "
        f"median of {repeat}",
        ["that hang", "seconds", "slowest", "nodes measured", "problems told"],
    )
    before = load_average()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scrape"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        for hanging in (0, 1, 10):
            table.rows.append(_row(port, hanging, repeat))
        server.terminate()
    table.load = (before, load_average())
    return table


def _row(port: int, hanging: int, repeat: int) -> tuple[float, ...]:
    nodes = tuple(Node(id=f"n{number}", hostname=f"node-{number}") for number in range(ENDPOINTS))
    urls = {
        node.hostname: f"http://127.0.0.1:{port}/{'hang' if number < hanging else 'fine'}/{number}"
        for number, node in enumerate(nodes)
    }
    sources = MetricSources(node_exporters=urls, timeout_seconds=TIMEOUT_SECONDS)
    times = []
    for _time in range(repeat):
        started = time.perf_counter()
        memory = measure_memory(Picture(nodes=nodes), sources)
        times.append(time.perf_counter() - started)
    return hanging, median(times), max(times), len(memory.nodes), len(memory.problems)


def _page() -> bytes:
    lines = [
        f'node_other_total{{device="disk{number}",kind="read"}} {number}' for number in range(OTHER_LINES)
    ]
    lines += ["node_memory_MemTotal_bytes 8.0e+09", "node_memory_MemAvailable_bytes 4.0e+09"]
    lines += [
        f"node_time_seconds {time.time()}",
        f"orcastra_container_memory_timestamp_seconds {time.time()}",
    ]
    lines += [
        f'orcastra_container_memory_bytes{{task_id="t{number}",service_id="s{number}"}} 1e8'
        for number in range(TASKS)
    ]
    return "\n".join([*lines, ""]).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/hang"):
            threading.Event().wait()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(_page())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__":
    exporters = _Server(("127.0.0.1", 0), _Handler)
    print(exporters.server_address[1], flush=True)
    exporters.serve_forever()

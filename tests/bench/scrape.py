# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measuring memory through many exporters at once, some of which hang, send slowly or send far too much.

The exporters are threads of another process. Each row is measured in a separate process, which prints its
figures.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import resource
import subprocess
import sys
import threading
import time

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure as measure_memory
from tests.bench.report import Table, load_average, median

ENDPOINTS = 100
TIMEOUT_SECONDS = 5.0
TASKS = 20
# node_exporter of Debian 12 sends about 70 KB
OTHER_LINES = 1000
LARGE_BYTES = 15 * 1024 * 1024
# the behaviour of faulty exporters, and their number
ROWS = (
    ("fine", 0),
    ("hang", 1),
    ("hang", 10),
    ("drip", 10),
    ("large", 1),
    ("other", 1),
    ("blank", 1),
    ("large", 10),
)
LARGE_LINES = {
    "large": b'orcastra_container_memory_bytes{node_id="n",service_id="s",task_id="t%d"} 1e8\n',
    "other": b'node_other_total{device="disk0",kind="read"} 1\n',
    "blank": b"\n",
}


def measure(repeat: int) -> Table:
    """Measure 100 endpoints, some of them faulty, and record the time and memory."""
    table = Table(
        f"{ENDPOINTS} exporters, {len(_page()) // 1024} KB each; deadline {TIMEOUT_SECONDS:g} s; "
        f"median of {repeat}",
        [
            "fault",
            "number",
            "seconds",
            "slowest",
            "nodes measured",
            "problems reported",
            "extra MiB",
            "threads left",
        ],
        notes=[
            "drip: headers, byte by byte; large: 15 MiB of samples; other: 15 MiB of unrelated lines;",
            "blank: 15 MiB of empty lines. 'extra MiB': peak memory above that of healthy exporters alone.",
        ],
    )
    before = load_average()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scrape"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        for kind, number in ROWS:
            table.rows.append(_row(port, kind, number, repeat))
        server.terminate()
    table.load = (before, load_average())
    return table


def _row(port: int, kind: str, number: int, repeat: int) -> tuple[str | float, ...]:
    arguments = [str(port), kind, str(number), str(repeat)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.scrape", *arguments], check=True, capture_output=True, text=True
    )
    return kind, number, *json.loads(done.stdout)


def _measure(port: int, kind: str, odd: int, repeat: int) -> list[float]:
    nodes = tuple(Node(id=f"n{number}", hostname=f"node-{number}") for number in range(ENDPOINTS))

    def ask(odd: int) -> tuple[float, int, int]:
        urls = {
            node.hostname: f"http://127.0.0.1:{port}/{kind if number < odd else 'fine'}/{number}"
            for number, node in enumerate(nodes)
        }
        sources = MetricSources(node_exporters=urls, timeout_seconds=TIMEOUT_SECONDS)
        started = time.perf_counter()
        memory = measure_memory(SwarmSnapshot(nodes=nodes), sources)
        return time.perf_counter() - started, len(memory.nodes), len(memory.problems)

    ask(0)
    usual = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    threads = threading.active_count()
    found = [ask(odd) for _time in range(repeat)]
    seconds = [entry[0] for entry in found]
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - usual) / 1024
    return [median(seconds), max(seconds), *found[-1][1:], more, threading.active_count() - threads]


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
        kind = self.path.split("/")[1]
        with contextlib.suppress(OSError):
            if kind == "hang":
                threading.Event().wait()
            if kind == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while True:
                    self.wfile.write(b"X")
                    time.sleep(0.1)
            self.send_response(200)
            self.end_headers()
            line = LARGE_LINES.get(kind, b"")
            self.wfile.write(line * (LARGE_BYTES // len(line)) if line else b"")
            self.wfile.write(_page())

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__" and len(sys.argv) > 1:
    print(json.dumps(_measure(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
elif __name__ == "__main__":
    exporters = _Server(("127.0.0.1", 0), _Handler)
    print(exporters.server_address[1], flush=True)
    exporters.serve_forever()

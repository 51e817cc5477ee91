# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Response time of ``/healthz`` while sixty connections on the same machine overload the server."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator

from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.web.guard import Guard
from orcastra_runner.web.server import WebServer
from orcastra_runner.web.site import Site
from tests.bench.report import Table, calm_down, load_average, median

CONNECTIONS = 60
SECONDS = 10.0
# all connections together, for the slow kinds
SLOW_BYTES_PER_SECOND = 400_000
_PIECE = 4096
_HOST = b"Host: localhost\r\n"


def measure(seconds: float = SECONDS) -> Table:
    table = Table(
        f"Health checks while {CONNECTIONS} connections send expensive requests; {seconds:g} s each",
        ["sent", "checks", "failed", "median ms", "slowest ms"],
        notes=["'slowly': 0.4 MB/s in total; others send at full speed. Dropped connections reconnect."],
    )
    calm_down()
    before = load_average()
    for kind in ("nothing", "deflate slowly", *_KINDS):
        table.rows.append(_row(kind, seconds))
    table.load = (before, load_average())
    return table


def _row(kind: str, seconds: float) -> tuple[str | float, ...]:
    site = Site(StatusStore(), Signals(), CommandRequests(), Guard(b"token"))
    server = WebServer(site, "127.0.0.1", 0)
    if not server.start():
        raise RuntimeError("HTTP cannot be served")
    times, failed = [], 0
    arguments = [sys.executable, "-m", "tests.bench.health", str(server.port), kind, str(seconds)]
    try:
        with subprocess.Popen(arguments) as clients:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                started = time.perf_counter()
                failed += not _answers(server.port)
                times.append(1e3 * (time.perf_counter() - started))
                time.sleep(0.1)
            clients.terminate()
    finally:
        server.stop()
    return kind, len(times), failed, median(times), max(times)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _deflated() -> Iterator[bytes]:
    """Yield a body of 64 KB that inflates to 64 MB."""
    squeeze = zlib.compressobj(9)
    body = squeeze.compress(b"\0" * 64 * 1024 * 1024) + squeeze.flush()
    yield b"POST /sync HTTP/1.1\r\n" + _HOST + b"Content-Encoding: deflate\r\n"
    yield b"Content-Length: %d\r\n\r\n" % len(body)
    for begin in range(0, len(body), _PIECE):
        yield body[begin : begin + _PIECE]


def _chunks() -> Iterator[bytes]:
    yield b"POST /sync HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1\r\nx\r\n" * 1000


def _pipeline() -> Iterator[bytes]:
    while True:
        yield (b"GET /api/state HTTP/1.1\r\n" + _HOST + b"\r\n") * 100


def _connections() -> Iterator[bytes]:
    yield b""


_KINDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "deflate": _deflated,
    "tiny chunks": _chunks,
    "pipelined requests": _pipeline,
    "connections": _connections,
}


def _attack(port: int, kind: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    pause = CONNECTIONS * _PIECE / SLOW_BYTES_PER_SECOND if kind.endswith("slowly") else 0.0
    script = _KINDS.get(kind.removesuffix(" slowly"))

    def run() -> None:
        while script is not None and time.monotonic() < end:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), timeout=5) as client,
            ):
                for part in script():
                    client.sendall(part)
                    time.sleep(pause)
                    if time.monotonic() > end:
                        break

    threads = [threading.Thread(target=run, daemon=True) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    _attack(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))

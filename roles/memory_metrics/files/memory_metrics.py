# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the memory of the containers of Swarm's tasks on this host as a textfile for the node exporter.

It asks the local engine and needs nothing but Python 3.8 or newer. The file is replaced in one go, so that a
reader sees the old one or the new one; after a failure the old one stays, and its time says how old it is.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

TIMEOUT_SECONDS = 20
# All of a measurement may take this long, also if the engine answers byte by byte.
DEADLINE_SECONDS = 45
MAX_BYTES = 32 * 1024 * 1024
LATE = f"the engine takes longer than {DEADLINE_SECONDS} s"
THREADS = 8
METRICS = {
    "bytes": "Memory in use by the container of a task, without inactive page cache.",
    "timestamp_seconds": "When the memory of the containers was looked at.",
    "interval_seconds": "How often the memory of the containers is looked at.",
}


class Engine:
    """The engine at a socket. ``end`` shuts all connections to it down, for good."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_over = False
        self._handles: set[socket.socket] = set()
        self._lock = threading.Lock()

    def end(self) -> None:
        with self._lock:
            self.is_over = True
            for handle in self._handles:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def watching(self, connection: socket.socket) -> Iterator[None]:
        handle = connection.dup()  # the connection itself is closed before all of an answer is read
        with self._lock:
            self._handles.add(handle)
        if self.is_over:
            self.end()
        try:
            yield
        finally:
            with self._lock:
                self._handles.discard(handle)
                handle.close()


class EngineConnection(http.client.HTTPConnection):
    """HTTP to the engine's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineError(Exception):
    """The engine did not answer as expected."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the engine answers with status {status}: {text}")
        self.status = status


def get(engine: Engine, path: str, **query: str) -> Any:
    """GET from the engine. Raises EngineError and OSError."""
    connection = EngineConnection(engine.path)
    try:
        connection.connect()
        with engine.watching(connection.sock):
            connection.request("GET", f"{path}?{urlencode(query)}")
            response = connection.getresponse()
            body = response.read(MAX_BYTES)
    except http.client.HTTPException as error:
        # a connection that was shut down ends in many ways
        raise OSError(LATE if engine.is_over else f"not HTTP: {error!r}") from error
    finally:
        connection.close()
    if engine.is_over:
        raise OSError(LATE)
    if len(body) == MAX_BYTES:
        raise OSError(f"the engine's answer is longer than {MAX_BYTES // 1024 // 1024} MiB")
    if response.status != 200:
        raise EngineError(response.status, body.decode(errors="replace").strip()[:200])
    return json.loads(body)


def memory_in_use(stats: dict[str, Any]) -> int | None:
    """Bytes that the container cannot do without: as `docker stats` counts them. None: it does not run."""
    memory = stats.get("memory_stats") or {}
    usage = memory.get("usage")
    if usage is None:
        return None
    details = memory.get("stats") or {}
    # the first is the name on cgroup v1, the second that on v2
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, int(usage) - int(cache))


def cgroup_memory(pid: int) -> int | None:
    """The same of the control group of a process, where the engine cannot tell. None: nor can we."""
    try:
        mounts = [line.split()[1:4] for line in Path("/proc/self/mounts").read_text().splitlines()]
        groups = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
        for _number, controllers, path in groups:
            for folder, kind, options in mounts:
                names = ("memory.usage_in_bytes", "total_inactive_file")
                if not controllers and kind == "cgroup2":
                    names = ("memory.current", "inactive_file")
                elif "memory" not in controllers.split(",") or "memory" not in options.split(","):
                    continue
                group = Path(folder) / path.lstrip("/")
                if (group / names[0]).is_file():
                    details = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
                    return max(0, int((group / names[0]).read_text()) - int(details.get(names[1], 0)))
    except OSError:
        pass  # the process has ended, or is not ours to see
    return None


def measure(path: str) -> list[tuple[dict[str, str], int]]:
    """The labels and the memory of each task's container that runs on the engine at the socket ``path``."""
    engine = Engine(path)
    timer = threading.Timer(DEADLINE_SECONDS, engine.end)
    timer.daemon = True
    timer.start()
    try:
        return _measure(engine)
    finally:
        timer.cancel()


def _measure(engine: Engine) -> list[tuple[dict[str, str], int]]:
    filters = json.dumps({"label": ["com.docker.swarm.task.id"], "status": ["running"]})
    containers = get(engine, "/containers/json", filters=filters)

    def look(container: dict[str, Any]) -> tuple[dict[str, str], int] | None:
        try:
            path = f"/v1.41/containers/{container['Id']}/stats"
            size = memory_in_use(get(engine, path, stream="false", **{"one-shot": "true"}))
            if size is None:
                size = cgroup_memory(get(engine, f"/containers/{container['Id']}/json")["State"]["Pid"])
        except EngineError as error:
            if error.status in (404, 409):
                return None  # it has ended since
            raise
        labels = container.get("Labels") or {}
        names = ("task.id", "service.id", "service.name", "node.id")
        return (
            None
            if size is None
            else (
                {name.replace(".", "_"): labels.get(f"com.docker.swarm.{name}", "") for name in names},
                size,
            )
        )

    with ThreadPoolExecutor(THREADS) as pool:
        return [entry for entry in pool.map(look, containers) if entry is not None]


def render(entries: list[tuple[dict[str, str], int]], now: float, interval: float) -> str:
    """The textfile, in Prometheus' text format."""
    ordered = sorted(entries, key=lambda entry: entry[0]["task_id"])
    samples = {
        "bytes": [(_labels(labels), str(size)) for labels, size in ordered],
        "timestamp_seconds": [("", f"{now:.3f}")],
        "interval_seconds": [("", f"{interval:g}")],
    }
    lines = []
    for suffix, text in METRICS.items():
        name = f"orcastra_container_memory_{suffix}"
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {value}" for labels, value in samples[suffix]]
    return "\n".join([*lines, ""])


def _labels(labels: dict[str, str]) -> str:
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in sorted(labels.items())
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def write(path: Path, text: str) -> None:
    """Replace the file in one go; everybody may read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary = Path(name)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="a file *.prom to write")
    parser.add_argument("--interval", type=float, default=30, metavar="SECONDS", help="how often it is run")
    parser.add_argument("--loop", action="store_true", help="stay, and write it that often")
    parser.add_argument("--engine", default="/var/run/docker.sock", metavar="SOCKET", help="the local engine")
    options = parser.parse_args()
    while True:
        status = 0
        try:
            entries = measure(options.engine)
            write(options.output, render(entries, time.time(), options.interval))
        except (OSError, EngineError, ValueError) as error:
            sys.stderr.write(f"orcastra-memory-metrics: {error}\n")
            status = 1
        if not options.loop:
            return status
        time.sleep(options.interval)


if __name__ == "__main__":
    sys.exit(main())

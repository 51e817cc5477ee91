# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the memory of task containers on this host, and write it to a textfile for the node exporter.

The file also lists the volumes that a plugin provides or that have options, because only the node knows them.

The program queries the local engine and requires only Python 3.8 or newer. It replaces the file atomically,
so that a reader sees either the old file or the new one. After a failure, the old file stays, and its
timestamp shows its age.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

TIMEOUT_SECONDS = 20
# The limit for a whole measurement, even if the engine answers byte by byte.
DEADLINE_SECONDS = 45
MAX_BYTES = 32 * 1024 * 1024
LATE = f"timed out after {DEADLINE_SECONDS} s waiting for the engine"
THREADS = 8
METRICS = {
    "bytes": "Memory in use by the container of a task, without inactive page cache.",
    "timestamp_seconds": "Time of the last memory measurement.",
    "interval_seconds": "Interval between memory measurements.",
}

VOLUME = "orcastra_volume_info"
VOLUME_HELP = "A volume that a plugin provides or that has options, without its passwords."
# A reader accepts as many volumes of one node, and labels as long.
MAX_VOLUMES = 500
MAX_LABEL_LENGTH = 256
_SECRET = re.compile("auth|cred|key|pass|secret|token|user", re.IGNORECASE)


class Engine:
    """The engine at a socket. ``end`` permanently shuts down all connections to it."""

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
        handle = connection.dup()  # the connection itself closes before the whole response is read
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
    """An HTTP connection to the engine's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineError(Exception):
    """The engine returned an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the engine returned status {status}: {text}")
        self.status = status


def get(engine: Engine, path: str, **query: str) -> Any:
    """Send a GET request to the engine. Raises EngineError and OSError."""
    connection = EngineConnection(engine.path)
    try:
        connection.connect()
        with engine.watching(connection.sock):
            connection.request("GET", f"{path}?{urlencode(query)}")
            response = connection.getresponse()
            body = response.read(MAX_BYTES)
    except http.client.HTTPException as error:
        # shutting down a connection causes various errors
        raise OSError(LATE if engine.is_over else f"expected an HTTP response, found {error!r}") from error
    finally:
        connection.close()
    if engine.is_over:
        raise OSError(LATE)
    if len(body) == MAX_BYTES:
        raise OSError(f"expected a response of at most {MAX_BYTES // 1024 // 1024} MiB, found a longer one")
    if response.status != 200:
        raise EngineError(response.status, body.decode(errors="replace").strip()[:200])
    return json.loads(body)


def memory_in_use(stats: dict[str, Any]) -> int | None:
    """Return the bytes in use, as `docker stats` counts them, or None if the container does not run."""
    memory = stats.get("memory_stats") or {}
    usage = memory.get("usage")
    if usage is None:
        return None
    details = memory.get("stats") or {}
    # the key on cgroup v1, and the key on cgroup v2
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, int(usage) - int(cache))


def cgroup_memory(pid: int) -> int | None:
    """Return the same for the control group of a process, if the engine does not report it. None: unknown."""
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
        pass  # the process has ended, or is not visible here
    return None


def measure(path: str) -> list[tuple[dict[str, str], int]]:
    """Return the labels and the memory of each running task container of the engine at ``path``."""
    return _in_time(path, _measure)


def find_volumes(path: str) -> list[dict[str, str]]:
    """Return the labels of the volumes that a plugin provides or that have options."""
    return _in_time(path, _find_volumes)


def _in_time(path: str, query: Callable[[Engine], list[Any]]) -> list[Any]:
    engine = Engine(path)
    timer = threading.Timer(DEADLINE_SECONDS, engine.end)
    timer.daemon = True
    timer.start()
    try:
        return query(engine)
    finally:
        timer.cancel()


def _find_volumes(engine: Engine) -> list[dict[str, str]]:
    node_id = ((get(engine, "/info").get("Swarm") or {}).get("NodeID")) or ""
    volumes = get(engine, "/volumes").get("Volumes") or []
    found = []
    for volume in sorted(volumes, key=lambda volume: str(volume.get("Name"))):
        driver, options = volume.get("Driver") or "", volume.get("Options") or {}
        if driver == "local" and not options:
            continue
        labels = {"node_id": node_id, "volume": volume.get("Name") or "", "driver": driver}
        if driver == "local":
            labels.update(local_options(options))
        labels["options"] = fingerprint(options)
        if max(map(len, labels.values())) <= MAX_LABEL_LENGTH:
            found.append(labels)
    return found[:MAX_VOLUMES] if node_id else []


def local_options(options: dict[str, str]) -> dict[str, str]:
    """Return the options that determine where the data is. Mount options with values may be passwords."""
    known = {key.lower(): value for key, value in options.items() if key.lower() in ("type", "device", "o")}
    flags = [flag.strip() for flag in known.pop("o", "").split(",")]
    known["o"] = ",".join(flag for flag in flags if "=" not in flag or flag.lower().startswith("addr="))
    if "@" in known.get("device", ""):
        known["device"] = known["device"].rpartition("@")[2]
    return {key: value for key, value in known.items() if value}


def fingerprint(options: dict[str, str]) -> str:
    """Return a value that differs if the options differ, to compare volumes. Passwords are left out."""
    plain = sorted(
        (key.lower(), part.strip())
        for key, value in options.items()
        for part in str(value).split(",")
        if "@" not in part and not _SECRET.search(key) and not _SECRET.search(part)
    )
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]


def _measure(engine: Engine) -> list[tuple[dict[str, str], int]]:
    filters = json.dumps({"label": ["com.docker.swarm.task.id"], "status": ["running"]})
    containers = get(engine, "/containers/json", filters=filters)

    def measure_one(container: dict[str, Any]) -> tuple[dict[str, str], int] | None:
        try:
            path = f"/v1.41/containers/{container['Id']}/stats"
            size = memory_in_use(get(engine, path, stream="false", **{"one-shot": "true"}))
            if size is None:
                size = cgroup_memory(get(engine, f"/containers/{container['Id']}/json")["State"]["Pid"])
        except EngineError as error:
            if error.status in (404, 409):
                return None  # the container has ended in the meantime
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
        return [entry for entry in pool.map(measure_one, containers) if entry is not None]


def render(
    entries: list[tuple[dict[str, str], int]],
    now: float,
    interval: float,
    volumes: list[dict[str, str]] | None = None,
) -> str:
    """Return the textfile in the Prometheus text format."""
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
    if volumes:
        lines += [f"# HELP {VOLUME} {VOLUME_HELP}", f"# TYPE {VOLUME} gauge"]
        lines += [f"{VOLUME}{_labels(labels)} 1" for labels in volumes]
    return "\n".join([*lines, ""])


def _labels(labels: dict[str, str]) -> str:
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        for name, value in sorted(labels.items())
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def write(path: Path, text: str) -> None:
    """Replace the file atomically, and make it readable for all users."""
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
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the *.prom file to write")
    parser.add_argument("--interval", type=float, default=30, metavar="SECONDS", help="measuring interval")
    parser.add_argument("--loop", action="store_true", help="keep running, and write at this interval")
    parser.add_argument(
        "--engine", default="/var/run/docker.sock", metavar="SOCKET", help="the engine's socket"
    )
    options = parser.parse_args()
    while True:
        status = 0
        try:
            entries = measure(options.engine)
            try:
                volumes = find_volumes(options.engine)
            except (OSError, EngineError, ValueError, AttributeError, TypeError) as error:
                # a volume plugin that hangs must not prevent the measurement
                sys.stderr.write(f"orcastra-memory-metrics: volumes: {error}\n")
                volumes = []
            write(options.output, render(entries, time.time(), options.interval, volumes))
        except (OSError, EngineError, ValueError) as error:
            sys.stderr.write(f"orcastra-memory-metrics: {error}\n")
            status = 1
        if not options.loop:
            return status
        time.sleep(options.interval)


if __name__ == "__main__":
    sys.exit(main())

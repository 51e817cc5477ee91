# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of the container in loop mode: image size, start time, and use of resources while idle."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import yaml

from tests.bench.report import Table, load_average
from tests.bench.runner import apply_configuration
from tests.bench.swarms import STACK, Scale, configuration
from tests.lab import Host, Lab, image
from tests.lab.wait import wait_until
from tests.support import compose_file, image_build

_PORT = 6060
_SETTLED_SECONDS = 5


def new_table() -> Table:
    return Table(
        "The container in loop and event mode, started from compose.yml",
        [
            "swarm", "image MB", "start to ready s", "minutes", "CPU s", "CPU % of one core", "memory MiB",
            "peak memory MiB",
        ],
        notes=[
            "Measured for the container's cgroup, including health checks and playbooks. Memory excludes the",
            "page cache and is sampled every 5 s. 'ready': the first cycle is finished.",
        ],
    )  # fmt: skip


def measure(table: Table, lab: Lab, scale: Scale, minutes: float, folder: Path) -> None:
    """Add a row: start the container on the leader's host and observe it for ``minutes``."""
    host = lab.leader()
    desired = configuration(lab, scale.services)
    apply_configuration(host.docker_host, desired, folder)
    image.load(host, image_build.image_archive().read_bytes())
    host.run(["mkdir", "-p", "/etc/swarm-orchestration"])
    host.run(["tee", "/etc/swarm-orchestration/swarm.yml"], input=yaml.safe_dump(desired))
    variables = {
        "ORCASTRA_IMAGE": image_build.NAME,
        "STACK_NAME": STACK,
        "DOCKER_GID": host.sh("stat -c %g /run/docker.sock").strip(),
    }
    before, started = load_average(), time.perf_counter()
    container = compose_file.up(host, image_build.ROOT / "compose.yml", variables)["orcastra"]
    wait_until(lambda: _is_ready(host), 120, "the container to be ready", 0.02)
    cold = time.perf_counter() - started
    time.sleep(_SETTLED_SECONDS)
    first, began = _usage(host, container), time.perf_counter()
    memory = [first[1]]
    while time.perf_counter() - began < minutes * 60:
        time.sleep(min(5, max(0.1, minutes * 60 - (time.perf_counter() - began))))
        memory.append(_usage(host, container)[1])
    spent, elapsed = _usage(host, container)[0] - first[0], time.perf_counter() - began
    size = host.api("GET", f"/images/{image_build.NAME}/json")["Size"] / 1000**2
    table.rows.append(
        (str(scale), size, cold, elapsed / 60, spent, spent / elapsed * 100, memory[-1], max(memory))
    )
    table.load = (before, load_average())


def _is_ready(host: Host) -> bool:
    connection = HTTPConnection(host.ip, _PORT, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _usage(host: Host, container: str) -> tuple[float, float]:
    """Return the CPU seconds so far and the current memory in MiB."""
    query = {"stream": "false", "one-shot": "true"}
    stats: dict[str, Any] = host.api("GET", f"/containers/{container}/stats", query=query)
    memory = stats["memory_stats"]
    details = memory["stats"]
    # the same value as in `docker stats`, for cgroups v1 and v2
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, (memory["usage"] - cache) / 1024**2

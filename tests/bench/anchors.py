# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cost of many anchors while nothing happens: requests, CPU time of the runner and of the engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.report import Table, calm_down, load_average
from tests.bench.runner import apply_configuration, running
from tests.bench.swarms import AT_ONCE, IMAGE, STACK, running_tasks
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.wait import wait_until

SETTLE_SECONDS = 5
MODES: tuple[dict[str, str], ...] = (
    {"EVENT_MODE": "true"},
    {"EVENT_MODE": "true", "ORCASTRA_EVENT_POLL_INTERVAL": "2"},
    {},
)
_TICKS = os.sysconf("SC_CLK_TCK")


def new_table(anchors: int) -> Table:
    return Table(
        f"Idle with {anchors} anchors, one follower each: {2 * anchors} running tasks, three managers",
        [
            "mode", "seconds", "requests/s", "CPU % of one core", "RSS MiB",
            "leader's engine, CPU % of one core", "engine without runner, CPU % of one core",
        ],
        notes=["Event mode: the event stream and the tasks of all these services; also a poll every 60 s."],
    )  # fmt: skip


def deploy(lab: Lab, anchors: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Deploy anchors on all nodes, with their followers, and apply the configuration. Returns it."""
    manager = lab.leader()
    hosts = [host.name for host in lab]
    for start in range(0, anchors, AT_ONCE):
        end = min(start + AT_ONCE, anchors)
        for n in range(start, end):
            manager.api("POST", "/services/create", _service(f"anchor-{n}", hosts[n % len(hosts)]))
            # on its anchor's node from the start, so no moves are needed
            manager.api("POST", "/services/create", _service(f"follower-{n}", hosts[n % len(hosts)]))
        wait_until(lambda end=end: running_tasks(manager) == 2 * end, 600, f"{2 * end} running tasks", 0.5)  # type: ignore[misc]
        say(f"  {2 * end} of {2 * anchors} services run")
    desired = {"dependencies": {f"anchor-{n}": [f"follower-{n}"] for n in range(anchors)}}
    apply_configuration(manager.docker_host, desired, folder)
    return desired


def measure(
    table: Table, lab: Lab, desired: dict[str, Any], seconds: float, folder: Path, **variables: str
) -> None:
    """Add a row: observe the loop for ``seconds``."""
    leader = lab.leader()
    calm_down()
    before = load_average()
    without = _engine_share(leader, seconds / 2)
    with running(leader.ip, desired, 60, folder, **variables) as runner:
        time.sleep(SETTLE_SECONDS)  # don't count work that follows the first cycle
        cpu, requests, started = runner.cpu(), runner.requests, time.perf_counter()
        engine = _engine_share(leader, seconds)
        runner.is_alive()
        spent, asked, elapsed = runner.cpu() - cpu, runner.requests - requests, time.perf_counter() - started
        memory, _peak = runner.memory_mib()
    mode = ", ".join(f"{name}={value}" for name, value in variables.items()) or "polling"
    table.rows.append(
        (mode, elapsed, asked / elapsed, spent.own / elapsed * 100, memory, engine * 100, without * 100)
    )
    table.load = (table.load[0] or before, load_average())


def _engine_share(host: Host, seconds: float) -> float:
    """Share of one CPU that the host's engine uses during the next ``seconds``."""
    before, started = _engine_cpu(host), time.perf_counter()
    time.sleep(seconds)
    return (_engine_cpu(host) - before) / (time.perf_counter() - started)


def _engine_cpu(host: Host) -> float:
    fields = host.sh("cat /proc/$(cat /run/docker.pid)/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _service(name: str, host: str) -> dict[str, Any]:
    return {
        "Name": f"{STACK}_{name}",
        "Labels": {"com.docker.stack.namespace": STACK},
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE},
            "Placement": {"Constraints": [f"node.hostname=={host}"]},
            # the host's network needs no setup
            "Networks": [{"Target": "host"}],
            "LogDriver": {"Name": "none"},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
    }

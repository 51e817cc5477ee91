# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that use real memory, and hosts whose exporters report it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.conftest import CHECKOUT
from tests.integration.conftest import IMAGE
from tests.lab import Lab
from tests.lab.host import Host

TEXTFILE_DIR = "/var/lib/prometheus/node-exporter"
_PROGRAM = CHECKOUT / "roles" / "memory_metrics" / "files" / "memory_metrics.py"


def memory_user(name: str, megabytes: int, **fields: Any) -> dict[str, Any]:
    """Create a service whose task fills a tmpfs, which counts as its memory, and then sleeps."""
    script = f"dd if=/dev/zero of=/memory/full bs=1M count={megabytes} 2> /dev/null; exec sleep 1000000"
    mount = {"Type": "tmpfs", "Target": "/memory"}
    return {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE, "Args": ["sh", "-c", script], "Mounts": [mount]},
            "RestartPolicy": {"Condition": "any", "Delay": 1_000_000_000},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": {"Monitor": 1_000_000_000},
        **fields,
    }


@contextlib.contextmanager
def tasks_measured(lab: Lab, interval: float = 1) -> Iterator[None]:
    """Run the program of the role memory_metrics on all hosts inside this context."""
    program = _PROGRAM.read_text()

    def start(host: Host) -> Any:
        host.run(["sh", "-c", f"mkdir -p {TEXTFILE_DIR}; cat > /run/memory_metrics.py"], input=program)
        output = f"--output={TEXTFILE_DIR}/orcastra_memory.prom"
        return host.popen(["python3", "/run/memory_metrics.py", output, f"--interval={interval}", "--loop"])

    processes = lab.each(start)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
        lab.each(lambda host: host.run(["rm", "-f", f"{TEXTFILE_DIR}/orcastra_memory.prom"]))


def running(lab: Lab) -> dict[str, tuple[str, str]]:
    """Return service → host name and container start time of its only running task."""
    manager = lab["alpha"]
    hosts = {node["ID"]: node["Description"]["Hostname"] for node in manager.api("GET", "/nodes")}
    names = {service["ID"]: service["Spec"]["Name"] for service in manager.api("GET", "/services")}
    found = {}
    for task in manager.api("GET", "/tasks", query={"filters": {"desired-state": ["running"]}}):
        if task["Status"]["State"] == "running" and task["ServiceID"] in names:
            host = hosts[task["NodeID"]]
            container = lab[host].api(
                "GET", f"/containers/{task['Status']['ContainerStatus']['ContainerID']}/json"
            )
            found[names[task["ServiceID"]]] = (host, container["State"]["StartedAt"])
    return found


def set_availability(lab: Lab, hostname: str, availability: str) -> None:
    manager = lab["alpha"]
    (node,) = [node for node in manager.api("GET", "/nodes") if node["Description"]["Hostname"] == hostname]
    spec = {**node["Spec"], "Availability": availability}
    manager.api("POST", f"/nodes/{node['ID']}/update", spec, {"version": node["Version"]["Index"]})

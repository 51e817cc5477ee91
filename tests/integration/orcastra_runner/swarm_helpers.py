# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, change and read services and labels of the lab's swarm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.lab import Host, Lab
from tests.lab.wait import wait_until


def create_service(swarm: Lab, name: str, node: str | None = None) -> str:
    """Create a service that stops immediately, and wait until it runs. Returns its ID.

    :param node: the only allowed node
    """
    constraints = [f"node.hostname=={node}"] if node is not None else []
    spec = {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": "orcastra/app", "Init": True},
            "Placement": {"Constraints": constraints},
            "RestartPolicy": {"Delay": 100_000_000},
        },
        "EndpointSpec": {"Mode": "dnsrr"},
        "UpdateConfig": {"Monitor": 1_000_000_000, "Order": "stop-first", "Parallelism": 1},
    }
    service_id: str = swarm.leader().api("POST", "/services/create", spec)["ID"]
    wait_until(lambda: running_on(swarm, name), 40, f"{name} to run")
    return service_id


def service(swarm: Lab, name: str, through: Host | None = None) -> dict[str, Any]:
    """Return a service as the engine lists it."""
    found: dict[str, Any] = (through or swarm.leader()).api("GET", f"/services/{name}")
    return found


def change(swarm: Lab, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change a service's spec, like its user."""

    def write() -> bool:
        found = service(swarm, name)
        edit(found["Spec"])
        path = f"/services/{found['ID']}/update?version={found['Version']['Index']}"
        swarm.leader().api("POST", path, found["Spec"])
        return True

    wait_until(write, what=f"{name} to be changed")


def change_constraints(swarm: Lab, name: str, *constraints: str) -> None:
    """Replace a service's constraints, like its user."""

    def edit(spec: dict[str, Any]) -> None:
        spec["TaskTemplate"]["Placement"]["Constraints"] = list(constraints)

    change(swarm, name, edit)


def constraints(swarm: Lab, name: str) -> list[str]:
    placement = service(swarm, name)["Spec"]["TaskTemplate"].get("Placement") or {}
    return list(placement.get("Constraints") or [])


def restarts(swarm: Lab, name: str, through: Host | None = None) -> int:
    """Return the number of forced updates of the service."""
    return int(service(swarm, name, through)["Spec"]["TaskTemplate"].get("ForceUpdate", 0))


def tasks(swarm: Lab, name: str) -> list[dict[str, Any]]:
    """Return all tasks of a service, including ended ones."""
    query = {"filters": {"service": [name]}}
    found: list[dict[str, Any]] = swarm.leader().api("GET", "/tasks", query=query)
    return found


def running_on(swarm: Lab, name: str) -> str | None:
    """Return the host name of the node on which a service's only task runs, or None."""
    running = [
        task
        for task in tasks(swarm, name)
        if task["DesiredState"] == "running" and task["Status"]["State"] == "running"
    ]
    if len(running) != 1:
        return None
    names = {node["ID"]: node["Description"]["Hostname"] for node in swarm.leader().api("GET", "/nodes")}
    return names.get(running[0]["NodeID"])


def node(swarm: Lab, name: str, through: Host | None = None) -> dict[str, Any]:
    """Return a node as the engine lists it."""
    nodes = (through or swarm.leader()).api("GET", "/nodes")
    found: dict[str, Any] = next(item for item in nodes if item["Description"]["Hostname"] == name)
    return found


def labels(swarm: Lab, name: str, through: Host | None = None) -> dict[str, str]:
    found: dict[str, str] = node(swarm, name, through)["Spec"].get("Labels") or {}
    return found


def set_labels(swarm: Lab, name: str, desired: dict[str, str]) -> None:
    """Replace a node's labels by hand."""

    def write() -> bool:
        found = node(swarm, name)
        path = f"/nodes/{found['ID']}/update?version={found['Version']['Index']}"
        swarm.leader().api("POST", path, {**found["Spec"], "Labels": desired})
        return True

    wait_until(write, what="the labels to be changed by hand")

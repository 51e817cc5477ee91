# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the swarm, from the API of a manager."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab import Host

Json = Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """Nodes, services, and the tasks that should run, in the format of the API."""

    nodes: Sequence[Json]
    services: Sequence[Json]
    tasks: Sequence[Json]

    @property
    def waiting(self) -> list[Json]:
        """The tasks for which no node is suitable."""
        return [
            task for task in self.tasks if task["Status"]["State"] == "pending" and not task.get("NodeID")
        ]

    @property
    def settled(self) -> bool:
        """Whether each service has all its tasks, and each task runs or waits for a node."""
        running = [task for task in self.tasks if _state(task) == "running"]
        return len(running) + len(self.waiting) == sum(self._expected(service) for service in self.services)

    @property
    def all_run(self) -> bool:
        return self.settled and not self.waiting

    def is_down(self, hostname: str) -> bool:
        """Whether a node is down for Swarm."""
        return any(_hostname(node) == hostname and node["Status"]["State"] == "down" for node in self.nodes)

    def runs(self, service: str) -> bool:
        """Whether all tasks of a service run."""
        desired = sum(self._expected(found) for found in self.services if _name(found) == service)
        return self.places(service).total() == desired

    def task_ids(self, *services: str) -> set[str]:
        """The IDs of the tasks of services. A new container means a new task."""
        ids = {found["ID"] for found in self.services if _name(found) in services}
        return {task["ID"] for task in self.tasks if task["ServiceID"] in ids}

    def labels(self, hostname: str) -> dict[str, str]:
        """The labels of a node."""
        return next(_labels(node) for node in self.nodes if _hostname(node) == hostname)

    def hosts_with(self, label: str) -> list[str]:
        """The host names of the nodes that have a label."""
        return sorted(_hostname(node) for node in self.nodes if label in _labels(node))

    def hosts_of(self, service: str) -> list[str]:
        """The host names of the nodes on which a service runs."""
        return sorted(self.places(service))

    def places(self, service: str) -> Counter[str]:
        """The number of running tasks of a service, by host name."""
        ids = {found["ID"] for found in self.services if _name(found) == service}
        hosts = {node["ID"]: _hostname(node) for node in self.nodes}
        return Counter(
            hosts[task["NodeID"]]
            for task in self.tasks
            if task["ServiceID"] in ids and _state(task) == "running" and task["NodeID"] in hosts
        )

    def _expected(self, service: Json) -> int:
        mode = service["Spec"]["Mode"]
        if "Global" in mode:
            return sum(
                node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"
                for node in self.nodes
            )
        return int(mode["Replicated"]["Replicas"])


def look(manager: Host) -> View:
    """Return the current state of the swarm, from this manager."""
    tasks = manager.api("GET", "/tasks", query={"filters": '{"desired-state":["running"]}'})
    return View(manager.api("GET", "/nodes"), manager.api("GET", "/services"), tasks)


def _hostname(node: Json) -> str:
    return str(node["Description"]["Hostname"])


def _labels(node: Json) -> dict[str, str]:
    return dict(node["Spec"].get("Labels") or {})


def _name(service: Json) -> str:
    return str(service["Spec"]["Name"])


def _state(task: Json) -> str:
    return str(task["Status"]["State"])

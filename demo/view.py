# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is: the swarm as a manager's API describes it, in rows for tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab import Host

Rows = list[list[str]]
Json = Mapping[str, Any]

NODE_HEADS = ("NODE", "ROLE", "LABELS", "RUNS")
SERVICE_HEADS = ("SERVICE", "RUNS", "WHERE")


@dataclass(frozen=True)
class View:
    """Nodes, services, and the tasks that are to run, as the API has them."""

    nodes: Sequence[Json]
    services: Sequence[Json]
    tasks: Sequence[Json]

    @property
    def waiting(self) -> list[Json]:
        """The tasks that no node is right for."""
        return [
            task for task in self.tasks if task["Status"]["State"] == "pending" and not task.get("NodeID")
        ]

    @property
    def settled(self) -> bool:
        """Whether each service has all its tasks, and each runs or waits for a node."""
        running = [task for task in self.tasks if _state(task) == "running"]
        return len(running) + len(self.waiting) == sum(self._wanted(service) for service in self.services)

    @property
    def all_run(self) -> bool:
        return self.settled and not self.waiting

    def is_down(self, hostname: str) -> bool:
        """Whether Swarm takes a node for lost."""
        return any(_hostname(node) == hostname and node["Status"]["State"] == "down" for node in self.nodes)

    def runs(self, service: str) -> bool:
        """Whether all that is wanted of a service runs."""
        desired = sum(self._wanted(found) for found in self.services if _name(found) == service)
        return self.places(service).total() == desired

    def task_ids(self, *services: str) -> set[str]:
        """The tasks of services; another container is another task."""
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

    def node_rows(self) -> Rows:
        """Per node: its name, role, labels, and what runs there."""
        rows: Rows = []
        for node in sorted(self.nodes, key=_hostname):
            leads = node.get("ManagerStatus", {}).get("Leader", False)
            labels = ", ".join(f"{key}={value}" for key, value in sorted(_labels(node).items()))
            services = Counter(
                {_name(service): self.places(_name(service))[_hostname(node)] for service in self.services}
            )
            rows.append([
                _hostname(node),
                "leader" if leads else node["Spec"]["Role"],
                labels or "-",
                _counted(services) or "-",
            ])  # fmt: skip
        return rows

    def service_rows(self) -> Rows:
        """Per service: its name, how much of it runs, and where, or what it waits for."""
        rows: Rows = []
        for service in sorted(self.services, key=_name):
            places = self.places(_name(service))
            waits = any(task["ServiceID"] == service["ID"] for task in self.waiting)
            where = _counted(places)
            if waits:
                asked = service["Spec"]["TaskTemplate"].get("Placement", {}).get("Constraints") or []
                where = f"{where}; " if where else ""
                where += f"waits: no node has what it asks for, {', '.join(asked)}"
            rows.append([_name(service), f"{places.total()} of {self._wanted(service)}", where or "-"])
        return rows

    def places(self, service: str) -> Counter[str]:
        """How many tasks of a service run on which host."""
        ids = {found["ID"] for found in self.services if _name(found) == service}
        hosts = {node["ID"]: _hostname(node) for node in self.nodes}
        return Counter(
            hosts[task["NodeID"]]
            for task in self.tasks
            if task["ServiceID"] in ids and _state(task) == "running" and task["NodeID"] in hosts
        )

    def _wanted(self, service: Json) -> int:
        mode = service["Spec"]["Mode"]
        if "Global" in mode:
            return sum(
                node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"
                for node in self.nodes
            )
        return int(mode["Replicated"]["Replicas"])


def look(manager: Host) -> View:
    """The swarm as this manager sees it."""
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


def _counted(counts: Counter[str]) -> str:
    """Names, with a number where there are several: ``shop_app ×2, shop_db``."""
    return ", ".join(
        f"{name} ×{count}" if count > 1 else name for name, count in sorted(counts.items()) if count
    )

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Predict where Swarm places a task: its scheduler, on a mutable copy of the placement of all tasks.

Source: swarmkit, `manager/scheduler` (`pipeline.go`, `filter.go`, `nodeset.go`, and `nodeLess` in
`scheduler.go`): first the filters, then for each placement preference the branch with the fewest tasks of the
service, then the nodes without many recent failures of the service, with the fewest of its tasks, and with
the fewest tasks. Swarm breaks ties at random. Plugins and generic resources are not considered, because the
snapshot does not contain them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import groupby

from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot
from .constraints import ENGINE_LABEL_PREFIX, NODE_LABEL_PREFIX, platform_allows, violated
from .placement import obstacles_among

# Source: swarmkit, `manager/scheduler/nodeinfo.go`
MANY_FAILURES = 5
FAILURE_SECONDS = 300.0


class Scheduler:
    """The nodes and the tasks on them. ``now`` is in seconds since the epoch.

    Whether a failure is recent depends on the creation time of its task: the engine keeps no other time.
    """

    def __init__(self, snapshot: SwarmSnapshot, now: float) -> None:
        self.nodes = {node.id: node for node in snapshot.nodes}
        self._position = {node.id: number for number, node in enumerate(snapshot.nodes)}
        self._services: dict[str, list[Service]] = {node.id: [] for node in snapshot.nodes}
        # by number of tasks: the IDs of the nodes with that many
        self._by_total: list[set[str]] = [set(self.nodes)]
        self._own: dict[str, dict[str, int]] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._many_failures: dict[str, set[str]] = {}
        self._suitable: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], dict[str, Node]] = {}
        for task in snapshot.tasks:
            service = snapshot.service_by_id.get(task.service_id)
            if service is None or task.node_id not in self.nodes:
                continue
            if task.should_run:
                self.put(service, task.node_id)
            elif task.state in ("failed", "rejected") and now - task.created < FAILURE_SECONDS:
                key = (service.id, task.node_id)
                self._failures[key] = self._failures.get(key, 0) + 1
                if self._failures[key] >= MANY_FAILURES:
                    self._many_failures.setdefault(service.id, set()).add(task.node_id)

    def put(self, service: Service, node_id: str) -> None:
        """Add a task of the service to the node."""
        self._services[node_id].append(service)
        self._count(node_id, before=len(self._services[node_id]) - 1)
        own = self._own.setdefault(service.id, {})
        own[node_id] = own.get(node_id, 0) + 1

    def take(self, service: Service, node_id: str) -> None:
        """Remove a task of the service from the node."""
        self._services[node_id].remove(service)
        self._count(node_id, before=len(self._services[node_id]) + 1)
        own = self._own[service.id]
        own[node_id] -= 1
        if not own[node_id]:
            del own[node_id]

    def places(self, service: Service) -> frozenset[str]:
        """Return the IDs of the nodes with tasks of the service."""
        return frozenset(self._own.get(service.id, ()))

    def choices(
        self,
        service: Service,
        constraints: tuple[str, ...],
        *,
        only: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> tuple[Node, ...]:
        """Return the nodes among which Swarm chooses for one more task; empty if the task would stay pending.

        ``only``: IDs of the nodes to consider. ``without``: IDs of nodes to leave out.
        """
        suitable = self._suitable_nodes(service, constraints)
        if service.preferences:
            found = [
                node
                for node in suitable.values()
                if node.id not in without and (only is None or node.id in only)
                if not self._lacks(service, node)
            ]
            for preference in service.preferences:
                found = self._spread(service, found, preference)
            return next(self._ranked(service, found), ())
        # the most expensive check comes last
        for nodes in self._best_first(service, suitable):
            free = tuple(
                node
                for node in nodes
                if node.id not in without and (only is None or node.id in only)
                if not self._lacks(service, node)
            )
            if free:
                return free
        return ()

    def choice(
        self,
        service: Service,
        constraints: tuple[str, ...],
        turn: int,
        *,
        only: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> Node | None:
        """Return one of the ``choices``, depending on ``turn``, without computing all of them."""
        if service.preferences:
            found = self.choices(service, constraints, only=only, without=without)
            return found[turn % len(found)] if found else None
        for nodes in self._best_first(service, self._suitable_nodes(service, constraints)):
            start = turn % len(nodes)
            for node in (*nodes[start:], *nodes[:start]):
                if node.id in without or (only is not None and node.id not in only):
                    continue
                if not self._lacks(service, node):
                    return node
        return None

    def _best_first(self, service: Service, suitable: dict[str, Node]) -> Iterator[tuple[Node, ...]]:
        """Yield groups of equally good nodes, best first. Nearly always, the first group is enough."""
        worse = self._own.get(service.id, {}).keys() | self._many_failures.get(service.id, set())
        for node_ids in self._by_total:
            group = (node_ids & suitable.keys()) - worse
            if group:
                yield tuple(self.nodes[node_id] for node_id in sorted(group, key=self._position.__getitem__))
        yield from self._ranked(service, [node for node in suitable.values() if node.id in worse])

    def _ranked(self, service: Service, nodes: list[Node]) -> Iterator[tuple[Node, ...]]:
        own = self._own.get(service.id, {})

        def rank(node: Node) -> tuple[int, int, int]:
            failures = self._failures.get((service.id, node.id), 0)
            many = failures if failures >= MANY_FAILURES else 0
            return many, own.get(node.id, 0), len(self._services[node.id])

        for _rank, group in groupby(sorted(nodes, key=rank), key=rank):
            yield tuple(group)

    def _count(self, node_id: str, before: int) -> None:
        """Record that the number of tasks on the node has changed."""
        now = len(self._services[node_id])
        self._by_total[before].remove(node_id)
        if now == len(self._by_total):
            self._by_total.append(set())
        self._by_total[now].add(node_id)

    def obstacles(self, service: Service, node: Node, constraints: tuple[str, ...]) -> tuple[Reason, ...]:
        """Return what keeps one more task of the service off the node."""
        own = self._own.get(service.id, {}).get(node.id, 0)
        found = list(obstacles_among(self._services[node.id], service, node, constraints))
        if service.max_replicas_per_node and own >= service.max_replicas_per_node:
            found.append(Reason("max_replicas_reached", maximum=service.max_replicas_per_node))
        return tuple(found)

    def _suitable_nodes(self, service: Service, constraints: tuple[str, ...]) -> dict[str, Node]:
        """Return the ready nodes that constraints and platform allow, whatever runs there."""
        key = (constraints, service.platforms)
        if key not in self._suitable:
            self._suitable[key] = {
                node.id: node
                for node in self.nodes.values()
                if node.is_ready and node.availability == "active"
                if platform_allows(service.platforms, node) and not violated(constraints, node)
            }
        return self._suitable[key]

    def _lacks(self, service: Service, node: Node) -> bool:
        needs = service.reserved_memory_bytes or service.reserved_nano_cpus or service.host_ports
        if not needs and not service.max_replicas_per_node:
            return False
        return bool(self.obstacles(service, node, ()))

    def _spread(self, service: Service, nodes: list[Node], preference: str) -> list[Node]:
        """Return the nodes whose value of the label has the fewest tasks of the service."""
        count: dict[str, int] = {}
        for node_id, number in self._own.get(service.id, {}).items():
            value = label_value(self.nodes[node_id], preference)
            count[value] = count.get(value, 0) + number
        return _least(nodes, lambda node: count.get(label_value(node, preference), 0))


def label_value(node: Node, key: str) -> str:
    """Return the value of a label by the key that constraints and preferences use; empty if the node has
    none."""
    lower = key.lower()
    if lower.startswith(NODE_LABEL_PREFIX):
        return node.labels.get(key[len(NODE_LABEL_PREFIX) :], "")
    if lower.startswith(ENGINE_LABEL_PREFIX):
        return node.engine_labels.get(key[len(ENGINE_LABEL_PREFIX) :], "")
    return ""


def _least(nodes: list[Node], rank: Callable[[Node], int]) -> list[Node]:
    """Return all nodes with the lowest rank."""
    lowest = min(map(rank, nodes), default=0)
    return [node for node in nodes if rank(node) == lowest]

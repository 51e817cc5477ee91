# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How evenly tasks are spread, in numbers, and what a move changes.

For each service there are levels: its placement preferences, the configured topology label, then the nodes.
The last level, the tasks per node, covers all services. The unevenness of a level is the sum of the squares
of its counts. A move spreads if it lowers the unevenness of the first level that it changes. Each such move
lowers the levels in that order, so a series of them ends.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..._model.compat import dataclass
from ..._model.snapshot import Node, Service, SwarmSnapshot
from ..scheduling.scheduler import label_value

# the levels that are no labels
NODES = "node"
TASKS = "tasks"


@dataclass(frozen=True, slots=True)
class Change:
    """What a move changes: the first level that it changes, and the counts on both sides before the move.

    ``weight``: the change in unevenness; negative if the move spreads.
    """

    level: int
    key: str
    source: int
    target: int
    weight: int

    @property
    def spreads(self) -> bool:
        return self.weight < 0


class Layout:
    """The number of tasks on each node, of each service and in all. ``topology``: a label, or empty."""

    def __init__(self, snapshot: SwarmSnapshot, topology: str = "") -> None:
        self._nodes = snapshot.node_by_id
        self._topology = topology
        self._own: dict[str, Counter[str]] = {}
        self.totals: Counter[str] = Counter()
        for task in snapshot.tasks:
            if task.should_run and task.node_id is not None and task.node_id in self._nodes:
                self.totals[task.node_id] += 1
                self._own.setdefault(task.service_id, Counter())[task.node_id] += 1

    def move(self, service_id: str, source: str, target: str, count: int) -> None:
        """Move ``count`` tasks of the service from one node ID to another."""
        for counts in (self.totals, self._own.setdefault(service_id, Counter())):
            counts[source] -= count
            counts[target] += count

    def own(self, service: Service, node: Node) -> int:
        return self._own.get(service.id, Counter())[node.id]

    def levels(self, service: Service) -> tuple[str, ...]:
        """The labels over which the service spreads, then its nodes."""
        labels = service.preferences
        if self._topology and self._topology not in labels:
            labels = (*labels, self._topology)
        return (*labels, NODES)

    def is_uneven(self, service: Service) -> bool:
        """Return whether one of the service's values or nodes may have two tasks more than another."""
        own = self._own.get(service.id, Counter())
        if max(own.values(), default=0) > 1:
            return True
        if sum(own.values()) < 2:
            return False
        for key in self.levels(service)[:-1]:
            counts: Counter[str] = Counter()
            for node_id, number in own.items():
                counts[label_value(self._nodes[node_id], key)] += number
            if max(counts.values()) > 1:
                return True
        return False

    def change(self, service: Service, source: Node, target: Node, count: int = 1) -> Change | None:
        """Return the change at the levels of the service; None if the move changes none of them."""
        own = self._own.get(service.id, Counter())
        for level, key in enumerate(self.levels(service)):
            here, there = self._value(source, key), self._value(target, key)
            # nodes without the configured label do not take part in its level; for Swarm's placement
            # preferences, no value is a value
            if here == there or (key not in service.preferences and key != NODES and not (here and there)):
                continue
            at_source = self._count(own, key, here)
            at_target = self._count(own, key, there)
            weight = 2 * count * (at_target - at_source + count)
            if weight:
                return Change(level, key, at_source, at_target, weight)
        return None

    def task_change(self, service: Service, source: Node, target: Node, count: int) -> Change | None:
        """Return the change in the number of tasks per node, for a move of ``count`` tasks."""
        at_source, at_target = self.totals[source.id], self.totals[target.id]
        weight = 2 * count * (at_target - at_source + count)
        level = len(self.levels(service))
        return Change(level, TASKS, at_source, at_target, weight) if weight else None

    def _count(self, own: Counter[str], key: str, value: str) -> int:
        if key == NODES:
            return own[value]
        return sum(
            number for node_id, number in own.items() if self._value(self._nodes[node_id], key) == value
        )

    def _value(self, node: Node, key: str) -> str:
        return node.id if key == NODES else label_value(node, key)


def by_tasks(layout: Layout, nodes: Sequence[Node]) -> Iterator[tuple[Node, Node]]:
    """Yield the pairs of nodes of which the first has at least two tasks more than the second."""
    ranked = sorted(nodes, key=lambda node: (layout.totals[node.id], node.hostname, node.id))
    for target in ranked:
        for source in reversed(ranked):
            if layout.totals[source.id] - layout.totals[target.id] < 2:
                break
            yield source, target

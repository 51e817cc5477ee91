# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managers' store: objects, versions, watchers, and events for the event stream."""

from __future__ import annotations

import copy
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.sim import events, render
from tests.sim.clock import Clock
from tests.sim.objects import Json, SimConfig, SimNode, SimService, SimTask, State, Swarmed

KEPT_EVENTS = 256
"""How many events an engine keeps."""
_ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

Kind = TypeVar("Kind", bound=Swarmed)


class Store:
    """The store. Every write uses ``add``, ``touch`` or ``remove``, which count versions and call the
    watchers.

    A watcher is called immediately with the object and the action (``create``, ``update``, ``remove``). It
    only schedules its own work, like the managers' components.
    """

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.clock = clock
        self.nodes: dict[str, SimNode] = {}
        self.services: dict[str, SimService] = {}
        self.tasks: dict[str, SimTask] = {}
        self.configs: dict[str, SimConfig] = {}
        self.tasks_of_service: dict[str, dict[str, SimTask]] = defaultdict(dict)
        self.tasks_of_node: dict[str, dict[str, SimTask]] = defaultdict(dict)
        self.events: deque[Json] = deque(maxlen=KEPT_EVENTS)
        self.leader_id: str | None = None
        self.managers: dict[str, str] = {}
        """Node ID → reachability of each member of the managers' Raft group."""
        self.index = 10
        self.writes = 0
        self._chance = chance
        self._task_watchers: list[Callable[[SimTask, str], None]] = []
        self._node_watchers: list[Callable[[SimNode, str], None]] = []
        self._service_watchers: list[Callable[[SimService, str], None]] = []
        self._event_watchers: list[Callable[[Json], None]] = []

    def watch_tasks(self, watcher: Callable[[SimTask, str], None]) -> None:
        self._task_watchers.append(watcher)

    def watch_nodes(self, watcher: Callable[[SimNode, str], None]) -> None:
        self._node_watchers.append(watcher)

    def watch_services(self, watcher: Callable[[SimService, str], None]) -> None:
        self._service_watchers.append(watcher)

    def watch_events(self, watcher: Callable[[Json], None]) -> None:
        self._event_watchers.append(watcher)

    def new_id(self) -> str:
        return "".join(self._chance.choices(_ID_LETTERS, k=25))

    def add(self, found: Kind) -> Kind:
        found.created = self.clock.now
        self._table(found)[found.id] = found
        if isinstance(found, SimTask):
            found.timestamp = self.clock.now
            self.tasks_of_service[found.service_id][found.id] = found
            if found.node_id:
                self.tasks_of_node[found.node_id][found.id] = found
        self._count(found)
        self._tell(found, "create", {})
        return found

    def touch(self, found: Swarmed, before: Json | None = None) -> None:
        """Record that ``found`` has changed. ``before``: the earlier facts for the event stream."""
        self._count(found)
        self._tell(found, "update", before or {})

    def remove(self, found: Swarmed) -> None:
        if self._table(found).pop(found.id, None) is None:
            return
        self.index += 1
        if isinstance(found, SimTask):
            self.tasks_of_service[found.service_id].pop(found.id, None)
            self.tasks_of_node[found.node_id].pop(found.id, None)
        self._tell(found, "remove", {})

    def set_state(self, task: SimTask, state: State, message: str, error: str = "") -> None:
        task.state, task.message, task.error = state, message, error
        task.timestamp = self.clock.now
        self.touch(task)

    def set_desired(self, task: SimTask, desired: State) -> None:
        if task.desired < desired:
            task.desired = desired
            self.touch(task)

    def assign(self, task: SimTask, node_id: str, message: str) -> None:
        task.node_id = node_id
        self.tasks_of_node[node_id][task.id] = task
        self.set_state(task, State.ASSIGNED, message)

    def set_node_state(self, node: SimNode, state: str, message: str) -> None:
        before = events.node_facts(self, node)
        node.state, node.message = state, message
        self.touch(node, before)

    def publish(self, event: Json) -> None:
        self.events.append(event)
        for watcher in self._event_watchers:
            watcher(event)

    def snapshot(self) -> Store:
        """Return a copy of the store for stale answers. It has no watchers and is never written."""
        kept = Store(self.clock, self._chance)
        kept.nodes = _copies(self.nodes)
        kept.services = _copies(self.services)
        kept.tasks = _copies(self.tasks)
        kept.configs = _copies(self.configs)
        for task in kept.tasks.values():
            kept.tasks_of_service[task.service_id][task.id] = task
            kept.tasks_of_node[task.node_id][task.id] = task
        kept.leader_id, kept.managers = self.leader_id, dict(self.managers)
        kept.events = deque(self.events, maxlen=KEPT_EVENTS)
        return kept

    def json_of(self, found: Swarmed) -> bytes:
        if found.rendered is None:
            found.rendered = render.to_json(self, found)
        return found.rendered

    def list_json(self, found: Iterable[Swarmed]) -> bytes:
        return b"[" + b",".join([one.rendered or self.json_of(one) for one in found]) + b"]"

    def _table(self, found: Swarmed) -> dict:
        if isinstance(found, SimTask):
            return self.tasks
        if isinstance(found, SimNode):
            return self.nodes
        return self.services if isinstance(found, SimService) else self.configs

    def _count(self, found: Swarmed) -> None:
        self.index += 1
        self.writes += 1
        found.version = self.index
        found.updated = self.clock.now
        found.rendered = None

    def _tell(self, found: Swarmed, action: str, before: Json) -> None:
        if isinstance(found, SimTask):
            # the stream has no events of tasks
            for on_task in self._task_watchers:
                on_task(found, action)
            return
        self.publish(events.event_of(self, found, action, before))
        if isinstance(found, SimNode):
            for on_node in self._node_watchers:
                on_node(found, action)
        elif isinstance(found, SimService):
            for on_service in self._service_watchers:
                on_service(found, action)


def _copies(table: dict[str, Kind]) -> dict[str, Kind]:
    return {key: copy.copy(value) for key, value in table.items()}

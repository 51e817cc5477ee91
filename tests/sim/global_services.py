# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task on each node that fits, after swarmkit's ``manager/orchestrator/global``."""

from __future__ import annotations

from collections.abc import Iterable

from tests.sim import constraints
from tests.sim.clock import Clock, Pulse
from tests.sim.dirty import is_dirty
from tests.sim.objects import SimNode, SimService, SimTask, State
from tests.sim.orchestrator import remove_all
from tests.sim.restarts import Restarts
from tests.sim.store import Store
from tests.sim.updates import Slot, Updates


class Global:
    def __init__(self, store: Store, clock: Clock, restarts: Restarts, updates: Updates) -> None:
        self._store = store
        self._restarts = restarts
        self._updates = updates
        self._services: dict[str, SimService] = {}
        self._nodes: dict[str, SimNode] = {}
        self._tasks: dict[str, SimTask] = {}
        self._pulse = Pulse(clock, 0.0, self._tick)
        store.watch_services(self._on_service)
        store.watch_tasks(self._on_task)
        store.watch_nodes(self._on_node)

    def resume(self) -> None:
        """Reconcile everything, as a new leader does."""
        for service in self._all():
            self._on_service(service, "update")
            for task in tuple(self._store.tasks_of_service[service.id].values()):
                node = self._store.nodes.get(task.node_id)
                if node is None or node.invalid:
                    self._store.set_desired(task, State.SHUTDOWN)
                self._on_task(task, "update")
                if task.desired == State.READY and task.state <= State.COMPLETE:
                    self._restarts.resume(task)

    def _all(self) -> list[SimService]:
        return [service for service in self._store.services.values() if service.spec.is_global]

    def _on_service(self, service: SimService, action: str) -> None:
        if not service.spec.is_global:
            return
        if action == "remove":
            self._services.pop(service.id, None)
            remove_all(self._store, self._restarts, self._updates, service)
            return
        self._services[service.id] = service
        self._pulse.trigger()

    def _on_node(self, node: SimNode, action: str) -> None:
        if action == "remove":
            self._nodes.pop(node.id, None)
            for task in tuple(self._store.tasks_of_node[node.id].values()):
                if task.global_node:
                    self._store.remove(task)
            return
        self._nodes[node.id] = node
        self._pulse.trigger()

    def _on_task(self, task: SimTask, action: str) -> None:
        if task.global_node and action == "update":
            if task.desired <= State.RUNNING < task.state:
                self._tasks[task.id] = task
                self._pulse.trigger()

    def _tick(self) -> None:
        services, self._services = self._services, {}
        for service in services.values():
            if service.id in self._store.services:
                self._reconcile(service)
        nodes, self._nodes = self._nodes, {}
        everywhere = self._all() if nodes else []
        for node in nodes.values():
            self._reconcile_node(node, everywhere)
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            self._restart(task)

    def _reconcile(self, service: SimService) -> None:
        by_node = self._slots(service, self._store.tasks_of_service[service.id].values())
        updated: list[Slot] = []
        for node in self._store.nodes.values():
            if node.invalid:
                continue
            slot = by_node.pop(node.id, [])
            if not constraints.allows(service.spec.constraints, node):
                # all at once, not one after the other
                self._shut_down(slot)
            elif node.availability == "pause":
                continue
            elif slot:
                updated.append(slot)
            else:
                self._restarts.new_task(service, 0, node.id, State.RUNNING)
        for slot in by_node.values():
            self._shut_down(slot)
        if updated:
            self._updates.update(service, updated)

    def _reconcile_node(self, node: SimNode, services: list[SimService]) -> None:
        if node.invalid:
            for task in tuple(self._store.tasks_of_node[node.id].values()):
                if task.global_node:
                    self._store.set_desired(task, State.SHUTDOWN)
            return
        if node.availability == "pause":
            return
        for service in services:
            if not constraints.allows(service.spec.constraints, node):
                continue
            here = [
                task for task in self._store.tasks_of_node[node.id].values() if task.service_id == service.id
            ]
            slot = self._slots(service, here).get(node.id, [])
            clean = [task for task in slot if not is_dirty(service.spec, task, node)]
            if not clean:
                self._restarts.new_task(service, 0, node.id, State.RUNNING)
            self._shut_down([task for task in slot if task not in clean[:1]])

    def _slots(self, service: SimService, tasks: Iterable[SimTask]) -> dict[str, Slot]:
        by_node: dict[str, Slot] = {}
        for task in tasks:
            by_node.setdefault(task.node_id, []).append(task)
        found = {node_id: self._restarts.updatable(service, slot) for node_id, slot in by_node.items()}
        return {node_id: slot for node_id, slot in found.items() if slot}

    def _restart(self, task: SimTask) -> None:
        service = self._store.services.get(task.service_id)
        node = self._store.nodes.get(task.node_id)
        if service is None or node is None or node.invalid or task.desired > State.RUNNING:
            return
        if node.availability == "pause" or not constraints.allows(service.spec.constraints, node):
            self._store.set_desired(task, State.SHUTDOWN)
        else:
            self._restarts.restart(service, task)

    def _shut_down(self, tasks: Slot) -> None:
        for task in tasks:
            self._store.set_desired(task, State.SHUTDOWN)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps services at their number of tasks, after swarmkit's ``manager/orchestrator/replicated``."""

from __future__ import annotations

from tests.sim.clock import Clock, Pulse
from tests.sim.objects import SimNode, SimService, SimTask, State
from tests.sim.restarts import Restarts
from tests.sim.store import Store
from tests.sim.updates import Slot, Updates


class Replicated:
    def __init__(self, store: Store, clock: Clock, restarts: Restarts, updates: Updates) -> None:
        self._store = store
        self._restarts = restarts
        self._updates = updates
        self._services: dict[str, SimService] = {}
        self._tasks: dict[str, SimTask] = {}
        self._pulse = Pulse(clock, 0.0, self._tick)
        store.watch_services(self._on_service)
        store.watch_tasks(self._on_task)
        store.watch_nodes(self._on_node)

    def resume(self) -> None:
        """Reconcile everything, as a new leader does."""
        for task in tuple(self._store.tasks.values()):
            service = self._store.services.get(task.service_id)
            if service is None or service.spec.is_global:
                continue
            self._look_at(task)
            if task.desired == State.READY and task.state <= State.COMPLETE:
                self._restarts.resume(task)
        for service in self._store.services.values():
            self._on_service(service, "update")

    def _on_service(self, service: SimService, action: str) -> None:
        if service.spec.is_global:
            return
        if action == "remove":
            self._services.pop(service.id, None)
            remove_all(self._store, self._restarts, self._updates, service)
            return
        self._services[service.id] = service
        self._pulse.trigger()

    def _on_task(self, task: SimTask, action: str) -> None:
        service = self._store.services.get(task.service_id)
        if service is None or service.spec.is_global:
            return
        if action == "remove":
            if task.desired <= State.RUNNING:
                self._services[service.id] = service
                self._pulse.trigger()
            return
        self._look_at(task)

    def _look_at(self, task: SimTask) -> None:
        if task.desired > State.RUNNING:
            return
        node = self._store.nodes.get(task.node_id)
        if task.state > State.RUNNING or (task.node_id and (node is None or node.invalid)):
            self._tasks[task.id] = task
            self._pulse.trigger()

    def _on_node(self, node: SimNode, action: str) -> None:
        if action == "remove" or node.invalid:
            for task in self._store.tasks_of_node[node.id].values():
                service = self._store.services.get(task.service_id)
                if service is not None and not service.spec.is_global and task.desired <= State.RUNNING:
                    self._tasks[task.id] = task
                    self._pulse.trigger()

    def _tick(self) -> None:
        tasks, self._tasks = self._tasks, {}
        for task in tasks.values():
            service = self._store.services.get(task.service_id)
            if service is not None and task.id in self._store.tasks and task.desired <= State.RUNNING:
                self._restarts.restart(service, task)
        services, self._services = self._services, {}
        for service in services.values():
            if service.id in self._store.services:
                self._reconcile(service)

    def _reconcile(self, service: SimService) -> None:
        slots: dict[int, Slot] = {}
        for task in self._store.tasks_of_service[service.id].values():
            slots.setdefault(task.slot, []).append(task)
        running: dict[int, Slot] = {}
        dead: dict[int, Slot] = {}
        for number, tasks in slots.items():
            updatable = self._restarts.updatable(service, tasks)
            if updatable:
                running[number] = updatable
            else:
                dead[number] = tasks
        desired = service.spec.replicas
        if desired > len(running):
            self._updates.update(service, list(running.values()))
            for number in _free_numbers(running, desired - len(running)):
                dead.pop(number, None)
                self._restarts.new_task(service, number, "", State.RUNNING)
            self._delete(dead)
        elif desired < len(running):
            ordered = _removable_last(list(running.values()))
            self._updates.update(service, ordered[:desired])
            self._delete(dead)
            for slot in ordered[desired:]:
                for task in slot:
                    self._store.set_desired(task, State.REMOVE)
        else:
            self._delete(dead)
            self._updates.update(service, list(running.values()))

    def _delete(self, slots: dict[int, Slot]) -> None:
        for tasks in slots.values():
            for task in tasks:
                self._store.remove(task)


def remove_all(store: Store, restarts: Restarts, updates: Updates, service: SimService) -> None:
    """Remove all tasks of a removed service."""
    updates.cancel(service.id)
    restarts.forget(service.id)
    for task in tuple(store.tasks_of_service[service.id].values()):
        store.set_desired(task, State.REMOVE)


def _free_numbers(running: dict[int, Slot], count: int) -> list[int]:
    found: list[int] = []
    number = 0
    while len(found) < count:
        number += 1
        if number not in running:
            found.append(number)
    return found


def _removable_last(slots: list[Slot]) -> list[Slot]:
    """Sort tasks by preference: running ones first, from the nodes with the fewest of them."""
    slots = sorted(
        slots, key=lambda slot: (not any(task.state == State.RUNNING for task in slot), slot[0].slot)
    )
    of_node: dict[str, int] = {}
    ordered: list[tuple[float, int, Slot]] = []
    for number, slot in enumerate(slots):
        index = float("inf")
        if len(slot) == 1 and slot[0].node_id:
            index = of_node[slot[0].node_id] = of_node.get(slot[0].node_id, 0) + 1
        ordered.append((index, number, slot))
    ordered.sort(key=lambda entry: entry[:2])
    return [slot for _index, _number, slot in ordered]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small components of managers: they make new tasks pending, reject misplaced ones, and forget old
ones."""

from __future__ import annotations

from tests.sim import constraints
from tests.sim.clock import Clock, Pulse
from tests.sim.objects import SimNode, SimTask, State
from tests.sim.store import Store

ALLOCATION_SECONDS = 0.03
REAPER_SECONDS = 0.25
HISTORY = 5
"""Docker's default of the swarm's TaskHistoryRetentionLimit."""


class Allocator:
    """New tasks become Pending."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._new: dict[str, SimTask] = {}
        self._pulse = Pulse(clock, ALLOCATION_SECONDS, self._tick)
        store.watch_tasks(self._on_task)

    def _on_task(self, task: SimTask, action: str) -> None:
        if action == "create" and task.state == State.NEW:
            self._new[task.id] = task
            self._pulse.trigger()

    def _tick(self) -> None:
        new, self._new = self._new, {}
        for task in new.values():
            if task.id in self._store.tasks and task.state == State.NEW:
                self._store.set_state(task, State.PENDING, "pending task scheduling")


class Enforcer:
    """Reject tasks that no longer fit their node after a change of the node (``manager/constraintenforcer``).

    It checks the service's present constraints and the reservations. It sets the observed state, so the
    container still runs until the agent learns of it, and nothing waits for its end.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._nodes: dict[str, SimNode] = {}
        self._pulse = Pulse(clock, 0.0, self._tick)
        store.watch_nodes(self._on_node)

    def resume(self) -> None:
        for node in self._store.nodes.values():
            self._on_node(node, "update")

    def _on_node(self, node: SimNode, action: str) -> None:
        if action == "update":
            self._nodes[node.id] = node
            self._pulse.trigger()

    def _tick(self) -> None:
        nodes, self._nodes = self._nodes, {}
        for node in nodes.values():
            if node.id in self._store.nodes and node.availability == "active":
                self._enforce(node)

    def _enforce(self, node: SimNode) -> None:
        memory, cpus = node.memory_bytes, node.nano_cpus
        for task in tuple(self._store.tasks_of_node[node.id].values()):
            if not State.ASSIGNED <= task.desired <= State.COMPLETE or task.state >= State.COMPLETE:
                continue
            service = self._store.services.get(task.service_id)
            desired = service.spec if service is not None else task.spec
            fits = constraints.allows(desired.constraints, node)
            if fits and (task.spec.memory_bytes > memory or task.spec.nano_cpus > cpus):
                fits = False
            if fits:
                memory -= task.spec.memory_bytes
                cpus -= task.spec.nano_cpus
            else:
                self._store.set_state(
                    task,
                    State.REJECTED,
                    "task rejected by constraint enforcer",
                    "assigned node no longer meets constraints",
                )


class Reaper:
    """Forget tasks that should be removed, and old ones beyond the history limit (``taskreaper``)."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.history = HISTORY
        self._store = store
        self._slots: set[tuple[str, int, str]] = set()
        self._removable: dict[str, SimTask] = {}
        self._pulse = Pulse(clock, REAPER_SECONDS, self._tick)
        store.watch_tasks(self._on_task)

    def _on_task(self, task: SimTask, action: str) -> None:
        if action == "create":
            self._slots.add(task.slot_key)
        elif action == "update" and task.desired == State.REMOVE and _is_removable(task):
            self._removable[task.id] = task
        else:
            return
        self._pulse.trigger()

    def resume(self) -> None:
        for task in self._store.tasks.values():
            if task.desired == State.REMOVE:
                self._on_task(task, "update")

    def _tick(self) -> None:
        removable, self._removable = self._removable, {}
        for slot in tuple(self._slots):
            self._prune(slot, removable)
        for task in removable.values():
            self._store.remove(task)

    def _prune(self, slot: tuple[str, int, str], removable: dict[str, SimTask]) -> None:
        service = self._store.services.get(slot[0])
        kept = self.history
        if service is not None and service.spec.max_attempts:
            kept = service.spec.max_attempts + 1
        tasks: list[SimTask] = []
        if service is not None and kept >= 0:
            found = self._store.tasks_of_service[slot[0]].values()
            tasks = sorted((task for task in found if task.slot_key == slot), key=lambda task: task.timestamp)
        running = 0
        surplus = len(tasks) - kept
        for task in tasks if surplus > 0 else ():
            if task.state > State.RUNNING or (task.state < State.ASSIGNED and task.desired > State.RUNNING):
                removable[task.id] = task
                surplus -= 1
                if surplus <= 0:
                    break
            else:
                running += 1
        if running <= 1:
            self._slots.discard(slot)


def _is_removable(task: SimTask) -> bool:
    return task.state < State.ASSIGNED or task.state >= State.COMPLETE

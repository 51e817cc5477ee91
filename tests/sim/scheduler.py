# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swarm's scheduler, after swarmkit's ``manager/scheduler``: filters, then the emptiest node.

Tasks of one service and version are scheduled together. Nodes are ordered by recent failures (from five on),
tasks of the service, and all tasks. They are filled in turn, and each is checked again after every task.
Swarm breaks ties at random; the simulator uses its seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sim import constraints
from tests.sim.clock import Clock, Pulse
from tests.sim.objects import SimNode, SimTask, Spec, State
from tests.sim.room import MANY_FAILURES, Room
from tests.sim.specs import normal_architecture
from tests.sim.store import Store

DEBOUNCE_SECONDS = 0.05

Order = tuple[int, int, int, float]

_WORDS: tuple[tuple[str, str, str], ...] = (
    ("ready", "1 node not available for new tasks", "{} nodes not available for new tasks"),
    ("resources", "insufficient resources on 1 node", "insufficient resources on {} nodes"),
    (
        "constraints",
        "scheduling constraints not satisfied on 1 node",
        "scheduling constraints not satisfied on {} nodes",
    ),
    ("platform", "unsupported platform on 1 node", "unsupported platform on {} nodes"),
    ("ports", "host-mode port already in use on 1 node", "host-mode port already in use on {} nodes"),
    ("replicas", "max replicas per node limit exceed", "max replicas per node limit exceed"),
)


@dataclass
class _Branch:
    """The nodes with one value of a placement preference, subdivided by the next preference."""

    tasks: int = 0
    rooms: list[Room] = field(default_factory=list)
    next: dict[str, _Branch] = field(default_factory=dict)


class Scheduler:
    """Assign pending tasks to nodes, a moment after a change."""

    def __init__(self, store: Store, clock: Clock, chance: random.Random) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._rooms: dict[str, Room] = {}
        self._pending: dict[str, SimTask] = {}
        self._pulse = Pulse(clock, DEBOUNCE_SECONDS, self._tick)
        store.watch_tasks(self._on_task)
        store.watch_nodes(self._on_node)

    def restart(self) -> None:
        """Start as a new leader: without recorded failures, and with all waiting tasks."""
        for room in self._rooms.values():
            room.forget_failures()
        self._pulse.stop()
        if self._pending:
            self._pulse.trigger()

    def room(self, node_id: str) -> Room:
        return self._rooms[node_id]

    def _on_node(self, node: SimNode, action: str) -> None:
        if action == "remove":
            self._rooms.pop(node.id, None)
            return
        if node.id not in self._rooms:
            self._rooms[node.id] = Room(node)
        if self._pending:
            self._pulse.trigger()

    def _on_task(self, task: SimTask, action: str) -> None:
        room = self._rooms.get(task.node_id)
        if action == "remove" or task.state > State.RUNNING:
            self._pending.pop(task.id, None)
            if room is not None and room.remove(task):
                # Swarm only counts failures of tasks that it could have placed elsewhere
                if task.state in (State.FAILED, State.REJECTED) and not task.global_node:
                    room.failed(task, self._clock.now)
                if self._pending:
                    self._pulse.trigger()
        elif task.state == State.PENDING:
            self._pending[task.id] = task
            # the scheduler ignores statuses that it has written itself
            if not task.error:
                self._pulse.trigger()
        elif task.state > State.PENDING:
            self._pending.pop(task.id, None)
            if room is not None:
                room.add(task)

    def _tick(self) -> None:
        groups: dict[tuple[str, int], list[SimTask]] = {}
        for task in list(self._pending.values()):
            if task.global_node:
                self._check_preassigned(task)
            elif task.desired > State.COMPLETE:
                # the task never runs, so it needs no node
                self._pending.pop(task.id)
                if task.desired < State.REMOVE:
                    self._store.set_state(task, State.SHUTDOWN, task.message)
            else:
                groups.setdefault((task.service_id, task.spec.version), []).append(task)
        for group in groups.values():
            self._schedule(group)

    def _check_preassigned(self, task: SimTask) -> None:
        """Wait until a global service's task fits on its node."""
        room = self._rooms.get(task.node_id)
        if room is None:
            return
        reason = self._obstacle(task, room)
        if reason is None:
            self._give(task, room, "scheduler confirmed task can run on preassigned node")
        else:
            self._complain(task, {reason: 1})

    def _schedule(self, group: list[SimTask]) -> None:
        task = group[0]
        refused: dict[str, int] = {}
        root = _Branch()
        for room in self._rooms.values():
            reason = self._obstacle(task, room)
            self._plant(root, room, task, fits=reason is None)
            if reason is not None:
                refused[reason] = refused.get(reason, 0) + 1
            else:
                # Swarm resets the counts as soon as a node passes
                refused.clear()
        waiting = list(group)
        self._fill(root, len(waiting), waiting)
        for left in waiting:
            service = self._store.services.get(left.service_id)
            if service is None:
                self._pending.pop(left.id, None)
            elif service.spec.version > left.spec.version:
                # Swarm ignores a task of an old version
                self._pending.pop(left.id, None)
            else:
                self._complain(left, refused or self._refusals(left))

    def _refusals(self, task: SimTask) -> dict[str, int]:
        found: dict[str, int] = {}
        for room in self._rooms.values():
            reason = self._obstacle(task, room)
            if reason is not None:
                found[reason] = found.get(reason, 0) + 1
        return found

    def _plant(self, root: _Branch, room: Room, task: SimTask, *, fits: bool) -> None:
        branch = root
        own = room.active_of.get(task.service_id, 0)
        for descriptor in task.spec.preferences:
            branch.tasks += own
            branch = branch.next.setdefault(_value(room.node, descriptor), _Branch())
        branch.tasks += own
        if fits:
            branch.rooms.append(room)

    def _fill(self, branch: _Branch, count: int, waiting: list[SimTask]) -> int:
        """Assign up to ``count`` of ``waiting`` within ``branch``, evenly among its children."""
        if not branch.next:
            return self._fill_nodes(branch.rooms, count, waiting)
        done = 0
        usable = branch.tasks
        full: set[str] = set()
        converging = True
        while done != count and len(full) != len(branch.next) and converging:
            desired, rest = divmod(usable + count - done, len(branch.next) - len(full))
            converging = False
            for value, below in branch.next.items():
                if value in full or not (below.tasks < desired or (below.tasks == desired and rest > 0)):
                    continue
                converging = True
                had = below.tasks
                more = desired - had + (1 if rest > 0 else 0)
                given = self._fill(below, more, waiting)
                if given < more:
                    full.add(value)
                    usable -= had
                elif rest > 0:
                    rest -= 1
                done += given
        return done

    def _fill_nodes(self, rooms: list[Room], count: int, waiting: list[SimTask]) -> int:
        if not waiting or not rooms:
            return 0
        task = waiting[0]
        order = self._order(task)
        rooms = [room for room in rooms if self._obstacle(task, room) is None]
        rooms.sort(key=order)
        # more nodes than tasks are of no use
        rooms = rooms[: max(count, 1)]
        done = at = 0
        while waiting and rooms and done < count:
            room = rooms[at % len(rooms)]
            self._give(waiting.pop(0), room, "scheduler assigned task to node")
            done += 1
            if at + 1 < len(rooms):
                # the first pass fills each node up to the next
                if order(rooms[at + 1])[:3] < order(room)[:3]:
                    at += 1
            else:
                at += 1
            tried = 0
            while self._obstacle(task, rooms[at % len(rooms)]) is not None:
                at += 1
                tried += 1
                if tried == len(rooms):
                    return done
        return done

    def _order(self, task: SimTask) -> Callable[[Room], Order]:
        def order(room: Room) -> Order:
            failures = room.failures(task, self._clock.now)
            many = failures if failures >= MANY_FAILURES else 0
            return (many, room.active_of.get(task.service_id, 0), room.active, self._chance.random())

        return order

    def _obstacle(self, task: SimTask, room: Room) -> str | None:
        """Return the first of Swarm's filters that keeps the task off the node."""
        node, spec = room.node, task.spec
        if node.state != "ready" or node.availability != "active":
            return "ready"
        if spec.nano_cpus > node.nano_cpus - room.nano_cpus and spec.nano_cpus:
            return "resources"
        if spec.memory_bytes > node.memory_bytes - room.memory_bytes and spec.memory_bytes:
            return "resources"
        if spec.constraints and not constraints.allows(spec.constraints, node):
            return "constraints"
        if spec.platforms and not _runs(spec, node):
            return "platform"
        if spec.host_ports and not room.ports.isdisjoint(spec.host_ports):
            return "ports"
        if spec.max_replicas and room.active_of.get(task.service_id, 0) >= spec.max_replicas:
            return "replicas"
        return None

    def _give(self, task: SimTask, room: Room, message: str) -> None:
        self._pending.pop(task.id, None)
        self._store.assign(task, room.node.id, message)

    def _complain(self, task: SimTask, refused: dict[str, int]) -> None:
        found = [(refused[key], one, many) for key, one, many in _WORDS if refused.get(key)]
        found.sort(key=lambda entry: -entry[0])
        words = "; ".join(one if count == 1 else many.format(count) for count, one, many in found)
        error = f"no suitable node ({words})" if words else "no suitable node"
        if task.error != error:
            self._store.set_state(task, State.PENDING, task.message, error)


def _value(node: SimNode, descriptor: str) -> str:
    lower = descriptor.lower()
    if lower.startswith("node.labels."):
        return node.labels.get(descriptor[len("node.labels.") :], "")
    if lower.startswith("engine.labels."):
        return node.engine_labels.get(descriptor[len("engine.labels.") :], "")
    return ""


def _runs(spec: Spec, node: SimNode) -> bool:
    own = normal_architecture(node.architecture)
    return any(
        architecture in ("", own) and system in ("", node.os) for architecture, system in spec.platforms
    )

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes' agents start and stop containers on behalf of the managers, and report their states.

The state of a container is kept here, separate from the state of its task in the managers' store: a rejected
task still runs until its agent learns of it, and a container on a disconnected node keeps running.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.sim.clock import Clock, Timer
from tests.sim.objects import Behaviour, SimNode, SimTask, State
from tests.sim.store import Store

DELIVERY_SECONDS = 0.1
"""Managers send changes to agents at most ten times per second."""
REPORT_SECONDS = 0.05
KILLED = 137
_STOPPABLE = (State.STARTING, State.RUNNING)


@dataclass(eq=False)
class Container:
    """A task's container, from the moment its agent knows of the task. ``since``: when it started."""

    task: SimTask
    node: SimNode
    behaviour: Behaviour
    id: str = ""
    state: State = State.ACCEPTED
    since: float = 0.0
    stopping: bool = False
    timer: Timer | None = None
    unreported: tuple[State, str, str, int] | None = None

    @property
    def runs(self) -> bool:
        return self.state in _STOPPABLE

    def memory_bytes(self, now: float) -> float:
        if self.state != State.RUNNING:
            return 0.0
        memory = self.behaviour.memory_bytes
        return memory(now - self.since) if callable(memory) else memory


class Agents:
    def __init__(
        self, store: Store, clock: Clock, chance: random.Random, behaviour: Callable[[str], Behaviour]
    ) -> None:
        """``behaviour``: from a service's name to how its containers behave."""
        self._store = store
        self._clock = clock
        self._chance = chance
        self._behaviour = behaviour
        self._containers: dict[str, Container] = {}
        self._of_node: dict[str, dict[str, Container]] = {}
        self._told: set[str] = set()
        store.watch_tasks(self._on_task)

    def containers(self, node: SimNode) -> list[Container]:
        """The containers that run on the node, whatever the managers know of them."""
        return [found for found in self._of_node.get(node.id, {}).values() if found.runs]

    def container(self, task_id: str) -> Container | None:
        return self._containers.get(task_id)

    def adopt(self, task: SimTask, node: SimNode, since: float) -> None:
        """Make a task's container run immediately, without the usual steps."""
        container = self._new(task, node)
        self._set_id(container)
        container.state, container.since = State.RUNNING, since
        self._plan_end(container)

    def end(self, task_id: str, exit_code: int) -> None:
        """A container ends by itself."""
        container = self._containers.get(task_id)
        if container is not None and container.runs:
            self._exited(container, exit_code)

    def power_off(self, node: SimNode) -> None:
        """Everything on the node is gone immediately, without a report."""
        for container in self._of_node.get(node.id, {}).values():
            self._cancel(container)
            if container.runs:
                container.state = State.FAILED
                container.unreported = _ended(container, KILLED)

    def connect(self, node: SimNode) -> None:
        """Reconnect the node's agent: both sides send the changes that the other has missed."""
        for container in tuple(self._of_node.get(node.id, {}).values()):
            if container.unreported is not None:
                unreported, container.unreported = container.unreported, None
                self._report(container, *unreported)
            if container.task.id not in self._store.tasks:
                self._drop(container)
        for task in tuple(self._store.tasks_of_node[node.id].values()):
            self._tell(task)

    def _on_task(self, task: SimTask, action: str) -> None:
        if action == "remove":
            container = self._containers.get(task.id)
            if container is not None and container.node.reachable:
                self._drop(container)
        elif task.node_id and task.state >= State.ASSIGNED:
            self._tell(task)

    def _tell(self, task: SimTask) -> None:
        if task.id not in self._told:
            self._told.add(task.id)
            self._clock.after(DELIVERY_SECONDS, lambda: self._hear(task))

    def _hear(self, task: SimTask) -> None:
        """The agent receives the task's desired state."""
        self._told.discard(task.id)
        node = self._store.nodes.get(task.node_id)
        if task.id not in self._store.tasks or node is None or not node.reachable:
            return
        container = self._containers.get(task.id)
        if task.desired >= State.SHUTDOWN:
            self._stop(task, node, container)
        elif container is None:
            if task.state < State.COMPLETE:
                self._prepare(self._new(task, node))
        elif container.state == State.READY and task.desired >= State.RUNNING:
            self._begin(container)

    def _new(self, task: SimTask, node: SimNode) -> Container:
        container = Container(task, node, self._behaviour(task.spec.name))
        self._containers[task.id] = container
        self._of_node.setdefault(node.id, {})[task.id] = container
        return container

    def _prepare(self, container: Container) -> None:
        self._move(container, State.PREPARING, "preparing")
        self._later(container, container.behaviour.prepare_seconds, lambda: self._prepared(container))

    def _prepared(self, container: Container) -> None:
        refused = container.behaviour.refused_by
        if "*" in refused or container.node.hostname in refused:
            image = container.task.spec.raw["TaskTemplate"]["ContainerSpec"]["Image"]
            self._move(container, State.REJECTED, "preparing", f"No such image: {image}")
            return
        self._move(container, State.READY, "prepared")
        if container.task.desired >= State.RUNNING:
            self._begin(container)

    def _begin(self, container: Container) -> None:
        self._set_id(container)
        self._move(container, State.STARTING, "starting")
        self._later(container, container.behaviour.start_seconds, lambda: self._begun(container))

    def _begun(self, container: Container) -> None:
        container.since = self._clock.now
        self._move(container, State.RUNNING, "started")
        self._plan_end(container)

    def _plan_end(self, container: Container) -> None:
        seconds = container.behaviour.runs_seconds
        if seconds is not None:
            code = container.behaviour.exit_code
            self._later(container, seconds, lambda: self._exited(container, code))

    def _exited(self, container: Container, exit_code: int) -> None:
        self._cancel(container)
        container.task.exit_code = exit_code
        container.state, message, error, code = _ended(container, exit_code)
        self._report(container, container.state, message, error, code)

    def _stop(self, task: SimTask, node: SimNode, container: Container | None) -> None:
        if container is not None and container.stopping:
            return
        if container is None or not container.runs:
            if container is None:
                container = self._new(task, node)
            self._cancel(container)
            if container.state < State.COMPLETE:
                self._move(container, State.SHUTDOWN, "shutdown")
            return
        container.stopping = True
        seconds = min(container.behaviour.stop_seconds, task.spec.stop_grace)
        self._later(container, seconds, lambda: self._move(container, State.SHUTDOWN, "shutdown"))

    def _set_id(self, container: Container) -> None:
        container.id = f"{self._chance.getrandbits(256):064x}"
        container.task.container_id = container.id
        container.task.pid = self._chance.randrange(2, 4_000_000)

    def _move(self, container: Container, state: State, message: str, error: str = "") -> None:
        container.state = state
        self._report(container, state, message, error, 0)

    def _report(self, container: Container, state: State, message: str, error: str, exit_code: int) -> None:
        """Report to the managers after a moment, or when the node is back."""
        if not container.node.reachable:
            container.unreported = (state, message, error, exit_code)
            return
        self._clock.after(REPORT_SECONDS, lambda: self._receive(container, state, message, error, exit_code))

    def _receive(self, container: Container, state: State, message: str, error: str, exit_code: int) -> None:
        task = container.task
        if not container.node.reachable:
            container.unreported = (state, message, error, exit_code)
        elif task.id in self._store.tasks and task.state < state:
            # task states never go back: a rejected task stays rejected
            task.exit_code = exit_code
            self._store.set_state(task, state, message, error)

    def _later(self, container: Container, seconds: float, action: Callable[[], object]) -> None:
        self._cancel(container)
        container.timer = self._clock.after(seconds, action)

    def _cancel(self, container: Container) -> None:
        if container.timer is not None:
            container.timer.cancel()
            container.timer = None

    def _drop(self, container: Container) -> None:
        self._cancel(container)
        self._containers.pop(container.task.id, None)
        self._of_node.get(container.node.id, {}).pop(container.task.id, None)


def _ended(container: Container, exit_code: int) -> tuple[State, str, str, int]:
    """The report of a container that ends by itself: state, message, error, exit code."""
    if container.stopping:
        return State.SHUTDOWN, "shutdown", "", 0
    if exit_code:
        return State.FAILED, "started", f"task: non-zero exit ({exit_code})", exit_code
    return State.COMPLETE, "finished", "", 0


def total_memory(containers: Iterable[Container], now: float) -> float:
    return sum(container.memory_bytes(now) for container in containers)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing tasks, after swarmkit's ``manager/orchestrator/restart``: delays, waiting for the old, limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.sim.clock import Clock, Timer
from tests.sim.objects import SimNode, SimService, SimTask, Spec, State
from tests.sim.store import Store

OLD_TASK_SECONDS = 60.0
"""How long Swarm waits for an old container, whatever the service's stop grace period."""

SlotKey = tuple[str, int, str]


@dataclass(eq=False)
class _Delay:
    """A new task that must not start yet. ``old``: the task whose end it waits for."""

    task: SimTask
    old: SimTask | None
    timers: list[Timer] = field(default_factory=list)
    waited: bool = False
    elapsed: bool = False
    done: list[Callable[[], object]] = field(default_factory=list)
    waiter: bool = False


@dataclass
class _History:
    version: int = -1
    total: int = 0
    at: list[float] = field(default_factory=list)


class Restarts:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._delays: dict[str, _Delay] = {}
        self._waiting_for: dict[str, list[_Delay]] = defaultdict(list)
        self._history: dict[SlotKey, _History] = {}
        store.watch_tasks(self._on_task)
        store.watch_nodes(self._on_node)

    def new_task(self, service: SimService, slot: int, node_id: str, desired: State) -> SimTask:
        task = SimTask(
            id=self._store.new_id(),
            service_id=service.id,
            spec=service.spec,
            slot=slot,
            node_id=node_id,
            global_node=node_id,
            desired=desired,
        )
        return self._store.add(task)

    def restart(self, service: SimService, task: SimTask) -> None:
        """Shut down the task and replace it if the restart policy allows that."""
        delay = self._delays.get(task.id)
        if delay is not None:
            # it has not even started: its delay comes first; otherwise it would fail in a tight loop
            if not delay.waiter:
                delay.waiter = True
                delay.done.append(lambda: self._restart_later(task))
            return
        if task.desired > State.COMPLETE:
            return
        self._store.set_desired(task, State.SHUTDOWN)
        if not self.should_restart(service, task):
            return
        node = self._store.nodes.get(task.node_id)
        drained = node is not None and node.availability == "drain"
        seconds = 0.0 if drained else task.spec.restart_delay
        is_dead = task.state > State.RUNNING or (node is not None and node.state == "down")
        new = self.new_task(service, task.slot, task.global_node, State.READY)
        self._record(service.spec, new)
        self.start_later(None if is_dead else task, new, seconds)

    def start_later(
        self, old: SimTask | None, new: SimTask, seconds: float, done: Callable[[], object] | None = None
    ) -> None:
        """Let ``new`` run after ``seconds`` and once ``old`` has stopped, or a minute has passed."""
        self.cancel(new.id)
        if old is not None and old.state > State.RUNNING:
            old = None
        delay = _Delay(new, old, waited=old is None)
        if done is not None:
            delay.done.append(done)
        self._delays[new.id] = delay
        if old is not None:
            self._waiting_for[old.id].append(delay)
            delay.timers.append(self._clock.after(OLD_TASK_SECONDS, lambda: self._waited(delay)))
        delay.timers.append(self._clock.after(seconds, lambda: self._elapsed(delay)))

    def cancel(self, task_id: str) -> None:
        delay = self._delays.get(task_id)
        if delay is not None:
            self._end(delay)

    def cancel_all(self) -> None:
        """Forget all restarts, because another manager leads."""
        for delay in list(self._delays.values()):
            for timer in delay.timers:
                timer.cancel()
        self._delays.clear()
        self._waiting_for.clear()
        self._history.clear()

    def forget(self, service_id: str) -> None:
        self._history = {key: value for key, value in self._history.items() if key[0] != service_id}

    def should_restart(self, service: SimService, task: SimTask) -> bool:
        spec = task.spec
        if spec.restart_condition == "none":
            return False
        if spec.restart_condition == "on-failure" and task.state == State.COMPLETE:
            return False
        if not spec.max_attempts:
            return True
        history = self._history.get(task.slot_key)
        if history is None or history.version != spec.version:
            return True
        if not spec.restart_window:
            return history.total < spec.max_attempts
        earliest = task.timestamp - spec.restart_window
        return sum(1 for at in history.at if earliest < at < task.timestamp) < spec.max_attempts

    def updatable(self, service: SimService, tasks: list[SimTask]) -> list[SimTask]:
        """Return the tasks of a slot that matter to an update: the desired ones, or the last finished one."""
        living = [task for task in tasks if task.desired <= State.RUNNING]
        if living or not tasks or service.update_state == "rollback_started":
            return living
        newest = max(tasks, key=lambda task: task.timestamp)
        return [] if self.should_restart(service, newest) else [newest]

    def resume(self, task: SimTask) -> None:
        """Continue the remaining delay of a task, as a new leader does."""
        left = task.timestamp + task.spec.restart_delay - self._clock.now
        if left > 0:
            self.start_later(None, task, left)
        else:
            self._start(task)

    def _restart_later(self, task: SimTask) -> None:
        service = self._store.services.get(task.service_id)
        if service is not None and task.id in self._store.tasks and task.desired <= State.RUNNING:
            self.restart(service, task)

    def _record(self, spec: Spec, task: SimTask) -> None:
        if not spec.max_attempts:
            return
        history = self._history.setdefault(task.slot_key, _History())
        if history.version != spec.version:
            history.version, history.total, history.at = spec.version, 0, []
        history.total += 1
        history.at.append(self._clock.now)

    def _waited(self, delay: _Delay) -> None:
        delay.waited = True
        self._check(delay)

    def _elapsed(self, delay: _Delay) -> None:
        delay.elapsed = True
        self._check(delay)

    def _check(self, delay: _Delay) -> None:
        if delay.elapsed and delay.waited and self._delays.get(delay.task.id) is delay:
            self._start(delay.task)
            self._end(delay)

    def _start(self, task: SimTask) -> None:
        if task.id in self._store.tasks:
            self._store.set_desired(task, State.RUNNING)

    def _end(self, delay: _Delay) -> None:
        for timer in delay.timers:
            timer.cancel()
        self._delays.pop(delay.task.id, None)
        if delay.old is not None:
            others = self._waiting_for.get(delay.old.id, [])
            if delay in others:
                others.remove(delay)
            if not others:
                self._waiting_for.pop(delay.old.id, None)
        for action in delay.done:
            self._clock.soon(action)

    def _on_task(self, task: SimTask, action: str) -> None:
        if action == "remove":
            self.cancel(task.id)
        if task.state > State.RUNNING or action == "remove":
            for delay in tuple(self._waiting_for.get(task.id, ())):
                self._clock.soon(lambda delay=delay: self._waited(delay))  # type: ignore[misc]

    def _on_node(self, node: SimNode, action: str) -> None:
        if action == "remove" or node.state == "down":
            for delays in tuple(self._waiting_for.values()):
                for delay in tuple(delays):
                    if delay.old is not None and delay.old.node_id == node.id:
                        self._clock.soon(lambda delay=delay: self._waited(delay))  # type: ignore[misc]

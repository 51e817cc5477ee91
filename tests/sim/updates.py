# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling updates, after swarmkit's ``manager/orchestrator/update``.

An update replaces the tasks in outdated slots, up to its parallelism, monitors the new tasks for a while, and
reports its result in the service's ``UpdateStatus``.
"""

from __future__ import annotations

from collections import deque

from tests.sim import specs
from tests.sim.clock import Clock, Timer
from tests.sim.dirty import is_dirty
from tests.sim.events import service_facts
from tests.sim.objects import SimService, SimTask, Spec, State
from tests.sim.restarts import Restarts
from tests.sim.store import Store

Slot = list[SimTask]
_UNTIL_RUNNING = -1.0
WRITE_SECONDS = 0.01
"""The duration of a write through the managers' Raft."""


class Updates:
    """At most one update of each service."""

    def __init__(self, store: Store, clock: Clock, restarts: Restarts) -> None:
        self.store = store
        self.clock = clock
        self.restarts = restarts
        self._running: dict[str, Update] = {}
        store.watch_tasks(self._on_task)

    def update(self, service: SimService, slots: list[Slot]) -> None:
        """Update ``slots`` to the service's spec. A running update towards another spec is cancelled."""
        running = self._running.get(service.id)
        if running is not None:
            if running.spec.keys.whole == service.spec.keys.whole:
                return
            running.cancel()
        update = Update(self, service)
        self._running[service.id] = update
        update.start(slots)

    def ended(self, update: Update) -> None:
        if self._running.get(update.service.id) is update:
            del self._running[update.service.id]

    def cancel(self, service_id: str) -> None:
        if service_id in self._running:
            self._running[service_id].cancel()

    def cancel_all(self) -> None:
        for update in list(self._running.values()):
            update.cancel()

    def _on_task(self, task: SimTask, action: str) -> None:
        update = self._running.get(task.service_id)
        if update is not None and action == "update":
            update.on_task(task)


class Update:
    def __init__(self, updates: Updates, service: SimService) -> None:
        self.service = service
        self.spec: Spec = service.spec
        self._updates = updates
        self._store = updates.store
        self._clock = updates.clock
        self._restarts = updates.restarts
        self._config = specs.update_config(None)
        self._rolls_back = False
        self._over = False
        self._failed = False
        self._workers = 0
        self._dirty = 0
        self._slots: deque[Slot] = deque()
        self._started: dict[str, float] = {}
        """Our new tasks → since when they run."""
        self._coming: dict[str, tuple[SimTask, Slot]] = {}
        """Our new tasks that do not run yet, and what each replaces."""
        self._failures: set[str] = set()
        self._timers: list[Timer] = []

    def start(self, slots: list[Slot]) -> None:
        state = self.service.update_state
        if state in ("paused", "rollback_paused"):
            self._end()
            return
        dirty = [slot for slot in slots if self._is_dirty(slot)]
        if not dirty:
            if state in ("updating", "rollback_started"):
                self._complete()
            self._end()
            return
        if state is None:
            self._set_status("updating", "update in progress", StartedAt=self._clock.now)
        raw = self.spec.raw
        rolls_back = self.service.update_state == "rollback_started"
        self._rolls_back = rolls_back
        config = specs.update_config(raw.get("RollbackConfig" if rolls_back else "UpdateConfig"))
        self._config = config
        self._dirty = len(dirty)
        self._slots.extend(dirty)
        for _ in range(min(config["parallelism"] or len(dirty), len(dirty))):
            self._workers += 1
            self._next()

    def cancel(self) -> None:
        self._over = True
        self._end()

    def on_task(self, task: SimTask) -> None:
        if self._over or task.service_id != self.service.id:
            return
        if task.state > State.RUNNING and task.id in self._started:
            # the task is restarted in the meantime, still with the spec of the failing update
            self._clock.after(WRITE_SECONDS, lambda: self._has_failed(task))
        if task.id in self._coming and task.state >= State.RUNNING:
            self._clock.after(WRITE_SECONDS, lambda: self._has_come(task))

    def _end(self) -> None:
        self._over = True
        for timer in self._timers:
            timer.cancel()
        self._updates.ended(self)

    def _is_dirty(self, slot: Slot) -> bool:
        return len(slot) > 1 or (len(slot) == 1 and self._is_task_dirty(slot[0]))

    def _is_task_dirty(self, task: SimTask) -> bool:
        return is_dirty(self.spec, task, self._store.nodes.get(task.node_id))

    def _next(self) -> None:
        """A worker takes the next slot, or ends."""
        if self._over:
            return
        if self._failed or not self._slots:
            self._workers -= 1
            if not self._workers and not self._failed:
                self._watch()
            elif not self._workers:
                self._end()
            return
        slot = self._slots.popleft()
        clean = [task for task in slot if not self._is_task_dirty(task) and task.desired <= State.RUNNING]
        if clean:
            clean.sort(key=lambda task: -task.desired)
            self._use(slot, clean[0])
        else:
            self._replace(slot)

    def _rest(self) -> None:
        """A worker has finished a slot."""
        if self._over:
            return
        delay = self._config["delay"]
        if delay:
            self._timers.append(self._clock.after(delay, self._next))
        else:
            self._next()

    def _use(self, slot: Slot, kept: SimTask) -> None:
        removed = self._remove([task for task in slot if task is not kept])
        if kept.desired != State.RUNNING:
            self._restarts.start_later(removed, kept, 0.0, self._rest)
        else:
            self._rest()

    def _replace(self, slot: Slot) -> None:
        if self.service.id not in self._store.services:
            self._end()
            return
        node_id = slot[0].global_node
        new = self._restarts.new_task(self.service, slot[0].slot, node_id, State.READY)
        self._started[new.id] = _UNTIL_RUNNING
        self._coming[new.id] = (new, slot)
        old = None if self._config["order"] == "start-first" else self._remove(slot)
        self._restarts.start_later(old, new, 0.0)

    def _has_come(self, task: SimTask) -> None:
        found = self._coming.pop(task.id, None)
        if found is None or self._over:
            return
        self._started[task.id] = self._clock.now
        if self._config["order"] == "start-first" and task.state == State.RUNNING:
            self._remove(found[1])
        self._rest()

    def _remove(self, slot: Slot) -> SimTask | None:
        """Shut down the tasks in the slot. Returns one of them."""
        removed = None
        for task in slot:
            if task.desired <= State.RUNNING and task.id in self._store.tasks:
                self._store.set_desired(task, State.SHUTDOWN)
                removed = task
        return removed

    def _watch(self) -> None:
        seconds = self._config["monitor"]
        if self._config["delay"] >= seconds:
            seconds = self._config["delay"] + 1.0
        self._timers.append(self._clock.after(seconds, self._watched))

    def _watched(self) -> None:
        self._complete()
        self._end()

    def _has_failed(self, task: SimTask) -> None:
        action = self._config["failure_action"]
        if self._over or self._failed or action == "continue" or task.id in self._failures:
            return
        since = self._started[task.id]
        if since != _UNTIL_RUNNING and self._clock.now - since > self._config["monitor"]:
            return
        self._failures.add(task.id)
        if len(self._failures) / self._dirty <= self._config["max_failure_ratio"]:
            return
        self._failed = True
        why = f"due to failure or early termination of task {task.id}"
        if self._rolls_back:
            self._set_status("rollback_paused", f"rollback paused {why}")
        elif action == "rollback":
            self._roll_back(f"update rolled back {why}")
        else:
            self._set_status("paused", f"update paused {why}")
        if not self._workers:
            self._end()

    def _roll_back(self, message: str) -> None:
        service = self.service
        if service.previous is None or service.update is None:
            return
        before = service_facts(service)
        service.spec, service.previous = service.previous, None
        service.update = {**service.update, "State": "rollback_started", "Message": message}
        self._store.touch(service, before)

    def _complete(self) -> None:
        if self.service.update_state == "rollback_started":
            self._set_status("rollback_completed", "rollback completed", CompletedAt=self._clock.now)
        else:
            self._set_status("completed", "update completed", CompletedAt=self._clock.now)

    def _set_status(self, state: str, message: str, **times: float) -> None:
        service = self.service
        if service.id not in self._store.services or (service.update is None and state != "updating"):
            return
        before = service_facts(service)
        service.update = {**(service.update or {}), **times, "State": state, "Message": message}
        self._store.touch(service, before)

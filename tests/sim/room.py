# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler's record of each node: its tasks, free resources and recent failures."""

from __future__ import annotations

from collections import defaultdict

from tests.sim.objects import SimNode, SimTask

MONITORED_SECONDS = 300.0
MANY_FAILURES = 5

Port = tuple[str, int]


class Room:
    """A node as the scheduler sees it. A task counts as active until its shutdown is requested."""

    def __init__(self, node: SimNode) -> None:
        self.node = node
        self.tasks: dict[str, bool] = {}
        """Task ID → whether it counts as active."""
        self.active = 0
        self.active_of: dict[str, int] = defaultdict(int)
        self.nano_cpus = 0
        self.memory_bytes = 0
        """The reservations of the tasks, as ``nano_cpus``."""
        self.ports: set[Port] = set()
        self._failures: dict[tuple[str, int], list[float]] = {}

    def add(self, task: SimTask) -> None:
        """Add the task, or update whether it is active."""
        was_active = self.tasks.get(task.id)
        if was_active is None:
            self.nano_cpus += task.spec.nano_cpus
            self.memory_bytes += task.spec.memory_bytes
            self.ports.update(task.spec.host_ports)
            was_active = False
        self.tasks[task.id] = task.is_active
        self._count(task, int(task.is_active) - int(was_active))

    def remove(self, task: SimTask) -> bool:
        was_active = self.tasks.pop(task.id, None)
        if was_active is None:
            return False
        self.nano_cpus -= task.spec.nano_cpus
        self.memory_bytes -= task.spec.memory_bytes
        self.ports.difference_update(task.spec.host_ports)
        self._count(task, -int(was_active))
        return True

    def failed(self, task: SimTask, now: float) -> None:
        key = (task.service_id, task.spec.version)
        recent = [at for at in self._failures.get(key, ()) if now - at < MONITORED_SECONDS]
        self._failures[key] = [*recent, now]

    def failures(self, task: SimTask, now: float) -> int:
        """Recent failures of the task's service in this version, within the last five minutes."""
        if not self._failures:
            return 0
        key = (task.service_id, task.spec.version)
        return sum(1 for at in self._failures.get(key, ()) if now - at <= MONITORED_SECONDS)

    def forget_failures(self) -> None:
        self._failures.clear()

    def _count(self, task: SimTask, change: int) -> None:
        if change:
            self.active += change
            self.active_of[task.service_id] += change

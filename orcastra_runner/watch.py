# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event mode: wakes the loop when the swarm changes. It decides nothing itself.

A manager's event stream contains nodes and services, but no tasks, and only the containers of its own
engine. Therefore two threads watch, each with its own connection: one follows the stream, the other polls
the tasks of the services that matter.

They miss no change, because both compare with the last observation of the loop, not with their own first
response:

- Each poll of tasks is compared with the tasks of that observation.
- Once a stream is open, nodes and services are listed once, and their versions are compared with that
  observation. This shows changes after the observation but before the stream began; later ones are in the
  stream. No clock is involved.
- The stream begins some seconds before the observation, by the engine's own clock, because an engine
  responds a moment before it subscribes.

The response to a request that was sent before the latest observation proves nothing and is discarded.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotFound
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.parse import parse_time
from orcastra_runner.log import get_logger

EVENT_TYPES = ("node", "service")
# A stream without events for this long is reopened, because its connection may be dead.
IDLE_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
# How much earlier than the observation the stream begins. The time of an event is that of the write, on the
# clock of the manager that made it.
MARGIN_SECONDS = 5.0

Tasks = frozenset[tuple[str, str | None, str]]
Versions = frozenset[tuple[str, int]]

log = get_logger()


@dataclass(frozen=True)
class Known:
    """The last observation of the loop: the versions of nodes and services, and the tasks of ``services``.

    ``engine_time`` is its time by the engine's clock. Compare by identity, because each observation creates
    a new one.
    """

    services: frozenset[str]
    tasks: Tasks
    versions: Versions
    engine_time: float

    @classmethod
    def of(cls, seen: Observation, services: frozenset[str]) -> Known:
        snapshot = seen.snapshot
        return cls(
            services=services,
            tasks=frozenset(
                (task.id, task.node_id, task.state)
                for task in snapshot.tasks
                if task.service_id in services and task.desired_state == "running"
            ),
            versions=frozenset(
                [(node.id, node.version) for node in snapshot.nodes]
                + [(service.id, service.version) for service in snapshot.services]
            ),
            engine_time=seen.engine_time,
        )


class Watcher:
    """Wakes the loop when a node, a service, or a task of the watched services changes."""

    def __init__(self, connect: Callable[[], Engine], wake: Callable[[], None], poll_seconds: float) -> None:
        self._connect = connect
        self._wake = wake
        self._poll_seconds = poll_seconds
        self._known: Known | None = None
        # a stream was opened before there was an observation to compare with
        self._is_unchecked = False
        self._lock = threading.Lock()
        # the start of the next stream, by the engine's clock
        self._since = 0.0
        self._ended = threading.Event()

    def start(self) -> None:
        """Start both threads. They end with the process, or soon after ``stop``."""
        for name, task in (("events", self._follow_events), ("tasks", self._poll_tasks)):
            target = _Restarted(name, task, self._connect, self._wake, self._ended)
            threading.Thread(target=target.run, name=f"watch-{name}", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def follow(self, seen: Observation, service_ids: frozenset[str]) -> None:
        """Report differences from this observation from now on.

        ``service_ids``: the services whose tasks are watched; empty on a standby instance.
        """
        known = Known.of(seen, service_ids)
        with self._lock:
            self._known = known
            was_unchecked, self._is_unchecked = self._is_unchecked, False
        if was_unchecked:
            # The stream may have begun after this observation. The next observation is complete.
            self._wake()

    def rest(self) -> None:
        """Stop polling tasks: the engine is not a manager's."""
        with self._lock:
            self._known = None
            self._is_unchecked = True

    def _replace(self, known: Known, after: Known) -> bool:
        """Replace ``known`` with ``after``. Returns whether ``known`` was still the latest observation."""
        with self._lock:
            is_latest = self._known is known
            if is_latest:
                self._known = after
            return is_latest

    # the stream

    def _follow_events(self, engine: Engine, _works: Callable[[], None]) -> None:
        while not self._ended.is_set():
            opened = time.monotonic()
            for event in engine.events(
                EVENT_TYPES, self._start_of_stream(engine), IDLE_SECONDS, lambda: self._compare(engine)
            ):
                # one tick later, because a stream includes the events at ``since`` itself
                self._since = max(self._since, math.nextafter(event.get("timeNano", 0) / 1e9, math.inf))
                log.debug("event", type=event.get("Type"), action=event.get("Action"))
                self._wake()
                if self._ended.is_set():
                    return
            if time.monotonic() - opened < LONGEST_PAUSE_SECONDS:
                return  # the cause of such an early end may end the next stream too, so pause first

    def _start_of_stream(self, engine: Engine) -> float:
        known = self._known
        if known is None or not known.engine_time:
            # the first observation of the loop is still to come, and will contain everything until then
            engine_time = parse_time(engine.info().get("SystemTime") or "")
        else:
            engine_time = known.engine_time
        return max(self._since, engine_time - MARGIN_SECONDS)

    def _compare(self, engine: Engine) -> None:
        """Wake the loop if nodes or services differ from its observation."""
        with self._lock:
            known = self._known
            self._is_unchecked = known is None
        while known is not None:
            found = (*engine.list_nodes(), *engine.list_services())
            versions = frozenset((raw["ID"], raw["Version"]["Index"]) for raw in found)
            before, known = known, self._known
            if known is before:
                if versions != before.versions:
                    log.debug("nodes or services changed", objects=len(versions ^ before.versions))
                    self._wake()
                return

    # the tasks

    def _poll_tasks(self, engine: Engine, works: Callable[[], None]) -> None:
        while not self._ended.wait(self._poll_seconds):
            known = self._known
            if known is None or not known.services:
                continue
            try:
                tasks = _tasks(engine, known.services)
                after = replace(known, tasks=tasks)
            except NotFound:
                # a service was removed: the loop notices, and updates the services to watch
                after = replace(known, services=frozenset())
            works()
            if after != known and self._replace(known, after):
                log.debug("tasks changed", tasks=len(after.tasks ^ known.tasks))
                self._wake()


def _tasks(engine: Engine, service_ids: frozenset[str]) -> Tasks:
    tasks = engine.list_tasks({"service": sorted(service_ids), "desired-state": ["running"]})
    return frozenset((task["ID"], task.get("NodeID") or None, task["Status"]["State"]) for task in tasks)


class _Restarted:
    """Runs a task with a connection, and restarts it with growing pauses if it fails.

    The task calls its second argument after each success.
    """

    def __init__(
        self,
        name: str,
        task: Callable[[Engine, Callable[[], None]], None],
        connect: Callable[[], Engine],
        wake: Callable[[], None],
        ended: threading.Event,
    ) -> None:
        self._name = name
        self._task = task
        self._connect = connect
        self._wake = wake
        self._ended = ended
        self._pause = FIRST_PAUSE_SECONDS

    def run(self) -> None:
        was_lost = False
        while not self._ended.is_set():
            started = time.monotonic()
            try:
                engine = self._connect()
                try:
                    if was_lost:
                        # the loop may be in backoff after a failed observation
                        self._wake()
                    was_lost = False
                    self._task(engine, self._works)
                finally:
                    engine.close()
            except OrcastraError as error:
                was_lost = True
                log.debug("watch interrupted", summary=self._name, error=str(error))
            except Exception as error:  # noqa: BLE001 - the end of this thread would end event mode unnoticed
                was_lost = True
                log.warning("watch interrupted", summary=self._name, error=f"{type(error).__name__}: {error}")
            if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                self._works()
            self._ended.wait(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _works(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event mode: notice what happens in the swarm, and wake the loop. It decides nothing itself.

A manager's event stream has nodes and services but no tasks, and containers only of its own engine. So two
threads watch, each with a connection of its own: one follows the stream, the other polls the tasks of the
services that matter.

No change is missed, because both compare with what the loop observed last, not with their own first answer:

- Each poll of tasks is compared with the tasks of that observation.
- Once a stream is open, nodes and services are listed once and their versions compared with that observation.
  What happened after the observation but before the stream began shows there; what happens later is in the
  stream. No clock takes part in that.
- The stream itself begins some seconds before the observation, by the engine's own clock: an engine answers
  a moment before it subscribes.

An answer to a request that was made before the latest observation proves nothing and is thrown away.
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
# A stream without any event for so long is opened anew: its connection may be dead.
IDLE_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
# How much earlier than the observation the stream begins: an event bears the time of its write, on the clock
# of the manager that made it.
MARGIN_SECONDS = 5.0

Tasks = frozenset[tuple[str, str | None, str]]
Versions = frozenset[tuple[str, int]]

log = get_logger()


@dataclass(frozen=True)
class Known:
    """What the loop observed last: of nodes and services their versions, and the tasks of ``services``.

    ``engine_time`` is when, by the engine's clock. Compare two of them by identity: each observation makes a
    new one.
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
    """Wakes the loop when something happens to a node, a service, or a task of the followed services."""

    def __init__(self, connect: Callable[[], Engine], wake: Callable[[], None], poll_seconds: float) -> None:
        self._connect = connect
        self._wake = wake
        self._poll_seconds = poll_seconds
        self._known: Known | None = None
        # a stream is open, and nothing was there to compare with
        self._is_unchecked = False
        self._lock = threading.Lock()
        # where a new stream goes on, by the engine's clock
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
        """Report from now on what differs from this observation.

        ``service_ids``: the services whose tasks count; none while this instance stands by.
        """
        known = Known.of(seen, service_ids)
        with self._lock:
            self._known = known
            was_unchecked, self._is_unchecked = self._is_unchecked, False
        if was_unchecked:
            # the stream may have begun after this observation: one that begins now is complete
            self._wake()

    def rest(self) -> None:
        """Poll no tasks: the engine is no manager's."""
        with self._lock:
            self._known = None
            self._is_unchecked = True

    def _replace(self, known: Known, after: Known) -> bool:
        """Put ``after`` in the place of ``known``. Returns whether that was still the latest."""
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
                # the next moment: a stream begins with events at ``since`` itself
                self._since = max(self._since, math.nextafter(event.get("timeNano", 0) / 1e9, math.inf))
                log.debug("event", type=event.get("Type"), action=event.get("Action"))
                self._wake()
                if self._ended.is_set():
                    return
            if time.monotonic() - opened < LONGEST_PAUSE_SECONDS:
                return  # whatever ended it so soon may end the next one, too: that is what pauses are for

    def _start_of_stream(self, engine: Engine) -> float:
        known = self._known
        if known is None or not known.engine_time:
            # the loop has yet to look, and will see all that was before
            engine_time = parse_time(engine.info().get("SystemTime") or "")
        else:
            engine_time = known.engine_time
        return max(self._since, engine_time - MARGIN_SECONDS)

    def _compare(self, engine: Engine) -> None:
        """Wake the loop if nodes or services are not as it has observed them."""
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
                # a service was removed: the loop finds out, and names those to follow now
                after = replace(known, services=frozenset())
            works()
            if after != known and self._replace(known, after):
                log.debug("tasks changed", tasks=len(after.tasks ^ known.tasks))
                self._wake()


def _tasks(engine: Engine, service_ids: frozenset[str]) -> Tasks:
    tasks = engine.list_tasks({"service": sorted(service_ids), "desired-state": ["running"]})
    return frozenset((task["ID"], task.get("NodeID") or None, task["Status"]["State"]) for task in tasks)


class _Restarted:
    """Runs a task with a connection, again and again, with growing pauses while that fails.

    The task calls its second argument each time that something has worked.
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
                        # the loop may have failed to look meanwhile, and wait before it tries again
                        self._wake()
                    was_lost = False
                    self._task(engine, self._works)
                finally:
                    engine.close()
            except OrcastraError as error:
                was_lost = True
                log.debug("watch interrupted", summary=self._name, error=str(error))
            except Exception as error:  # noqa: BLE001 - a thread that ends unseen would end event mode
                was_lost = True
                log.warning("watch interrupted", summary=self._name, error=f"{type(error).__name__}: {error}")
            if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                self._works()
            self._ended.wait(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def _works(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS

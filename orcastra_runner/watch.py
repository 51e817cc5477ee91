# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event mode: notice what happens in the swarm, and wake the loop. It decides nothing itself.

A manager's event stream has nodes and services but no tasks, and containers only of its own engine. So two
threads look, each with a connection of its own: one follows the stream, one asks now and then for the tasks
of the services that matter. Both survive the loss of the engine; what was missed meanwhile is made up for by
waking the loop once more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotFound
from orcastra_runner.log import get_logger

EVENT_TYPES = ("node", "service")
# A stream without any event for so long is opened anew: its connection may be dead.
IDLE_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0

Snapshot = frozenset[tuple[str, str | None, str]]

log = get_logger()


class Watcher:
    """Wakes the loop when something happens to a node, a service, or a task of the followed services."""

    def __init__(self, connect: Callable[[], Engine], wake: Callable[[], None], poll_seconds: float) -> None:
        self._connect = connect
        self._wake = wake
        self._poll_seconds = poll_seconds
        self._followed: frozenset[str] = frozenset()
        self._ended = threading.Event()

    def start(self) -> None:
        """Start both threads. They end with the process, or soon after ``stop``."""
        for name, task in (("events", self._follow_events), ("tasks", self._poll_tasks)):
            target = _Restarted(name, task, self._connect, self._wake, self._ended)
            threading.Thread(target=target.run, name=f"watch-{name}", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def follow(self, service_ids: frozenset[str]) -> None:
        """Set whose tasks are looked at; none while it is not on us to act."""
        self._followed = service_ids

    def _follow_events(self, engine: Engine) -> None:
        since = time.time()
        while not self._ended.is_set():
            for event in engine.events(EVENT_TYPES, since, IDLE_SECONDS):
                # the next moment: the stream begins with events at ``since`` itself
                since = max(since, (event.get("timeNano", 0) + 1) / 1e9)
                log.debug("event", type=event.get("Type"), action=event.get("Action"))
                self._wake()
                if self._ended.is_set():
                    return
            self._ended.wait(FIRST_PAUSE_SECONDS)

    def _poll_tasks(self, engine: Engine) -> None:
        followed: frozenset[str] = frozenset()
        before: Snapshot = frozenset()
        while not self._ended.wait(self._poll_seconds):
            if not self._followed:
                continue
            is_news = followed == self._followed
            followed = self._followed
            try:
                now = _snapshot(engine, followed)
            except NotFound:
                # one of the services was removed: the loop finds out, and says which to follow now
                self._followed = frozenset()
                self._wake()
                continue
            if is_news and now != before:
                log.debug("tasks have changed", tasks=len(now ^ before))
                self._wake()
            before = now


def _snapshot(engine: Engine, service_ids: frozenset[str]) -> Snapshot:
    tasks = engine.list_tasks({"service": sorted(service_ids), "desired-state": ["running"]})
    return frozenset((task["ID"], task.get("NodeID"), task["Status"]["State"]) for task in tasks)


class _Restarted:
    """Runs a task with a connection, again and again, with growing pauses while that fails."""

    def __init__(
        self,
        name: str,
        task: Callable[[Engine], None],
        connect: Callable[[], Engine],
        wake: Callable[[], None],
        ended: threading.Event,
    ) -> None:
        self._name = name
        self._task = task
        self._connect = connect
        self._wake = wake
        self._ended = ended

    def run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._ended.is_set():
            started = time.monotonic()
            try:
                engine = self._connect()
                try:
                    # something may have happened before, or while there was no connection
                    self._wake()
                    self._task(engine)
                finally:
                    engine.close()
            except OrcastraError as error:
                log.debug("watching was interrupted", what=self._name, error=str(error))
            except Exception as error:  # noqa: BLE001 - a thread that ends unseen would end event mode
                log.warning(
                    "watching was interrupted", what=self._name, error=f"{type(error).__name__}: {error}"
                )
            if time.monotonic() - started > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._ended.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals: SIGTERM and SIGINT end the loop, SIGHUP makes it sync now. Events of the swarm use the same inbox.

A handler may run between any two instructions of the main thread, so it only sets a flag and puts a message
into a reentrant queue. A section that waits for the network may take too long, and can be interrupted
because it only reads: it uses ``interruptible``.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# How long a running playbook may continue. Ending it takes a few more seconds; in total it must be less than
# ten.
GRACE_SECONDS = 4.0

SYNC = "sync"
STOP = "stop"
EVENT = "event"
COMMAND = "command"
LEAD = "lead"


class StopNow(BaseException):
    """Interrupts a section when the process must stop; ``except Exception`` doesn't catch it."""


class Signals:
    """The requests to this process. ``inbox`` receives them and wakes the loop that waits for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.name: str | None = None
        self._clock = clock
        self._asked_at: float | None = None
        self._hurry = False
        self._interruptible = False

    def install(self) -> None:
        """Install the signal handlers. Only the main thread may call this."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._sync)

    @property
    def stop_requested(self) -> bool:
        """Whether no new work may start."""
        return self._asked_at is not None

    def out_of_time(self) -> bool:
        """Whether running playbooks must be killed."""
        if self._asked_at is None:
            return False
        return self._hurry or self._clock() - self._asked_at > GRACE_SECONDS

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Make a request to stop raise StopNow in this section."""
        self._interruptible = True
        try:
            if self.stop_requested:
                raise StopNow
            yield
        finally:
            self._interruptible = False

    def pause(self, seconds: float) -> None:
        """Sleep. Raises StopNow as soon as the process must stop."""
        with self.interruptible():
            time.sleep(seconds)

    def event(self) -> None:
        """Wake the loop because the swarm has changed. Thread-safe."""
        self.inbox.put(EVENT)

    def sync(self) -> None:
        """Make the loop sync now. Thread-safe."""
        self.inbox.put(SYNC)

    def command_requested(self) -> None:
        """Wake the loop because a command was requested. Thread-safe."""
        self.inbox.put(COMMAND)

    def lead(self) -> None:
        """Wake the loop because this node has become the leader. Thread-safe."""
        self.inbox.put(LEAD)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        if self._asked_at is None:
            self._asked_at = self._clock()
        else:
            self._hurry = True
        self.inbox.put(STOP)
        if self._interruptible:
            raise StopNow

    def _sync(self, _number: int, _frame: FrameType | None) -> None:
        self.sync()

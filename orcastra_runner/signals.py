# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals: SIGTERM and SIGINT end the loop, SIGHUP makes it sync now; events of the swarm come the same way.

A handler may run between any two instructions of the main thread, so it only sets a flag and puts a message
into a queue that is made for that. What waits for the network is different: it can take longer than anybody
wants to wait, and may be left in the middle because it only reads. It says so with ``interruptible``.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# How long a playbook in flight may go on; ending it takes some seconds more, and all of it at most ten.
GRACE_SECONDS = 4.0

SYNC = "sync"
STOP = "stop"
EVENT = "event"
ASKED = "asked"
LEAD = "lead"


class StopNow(BaseException):
    """Raised in an interruptible section when we were asked to stop; no ``except Exception`` catches it."""


class Signals:
    """What the process was asked to do. ``inbox`` gets SYNC and STOP, and wakes whoever waits for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.name: str | None = None
        self._clock = clock
        self._asked_at: float | None = None
        self._hurry = False
        self._interruptible = False

    def install(self) -> None:
        """Take over the signals of this process. Only the main thread may."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._sync)

    @property
    def stop_requested(self) -> bool:
        """Whether nothing new is to be begun."""
        return self._asked_at is not None

    def out_of_time(self) -> bool:
        """Whether what still runs is to be ended by force."""
        if self._asked_at is None:
            return False
        return self._hurry or self._clock() - self._asked_at > GRACE_SECONDS

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a request to stop raise StopNow in here."""
        self._interruptible = True
        try:
            if self.stop_requested:
                raise StopNow
            yield
        finally:
            self._interruptible = False

    def pause(self, seconds: float) -> None:
        """Wait for some seconds. Raises StopNow as soon as we are asked to stop."""
        with self.interruptible():
            time.sleep(seconds)

    def event(self) -> None:
        """Wake the loop because something has happened in the swarm. Any thread may."""
        self.inbox.put(EVENT)

    def sync(self) -> None:
        """Make the loop sync now. Any thread may."""
        self.inbox.put(SYNC)

    def asked(self) -> None:
        """Wake the loop because a command was asked for. Any thread may."""
        self.inbox.put(ASKED)

    def lead(self) -> None:
        """Wake the loop because our engine has become the leader. Any thread may."""
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

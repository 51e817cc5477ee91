# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated time: a queue of calls, carried out in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Timer:
    """A scheduled call. ``cancel`` may be called at any time."""

    __slots__ = ("action", "at")

    def __init__(self, at: float, action: Callable[[], object] | None) -> None:
        self.at = at
        self.action = action

    def cancel(self) -> None:
        self.action = None


class Clock:
    """``now`` is in seconds since the epoch and moves only in ``run_until``."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.calls = 0
        self._queue: list[tuple[float, int, Timer]] = []
        self._number = 0

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Schedule ``action`` in ``seconds``. Calls for the same time run in the order of scheduling."""
        timer = Timer(self.now + max(seconds, 0.0), action)
        self._number += 1
        heapq.heappush(self._queue, (timer.at, self._number, timer))
        return timer

    def soon(self, action: Callable[[], object]) -> Timer:
        return self.after(0.0, action)

    def run_until(self, at: float) -> None:
        """Run all calls that are due by ``at``, including those scheduled in the meantime."""
        while self._queue and self._queue[0][0] <= at:
            moment, _number, timer = heapq.heappop(self._queue)
            if timer.action is None:
                continue
            self.now = max(self.now, moment)
            self.calls += 1
            timer.action()
        self.now = max(self.now, at)

    def next_time(self) -> float | None:
        """Return when the next call is due."""
        while self._queue and self._queue[0][2].action is None:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None


class Pulse:
    """Calls ``action`` once, ``delay`` seconds after the first of any number of ``trigger`` calls."""

    def __init__(self, clock: Clock, delay: float, action: Callable[[], object]) -> None:
        self._clock = clock
        self._delay = delay
        self._action = action
        self._timer: Timer | None = None

    def trigger(self) -> None:
        if self._timer is None:
            self._timer = self._clock.after(self._delay, self._fire)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._action()

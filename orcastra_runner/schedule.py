# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When which job is due: intervals, and backing off after failures.

Pure bookkeeping: it runs nothing and reads no clock; every time is the caller's, in seconds of a clock that
never goes back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
# After a failure, news shorten the wait for the next try to this.
HASTY_RETRY_SECONDS = 10.0
JITTER = 0.2


@dataclass(slots=True)
class Entry:
    """One job's place in the schedule. ``due``: when it runs next, ``failed_at``: when it failed last.

    ``in_loop``: it is run by the loop; a background job says itself when it is due.
    """

    name: str
    interval: float
    due: float
    failures: int = 0
    failed_at: float = 0.0
    in_loop: bool = True


class Schedule:
    """The jobs, in the order in which those due at the same time are to run."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        """``jitter`` returns numbers from 0 to 1, so that many instances do not retry in step."""
        self._jitter = jitter
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, interval: float, due: float, *, in_loop: bool = True) -> None:
        """Add a job that runs every ``interval`` seconds, at ``due`` first."""
        self._entries[name] = Entry(name, interval, due, in_loop=in_loop)

    def due(self, now: float) -> list[str]:
        """Return the names of the loop's jobs to run now."""
        return [entry.name for entry in self._of_the_loop() if entry.due <= now]

    def seconds_to_next(self, now: float) -> float:
        """Return how long no job of the loop is due; 0 if one is."""
        return max(0.0, min((entry.due for entry in self._of_the_loop()), default=now) - now)

    def succeeded(self, name: str, now: float, interval: float | None = None) -> None:
        """Note that the job ended well: it is due again after its interval."""
        entry = self._entries[name]
        entry.failures = 0
        # a job whose configuration has changed may have another interval
        entry.interval = interval or entry.interval
        entry.due = now + entry.interval

    def failed(self, name: str, now: float) -> float:
        """Note that the job failed. Returns the seconds until it is tried again."""
        entry = self._entries[name]
        entry.failures += 1
        delay = retry_delay(entry.failures, entry.interval) * (1 - JITTER + 2 * JITTER * self._jitter())
        entry.due, entry.failed_at = now + delay, now
        return delay

    def trigger(self, now: float, name: str | None = None) -> None:
        """Make one job of the loop, or all of them, due now."""
        for entry in self._of_the_loop():
            if name in (None, entry.name):
                entry.due = now

    def hasten(self, name: str, due: float) -> None:
        """Make a job due at ``due`` if it would be later; after a failure not before some seconds.

        One part of a job may fail for hours: the rest of its work must not wait for minutes because of that.
        """
        entry = self._entries[name]
        if entry.failures:
            due = max(due, entry.failed_at + HASTY_RETRY_SECONDS)
        entry.due = min(entry.due, due)

    def _of_the_loop(self) -> list[Entry]:
        # a copy: a background job may be added meanwhile
        return [entry for entry in list(self._entries.values()) if entry.in_loop]

    def failures(self, name: str) -> int:
        """Return how many times in a row the job has failed."""
        return self._entries[name].failures


def retry_delay(failures: int, interval: float) -> float:
    """Seconds to wait after this many failures in a row, before jitter.

    It doubles from a few seconds, so that a hiccup is over soon, and ends at several intervals (at most five
    minutes unless the interval itself is longer), so that an engine in trouble is left alone.
    """
    first = min(FIRST_RETRY_SECONDS, interval)
    longest = max(interval, min(LONGEST_RETRY_SECONDS, 4 * interval))
    return min(longest, first * 2.0 ** min(failures - 1, 30))

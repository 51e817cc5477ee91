# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When each job is due: intervals, and backoff after failures.

It runs nothing and reads no clock; the caller passes all times, in monotonic seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
# After a failure, an event shortens the backoff to this.
HASTY_RETRY_SECONDS = 10.0
JITTER = 0.2


@dataclass(slots=True)
class Entry:
    """A job in the schedule. ``due``: when it runs next; ``failed_at``: when it last failed.

    ``in_loop``: the loop runs it. A background job decides itself when it is due.
    """

    name: str
    interval: float
    due: float
    failures: int = 0
    failed_at: float = 0.0
    in_loop: bool = True


class Schedule:
    """The jobs, in the order in which the loop runs those that are due at the same time."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        """``jitter`` returns random numbers from 0 to 1, so that instances don't retry in lockstep."""
        self._jitter = jitter
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, interval: float, due: float, *, in_loop: bool = True) -> None:
        """Add a job that runs every ``interval`` seconds, first at ``due``."""
        self._entries[name] = Entry(name, interval, due, in_loop=in_loop)

    def due(self, now: float) -> list[str]:
        """Return the names of the loop's jobs to run now."""
        return [entry.name for entry in self._of_the_loop() if entry.due <= now]

    def seconds_to_next(self, now: float) -> float:
        """Return the time until a job of the loop is due; 0 if one is."""
        return max(0.0, min((entry.due for entry in self._of_the_loop()), default=now) - now)

    def succeeded(self, name: str, now: float, interval: float | None = None) -> None:
        """Note that the job succeeded: it is due again after its interval."""
        entry = self._entries[name]
        entry.failures = 0
        # a changed configuration may have changed the interval
        entry.interval = interval or entry.interval
        entry.due = now + entry.interval

    def failed(self, name: str, now: float) -> float:
        """Note that the job failed. Returns the seconds until its next attempt."""
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
        """Make a job due at ``due`` at the latest; after a failure not before a few seconds have passed.

        A part of a job may fail for hours, and the rest of its work must not wait for minutes because of
        that.
        """
        entry = self._entries[name]
        if entry.failures:
            due = max(due, entry.failed_at + HASTY_RETRY_SECONDS)
        entry.due = min(entry.due, due)

    def _of_the_loop(self) -> list[Entry]:
        # a copy, because another thread may add a background job
        return [entry for entry in list(self._entries.values()) if entry.in_loop]

    def failures(self, name: str) -> int:
        """Return the number of consecutive failures of a job."""
        return self._entries[name].failures


def retry_delay(failures: int, interval: float) -> float:
    """Return the backoff in seconds after this many consecutive failures, before jitter.

    It starts at a few seconds, for a quick recovery from short outages, and doubles up to several intervals
    (at most five minutes, unless the interval itself is longer), so that a struggling engine gets few
    requests.
    """
    first = min(FIRST_RETRY_SECONDS, interval)
    longest = max(interval, min(LONGEST_RETRY_SECONDS, 4 * interval))
    return min(longest, first * 2.0 ** min(failures - 1, 30))

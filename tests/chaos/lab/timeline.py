# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened when, for the report of a broken invariant."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


class Violation(AssertionError):
    """An invariant is broken. ``invariant`` is its name."""

    def __init__(self, invariant: str, found: str) -> None:
        super().__init__(f"{invariant}: {found}")
        self.invariant = invariant


@dataclass(frozen=True)
class Entry:
    """``at`` is in seconds since the epoch."""

    at: float
    text: str


@dataclass
class Timeline:
    """The entries of a run. ``say`` prints each one as it happens."""

    say: Callable[[str], None]
    start: float = field(default_factory=time.time)
    entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, text: str) -> None:
        entry = Entry(time.time(), text)
        with self._lock:
            self.entries.append(entry)
        self.say(self._line(entry))

    def since(self, at: float, others: list[Entry]) -> str:
        """Return the entries from ``at`` on as text, with ``others`` in between."""
        with self._lock:
            found = [entry for entry in [*self.entries, *others] if entry.at >= at]
        return "\n".join(self._line(entry) for entry in sorted(found, key=lambda entry: entry.at))

    def _line(self, entry: Entry) -> str:
        return f"{entry.at - self.start:8.1f} s  {entry.text}"

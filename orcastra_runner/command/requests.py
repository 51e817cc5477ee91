# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands that were asked for over HTTP and wait for the loop, which carries them out like the file's."""

from __future__ import annotations

import threading

from orcastra_runner.command.file import Entry

MAX_WAITING = 20


class TooMany(Exception):
    """So many commands wait that no more are taken."""


class CommandRequests:
    """Takes commands from any thread. Each has an id, so that it is run once however often it is sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Entry] = {}

    def add(self, entry: Entry) -> Entry:
        """Have it wait. Returns what waits under its key: another one if that was first. Raises TooMany."""
        with self._lock:
            if entry.key not in self._waiting and len(self._waiting) >= MAX_WAITING:
                raise TooMany
            return self._waiting.setdefault(entry.key, entry)

    def waiting(self) -> tuple[Entry, ...]:
        """Return those that have not been run, in the order in which they came."""
        with self._lock:
            return tuple(self._waiting.values())

    def settled(self, entry: Entry) -> None:
        """It was run, or need not be."""
        with self._lock:
            self._waiting.pop(entry.key, None)

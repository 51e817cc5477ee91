# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands requested over HTTP, which wait for the loop; it runs them like those of the command file."""

from __future__ import annotations

import threading

from orcastra_runner.command.file import Entry

MAX_WAITING = 20


class TooMany(Exception):
    """Too many commands are waiting, so no more are accepted."""


class CommandRequests:
    """Accepts commands from any thread.

    Each has an ID, so that it runs only once, however often it is sent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Entry] = {}

    def add(self, entry: Entry) -> Entry:
        """Queue a command.

        Returns the one queued with its key, which may be an earlier one. Raises TooMany.
        """
        with self._lock:
            if entry.key not in self._waiting and len(self._waiting) >= MAX_WAITING:
                raise TooMany
            return self._waiting.setdefault(entry.key, entry)

    def waiting(self) -> tuple[Entry, ...]:
        """Return the commands that have not been run, in order of arrival."""
        with self._lock:
            return tuple(self._waiting.values())

    def settled(self, entry: Entry) -> None:
        """Remove a command that was run, or that need not be run."""
        with self._lock:
            self._waiting.pop(entry.key, None)

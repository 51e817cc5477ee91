# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report the progress of long downloads at intervals."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..messages.formatting import format_bytes

# The interval of reports about one download.
PROGRESS_SECONDS = 15.0


class ModProgress:
    """``say`` gets the title of a mod and its progress. ``report`` is safe to call from several threads."""

    def __init__(self, say: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._reported: dict[str, float] = {}

    def report(self, title: str, done: int, whole: int | None) -> None:
        now = self._clock()
        with self._lock:
            if now - self._reported.setdefault(title, now) < PROGRESS_SECONDS:
                return
            self._reported[title] = now
        size = format_bytes(done)
        self._say(title, size if whole is None else f"{size} of {format_bytes(whole)}")

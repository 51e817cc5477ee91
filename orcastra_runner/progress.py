# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the long waits of a command, and their duration.

One line when a wait has become noticeable and one when it is over, so that the output can be redirected.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import format_duration

# Shorter waits are not mentioned.
NOTICEABLE_SECONDS = 3.0


class Progress:
    """The present wait of a command. ``say`` prints a line."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` returns monotonic seconds."""
        self._say = say
        self._clock = clock
        self._what: str | None = None
        self._since = 0.0
        self._is_shown = False

    def wait_for(self, what: str | None) -> None:
        """Note what the command waits for from now on; None: nothing."""
        if what == self._what:
            return
        if self._is_shown:
            self._say(f"done after {format_duration(self._clock() - self._since)}: {self._what}")
        self._what, self._since, self._is_shown = what, self._clock(), False

    def tick(self) -> None:
        """Show the wait once it is noticeable. Call this about once a second while waiting."""
        if self._what is None or self._is_shown or self._clock() - self._since < NOTICEABLE_SECONDS:
            return
        self._is_shown = True
        self._say(f"waiting for: {self._what}")


NO_PROGRESS = Progress(lambda _line: None)

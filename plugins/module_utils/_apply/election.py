# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait while the managers elect a leader."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .._observe.errors import LateConsensus, NoLeader

# An election takes seconds. After half a minute, the quorum is lost.
ELECTION_SECONDS = 30.0
POLL_SECONDS = 0.5

T = TypeVar("T")


class ElectionPatience:
    """Repeats requests that fail because the managers have no leader or do not agree in time.

    It does so for ``seconds`` in total. Each promotion, demotion or lost manager can cause an election. Swarm
    refuses requests without a leader. A change on which the managers have not agreed in time may happen
    later, so an action must read the object before it changes it.
    """

    def __init__(self, seconds: float = ELECTION_SECONDS) -> None:
        self._seconds_left = seconds

    def call(self, action: Callable[[], T]) -> T:
        """Return the result of ``action``. Raises its last NoLeader or LateConsensus if time is over."""
        failed: float | None = None
        while True:
            try:
                return action()
            except (NoLeader, LateConsensus):
                now = time.monotonic()
                if failed is not None:
                    self._seconds_left -= now - failed
                if self._seconds_left <= 0:
                    raise
                failed = now
                time.sleep(POLL_SECONDS)

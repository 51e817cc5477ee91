# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find hosts whose processes wait for memory, although the kernel reports available memory.

Two signs count: the share of the time in which a process waits for memory (pressure stall information,
https://docs.kernel.org/accounting/psi.html), and pages that move to and from swap at the same time. Swap that
is only filled is harmless.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from .samples import Page

# a process waits for memory for at least this share of the time
WAITING_SHARE = 0.1
# pages per second in both directions; 256 pages of 4 KiB are 1 MiB
SWAPPED_PAGES = 256.0
# the shortest and the longest time between two measurements for a rate, in seconds
_SHORTEST_SECONDS = 45.0
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class _Reading:
    """The counters of a page. ``at``: when they were read."""

    at: float
    counters: tuple[float | None, ...]


class StrainMeter:
    """Judges the pages of hosts. Counters need two pages, at least 45 seconds apart."""

    def __init__(self) -> None:
        self._readings: dict[str, list[_Reading]] = {}

    def is_strained(self, node_id: str, page: Page, now: float) -> bool:
        """Return whether processes on the node's host wait for memory. ``now``: seconds since the epoch."""
        waiting, swapped_in, swapped_out = self._rates(node_id, page, now)
        waits = max(page.waiting_share or 0.0, waiting) >= WAITING_SHARE
        return waits or min(swapped_in, swapped_out) >= SWAPPED_PAGES

    def _rates(self, node_id: str, page: Page, now: float) -> tuple[float, ...]:
        """Return the increase of each counter per second; 0 if it is unknown."""
        new = _Reading(now, (page.waiting_seconds, page.pages_in, page.pages_out))
        kept = [old for old in self._readings.get(node_id, ()) if 0 <= now - old.at <= _LONGEST_SECONDS]
        far = [old for old in kept if now - old.at >= _SHORTEST_SECONDS]
        old = far[-1] if far else new
        # the one to compare with, the newer ones, and this one
        self._readings[node_id] = [*far[-1:], *kept[len(far) :], new]
        return tuple(
            # a counter that has fallen belongs to a host that has started again
            (after - before) / (new.at - old.at)
            if before is not None and after is not None and after >= before and new.at > old.at
            else 0.0
            for before, after in zip(old.counters, new.counters)
        )

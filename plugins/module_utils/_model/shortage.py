# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service with too few running tasks: how many run, how many should run, and why."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re

from .compat import dataclass
from .reasons import Reason

# The kinds of shortages, most severe first.
PAUSED = "update_paused"
FAILING = "failing"
WAITING = "waiting_for_node"
STOPPED = "given_up_by_swarm"
NODE_LOST = "node_lost"
STARTING = "starting"
CODES = (PAUSED, FAILING, WAITING, STOPPED, NODE_LOST, STARTING)

# Swarm IDs have 25 characters; IDs of containers and endpoints have 64, or are cut to 12.
_IDS = re.compile(
    r"\b(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{25}\b|\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{12,64}\b"
)


@dataclass(frozen=True, slots=True)
class Shortage:
    """A shortage: ``expected`` tasks should run, but only ``running`` do.

    ``code`` is one of ``CODES``. ``reasons`` have more details, most severe first, without parts that differ
    for each attempt. ``errors`` are the engine's error messages. ``since`` is when the affected tasks were
    created, in seconds since the epoch. ``is_fresh``: the shortage may resolve itself, so there is no warning
    yet.
    """

    service: str
    code: str
    expected: int
    running: int
    reasons: tuple[Reason, ...]
    since: float = 0.0
    is_fresh: bool = False
    errors: tuple[str, ...] = ()

    @property
    def reason(self) -> Reason:
        """A warning or note with the service and all reasons."""
        return Reason("service_short_of_tasks", service=self.service, reasons=self.reasons)

    @property
    def text(self) -> str:
        """The reasons as text."""
        return ". ".join(map(str, self.reasons))

    def __str__(self) -> str:
        return str(self.reason)


def without_ids(text: str) -> str:
    """The text without IDs of tasks, containers and endpoints, so that repeated errors are identical."""
    return _IDS.sub("…", " ".join(text.split()))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that is short of tasks: how many run, how many should, and why."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re

from .compat import dataclass
from .reasons import Reason

# What is wrong, the worst first.
PAUSED = "update_paused"
FAILING = "failing"
WAITING = "waiting_for_node"
STOPPED = "given_up_by_swarm"
NODE_LOST = "node_lost"
STARTING = "starting"
CODES = (PAUSED, FAILING, WAITING, STOPPED, NODE_LOST, STARTING)

# Swarm's IDs have 25 characters, containers and endpoints 64, or the first 12 of them.
_IDS = re.compile(
    r"\b(?=[a-z]*[0-9])(?=[0-9]*[a-z])[a-z0-9]{25}\b|\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{12,64}\b"
)


@dataclass(frozen=True, slots=True)
class Shortage:
    """``expected`` tasks should run, ``running`` do.

    ``code`` is one of ``CODES``; ``reasons`` say more, the worst first, without parts that differ with each
    attempt. ``errors`` are what the engine said. ``since``: when the tasks in question were created, in
    seconds since the epoch. ``is_fresh``: it may well pass by itself, and is not worth a warning yet.
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
        """The service with all reasons, as a warning or note."""
        return Reason("service_short_of_tasks", service=self.service, reasons=self.reasons)

    @property
    def text(self) -> str:
        """The reasons as text."""
        return ". ".join(map(str, self.reasons))

    def __str__(self) -> str:
        return str(self.reason)


def without_ids(text: str) -> str:
    """The text without IDs of tasks, containers and endpoints: the same error says the same each time."""
    return _IDS.sub("…", " ".join(text.split()))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a test injects into requests."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from tests.sim.store import Store

OUT_OF_SEQUENCE = "rpc error: code = Unknown desc = update out of sequence"
DEADLINE_EXCEEDED = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"


@dataclass(eq=False)
class Fault:
    """A fault for matching requests: it affects at most ``times`` of them, each with probability ``chance``.

    - ``method``, ``path``: of the requests; ``path`` is a regular expression for the whole path without the
      version; ``node``: host name of the engine that is asked
    - ``times``: the maximum number of affected requests, None for all; ``chance``: the share of matching ones
    - ``status`` and ``message``: the engine refuses the request without any change
    - ``drop``: the connection is closed: ``before`` the request is done, or ``after`` (done, but no answer)
    - ``delay_seconds``: the answer takes so long, in real time
    - ``stale``: reads show the swarm as it was when the fault was added
    """

    method: str = ".*"
    path: str = ".*"
    node: str | None = None
    times: int | None = None
    chance: float = 1.0
    status: int | None = None
    message: str = "injected"
    drop: str | None = None
    delay_seconds: float = 0.0
    stale: bool = False
    hits: int = 0
    seen: Store | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.drop not in (None, "before", "after"):
            raise ValueError(f"drop: expected before or after, found {self.drop}")

    def matches(self, method: str, path: str, node: str) -> bool:
        return (
            (self.times is None or self.hits < self.times)
            and self.node in (None, node)
            and re.fullmatch(self.method, method) is not None
            and re.fullmatch(self.path, path) is not None
        )


def out_of_sequence(path: str = ".*/update", *, times: int | None = None, chance: float = 1.0) -> Fault:
    """Writes fail as if another client had been faster."""
    return Fault(method="POST", path=path, times=times, chance=chance, status=500, message=OUT_OF_SEQUENCE)


class Faults:
    """The active faults, in the order in which they were added."""

    def __init__(self, chance: random.Random, store: Store) -> None:
        self._chance = chance
        self._store = store
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        if fault.stale:
            fault.seen = self._store.snapshot()
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        self._faults.remove(fault)

    def clear(self) -> None:
        self._faults.clear()

    def hit(self, method: str, path: str, node: str) -> list[Fault]:
        """Return the faults that affect this request."""
        found = []
        for fault in self._faults:
            if fault.matches(method, path, node) and self._chance.random() < fault.chance:
                fault.hits += 1
                found.append(fault)
        return found

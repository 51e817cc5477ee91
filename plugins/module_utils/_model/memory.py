# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory in use, as it was measured. All of it is in bytes; what was not measured is not there."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .compat import dataclass
from .reasons import Reason


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """Memory of the host that a node runs on. ``host`` is what the nodes of one physical host share."""

    host: str
    total_bytes: int
    available_bytes: int

    @property
    def used_bytes(self) -> int:
        return self.total_bytes - self.available_bytes

    @property
    def pressure(self) -> float:
        """The part of the memory that is in use, from 0 to 1."""
        return self.used_bytes / self.total_bytes if self.total_bytes else 1.0


@dataclass(frozen=True)
class Memory:
    """One measurement of the whole swarm.

    - ``nodes``: node ID → its host's memory; a node without a fresh sample is missing
    - ``tasks``: task ID → bytes in use by its container
    - ``services``: service ID → bytes in use by one of its tasks, where only that is known
    - ``problems``: what could not be measured, in words
    """

    nodes: Mapping[str, NodeMemory] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """The problems as warnings of a plan."""
        return tuple(Reason("measurement_problem", problem=problem) for problem in self.problems)

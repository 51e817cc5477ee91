# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measured memory usage, in bytes. Values that could not be measured are missing."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .compat import dataclass
from .mount import ObservedVolume
from .reasons import Reason


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """Memory of the host that a node runs on. All nodes of a physical host have the same ``host``."""

    host: str
    total_bytes: int
    available_bytes: int

    @property
    def used_bytes(self) -> int:
        return self.total_bytes - self.available_bytes

    @property
    def pressure(self) -> float:
        """The fraction of the memory in use, from 0 to 1."""
        return self.used_bytes / self.total_bytes if self.total_bytes else 1.0


@dataclass(frozen=True)
class Memory:
    """A measurement of the whole swarm.

    - ``nodes``: node ID → memory of its host; a node without a recent sample is missing
    - ``tasks``: task ID → bytes used by its container
    - ``services``: service ID → average of the bytes used by its measured tasks
    - ``volumes``: node ID → volume → what that node reports about it, if it has a plugin or options
    - ``problems``: endpoints that failed and samples that are not used, as warnings for a plan
    """

    nodes: Mapping[str, NodeMemory] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Reason, ...] = ()
    volumes: Mapping[str, Mapping[str, ObservedVolume]] = field(default_factory=dict)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forecasts for lost or added nodes (see ``_plan.what_if``)."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from .compat import dataclass
from .reasons import Reason
from .snapshot import Node


@dataclass(frozen=True)
class Fate:
    """The future of the tasks of one service on one node. If ``node`` is empty, they are pending.

    - ``to``: the host names of the nodes that the tasks may move to
    - ``unplaced``: how many tasks fit on no node, in the worst case; ``obstacles``: the reasons
    - ``waiting``: how many tasks fit on no node today, before any node is lost or added
    - ``anchor``: the service that they follow
    - ``data``: the data left behind on the lost node
    - ``is_replaced``: False if Swarm does not place them again, because of the restart policy
    """

    service: str
    node: str
    count: int
    to: tuple[str, ...]
    unplaced: int = 0
    obstacles: tuple[Reason, ...] = ()
    anchor: str | None = None
    data: tuple[str, ...] = ()
    is_replaced: bool = True
    waiting: int = 0

    @property
    def is_worse(self) -> bool:
        """Whether more tasks may be unplaced than today."""
        return self.unplaced > self.waiting

    @property
    def is_better(self) -> bool:
        """Whether some tasks that are unplaced today are certain to be placed."""
        return self.unplaced < self.waiting

    @property
    def is_certain(self) -> bool:
        return not self.unplaced and (len(self.to) == 1 or self.count == len(self.to) > 1)

    def to_data(self) -> dict[str, Any]:
        return {**asdict(self), "obstacles": [reason.to_data() for reason in self.obstacles]}


@dataclass(frozen=True, slots=True)
class HostForecast:
    """The memory of a host. ``before``, ``least`` and ``most`` are the fractions of it in use.

    Above 1, the tasks do not fit.
    """

    name: str
    total_bytes: int
    before: float
    least: float
    most: float

    @property
    def is_overfull(self) -> bool:
        """Whether the host may run out of memory, and by more than today."""
        return self.most > max(1.0, self.before)


@dataclass(frozen=True)
class Forecast:
    """The effects of losing and adding nodes.

    - ``lost``, ``added``: host names; ``down``: the lost nodes that are already down
    - ``fates``: the fates of all tasks that need to be placed
    - ``ended``: global services that lose a task with a lost node; ``begun``: those that start one on a new
      node
    - ``hosts``: the memory of the remaining hosts with metrics
    - ``quorum``: why the managers would lose their quorum, or None
    - ``unknown``: services whose memory usage is unknown and counts as zero
    """

    lost: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    fates: tuple[Fate, ...] = ()
    ended: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    hosts: tuple[HostForecast, ...] = ()
    quorum: Reason | None = None
    unknown: tuple[str, ...] = ()
    down: tuple[str, ...] = ()

    @property
    def unplaced(self) -> tuple[Fate, ...]:
        """The fates with unplaced tasks, including those that are unplaced today."""
        return tuple(fate for fate in self.fates if fate.unplaced)

    @property
    def worse(self) -> tuple[Fate, ...]:
        """The fates with more unplaced tasks than today."""
        return tuple(fate for fate in self.fates if fate.is_worse)

    @property
    def better(self) -> tuple[Fate, ...]:
        """The fates with fewer unplaced tasks than today."""
        return tuple(fate for fate in self.fates if fate.is_better)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The services with tasks that fit on no node today."""
        return tuple(sorted({fate.service for fate in self.fates if fate.waiting}))

    @property
    def overfull(self) -> tuple[HostForecast, ...]:
        return tuple(host for host in self.hosts if host.is_overfull)

    @property
    def is_survived(self) -> bool:
        """Whether nothing gets worse: unplaced tasks, memory, and the quorum of the managers."""
        return not self.worse and not self.overfull and self.quorum is None

    def to_data(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "fates": [fate.to_data() for fate in self.fates],
            "quorum": None if self.quorum is None else self.quorum.to_data(),
        }


@dataclass(frozen=True)
class NewNode:
    """A node to add: a worker with the properties of ``like`` (a node of the swarm) and this much memory."""

    hostname: str
    memory_bytes: int
    labels: Mapping[str, str] = field(default_factory=dict)
    like: Node | None = None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would happen if nodes were lost or added (see ``_plan.what_if``)."""

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
    """The future of the tasks of one service on one node (``node`` is empty: they wait for one).

    ``to``: the host names of the nodes that they may go to. ``unplaced``: how many of them find no place,
    in the worst case, and ``obstacles`` why. ``waiting``: how many of them have no place today and would find
    none as things are. ``anchor``: the service that they follow. ``data``: the data left behind on the lost
    node. ``is_replaced`` is false if Swarm won't place them again, because of the restart policy.
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
        """Whether more of them may be without a place than today."""
        return self.unplaced > self.waiting

    @property
    def is_better(self) -> bool:
        """Whether some that have no place today find one for sure."""
        return self.unplaced < self.waiting

    @property
    def is_certain(self) -> bool:
        return not self.unplaced and (len(self.to) == 1 or self.count == len(self.to) > 1)

    def to_data(self) -> dict[str, Any]:
        return {**asdict(self), "obstacles": [reason.to_data() for reason in self.obstacles]}


@dataclass(frozen=True, slots=True)
class HostForecast:
    """The memory of a host. ``before``, ``least`` and ``most`` are parts of it, 1 being all; above 1 the
    tasks do not fit."""

    name: str
    total_bytes: int
    before: float
    least: float
    most: float

    @property
    def is_overfull(self) -> bool:
        """Whether it may come to this host not having enough memory, and has today."""
        return self.most > max(1.0, self.before)


@dataclass(frozen=True)
class Forecast:
    """What would happen.

    - ``lost``, ``added``: host names; ``down``: those of the lost ones that are down already
    - ``fates``: of all tasks that would have to be placed
    - ``ended``: global services whose task on a lost node just ends; ``begun``: those that start on a new one
    - ``hosts``: of the remaining hosts that are measured
    - ``quorum``: why the managers would lose their majority, or None
    - ``unknown``: services whose memory is not known, and does not count
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
        """Those of which tasks would be without a place, today or then."""
        return tuple(fate for fate in self.fates if fate.unplaced)

    @property
    def worse(self) -> tuple[Fate, ...]:
        """Those with more tasks without a place than today."""
        return tuple(fate for fate in self.fates if fate.is_worse)

    @property
    def better(self) -> tuple[Fate, ...]:
        """Those with fewer."""
        return tuple(fate for fate in self.fates if fate.is_better)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The services of which tasks have no place today, and would find none as things are."""
        return tuple(sorted({fate.service for fate in self.fates if fate.waiting}))

    @property
    def overfull(self) -> tuple[HostForecast, ...]:
        return tuple(host for host in self.hosts if host.is_overfull)

    @property
    def is_survived(self) -> bool:
        """Whether it is no worse than today: in places, memory, and the managers' majority."""
        return not self.worse and not self.overfull and self.quorum is None

    def to_data(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "fates": [fate.to_data() for fate in self.fates],
            "quorum": None if self.quorum is None else self.quorum.to_data(),
        }


@dataclass(frozen=True)
class NewNode:
    """A node to be added: a worker like ``like`` (a node of the swarm), with this much memory."""

    hostname: str
    memory_bytes: int
    labels: Mapping[str, str] = field(default_factory=dict)
    like: Node | None = None

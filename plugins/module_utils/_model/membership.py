# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says of its membership, and what is to become of all of them together."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.address import Address, seen_at
from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass

# A promotion takes seconds; a node that has the role for so long and is no manager never becomes one.
PROMOTION_SECONDS = 60.0

# the states of an engine, as it calls them
INACTIVE = "inactive"
ACTIVE = "active"
LOCKED = "locked"

MAX_MANAGERS = 7
DEFAULT_MANAGERS = 3


def quorum(managers: int) -> int:
    """How many of so many managers have to be alive for the swarm to take any change."""
    return managers // 2 + 1


@dataclass(frozen=True, slots=True)
class KnownNode:
    """An entry in a manager's list of nodes. ``manager_addr``: where it is joined, empty for a worker.

    ``address``: where the managers see it from. ``age_seconds``: how long ago Swarm last wrote the entry.
    """

    id: str
    hostname: str
    role: str = "worker"
    state: str = "ready"
    reachability: str | None = None
    manager_addr: str = ""
    age_seconds: float = 0.0
    address: str = ""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where Swarm sees it; empty where it does not know."""
        return seen_at(self.address, self.manager_addr)

    @property
    def is_half_manager(self) -> bool:
        """Whether it has the role, but is none of the managers: it becomes one, or has been left out."""
        return self.role == "manager" and self.reachability is None


@dataclass(frozen=True)
class Member:
    """What one host's engine says of itself, and, if it is a manager, of its swarm.

    ``problem``: why it could not be asked, in words; then all else is unknown. ``state``: ``inactive``,
    ``pending``, ``active``, ``locked`` or ``error``. ``cluster_id`` is known to managers only.
    ``remote_managers``: IDs of the managers that it knows.
    """

    hostname: str = ""
    problem: str = ""
    state: str = INACTIVE
    error: str = ""
    node_id: str = ""
    address: str = ""
    control: bool = False
    cluster_id: str = ""
    remote_managers: tuple[str, ...] = ()
    nodes: tuple[KnownNode, ...] = ()

    @property
    def manages(self) -> bool:
        return self.state == ACTIVE and self.control

    @cached_property
    def managers(self) -> tuple[KnownNode, ...]:
        """The members of the managers' Raft group, as this manager sees them."""
        return tuple(node for node in self.nodes if node.reachability is not None)

    @property
    def has_quorum(self) -> bool:
        """Whether the swarm that this host manages can take changes."""
        reachable = sum(node.reachability == "reachable" for node in self.managers)
        return self.manages and bool(self.managers) and reachable >= quorum(len(self.managers))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Member:
        """The reverse of ``dataclasses.asdict``; what is unknown there is passed over."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known["remote_managers"] = tuple(known.get("remote_managers") or ())
        known["nodes"] = tuple(
            KnownNode(**{name: node[name] for name in KnownNode.__dataclass_fields__ if name in node})
            for node in known.get("nodes") or ()
        )
        return cls(**known)


@dataclass(frozen=True)
class Formation:
    """Which swarm the configured one is, and who may do what about it.

    - ``cluster_id``: its ID; empty while there is none
    - ``init_on``: the host that is to make it, if there is none
    - ``via``: the hosts that manage it, those first that are to stay managers
    - ``nodes``: its nodes by ID, as its managers see them
    - ``managers``: the hosts that are to be managers
    - ``lost``: hosts that believe in their membership, of which the swarm knows nothing → why
    - ``foreign``: hosts in another swarm → which, in words
    - ``faults``: hosts that cannot be dealt with → why
    - ``trouble``: why nobody can join or be changed, in words; empty where that is possible
    """

    cluster_id: str = ""
    init_on: str = ""
    via: tuple[str, ...] = ()
    nodes: Mapping[str, KnownNode] = field(default_factory=dict)
    managers: tuple[str, ...] = ()
    lost: Mapping[str, str] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it is joined."""
        return tuple(
            sorted(
                node.manager_addr
                for node in self.nodes.values()
                if node.manager_addr and node.reachability == "reachable"
            )
        )

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says of its membership, and what is to become of all of them together."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

from .address import Address, seen_at
from .compat import dataclass
from .reasons import Reason

# A promotion takes seconds; a node that has the role for so long and is no manager never becomes one.
PROMOTION_SECONDS = 60.0

# the states of an engine, as it calls them
INACTIVE = "inactive"
ACTIVE = "active"
LOCKED = "locked"

# what a host may say of itself, and of how many nodes
MAX_SAID = 4096
MAX_LISTED = 10_000

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
    def from_data(cls, data: Any) -> Member:
        """The reverse of ``dataclasses.asdict``; what is unknown there is passed over.

        The data is what a host has said. Where it is no such thing, the host counts as not asked.
        """
        try:
            return cls(**_values(data, _MEMBER))
        except _NoAnswer as error:
            return cls(problem=f"it gave an answer that cannot be read: {error}")


class _NoAnswer(Exception):
    """What a host has said is not what it was asked for."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_SAID:
        raise _NoAnswer(f"expected text of at most {MAX_SAID} characters")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _NoAnswer("expected true or false")
    return value


def _age(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
        raise _NoAnswer("expected a number of seconds")
    return float(value)


def _items(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read_items(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > MAX_LISTED:
            raise _NoAnswer(f"expected a list of at most {MAX_LISTED}")
        return tuple(read(item) for item in value)

    return read_items


def _node(value: Any) -> KnownNode:
    found = _values(value, _NODE)
    if not {"id", "hostname"} <= found.keys():
        raise _NoAnswer("expected the ID and the host name of each node")
    return KnownNode(**found)


def _values(data: Any, readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise _NoAnswer("expected a mapping")
    found = {}
    for name, read in readers.items():
        if name in data:
            try:
                found[name] = read(data[name])
            except _NoAnswer as error:
                raise _NoAnswer(f"{name}: {error}") from None
    return found


_NODE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("id", "hostname", "role", "state", "manager_addr", "address"), _text),
    "reachability": lambda value: None if value is None else _text(value),
    "age_seconds": _age,
}
_MEMBER: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("hostname", "problem", "state", "error", "node_id", "address", "cluster_id"), _text),
    "control": _flag,
    "remote_managers": _items(_text),
    "nodes": _items(_node),
}


@dataclass(frozen=True)
class Formation:
    """Which swarm the configured one is, and who may do what about it.

    - ``cluster_id``: its ID; empty while there is none
    - ``init_on``: the host that is to make it, if there is none
    - ``via``: the hosts that manage it, those first that are to stay managers
    - ``nodes``: its nodes by ID, as its managers see them
    - ``managers``: the hosts that are to be managers
    - ``lost``: hosts that believe in their membership, of which the swarm knows nothing → why
    - ``foreign``: hosts in another swarm → which
    - ``faults``: hosts that cannot be dealt with → why
    - ``doubts``: hosts that say they manage it, and are not believed → why
    - ``contested``: why only the leader's word tells which swarm it is; None if others confirm it
    - ``trouble``: why no host can join or be changed; None if that is possible
    - ``divided``: the hosts that say they manage it, where the trouble is that too few confirm that; each of
      them can still do what concerns nothing but its own swarm
    - ``is_contradicted``: whether a host says otherwise, rather than too many nothing at all
    """

    cluster_id: str = ""
    init_on: str = ""
    via: tuple[str, ...] = ()
    nodes: Mapping[str, KnownNode] = field(default_factory=dict)
    managers: tuple[str, ...] = ()
    lost: Mapping[str, Reason] = field(default_factory=dict)
    foreign: Mapping[str, Reason] = field(default_factory=dict)
    faults: Mapping[str, Reason] = field(default_factory=dict)
    doubts: Mapping[str, Reason] = field(default_factory=dict)
    contested: Reason | None = None
    trouble: Reason | None = None
    divided: tuple[str, ...] = ()
    is_contradicted: bool = False

    @property
    def acts(self) -> str:
        """The host that changes what a manager can change through the API; empty for none."""
        return next(iter(self.via or self.divided), "")

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

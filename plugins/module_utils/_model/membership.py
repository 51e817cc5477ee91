# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The membership that each host reports, and the swarm that all hosts together should form."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Any

from .address import Address, seen_at
from .compat import dataclass
from .reasons import Reason

# A promotion takes seconds. A node that is not a manager this long after its promotion never becomes one.
PROMOTION_SECONDS = 60.0

# the states of an engine, with the engine's names
INACTIVE = "inactive"
ACTIVE = "active"
LOCKED = "locked"

# limits for the data that a host reports
MAX_TEXT_CHARACTERS = 4096
MAX_LISTED = 10_000

MAX_MANAGERS = 7
DEFAULT_MANAGERS = 3


def quorum(managers: int) -> int:
    """How many managers must be reachable for the swarm to accept changes (the majority that Raft needs)."""
    return managers // 2 + 1


@dataclass(frozen=True, slots=True)
class KnownNode:
    """An entry in a manager's list of nodes.

    ``manager_addr`` is the address for joining at this node, empty for a worker. ``address`` is the address
    under which the managers know it. ``age_seconds`` is how long ago Swarm last wrote the entry.
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
        """The addresses under which Swarm knows the node; empty if it knows none."""
        return seen_at(self.address, self.manager_addr)

    @property
    def is_half_manager(self) -> bool:
        """Whether it has the role manager but is not (yet) a member of the managers' Raft group."""
        return self.role == "manager" and self.reachability is None


@dataclass(frozen=True)
class Member:
    """The report of one host's engine about itself and, if it is a manager, about its swarm.

    If ``problem`` is not empty, it is the reason why the host could not be observed, and all other fields are
    unknown. ``state`` is ``inactive``, ``pending``, ``active``, ``locked`` or ``error``. Only managers know
    ``cluster_id``. ``remote_managers`` are the IDs of the managers that the host knows.
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
        """The members of the managers' Raft group, according to this manager."""
        return tuple(node for node in self.nodes if node.reachability is not None)

    @property
    def has_quorum(self) -> bool:
        """Whether the swarm that this host manages accepts changes."""
        reachable = sum(node.reachability == "reachable" for node in self.managers)
        return self.manages and bool(self.managers) and reachable >= quorum(len(self.managers))

    @classmethod
    def from_data(cls, data: Any) -> Member:
        """The reverse of ``dataclasses.asdict``. Unknown fields are ignored.

        The data comes from a host. If it is invalid, the result has a ``problem``.
        """
        try:
            return cls(**_values(data, _MEMBER))
        except _InvalidAnswer as error:
            return cls(problem=f"invalid answer: {error}")


class _InvalidAnswer(Exception):
    """The data that a host reports is invalid."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS:
        raise _InvalidAnswer(f"expected a string of at most {MAX_TEXT_CHARACTERS} characters")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _InvalidAnswer("expected true or false")
    return value


def _age(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
        raise _InvalidAnswer("expected a number of seconds")
    return float(value)


def _items(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read_items(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > MAX_LISTED:
            raise _InvalidAnswer(f"expected a list of at most {MAX_LISTED} items")
        return tuple(read(item) for item in value)

    return read_items


def _node(value: Any) -> KnownNode:
    found = _values(value, _NODE)
    if not {"id", "hostname"} <= found.keys():
        raise _InvalidAnswer("expected the ID and the host name of each node")
    return KnownNode(**found)


def _values(data: Any, readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise _InvalidAnswer("expected a mapping")
    found = {}
    for name, read in readers.items():
        if name in data:
            try:
                found[name] = read(data[name])
            except _InvalidAnswer as error:
                raise _InvalidAnswer(f"{name}: {error}") from None
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
    """The identity of the configured swarm, and the hosts that can change it.

    - ``cluster_id``: the swarm's ID; empty if it does not exist yet
    - ``init_on``: the host that should create the swarm, if it does not exist yet
    - ``via``: the hosts that manage the swarm, starting with those that should stay managers
    - ``nodes``: the swarm's nodes by ID, according to its managers
    - ``managers``: the hosts that should be managers
    - ``lost``: hosts that claim to be members but that the swarm does not know → why
    - ``foreign``: hosts in another swarm → which
    - ``faults``: hosts that cannot be handled → why
    - ``doubts``: hosts that claim to manage the swarm but are not trusted → why
    - ``contested``: why only the configured leader identifies the swarm; None if others confirm it
    - ``trouble``: why no host can join or be changed; None if they can
    - ``divided``: the hosts that claim to manage the swarm, if ``trouble`` is that too few of them agree;
      each of them can still make changes that concern only its own swarm
    - ``is_contradicted``: whether a host disagrees, rather than too many being unreachable
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
        """The host that makes changes through the API of a manager; empty if there is none."""
        return next(iter(self.via or self.divided), "")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses for joining the swarm: those of its reachable managers."""
        return tuple(
            sorted(
                node.manager_addr
                for node in self.nodes.values()
                if node.manager_addr and node.reachability == "reachable"
            )
        )

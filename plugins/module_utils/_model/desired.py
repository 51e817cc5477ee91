# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants: the configuration after it was checked, as plain immutable data."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field, replace

from .address import Address, parse_address
from .compat import dataclass
from .errors import Problem

# the top-level sections whose entries lead to objects in the swarm that may have to be removed again
NODES = "nodes"
DEPENDENCIES = "dependencies"

DEFAULT_RETRY_INTERVALS = (2.0, 10.0, 60.0, 300.0, 900.0)


class Removals(enum.Enum):
    """Whether objects that we own and the configuration doesn't name are removed.

    - ALLOWED: yes; the section is given, and an object it doesn't name has left the configuration.
    - HELD: no; the section is absent, which may be an accident. A warning names what is kept, and how to
      confirm the removal.
    - FOREIGN: no, and without a word; the configuration covers only a part, the rest is another task's.
    """

    ALLOWED = "allowed"
    HELD = "held"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """One entry of ``nodes``: a host name (or node ID) and its labels, as the strings Swarm keeps.

    ``swarm_addr``: the address from which the swarm sees it, where that is not ``ip``.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ip: str | None = None
    role: str | None = None
    availability: str | None = None
    data_path_addr: str | None = None
    swarm_addr: str | None = None

    @property
    def expected_address(self) -> Address | None:
        """Where the swarm has to see the node for it to be this one; None where nothing says so."""
        return parse_address(self.swarm_addr or self.ip)


@dataclass(frozen=True, slots=True)
class SwarmConfig:
    """The part ``swarm``: how the swarm as such is set up. None: it is left as it is.

    ``default_addr_pool``, ``subnet_size``, ``data_path_port`` are given when a swarm is made and stay so.
    ``forget_after_seconds``: how long an entry has to be down before it is taken for a stale one.
    """

    cluster_id: str | None = None
    listen_addr: str | None = None
    data_path_addr: str | None = None
    data_path_port: int | None = None
    default_addr_pool: tuple[str, ...] | None = None
    subnet_size: int | None = None
    autolock: bool | None = None
    task_history_limit: int | None = None
    heartbeat_seconds: float | None = None
    cert_expiry_days: float | None = None
    snapshot_interval: int | None = None
    keep_old_snapshots: int | None = None
    log_entries_for_slow_followers: int | None = None
    forget_after_seconds: float | None = None
    paused_updates: str | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """An anchor and the services that stay where it runs.

    ``anchor`` and ``followers`` are service names without the prefix of their ``stack``; ``label`` is
    the key of the node label that marks the anchor's nodes; ``retry_intervals`` are seconds.
    """

    anchor: str
    stack: str
    label: str
    followers: tuple[str, ...] = ()
    restart_dependents: bool = False
    retry_intervals: tuple[float, ...] = DEFAULT_RETRY_INTERVALS
    relocate: str = "auto"
    manage_constraint: bool = True


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The whole configuration; the files' ``options`` are fields of their own here.

    ``node_removals`` is the policy for static labels, ``dependency_removals`` the one for anchors' labels,
    managed constraints and whatever else dependencies lead to. ``absent_sections``: those of NODES and
    DEPENDENCIES that aren't given, or only as nothing at all (``nodes:``); ``{}`` or ``[]`` gives a section.
    ``warnings``: what the user may not have meant, although it is valid.
    """

    nodes: Mapping[str, NodeConfig] = field(default_factory=dict)
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    leader: str | None = None
    advertise_addr: str | None = None
    prune_unknown_labels: bool = False
    managers: int | None = None
    swarm: SwarmConfig = field(default_factory=SwarmConfig)
    node_removals: Removals = Removals.ALLOWED
    dependency_removals: Removals = Removals.ALLOWED
    absent_sections: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()

    def with_removals(self, *, purge: bool = True, accepted: bool = False) -> DesiredState:
        """The same with the policies for removals that follow from what is given.

        ``purge``: the configuration is the whole one, not a part. ``accepted``: the user has confirmed that
        an absent section means nothing.
        """

        def policy(section: str) -> Removals:
            if not purge:
                return Removals.FOREIGN
            is_held = section in self.absent_sections and not accepted
            return Removals.HELD if is_held else Removals.ALLOWED

        return replace(self, node_removals=policy(NODES), dependency_removals=policy(DEPENDENCIES))

    @property
    def decides_roles(self) -> bool:
        """Whether the configuration says anything of who is a manager."""
        return self.managers is not None or any(node.role is not None for node in self.nodes.values())

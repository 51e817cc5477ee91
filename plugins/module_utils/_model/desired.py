# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state: the checked configuration as plain immutable data."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field, replace

from .address import Address, parse_address
from .compat import dataclass
from .errors import Problem
from .mount import StorageRules

# the top-level sections whose entries create objects in the swarm that may need to be removed later
NODES = "nodes"
DEPENDENCIES = "dependencies"

DEFAULT_RETRY_INTERVALS = (2.0, 10.0, 60.0, 300.0, 900.0)


class Removals(enum.Enum):
    """Whether to remove objects that Orcastra owns and that are not in the configuration.

    - ALLOWED: remove them. The section is given, so the objects have been removed from the configuration.
    - HELD: keep them. The section is absent, which may be a mistake. A warning names the objects and explains
      how to confirm the removal.
    - FOREIGN: keep them without a warning. The configuration covers only a part of the swarm.
    """

    ALLOWED = "allowed"
    HELD = "held"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """An entry of ``nodes``. ``name`` is a host name or node ID; the values of ``labels`` are strings.

    ``swarm_addr`` is the address under which the swarm knows the node, if it differs from ``ip``.
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
        """The address that identifies the node in the swarm, or None if none is configured."""
        return parse_address(self.swarm_addr or self.ip)


@dataclass(frozen=True, slots=True)
class SwarmConfig:
    """The part ``swarm``: settings of the swarm itself. A setting of None is not changed.

    ``default_addr_pool``, ``subnet_size`` and ``data_path_port`` can only be set when the swarm is created.
    ``forget_after_seconds`` is how long an entry must be down before it counts as stale.
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
    """An anchor and its followers.

    ``anchor`` and ``followers`` are service names without the prefix of their ``stack``. ``label`` is the key
    of the node label on the anchor's nodes. ``retry_intervals`` are in seconds.
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
    """The whole configuration. The files' ``options`` are separate fields here.

    ``node_removals`` is the policy for static labels; ``dependency_removals`` is the policy for everything
    that dependencies create, such as anchor labels and managed constraints. ``absent_sections`` are those of
    NODES and DEPENDENCIES that are not given or blank (``nodes:``); ``{}`` or ``[]`` gives a section.
    ``warnings`` are about valid values that the user may not have intended.
    """

    nodes: Mapping[str, NodeConfig] = field(default_factory=dict)
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    leader: str | None = None
    advertise_addr: str | None = None
    prune_unknown_labels: bool = False
    managers: int | None = None
    storage: StorageRules = field(default_factory=StorageRules)
    swarm: SwarmConfig = field(default_factory=SwarmConfig)
    node_removals: Removals = Removals.ALLOWED
    dependency_removals: Removals = Removals.ALLOWED
    absent_sections: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()

    def with_removals(self, *, purge: bool = True, accepted: bool = False) -> DesiredState:
        """The same state, with the policies for removals that follow from the given sections.

        ``purge``: the configuration covers the whole swarm. ``accepted``: the user has confirmed that an
        absent section is empty.
        """

        def policy(section: str) -> Removals:
            if not purge:
                return Removals.FOREIGN
            is_held = section in self.absent_sections and not accepted
            return Removals.HELD if is_held else Removals.ALLOWED

        return replace(self, node_removals=policy(NODES), dependency_removals=policy(DEPENDENCIES))

    @property
    def decides_roles(self) -> bool:
        """Whether the configuration sets the number of managers or the role of any node."""
        return self.managers is not None or any(node.role is not None for node in self.nodes.values())

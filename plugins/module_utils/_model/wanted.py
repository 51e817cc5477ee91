# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants: the configuration after it was checked, as plain immutable data."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ansible_collections.orcastra.swarm.plugins.module_utils._model.address import Address, parse_address
from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass

DEFAULT_RETRY_INTERVALS = (2.0, 10.0, 60.0, 300.0, 900.0)


@dataclass(frozen=True, slots=True)
class NodeWanted:
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
class SwarmWanted:
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
class Wanted:
    """The whole configuration; the files' ``options`` are fields of their own here.

    ``warnings``: what is as it may be, and yet hardly what the user meant, in words.
    """

    nodes: Mapping[str, NodeWanted] = field(default_factory=dict)
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    leader: str | None = None
    advertise_addr: str | None = None
    prune_unknown_labels: bool = False
    managers: int | None = None
    swarm: SwarmWanted = field(default_factory=SwarmWanted)
    warnings: tuple[str, ...] = ()

    @property
    def decides_roles(self) -> bool:
        """Whether the configuration says anything of who is a manager."""
        return self.managers is not None or any(node.role is not None for node in self.nodes.values())

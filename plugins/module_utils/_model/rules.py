# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checked content of ``rebalance_config.yml``."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .compat import dataclass
from .mount import StorageRules

# the keys of the configuration say GB, but mean GiB
MB = 1024**2
GB = 1024**3


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The limits for moves of one service. Memory is in bytes, time in seconds.

    ``may_leave_data``: the configuration lists the service, so it may be moved even if one of its local
    volumes or host paths stays behind.
    """

    cooldown_seconds: float = 15 * 60
    memory_difference_bytes: int = 2 * GB
    rebalance_buffer_bytes: int = GB
    may_leave_data: bool = False


@dataclass(frozen=True, slots=True)
class SpreadRules:
    """When to spread replicas and tasks over the nodes.

    ``topology``: a label such as ``node.labels.zone``: replicas are also spread over its values; empty for
    none. ``even_tasks``: whether services also move if one node runs at least two tasks more than another.
    ``settle_seconds``: how long a node must have been unchanged before tasks move to it.
    """

    topology: str = ""
    even_tasks: bool = True
    settle_seconds: float = 120.0


@dataclass(frozen=True)
class RebalanceRules:
    """The limits for all moves. ``services``: name as configured → its own limits.

    ``spread`` is None unless the configuration has the section. ``storage`` comes from ``swarm.yml``,
    everything else from the rebalance configuration.
    """

    default: ServiceRules = field(default_factory=ServiceRules)
    services: Mapping[str, ServiceRules] = field(default_factory=dict)
    sustained_seconds: float = 10 * 60
    max_moves_per_cycle: int = 1
    storage: StorageRules = field(default_factory=StorageRules)
    spread: SpreadRules | None = None


@dataclass(frozen=True)
class MetricSources:
    """The sources of memory metrics, and how to query them. Times are in seconds.

    - ``node_exporters``: a node (host name or ID) or a physical host → the URL of its node exporter
    - ``node_map``: a node → the physical host whose exporter is used for it
    - ``node_exporter_url``: the URL for all other nodes, with ``{address}`` or ``{hostname}`` in it, or None
    - ``cadvisors``, ``cadvisor_url``: the same for cAdvisor
    - ``prometheus_url``: the URL of a Prometheus server, or None; direct sources take precedence
    - ``headers``: one of these URLs or URL templates → the request headers for it, including secrets
    - ``is_optional``: whether a swarm in which no endpoint answers is expected, and no problem
    - ``scrape_interval_seconds``: samples older than twice this interval are ignored
    - ``timeout_seconds``: the timeout for all endpoints together
    - ``ca_path``: a file with CA certificates that replaces those of the system
    """

    node_exporters: Mapping[str, str] = field(default_factory=dict)
    node_map: Mapping[str, str] = field(default_factory=dict)
    node_exporter_url: str | None = None
    cadvisors: Mapping[str, str] = field(default_factory=dict)
    cadvisor_url: str | None = None
    prometheus_url: str | None = None
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    is_optional: bool = False
    scrape_interval_seconds: float = 30.0
    timeout_seconds: float = 5.0
    ca_path: str | None = None
    validate_certs: bool = True
    use_proxy: bool = False

    @property
    def max_age_seconds(self) -> float:
        """The maximum age of a sample. An older one may belong to a container that no longer exists."""
        return 2 * self.scrape_interval_seconds


@dataclass(frozen=True)
class Rebalance:
    """The whole of ``rebalance_config.yml``. ``interval_seconds`` is the time between two checks."""

    rules: RebalanceRules = field(default_factory=RebalanceRules)
    sources: MetricSources = field(default_factory=MetricSources)
    interval_seconds: float = 30.0

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the metrics endpoints of each node."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import field

from .._model.compat import dataclass
from .._model.rules import MetricSources
from .._model.snapshot import Node, SwarmSnapshot
from .._model.text import is_safe_name


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of a node. All nodes of one physical host have the same ``host``.

    ``is_mapped``: whether ``node_map`` lists the node. ``memory`` is the URL of its host's exporter, or None.
    ``tasks`` are the URLs that may report its tasks. ``headers`` maps a URL to the request headers for it.
    """

    node: Node
    host: str
    memory: str | None
    tasks: tuple[str, ...] = ()
    is_mapped: bool = False
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


def find_endpoints(snapshot: SwarmSnapshot, sources: MetricSources) -> tuple[Endpoints, ...]:
    """The endpoints of all ready nodes; other nodes cannot answer."""
    found = []
    hosts: dict[str, str] = {}
    for node in snapshot.nodes:
        if not node.is_ready:
            continue
        own = _named(snapshot, sources.node_exporters, node)
        physical = _named(snapshot, sources.node_map, node)
        template = None if own else sources.node_exporter_url
        own = own or _filled(sources.node_exporter_url, node)
        # for a virtual machine, use the memory of its host; its own exporter may still report its tasks
        memory = own if physical is None else sources.node_exporters.get(physical)
        host = physical or _unique_name(snapshot, node)
        if memory is not None:
            host = hosts.setdefault(memory, host)
        named_cadvisor = _named(snapshot, sources.cadvisors, node)
        cadvisor = named_cadvisor or _filled(sources.cadvisor_url, node)
        tasks = tuple(dict.fromkeys(url for url in (memory, own, cadvisor) if url is not None))
        # by the configured URL, which may be a template
        logins = {
            cadvisor: None if named_cadvisor else sources.cadvisor_url,
            own: template,
        }
        headers = {url: sources.headers.get(logins.get(url) or url, {}) for url in tasks}
        found.append(Endpoints(node, host, memory, tasks, physical is not None, headers))
    return tuple(found)


def unknown_names(snapshot: SwarmSnapshot, sources: MetricSources) -> tuple[str, ...]:
    """The keys of the configuration whose name is neither a node nor a host, such as ``node_map.x``."""
    nodes = {name for node in snapshot.nodes for name in (node.hostname, node.id)}
    hosts = {*nodes, *sources.node_map.values()}
    unknown = [f"node_exporters.{name}" for name in sources.node_exporters if name not in hosts]
    unknown += [f"metrics.cadvisors.{name}" for name in sources.cadvisors if name not in nodes]
    unknown += [f"node_map.{name}" for name in sources.node_map if name not in nodes]
    return tuple(unknown)


def _named(snapshot: SwarmSnapshot, names: Mapping[str, str], node: Node) -> str | None:
    """The entry of ``node``: by its ID, or by its host name if it is unique."""
    return names.get(node.id) or (names.get(node.hostname) if snapshot.has_own_name(node) else None)


def _filled(template: str | None, node: Node) -> str | None:
    """The URL of ``node``, or None if the template needs an unknown address or an unsafe host name.

    The root user of a host controls its host name.
    """
    if template is None or ("{hostname}" in template and not is_safe_name(node.hostname)):
        return None
    host = node.address
    try:
        address = ipaddress.ip_address(node.address)
    except ValueError:
        if "{address}" in template:
            return None
    else:
        if address.is_unspecified and "{address}" in template:
            return None
        host = f"[{address}]" if address.version == 6 else str(address)
    return template.replace("{address}", host).replace("{hostname}", node.hostname)


def _unique_name(snapshot: SwarmSnapshot, node: Node) -> str:
    """The host name, or the ID if the host name is not unique."""
    return node.hostname if snapshot.has_own_name(node) else node.id

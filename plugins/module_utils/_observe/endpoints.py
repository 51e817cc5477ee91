# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which endpoint is asked about which node."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass
from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a node's memory is found. ``host`` is the same for all nodes of one physical host; ``is_mapped``:
    whether ``node_map`` names it.

    ``memory``: the URL of the exporter that counts for it, None where there is none; ``tasks``: the URLs that
    may know its tasks.
    """

    node: Node
    host: str
    memory: str | None
    tasks: tuple[str, ...] = ()
    is_mapped: bool = False


def find_endpoints(picture: Picture, sources: MetricSources) -> tuple[Endpoints, ...]:
    """The endpoints of all nodes that are ready; the others cannot answer."""
    found = []
    hosts: dict[str, str] = {}
    for node in picture.nodes:
        if not node.is_ready:
            continue
        own = _named(sources.node_exporters, node)
        physical = _named(sources.node_map, node)
        own = own or _filled(sources.node_exporter_url, node)
        # of a virtual machine only its host's memory counts; its own exporter may still know its tasks
        memory = own if physical is None else sources.node_exporters.get(physical)
        host = physical or _unique_name(picture, node)
        if memory is not None:
            host = hosts.setdefault(memory, host)
        cadvisor = _named(sources.cadvisors, node) or _filled(sources.cadvisor_url, node)
        tasks = tuple(dict.fromkeys(url for url in (memory, own, cadvisor) if url is not None))
        found.append(Endpoints(node, host, memory, tasks, is_mapped=physical is not None))
    return tuple(found)


def unknown_names(picture: Picture, sources: MetricSources) -> tuple[str, ...]:
    """The names in the configuration that are neither a node's nor a host's, in words."""
    nodes = {name for node in picture.nodes for name in (node.hostname, node.id)}
    hosts = {*nodes, *sources.node_map.values()}
    lost = [f"node_exporters.{name}" for name in sources.node_exporters if name not in hosts]
    lost += [f"metrics.cadvisors.{name}" for name in sources.cadvisors if name not in nodes]
    lost += [f"node_map.{name}" for name in sources.node_map if name not in nodes]
    return tuple(f"{name}: no node of this swarm has this host name or ID" for name in lost)


def _named(names: Mapping[str, str], node: Node) -> str | None:
    return names.get(node.id) or names.get(node.hostname)


def _filled(template: str | None, node: Node) -> str | None:
    """The URL of ``node``; None where it needs an address and Swarm knows none."""
    if template is None:
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


def _unique_name(picture: Picture, node: Node) -> str:
    """The host name, with the ID behind it if another node that is ready has the same.

    An entry that a node left behind when it joined again is not ready, and confuses nothing.
    """
    namesakes = [other for other in picture.nodes_by_hostname[node.hostname] if other.is_ready]
    return node.hostname if len(namesakes) <= 1 else f"{node.hostname} ({node.id})"

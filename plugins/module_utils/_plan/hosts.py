# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of an inventory: the configured nodes merged with those of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass
from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import NodeWanted, Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import find_nodes

# These groups are there even where they are empty, so that a playbook can always name them.
GROUPS = ("swarm", "managers", "workers", "leader", "reachable", "down", "missing", "unknown")
# what an engine says where it doesn't know its own address
_NO_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A host by its name in the inventory. ``groups``: raw names, which Ansible may not take as they are."""

    name: str
    groups: tuple[str, ...]
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts, sorted by name, and what is odd about them, in words."""

    hosts: tuple[InventoryHost, ...] = ()
    warnings: tuple[str, ...] = ()


def merge_hosts(wanted: Wanted, nodes: Sequence[Node] | None) -> Hosts:
    """Merge the configuration with the swarm's ``nodes``; None means that the swarm could not be asked.

    A host has the name it is configured by, else its host name. A leftover entry of a host that has joined
    again counts for nothing.
    """
    hosts: list[InventoryHost] = []
    warnings: list[str] = []
    picture = Picture(nodes=tuple(nodes or ()))
    names: dict[str, str] = {}
    for name, entry in wanted.nodes.items():
        found = find_nodes(picture, name)
        if len(found) > 1:
            warnings.append(_shared(name, found))
            continue
        if not found:
            hosts.append(_configured_host(wanted, entry, asked=nodes is not None))
            continue
        node = found[0]
        if node.id in names:
            warnings.append(f"nodes.{name}: this is the node {names[node.id]} again, so it is left out")
            continue
        names[node.id] = name
        hosts.append(_live_host(name, node, entry))
    for hostname in sorted(picture.nodes_by_hostname):
        found = find_nodes(picture, hostname)
        if len(found) == 1 and found[0].id in names:
            continue
        alone = len(found) == 1 and hostname not in wanted.nodes and hostname
        if not alone and hostname not in wanted.nodes:
            warnings.append(_shared(hostname, found))
        for node in found:
            if node.id not in names:
                name = hostname if alone else node.id
                hosts.append(_live_host(name, node, wanted.nodes.get(hostname), shares_name=not alone))
    return Hosts(tuple(sorted(hosts, key=lambda host: host.name)), tuple(warnings))


def _shared(name: str, nodes: Sequence[Node]) -> str:
    ids = ", ".join(sorted(node.id for node in nodes))
    shown = name or "no host name"
    return f"{shown}: {len(nodes)} nodes have this name, so each goes by its ID: {ids}"


def _live_host(
    name: str, node: Node, entry: NodeWanted | None, *, shares_name: bool = False
) -> InventoryHost:
    groups = ["swarm", f"{node.role}s"]
    if node.leader:
        groups.append("leader")
    if node.is_ready:
        groups.append("reachable")
    if node.is_down:
        groups.append("down")
    if entry is None:
        groups.append("unknown")
    address = "" if node.address in _NO_ADDRESS else node.address
    # one address cannot be that of several nodes
    configured = entry.ip if entry is not None and not shares_name else None
    return _host(
        name,
        groups,
        configured or address,
        {
            "id": node.id,
            "hostname": node.hostname,
            "role": node.role,
            "availability": node.availability,
            "state": node.state,
            "leader": node.leader,
            "reachability": node.reachability or "",
            "labels": dict(node.labels),
            "engine_labels": dict(node.engine_labels),
            "engine_version": node.engine_version,
            "os": node.os,
            "architecture": node.architecture,
            "configured": entry is not None,
        },
    )


def _configured_host(wanted: Wanted, entry: NodeWanted, *, asked: bool) -> InventoryHost:
    """A node that is not in the swarm, or, where that could not be ``asked``, may be in it."""
    role = entry.role or ("manager" if entry.name == wanted.leader else "")
    groups = ["swarm"]
    if asked:
        groups.append("missing")
    elif role:
        groups.append(f"{role}s")
    return _host(
        entry.name,
        groups,
        entry.ip or "",
        {
            "id": "",
            "hostname": entry.name,
            "role": role,
            "availability": entry.availability or "",
            "state": "missing" if asked else "",
            "leader": False,
            "reachability": "",
            "labels": dict(entry.labels),
            "engine_labels": {},
            "engine_version": "",
            "os": "",
            "architecture": "",
            "configured": True,
        },
    )


def _host(name: str, groups: list[str], ip: str, facts: dict[str, Any]) -> InventoryHost:
    for key, value in sorted(facts["labels"].items()):
        groups.append(f"label_{key}")
        if value:
            groups.append(f"label_{key}_{value}")
    variables: dict[str, Any] = {f"swarm_{key}": value for key, value in {"ip": ip, **facts}.items()}
    if ip:
        variables["ansible_host"] = ip
    return InventoryHost(name, tuple(dict.fromkeys(groups)), variables)

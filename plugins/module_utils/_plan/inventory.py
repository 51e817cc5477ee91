# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the hosts of an inventory: the configured nodes merged with the nodes of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .._model.address import names_a_host, parse_address
from .._model.compat import dataclass
from .._model.desired import DesiredState, NodeConfig
from .._model.reasons import Reason
from .._model.snapshot import Node, SwarmSnapshot
from .._model.text import is_safe_name
from .names import identify_all

# These groups always exist, even if empty, so that playbooks can use them.
GROUPS = ("swarm", "managers", "workers", "leader", "reachable", "down", "missing", "unknown")
# how many characters of an unusual name are shown
_SHOWN = 64
# prefix of the groups for labels
LABEL_GROUP = "label_"
# Names that Ansible or the resolver treat as the control node or as built-in groups.
_LOCAL = frozenset({"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"})
_RESERVED = frozenset({"all", "ungrouped", "hostvars", *GROUPS})
# Programs read each of these as an IPv4 address: 127.1, 0x7f000001, 2130706433.
_NUMBERS = re.compile(r"(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]+|[0-9]+)){0,3}\.?")


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A host by its name in the inventory. ``groups``: raw names, which may be invalid in Ansible.

    ``node_id``: the ID of its node, or empty. ``pinned``: whether its address is configured.
    """

    name: str
    groups: tuple[str, ...]
    variables: Mapping[str, Any]
    node_id: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts, sorted by name, and problems that the user must solve."""

    hosts: tuple[InventoryHost, ...] = ()
    warnings: tuple[Reason, ...] = ()


def merge_hosts(
    desired: DesiredState, nodes: Sequence[Node] | None, others: Mapping[str, str] | None = None
) -> Hosts:
    """Merge the configuration with the swarm's ``nodes``; None means that the swarm could not be asked.

    A host has its configured name, or its host name if that is safe, or its node ID. Host names can be
    unsafe: older releases of Ansible evaluate them as templates, host patterns have special characters, and
    the name of another host would impersonate that host. Stale entries of hosts that have joined again are
    ignored. ``others``: hosts from other inventory sources with their ``ansible_host``, or empty.
    """
    hosts: list[InventoryHost] = []
    warnings: list[Reason] = []
    snapshot = SwarmSnapshot(nodes=tuple(nodes or ()))
    identities = identify_all(snapshot, desired).by_name
    names: dict[str, str] = {}
    for name, entry in desired.nodes.items():
        identity = identities[name]
        if len(identity.nodes or identity.namesakes) > 1:
            warnings.append(_shared(name, identity.nodes or identity.namesakes))
            continue
        warnings += [identity.why_not(node) for node in identity.impostors]
        if not identity.nodes:
            hosts.append(_configured_host(desired, entry, asked=nodes is not None))
            continue
        node = identity.nodes[0]
        if node.id in names:
            warnings.append(Reason("node_configured_twice", name=name, other=names[node.id]))
            continue
        names[node.id] = name
        hosts.append(_live_host(name, node, entry))
    impostors = {node.id for identity in identities.values() for node in identity.impostors}
    configured = {name.lower() for name in desired.nodes}
    for hostname in sorted(snapshot.nodes_by_hostname):
        found = [node for node in snapshot.nodes_by_hostname[hostname] if node.is_ready]
        found = found or list(snapshot.nodes_by_hostname[hostname])
        for node in found:
            if node.id in names:
                continue
            if not is_safe_name(node.id):
                warnings.append(Reason("node_id_invalid", node_id=node.id))
                continue
            shares_name = len(found) > 1
            entry_of_it = desired.nodes.get(hostname) if node.id not in impostors else None
            why = None
            if shares_name and hostname not in desired.nodes and node is found[0]:
                warnings.append(_shared(hostname, found))
            elif not shares_name and hostname not in desired.nodes:
                why = _why_no_name(node, snapshot, configured, others or {})
            if why is not None:
                warnings.append(Reason("node_named_by_id", node_id=node.id, because=why))
            is_named = why is None and not shares_name and hostname not in desired.nodes
            name = hostname if is_named else node.id
            hosts.append(_live_host(name, node, entry_of_it, shares_name=not is_named))
    return Hosts(tuple(sorted(hosts, key=lambda host: host.name)), tuple(warnings))


def _why_no_name(
    node: Node, snapshot: SwarmSnapshot, configured: Collection[str], others: Mapping[str, str]
) -> Reason | None:
    """Return why a node cannot have its host name in an inventory; None if it can.

    ``configured``: the configured names, in lower case.
    """
    name = node.hostname
    folded = name.lower().rstrip(".")
    shown = _shown(name)
    if not name:
        return Reason("hostname_empty")
    if not is_safe_name(name):
        return Reason("hostname_unsafe", hostname=shown)
    if folded in _LOCAL or folded.startswith("localhost.") or folded.endswith(".localhost"):
        return Reason("hostname_local", hostname=shown)
    address = parse_address(name)
    if _NUMBERS.fullmatch(name) and (address is None or address not in node.addresses):
        return Reason("hostname_is_address", hostname=shown)
    if folded in _RESERVED or folded.startswith(LABEL_GROUP):
        return Reason("hostname_is_group", hostname=shown)
    if folded in configured:
        return Reason("hostname_differs_in_case", hostname=shown)
    if name in snapshot.node_by_id and name != node.id:
        return Reason("hostname_is_node_id", hostname=shown)
    elsewhere = parse_address(others.get(name))
    if elsewhere is not None and elsewhere not in node.addresses:
        return Reason("hostname_of_other_host", hostname=shown, address=str(elsewhere))
    return None


def _shown(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def _shared(name: str, nodes: Sequence[Node]) -> Reason:
    ids = sorted(node.id for node in nodes)
    if not name:
        return Reason("nodes_without_hostname", count=len(ids), node_ids=ids)
    return Reason("hostname_shared", hostname=_shown(name), count=len(ids), node_ids=ids)


def _live_host(
    name: str, node: Node, entry: NodeConfig | None, *, shares_name: bool = False
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
    address = next((str(one) for one in node.addresses if names_a_host(one)), "")
    # several nodes cannot share one configured address
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
        pinned=configured is not None,
    )


def _configured_host(desired: DesiredState, entry: NodeConfig, *, asked: bool) -> InventoryHost:
    """Return a configured node that is not in the swarm, or may be in it if the swarm was not ``asked``."""
    role = entry.role or ("manager" if entry.name == desired.leader else "")
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
        pinned=entry.ip is not None,
    )


def _host(name: str, groups: list[str], ip: str, facts: dict[str, Any], *, pinned: bool) -> InventoryHost:
    for key, value in sorted(facts["labels"].items()):
        groups.append(f"{LABEL_GROUP}{key}")
        if value:
            groups.append(f"{LABEL_GROUP}{key}_{value}")
    variables: dict[str, Any] = {f"swarm_{key}": value for key, value in {"ip": ip, **facts}.items()}
    if ip:
        variables["ansible_host"] = ip
    return InventoryHost(name, tuple(dict.fromkeys(groups)), variables, facts["id"], pinned)

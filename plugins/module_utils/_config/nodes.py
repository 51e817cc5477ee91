# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of nodes that a schema cannot express: addresses, labels, the leader."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .._model.desired import NodeConfig
from .._model.errors import Problem
from .merge import Merged
from .words import describe, suggest

_WITH_PORT = re.compile(r"\[(?P<v6>[^\[\]]*)\](?::(?P<port6>[0-9]+))?|(?P<host>[^:]*):(?P<port>[0-9]+)")
# A valid name of a network interface on Linux.
_INTERFACE = re.compile(r"[^\s/:\x00-\x1f\x7f\ud800-\udfff]{1,15}")
_LIKE_ADDRESS = re.compile(r"[0-9.]+")


def build_nodes(merged: Merged) -> tuple[dict[str, NodeConfig], list[Problem]]:
    """Build the nodes by name. Returns them and their problems."""
    problems: list[Problem] = []
    nodes: dict[str, NodeConfig] = {}
    seen: dict[object, str] = {}
    for name, entry in merged.nodes.items():
        node = entry or {}
        ip = node.get("ip")
        nodes[name] = NodeConfig(
            name=name,
            labels=_labels(node.get("labels")),
            ip=ip,
            role=node.get("role"),
            availability=node.get("availability"),
            data_path_addr=node.get("data_path_addr"),
            swarm_addr=node.get("swarm_addr"),
        )
        seen_as = node.get("swarm_addr")
        if seen_as is not None and _address(seen_as) is None:
            problems.append(merged.problem(("nodes", name, "swarm_addr"), "an IP address", describe(seen_as)))
        if ip is None:
            continue
        path = ("nodes", name, "ip")
        address = _address(ip)
        if address is None:
            problems.append(merged.problem(path, "an IP address", describe(ip)))
        elif address in seen:
            other = seen[address]
            place = merged.place(("nodes", other, "ip"))
            found = f"{describe(ip)}, which is also the address of '{other}' ({place})"
            problems.append(merged.problem(path, "a different address for each node", found, "duplicate"))
        else:
            seen[address] = name
    return nodes, problems


def check_manager(merged: Merged, *, nodes_are_known: bool) -> list[Problem]:
    """Check ``leader`` and ``advertise_addr``.

    ``nodes_are_known`` is False if a file that may contain more nodes could not be read.
    """
    problems: list[Problem] = []
    leader = merged.leader
    if leader is not None and nodes_are_known and merged.node_names and leader not in merged.node_names:
        found = f"{describe(leader)}{suggest(leader, merged.node_names)}"
        problems.append(merged.problem(("leader",), "one of the configured nodes", found, "unknown_name"))
    address = merged.advertise_addr
    if address is not None and not _is_advertise_addr(address):
        expected = "an IP address or a network interface"
        problems.append(merged.problem(("advertise_addr",), expected, describe(address)))
    return problems


def _labels(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return dict.fromkeys(value, "true")
    return {key: _label_value(item) for key, item in (value or {}).items()}


def _label_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_advertise_addr(text: str) -> bool:
    """Whether Docker's ``--advertise-addr`` accepts it: ``<ip|interface>[:port]``."""
    if _address(text) is not None:
        return True
    match = _WITH_PORT.fullmatch(text)
    if match is not None:
        port = match["port"] or match["port6"]
        if port is not None and not (len(port) <= 5 and 0 < int(port) < 65536):
            return False
        if match["v6"] is not None:
            return _address(match["v6"]) is not None
        text = match["host"]
    if _LIKE_ADDRESS.fullmatch(text):
        return _address(text) is not None
    return _INTERFACE.fullmatch(text) is not None

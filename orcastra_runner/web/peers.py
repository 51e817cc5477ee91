# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links to the pages of other instances.

An instance can't know whether another one serves its page, so the user configures where
(``ORCASTRA_PEERS``). The managers and their addresses come from the swarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.address import names_a_host
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.values import ADDRESS


def peers_data(links: Iterable[str], seen: Observation | None) -> list[dict[str, Any]]:
    """Return the pages of other instances: the URL, and the manager if the URL was made from its address.

    ``seen`` is None before the first observation; then only the URLs without an address are known.
    """
    found: list[dict[str, Any]] = []
    for link in links:
        if ADDRESS not in link:
            found.append({"url": link, "node": None, "leads": None})
            continue
        for node in () if seen is None else _other_managers(seen):
            address = next(filter(names_a_host, node.addresses), None)
            if address is not None:
                shown = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
                url = link.replace(ADDRESS, shown)
                found.append({"url": url, "node": node.hostname or node.id, "leads": node.leader})
    return found


def _other_managers(seen: Observation) -> list[Node]:
    nodes = seen.snapshot.nodes
    others = [node for node in nodes if node.role == "manager" and node.id != seen.local_node_id]
    return sorted(others, key=lambda node: (node.hostname, node.id))

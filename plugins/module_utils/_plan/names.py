# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find what the configuration names: nodes by host name or ID, services with or without their stack."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture, Service


def find_nodes(picture: Picture, name: str) -> tuple[Node, ...]:
    """The nodes that ``name`` means, which may be a host name or a node ID.

    Several nodes can share a host name: one that joined again leaves its old entry behind as Down. Where
    any of them is ready, those that are not are such leftovers and are passed over.
    """
    if name in picture.node_by_id:
        return (picture.node_by_id[name],)
    nodes = picture.nodes_by_hostname.get(name, ())
    ready = tuple(node for node in nodes if node.is_ready)
    return ready or nodes


def find_service(picture: Picture, name: str, stack: str) -> Service | None:
    """The service that ``name`` means: ``<stack>_<name>``, or else the service of exactly this name."""
    if stack:
        service = picture.service_by_name.get(f"{stack}_{name}")
        if service is not None:
            return service
    return picture.service_by_name.get(name)

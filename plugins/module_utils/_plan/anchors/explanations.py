# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reasons why a follower moves, why it moves in this way, and why it cannot follow."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.reasons import Reason
from ..._model.snapshot import SwarmSnapshot
from ..relocation.ending import node_names, task_nodes
from .groups import AnchorGroup, Follower


def why_misplaced(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> Reason:
    return Reason(
        "follower_misplaced",
        anchors=follower.anchorage.followed,
        anchor_nodes=node_names(snapshot, group.place.on),
        nodes=task_nodes(snapshot, follower.misplaced),
    )


def why_not_evict(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> tuple[Reason, ...]:
    """Return why a constraint moves the follower instead of the label alone."""
    if group.is_ordered:
        if group.dependency.relocate == "ordered":
            return (Reason("no_eviction_by_option"),)
        if follower.needs_order(group.dependency):
            return (Reason("no_eviction_of_data"),)
        return (Reason("no_eviction_of_shared_label"),)
    for task in follower.misplaced:
        node = snapshot.node_by_id[task.node_id or ""]
        if node.availability != "active":
            return (Reason("label_evicts_nothing", availability=node.availability),)
        if node.id in follower.anchorage.places[0].on:
            return (Reason("label_kept_by_anchor", node=node.hostname),)
        kept = group.label_kept_on(node)
        if kept is not None:
            return (Reason("label_kept", node=node.hostname, why=kept),)
    return (Reason("no_constraint_on_label"),)


def cannot_follow(snapshot: SwarmSnapshot, follower: Follower) -> list[Reason]:
    """Return for each node of the anchor why the follower cannot run there."""
    return [
        Reason(
            "follower_cannot_follow",
            service=follower.service.name,
            anchors=follower.anchorage.followed,
            node=snapshot.node_by_id[node_id].hostname,
            obstacles=reasons,
        )
        for node_id, reasons in follower.obstacles.items()
    ]


def may_still_run(snapshot: SwarmSnapshot, follower: Follower) -> Reason | None:
    """Return a warning about tasks on nodes that are down, which may still be running; None without such
    tasks."""
    if not follower.lost:
        return None
    nodes = task_nodes(snapshot, follower.lost)
    return Reason("copy_may_still_run", service=follower.service.name, nodes=nodes)

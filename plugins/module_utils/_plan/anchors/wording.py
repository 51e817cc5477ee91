# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reasons of the followers' moves, in words."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..._model.snapshot import SwarmSnapshot, Task
from .groups import AnchorGroup, Follower

SHOWN = 5


def shortened(names: Sequence[str]) -> str:
    """The first few of the names, and how many there are besides."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def names_of(snapshot: SwarmSnapshot, node_ids: Iterable[str]) -> str:
    """The host names of those nodes that are known; empty if none is."""
    found = (snapshot.node_by_id.get(node_id) for node_id in node_ids)
    return ", ".join(sorted(node.hostname for node in found if node is not None))


def places_of(snapshot: SwarmSnapshot, tasks: Iterable[Task]) -> str:
    return names_of(snapshot, {task.node_id or "" for task in tasks})


def why_misplaced(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> str:
    names = follower.anchorage.followed
    return (
        f"it depends on {' and '.join(names)}, which {'runs' if len(names) == 1 else 'run'} on "
        f"{names_of(snapshot, group.place.on)}, and runs on {places_of(snapshot, follower.misplaced)}"
    )


def why_not_evict(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> tuple[str, ...]:
    """Why the follower is moved by a constraint, and not by the label alone."""
    if not group.is_ordered:
        for task in follower.misplaced:
            node = snapshot.node_by_id[task.node_id or ""]
            if node.availability != "active":
                return (f"the label alone: on a node that is {node.availability} it evicts nobody",)
            if node.id in follower.anchorage.places[0].on:
                return (f"the label alone: node {node.hostname} keeps it, because its anchor runs there",)
            kept = group.label_kept_on(node)
            if kept is not None:
                return (f"the label alone: node {node.hostname} keeps it, because {kept}",)
        return ("the label alone: the service has no constraint on it",)
    if group.dependency.relocate == "ordered":
        reason = "relocate is 'ordered'"
    elif follower.needs_order(group.dependency):
        reason = "it keeps data on its node, so two copies must not run at once"
    else:
        reason = "another follower of the anchor keeps data on its node, and they share the label"
    return (f"taking the label off its node at once (evict): {reason}",)


def cannot_follow(snapshot: SwarmSnapshot, follower: Follower) -> list[str]:
    """For each node of the anchor, why the follower cannot run there."""
    names = " and ".join(follower.anchorage.followed)
    return [
        f"{follower.service.name} cannot run beside {names} on "
        f"{snapshot.node_by_id[node_id].hostname}: {'; '.join(map(str, reasons))}"
        for node_id, reasons in follower.obstacles.items()
    ]


def may_still_run(snapshot: SwarmSnapshot, follower: Follower) -> str | None:
    """What cannot be known of tasks on nodes that are down; None where there are none."""
    if not follower.lost:
        return None
    return (
        f"{follower.service.name} ran on {places_of(snapshot, follower.lost)}, which is down: if that host "
        f"is only cut off, its copy still runs there, and nothing can be waited for"
    )


def complaint(follower: Follower) -> str:
    """What Swarm says about tasks that find no node, as the end of a sentence."""
    errors = sorted({task.error for task in follower.waiting} - {""})
    return f"; Swarm says: {'; '.join(errors)}" if errors else ""

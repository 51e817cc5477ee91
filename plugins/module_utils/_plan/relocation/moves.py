# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose how to move a follower: by its anchor's label or by constraints, and by which ones."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.desired import Dependency
from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot
from ..anchors.groups import AnchorGroup, Follower
from ..scheduling.constraints import violated
from ..scheduling.managed import (
    label_constraint,
    move_constraints,
    move_off,
    move_to,
    requires_label,
    user_constraints,
)
from .status import node_of, runs_as_moved

# How long Swarm waits for the old container; source: swarmkit, `manager/orchestrator/restart/restart.go`
SWARM_WAITS_SECONDS = 60.0


def goes_by_label(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> bool:
    """Return whether removing the label from the node is enough to move the follower (evict).

    Swarm evicts tasks that no longer meet their constraints, but only from active nodes.
    """
    if not follower.service.is_replicated:
        return True
    if group.is_ordered or not requires_label(follower.service.constraints, group.dependency.label):
        return False
    for task in follower.misplaced:
        node = node_of(snapshot, task)
        if node is None or node.availability != "active" or group.label_kept_on(node) is not None:
            return False
    return True


def why_scaled(follower: Follower, dependency: Dependency) -> Reason | None:
    """Return why two containers could run at once despite the constraint, or None."""
    service = follower.service
    if not follower.needs_order(dependency):
        return None
    if service.update_order == "start-first":
        return Reason("starts_new_copy_first")
    if service.stop_grace_seconds > SWARM_WAITS_SECONDS:
        return Reason(
            "stop_grace_too_long", seconds=service.stop_grace_seconds, swarm_waits=SWARM_WAITS_SECONDS
        )
    return None


def constraints_to_manage(follower: Follower, dependency: Dependency) -> tuple[str, ...]:
    """Return the managed constraint that the service needs, and that runs no task a second time; or ()."""
    required = constraints_needed(follower, dependency)
    return () if follower.unpinnable(required) else required


def constraints_needed(follower: Follower, dependency: Dependency) -> tuple[str, ...]:
    """Return the managed constraint that the service needs, on the anchor's label; empty if it needs none."""
    if not dependency.manage_constraint or requires_label(
        user_constraints(follower.service), dependency.label
    ):
        return ()
    return (label_constraint(dependency.label),)


def constraints_to_move(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> tuple[str, ...]:
    """Return the constraints that make Swarm move the misplaced tasks of the follower, and no others."""
    targets = follower.targets
    stays = any(task.node_id in group.place.on and task.node_id not in targets for task in follower.desired)
    if len(targets) == 1 and not stays:
        return (move_to(targets[0]),)
    key = group.dependency.label
    is_pinned = constraints_to_manage(follower, group.dependency) or requires_label(
        user_constraints(follower.service), key
    )
    sources = {task.node_id or "" for task in follower.misplaced}
    for node in snapshot.nodes:
        # also exclude other nodes without the anchor, unless the missing label already excludes them
        if node.id not in group.place.on and not node.is_down and (key in node.labels or not is_pinned):
            sources.add(node.id)
    return tuple(move_off(node_id) for node_id in sorted(sources))


def leads_to_anchor(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> bool:
    """Return whether the constraints of the current move lead to the anchor's present nodes."""
    moving = move_constraints(follower.service)
    nodes = [snapshot.node_by_id[node_id] for node_id in follower.targets or group.place.on]
    if not any(not violated(moving, node) for node in nodes):
        return False
    if any(move_off(node_id) in moving for node_id in group.place.on):
        return False
    # each misplaced task must violate them; otherwise it stays where it is
    return all(violated(moving, node) for task in follower.misplaced if (node := node_of(snapshot, task)))


def is_only_watched(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Return whether the service's update is one of our moves and Swarm only monitors it by now.

    A write then cancels nothing. If the update were the user's, Swarm could no longer roll it back.
    """
    is_ours = set(move_constraints(service)) - set(service.previous_constraints)
    return service.update_state == "updating" and bool(is_ours) and runs_as_moved(snapshot, service)

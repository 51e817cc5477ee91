# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a follower is moved: by which means, and by which constraints."""

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

# Swarm's own wait for the old container; source: swarmkit, `manager/orchestrator/restart/restart.go`
SWARM_WAITS_SECONDS = 60.0


def goes_by_label(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> bool:
    """Whether the label alone moves the follower, once it has left the node (evict).

    Swarm rejects what no longer meets its constraints, but only on active nodes.
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
    """Why a constraint alone would not keep two containers from running at once, or None."""
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


def held(follower: Follower, dependency: Dependency) -> tuple[str, ...]:
    """Our constraint on the anchor's label, if there is to be one."""
    if not dependency.manage_constraint or requires_label(
        user_constraints(follower.service), dependency.label
    ):
        return ()
    return (label_constraint(dependency.label),)


def constraints_to_move(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> tuple[str, ...]:
    """The constraints that make Swarm move the follower's stray tasks, and no others."""
    targets = follower.targets
    stays = any(task.node_id in group.place.on and task.node_id not in targets for task in follower.desired)
    if len(targets) == 1 and not stays:
        return (move_to(targets[0]),)
    key = group.dependency.label
    is_held = held(follower, group.dependency) or requires_label(follower.service.constraints, key)
    sources = {task.node_id or "" for task in follower.misplaced}
    for node in snapshot.nodes:
        # nor may they go to another node where the anchor is not, and nothing else keeps them from
        if node.id not in group.place.on and not node.is_down and (key in node.labels or not is_held):
            sources.add(node.id)
    return tuple(move_off(node_id) for node_id in sorted(sources))


def leads_to_anchor(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> bool:
    """Whether the constraints of a move that is under way lead to where the anchor is now."""
    moving = move_constraints(follower.service)
    nodes = [snapshot.node_by_id[node_id] for node_id in follower.targets or group.place.on]
    if not any(not violated(moving, node) for node in nodes):
        return False
    if any(move_off(node_id) in moving for node_id in group.place.on):
        return False
    # one that stays where it is, although it is misplaced, is not led anywhere
    return all(violated(moving, node) for task in follower.misplaced if (node := node_of(snapshot, task)))


def is_only_watched(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Whether nothing is left of the service's update but that Swarm watches it, and it is our own move.

    A write then cancels nothing. If it were the user's, Swarm could not roll it back any more.
    """
    is_ours = set(move_constraints(service)) - set(service.previous_constraints)
    return service.update_state == "updating" and bool(is_ours) and runs_as_moved(snapshot, service)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a follower is moved: by which means, by which constraints, and whether it has arrived."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace

from ..._model.compat import dataclass
from ..._model.desired import Dependency
from ..._model.ownership import (
    REPLICAS_LABEL,
    replicas_before,
)
from ..._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ..._model.state import Move
from ..anchors.groups import AnchorGroup, Follower
from ..scheduling.constraints import violated
from ..scheduling.finished import missing_tasks
from ..scheduling.managed import (
    label_constraint,
    move_constraints,
    move_off,
    move_to,
    requires_label,
    user_constraints,
)

# Swarm's own wait for the old container; source: swarmkit, `manager/orchestrator/restart/restart.go`
SWARM_WAITS_SECONDS = 60.0

# when to look again at a move that is under way
MOVING_SECONDS = 1.0

# how much longer than its stop grace a container may take until it is gone
STOP_MARGIN_SECONDS = 10.0


def goes_by_label(snapshot: SwarmSnapshot, group: AnchorGroup, follower: Follower) -> bool:
    """Whether the label alone moves the follower, once it has left the node (evict).

    Swarm rejects what no longer meets its constraints, but only on active nodes.
    """
    if not follower.service.is_replicated:
        return True
    if group.is_ordered or not requires_label(follower.service.constraints, group.dependency.label):
        return False
    for task in follower.misplaced:
        node = _node_of(snapshot, task)
        if node is None or node.availability != "active" or group.label_kept_on(node) is not None:
            return False
    return True


def why_scaled(follower: Follower, dependency: Dependency) -> str | None:
    """Why a constraint alone would not keep two containers from running at once, or None."""
    service = follower.service
    if not follower.needs_order(dependency):
        return None
    if service.update_order == "start-first":
        return "its update order is start-first: Swarm would start the new copy before it stops the old one"
    if service.stop_grace_seconds > SWARM_WAITS_SECONDS:
        return (
            f"it may take {service.stop_grace_seconds:g} s to stop, and Swarm waits only "
            f"{SWARM_WAITS_SECONDS:g} s before it starts a second copy"
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
    # one that stays where it is, although it is astray, is not led anywhere
    return all(violated(moving, node) for task in follower.misplaced if (node := _node_of(snapshot, task)))


def has_arrived(snapshot: SwarmSnapshot, follower: Follower) -> bool:
    """Whether every task runs where the constraints of its move lead to."""
    moving = move_constraints(follower.service)
    nodes = [_node_of(snapshot, task) for task in follower.desired]
    return (
        follower.is_complete
        and not follower.misplaced
        and all(node is not None and not node.is_down and not violated(moving, node) for node in nodes)
    )


def runs_as_moved(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Whether all of its tasks run, each where the constraints of its move allow it."""
    moving = move_constraints(service)
    tasks = [task for task in snapshot.tasks_of(service) if task.should_run]
    if missing_tasks(snapshot, service):
        return False
    nodes = [_node_of(snapshot, task) for task in tasks if task.is_running]
    return len(nodes) == len(tasks) and all(node and not violated(moving, node) for node in nodes)


def scaled_from(service: Service, move: Move | None) -> int | None:
    """The number of tasks from before we scaled the service to 0; None if it was not us, or is over.

    The service's own record counts: a redeploy drops it, and then the user's number stays, be it 0. The
    journal helps out if the record is damaged, or an older release has made none.
    """
    if service.replicas != 0:
        return None
    before = replicas_before(service.labels, service.id)
    if before is None and move is not None and (not move.recorded or REPLICAS_LABEL in service.labels):
        return move.replicas
    return before


def has_stale_number(service: Service) -> bool:
    """Whether the record of a scaling to 0 is still there, although the user has scaled the service since."""
    return service.replicas != 0 and replicas_before(service.labels, service.id) is not None


def is_only_watched(snapshot: SwarmSnapshot, service: Service) -> bool:
    """Whether nothing is left of the service's update but that Swarm watches it, and it is our own move.

    A write then cancels nothing. If it were the user's, Swarm could not roll it back any more.
    """
    is_ours = set(move_constraints(service)) - set(service.previous_constraints)
    return service.update_state == "updating" and bool(is_ours) and runs_as_moved(snapshot, service)


def leader_of(snapshot: SwarmSnapshot) -> str:
    """The ID of the swarm's leader; empty while it has none."""
    return next((node.id for node in snapshot.nodes if node.leader), "")


@dataclass(frozen=True, slots=True)
class Unseen:
    """Containers of a service that was scaled to 0 may still be stopping without being seen.

    ``wait`` says in words what it is waited for, empty where nothing is. ``move`` is the journal's entry as
    it is to be remembered.
    """

    wait: str
    move: Move


def unseen(snapshot: SwarmSnapshot, service: Service, move: Move, now: float) -> Unseen:
    """Whether to wait for containers that Swarm has forgotten.

    A new leader of the swarm forgets the tasks of a service that was scaled down at once, although their
    containers run until their stop grace is over (swarmkit, ``manager/orchestrator/taskreaper``). The grace
    begins when the engines hear of it, which may have been from the new leader first.
    """
    leader = leader_of(snapshot)
    if move.leader not in ("", leader):
        unheard = sorted(node.hostname for node in snapshot.nodes if not node.is_ready and not node.is_down)
        if unheard:
            return Unseen(f"until the swarm's new leader has heard from {', '.join(unheard)}", move)
        move = replace(move, leader=leader, unseen_since=now)
    if move.unseen_since is None:
        return Unseen("", move)
    seconds = service.stop_grace_seconds + STOP_MARGIN_SECONDS
    if now - move.unseen_since >= seconds:
        return Unseen("", move)
    return Unseen(f"for {seconds:g} s: the swarm's new leader forgot what is stopping", move)


def _node_of(snapshot: SwarmSnapshot, task: Task) -> Node | None:
    return snapshot.node_by_id.get(task.node_id or "")

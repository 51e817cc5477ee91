# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the availability of a node, and check which tasks are left on it and whether the swarm can spare
it."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.desired import DesiredState
from ..._model.errors import OrcastraError
from ..._model.member_steps import SetAvailability
from ..._model.membership import quorum
from ..._model.reasons import Reason
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import AskAvailability, State, StateEdit
from ..._model.steps import Plan
from ..membership.managers import is_managing
from ..names import find_nodes, identify, node_hint
from ..relocation.status import ALIVE


def plan_availability(
    snapshot: SwarmSnapshot, state: State, name: str, availability: str, now: float, *, stops: bool = False
) -> Plan:
    """Plan the availability of one node. ``now`` is in seconds since the epoch.

    A node that is taken out of service is saved, so that membership repair does not activate it. ``stops``:
    whether its engine stops afterwards. Raises OrcastraError if there is no such node or more than one, or if
    the swarm cannot spare it.
    """
    node = one_node(snapshot, name)
    if stops:
        check_spare(snapshot, node)
    remember: tuple[StateEdit, ...] = ()
    if availability == "active" and node.id in state.asked_availability:
        remember = (AskAvailability(node.id, None),)
    if availability != "active" and node.id not in state.asked_availability:
        remember = (AskAvailability(node.id, now),)
    if node.availability == availability:
        return Plan(remember=remember)
    warnings: tuple[Reason, ...] = ()
    others = [other for other in snapshot.nodes if other.id != node.id and other.is_ready]
    if availability == "drain" and not any(other.availability == "active" for other in others):
        warnings = (Reason("drains_last_active_node", node=node.hostname),)
    step = SetAvailability(
        host=node.hostname,
        node_id=node.id,
        availability_before=node.availability,
        availability=availability,
        why=(Reason("availability_requested"),),
    )
    return Plan(steps=(step,), warnings=warnings, remember=remember)


def one_node(snapshot: SwarmSnapshot, name: str, desired: DesiredState | None = None) -> Node:
    """Return the node with the host name or ID ``name``. Raises OrcastraError unless there is exactly one.

    ``desired``: if the host is configured, only a node at its address counts.
    """
    nodes = find_nodes(snapshot, name, desired)
    if not nodes and desired is not None and name in desired.nodes:
        doubts = identify(snapshot, desired.nodes[name]).warnings
        raise OrcastraError(f"node {name}: {'; '.join(map(str, doubts))}")
    if not nodes:
        raise OrcastraError(f"there is no node {name} in this swarm{node_hint(snapshot, name)}")
    if len(nodes) > 1:
        ids = ", ".join(node.id for node in nodes)
        raise OrcastraError(f"node {name}: {len(nodes)} nodes have this host name; give one of the IDs {ids}")
    return nodes[0]


def check_spare(snapshot: SwarmSnapshot, node: Node) -> None:
    """Raise OrcastraError if the managers would lose their quorum without ``node``."""
    managers = [other for other in snapshot.nodes if is_managing(other)]
    if node.id not in {manager.id for manager in managers}:
        return
    left = [other for other in managers if other.id != node.id and other.reachability == "reachable"]
    needed = quorum(len(managers))
    if len(left) < needed:
        raise OrcastraError(
            f"node {node.hostname}: it cannot be spared: without it {len(left)} of {len(managers)} managers "
            f"are reachable, and the swarm needs {needed}; nothing was changed"
        )


def left_on(snapshot: SwarmSnapshot, node_id: str) -> tuple[Reason, ...]:
    """Return why a drained node isn't empty: one entry for each task that may still run."""
    found = []
    for task in snapshot.tasks:
        if task.node_id != node_id or task.state not in ALIVE:
            continue
        service = snapshot.service_by_id.get(task.service_id)
        if service is None:
            found.append(Reason("removed_service_left", service=task.service_id, state=task.state))
        elif task.should_run:
            found.append(Reason("task_not_gone", service=service.name, state=task.state))
        else:
            found.append(Reason("task_stopping", service=service.name, seconds=service.stop_grace_seconds))
    return tuple(sorted(found, key=str))

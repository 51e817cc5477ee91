# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check whether a node is back, and which services do not run as configured."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .._model.reasons import Reason
from .._model.snapshot import Node, Service, SwarmSnapshot
from .scheduling.constraints import platform_allows, violated
from .scheduling.finished import finished


def absence(node: Node) -> Reason | None:
    """Return why the node is not back yet: not ready, or a manager that the others cannot reach. None if it
    is."""
    if not node.is_ready:
        return Reason("node_not_ready", node=node.hostname, state=node.state)
    if node.role == "manager" and node.reachability is None:
        return Reason("node_not_managing", node=node.hostname)
    if node.role == "manager" and node.reachability != "reachable":
        return Reason("manager_not_reachable", node=node.hostname, reachability=node.reachability)
    return None


def unconverged_services(snapshot: SwarmSnapshot) -> dict[str, Reason]:
    """Return service name → problem for each service that does not run as configured or is being updated.

    Jobs are left out, because they end by themselves. Finished tasks of other services are not missing.
    """
    found = {}
    for service in sorted(snapshot.services, key=lambda service: service.name):
        lacks = _lacks(snapshot, service)
        if lacks is not None:
            found[service.name] = lacks
    return found


def _lacks(snapshot: SwarmSnapshot, service: Service) -> Reason | None:
    if service.mode not in ("replicated", "global"):
        return None
    running = [task for task in snapshot.tasks_of(service) if task.is_running]
    nodes = [snapshot.node_by_id.get(task.node_id or "") for task in running]
    on = [node.id for node in nodes if node is not None and node.is_ready]
    over = finished(snapshot, service).tasks
    if service.mode == "global":
        fine = {*on, *(task.node_id for task in over)}
        missing = [node.hostname for node in global_places(snapshot, service) if node.id not in fine]
        if missing:
            return Reason("service_missing_on_nodes", service=service.name, nodes=sorted(missing))
    elif len(on) + len(over) < (service.replicas or 0):
        errors = sorted({task.error for task in snapshot.tasks_of(service) if task.should_run} - {""})
        return Reason(
            "service_tasks_missing",
            service=service.name,
            running=len(on),
            expected=service.replicas,
            errors=tuple(errors) or None,
        )
    if service.is_update_running:
        return Reason("service_updating", service=service.name)
    return None


def global_places(snapshot: SwarmSnapshot, service: Service) -> list[Node]:
    """Return the nodes on which a global service should run. On a paused node it only runs if it did
    before."""
    return [
        node
        for node in snapshot.nodes
        if node.is_ready
        and node.availability == "active"
        and not violated(service.constraints, node)
        and platform_allows(service.platforms, node)
    ]

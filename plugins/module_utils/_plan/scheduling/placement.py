# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of Swarm's scheduler, as reasons why a service cannot run on a node.

Source: swarmkit, `manager/scheduler/pipeline.go` and `filter.go`. Network and volume plugins are not
considered, because the snapshot does not contain them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Sequence

from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot
from .constraints import platform_allows, violated


def obstacles(
    snapshot: SwarmSnapshot, service: Service, node: Node, constraints: tuple[str, ...]
) -> tuple[Reason, ...]:
    """Return what keeps a task of ``service`` off ``node``; empty if Swarm would let it run there.

    ``constraints``: the ones to check, which may differ from those of the service. Resources that the
    service's own tasks use on the node count as free.
    """
    return obstacles_among(_others_on(snapshot, service, node), service, node, constraints)


def obstacles_among(
    others: Sequence[Service], service: Service, node: Node, constraints: tuple[str, ...]
) -> tuple[Reason, ...]:
    """Return the same if ``others`` run on the node: one entry for each of their tasks."""
    found: list[Reason] = []
    if not node.is_ready:
        found.append(Reason("target_not_ready", state=node.state))
    if node.availability != "active":
        found.append(Reason("target_not_active", availability=node.availability))
    found += [
        Reason("constraint_violated", constraint=expression) for expression in violated(constraints, node)
    ]
    if not platform_allows(service.platforms, node):
        platforms = ["/".join(platform) for platform in service.platforms]
        own = f"{node.os}/{node.architecture}"
        found.append(Reason("platform_unsupported", platforms=platforms, platform=own))
    found += _lacking_resources(others, service, node)
    found += _taken_ports(others, service)
    return tuple(found)


def room(snapshot: SwarmSnapshot, service: Service, node: Node) -> int | None:
    """Return how many tasks of ``service`` fit on ``node``, including its present ones; None for any
    number."""
    limits = []
    if service.max_replicas_per_node:
        limits.append(service.max_replicas_per_node)
    if any(port for port, _protocol in service.host_ports):
        limits.append(1)
    others: list[Service] = []
    if service.reserved_memory_bytes or service.reserved_nano_cpus:
        others = _others_on(snapshot, service, node)
    if service.reserved_memory_bytes:
        free = node.memory_bytes - sum(other.reserved_memory_bytes for other in others)
        limits.append(max(free, 0) // service.reserved_memory_bytes)
    if service.reserved_nano_cpus:
        free = node.nano_cpus - sum(other.reserved_nano_cpus for other in others)
        limits.append(max(free, 0) // service.reserved_nano_cpus)
    return min(limits, default=None)


def _others_on(snapshot: SwarmSnapshot, service: Service, node: Node) -> list[Service]:
    """Return the other services with desired tasks on ``node``: one entry for each task."""
    found = []
    for task in snapshot.wanted_by_node.get(node.id, ()):
        other = snapshot.service_by_id.get(task.service_id)
        if other is not None and other.id != service.id:
            found.append(other)
    return found


def _lacking_resources(others: Sequence[Service], service: Service, node: Node) -> list[Reason]:
    if not service.reserved_memory_bytes and not service.reserved_nano_cpus:
        return []
    found = []
    free_memory = node.memory_bytes - sum(other.reserved_memory_bytes for other in others)
    if service.reserved_memory_bytes > free_memory:
        reserved = service.reserved_memory_bytes
        found.append(Reason("memory_reserved", reserved=reserved, unreserved=max(free_memory, 0)))
    free_cpus = node.nano_cpus - sum(other.reserved_nano_cpus for other in others)
    if service.reserved_nano_cpus > free_cpus:
        reserved_cpus, free = service.reserved_nano_cpus / 1e9, max(free_cpus, 0) / 1e9
        found.append(Reason("cpus_reserved", reserved=reserved_cpus, unreserved=free))
    return found


def _taken_ports(others: Sequence[Service], service: Service) -> list[Reason]:
    if not service.host_ports:
        return []
    desired = {port for port in service.host_ports if port[0]}
    return [
        Reason("port_taken", service=other.name, port=number, protocol=protocol)
        for other in others
        for number, protocol in other.host_ports
        if (number, protocol) in desired
    ]

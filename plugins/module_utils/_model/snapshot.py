# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot: one consistent observation of the swarm, as plain immutable data.

Planners use nothing else. ``_observe.observation`` reads it from an engine; tests write it by hand. ``since``
is an ISO 8601 string from the engine; other times are in seconds since the epoch. Durations are in seconds,
memory is in bytes.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property

from .address import Address, seen_at
from .compat import dataclass
from .mount import Mount

STACK_LABEL = "com.docker.stack.namespace"


@dataclass(frozen=True, slots=True)
class Node:
    """A member of the swarm, or an entry that a member has left behind.

    ``hostname`` and ``engine_labels`` come from the host itself, so its root user controls them. ``address``
    is the address under which the managers know the node; ``manager_addr`` is the address for joining at it,
    if it is a manager. ``updated`` is when Swarm last wrote the entry, for example because the node's state
    changed.
    """

    id: str
    hostname: str
    version: int = 0
    role: str = "worker"
    availability: str = "active"
    state: str = "ready"
    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    engine_labels: Mapping[str, str] = field(default_factory=dict)
    engine_version: str = ""
    os: str = "linux"
    architecture: str = "x86_64"
    nano_cpus: int = 0
    memory_bytes: int = 0
    leader: bool = False
    reachability: str | None = None
    updated: float = 0.0
    manager_addr: str = ""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses under which Swarm knows the node; empty if it knows none."""
        return seen_at(self.address, self.manager_addr)

    @property
    def is_ready(self) -> bool:
        """Whether the managers receive heartbeats from the node's engine."""
        return self.state == "ready"

    @property
    def is_down(self) -> bool:
        """Whether Swarm considers the node lost and replaces its tasks.

        A node that is neither ready nor down has not yet contacted a new leader; its containers run.
        """
        return self.state == "down"


@dataclass(frozen=True, slots=True)
class Service:
    """A service, reduced to the fields that planners need. Changes always start from the engine's raw spec.

    ``can_roll_back``: Swarm has a different spec from before the last update. ``previous_constraints`` are
    the constraints of that spec. ``preferences`` are the labels over which Swarm spreads the tasks, such as
    ``node.labels.zone``.
    """

    id: str
    name: str
    version: int = 0
    mode: str = "replicated"
    replicas: int | None = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    constraints: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()
    platforms: tuple[tuple[str, str], ...] = ()
    max_replicas_per_node: int = 0
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    host_ports: tuple[tuple[int, str], ...] = ()
    reserved_nano_cpus: int = 0
    reserved_memory_bytes: int = 0
    restart_condition: str = "any"
    restart_delay_seconds: float = 5.0
    update_order: str = "stop-first"
    update_state: str | None = None
    update_message: str = ""
    can_roll_back: bool = False
    previous_constraints: tuple[str, ...] = ()
    stop_grace_seconds: float = 10.0
    force_update: int = 0

    @property
    def is_replicated(self) -> bool:
        return self.mode == "replicated"

    @property
    def is_stateful(self) -> bool:
        """Whether its containers write to data that outlives them, on their node or on shared storage."""
        return any(mount.is_writable_data for mount in self.mounts)

    @property
    def is_updating(self) -> bool:
        """Whether an update or rollback is running or stuck. Changing the spec would cancel or resume it."""
        return self.is_update_running or self.is_update_paused

    @property
    def is_update_running(self) -> bool:
        """Whether Swarm is performing or monitoring an update or rollback."""
        return self.update_state in ("updating", "rollback_started")

    @property
    def is_update_paused(self) -> bool:
        """Whether an update or rollback is paused: it continues only after another change."""
        return self.update_state in ("paused", "rollback_paused")

    @property
    def stack(self) -> str | None:
        """The stack of the service, or None if it was created without a stack."""
        return self.labels.get(STACK_LABEL)


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a service, for one slot (or for one node, if the service is global).

    ``constraints``: those that its service had when Swarm created the task.
    """

    id: str
    service_id: str
    node_id: str | None
    state: str
    desired_state: str
    slot: int | None = None
    created: float = 0.0
    since: str = ""
    message: str = ""
    error: str = ""
    exit_code: int | None = None
    container_id: str | None = None
    constraints: tuple[str, ...] = ()

    @property
    def should_run(self) -> bool:
        """Whether the task should run (``ready``: after a restart delay), or is only kept as history."""
        return self.desired_state in ("running", "ready")

    @property
    def is_running(self) -> bool:
        """Whether the task should run and its container runs, according to Swarm."""
        return self.should_run and self.state == "running"


@dataclass(frozen=True)
class SwarmSnapshot:
    """The input of a plan, observed with at most four list requests.

    ``doubtful`` are the IDs of nodes that cannot be found by host name, because the name belongs to another
    host; see ``_plan.names``.
    """

    nodes: tuple[Node, ...] = ()
    services: tuple[Service, ...] = ()
    tasks: tuple[Task, ...] = ()
    doubtful: frozenset[str] = frozenset()

    @cached_property
    def node_by_id(self) -> Mapping[str, Node]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def nodes_by_hostname(self) -> Mapping[str, tuple[Node, ...]]:
        """Host name → nodes. Host names are not unique: a node that rejoins leaves its old entry behind."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.hostname, []).append(node)
        return {hostname: tuple(nodes) for hostname, nodes in found.items()}

    def named(self, hostname: str) -> tuple[Node, ...]:
        """The nodes with a host name, without doubtful ones."""
        nodes = self.nodes_by_hostname.get(hostname, ())
        return tuple(node for node in nodes if node.id not in self.doubtful) if self.doubtful else nodes

    def has_own_name(self, node: Node) -> bool:
        """Whether the node's host name identifies it: no other ready node has it."""
        return (
            bool(node.hostname)
            and all(other.id == node.id or not other.is_ready for other in (node, *self.named(node.hostname)))
            and node.id not in self.doubtful
        )

    @cached_property
    def service_by_id(self) -> Mapping[str, Service]:
        return {service.id: service for service in self.services}

    @cached_property
    def service_by_name(self) -> Mapping[str, Service]:
        return {service.name: service for service in self.services}

    @cached_property
    def tasks_by_service(self) -> Mapping[str, tuple[Task, ...]]:
        found: dict[str, list[Task]] = {}
        for task in self.tasks:
            found.setdefault(task.service_id, []).append(task)
        return {service_id: tuple(tasks) for service_id, tasks in found.items()}

    @cached_property
    def wanted_by_node(self) -> Mapping[str, tuple[Task, ...]]:
        """Node ID → the tasks that should run there."""
        found: dict[str, list[Task]] = {}
        for task in self.tasks:
            if task.node_id and task.should_run:
                found.setdefault(task.node_id, []).append(task)
        return {node_id: tuple(tasks) for node_id, tasks in found.items()}

    def tasks_of(self, service: Service) -> tuple[Task, ...]:
        return self.tasks_by_service.get(service.id, ())

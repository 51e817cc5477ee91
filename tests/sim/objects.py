# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of the simulated swarm. Times are seconds since the epoch, durations seconds, memory bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

Json = dict[str, Any]


class State(IntEnum):
    """The states of a task in their order; only the order of the numbers matters."""

    NEW = 0
    PENDING = 1
    ASSIGNED = 2
    ACCEPTED = 3
    PREPARING = 4
    READY = 5
    STARTING = 6
    RUNNING = 7
    COMPLETE = 8
    SHUTDOWN = 9
    FAILED = 10
    REJECTED = 11
    REMOVE = 12
    ORPHANED = 13

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(eq=False)
class Swarmed:
    """The base of every object in the store: an ID, a version, and its cached JSON."""

    id: str
    version: int = 0
    created: float = 0.0
    updated: float = 0.0
    rendered: bytes | None = None


@dataclass(eq=False)
class SimNode(Swarmed):
    """A node's entry. ``up``: its machine is on. ``cut``: its network is disconnected; see ``cluster``."""

    hostname: str = ""
    role: str = "worker"
    spec: Json = field(default_factory=dict)
    state: str = "ready"
    message: str = ""
    address: str = ""
    engine_labels: dict[str, str] = field(default_factory=dict)
    os: str = "linux"
    architecture: str = "x86_64"
    nano_cpus: int = 4_000_000_000
    memory_bytes: int = 8 * 1024**3
    engine_version: str = "20.10.24"
    up: bool = True
    cut: bool = False
    base_memory_bytes: int = 512 * 1024**2
    """The memory that the host uses without containers."""

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.spec.get("Labels") or {}
        return labels

    @property
    def availability(self) -> str:
        return str(self.spec["Availability"])

    @property
    def reachable(self) -> bool:
        return self.up and not self.cut

    @property
    def invalid(self) -> bool:
        """Whether orchestrators remove tasks from the node."""
        return self.state == "down" or self.availability == "drain"


@dataclass(frozen=True)
class Keys:
    """Parts of a service's spec as text, so that comparisons are fast."""

    template: str
    """The task template without its placement."""
    placement: str
    endpoint: str
    whole: str


@dataclass(frozen=True)
class Spec:
    """A service's spec as written, the parts that the orchestrators need, and its version."""

    raw: Json
    keys: Keys
    version: int
    is_global: bool
    replicas: int
    has_placement: bool
    constraints: tuple[str, ...]
    preferences: tuple[str, ...]
    platforms: tuple[tuple[str, str], ...]
    max_replicas: int
    host_ports: tuple[tuple[str, int], ...]
    nano_cpus: int
    memory_bytes: int
    restart_condition: str
    restart_delay: float
    max_attempts: int
    restart_window: float
    stop_grace: float
    task_json: str
    """The task template as JSON, which is part of every task."""

    @property
    def name(self) -> str:
        return str(self.raw["Name"])


@dataclass(eq=False)
class SimService(Swarmed):
    """A service. ``previous``: the spec that a rollback restores."""

    spec: Spec = None  # type: ignore[assignment]
    previous: Spec | None = None
    update: Json | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def update_state(self) -> str | None:
        return None if self.update is None else self.update["State"]


@dataclass(eq=False)
class SimConfig(Swarmed):
    spec: Json = field(default_factory=dict)


@dataclass(eq=False)
class SimTask(Swarmed):
    """A task. ``state``: its state in the managers' store. The state of its container is in ``agents``."""

    service_id: str = ""
    spec: Spec = None  # type: ignore[assignment]
    slot: int = 0
    node_id: str = ""
    global_node: str = ""
    """The node for which a global service's task was created."""
    state: State = State.NEW
    desired: State = State.RUNNING
    message: str = "created"
    error: str = ""
    timestamp: float = 0.0
    container_id: str = ""
    pid: int = 0
    exit_code: int = 0
    rendered_spec: Spec | None = None

    @property
    def slot_key(self) -> tuple[str, int, str]:
        return (self.service_id, self.slot, self.global_node)

    @property
    def is_active(self) -> bool:
        """Whether it counts as a desired task."""
        return self.desired <= State.COMPLETE


Memory = float | Callable[[float], float]


@dataclass(frozen=True)
class Behaviour:
    """How the containers of a service behave.

    - ``prepare_seconds``, ``start_seconds``: pulling the image, and starting
    - ``stop_seconds``: from SIGTERM to the end; the service's stop grace period cuts it short
    - ``runs_seconds``: until it ends by itself with ``exit_code``; None: it does not
    - ``refused_by``: host names on which its image cannot be had; ``{"*"}``: on none
    - ``memory_bytes``: of one container, or a function of its age in seconds
    """

    prepare_seconds: float = 0.05
    start_seconds: float = 0.4
    stop_seconds: float = 0.2
    runs_seconds: float | None = None
    exit_code: int = 0
    refused_by: frozenset[str] = frozenset()
    memory_bytes: Memory = 64.0 * 1024**2

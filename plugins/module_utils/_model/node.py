# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node as its own engine reports it: containers, images, volumes. Plain immutable data.

Times are in seconds since the epoch (0: never), durations in seconds, sizes in bytes.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .compat import dataclass

SERVICE_ID_LABEL = "com.docker.swarm.service.id"
SERVICE_NAME_LABEL = "com.docker.swarm.service.name"
TASK_ID_LABEL = "com.docker.swarm.task.id"


@dataclass(frozen=True, slots=True)
class Health:
    """The results of a container's health checks.

    ``failing_streak`` is the number of consecutive failed checks; ``retries`` of them make the container
    unhealthy. ``since`` is when it became unhealthy, estimated from the engine's log of the last checks.
    """

    status: str
    failing_streak: int = 0
    retries: int = 3
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Container:
    """A container. ``state`` is ``created``, ``running``, ``paused``, ``restarting``, ``exited``, ``dead`` …

    ``stop_timeout`` is the container's own, or None; for a task, the service has it instead. ``health`` is
    None if there is no health check. ``volumes`` are the names of all mounted volumes; ``anonymous_volumes``
    are those among them that were created for this container, without a name.
    """

    id: str
    name: str
    state: str
    image_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    exit_code: int = 0
    stop_timeout: int | None = None
    health: Health | None = None
    volumes: tuple[str, ...] = ()
    anonymous_volumes: tuple[str, ...] = ()

    @property
    def is_task(self) -> bool:
        """Whether Swarm runs it, according to its labels."""
        return bool(self.labels.get(TASK_ID_LABEL))

    @property
    def is_proven_task(self) -> bool:
        """Whether Swarm runs it, according to its labels and its name. Checked before a container is removed.

        The label alone is not sufficient: ``docker commit`` copies it to an image, and so to each container
        of that image. The names of Swarm's own containers also contain the task ID.
        """
        return self.is_task and self.name.endswith(f".{self.labels[TASK_ID_LABEL]}")

    @property
    def was_unhealthy(self) -> bool:
        """Whether it was unhealthy when it ended. (The engine calls every ended container unhealthy.)"""
        return self.health is not None and self.health.failing_streak >= self.health.retries

    @property
    def title(self) -> str:
        """The container's name, with that of its service if it is a task."""
        service = self.labels.get(SERVICE_NAME_LABEL)
        return f"{self.name} of {service}" if self.is_task and service else self.name


@dataclass(frozen=True, slots=True)
class Image:
    """An image. ``tags`` are ``repository:tag``, ``digests`` are ``repository@sha256:…``."""

    id: str
    created: float = 0.0
    size: int = 0
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.tags[0] if self.tags else (self.digests[0] if self.digests else self.id[:19])


STACK_LABEL = "com.docker.stack.namespace"
COMPOSE_LABEL = "com.docker.compose.project"


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume. ``anonymous``: it was created without a name."""

    name: str
    driver: str = "local"
    anonymous: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_of_stack(self) -> bool:
        """Whether a stack created it: ``docker stack deploy`` adds the label, ``docker run`` does not."""
        return STACK_LABEL in self.labels and COMPOSE_LABEL not in self.labels


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """The log settings of a container. ``max_size`` is the option ``max-size``, or empty if it is not set."""

    container: str
    driver: str
    max_size: str = ""

    @property
    def is_unlimited(self) -> bool:
        """Whether the log file grows without limit. (The driver ``local`` always has a limit.)"""
        return self.driver == "json-file" and self.max_size in ("", "-1")


@dataclass(frozen=True, slots=True)
class ServicesInUse:
    """The images and volumes that the services of the swarm use, according to a manager.

    ``images`` are references as in the specs, including the specs that a rollback would restore. ``volumes``
    are volume names. ``stop_grace`` maps a service ID to seconds.
    """

    images: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    stop_grace: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeView:
    """An engine and its objects. ``now`` is the engine's own clock.

    ``swarm_state`` is ``active`` if the engine is in a swarm, otherwise ``inactive``. ``volumes`` are all
    volumes; ``dangling_volumes`` are those that no container mounts.
    """

    engine_id: str
    hostname: str
    now: float
    swarm_state: str = "inactive"
    is_manager: bool = False
    node_id: str = ""
    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] = ()
    volumes: tuple[Volume, ...] = ()
    dangling_volumes: tuple[Volume, ...] = ()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node as its own engine sees it: containers, images, volumes. Plain immutable data.

Times are seconds since the epoch (0: never), durations seconds, sizes bytes.
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
    """What a container's health checks found. ``since``: when it became unhealthy, as far as the log tells.

    ``failing_streak`` counts the checks that have failed in a row, ``retries`` how many make it unhealthy.
    """

    status: str
    failing_streak: int = 0
    retries: int = 3
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Container:
    """A container. ``state`` is ``created``, ``running``, ``paused``, ``restarting``, ``exited``, ``dead`` …

    ``stop_timeout`` is the container's own, None where it has none. (That of a Swarm task is its service's.)
    ``health`` is None where it has no health check. ``volumes`` are the names of all volumes that it mounts,
    ``anonymous_volumes`` those among them that were made for it alone, without a name.
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
        """Whether Swarm runs it, by its labels."""
        return bool(self.labels.get(TASK_ID_LABEL))

    @property
    def is_proven_task(self) -> bool:
        """The same by its name as well, for what removes containers.

        The label alone is no proof: ``docker commit`` copies it into an image, and so into each container
        of that image. Swarm's own containers have the task's ID in their names, too.
        """
        return self.is_task and self.name.endswith(f".{self.labels[TASK_ID_LABEL]}")

    @property
    def was_unhealthy(self) -> bool:
        """Whether its last checks had all failed. (The engine calls each container that ended unhealthy.)"""
        return self.health is not None and self.health.failing_streak >= self.health.retries

    @property
    def title(self) -> str:
        """The container's name, short where Swarm made it up."""
        service = self.labels.get(SERVICE_NAME_LABEL)
        return f"{self.name} of {service}" if self.is_task and service else self.name


@dataclass(frozen=True, slots=True)
class Image:
    """``tags`` are ``repository:tag``, ``digests`` ``repository@sha256:…``."""

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
    """A volume. ``anonymous``: it was made without a name."""

    name: str
    driver: str = "local"
    anonymous: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_of_stack(self) -> bool:
        """Whether a task of a stack made it: ``docker stack deploy`` labels it, ``docker run`` doesn't."""
        return STACK_LABEL in self.labels and COMPOSE_LABEL not in self.labels


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """How a container logs. ``max_size`` is the option of that name, empty where it isn't set."""

    container: str
    driver: str
    max_size: str = ""

    @property
    def is_unlimited(self) -> bool:
        """Whether it is a file that grows without bounds. (The driver ``local`` has limits of its own.)"""
        return self.driver == "json-file" and self.max_size in ("", "-1")


@dataclass(frozen=True, slots=True)
class ServicesInUse:
    """What the services of the swarm use, as a manager knows it: the same on all nodes.

    ``images`` are references as in the specs, those that a rollback would return to among them. ``volumes``
    are names of volumes. ``stop_grace``: service ID → seconds.
    """

    images: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    stop_grace: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeView:
    """An engine and what it has. ``now`` is the engine's own clock.

    ``swarm_state`` is ``inactive`` where the engine is in no swarm, ``active`` in one. ``volumes`` are all
    volumes, ``dangling_volumes`` those that no container has.
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

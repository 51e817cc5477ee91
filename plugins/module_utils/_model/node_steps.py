# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps on one node: stop, restart or remove containers, and remove images and volumes."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .steps import Removal, Step


@dataclass(frozen=True, kw_only=True)
class ContainerStep(Step):
    """A change to one container. ``title`` is its name in messages."""

    container_id: str
    title: str

    @property
    def target(self) -> str:
        return f"container {self.title}"


@dataclass(frozen=True, kw_only=True)
class HealContainer(ContainerStep):
    """Stop or restart a container, if it is still unhealthy when the step runs.

    ``started`` is when it was started, according to the plan, in seconds since the epoch. After
    ``timeout_seconds``, the container is killed.
    """

    started: float
    timeout_seconds: int

    @property
    def before(self) -> Mapping[str, Any]:
        return {"health": "unhealthy"}


@dataclass(frozen=True, kw_only=True)
class StopContainer(HealContainer):
    """Stop a task's container, so that Swarm replaces it."""

    @property
    def action(self) -> str:
        return "stop_container"

    @property
    def summary(self) -> str:
        return f"stop {self.title}"

    @property
    def after(self) -> Mapping[str, Any]:
        return {"state": "exited"}


@dataclass(frozen=True, kw_only=True)
class RestartContainer(HealContainer):
    """Restart a plain container, which Swarm does not replace."""

    @property
    def action(self) -> str:
        return "restart_container"

    @property
    def summary(self) -> str:
        return f"restart {self.title}"

    @property
    def after(self) -> Mapping[str, Any]:
        return {"health": "starting"}


@dataclass(frozen=True, kw_only=True)
class RemoveContainer(Removal, ContainerStep):
    """Remove a container that is not running, and ``volumes``, its anonymous volumes.

    ``all_volumes``: it has no other volumes, so the engine can remove them together with the container.
    """

    volumes: tuple[str, ...] = ()
    all_volumes: bool = False
    force: bool

    @property
    def action(self) -> str:
        return "remove_container"

    @property
    def summary(self) -> str:
        volumes = ", ".join(self.volumes)
        if not volumes:
            return f"remove {self.title}"
        return f"remove {self.title} and its volume{'' if len(self.volumes) == 1 else 's'} {volumes}"


@dataclass(frozen=True, kw_only=True)
class RemoveImage(Removal):
    """Remove an image by removing all its names. If it is in use when the step runs, it is kept."""

    image_id: str
    title: str
    references: tuple[str, ...]
    size: int

    @property
    def action(self) -> str:
        return "remove_image"

    @property
    def target(self) -> str:
        return f"image {self.title}"

    @property
    def summary(self) -> str:
        others = [name for name in self.references if name != self.title and "@" not in name]
        also = f" ({', '.join(others)})" if self.title != self.image_id[:19] and others else ""
        return f"remove image {self.title}{also}"


@dataclass(frozen=True, kw_only=True)
class RemoveVolume(Removal):
    """Remove a volume that no container mounts."""

    name: str

    @property
    def action(self) -> str:
        return "remove_volume"

    @property
    def target(self) -> str:
        return f"volume {self.name}"

    @property
    def summary(self) -> str:
        return f"remove volume {self.name}"

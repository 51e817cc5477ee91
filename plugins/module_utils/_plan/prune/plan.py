# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan which ended containers, unused images and volumes of a node to remove.

Leftovers of Swarm's tasks are removed. Containers created with ``docker run`` or ``docker create``, and their
volumes, are only removed if ``PruneRules.plain_containers`` is set.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..._model.compat import dataclass
from ..._model.node import SERVICE_NAME_LABEL, Container, Image, NodeView, ServicesInUse, Volume
from ..._model.node_state import NodeState, SetSeen
from ..._model.node_steps import RemoveContainer, RemoveImage, RemoveVolume
from ..._model.reasons import Reason
from ..._model.steps import Plan, Step
from .exclusions import Exclusions
from .image_names import UsedImages, repositories, spellings

DEFAULT_EXCLUDE_LABEL = "orchestration.prune=false"
ANONYMOUS = "anonymous"
NAMED = "named"
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRules:
    """What may be removed. ``grace`` is in seconds.

    ``plain_containers``: whether to remove containers that Swarm didn't create, and volumes that may be
    theirs. ``keep_images``: how many of the newest images of each repository stay. ``multiple_repositories``:
    whether to remove images with names in several repositories. ``volumes``: NONE, ANONYMOUS or NAMED (both).
    ``exclude_labels`` are ``key`` or ``key=value``; the other exclusions are shell patterns on names.
    """

    grace: float = 10800.0
    plain_containers: bool = False
    keep_images: int = 3
    multiple_repositories: bool = True
    force_containers: bool = True
    volumes: str = ANONYMOUS
    exclude_labels: tuple[str, ...] = (DEFAULT_EXCLUDE_LABEL,)
    exclude_containers: tuple[str, ...] = ()
    exclude_images: tuple[str, ...] = ()
    exclude_volumes: tuple[str, ...] = ()


def plan_prune(view: NodeView, rules: PruneRules, state: NodeState, use: ServicesInUse | None) -> Plan:
    """Plan the removal of everything that has been unused for the grace period.

    ``use``: what the services of the swarm use; if None, it is unknown, and a node of a swarm keeps its
    images and named volumes. The engine does not report since when an image exists or a volume is unused, so
    the time counts from our first observation, which is saved.
    """
    if use is None and view.swarm_state == "inactive":
        use = ServicesInUse()
    return _Planner(view, rules, state, use).plan()


class _Planner:
    def __init__(
        self, view: NodeView, rules: PruneRules, state: NodeState, use: ServicesInUse | None
    ) -> None:
        self._view = view
        self._rules = rules
        self._use = use
        self._images_seen = {image.id: state.images.get(image.id, view.now) for image in view.images}
        self._volumes_seen = {
            volume.name: state.volumes.get(volume.name, view.now) for volume in view.dangling_volumes
        }
        self._is_new = self._images_seen != dict(state.images) or self._volumes_seen != dict(state.volumes)
        self._notes: list[Reason] = []
        containers = Exclusions("exclude_containers", rules.exclude_containers)
        images = Exclusions("exclude_images", rules.exclude_images)
        volumes = Exclusions("exclude_volumes", rules.exclude_volumes)
        self._exclusions = (containers, images, volumes)
        # evaluate the patterns for everything; otherwise patterns without a match can't be reported
        self._kept_containers = {
            one.id for one in view.containers if containers.match(_container_names(one), [one.id])
        }
        self._kept_images = {
            one.id for one in view.images if images.match(spellings(one), [one.id, *_digests(one)])
        }
        named = {volume.name: volume for volume in (*view.volumes, *view.dangling_volumes)}
        self._volumes = named
        self._kept_volumes = {name for name in named if volumes.match([name], [name])}

    def plan(self) -> Plan:
        containers = self._containers()
        going = {step.container_id for step in containers}
        left = [container for container in self._view.containers if container.id not in going]
        steps: list[Step] = list(containers)
        if self._use is not None:
            steps += self._images(left, self._use)
        else:
            self._notes.append(Reason("images_kept_use_unknown"))
        if self._rules.volumes != NONE:
            steps += self._dangling_volumes()
        notes = [*self._notes, *(note for group in self._exclusions for note in group.notes)]
        remember = (SetSeen(self._images_seen, self._volumes_seen),) if self._is_new else ()
        warnings = tuple(text for group in self._exclusions for text in group.warnings)
        return Plan(steps=tuple(steps), notes=tuple(notes), warnings=warnings, remember=remember)

    def _containers(self) -> list[RemoveContainer]:
        found = []
        plain = 0
        for container in self._view.containers:
            why = self._why_container(container)
            if why is None:
                continue
            if not container.is_proven_task and not self._rules.plain_containers:
                plain += 1
                continue
            found.append((container, why))
        if plain:
            self._notes.append(Reason("plain_containers_kept", count=plain))
        going = {container.id for container, _why in found}
        in_use = {name for one in self._view.containers if one.id not in going for name in one.volumes}
        return [self._remove(container, why, in_use) for container, why in found]

    def _why_container(self, container: Container) -> Reason | None:
        """Return why a container may be removed, by its state alone; None if it stays."""
        now = self._view.now
        if container.state in ("exited", "dead"):
            age = now - (container.finished or container.created)
            why = Reason("container_ended", ago=age)
        elif container.state == "created" and not container.is_proven_task:
            # Swarm creates the containers of its tasks before it starts them
            age = now - container.created
            why = Reason("container_never_started", ago=age)
        else:
            return None
        if age < self._rules.grace:
            return None
        if self._is_labelled(container.labels) or container.id in self._kept_containers:
            return None
        return why

    def _remove(self, container: Container, why: Reason, in_use: Collection[str]) -> RemoveContainer:
        volumes = tuple(
            name
            for name in container.anonymous_volumes
            if self._rules.volumes != NONE and name not in in_use and self._may_be_removed(name)
        )
        return RemoveContainer(
            container_id=container.id,
            title=container.title if container.is_proven_task else container.name,
            volumes=volumes,
            all_volumes=bool(volumes) and volumes == container.anonymous_volumes,
            force=self._rules.force_containers,
            why=(why,),
        )

    def _may_be_removed(self, name: str) -> bool:
        """Return whether neither the driver nor an exclusion keeps a volume."""
        volume = self._volumes.get(name)
        if volume is None or volume.driver != "local":
            return False
        return not self._is_labelled(volume.labels) and name not in self._kept_volumes

    def _images(self, containers: Iterable[Container], use: ServicesInUse) -> list[RemoveImage]:
        view, rules, seen = self._view, self._rules, self._images_seen
        used_ids = {container.image_id for container in containers}
        used = UsedImages(use.images)
        newest = _newest(view.images, seen, rules.keep_images)
        steps = []
        for image in sorted(view.images, key=lambda image: (image.title, image.id)):
            if image.id in used_ids or image in used or image.id in newest:
                continue
            if view.now - seen[image.id] < rules.grace:
                continue
            if self._is_labelled(image.labels) or image.id in self._kept_images:
                continue
            names = repositories(image)
            if len(names) > 1 and not rules.multiple_repositories:
                continue
            why = [Reason("image_unused", ago=view.now - seen[image.id])]
            if names and rules.keep_images:
                why.append(Reason("newer_images_kept", count=rules.keep_images, repositories=sorted(names)))
            steps.append(
                RemoveImage(
                    image_id=image.id,
                    title=image.title,
                    references=(*image.tags, *image.digests) or (image.id,),
                    size=image.size,
                    why=tuple(why),
                )
            )
        return steps

    def _dangling_volumes(self) -> list[RemoveVolume]:
        steps = []
        unknown = 0
        for volume in sorted(self._view.dangling_volumes, key=lambda volume: volume.name):
            age = self._view.now - self._volumes_seen[volume.name]
            if age < self._rules.grace or not self._may_be_removed(volume.name):
                continue
            if not self._rules.plain_containers and not volume.is_of_stack:
                unknown += volume.anonymous or self._rules.volumes == NAMED
            elif volume.anonymous or self._is_spare(volume):
                steps.append(RemoveVolume(name=volume.name, why=(Reason("volume_unused", seconds=age),)))
        if self._rules.volumes == NAMED and self._use is None:
            self._notes.append(Reason("named_volumes_kept_use_unknown"))
        if unknown:
            self._notes.append(Reason("volumes_of_unknown_origin_kept", count=unknown))
        return steps

    def _is_spare(self, volume: Volume) -> bool:
        """Return whether a named volume may be removed. A volume of a task that has moved away also looks
        unused."""
        use = self._use
        return self._rules.volumes == NAMED and use is not None and volume.name not in use.volumes

    def _is_labelled(self, labels: Mapping[str, str]) -> bool:
        for text in self._rules.exclude_labels:
            key, equals, value = text.partition("=")
            if key in labels and (not equals or labels[key].lower() == value.lower()):
                return True
        return False


def _container_names(container: Container) -> tuple[str, ...]:
    """Return the names by which users know it: its own, and that of its service if it is a task."""
    service = container.labels.get(SERVICE_NAME_LABEL)
    names = (container.name, f"/{container.name}")
    return (*names, service) if container.is_proven_task and service else names


def _digests(image: Image) -> list[str]:
    return [name.partition("@")[2] for name in image.digests]


def _newest(images: Iterable[Image], seen: Mapping[str, float], number: int) -> frozenset[str]:
    """Return the IDs of the newest images of each repository: by first observation, then by build time."""
    found: dict[str, list[Image]] = {}
    for image in images:
        for repository in repositories(image):
            found.setdefault(repository, []).append(image)
    kept: set[str] = set()
    for group in found.values():
        group.sort(key=lambda image: (seen[image.id], image.created, image.id), reverse=True)
        kept |= {image.id for image in group[:number]}
    return frozenset(kept)

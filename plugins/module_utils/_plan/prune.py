# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan what of a node's ended containers, unused images and volumes is removed."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node import (
    Container,
    Image,
    NodeView,
    SwarmUse,
    Volume,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_state import NodeState, SetSeen
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_steps import (
    RemoveContainer,
    RemoveImage,
    RemoveVolume,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.image_names import UsedImages, repositories

DEFAULT_EXCLUDE_LABEL = "orchestration.prune=false"
ANONYMOUS = "anonymous"
NAMED = "named"
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRules:
    """What may go. ``grace`` is in seconds.

    ``keep_images``: how many images of each repository stay, the newest ones. ``multiple_repositories``:
    whether an image with names in several repositories may go. ``volumes``: NONE, ANONYMOUS or NAMED (both).
    ``exclude_labels`` are ``key`` or ``key=value``; the other exclusions are shell patterns on names.
    """

    grace: float = 10800.0
    keep_images: int = 3
    multiple_repositories: bool = True
    force_containers: bool = True
    volumes: str = ANONYMOUS
    exclude_labels: tuple[str, ...] = (DEFAULT_EXCLUDE_LABEL,)
    exclude_containers: tuple[str, ...] = ()
    exclude_images: tuple[str, ...] = ()
    exclude_volumes: tuple[str, ...] = ()


def plan_prune(view: NodeView, rules: PruneRules, state: NodeState, use: SwarmUse | None) -> Plan:
    """Plan the removal of what has been unused for the grace period.

    ``use`` is what the services of the swarm use, None where that is unknown: then a node of a swarm keeps
    its images and its named volumes. Since when an image or a volume is there, or unused, the engine does not
    say: it counts from when we first saw it so, which the plan remembers.
    """
    if use is None and view.swarm_state == "inactive":
        use = SwarmUse()
    containers = [step for step in (_container(item, view.now, rules) for item in view.containers) if step]
    going = {step.container_id for step in containers}
    left = [container for container in view.containers if container.id not in going]

    images_seen = {image.id: state.images.get(image.id, view.now) for image in view.images}
    volumes_seen = {volume.name: state.volumes.get(volume.name, view.now) for volume in view.dangling_volumes}
    steps: list[Step] = list(containers)
    notes = []
    if use is not None:
        steps += _images(view, rules, images_seen, use, left)
    else:
        notes.append(
            "images are left: what the services use is unknown here, because no manager was asked "
            "(manager_host, ORCASTRA_MANAGER_HOST)"
        )
    if rules.volumes != NONE:
        steps += _volumes(view, rules, volumes_seen, use)
        if rules.volumes == NAMED and use is None:
            notes.append("named volumes are left: what the services use is unknown here")
    is_new = images_seen != dict(state.images) or volumes_seen != dict(state.volumes)
    remember = (SetSeen(images_seen, volumes_seen),) if is_new else ()
    return Plan(steps=tuple(steps), notes=tuple(notes), remember=remember)


def _container(container: Container, now: float, rules: PruneRules) -> RemoveContainer | None:
    if container.state in ("exited", "dead"):
        since = container.finished or container.created
        fact = "ended"
    elif container.state == "created" and not container.is_task:
        # Swarm creates the containers of its tasks before it starts them
        since = container.created
        fact = "was created and never started; that was"
    else:
        return None
    if now - since < rules.grace:
        return None
    if _is_labelled(container.labels, rules) or _matches([container.name], rules.exclude_containers):
        return None
    return RemoveContainer(
        container_id=container.id,
        title=container.title,
        volumes=rules.volumes != NONE,
        force=rules.force_containers,
        why=(f"it {fact} {_age(now - since)} ago",),
    )


def _images(
    view: NodeView,
    rules: PruneRules,
    seen: Mapping[str, float],
    use: SwarmUse,
    containers: Iterable[Container],
) -> list[RemoveImage]:
    used_ids = {container.image_id for container in containers}
    used = UsedImages(use.images)
    newest = _newest(view.images, seen, rules.keep_images)
    steps = []
    for image in sorted(view.images, key=lambda image: (image.title, image.id)):
        if image.id in used_ids or image in used or image.id in newest:
            continue
        if view.now - seen[image.id] < rules.grace:
            continue
        names = repositories(image)
        called = (*image.tags, *image.digests, *names)
        if _is_labelled(image.labels, rules) or _matches(called, rules.exclude_images):
            continue
        if len(names) > 1 and not rules.multiple_repositories:
            continue
        why = [f"nothing here and no service uses it, and it is here for {_age(view.now - seen[image.id])}"]
        if names and rules.keep_images:
            why.append(f"{rules.keep_images} newer ones of {' and '.join(sorted(names))} stay")
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


def _newest(images: Iterable[Image], seen: Mapping[str, float], number: int) -> frozenset[str]:
    """The IDs of the newest images of each repository: those that came last, then those built last."""
    found: dict[str, list[Image]] = {}
    for image in images:
        for repository in repositories(image):
            found.setdefault(repository, []).append(image)
    kept: set[str] = set()
    for group in found.values():
        group.sort(key=lambda image: (seen[image.id], image.created, image.id), reverse=True)
        kept |= {image.id for image in group[:number]}
    return frozenset(kept)


def _volumes(
    view: NodeView, rules: PruneRules, seen: Mapping[str, float], use: SwarmUse | None
) -> list[RemoveVolume]:
    steps = []
    for volume in sorted(view.dangling_volumes, key=lambda volume: volume.name):
        if volume.driver != "local" or not _may_go(volume, rules, use):
            continue
        if view.now - seen[volume.name] < rules.grace:
            continue
        if _is_labelled(volume.labels, rules) or _matches([volume.name], rules.exclude_volumes):
            continue
        steps.append(
            RemoveVolume(
                name=volume.name,
                why=(f"no container has had it for {_age(view.now - seen[volume.name])}",),
            )
        )
    return steps


def _may_go(volume: Volume, rules: PruneRules, use: SwarmUse | None) -> bool:
    if volume.anonymous:
        return True
    # that of a task which runs elsewhere at the moment looks unused, too
    return rules.volumes == NAMED and use is not None and volume.name not in use.volumes


def _is_labelled(labels: Mapping[str, str], rules: PruneRules) -> bool:
    for text in rules.exclude_labels:
        key, equals, value = text.partition("=")
        if key in labels and (not equals or labels[key] == value):
            return True
    return False


def _matches(names: Iterable[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _age(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

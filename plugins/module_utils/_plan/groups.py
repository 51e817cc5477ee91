# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor and its followers as they are now: who is in place, who is astray, who cannot follow."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import (
    Node,
    Picture,
    Service,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Dependency, Removals, Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors import AnchorPlace, place_anchor
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import (
    held_labels,
    is_held_by,
    label_constraint,
    ours_to_move,
    users,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import find_service
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.placement import obstacles, room

# states in which a container may still run
ALIVE = ("assigned", "accepted", "preparing", "ready", "starting", "running")


@dataclass(frozen=True)
class Follower:
    """A service and where it stands to its anchor.

    ``astray``: its tasks on nodes that are not down, and not the anchor's. ``waiting``: its tasks that no
    node has been found for. ``stopping``: those that are not to run any more, but whose containers still
    may. ``lost``: those whose containers ran on a node that is down now, and still run there if it is only
    cut off. ``obstacles``: for each node of the anchor, what keeps the service off it.
    """

    service: Service
    tasks: tuple[Task, ...]
    astray: tuple[Task, ...]
    waiting: tuple[Task, ...]
    stopping: tuple[Task, ...]
    lost: tuple[Task, ...]
    obstacles: Mapping[str, tuple[str, ...]]

    @property
    def targets(self) -> tuple[str, ...]:
        """The IDs of the anchor's nodes on which it can run."""
        return tuple(sorted(node_id for node_id, reasons in self.obstacles.items() if not reasons))

    @property
    def can_follow(self) -> bool:
        return bool(self.targets)

    @property
    def wanted(self) -> tuple[Task, ...]:
        """Its tasks that are to run."""
        return tuple(task for task in self.tasks if task.is_wanted)

    @property
    def is_complete(self) -> bool:
        """Whether as many tasks run as are to run, wherever that is."""
        enough = self.service.replicas is None or len(self.wanted) >= self.service.replicas
        return enough and all(task.is_running for task in self.wanted)

    @property
    def is_in_place(self) -> bool:
        """Whether every task that is to run does so on a node of the anchor."""
        return self.is_complete and not self.astray

    def needs_order(self, dependency: Dependency) -> bool:
        """Whether its old container has to stop before the new one starts, as ``relocate`` says.

        The tasks of a global service belong to their nodes: none of them takes the place of another.
        """
        if not self.service.is_replicated:
            return False
        if dependency.relocate == "auto":
            return self.service.is_stateful
        return dependency.relocate == "ordered"


@dataclass(frozen=True)
class Group:
    """An anchor's place and its followers. ``missing``: names of followers that do not exist."""

    dependency: Dependency
    place: AnchorPlace
    followers: tuple[Follower, ...]
    missing: tuple[str, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether the followers are moved in order.

        One that needs it decides for all: the label leaves the old node only once.
        """
        return any(follower.needs_order(self.dependency) and follower.astray for follower in self.followers)

    def label_kept_on(self, node: Node) -> str | None:
        """Why the anchor's label must not be taken off ``node`` yet, or None."""
        for follower in self.followers:
            if ours_to_move(follower.service) and not follower.is_in_place:
                return f"{follower.service.name} is on its way"
            if not any(task.node_id == node.id for task in follower.astray):
                continue
            if not follower.can_follow:
                return f"{follower.service.name} runs there and cannot run beside its anchor"
            if self.is_ordered:
                return f"{follower.service.name} has not left it yet"
        return None


def survey(picture: Picture, wanted: Wanted) -> tuple[Group, ...]:
    """One group for each dependency, in the order of the configuration.

    Followers are looked at one after the other: where one will go, there is less room for the next.
    Unless what isn't configured is removed, our constraint on the label of another anchor keeps counting.
    """
    groups = []
    labels = frozenset(dependency.label for dependency in wanted.dependencies.values())
    removes = wanted.dependency_removals is Removals.ALLOWED
    crowded = picture
    for dependency in wanted.dependencies.values():
        place = place_anchor(picture, dependency)
        followers: list[Follower] = []
        missing: list[str] = []
        for name in dependency.followers:
            service = find_service(picture, name, dependency.stack)
            if service is None:
                missing.append(name)
                continue
            kept = () if removes else _kept_for_others(service, labels)
            follower = _follower(picture, crowded, place, service, kept)
            followers.append(follower)
            crowded = _with_arrivals(crowded, follower)
        groups.append(Group(dependency, place, tuple(followers), tuple(missing)))
    return tuple(groups)


def followed_labels(groups: tuple[Group, ...]) -> dict[str, frozenset[str]]:
    """Service ID of a follower → the keys of the labels that come along with it.

    These are the labels of its anchors, and of those that the anchors follow themselves.
    """
    above: dict[str, list[Group]] = {}
    for group in groups:
        for follower in group.followers if group.place.service is not None else ():
            above.setdefault(follower.service.id, []).append(group)
    found = {}
    for service_id in above:
        keys: set[str] = set()
        waiting = [service_id]
        while waiting:
            for group in above.get(waiting.pop(), ()):
                if group.dependency.label not in keys and group.place.service is not None:
                    keys.add(group.dependency.label)
                    waiting.append(group.place.service.id)
        found[service_id] = frozenset(keys)
    return found


def watched_services(picture: Picture, wanted: Wanted) -> frozenset[str]:
    """The IDs of all anchors and followers that exist: whatever happens to one of their tasks matters."""
    found = set()
    for dependency in wanted.dependencies.values():
        for name in (dependency.anchor, *dependency.followers):
            service = find_service(picture, name, dependency.stack)
            if service is not None:
                found.add(service.id)
    return frozenset(found)


def _kept_for_others(service: Service, labels: frozenset[str]) -> tuple[str, ...]:
    """Our constraints on labels of anchors that aren't configured here."""
    return tuple(label_constraint(label) for label in sorted(held_labels(service) - labels))


def _follower(
    picture: Picture, crowded: Picture, place: AnchorPlace, service: Service, kept: tuple[str, ...]
) -> Follower:
    """``crowded`` is the picture with those tasks, too, that are about to come.

    ``kept``: constraints of ours that stay, whatever is configured.
    """
    tasks = picture.tasks_of(service)
    astray: list[Task] = []
    waiting: list[Task] = []
    stopping: list[Task] = []
    lost: list[Task] = []
    for task in tasks:
        node = picture.node_by_id.get(task.node_id or "")
        if node is None:
            if task.is_wanted and task.state == "pending":
                waiting.append(task)
        elif node.is_down:
            if task.state in ALIVE:
                lost.append(task)
        elif not task.is_wanted:
            if task.state in ALIVE:
                stopping.append(task)
        elif place.settled and node.id not in place.on:
            astray.append(task)
    return Follower(
        service=service,
        tasks=tasks,
        astray=tuple(astray),
        waiting=tuple(waiting),
        stopping=tuple(stopping),
        lost=tuple(lost),
        obstacles=_obstacles(crowded, place, service, kept),
    )


def _obstacles(
    picture: Picture, place: AnchorPlace, service: Service, kept: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """For each node of the anchor, why the service cannot run there. It can only follow as a whole."""
    # the label that is about to be set is no obstacle
    mine = (*users(service), *kept)
    others = tuple(text for text in mine if not is_held_by((text,), place.dependency.label))
    found = {}
    for node_id in place.on:
        found[node_id] = obstacles(picture, service, picture.node_by_id[node_id], others)
    replicas = service.replicas or 0
    free = [node_id for node_id, reasons in found.items() if not reasons]
    if not free or not service.is_replicated or replicas < 2:
        return found
    fits = [room(picture, service, picture.node_by_id[node_id]) for node_id in free]
    total = sum(number for number in fits if number is not None)
    if None not in fits and total < replicas:
        where = "there" if len(found) == 1 else "on the nodes of its anchor"
        for node_id in free:
            found[node_id] = (f"only {total} of its {replicas} tasks fit {where}",)
    return found


def _with_arrivals(picture: Picture, follower: Follower) -> Picture:
    """The picture as it will be once the follower has gone where it belongs, if that is one node for sure."""
    service = follower.service
    takes_room = service.reserved_memory_bytes or service.reserved_nano_cpus or service.host_ports
    targets = follower.targets
    if not takes_room or len(targets) != 1 or not (follower.astray or follower.waiting):
        return picture
    coming = {task.id for task in (*follower.astray, *follower.waiting)}
    tasks = [replace(task, node_id=targets[0]) if task.id in coming else task for task in picture.tasks]
    return replace(picture, tasks=tuple(tasks))

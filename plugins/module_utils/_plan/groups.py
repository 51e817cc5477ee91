# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor and its followers as they are now: who is in place, who is astray, who cannot follow."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import (
    Node,
    Picture,
    Service,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Dependency, Removals, Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchorage import Anchorage, find_anchorage
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors import (
    ANCHOR_VALUE,
    AnchorPlace,
    place_anchor,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.finished import (
    Finished,
    finished,
    runs_once,
)
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
    cut off. ``obstacles``: for each node of the anchor, what keeps the service off it. ``finished``: those
    that are over, so that no others take their places. ``kept``: constraints of ours on the labels of anchors
    that aren't configured here.

    Where there are several anchors, "the anchor's nodes" are those of ``anchorage``.
    """

    service: Service
    anchorage: Anchorage
    tasks: tuple[Task, ...]
    astray: tuple[Task, ...]
    waiting: tuple[Task, ...]
    stopping: tuple[Task, ...]
    lost: tuple[Task, ...]
    obstacles: Mapping[str, tuple[str, ...]]
    finished: Finished = field(default_factory=Finished)
    kept: tuple[str, ...] = ()

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
        """Whether as many tasks run as are to run, wherever that is. What has finished is not missing."""
        present = len(self.wanted) + len(self.finished)
        enough = self.service.replicas is None or present >= self.service.replicas
        return enough and all(task.is_running for task in self.wanted)

    @property
    def is_in_place(self) -> bool:
        """Whether every task that is to run does so on a node of the anchor."""
        return self.is_complete and not self.astray

    @property
    def runs_to_its_end(self) -> bool:
        """Whether its tasks stay where they are: to move one would be to run it a second time."""
        return runs_once(self.service)

    def is_led_by(self, dependency: Dependency) -> bool:
        """Whether the anchor of ``dependency`` is the one that it follows if it has several."""
        return self.anchorage.place.dependency.anchor == dependency.anchor

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
    """An anchor's place and its followers. ``missing``: names of followers that do not exist.

    ``unrest``: why they wait although their anchor is elsewhere, or None.
    """

    dependency: Dependency
    place: AnchorPlace
    followers: tuple[Follower, ...]
    missing: tuple[str, ...]
    unrest: str | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether the followers are moved in order.

        One that needs it decides for all: the label leaves the old node only once.
        """
        return any(
            follower.needs_order(follower.anchorage.place.dependency)
            and follower.astray
            and not follower.runs_to_its_end
            for follower in self._bound
        )

    @property
    def _bound(self) -> tuple[Follower, ...]:
        """The followers that feel it when a node loses the label.

        Others follow the anchor only where it runs beside their leading one.
        """
        label = self.dependency.label
        return tuple(
            follower
            for follower in self.followers
            if follower.is_led_by(self.dependency) or is_held_by(follower.service.constraints, label)
        )

    def label_kept_on(self, node: Node) -> str | None:
        """Why the anchor's label must not be taken off ``node`` yet, or None."""
        for follower in self._bound:
            if ours_to_move(follower.service) and not follower.is_in_place:
                return f"{follower.service.name} is on its way"
            if not any(task.node_id == node.id for task in follower.astray):
                if not follower.is_led_by(self.dependency) and self._would_end(follower, node):
                    return f"{follower.service.name} runs there, and its constraint demands it"
                continue
            if self.unrest is not None:
                return self.unrest
            if follower.runs_to_its_end:
                return f"{follower.service.name} runs to its end there: its restart condition is 'none'"
            if not follower.can_follow:
                return f"{follower.service.name} runs there and cannot run beside its anchor"
            if self.is_ordered:
                return f"{follower.service.name} has not left it yet"
        return None

    def _would_end(self, follower: Follower, node: Node) -> bool:
        """Whether the loss of the label would end a follower that stays with its leading anchor."""
        is_there = any(task.node_id == node.id for task in follower.wanted)
        return is_there and is_held_by(users(follower.service), self.dependency.label)


def survey(picture: Picture, wanted: Wanted) -> tuple[Group, ...]:
    """One group for each dependency, in the order of the configuration.

    Followers are looked at one after the other: where one will go, there is less room for the next.
    Unless what isn't configured is removed, our constraint on the label of another anchor keeps counting.
    """
    groups = []
    labels = frozenset(dependency.label for dependency in wanted.dependencies.values())
    removes = wanted.dependency_removals is Removals.ALLOWED
    crowded = picture
    places = [place_anchor(picture, dependency) for dependency in wanted.dependencies.values()]
    places_of: dict[str, list[AnchorPlace]] = {}
    for place in places:
        for name in place.dependency.followers:
            service = find_service(picture, name, place.dependency.stack)
            if service is not None:
                places_of.setdefault(service.id, []).append(place)
    known: dict[str, Follower] = {}
    for place in places:
        dependency = place.dependency
        followers: list[Follower] = []
        missing: list[str] = []
        for name in dependency.followers:
            service = find_service(picture, name, dependency.stack)
            if service is None:
                missing.append(name)
                continue
            if service.id not in known:
                kept = () if removes else _kept_for_others(service, labels)
                known[service.id] = _follower(picture, crowded, places_of[service.id], service, kept)
                crowded = _with_arrivals(crowded, known[service.id])
            followers.append(known[service.id])
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


def labelled(picture: Picture, groups: tuple[Group, ...]) -> Picture:
    """The picture once the labels of all anchors whose place is known are there, and nowhere else."""
    on = {group.dependency.label: group.place.on for group in groups if group.place.settled}
    nodes = []
    for node in picture.nodes:
        labels = {key: value for key, value in node.labels.items() if key not in on}
        labels.update({key: ANCHOR_VALUE for key, node_ids in on.items() if node.id in node_ids})
        nodes.append(node if labels == node.labels else replace(node, labels=labels))
    return replace(picture, nodes=tuple(nodes))


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
    picture: Picture,
    crowded: Picture,
    places: Sequence[AnchorPlace],
    service: Service,
    kept: tuple[str, ...],
) -> Follower:
    """``places``: those of its anchors. ``crowded``: the picture with tasks that are about to come, too.

    ``kept``: constraints of ours that stay, whatever is configured.
    """
    anchorage = find_anchorage(places, service)
    found = _obstacles(crowded, anchorage, service, kept)
    if all(found.values()) and anchorage.place != anchorage.places[0]:
        # better beside one anchor than beside none
        alone = anchorage.without_others
        around = _obstacles(crowded, alone, service, kept)
        if not all(around.values()):
            anchorage, found = alone, around
    place = anchorage.place
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
        anchorage=anchorage,
        tasks=tasks,
        astray=tuple(astray),
        waiting=tuple(waiting),
        stopping=tuple(stopping),
        lost=tuple(lost),
        obstacles=found,
        finished=finished(picture, service),
        kept=kept,
    )


def _obstacles(
    picture: Picture, anchorage: Anchorage, service: Service, kept: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """For each node of the anchor, why the service cannot run there. It can only follow as a whole."""
    mine = (*users(service), *kept)
    found = {}
    for node_id in anchorage.place.on:
        # a label that is about to be set is no obstacle
        labels = [place.dependency.label for place in anchorage.places if node_id in place.on]
        others = tuple(text for text in mine if not any(is_held_by((text,), key) for key in labels))
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
    is_coming = (follower.astray and not follower.runs_to_its_end) or follower.waiting
    if not takes_room or len(targets) != 1 or not is_coming:
        return picture
    coming = {task.id for task in (*follower.astray, *follower.waiting)}
    tasks = [replace(task, node_id=targets[0]) if task.id in coming else task for task in picture.tasks]
    return replace(picture, tasks=tuple(tasks))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor and its followers in the snapshot: co-located, misplaced, or unable to follow."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..._model.desired import Dependency, DesiredState, Removals
from ..._model.ownership import without
from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot, Task
from ..names import find_service
from ..relocation.status import ALIVE
from ..scheduling.finished import Finished, finished, runs_once, started_otherwise
from ..scheduling.managed import (
    label_constraint,
    managed_constraints,
    move_constraints,
    pinned_labels,
    requires_label,
    user_constraints,
)
from ..scheduling.placement import obstacles, room
from .anchor import ANCHOR_VALUE, AnchorPlacement, place_anchor
from .leading_anchor import Anchorage, find_anchorage


@dataclass(frozen=True)
class Follower:
    """A service and its position relative to its anchor.

    ``misplaced``: its tasks on nodes that are up but are not the anchor's. ``waiting``: its tasks for which
    Swarm has found no node. ``stopping``: tasks that should no longer run, but whose containers may still be
    running. ``lost``: tasks whose containers ran on a node that is now down, and still run there if it is
    only cut off. ``obstacles``: for each node of the anchor, what keeps the service off it. ``finished``:
    tasks that Swarm does not replace. ``kept``: managed constraints on the labels of anchors that aren't
    configured here.

    With several anchors, "the anchor's nodes" are those of ``anchorage``.
    """

    service: Service
    anchorage: Anchorage
    tasks: tuple[Task, ...]
    misplaced: tuple[Task, ...]
    waiting: tuple[Task, ...]
    stopping: tuple[Task, ...]
    lost: tuple[Task, ...]
    obstacles: Mapping[str, tuple[Reason, ...]]
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
    def desired(self) -> tuple[Task, ...]:
        """Its tasks that should run."""
        return tuple(task for task in self.tasks if task.should_run)

    @property
    def is_complete(self) -> bool:
        """Whether all desired tasks run, on any node. Finished tasks are not missing."""
        present = len(self.desired) + len(self.finished)
        enough = self.service.replicas is None or present >= self.service.replicas
        return enough and all(task.is_running for task in self.desired)

    @property
    def is_in_place(self) -> bool:
        """Whether every desired task runs on a node of the anchor."""
        return self.is_complete and not self.misplaced

    @property
    def runs_to_its_end(self) -> bool:
        """Whether its tasks stay where they are, because a move would run them a second time."""
        return runs_once(self.service)

    def unpinnable(self, required: tuple[str, ...]) -> tuple[Task, ...]:
        """Return the tasks that could run a second time if ``required`` were its only managed constraints.

        They did not start with these constraints, and the anchor's label may leave their node.
        """
        service = self.service
        if not required:
            return ()
        unneeded = [text for text in managed_constraints(service) if text not in (*required, *self.kept)]
        constraints = without(service.constraints, unneeded)
        constraints = (*constraints, *(text for text in required if text not in constraints))
        return started_otherwise(service, constraints, self.finished, self.desired)

    def is_pinned_too_late(self, node: Node, label: str) -> bool:
        """Return whether a task could run a second time if ``node`` lost ``label``.

        Its service got its constraint on the label after the task had started.
        """
        if label not in pinned_labels(self.service):
            return False
        late = started_otherwise(self.service, self.service.constraints, self.finished, self.desired)
        return any(task.node_id == node.id for task in late)

    def is_led_by(self, dependency: Dependency) -> bool:
        """Return whether it follows the anchor of ``dependency`` if it has several."""
        return self.anchorage.place.dependency.anchor == dependency.anchor

    def needs_order(self, dependency: Dependency) -> bool:
        """Return whether its old container must stop before the new one starts, according to ``relocate``.

        The tasks of a global service belong to their nodes, so none replaces another.
        """
        if not self.service.is_replicated:
            return False
        if dependency.relocate == "auto":
            return self.service.is_stateful
        return dependency.relocate == "ordered"


@dataclass(frozen=True)
class AnchorGroup:
    """An anchor's place and its followers. ``missing``: names of followers that do not exist.

    ``unrest``: why the followers wait although their anchor has moved, or None.
    """

    dependency: Dependency
    place: AnchorPlacement
    followers: tuple[Follower, ...]
    missing: tuple[str, ...]
    unrest: Reason | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether the followers move in order.

        One follower that needs order decides for all, because they share the label.
        """
        return any(
            follower.needs_order(follower.anchorage.place.dependency)
            and follower.misplaced
            and not follower.runs_to_its_end
            for follower in self._bound
        )

    @property
    def _bound(self) -> tuple[Follower, ...]:
        """The followers that are affected if a node loses the label.

        Others follow this anchor only while it runs on the same node as their leading one.
        """
        label = self.dependency.label
        return tuple(
            follower
            for follower in self.followers
            if follower.is_led_by(self.dependency) or requires_label(follower.service.constraints, label)
        )

    def label_kept_on(self, node: Node) -> Reason | None:
        """Return why the anchor's label must stay on ``node`` for now, or None."""
        for follower in self._bound:
            name = follower.service.name
            if move_constraints(follower.service) and not follower.is_in_place:
                return Reason("label_kept_during_move", service=name)
            is_late = follower.is_pinned_too_late(node, self.dependency.label)
            if not any(task.node_id == node.id for task in follower.misplaced):
                if not follower.is_led_by(self.dependency) and self._would_end(follower, node):
                    return Reason("label_required_by_constraint", service=name)
                if is_late:
                    return Reason("label_kept_until_released", service=name)
                continue
            if self.unrest is not None:
                return self.unrest
            if follower.runs_to_its_end:
                return Reason("label_kept_until_finished", service=name)
            if not follower.can_follow:
                return Reason("label_kept_for_stuck_follower", service=name)
            if self.is_ordered:
                return Reason("label_kept_until_moved", service=name)
            if is_late:
                return Reason("label_kept_until_released", service=name)
        return None

    def _would_end(self, follower: Follower, node: Node) -> bool:
        """Return whether losing the label would stop a follower that stays with its leading anchor."""
        is_there = any(task.node_id == node.id for task in follower.desired)
        return is_there and requires_label(user_constraints(follower.service), self.dependency.label)


def resolve_anchor_groups(snapshot: SwarmSnapshot, desired: DesiredState) -> tuple[AnchorGroup, ...]:
    """Return one group for each dependency, in the order of the configuration.

    Followers are resolved one after the other, because each arrival leaves less room for the next. Managed
    constraints on the labels of unconfigured anchors keep counting unless removals are allowed.
    """
    groups = []
    labels = frozenset(dependency.label for dependency in desired.dependencies.values())
    removes = desired.dependency_removals is Removals.ALLOWED
    crowded = snapshot
    places = [place_anchor(snapshot, dependency) for dependency in desired.dependencies.values()]
    places_of: dict[str, list[AnchorPlacement]] = {}
    for place in places:
        for name in place.dependency.followers:
            service = find_service(snapshot, name, place.dependency.stack)
            if service is not None:
                places_of.setdefault(service.id, []).append(place)
    known: dict[str, Follower] = {}
    for place in places:
        dependency = place.dependency
        followers: list[Follower] = []
        missing: list[str] = []
        for name in dependency.followers:
            service = find_service(snapshot, name, dependency.stack)
            if service is None:
                missing.append(name)
                continue
            if service.id not in known:
                kept = () if removes else _kept_for_others(service, labels)
                known[service.id] = _follower(snapshot, crowded, places_of[service.id], service, kept)
                crowded = _with_arrivals(crowded, known[service.id])
            followers.append(known[service.id])
        groups.append(AnchorGroup(dependency, place, tuple(followers), tuple(missing)))
    return tuple(groups)


def followed_labels(groups: tuple[AnchorGroup, ...]) -> dict[str, frozenset[str]]:
    """Return service ID of a follower → the keys of the labels that move with it.

    These are the labels of its anchors and of the anchors that those follow.
    """
    above: dict[str, list[AnchorGroup]] = {}
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


def labelled(snapshot: SwarmSnapshot, groups: tuple[AnchorGroup, ...]) -> SwarmSnapshot:
    """Return the snapshot in which the labels of all anchors with a known place are on exactly those
    nodes."""
    on = {group.dependency.label: group.place.on for group in groups if group.place.settled}
    nodes = []
    for node in snapshot.nodes:
        labels = {key: value for key, value in node.labels.items() if key not in on}
        labels.update({key: ANCHOR_VALUE for key, node_ids in on.items() if node.id in node_ids})
        nodes.append(node if labels == node.labels else replace(node, labels=labels))
    return replace(snapshot, nodes=tuple(nodes))


def watched_services(snapshot: SwarmSnapshot, desired: DesiredState) -> frozenset[str]:
    """Return the IDs of all existing anchors and followers: every change of their tasks matters."""
    found = set()
    for dependency in desired.dependencies.values():
        for name in (dependency.anchor, *dependency.followers):
            service = find_service(snapshot, name, dependency.stack)
            if service is not None:
                found.add(service.id)
    return frozenset(found)


def _kept_for_others(service: Service, labels: frozenset[str]) -> tuple[str, ...]:
    """Return the managed constraints on labels of anchors that aren't configured here."""
    return tuple(label_constraint(label) for label in sorted(pinned_labels(service) - labels))


def _follower(
    snapshot: SwarmSnapshot,
    crowded: SwarmSnapshot,
    places: Sequence[AnchorPlacement],
    service: Service,
    kept: tuple[str, ...],
) -> Follower:
    """Resolve one follower. ``places``: those of its anchors. ``crowded``: the snapshot with expected
    arrivals.

    ``kept``: managed constraints that stay, whatever is configured.
    """
    anchorage = find_anchorage(places, service)
    found = _obstacles(crowded, anchorage, service, kept)
    if all(found.values()) and anchorage.place != anchorage.places[0]:
        # co-located with one anchor is better than with none
        alone = anchorage.without_others
        around = _obstacles(crowded, alone, service, kept)
        if not all(around.values()):
            anchorage, found = alone, around
    place = anchorage.place
    tasks = snapshot.tasks_of(service)
    misplaced: list[Task] = []
    waiting: list[Task] = []
    stopping: list[Task] = []
    lost: list[Task] = []
    for task in tasks:
        node = snapshot.node_by_id.get(task.node_id or "")
        if node is None:
            if task.should_run and task.state == "pending":
                waiting.append(task)
        elif node.is_down:
            if task.state in ALIVE:
                lost.append(task)
        elif not task.should_run:
            if task.state in ALIVE:
                stopping.append(task)
        elif place.settled and node.id not in place.on:
            misplaced.append(task)
    return Follower(
        service=service,
        anchorage=anchorage,
        tasks=tasks,
        misplaced=tuple(misplaced),
        waiting=tuple(waiting),
        stopping=tuple(stopping),
        lost=tuple(lost),
        obstacles=found,
        finished=finished(snapshot, service),
        kept=kept,
    )


def _obstacles(
    snapshot: SwarmSnapshot, anchorage: Anchorage, service: Service, kept: tuple[str, ...]
) -> dict[str, tuple[Reason, ...]]:
    """Return for each node of the anchor why the service cannot run there. All its tasks must fit."""
    mine = (*user_constraints(service), *kept)
    found: dict[str, tuple[Reason, ...]] = {}
    for node_id in anchorage.place.on:
        # a label that the same plan sets is no obstacle
        labels = [place.dependency.label for place in anchorage.places if node_id in place.on]
        others = tuple(text for text in mine if not any(requires_label((text,), key) for key in labels))
        found[node_id] = obstacles(snapshot, service, snapshot.node_by_id[node_id], others)
    replicas = service.replicas or 0
    free = [node_id for node_id, reasons in found.items() if not reasons]
    if not free or not service.is_replicated or replicas < 2:
        return found
    fits = [room(snapshot, service, snapshot.node_by_id[node_id]) for node_id in free]
    total = sum(number for number in fits if number is not None)
    if None not in fits and total < replicas:
        for node_id in free:
            found[node_id] = (Reason("too_few_tasks_fit", fit=total, replicas=replicas),)
    return found


def _with_arrivals(snapshot: SwarmSnapshot, follower: Follower) -> SwarmSnapshot:
    """Return the snapshot after the follower has moved, if it can only move to one node."""
    service = follower.service
    takes_room = service.reserved_memory_bytes or service.reserved_nano_cpus or service.host_ports
    targets = follower.targets
    is_coming = (follower.misplaced and not follower.runs_to_its_end) or follower.waiting
    if not takes_room or len(targets) != 1 or not is_coming:
        return snapshot
    coming = {task.id for task in (*follower.misplaced, *follower.waiting)}
    tasks = [replace(task, node_id=targets[0]) if task.id in coming else task for task in snapshot.tasks]
    return replace(snapshot, tasks=tuple(tasks))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of units to nodes: the constraints for a move, or its obstacles. Computed on demand."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..._model.mount import ObservedVolume
from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot
from ..scheduling.managed import constraints_without_labels, move_off, move_to, user_constraints
from ..scheduling.placement import obstacles_among, room
from ..spread.layout import Layout
from .units import MoveUnit

# A unit does not return to a node that it has left this recently, or where it has failed.
RETURN_SECONDS = 7 * 24 * 3600.0
# From a host that is short of memory it may return sooner, but not by undoing a move. If only one service can
# leave, every shortage moves it, and within a week no node might be left for it.
SHORT_RETURN_SECONDS = 24 * 3600.0
FAILED_THERE_SECONDS = 24 * 3600.0
# A move that needs more constraints than this would change the service's spec too much.
MAX_EXCLUDED = 8


@dataclass(frozen=True)
class Route:
    """How a unit moves to a node: the constraints on its lead, or the obstacles."""

    constraints: tuple[str, ...] = ()
    obstacles: tuple[Reason, ...] = ()

    @property
    def is_open(self) -> bool:
        return not self.obstacles


class TargetFinder:
    """Find the routes of units. ``labels``: service ID of a follower → the keys of its anchors' labels.

    ``volumes``: node ID → volume → what the node reports about it. ``spread``: if replicas are spread, the
    layout that no move may make less even.
    """

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        labels: Mapping[str, frozenset[str]],
        now: float,
        volumes: Mapping[str, Mapping[str, ObservedVolume]],
        spread: Layout | None = None,
    ) -> None:
        self.volumes = volumes
        self._spread = spread
        self.snapshot = snapshot
        self.labels = labels
        self.now = now
        self._routes: dict[tuple[str, str, str], Route] = {}
        self._runs: dict[tuple[str, str], bool] = {}
        self._totals = {node.id: len(snapshot.wanted_by_node.get(node.id, ())) for node in snapshot.nodes}
        self._by_total = sorted(snapshot.nodes, key=lambda node: self._totals[node.id])

    def route(self, unit: MoveUnit, node: Node) -> Route:
        """Return the route of ``unit`` to ``node``, whether or not the move is useful."""
        key = (unit.lead.id, unit.node.id, node.id)
        if key not in self._routes:
            self._routes[key] = self._find_route(unit, node)
        return self._routes[key]

    def blocked(self, unit: MoveUnit, node: Node, *, returns: bool = False) -> list[Reason]:
        """Return what forbids ``unit`` on ``node``: saved moves, obstacles and missing volumes.

        ``returns``: whether it may return to a node that it has left.
        """
        found = self._history(unit, node, returns=returns)
        found += self._obstacles(unit, node)
        found += [
            Reason("volume_not_on_node", volume=name, node=node.hostname)
            for name, reported in sorted(unit.volumes.items())
            if self.volumes.get(node.id, {}).get(name) != reported.volume
        ]
        return found

    def _find_route(self, unit: MoveUnit, node: Node) -> Route:
        found = self.blocked(unit, node)
        if not found and self._spread is not None and len(unit.members) == 1:
            change = self._spread.change(unit.lead, unit.node, node, unit.count)
            if change is not None and not change.spreads:
                found.append(Reason("would_uneven_replicas", here=change.source, there=change.target))
        if found:
            return Route(obstacles=tuple(found))
        if unit.lead.replicas == 1:
            return Route(constraints=(move_to(node.id),))
        return self._steer(unit, node)

    def _history(self, unit: MoveUnit, node: Node, *, returns: bool) -> list[Reason]:
        found: list[Reason] = []
        for made in unit.relocations:
            age = self.now - made.at
            if made.failed is not None:
                if made.target == node.id and age < FAILED_THERE_SECONDS:
                    found.append(Reason("move_there_failed", ago=age, error=made.failed))
            elif made.source == node.id and age < RETURN_SECONDS and not returns:
                if made.target == unit.node.id or not self._may_return(unit, age):
                    found.append(Reason("moved_off_recently", ago=age))
        return found

    def _may_return(self, unit: MoveUnit, age: float) -> bool:
        """Return whether it may return via other nodes: someone else has moved it since, or memory is
        short."""
        return unit.last is None or (unit.is_short and age >= SHORT_RETURN_SECONDS)

    def _obstacles(self, unit: MoveUnit, node: Node) -> list[Reason]:
        """Return what keeps a member off the node if all the others are there too."""
        ids = {member.id for member in unit.members}
        there = []
        for task in self.snapshot.wanted_by_node.get(node.id, ()):
            other = self.snapshot.service_by_id.get(task.service_id)
            if other is not None and other.id not in ids:
                there.append(other)
        arriving = [self.snapshot.service_by_id[task.service_id] for task in unit.tasks]
        found: list[Reason] = []
        for member in unit.members:
            others = [*there, *(service for service in arriving if service.id != member.id)]
            constraints = self._constraints(unit, member)
            reasons = obstacles_among(others, member, node, constraints) or self._too_many(unit, member, node)
            if member is unit.lead:
                found += reasons
            else:
                found += [
                    Reason("follower_not_movable", follower=member.name, reason=reason) for reason in reasons
                ]
        return found

    def _constraints(self, unit: MoveUnit, member: Service) -> tuple[str, ...]:
        """Return the user's constraints; for followers without those on anchor labels, which move with the
        anchor."""
        labels = self.labels.get(member.id, ()) if member is not unit.lead else ()
        return constraints_without_labels(member, labels)

    def _too_many(self, unit: MoveUnit, member: Service, node: Node) -> tuple[Reason, ...]:
        most = room(self.snapshot, member, node)
        present = self._own(member, node)
        coming = sum(task.service_id == member.id for task in unit.tasks)
        if most is None or present + coming <= most:
            return ()
        return (Reason("too_many_tasks_there", most=most, present=present),)

    def _own(self, service: Service, node: Node) -> int:
        return sum(task.service_id == service.id for task in self.snapshot.wanted_by_node.get(node.id, ()))

    # several replicas

    def _steer(self, unit: MoveUnit, node: Node) -> Route:
        """Return the constraints that leave Swarm no choice but ``node``.

        Source: swarmkit, `manager/scheduler/scheduler.go`: fewest tasks of the service first, then fewest
        tasks. Better nodes must be excluded, which is only possible if no task of the service runs there: the
        constraint would move that task, too.
        """
        service = unit.lead
        if service.preferences:
            return Route(obstacles=(Reason("placement_preferences_decide"),))
        own = self._own(service, node) + unit.count - 1
        total = self._totals[node.id] + unit.count - 1
        present = {
            task.node_id for task in self.snapshot.tasks_of(service) if task.should_run and task.node_id
        }
        excluded: list[Node] = []
        for other in self._by_total:
            theirs = (self._own(service, other) if other.id in present else 0, self._totals[other.id])
            if own == 0 and theirs[1] > total:
                break  # sorted by the total, and no node has fewer than 0 own tasks
            if other.id in (node.id, unit.node.id) or theirs > (own, total):
                continue
            if not self._can_run(service, other):
                continue
            if other.id in present:
                return Route(obstacles=(Reason("swarm_prefers_node", node=other.hostname),))
            excluded.append(other)
            if len(excluded) > MAX_EXCLUDED:
                return Route(obstacles=(Reason("swarm_prefers_many_nodes"),))
        return Route(constraints=tuple(move_off(other.id) for other in (unit.node, *excluded)))

    def _can_run(self, service: Service, node: Node) -> bool:
        key = (service.id, node.id)
        if key not in self._runs:
            there = []
            for task in self.snapshot.wanted_by_node.get(node.id, ()):
                other = self.snapshot.service_by_id.get(task.service_id)
                if other is not None and other.id != service.id:
                    there.append(other)
            most = room(self.snapshot, service, node)
            fits = most is None or self._own(service, node) < most
            self._runs[key] = fits and not obstacles_among(there, service, node, user_constraints(service))
        return self._runs[key]

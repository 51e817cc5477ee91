# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Explain where the tasks of one service are: why they are there, which other nodes could run them, and what
would move them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .._model.forecast import Fate
from .._model.memory import Memory
from .._model.mount import StorageRules, residence_of
from .._model.reasons import Reason
from .._model.snapshot import Node, Service, SwarmSnapshot
from .anchors.groups import AnchorGroup, Follower
from .rebalance.explanation import Candidate
from .scheduling.constraints import ConstraintError, violated
from .scheduling.managed import managed_constraints, requires_label
from .scheduling.placement import obstacles, room
from .what_if import BY_NODE, what_if

# The status of a node: tasks run there, could run there, or can't.
RUNS = "runs"
POSSIBLE = "possible"
REJECTED = "rejected"


@dataclass(frozen=True)
class Place:
    """A node, the number of tasks of the service that should run there, and what keeps others off it.

    ``status`` is RUNS, POSSIBLE or REJECTED.
    """

    node: str
    tasks: int
    status: str
    reasons: tuple[Reason, ...] = ()

    def to_data(self) -> dict[str, Any]:
        reasons = [reason.to_data() for reason in self.reasons]
        return {"node": self.node, "tasks": self.tasks, "status": self.status, "reasons": reasons}


@dataclass(frozen=True)
class Whereabouts:
    """``why``: the reasons for the present places. ``places``: all nodes. ``moves``: what would move it.

    ``balancing``: the verdict of memory balancing on each of its units.
    """

    service: str
    mode: str
    why: tuple[Reason, ...]
    places: tuple[Place, ...]
    moves: tuple[Reason, ...]
    balancing: tuple[Candidate, ...] = ()

    def to_data(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "mode": self.mode,
            "why": [reason.to_data() for reason in self.why],
            "nodes": [place.to_data() for place in self.places],
            "moves": [reason.to_data() for reason in self.moves],
            "balancing": [one.to_data() for one in self.balancing],
        }


def explain_service(
    snapshot: SwarmSnapshot,
    service: Service,
    groups: Sequence[AnchorGroup],
    memory: Memory,
    now: float,
    *,
    storage: StorageRules,
    candidates: Iterable[Candidate] = (),
) -> Whereabouts:
    """Explain one service. ``groups``: all anchors. ``now`` is in seconds since the epoch.

    ``candidates``: the verdicts of memory balancing on all units, if it is configured.
    """
    places = tuple(_place(snapshot, service, node, groups) for node in _sorted(snapshot.nodes))
    verdicts = [one for one in candidates if service.name in one.services]
    return Whereabouts(
        service.name,
        service.mode,
        tuple(_why(snapshot, service, groups, places, storage)),
        places,
        tuple(_moves(snapshot, service, groups, places, memory, now, storage)),
        tuple(verdicts),
    )


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.hostname, node.id))


def _followers(service: Service, groups: Iterable[AnchorGroup]) -> list[tuple[AnchorGroup, Follower]]:
    """Return the service as a follower, once for each of its anchors."""
    return [
        (group, follower)
        for group in groups
        for follower in group.followers
        if follower.service.id == service.id
    ]


def _led(service: Service, groups: Iterable[AnchorGroup]) -> list[str]:
    """Return the names of the services that follow this one."""
    return sorted(
        follower.service.name
        for group in groups
        if group.place.service is not None and group.place.service.id == service.id
        for follower in group.followers
    )


def _place(snapshot: SwarmSnapshot, service: Service, node: Node, groups: Sequence[AnchorGroup]) -> Place:
    present = [task for task in snapshot.tasks_of(service) if task.should_run and task.node_id == node.id]
    reasons = list(obstacles(snapshot, service, node, service.constraints))
    for _group, follower in _followers(service, groups)[:1]:
        place = follower.anchorage.place
        has_constraint = requires_label(service.constraints, place.dependency.label)
        if place.on and node.id not in place.on and place.elsewhere is not None and not has_constraint:
            reasons.append(place.elsewhere)
    fits = room(snapshot, service, node)
    if not reasons and fits is not None and len(present) >= fits:
        reasons.append(Reason("node_is_full", count=fits))
    status = RUNS if present else REJECTED if reasons else POSSIBLE
    if present and all(reason.code == "node_is_full" for reason in reasons):
        reasons = []
    return Place(node.hostname or node.id, len(present), status, tuple(reasons))


def _why(
    snapshot: SwarmSnapshot,
    service: Service,
    groups: Sequence[AnchorGroup],
    places: Sequence[Place],
    storage: StorageRules,
) -> Iterable[Reason]:
    if service.mode in BY_NODE:
        yield Reason("runs_on_each_node")
    for _group, follower in _followers(service, groups)[:1]:
        anchorage = follower.anchorage
        nodes = _names(snapshot, anchorage.place.on)
        yield Reason("follows_anchors", anchors=anchorage.followed, nodes=", ".join(nodes) or None)
        if follower.misplaced:
            wrong = _names(snapshot, [task.node_id or "" for task in follower.misplaced])
            yield Reason("is_misplaced", nodes=wrong)
    led = _led(service, groups)
    if led:
        yield Reason("leads_followers", followers=led)
    for expression in service.constraints:
        yield _constraint(snapshot, service, expression)
    for label in service.preferences:
        yield Reason("spread_preference", label=label)
    homes = [residence_of(mount, storage, service.stack) for mount in service.mounts]
    yield from (home.reason for home in homes if home.is_tied)
    suitable = [place for place in places if place.status != REJECTED]
    if service.mode not in BY_NODE and not _followers(service, groups):
        yield _choice([place.node for place in suitable])


def _constraint(snapshot: SwarmSnapshot, service: Service, expression: str) -> Reason:
    nodes = _allowed(snapshot, expression)
    if not nodes:
        return Reason("constraint_met_nowhere", constraint=expression)
    if expression in managed_constraints(service):
        return Reason("managed_constraint", constraint=expression, nodes=nodes)
    return Reason("user_constraint", constraint=expression, nodes=nodes)


def _choice(suitable: Sequence[str]) -> Reason:
    """Return how Swarm came to its choice of a node."""
    if not suitable:
        return Reason("no_suitable_node")
    if len(suitable) == 1:
        return Reason("only_suitable_node", nodes=suitable)
    return Reason("swarm_chose", nodes=suitable)


def _moves(
    snapshot: SwarmSnapshot,
    service: Service,
    groups: Sequence[AnchorGroup],
    places: Sequence[Place],
    memory: Memory,
    now: float,
    storage: StorageRules,
) -> Iterable[Reason]:
    for _group, follower in _followers(service, groups)[:1]:
        yield Reason("follows_when_anchor_moves", anchors=follower.anchorage.followed)
    led = _led(service, groups)
    if led:
        yield Reason("followers_move_along", followers=led)
    if service.mode not in BY_NODE:
        for node in _sorted(snapshot.nodes):
            if node.is_ready and any(
                task.should_run and task.node_id == node.id for task in snapshot.tasks_of(service)
            ):
                yield from _if_lost(snapshot, service, groups, node, memory, now, storage)
    only_constraints: dict[tuple[Any, ...], list[str]] = {}
    for place in places:
        if place.reasons and all(reason.code == "constraint_violated" for reason in place.reasons):
            expressions = tuple(reason.params["constraint"] for reason in place.reasons)
            only_constraints.setdefault(expressions, []).append(place.node)
    for expressions, nodes in only_constraints.items():
        yield Reason("suitable_without_constraints", constraints=expressions, nodes=nodes)


def _if_lost(
    snapshot: SwarmSnapshot,
    service: Service,
    groups: Sequence[AnchorGroup],
    node: Node,
    memory: Memory,
    now: float,
    storage: StorageRules,
) -> Iterable[Reason]:
    forecast = what_if(snapshot, tuple(groups), memory, now, lose=[node], storage=storage)
    name = node.hostname or node.id
    fate: Fate | None = next(
        (one for one in forecast.fates if one.service == service.name and one.node == name), None
    )
    if fate is None:
        return
    if not fate.is_replaced:
        yield Reason("not_replaced_if_lost", node=name)
    elif fate.to:
        yield Reason("moves_if_lost", node=name, to=fate.to)
    else:
        yield Reason("no_node_if_lost", node=name)
    if fate.data:
        yield Reason("data_left_if_lost", node=name, data=fate.data)


def _allowed(snapshot: SwarmSnapshot, expression: str) -> list[str]:
    """Return the nodes that a constraint allows."""
    try:
        return [
            node.hostname or node.id for node in _sorted(snapshot.nodes) if not violated([expression], node)
        ]
    except ConstraintError:
        return []


def _names(snapshot: SwarmSnapshot, node_ids: Iterable[str]) -> list[str]:
    found = (snapshot.node_by_id.get(node_id) for node_id in node_ids)
    return sorted({node.hostname or node.id for node in found if node is not None})

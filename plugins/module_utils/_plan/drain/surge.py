# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan how services leave a node before it is drained, so that they start elsewhere before they stop here.

Swarm's drain stops a task before it starts the next one, whatever the update order. An update that only
changes the placement honours the order, and replaces only tasks that violate the new constraint. Such
constraints move start-first services and anchors off a paused node, and the followers move after their
anchors by their own rules. The drain moves the rest.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..._model.ownership import without
from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot
from ..._model.state import DRAIN, Move, SetMove, State
from ..._model.steps import Plan, Step
from ..anchors.groups import AnchorGroup, followed_labels
from ..relocation.ending import Ending, place_service
from ..relocation.status import DRAIN_POLICY, Progress, runs_as_moved
from ..scheduling.finished import finished, runs_once
from ..scheduling.managed import move_constraints, move_off, move_to, requires_label, user_constraints
from ..scheduling.placement import obstacles, room

# how long such a move may take
LIMIT_SECONDS = DRAIN_POLICY.limit_seconds


def plan_departure(
    snapshot: SwarmSnapshot, groups: tuple[AnchorGroup, ...], state: State, node: Node, now: float
) -> Plan:
    """Begin to move the services off ``node`` that must start elsewhere first. ``now``: seconds since the
    epoch."""
    steps: list[Step] = []
    notes: list[Reason] = []
    warnings = _ended_by_drain(snapshot, node)
    for service, count in _leaving(snapshot, groups, node):
        if service.id in state.moves or move_constraints(service):
            continue
        if service.is_updating:
            state_now = service.update_state or ""
            notes.append(Reason("move_waits_for_update", service=service.name, state=state_now))
            continue
        targets = _targets(snapshot, groups, service, node, count)
        if not targets:
            warnings.append(Reason("drain_stops_service", service=service.name, node=node.hostname))
            continue
        follows = _follower_names(groups, service)
        why = [Reason("node_being_drained", node=node.hostname)]
        if service.update_order == "start-first":
            why.append(Reason("drain_would_stop_first"))
        if follows:
            why.append(Reason("followers_go_along", services=follows))
        to = targets[0] if follows and service.replicas == 1 else None
        steps.append(
            place_service(
                service,
                _purpose(service, node, to),
                add=(move_off(node.id) if to is None else move_to(to.id),),
                why=tuple(why),
                intent_edits=(
                    SetMove(
                        service.id, Move("", () if to is None else (to.id,), now, kind=DRAIN, source=node.id)
                    ),
                ),
            )
        )
    again = DRAIN_POLICY.requeue_seconds if steps or notes else None
    return Plan(tuple(steps), tuple(warnings), tuple(notes), requeue_after=again)


def still_leaving(
    snapshot: SwarmSnapshot, groups: tuple[AnchorGroup, ...], state: State, node: Node
) -> tuple[Reason, ...]:
    """Return what must run elsewhere before ``node`` is drained; empty if it may be drained."""
    found = []
    for service, count in _leaving(snapshot, groups, node):
        move = state.moves.get(service.id)
        if move is None and not _targets(snapshot, groups, service, node, count):
            continue
        found.append(
            Reason(
                "has_not_left",
                service=service.name,
                node=node.hostname,
                state=service.update_state if service.is_updating else None,
            )
        )
    for service_id, move in state.moves.items():
        moving = snapshot.service_by_id.get(service_id)
        if move.kind != DRAIN or move.source != node.id or moving is None:
            continue
        if not runs_as_moved(snapshot, moving):
            error = _progress(snapshot, moving, move, move.since, LIMIT_SECONDS).complaint
            found.append(Reason("move_under_way", service=moving.name, nodes=None, error=error))
    for group in groups:
        anchor = group.place.service
        tasks = [] if anchor is None else [task for task in snapshot.tasks_of(anchor) if task.should_run]
        if not tasks or any(task.node_id == node.id for task in tasks):
            continue
        for follower in group.followers:
            attempts = state.attempts.get(follower.service.id)
            hopeless = group.place.settled and not follower.can_follow
            hopeless = hopeless or follower.runs_to_its_end or bool(follower.finished)
            # if its anchors are on different nodes, a follower may not follow this one
            hopeless = hopeless or not follower.is_led_by(group.dependency)
            if hopeless or (attempts is not None and attempts.given_up) or not follower.service.is_replicated:
                continue
            if any(task.node_id == node.id for task in follower.desired):
                found.append(
                    Reason("has_not_followed", service=follower.service.name, anchor=group.dependency.anchor)
                )
    return tuple(dict.fromkeys(found))


def departures(state: State, node: Node) -> frozenset[str]:
    """Return the IDs of the services that are moving off ``node`` for a drain."""
    return frozenset(
        service_id
        for service_id, move in state.moves.items()
        if move.kind == DRAIN and move.source == node.id
    )


def surge_failures(
    snapshot: SwarmSnapshot, state: State, now: float, limit_seconds: float = LIMIT_SECONDS
) -> dict[str, Reason]:
    """Return service ID → why its move off a node has failed."""
    found: dict[str, Reason] = {}
    for service_id, move in sorted(state.moves.items()):
        service = snapshot.service_by_id.get(service_id)
        if move.kind != DRAIN or service is None:
            continue
        progress = _progress(snapshot, service, move, now, limit_seconds)
        if progress.failure is not None:
            found[service_id] = Ending(progress, move.nodes).failed(progress.failure)
    return found


def plan_surge_ends(
    snapshot: SwarmSnapshot, state: State, now: float, limit_seconds: float = LIMIT_SECONDS
) -> Plan:
    """Plan the ends of moves off a node: their constraints are removed as soon as all tasks run elsewhere.

    A failed move also ends, and Swarm decides where the service runs. ``now`` is in seconds since the epoch.
    """
    plan = Plan()
    for service_id, move in sorted(state.moves.items()):
        if move.kind != DRAIN:
            continue
        service = snapshot.service_by_id.get(service_id)
        if service is None:
            plan += Plan(remember=(SetMove(service_id, None),))
        else:
            plan += Ending(_progress(snapshot, service, move, now, limit_seconds), move.nodes).plan()
    return plan


def _progress(
    snapshot: SwarmSnapshot, service: Service, move: Move, now: float, limit_seconds: float
) -> Progress:
    route = (move_to(move.nodes[0]),) if move.nodes else (move_off(move.source),)
    policy = replace(DRAIN_POLICY, limit_seconds=limit_seconds)
    return Progress(snapshot, service, move, now, policy, route=route)


def _purpose(service: Service, node: Node, to: Node | None) -> Reason:
    if to is None:
        return Reason("service_moved_off", service=service.name, source=node.hostname)
    return Reason("service_moved", service=service.name, source=node.hostname, target=to.hostname)


def _leaving(
    snapshot: SwarmSnapshot, groups: tuple[AnchorGroup, ...], node: Node
) -> list[tuple[Service, int]]:
    """Return the services that must leave ``node`` before it is drained, with the number of their tasks
    there."""
    followers = {follower.service.id for group in groups for follower in group.followers}
    anchors = {group.place.service.id for group in groups if group.place.service is not None}
    counts: dict[str, int] = {}
    for task in snapshot.wanted_by_node.get(node.id, ()):
        counts[task.service_id] = counts.get(task.service_id, 0) + 1
    found = []
    for service_id, count in counts.items():
        service = snapshot.service_by_id.get(service_id)
        if service is None or not service.is_replicated or service_id in followers:
            continue
        if runs_once(service) or finished(snapshot, service):
            continue  # a move would run finished tasks a second time
        # two copies of a stateful service must never run at once, whatever its update order
        overlaps = service.is_stateful and service.update_order == "start-first"
        if not overlaps and (service.update_order == "start-first" or service_id in anchors):
            found.append((service, count))
    return sorted(found, key=lambda entry: entry[0].name)


def _ended_by_drain(snapshot: SwarmSnapshot, node: Node) -> list[Reason]:
    """Return a warning for each service whose task the drain ends for good."""
    there = {task.service_id for task in snapshot.wanted_by_node.get(node.id, ())}
    services = (snapshot.service_by_id[service_id] for service_id in there & snapshot.service_by_id.keys())
    names = sorted(service.name for service in services if service.is_replicated and runs_once(service))
    return [Reason("drain_ends_task", service=name, node=node.hostname) for name in names]


def _targets(
    snapshot: SwarmSnapshot, groups: tuple[AnchorGroup, ...], service: Service, node: Node, count: int
) -> tuple[Node, ...]:
    """Return the nodes that can take the ``count`` tasks of the service on ``node``, the emptiest first.

    For an anchor, nodes that can also take its followers are preferred.
    """
    free: dict[str, int] = {}
    fitting = []
    for other in snapshot.nodes:
        if other.id == node.id or obstacles(snapshot, service, other, _lasting(service)):
            continue
        most = room(snapshot, service, other)
        own = sum(task.service_id == service.id for task in snapshot.wanted_by_node.get(other.id, ()))
        free[other.id] = count if most is None else most - own
        if free[other.id] > 0:
            fitting.append(other)
    if sum(free[other.id] for other in fitting) < count:
        return ()
    labels = followed_labels(groups)
    members = [
        (member, _without(user_constraints(member), labels[member.id]))
        for member in _followers(groups, service)
    ]
    for_all = [
        other
        for other in fitting
        if not any(obstacles(snapshot, member, other, constraints) for member, constraints in members)
    ]
    return tuple(
        sorted(
            for_all or fitting,
            key=lambda other: (len(snapshot.wanted_by_node.get(other.id, ())), other.hostname),
        )
    )


def _lasting(service: Service) -> tuple[str, ...]:
    """Return the constraints of the service without those of a move."""
    return without(service.constraints, move_constraints(service))


def _without(constraints: Iterable[str], labels: frozenset[str]) -> tuple[str, ...]:
    """Return the constraints without those on anchor labels, which move with the anchors."""
    return tuple(text for text in constraints if not any(requires_label((text,), label) for label in labels))


def _followers(groups: tuple[AnchorGroup, ...], service: Service) -> tuple[Service, ...]:
    """Return the direct and indirect followers of the service."""
    found: dict[str, Service] = {}
    anchors = [service.id]
    while anchors:
        anchor = anchors.pop()
        for group in groups:
            if group.place.service is None or group.place.service.id != anchor:
                continue
            for follower in group.followers:
                if follower.service.id not in found and follower.service.is_replicated:
                    found[follower.service.id] = follower.service
                    anchors.append(follower.service.id)
    return tuple(found.values())


def _follower_names(groups: tuple[AnchorGroup, ...], service: Service) -> list[str]:
    return sorted(follower.name for follower in _followers(groups, service))

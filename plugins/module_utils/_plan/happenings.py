# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare two snapshots of the swarm, and return what happened between them as plain data.

The event source for Event-Driven Ansible sends these events. They contain only values that are safe in a
template: a host name that its host could have chosen to be evaluated is replaced by the node's ID.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from .._model.compat import dataclass
from .._model.reasons import Reason
from .._model.shortage import STOPPED, Shortage
from .._model.snapshot import Node, SwarmSnapshot
from .._model.state import State
from .shortages import shortages

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")

Event = dict[str, Any]

EVENT_TYPES = (
    "node_joined",
    "node_left",
    "node_down",
    "node_up",
    "node_availability_changed",
    "node_role_changed",
    "leader_changed",
    "service_short",
    "service_recovered",
    "service_given_up",
)


@dataclass(frozen=True, slots=True)
class Situation:
    """The part of an observation that events are about.

    ``short``: service → its shortage, without shortages that may resolve themselves. ``given_up``: service
    without further attempts → the reason.
    """

    nodes: dict[str, Node]
    services: frozenset[str]
    short: dict[str, Shortage]
    given_up: dict[str, Reason]

    @property
    def leader(self) -> Node | None:
        return next((node for node in self.nodes.values() if node.leader), None)


def situation(snapshot: SwarmSnapshot, state: State, now: float) -> Situation:
    """Return the situation at a time. ``now``: seconds since the epoch, by Swarm's clock."""
    names = {service.id: service.name for service in snapshot.services}
    given_up = {
        names[service_id]: attempts.given_up
        for service_id, attempts in state.attempts.items()
        if service_id in names and attempts.given_up is not None
    }
    short = {one.service: one for one in shortages(snapshot, now) if not one.is_fresh}
    for name, one in short.items():
        if one.code == STOPPED:
            given_up.setdefault(name, one.reasons[0])
    return Situation(
        nodes={node.id: node for node in snapshot.nodes},
        services=frozenset(names.values()),
        short=short,
        given_up=given_up,
    )


def happened(before: Situation, after: Situation) -> list[Event]:
    """Return the events between two situations, in a fixed order."""
    return [*_about_nodes(before, after), *_about_services(before, after)]


def problems(now: Situation) -> list[Event]:
    """Return an event for each problem that exists already: nodes that are down, services short of tasks."""
    healthy = Situation(nodes={}, services=now.services, short={}, given_up={})
    down = [_node_event("node_down", node) for node in _by_name(now.nodes.values()) if node.is_down]
    return [*down, *_about_services(healthy, now)]


def _about_nodes(before: Situation, after: Situation) -> Iterator[Event]:
    for node in _by_name(after.nodes.values()):
        old = before.nodes.get(node.id)
        if old is None:
            yield _node_event("node_joined", node)
            continue
        if node.is_down and not old.is_down:
            yield _node_event("node_down", node)
        elif node.is_ready and old.is_down:
            yield _node_event("node_up", node)
        if node.availability != old.availability:
            yield _node_event("node_availability_changed", node, previous=old.availability)
        if node.role != old.role:
            yield _node_event("node_role_changed", node, previous=old.role)
    for node in _by_name(before.nodes.values()):
        if node.id not in after.nodes:
            yield _node_event("node_left", node)
    old_leader, leader = before.leader, after.leader
    if leader is not None and (old_leader is None or old_leader.id != leader.id):
        yield _node_event("leader_changed", leader, previous=_name(old_leader) if old_leader else None)


def _about_services(before: Situation, after: Situation) -> Iterator[Event]:
    for name in sorted(after.services):
        old, new = before.short.get(name), after.short.get(name)
        if new is not None and (old is None or old.code != new.code):
            yield _service_event("service_short", name, new.reasons, short=new)
        elif old is not None and new is None:
            yield _service_event("service_recovered", name, ())
        if name in after.given_up and name not in before.given_up:
            yield _service_event("service_given_up", name, [after.given_up[name]], short=new)


def _node_event(kind: str, node: Node, **more: Any) -> Event:
    described = {
        "id": node.id,
        "name": _name(node),
        "role": node.role,
        "availability": node.availability,
        "state": node.state,
        "address": node.address,
    }
    return {"type": kind, "node": described, **more}


def _service_event(kind: str, name: str, reasons: Iterable[Reason], short: Shortage | None = None) -> Event:
    event: Event = {"type": kind, "service": {"name": name}, "reasons": [one.code for one in reasons]}
    if short is not None:
        event["service"].update(expected=short.expected, running=short.running)
        event["shortage"] = short.code
    return event


def _name(node: Node) -> str:
    return node.hostname if _SAFE.fullmatch(node.hostname) else node.id


def _by_name(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.hostname, node.id))

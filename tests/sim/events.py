# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of the event stream, after moby's ``daemon/events.go``: each change of an object with its
attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sim.objects import Json, SimConfig, SimNode, SimService, Swarmed

if TYPE_CHECKING:
    from tests.sim.store import Store


def node_facts(_store: Store, node: SimNode) -> Json:
    """The facts whose old and new values a node event contains. Recorded before the node changes."""
    return {"availability": node.availability, "role": node.role, "state": node.state}


def service_facts(service: SimService) -> Json:
    raw = service.spec.raw
    return {
        "image": raw["TaskTemplate"]["ContainerSpec"]["Image"],
        "replicas": None if service.spec.is_global else str(service.spec.replicas),
        "updatestate": service.update_state,
    }


def event_of(store: Store, found: Swarmed, action: str, before: Json) -> Json:
    """The event for ``action`` (create, update, remove); ``before``: the facts as they were."""
    now: dict[str, Any] = {}
    if isinstance(found, SimNode):
        kind, name = "node", found.spec.get("Name") or found.hostname
        now = node_facts(store, found)
    elif isinstance(found, SimService):
        kind, name = "service", found.name
        now = service_facts(found)
    elif isinstance(found, SimConfig):
        kind, name = "config", found.spec["Name"]
    else:
        raise TypeError(type(found).__name__)
    attributes = {"name": name}
    for fact, old in before.items():
        new = now[fact]
        if new is None or new == old:
            continue
        if old is not None:
            attributes[f"{fact}.old"] = old
        attributes[f"{fact}.new"] = new
    return message(kind, action, found.id, attributes, store.clock.now)


def leader_event(store: Store, node: SimNode, leads: bool) -> Json:
    words = {True: "true", False: "false"}
    attributes = {"name": node.hostname, "leader.old": words[not leads], "leader.new": words[leads]}
    return message("node", "update", node.id, attributes, store.clock.now)


def message(kind: str, action: str, object_id: str, attributes: Json, at: float) -> Json:
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": object_id, "Attributes": attributes},
        "scope": "swarm",
        "time": int(at),
        "timeNano": int(at * 1e9),
    }

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's ``filters`` parameter: which objects a list contains."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from tests.sim.objects import Json, SimConfig, SimNode, SimService, SimTask, State, Swarmed
from tests.sim.replies import Refusal, not_found
from tests.sim.store import Store

Filters = dict[str, list[str]]
Kind = TypeVar("Kind", bound=Swarmed)
_TASK_STATES = {state.word for state in State}


def parse(text: str | None, accepted: Iterable[str]) -> Filters:
    """From JSON, values as a list or, as Docker's own client writes them, as ``{value: true}``."""
    if not text:
        return {}
    try:
        found = json.loads(text)
        filters = {key: [str(value) for value in values] for key, values in found.items()}
    except (ValueError, AttributeError, TypeError):
        raise Refusal(400, "invalid filter") from None
    for key in filters:
        if key not in accepted:
            raise Refusal(400, f"invalid filter '{key}'")
    return filters


def nodes(store: Store, text: str | None) -> list[SimNode]:
    filters = parse(text, ("name", "id", "label", "role", "membership", "node.label"))
    return [
        node
        for node in store.nodes.values()
        if _begins(node.hostname, filters.get("name"))
        and _begins(node.id, filters.get("id"))
        and _labelled(node.engine_labels, filters.get("label"))
        and _labelled(node.labels, filters.get("node.label"))
        and ("role" not in filters or node.role in filters["role"])
    ]


def services(store: Store, text: str | None) -> list[SimService]:
    filters = parse(text, ("name", "id", "label", "mode", "runtime"))
    return [
        service
        for service in store.services.values()
        if _begins(service.name, filters.get("name"))
        and _begins(service.id, filters.get("id"))
        and _labelled(service.spec.raw["Labels"], filters.get("label"))
        and ("mode" not in filters or _mode(service) in filters["mode"])
    ]


def configs(store: Store, text: str | None) -> list[SimConfig]:
    filters = parse(text, ("name", "id", "label"))
    return [
        config
        for config in store.configs.values()
        if _begins(config.spec["Name"], filters.get("name"))
        and _begins(config.id, filters.get("id"))
        and _labelled(config.spec.get("Labels") or {}, filters.get("label"))
    ]


def tasks(store: Store, text: str | None) -> list[SimTask]:
    """Raises Refusal for a service or node that is not there, as the engine does."""
    accepted = ("name", "id", "label", "service", "node", "desired-state", "_up-to-date", "runtime")
    filters = parse(text, accepted)
    found: Iterable[SimTask] = store.tasks.values()
    if "service" in filters:
        ids = {find_service(store, name).id for name in filters["service"]}
        found = [task for service_id in ids for task in store.tasks_of_service[service_id].values()]
    if "node" in filters:
        node_ids = {find_node(store, name).id for name in filters["node"]}
        found = [task for task in found if task.node_id in node_ids]
    for word in filters.get("desired-state", ()):
        if word not in _TASK_STATES:
            raise Refusal(400, f"Invalid desired-state filter: '{word}'")
    return [
        task
        for task in found
        if ("desired-state" not in filters or task.desired.word in filters["desired-state"])
        and _begins(task.id, filters.get("id"))
        and ("name" not in filters or _begins(_task_name(store, task), filters["name"]))
        and _labelled({}, filters.get("label"))
    ]


def find_node(store: Store, name: str) -> SimNode:
    """By ID, full name, or ID prefix."""
    return _find(store.nodes, name, "node", lambda node: node.hostname)


def find_service(store: Store, name: str) -> SimService:
    return _find(store.services, name, "service", lambda service: service.name)


def find_config(store: Store, name: str) -> SimConfig:
    """By name, case-insensitively."""
    named = [one for one in store.configs.values() if one.spec["Name"].lower() == name.lower()]
    return named[0] if named else _find(store.configs, name, "config", lambda config: config.spec["Name"])


def event_matches(event: Json, filters: Filters) -> bool:
    actor = event["Actor"]
    names = [actor["ID"], actor["Attributes"].get("name", "")]
    for key, value in (("type", event["Type"]), ("event", event["Action"]), ("scope", event["scope"])):
        if key in filters and value not in filters[key]:
            return False
    return all(
        any(name in filters[kind] for name in names) and event["Type"] == kind
        for kind in ("node", "service", "config")
        if kind in filters
    )


def _find(table: dict[str, Kind], name: str, kind: str, name_of: Callable[[Kind], str]) -> Kind:
    if name in table:
        return table[name]
    found = [one for one in table.values() if name_of(one) == name]
    found = found or [one for one in table.values() if one.id.startswith(name)]
    if not found:
        raise not_found(kind, name)
    if len(found) > 1:
        raise Refusal(400, f"{kind} {name} is ambiguous ({len(found)} matches found)")
    return found[0]


def _task_name(store: Store, task: SimTask) -> str:
    return f"{task.spec.name}.{task.slot or task.node_id}.{task.id}"


def _mode(service: SimService) -> str:
    return "global" if service.spec.is_global else "replicated"


def _begins(text: str, prefixes: list[str] | None) -> bool:
    return not prefixes or any(text.startswith(prefix) for prefix in prefixes)


def _labelled(labels: dict[str, str], desired: list[str] | None) -> bool:
    for text in desired or ():
        key, equals, value = text.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True

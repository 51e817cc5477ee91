# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe the mods that services and local containers request: their environment and labels, unfiltered."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from .._model.compat import dataclass
from .._model.node import SERVICE_ID_LABEL
from .engine import Engine, Json
from .errors import NotFound, OtherSwarm


@dataclass(frozen=True, slots=True)
class Wisher:
    """A service or container that may request mods: its variable ``DOCKER_MODS``, and its labels."""

    title: str
    docker_mods: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wishers:
    """All services and containers that could be observed.

    ``knows_services``: they include all services of the swarm, or the engine is in no swarm.
    ``architectures`` are those of the swarm's nodes, or that of this engine alone, with the engine's names.
    """

    wishers: tuple[Wisher, ...]
    knows_services: bool
    architectures: tuple[str, ...]


def view_wishers(
    engine: Engine, connect_manager: Callable[[], Engine] | None = None, *, containers: bool = True
) -> Wishers:
    """Query the engine and, for the services, a manager if the engine is not one. Raises OrcastraError."""
    info = engine.info()
    swarm = info.get("Swarm") or {}
    is_member = (swarm.get("LocalNodeState") or "inactive") != "inactive"
    manager = engine if swarm.get("ControlAvailable") else None
    if manager is None and is_member and connect_manager is not None:
        manager = connect_manager()
        try:
            manager.get_node(swarm.get("NodeID", ""))
        except NotFound:
            raise OtherSwarm(info.get("Name", "")) from None
    found: list[Wisher] = []
    architectures = {str(info.get("Architecture") or "")}
    if manager is not None:
        for raw in manager.list_services():
            found += _service(raw)
        for node in manager.list_nodes():
            platform = (node.get("Description") or {}).get("Platform") or {}
            architectures.add(str(platform.get("Architecture") or ""))
    if containers:
        found += _containers(engine, without_tasks=manager is not None)
    return Wishers(tuple(found), manager is not None or not is_member, tuple(sorted(architectures - {""})))


def _service(raw: Json) -> list[Wisher]:
    """Two entries for one service: the service and its containers may have different values of a label."""
    spec = raw.get("Spec") or {}
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    title = f"service {spec.get('Name', '')}"
    return [
        Wisher(title, _docker_mods(container.get("Env")), container.get("Labels") or {}),
        Wisher(title, "", spec.get("Labels") or {}),
    ]


def _containers(engine: Engine, *, without_tasks: bool) -> list[Wisher]:
    found = []
    for raw in engine.list_containers():
        if without_tasks and (raw.get("Labels") or {}).get(SERVICE_ID_LABEL):
            continue
        try:
            container = engine.get_container(raw["Id"])
        except NotFound:
            continue
        config = container.get("Config") or {}
        name = str(container.get("Name", "")).lstrip("/")
        found.append(Wisher(f"container {name}", _docker_mods(config.get("Env")), config.get("Labels") or {}))
    return found


def _docker_mods(environment: list[str] | None) -> str:
    for line in environment or []:
        name, equals, value = line.partition("=")
        if name == "DOCKER_MODS" and equals:
            return value
    return ""

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe the swarm through an engine: four list requests, and one for the engine itself."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from .._model.command_report import commands_data
from .._model.ownership import owned
from .._model.reasons import Reason
from .._model.snapshot import Node, SwarmSnapshot
from .._model.state import STATE_NAME, State
from .._model.state_codec import decode
from .engine import Engine, Json
from .errors import NotAManager
from .parse import parse_node, parse_service, parse_task, parse_time


@dataclass(frozen=True)
class Observation:
    """The snapshot, the saved state, and the engine through which they were observed.

    ``damage`` has a reason for each damaged part of the state object; damaged parts are treated as empty.
    ``requests`` is the number of API requests of the observation. ``engine_time`` is the engine's own clock
    before the lists were read, in seconds since the epoch; 0 if the engine does not report it.
    """

    snapshot: SwarmSnapshot
    state: State
    damage: tuple[Reason, ...]
    local_node_id: str
    cluster_id: str
    requests: int
    engine_time: float = 0.0

    @property
    def is_leader(self) -> bool:
        """Whether the engine was the swarm's leader during the observation."""
        node = self.snapshot.node_by_id.get(self.local_node_id)
        return node is not None and node.leader


def observe(engine: Engine) -> Observation:
    """Read everything that planners need.

    Raises NotAManager if the engine is not a manager, and other subclasses of EngineError.
    """
    before = engine.requests
    info = engine.info()
    swarm = _managing(engine, info)
    found = engine.find_config(STATE_NAME)
    snapshot = SwarmSnapshot(
        nodes=tuple(parse_node(raw) for raw in engine.list_nodes()),
        services=tuple(parse_service(raw) for raw in engine.list_services()),
        tasks=tuple(parse_task(raw) for raw in engine.list_tasks()),
    )
    engine_time = parse_time(info.get("SystemTime") or "")
    state, damage = _decode_state(found, max(time.time(), engine_time))
    return Observation(
        snapshot=snapshot,
        state=state,
        damage=damage,
        local_node_id=swarm["NodeID"],
        cluster_id=(swarm.get("Cluster") or {}).get("ID", ""),
        requests=engine.requests - before,
        engine_time=engine_time,
    )


def observe_nodes(engine: Engine) -> tuple[Node, ...]:
    """The nodes only, in two requests. Raises the same errors as ``observe``."""
    _managing(engine, engine.info())
    return tuple(parse_node(raw) for raw in engine.list_nodes())


def observe_state(engine: Engine) -> State:
    """The saved state only, in one request; damaged parts are treated as empty. Raises NotAManager."""
    return _decode_state(engine.find_config(STATE_NAME), time.time())[0]


def describe(seen: Observation, tasks: str) -> dict[str, Any]:
    """The observation as plain data, sorted by name. ``tasks``: ``current``, ``all`` or ``none``."""
    snapshot = seen.snapshot
    shown = [task for task in snapshot.tasks if tasks == "all" or (tasks == "current" and task.should_run)]
    return {
        "cluster_id": seen.cluster_id,
        "local_node_id": seen.local_node_id,
        "is_leader": seen.is_leader,
        "nodes": [asdict(node) for node in sorted(snapshot.nodes, key=lambda node: node.hostname)],
        "services": [
            {**asdict(service), "managed_constraints": owned(service.constraints, service.labels)}
            for service in sorted(snapshot.services, key=lambda service: service.name)
        ],
        "tasks": [asdict(task) for task in shown],
        "state": {
            "owned_labels": {node: sorted(keys) for node, keys in sorted(seen.state.owned_labels.items())},
            "damage": [str(part) for part in seen.damage],
        },
        "commands": commands_data(seen.state),
    }


def _decode_state(found: Json | None, now: float) -> tuple[State, tuple[Reason, ...]]:
    return (State(), ()) if found is None else decode(found["Spec"].get("Labels") or {}, now)


def _managing(engine: Engine, info: Json) -> Json:
    """The part of ``info`` about the swarm. Raises NotAManager if the engine is not a manager."""
    swarm: Json = info.get("Swarm") or {}
    if not swarm.get("ControlAvailable"):
        raise NotAManager(_why_not_a_manager(engine.docker_host, swarm))
    return swarm


def _why_not_a_manager(docker_host: str, swarm: Json) -> str:
    local_state = swarm.get("LocalNodeState", "inactive")
    if local_state == "active":
        return f"{docker_host}: expected a manager of the swarm, found a worker"
    if local_state == "locked":
        return f"{docker_host}: expected a manager of the swarm, found a locked one (it needs the unlock key)"
    if local_state == "error":
        return f"{docker_host}: expected a manager of the swarm, found an error: {swarm.get('Error', '')}"
    return f"{docker_host}: expected a manager of the swarm, found an engine in no swarm ({local_state})"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe the membership of one engine, whether it is in a swarm or not."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .._model.membership import ACTIVE, KnownNode, Member
from .engine import Engine, Json
from .errors import EngineError, EngineTimeout, EngineUnreachable
from .parse import parse_time


def look_at_member(engine: Engine) -> Member:
    """Query an engine for its membership. Raises EngineUnreachable if it does not answer."""
    info = engine.info()
    swarm = info.get("Swarm") or {}
    control = bool(swarm.get("ControlAvailable"))
    state = swarm.get("LocalNodeState") or "inactive"
    error = swarm.get("Error") or ""
    nodes: tuple[KnownNode, ...] = ()
    if control and state == ACTIVE:
        try:
            now = parse_time(info.get("SystemTime") or "")
            nodes = tuple(_known(raw, now) for raw in engine.list_nodes())
        except EngineTimeout as late:
            error = error or str(late)
        except EngineUnreachable:
            raise
        except EngineError as refused:
            # no leader: the quorum is lost, or an election is in progress
            error = error or str(refused)
    return Member(
        hostname=info.get("Name") or "",
        state=state,
        error=error,
        node_id=swarm.get("NodeID") or "",
        address=swarm.get("NodeAddr") or "",
        control=control,
        cluster_id=(swarm.get("Cluster") or {}).get("ID") or "",
        remote_managers=tuple(entry["NodeID"] for entry in swarm.get("RemoteManagers") or ()),
        nodes=nodes,
    )


def _known(raw: Json, now: float) -> KnownNode:
    manager = raw.get("ManagerStatus") or {}
    return KnownNode(
        id=raw["ID"],
        hostname=(raw.get("Description") or {}).get("Hostname", ""),
        role=raw["Spec"].get("Role", "worker"),
        state=(raw.get("Status") or {}).get("State", "unknown"),
        reachability=manager.get("Reachability"),
        manager_addr=manager.get("Addr", ""),
        age_seconds=max(0.0, now - parse_time(raw.get("UpdatedAt", ""))),
        address=(raw.get("Status") or {}).get("Addr", ""),
    )

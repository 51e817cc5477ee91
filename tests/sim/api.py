# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subset of the Engine API that Orcastra uses, as one node's engine answers it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.sim import filters
from tests.sim.agents import Agents
from tests.sim.cluster import Cluster
from tests.sim.objects import Json, SimNode
from tests.sim.render import timestamp
from tests.sim.replies import NO_LEADER, NOT_A_MANAGER, Refusal, Reply, not_found, reply
from tests.sim.store import Store
from tests.sim.writes import Writes

VERSIONS = {"20.10.24": "1.41", "26.1.5": "1.45"}

Query = Mapping[str, str]
_VERSION = re.compile(r"/v\d+\.\d+(?=/)")


class Api:
    def __init__(
        self,
        store: Store,
        cluster: Cluster,
        agents: Agents,
        cluster_id: str,
        behaviour_changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._cluster = cluster
        self._agents = agents
        self._cluster_id = cluster_id
        self._writes = Writes(store, cluster)
        self._settle = behaviour_changed

    def answer(
        self, node: SimNode, method: str, path: str, query: Query, body: bytes, seen: Store | None = None
    ) -> Reply:
        """``seen``: an older state of the store, for reads."""
        path = _VERSION.sub("", path, count=1)
        try:
            return self._route(node, method, path, query, body, seen or self._store)
        except Refusal as refusal:
            return refusal.reply()

    def _route(self, node: SimNode, method: str, path: str, query: Query, body: bytes, store: Store) -> Reply:
        if path == "/_ping":
            return Reply(200, b"OK", "text/plain; charset=utf-8")
        if path == "/version":
            return reply(self._version(node))
        if path == "/info":
            return reply(self._info(node))
        if path == "/containers/json":
            return reply(self._containers(node))
        kind, _, rest = path.lstrip("/").partition("/")
        if kind not in ("nodes", "services", "tasks", "configs"):
            raise Refusal(404, "page not found")
        if node.id not in self._store.managers:
            raise NOT_A_MANAGER
        if node.cut or self._cluster.leader is None:
            raise NO_LEADER
        if method == "GET":
            return self._read(store, kind, rest, query)
        return self._write(method, kind, rest, query, body)

    def _read(self, store: Store, kind: str, rest: str, query: Query) -> Reply:
        chosen = query.get("filters")
        if not rest:
            lists: dict[str, Callable[[], list[Any]]] = {
                "nodes": lambda: filters.nodes(store, chosen),
                "services": lambda: filters.services(store, chosen),
                "tasks": lambda: filters.tasks(store, chosen),
                "configs": lambda: filters.configs(store, chosen),
            }
            return Reply(200, store.list_json(lists[kind]()) + b"\n")
        if kind == "tasks":
            if rest not in store.tasks:
                raise not_found("task", rest)
            return Reply(200, store.json_of(store.tasks[rest]) + b"\n")
        find: dict[str, Callable[[Store, str], Any]] = {
            "nodes": filters.find_node,
            "services": filters.find_service,
            "configs": filters.find_config,
        }
        return Reply(200, store.json_of(find[kind](store, rest)) + b"\n")

    def _write(self, method: str, kind: str, rest: str, query: Query, body: bytes) -> Reply:
        name, _, verb = rest.rpartition("/")
        writes = self._writes
        try:
            if method == "POST" and kind == "services" and rest == "create":
                return reply(writes.create_service(_json(body)), 201)
            if method == "POST" and kind == "configs" and rest == "create":
                return reply(writes.create_config(_json(body)), 201)
            if method == "POST" and verb == "update" and kind == "services":
                return reply(writes.update_service(name, query, _json(body)))
            if method == "POST" and verb == "update" and kind == "nodes":
                writes.update_node(name, query, _json(body))
                return Reply(200, b"")
            if method == "POST" and verb == "update" and kind == "configs":
                writes.update_config(name, query, _json(body))
                return Reply(200, b"")
            if method == "DELETE" and kind == "services":
                writes.remove_service(rest)
                return Reply(200, b"")
            if method == "DELETE" and kind == "nodes":
                writes.remove_node(rest, force=query.get("force", "").lower() in ("1", "true"))
                return Reply(200, b"")
            if method == "DELETE" and kind == "configs":
                writes.remove_config(rest)
                return Reply(204, b"")
        finally:
            # process the immediate effects of the write
            self._settle()
        raise Refusal(404, "page not found")

    def _version(self, node: SimNode) -> Json:
        return {
            "Version": node.engine_version,
            "ApiVersion": VERSIONS.get(node.engine_version, "1.41"),
            "MinAPIVersion": "1.12",
            "Os": node.os,
            "Arch": "amd64",
        }

    def _info(self, node: SimNode) -> Json:
        is_manager = node.id in self._store.managers
        swarm: Json = {
            "NodeID": node.id,
            "NodeAddr": node.address,
            "LocalNodeState": "active",
            "ControlAvailable": is_manager,
            "Error": "",
        }
        if is_manager:
            swarm["Nodes"] = len(self._store.nodes)
            swarm["Managers"] = len(self._store.managers)
            swarm["Cluster"] = {"ID": self._cluster_id}
        return {
            "ID": node.id,
            "Name": node.hostname,
            "ServerVersion": node.engine_version,
            "SystemTime": timestamp(self._store.clock.now),
            "NCPU": node.nano_cpus // 1_000_000_000,
            "MemTotal": node.memory_bytes,
            "Swarm": swarm,
        }

    def _containers(self, node: SimNode) -> list[Json]:
        """The tasks of the swarm that run on this node."""
        return [
            {
                "Id": container.id,
                "Names": [f"/{container.task.spec.name}.{container.task.slot}.{container.task.id}"],
                "State": "running",
                "Created": int(container.since),
                "Labels": {
                    "com.docker.swarm.node.id": node.id,
                    "com.docker.swarm.service.id": container.task.service_id,
                    "com.docker.swarm.service.name": container.task.spec.name,
                    "com.docker.swarm.task.id": container.task.id,
                },
            }
            for container in self._agents.containers(node)
        ]


def _json(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Refusal(400, f"invalid JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refusal(400, "invalid JSON: expected an object")
    return found

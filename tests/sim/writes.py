# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write requests, after swarmkit's ``manager/controlapi``: checks, versions, specs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from tests.sim import events, filters, specs
from tests.sim.cluster import Cluster
from tests.sim.objects import Json, SimConfig, SimService, Spec, Swarmed
from tests.sim.replies import Refusal, invalid, out_of_sequence, precondition, unimplemented
from tests.sim.specs import BadSpec
from tests.sim.store import Store

LARGEST_CONFIG = 1000 * 1024

Query = Mapping[str, str]


class Writes:
    def __init__(self, store: Store, cluster: Cluster) -> None:
        self._store = store
        self._cluster = cluster

    def create_service(self, raw: Json) -> Json:
        spec = self._spec(raw, 0)
        if any(service.name == spec.name for service in self._store.services.values()):
            conflict = "name conflicts with an existing object"
            raise Refusal(
                409,
                f"rpc error: code = AlreadyExists desc = {conflict}: service {spec.name} already exists",
            )
        service = self._store.add(SimService(id=self._store.new_id(), spec=spec))
        return {"ID": service.id}

    def update_service(self, name: str, query: Query, raw: Json) -> Json:
        version = _version(query, "service")
        service = filters.find_service(self._store, name)
        spec = self._spec(raw, version)
        if spec.is_global != service.spec.is_global:
            raise unimplemented("service mode change is not allowed")
        if spec.name != service.name:
            raise unimplemented("renaming services is not supported")
        _check_version(service, version)
        before = events.service_facts(service)
        if query.get("rollback") == "previous":
            if service.previous is None:
                raise precondition(f"service {service.id} does not have a previous spec")
            service.spec, service.previous = service.previous, service.spec
            service.update = {
                "State": "rollback_started",
                "StartedAt": self._store.clock.now,
                "Message": "manually requested rollback",
            }
        else:
            service.previous, service.spec = service.spec, spec
            service.update = None
        self._store.touch(service, before)
        return {"Warnings": None}

    def remove_service(self, name: str) -> None:
        self._store.remove(filters.find_service(self._store, name))

    def update_node(self, name: str, query: Query, raw: Json) -> None:
        version = _version(query, "node")
        role, availability = raw.get("Role") or "", raw.get("Availability") or ""
        if role not in ("worker", "manager"):
            raise Refusal(400, f'invalid Role: "{role}"')
        if availability not in ("active", "pause", "drain"):
            raise Refusal(400, f'invalid Availability: "{availability}"')
        node = filters.find_node(self._store, name)
        if node.spec["Role"] == "manager" and role == "worker":
            if len(self._store.managers) == 1:
                raise precondition("attempting to demote the last manager of the swarm")
            if self._cluster.would_lose_quorum(node):
                raise precondition("can't remove member from the raft: this would result in a loss of quorum")
        _check_version(node, version)
        before = events.node_facts(self._store, node)
        spec: Json = {"Labels": raw.get("Labels") or {}, "Role": role, "Availability": availability}
        if raw.get("Name"):
            spec["Name"] = raw["Name"]
        node.spec = spec
        self._store.touch(node, before)
        if role != node.role:
            self._cluster.set_role(node, role)

    def remove_node(self, name: str, *, force: bool) -> None:
        node = filters.find_node(self._store, name)
        if node.id in self._store.managers:
            raise precondition(
                f"node {node.id} is a cluster manager and is a member of the raft cluster. "
                "It must be demoted to worker before removal"
            )
        if node.state == "ready" and not force:
            raise precondition(f"node {node.id} is not down and can't be removed")
        self._store.remove(node)

    def create_config(self, raw: Json) -> Json:
        spec = _config_spec(raw)
        names = {config.spec["Name"].lower() for config in self._store.configs.values()}
        if spec["Name"].lower() in names:
            raise Refusal(409, f"rpc error: code = AlreadyExists desc = config {spec['Name']} already exists")
        config = self._store.add(SimConfig(id=self._store.new_id(), spec=spec))
        return {"ID": config.id}

    def update_config(self, name: str, query: Query, raw: Json) -> None:
        version = _version(query, "config")
        config = filters.find_config(self._store, name)
        if raw.get("Name") != config.spec["Name"] or raw.get("Data") not in (None, config.spec["Data"]):
            raise invalid("only updates to Labels are allowed")
        _check_version(config, version)
        config.spec = {**config.spec, "Labels": raw.get("Labels") or {}}
        self._store.touch(config)

    def remove_config(self, name: str) -> None:
        config = filters.find_config(self._store, name)
        user_constraints = [
            service.name
            for service in self._store.services.values()
            for used in service.spec.raw["TaskTemplate"]["ContainerSpec"].get("Configs") or ()
            if used.get("ConfigID") == config.id
        ]
        if user_constraints:
            kind = "service" if len(user_constraints) == 1 else "services"
            listed = ", ".join(user_constraints)
            raise invalid(f"config '{config.spec['Name']}' is in use by the following {kind}: {listed}")
        self._store.remove(config)

    def _spec(self, raw: Json, version: int) -> Spec:
        try:
            return specs.read(specs.complete(raw), version)
        except BadSpec as error:
            raise invalid(str(error)) from None


def _version(query: Query, kind: str) -> int:
    text = query.get("version", "")
    if not text.isdecimal():
        raise Refusal(
            400, f"invalid {kind} version '{text}': strconv.ParseUint: parsing \"{text}\": invalid syntax"
        )
    return int(text)


def _check_version(found: Swarmed, version: int) -> None:
    if found.version != version:
        raise out_of_sequence()


def _config_spec(raw: Json) -> Json:
    if not raw.get("Name"):
        raise invalid("name must be provided")
    try:
        size = len(base64.b64decode(raw.get("Data") or "", validate=True))
    except (binascii.Error, ValueError):
        raise Refusal(400, "illegal base64 data") from None
    if not 1 <= size < LARGEST_CONFIG:
        raise invalid(f"config data must be larger than 0 and less than {LARGEST_CONFIG} bytes")
    return {"Name": raw["Name"], "Labels": raw.get("Labels") or {}, "Data": raw["Data"]}

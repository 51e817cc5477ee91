# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as the engine's JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.sim.objects import Json, SimConfig, SimNode, SimService, SimTask, State, Swarmed

if TYPE_CHECKING:
    from tests.sim.store import Store

PORT_OF_MANAGERS = 2377


@lru_cache(maxsize=4096)
def timestamp(seconds: float) -> str:
    """As Go writes it, with nine digits."""
    whole = int(seconds)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{int((seconds - whole) * 1e9):09}Z"


def to_json(store: Store, found: Swarmed) -> bytes:
    if isinstance(found, SimTask):
        return _task(found)
    if isinstance(found, SimNode):
        return json.dumps(_node(store, found)).encode()
    if isinstance(found, SimService):
        return json.dumps(_service(found)).encode()
    if isinstance(found, SimConfig):
        return json.dumps({**_meta(found), "Spec": found.spec}).encode()
    raise TypeError(type(found).__name__)


def _meta(found: Swarmed) -> Json:
    return {
        "ID": found.id,
        "Version": {"Index": found.version},
        "CreatedAt": timestamp(found.created),
        "UpdatedAt": timestamp(found.updated),
    }


def _node(store: Store, node: SimNode) -> Json:
    engine: Json = {"EngineVersion": node.engine_version}
    if node.engine_labels:
        engine["Labels"] = node.engine_labels
    engine["Plugins"] = [{"Type": "Log", "Name": "json-file"}, {"Type": "Volume", "Name": "local"}]
    status = {"State": node.state, "Addr": node.address}
    if node.message:
        status["Message"] = node.message
    found = {
        **_meta(node),
        "Spec": node.spec,
        "Description": {
            "Hostname": node.hostname,
            "Platform": {"Architecture": node.architecture, "OS": node.os},
            "Resources": {"NanoCPUs": node.nano_cpus, "MemoryBytes": node.memory_bytes},
            "Engine": engine,
            "TLSInfo": {},
        },
        "Status": status,
    }
    if node.id in store.managers:
        manager: Json = {"Leader": True} if store.leader_id == node.id else {}
        manager["Reachability"] = store.managers[node.id]
        manager["Addr"] = f"{node.address}:{PORT_OF_MANAGERS}"
        found["ManagerStatus"] = manager
    return found


def _service(service: SimService) -> Json:
    raw = service.spec.raw
    endpoint = raw.get("EndpointSpec")
    found = {**_meta(service), "Spec": raw}
    if service.previous is not None:
        found["PreviousSpec"] = service.previous.raw
    found["Endpoint"] = {"Spec": endpoint} if endpoint else {"Spec": {}}
    if service.update is not None:
        update = dict(service.update)
        for key in ("StartedAt", "CompletedAt"):
            if key in update:
                update[key] = timestamp(update[key])
        found["UpdateStatus"] = update
    return found


def _task(task: SimTask) -> bytes:
    status: Json = {
        "Timestamp": timestamp(task.timestamp),
        "State": task.state.word,
        "Message": task.message,
    }
    if task.error:
        status["Err"] = task.error
    if task.container_id:
        status["ContainerStatus"] = {
            "ContainerID": task.container_id,
            "PID": task.pid if task.state == State.RUNNING else 0,
            "ExitCode": task.exit_code,
        }
    status["PortStatus"] = {}
    found = {
        **_meta(task),
        "Labels": {},
        "ServiceID": task.service_id,
        "Status": status,
        "DesiredState": task.desired.word,
    }
    if task.slot:
        found["Slot"] = task.slot
    if task.node_id:
        found["NodeID"] = task.node_id
    text = json.dumps(found)
    return f'{text[:-1]}, "Spec": {task.spec.task_json}}}'.encode()

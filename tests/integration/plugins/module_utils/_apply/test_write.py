# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes on real engines: all other fields stay unchanged, and no concurrent write is lost."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import change_node, change_service
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotFound
from tests.integration.full_specs import full_spec, mode_specs
from tests.lab import Lab

IMAGE = "orcastra/app"
WRITERS = 20


@pytest.fixture
def engine(swarm: Lab) -> Iterator[Engine]:
    engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))
    yield engine
    engine.close()


def with_label(spec: dict[str, Any], key: str) -> dict[str, Any]:
    spec.setdefault("Labels", {})[key] = "true"
    return spec


def with_constraint(spec: dict[str, Any]) -> dict[str, Any]:
    placement = spec["TaskTemplate"].setdefault("Placement", {})
    placement["Constraints"] = [*placement.get("Constraints", []), "node.labels.ours==true"]
    return spec


def assert_contains(found: Any, sent: Any, path: str = "") -> None:
    """Check that every sent field is stored, so that the comparison covers it."""
    if isinstance(sent, dict):
        for key, value in sent.items():
            # Go omits zero values
            if value not in (False, {}, "", 0):
                assert key in found, f"{path}.{key} was dropped by the engine"
                assert_contains(found[key], value, f"{path}.{key}")
    elif isinstance(sent, list):
        assert len(found) == len(sent), path
        for index, value in enumerate(sent):
            assert_contains(found[index], value, f"{path}[{index}]")
    else:
        assert found == sent, path


def test_write_keeps_other_fields_of_a_service(engine: Engine) -> None:
    data = base64.b64encode(b"x").decode()
    secret = engine.post("/secrets/create", {"Name": "full-secret", "Data": data})["ID"]
    config = engine.create_config({"Name": "full-config", "Data": data})
    network = engine.post("/networks/create", {"Name": "full-net", "Driver": "overlay", "Attachable": True})[
        "Id"
    ]
    assert engine.api_version is not None
    major, minor = engine.api_version.split(".")
    sent = full_spec(
        "full",
        IMAGE,
        network_id=network,
        secret_id=secret,
        config_id=config,
        api_version=(int(major), int(minor)),
    )
    service_id = engine.post("/services/create", sent)["ID"]
    before = engine.get_service(service_id)["Spec"]
    assert_contains(before, sent)

    assert change_service(engine, service_id, with_constraint)

    after = engine.get_service(service_id)
    assert after["Spec"] == with_constraint(before)
    assert change_service(engine, service_id, lambda spec: with_label(spec, "x"))
    assert not change_service(engine, service_id, lambda spec: with_label(spec, "x"))


def test_write_keeps_other_fields_in_each_mode(engine: Engine) -> None:
    for sent in mode_specs("mode", IMAGE):
        service_id = engine.post("/services/create", sent)["ID"]
        before = engine.get_service(service_id)["Spec"]
        assert_contains(before, sent)
        assert before["Mode"].keys() == sent["Mode"].keys()

        assert change_service(engine, service_id, with_constraint)

        assert engine.get_service(service_id)["Spec"] == with_constraint(before)


def test_write_keeps_other_fields_of_a_node(engine: Engine) -> None:
    node_id = next(node["ID"] for node in engine.list_nodes() if node["Description"]["Hostname"] == "charlie")
    full = {"Name": "third", "Role": "manager", "Availability": "pause", "Labels": {"a": "1", "empty": ""}}
    change_node(engine, node_id, lambda spec: dict(full))
    assert engine.get_node(node_id)["Spec"] == full

    assert change_node(engine, node_id, lambda spec: with_label(spec, "ours"))

    assert engine.get_node(node_id)["Spec"] == {**full, "Labels": {"a": "1", "empty": "", "ours": "true"}}
    change_node(engine, node_id, lambda spec: {"Role": "manager", "Availability": "active"})


def test_label_change_restarts_no_container(engine: Engine, swarm: Lab) -> None:
    service_id = engine.post(
        "/services/create",
        {
            "Name": "steady",
            "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}},
            "EndpointSpec": {"Mode": "dnsrr"},
        },
    )["ID"]

    def running() -> list[str]:
        tasks = engine.list_tasks({"service": [service_id], "desired-state": ["running"]})
        return [task["ID"] for task in tasks if task["Status"]["State"] == "running"]

    before = swarm.wait_until(running, timeout=30, what="the service to run")

    assert change_service(engine, service_id, lambda spec: with_label(spec, "x"))
    node_ids = [node["ID"] for node in engine.list_nodes()]
    for node_id in node_ids:
        assert change_node(engine, node_id, lambda spec: with_label(spec, "x"))

    # a replaced task would immediately appear in the list of all tasks
    assert [task["ID"] for task in engine.list_tasks({"service": [service_id]})] == before
    assert running() == before


def test_write_keeps_concurrent_writes(engine: Engine, swarm: Lab) -> None:
    node_id = engine.list_nodes()[0]["ID"]
    service_id = engine.post("/services/create", mode_specs("busy", IMAGE)[0])["ID"]

    def write(number: int) -> None:
        own = connect(ConnectionOptions(docker_host=swarm.hosts[number % 3].docker_host))
        assert change_node(own, node_id, lambda spec: with_label(spec, f"w{number}"))
        assert change_service(own, service_id, lambda spec: with_label(spec, f"w{number}"))
        own.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    everyone = {f"w{number}" for number in range(WRITERS)}
    assert everyone <= engine.get_node(node_id)["Spec"]["Labels"].keys()
    assert everyone <= engine.get_service(service_id)["Spec"]["Labels"].keys()


def test_write_reports_a_missing_node_or_service(engine: Engine) -> None:
    with pytest.raises(NotFound, match="node nonesuch not found"):
        change_node(engine, "nonesuch", lambda spec: with_label(spec, "x"))
    with pytest.raises(NotFound, match="service nonesuch not found"):
        change_service(engine, "nonesuch", lambda spec: with_label(spec, "x"))

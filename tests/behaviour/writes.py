# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions, refusals, and the event stream."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineError,
    NameInUse,
    NotFound,
    OutOfSequence,
)
from tests.behaviour.world import Json, Swarm

DATA = base64.b64encode(b"data").decode()


def test_stale_version_is_refused(swarm: Swarm) -> None:
    swarm.run("web", 1)
    service = swarm.engine.get_service("web")
    index = service["Version"]["Index"]
    changed = {**service["Spec"], "Labels": {"a": "1"}}
    swarm.engine.update_service(service["ID"], index, changed)
    with pytest.raises(OutOfSequence, match="rpc error: code = Unknown desc = update out of sequence"):
        swarm.engine.update_service(service["ID"], index, {**changed, "Labels": {"a": "2"}})
    assert swarm.engine.get_service("web")["Spec"]["Labels"] == {"a": "1"}

    node = swarm.node("bravo")
    labelled = {**node["Spec"], "Labels": {"a": "1"}}
    swarm.engine.update_node(node["ID"], node["Version"]["Index"], labelled)
    with pytest.raises(OutOfSequence):
        swarm.engine.update_node(node["ID"], node["Version"]["Index"], {**labelled, "Labels": {}})
    assert swarm.node("bravo")["Spec"]["Labels"] == {"a": "1"}


def test_config_is_a_versioned_store(swarm: Swarm) -> None:
    engine = swarm.engine
    config_id = engine.create_config({"Name": "state", "Labels": {"a": "1"}, "Data": DATA})
    with pytest.raises(NameInUse, match="config state already exists"):
        engine.create_config({"Name": "state", "Data": DATA})
    config = engine.get_config(config_id)
    index = config["Version"]["Index"]
    large = {**config["Spec"], "Labels": {"a": "x" * 200_000}}
    engine.update_config(config_id, index, large)
    with pytest.raises(OutOfSequence):
        engine.update_config(config_id, index, config["Spec"])
    now = engine.get_config(config_id)
    assert now["Spec"] == large
    other = {**large, "Data": base64.b64encode(b"other").decode()}
    with pytest.raises(EngineError, match="only updates to Labels are allowed"):
        engine.update_config(config_id, now["Version"]["Index"], other)
    engine.create_config({"Name": "state.old", "Data": DATA})
    assert (engine.find_config("state") or {})["ID"] == config_id
    assert engine.find_config("stat") is None
    with pytest.raises(NameInUse, match="expected a config STATE, found state"):
        engine.find_config("STATE")
    with pytest.raises(EngineError, match="'names'"):
        engine.get("/configs", filters={"names": ["state"]})
    found = engine.get("/configs", filters={"name": ["state"]})
    assert sorted(one["Spec"]["Name"] for one in found) == ["state", "state.old"]
    engine.delete_config(config_id)
    with pytest.raises(NotFound):
        engine.get_config(config_id)


def test_refusals_have_the_same_messages(swarm: Swarm) -> None:
    engine = swarm.engine
    swarm.run("web", 1)
    node, service = swarm.node("bravo"), engine.get_service("web")
    version = node["Version"]["Index"]
    nobody = "0123456789abcdefghijklmno"
    refused: list[tuple[str, Json, str]] = [
        (f"/nodes/{nobody}/update", node["Spec"], f"node {nobody} not found"),
        (f"/services/{nobody}/update", service["Spec"], f"service {nobody} not found"),
        (f"/nodes/{node['ID']}/update", {"Labels": {}}, 'invalid Role: ""'),
        (f"/nodes/{node['ID']}/update", {"Role": "manager"}, 'invalid Availability: ""'),
        (
            f"/services/{service['ID']}/update",
            {**service["Spec"], "Name": "other"},
            "renaming services is not supported",
        ),
        (
            f"/services/{service['ID']}/update",
            {**service["Spec"], "Mode": {"Global": {}}},
            "service mode change is not allowed",
        ),
        (
            "/services/create",
            swarm.spec("web"),
            "name conflicts with an existing object: service web already exists",
        ),
        (
            "/services/create",
            swarm.spec("bad", placement={"Constraints": ["node.role"]}),
            "constraint expected one operator from ==, !=",
        ),
    ]
    for path, body, words in refused:
        with pytest.raises(EngineError) as error:
            engine.post(path, body, version=version)
        assert words in str(error.value), path
    with pytest.raises(NotFound, match=f"service {nobody} not found"):
        engine.list_tasks({"service": [nobody]})
    with pytest.raises(EngineError, match="invalid node version"):
        engine.post(f"/nodes/{node['ID']}/update", node["Spec"])


def test_spec_is_returned_unchanged(swarm: Swarm) -> None:
    """The fields that the engine adds to a spec or omits."""
    spec = {
        "Name": "plain",
        "TaskTemplate": {"ContainerSpec": {"Image": "orcastra/app"}},
    }
    swarm.world.prepare("plain", "good")
    swarm.engine.post("/services/create", spec)
    found = swarm.engine.get_service("plain")
    assert found["Spec"] == {
        "Name": "plain",
        "Labels": {},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "orcastra/app", "Isolation": "default"},
            "ForceUpdate": 0,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": 1}},
    }
    swarm.until(lambda: len(swarm.running("plain")) == 1, "it to run")
    task = swarm.running("plain")[0]
    assert task["Slot"] == 1
    assert task["Status"]["Message"] == "started"
    assert {"ContainerID", "PID", "ExitCode"} == set(task["Status"]["ContainerStatus"])
    # a task does not contain its runtime
    assert {**task["Spec"], "Runtime": "container"} == found["Spec"]["TaskTemplate"]
    assert "Runtime" not in task["Spec"]


def test_filters(swarm: Swarm) -> None:
    engine = swarm.engine
    swarm.run("web", 3)
    swarm.run("webber", 1, Labels={"kind": "other"})
    bravo = swarm.node("bravo")["ID"]
    by_node = engine.list_tasks({"node": [bravo], "service": ["web"]})
    assert [task["NodeID"] for task in by_node] == [bravo]
    assert len(engine.list_tasks({"service": ["web", "webber"]})) == 4
    swarm.force("webber")
    swarm.settled("webber")
    running = engine.list_tasks({"service": ["webber"], "desired-state": ["running"]})
    assert len(running) == 1
    assert len(engine.list_tasks({"service": ["webber"], "desired-state": ["shutdown"]})) == 1
    names = [one["Spec"]["Name"] for one in engine.get("/services", filters={"name": ["web"]})]
    assert sorted(names) == ["web", "webber"]
    labelled = engine.get("/services", filters={"label": ["kind=other"]})
    assert [one["Spec"]["Name"] for one in labelled] == ["webber"]
    assert engine.get_service(running[0]["ServiceID"][:12])["Spec"]["Name"] == "webber"


def test_event_stream(swarm: Swarm) -> None:
    engine = swarm.world.engine_of("alpha")
    web, bravo = swarm.run("web", 1), swarm.node("bravo")["ID"]
    swarm.scale("web", 2)
    swarm.until(lambda: len(swarm.running("web")) == 2, "two tasks")
    swarm.force("web")
    swarm.settled("web")
    swarm.label("bravo", a="1")
    swarm.change_node("bravo", Availability="pause")
    config_id = engine.create_config({"Name": "state", "Data": DATA})
    engine.delete_config(config_id)
    swarm.engine._request("DELETE", f"/services/{web}", None, {})
    events: list[Json] = []
    # the stream includes past events; it ends after a moment without new ones
    for event in engine.events(("node", "service", "config"), 1.0, 5.0):
        if event["Actor"]["ID"] in (web, bravo, config_id):
            events.append(event)
        if (event["Actor"]["ID"], event["Action"]) == (web, "remove"):
            break
    of_web = [event for event in events if event["Type"] == "service"]
    told = [(event["Action"], _news(event)) for event in of_web]
    desired = [
        ("create", {}),
        ("update", {"replicas.old": "1", "replicas.new": "2"}),
        ("update", {"updatestate.new": "updating"}),
        ("update", {"updatestate.old": "updating", "updatestate.new": "completed"}),
        ("remove", {}),
    ]
    assert [entry for entry in told if entry[1] or entry[0] != "update"] == desired
    of_bravo = [_news(event) for event in events if event["Type"] == "node"]
    assert {"availability.old": "active", "availability.new": "pause"} in of_bravo
    assert {} in of_bravo
    assert [event["Action"] for event in events if event["Type"] == "config"] == ["create", "remove"]
    assert all(event["scope"] == "swarm" and event["timeNano"] > 0 for event in events)


def _news(event: Json) -> Json:
    return {key: value for key, value in event["Actor"]["Attributes"].items() if key != "name"}

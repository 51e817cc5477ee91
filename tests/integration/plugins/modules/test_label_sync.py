# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""label_sync on real engines; each change runs in check mode, for real, and twice again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import change_node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import STATE_NAME
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import OWNED_LABELS_LABEL
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab

Labels = dict[str, dict[str, str]]


@pytest.fixture
def engine(swarm: Lab) -> Iterator[Engine]:
    engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))
    yield engine
    engine.close()


def labels(engine: Engine) -> Labels:
    """Return host name → labels, for nodes with labels."""
    found = {
        node["Description"]["Hostname"]: node["Spec"].get("Labels") or {} for node in engine.list_nodes()
    }
    return {hostname: labels for hostname, labels in found.items() if labels}


def set_labels(engine: Engine, hostname: str, desired: dict[str, str]) -> None:
    node = next(node for node in engine.list_nodes() if node["Description"]["Hostname"] == hostname)
    change_node(engine, node["ID"], lambda spec: {**spec, "Labels": desired})


def check_then_run(
    run_module: Modules, engine: Engine, expected: Labels, **parameters: Any
) -> dict[str, Any]:
    """Check that check mode reports the changes of the real run, and that later runs change nothing."""
    before = labels(engine)
    checked = run_module("label_sync", check=True, **parameters)
    assert labels(engine) == before
    done = run_module("label_sync", **parameters)
    assert labels(engine) == expected
    for key in ("changed", "plan", "notes", "diff"):
        assert checked[key] == done[key], key
    again = run_module("label_sync", **parameters)
    assert (again["changed"], again["plan"]) == (False, [])
    checked_again = run_module("label_sync", check=True, **parameters)
    assert (checked_again["changed"], checked_again["plan"]) == (False, [])
    assert labels(engine) == expected
    return done


def deploy_anchor(swarm: Lab, engine: Engine, hostname: str) -> str:
    """Run ``shop_db`` on the host. Returns its service ID."""
    service_id: str = engine.post(
        "/services/create",
        {
            "Name": "shop_db",
            "TaskTemplate": {
                "ContainerSpec": {"Image": "orcastra/app", "Init": True},
                "Placement": {"Constraints": [f"node.hostname=={hostname}"]},
                "RestartPolicy": {"Delay": 100_000_000},
            },
            "EndpointSpec": {"Mode": "dnsrr"},
        },
    )["ID"]
    wait_until_anchor_runs(swarm, engine, service_id)
    return service_id


def wait_until_anchor_runs(swarm: Lab, engine: Engine, service_id: str) -> None:
    def runs() -> bool:
        tasks = engine.list_tasks({"service": [service_id], "desired-state": ["running"]})
        return [task["Status"]["State"] for task in tasks] == ["running"]

    swarm.wait_until(runs, timeout=30, what="the anchor to run")


def test_static_labels_from_setting_to_removal(run_module: Modules, engine: Engine) -> None:
    set_labels(engine, "alpha", {"theirs": "1", "disk": "wrong"})

    done = check_then_run(
        run_module,
        engine,
        {"alpha": {"theirs": "1", "disk": "ssd", "empty": ""}, "bravo": {"zfs": "true", "tank": "true"}},
        nodes={
            "alpha": {"labels": {"disk": "ssd", "empty": None}},
            "bravo": {"labels": ["zfs", "tank"]},
            "charlie": {"ip": "10.0.0.13"},
        },
    )
    assert done["changed"]
    assert [step["summary"] for step in done["plan"]] == [
        "set disk=ssd, empty= on node alpha",
        "set tank=true, zfs=true on node bravo",
    ]
    assert done["diff"]["before"]["node alpha"] == {"labels": {"theirs": "1", "disk": "wrong"}}
    assert done["diff"]["after"]["node alpha"] == {"labels": {"theirs": "1", "disk": "ssd", "empty": ""}}

    # managed labels are removed with the configuration, other labels stay
    check_then_run(
        run_module,
        engine,
        {"alpha": {"theirs": "1", "disk": "ssd"}},
        nodes={"alpha": {"labels": {"disk": "ssd"}}, "bravo": {}},
        purge=True,
    )
    check_then_run(run_module, engine, {"alpha": {"theirs": "1"}}, nodes={}, purge=True)


def test_label_sync_tasks_do_not_undo_each_other(run_module: Modules, engine: Engine, swarm: Lab) -> None:
    deploy_anchor(swarm, engine, "charlie")
    tasks: list[dict[str, Any]] = [
        {"nodes": {"alpha": {"labels": ["ssd", "zfs"]}}},
        {"nodes": {"bravo": {"labels": {"disk": "hdd"}}}},
        {"nodes": {"alpha": {"labels": {"rack": 4}}}},
        {"dependencies": {"db": ["app"]}, "stack_name": "shop"},
        {"nodes": {"alpha": {"labels": ["ssd"]}}, "prune_unknown_labels": True},
    ]
    everything = {
        "alpha": {"ssd": "true", "zfs": "true", "rack": "4"},
        "bravo": {"disk": "hdd"},
        "charlie": {"db": "true"},
    }
    first = [run_module("label_sync", **task)["changed"] for task in tasks]
    assert first == [True, True, True, True, False]
    assert labels(engine) == everything
    for check in (True, False):
        assert not any(run_module("label_sync", check=check, **task)["changed"] for task in tasks)
    # nor does a task without nodes and dependencies
    for nothing in ({"nodes": {}}, {"dependencies": {}}, {"nodes": {"alpha": {}}}):
        assert not run_module("label_sync", **nothing)["changed"]
    assert labels(engine) == everything

    # a later task with the full configuration recognizes the managed labels
    check_then_run(
        run_module,
        engine,
        {"alpha": {"ssd": "true"}},
        nodes={"alpha": {"labels": ["ssd"]}},
        dependencies={},
        purge=True,
    )


def test_label_sync_keeps_labels_without_configuration(
    run_module: Modules, engine: Engine, swarm: Lab
) -> None:
    deploy_anchor(swarm, engine, "bravo")
    whole: dict[str, Any] = {
        "nodes": {"alpha": {"labels": ["ssd"]}},
        "dependencies": {"db": ["app"]},
        "stack_name": "shop",
        "purge": True,
    }
    run_module("label_sync", **whole)
    everything = {"alpha": {"ssd": "true"}, "bravo": {"db": "true"}}
    assert labels(engine) == everything

    for nothing in ({}, {"purge": True}, {"accept_removals": True}, {"stack_name": "shop"}):
        failed = run_module("label_sync", **nothing)
        assert failed["failed"]
        assert "neither nodes nor dependencies is given: nothing to work with" in failed["msg"]
    for part, missing in (("nodes", "dependencies"), ("dependencies", "nodes")):
        given = {part: whole[part], "stack_name": "shop", "purge": True}
        for check in (True, False):
            held = run_module("label_sync", check=check, **given, **{missing: None})
            assert (held["changed"], len(held["warnings"])) == (False, 1)
            assert held["warnings"][0].startswith(f"{missing}: ")
            assert "accept_removals" in held["warnings"][0]
    assert labels(engine) == everything

    check_then_run(
        run_module,
        engine,
        {"alpha": {"ssd": "true"}},
        nodes=whole["nodes"],
        purge=True,
        accept_removals=True,
    )
    check_then_run(run_module, engine, {}, purge=True, accept_removals=True)


def test_prune_unknown_labels(run_module: Modules, engine: Engine) -> None:
    set_labels(engine, "alpha", {"theirs": "1"})
    set_labels(engine, "bravo", {"theirs": "1"})

    check_then_run(
        run_module,
        engine,
        {"alpha": {"ssd": "true"}, "bravo": {"theirs": "1"}},
        nodes={"alpha": {"labels": ["ssd"]}},
        prune_unknown_labels=True,
    )


def test_anchor_label_follows_the_anchor(run_module: Modules, engine: Engine, swarm: Lab) -> None:
    service_id = deploy_anchor(swarm, engine, "bravo")
    config = {"dependencies": {"db": ["app"]}, "stack_name": "shop"}
    check_then_run(run_module, engine, {"bravo": {"db": "true"}}, **config)

    # moved by hand
    raw = engine.get_service(service_id)
    raw["Spec"]["TaskTemplate"]["Placement"]["Constraints"] = ["node.hostname==charlie"]
    engine.update_service(service_id, raw["Version"]["Index"], raw["Spec"])

    def moved() -> bool:
        tasks = engine.list_tasks({"service": [service_id], "desired-state": ["running"]})
        charlie = next(n["ID"] for n in engine.list_nodes() if n["Description"]["Hostname"] == "charlie")
        return [(t["NodeID"], t["Status"]["State"]) for t in tasks] == [(charlie, "running")]

    swarm.wait_until(moved, timeout=30, what="the anchor to run on charlie")
    check_then_run(run_module, engine, {"charlie": {"db": "true"}}, **config)

    # scaled to 0: the label stays, and Orcastra reports the reason
    raw = engine.get_service(service_id)
    raw["Spec"]["Mode"] = {"Replicated": {"Replicas": 0}}
    engine.update_service(service_id, raw["Version"]["Index"], raw["Spec"])
    swarm.wait_until(
        lambda: not engine.list_tasks({"service": [service_id], "desired-state": ["running"]}),
        timeout=30,
        what="the anchor to have no task",
    )
    kept = run_module("label_sync", **config)
    assert [note["text"] for note in kept["notes"]] == [
        "shop_db is scaled to 0; its label db stays where it is until shop_db runs again"
    ]
    assert labels(engine) == {"charlie": {"db": "true"}}

    # the dependency is removed from the configuration
    check_then_run(run_module, engine, {}, dependencies={}, purge=True)


def test_label_sync_reports_unknown_names_and_continues(run_module: Modules, engine: Engine) -> None:
    done = run_module(
        "label_sync",
        nodes={"ghost": {"labels": ["a"]}, "alpha": {"labels": ["b"]}},
        dependencies={"nothing": ["app"]},
        stack_name="shop",
    )

    assert labels(engine) == {"alpha": {"b": "true"}}
    assert done["warnings"] == [
        "nodes.ghost: no node of this swarm has this host name or ID",
        "dependencies.nothing: there is no service shop_nothing in this swarm; its label is not changed",
    ]


def test_label_sync_reports_all_invalid_parameters(run_module: Modules, engine: Engine) -> None:
    failed = run_module(
        "label_sync", nodes={"alpha": {"labels": 5, "lables": []}}, dependencies={"db": "app"}
    )

    assert failed["failed"]
    for key in ("nodes.alpha.labels", "nodes.alpha.lables", "dependencies.db"):
        assert key in failed["msg"]
    assert labels(engine) == {}


def test_label_sync_sets_damaged_state_aside_and_keeps_labels(run_module: Modules, engine: Engine) -> None:
    run_module("label_sync", nodes={"alpha": {"labels": ["old"]}})
    found = engine.find_config(STATE_NAME)
    assert found is not None
    spec = {**found["Spec"], "Labels": {**found["Spec"]["Labels"], OWNED_LABELS_LABEL: "garbage"}}
    engine.update_config(found["ID"], found["Version"]["Index"], spec)

    # "old" is no longer configured, but nothing shows that it is a managed label
    done = check_then_run(
        run_module,
        engine,
        {"alpha": {"old": "true", "new": "true"}},
        nodes={"alpha": {"labels": ["new"]}},
        purge=True,
    )

    assert done["plan"][0]["action"] == "repair_state"
    assert len(engine.get("/configs", filters={"name": [STATE_NAME]})) == 2


def test_label_sync_skips_a_node_until_it_returns(run_module: Modules, engine: Engine, swarm: Lab) -> None:
    def state_of_charlie() -> str:
        # charlie may have been the leader: failed requests of the lab without a leader mean "not yet"
        nodes = swarm["alpha"].api("GET", "/nodes")
        node = next(node for node in nodes if node["Description"]["Hostname"] == "charlie")
        return str(node["Status"]["State"])

    run_module("label_sync", nodes={"charlie": {"labels": ["old"]}})
    swarm["charlie"].crash()
    swarm.wait_until(lambda: state_of_charlie() == "down", timeout=60, what="charlie to be down")
    desired = {"charlie": {"labels": ["new"]}}

    left = run_module("label_sync", nodes=desired, purge=True)
    assert (left["changed"], left["plan"]) == (False, [])
    assert [note["text"] for note in left["notes"]] == [
        "node charlie is down; its labels are corrected when it returns"
    ]
    assert labels(engine) == {"charlie": {"old": "true"}}

    swarm["charlie"].boot()
    swarm.wait_until(lambda: state_of_charlie() == "ready", timeout=60, what="charlie to be back")
    check_then_run(run_module, engine, {"charlie": {"new": "true"}}, nodes=desired, purge=True)

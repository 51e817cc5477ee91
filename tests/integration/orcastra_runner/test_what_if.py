# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra what-if`` compared with Swarm's real behaviour when a host loses power."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.conftest import IMAGE
from tests.lab import Lab
from tests.lab.errors import LabError
from tests.support.runner_process import orcastra

MIB = 1024 * 1024


def deploy(
    swarm: Lab,
    name: str,
    replicas: int | None,
    *constraints: str,
    most_per_node: int = 0,
    reserved_mb: int = 0,
    port: int = 0,
    condition: str = "any",
) -> None:
    """Create a service, which is global without ``replicas``."""
    spec: dict[str, Any] = {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE},
            "Placement": {"Constraints": list(constraints), "MaxReplicas": most_per_node},
            "Resources": {"Reservations": {"MemoryBytes": reserved_mb * MIB}},
            "RestartPolicy": {"Condition": condition, "Delay": 500_000_000},
        },
        "Mode": {"Global": {}} if replicas is None else {"Replicated": {"Replicas": replicas}},
    }
    if port:
        ports = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": port, "PublishMode": "host"}
        spec["EndpointSpec"] = {"Mode": "dnsrr", "Ports": [ports]}
    swarm["alpha"].api("POST", "/services/create", spec)


def places(swarm: Lab) -> dict[str, list[str]]:
    """Return service → sorted hosts of its desired tasks, with an empty string for a task without a host."""
    manager = swarm["alpha"]
    hosts = {node["ID"]: node["Description"]["Hostname"] for node in manager.api("GET", "/nodes")}
    names = {service["ID"]: service["Spec"]["Name"] for service in manager.api("GET", "/services")}
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    for task in manager.api("GET", "/tasks", query={"filters": {"desired-state": ["running"]}}):
        is_placed = task["Status"]["State"] == "running"
        found[names[task["ServiceID"]]].append(hosts[task["NodeID"]] if is_placed else "")
    return {name: sorted(where) for name, where in found.items()}


def ask(swarm: Lab, config: Path, *question: str) -> dict[str, Any]:
    """Return the output of ``orcastra what-if``."""
    answer = orcastra(
        "what-if", *question, "--format", "json", "--config", config, DOCKER_HOST=swarm["alpha"].docker_host
    )
    assert answer.returncode == 0, answer.stderr
    data: dict[str, Any] = json.loads(answer.stdout)
    return data


def fates_of(forecast: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {fate["service"]: fate for fate in forecast["fates"]}


def test_what_if_covers_all_placement_limits(swarm: Lab, tmp_path: Path) -> None:
    """Two losses, one after another. The second one costs the majority of the managers."""
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {}}\n")
    deploy(swarm, "everywhere", None)
    deploy(swarm, "port", 2, "node.hostname!=alpha", port=18080)
    deploy(swarm, "one-each", 3, most_per_node=1)
    deploy(swarm, "large", 3, reserved_mb=1100)
    label_bravo(swarm)
    deploy(swarm, "labelled", 1, "node.labels.disk==ssd")
    deploy(swarm, "free", 1, "node.hostname!=alpha")
    swarm.wait_until(
        lambda: len(places(swarm)) == 6 and all(w and "" not in w for w in places(swarm).values()),
        timeout=60,
        what="all tasks to run",
    )
    before = places(swarm)
    assert before["large"] == before["one-each"] == ["alpha", "bravo", "charlie"]

    answer = ask(swarm, tmp_path, "--lose", "any")
    (forecast,) = [found for found in answer["forecasts"] if found["lost"] == ["bravo"]]
    assert len(answer["forecasts"]) == 3
    assert forecast["quorum"] is None
    fates = fates_of(forecast)
    stuck = {"port", "one-each", "large", "labelled"}
    assert {name for name, fate in fates.items() if fate["unplaced"]} == stuck
    # a global service has no task to place
    assert "everywhere" not in fates
    assert forecast["ended"] == ["everywhere"]
    (added,) = ask(swarm, tmp_path, "--lose", "bravo", "--add", "delta:2GB")["forecasts"]
    assert added["begun"] == ["everywhere"]
    with_delta = fates_of(added)
    assert {name for name, fate in with_delta.items() if fate["unplaced"]} == {"labelled"}
    assert {name: with_delta[name]["to"] for name in stuck - {"labelled"}} == {
        name: ["delta"] for name in stuck - {"labelled"}
    }
    # two of three managers are lost, so Swarm places no more tasks, as forecast
    (both,) = ask(swarm, tmp_path, "--lose", "bravo", "--lose", "charlie")["forecasts"]
    assert both["quorum"]

    swarm["bravo"].crash()
    swarm.wait_until(lambda: all("bravo" not in where for where in places(swarm).values()), timeout=60)

    def settled() -> dict[str, list[str]] | None:
        found = places(swarm)
        waiting = {name for name, where in found.items() if "" in where}
        is_complete = all(len(found[name]) == len(before[name]) for name in fates)
        return found if is_complete and waiting == stuck else None

    after = swarm.wait_until(settled, timeout=60, what="the swarm to match the forecast")
    if "free" in fates:
        assert after["free"] == fates["free"]["to"] == ["charlie"]
    assert after["everywhere"] == ["alpha", "charlie"]
    # running tasks stay on their nodes
    for name in stuck:
        assert [host for host in after[name] if host] == [host for host in before[name] if host != "bravo"]

    swarm["charlie"].crash()
    swarm.wait_until(lambda: not has_leader(swarm), timeout=60, what="the loss of the majority")
    for name in ("bravo", "charlie"):
        swarm[name].boot()


def label_bravo(swarm: Lab) -> None:
    manager = swarm["alpha"]
    (node,) = [n for n in manager.api("GET", "/nodes") if n["Description"]["Hostname"] == "bravo"]
    spec = {**node["Spec"], "Labels": {"disk": "ssd"}}
    manager.api("POST", f"/nodes/{node['ID']}/update", spec, {"version": node["Version"]["Index"]})


def has_leader(swarm: Lab) -> bool:
    try:
        swarm["alpha"].api("GET", "/nodes")
    except LabError:
        return False
    return True


def test_what_if_forecast_matches_real_loss(swarm: Lab, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {}}\n")
    deploy(swarm, "three", 3)
    deploy(swarm, "never-alpha", 1, "node.hostname!=alpha", "node.hostname!=charlie")
    deploy(swarm, "one-way", 1, "node.hostname!=charlie")
    deploy(swarm, "once", 1, "node.hostname==bravo", condition="none")
    swarm.wait_until(
        lambda: places(swarm) and all(where and "" not in where for where in places(swarm).values()),
        timeout=60,
        what="all tasks to run",
    )
    before = places(swarm)

    (forecast,) = ask(swarm, tmp_path, "--lose", "bravo")["forecasts"]
    fates: dict[str, dict[str, Any]] = {fate["service"]: fate for fate in forecast["fates"]}
    assert set(fates) == {name for name, where in before.items() if "bravo" in where}

    swarm["bravo"].crash()
    swarm.wait_until(lambda: all("bravo" not in where for where in places(swarm).values()), timeout=60)
    unplaced = {name for name, fate in fates.items() if fate["unplaced"]}
    assert unplaced == {"never-alpha", "once"}
    assert {name for name, fate in fates.items() if not fate["is_replaced"]} == {"once"}
    before["once"] = []

    def settled() -> dict[str, list[str]] | None:
        """Return the hosts of all tasks when all but one run again."""
        found = places(swarm)
        is_complete = all(len(where) == len(before[name]) for name, where in found.items())
        waiting = [name for name, where in found.items() if "" in where]
        return found if is_complete and waiting == ["never-alpha"] else None

    after = swarm.wait_until(settled, timeout=60, what="all but one to run again")
    for name, fate in fates.items():
        if name not in unplaced:
            stayed = [host for host in before[name] if host != "bravo"]
            new = list(after[name])
            for host in stayed:
                new.remove(host)
            assert set(new) <= set(fate["to"]), (name, before, after, fate)
    swarm["bravo"].boot()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra what-if`` against what Swarm really does when a host loses its power."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.conftest import IMAGE
from tests.lab import Lab
from tests.runner_process import orcastra


def deploy(swarm: Lab, name: str, replicas: int, *constraints: str) -> None:
    spec = {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE},
            "Placement": {"Constraints": list(constraints)},
            "RestartPolicy": {"Condition": "any", "Delay": 500_000_000},
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
    }
    swarm["alpha"].api("POST", "/services/create", spec)


def places(swarm: Lab) -> dict[str, list[str]]:
    """Service → the hosts of its tasks that are to run, sorted; empty text where one has no place."""
    manager = swarm["alpha"]
    hosts = {node["ID"]: node["Description"]["Hostname"] for node in manager.api("GET", "/nodes")}
    names = {service["ID"]: service["Spec"]["Name"] for service in manager.api("GET", "/services")}
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    for task in manager.api("GET", "/tasks", query={"filters": {"desired-state": ["running"]}}):
        is_placed = task["Status"]["State"] == "running"
        found[names[task["ServiceID"]]].append(hosts[task["NodeID"]] if is_placed else "")
    return {name: sorted(where) for name, where in found.items()}


def test_a_loss_goes_as_it_was_forecast(swarm: Lab, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {}}\n")
    deploy(swarm, "three", 3)
    deploy(swarm, "never-alpha", 1, "node.hostname!=alpha", "node.hostname!=charlie")
    deploy(swarm, "one-way", 1, "node.hostname!=charlie")
    swarm.wait_until(
        lambda: places(swarm) and all(where and "" not in where for where in places(swarm).values()),
        timeout=60,
        what="all tasks to run",
    )
    before = places(swarm)

    answer = orcastra(
        "what-if",
        "--lose",
        "bravo",
        "--format",
        "json",
        "--config",
        tmp_path,
        DOCKER_HOST=swarm["alpha"].docker_host,
    )
    assert answer.returncode == 0, answer.stderr
    (forecast,) = json.loads(answer.stdout)["forecasts"]
    fates: dict[str, dict[str, Any]] = {fate["service"]: fate for fate in forecast["fates"]}
    assert set(fates) == {name for name, where in before.items() if "bravo" in where}

    swarm["bravo"].crash()
    swarm.wait_until(lambda: all("bravo" not in where for where in places(swarm).values()), timeout=60)
    unplaced = {name for name, fate in fates.items() if fate["unplaced"]}
    assert unplaced == {"never-alpha"}

    def settled() -> dict[str, list[str]] | None:
        """Where everything is, once all but one run again."""
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

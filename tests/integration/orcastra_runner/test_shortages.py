# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that can't run: Orcastra reports each reason once, with the engine's error."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import without_ids
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import PENDING_SECONDS
from tests.integration.orcastra_runner.swarm_helpers import create_service, tasks
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra, running

pytestmark = [pytest.mark.lab, pytest.mark.slow]

IMAGE = "orcastra/app"
CONFIGURATION = "dependencies:\n  image: {services: [volume, code]}\n"
# number of Swarm's attempts to wait for
ATTEMPTS = 6


def spec(name: str, **container: Any) -> dict[str, Any]:
    restart = container.pop("Restart", {})
    constraints = container.pop("Constraints", [])
    ports = container.pop("Ports", [])
    return {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE, "Init": True, **container},
            "Placement": {"Constraints": constraints},
            "RestartPolicy": {"Delay": 1_000_000_000, **restart},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "dnsrr", "Ports": ports},
    }


def port(number: int) -> dict[str, Any]:
    return {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": number, "PublishMode": "host"}


SHORT = {
    "image": spec("image", Image="orcastra/none"),
    "volume": spec("volume", Mounts=[{"Type": "volume", "Source": "x", "Target": "/data"}]),
    "mount": spec("mount", Mounts=[{"Type": "bind", "Source": "/srv/nowhere", "Target": "/data"}]),
    # the hosts' node exporters use this port
    "port": spec("port", Ports=[port(9100)]),
    "program": spec("program", Command=["/no/such/program"]),
    "code": spec("code", Command=["sh", "-c", "exit 3"]),
    "node": spec("node", Constraints=["node.labels.nowhere==true"]),
    "once": spec("once", Command=["false"], Restart={"Condition": "none"}),
    "given": spec("given", Command=["sh", "-c", "exit 4"], Restart={"MaxAttempts": 1}),
}
WELL = {
    "finished": spec("finished", Command=["true"], Restart={"Condition": "none"}),
    "migrated": spec("migrated", Command=["true"], Restart={"Condition": "on-failure"}),
}


def errors(swarm: Lab, name: str) -> set[str]:
    """Return the engine's errors of the service's tasks."""
    found = {task["Status"].get("Err", "") for task in tasks(swarm, name)}
    return {without_ids(error) for error in found if error}


def ended(swarm: Lab, name: str) -> int:
    return sum(task["Status"]["State"] in ("failed", "rejected", "complete") for task in tasks(swarm, name))


def test_shortages_are_reported_once_with_engine_error(swarm: Lab, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text(CONFIGURATION)
    leader = swarm.leader()
    create_service(swarm, "fine")
    settings = {"STACK_NAME": "", "EVENT_MODE": "true", "RELABEL_TIME": "3600"}
    with running(tmp_path, leader.docker_host, **settings) as loop:
        loop.wait_for("reconciliation finished")
        for found in (*SHORT.values(), *WELL.values()):
            leader.api("POST", "/services/create", found)
        for name in SHORT:
            loop.wait_for(f"short of tasks: {name}: ", timeout=PENDING_SECONDS + 60)
        # Swarm keeps five ended tasks of each slot
        known: set[str] = set()

        def tried_often() -> bool:
            known.update(task["ID"] for task in tasks(swarm, "image"))
            return len(known) > ATTEMPTS

        wait_until(tried_often, 120, "several attempts")
        for name in WELL:
            wait_until(lambda name=name: ended(swarm, name) == 1, 60, f"{name} to have ended")

        warned = [entry for entry in loop.entries if entry["event"] == "short of tasks"]
        counted = Counter(entry["summary"].partition(":")[0] for entry in warned)
        assert counted.keys() == SHORT.keys()
        assert max(counted.values()) <= 2, warned
        for name in SHORT.keys() - {"node"}:
            said = " ".join(entry["summary"] for entry in warned if entry["summary"].startswith(f"{name}: "))
            assert any(error in said for error in errors(swarm, name)), (said, errors(swarm, name))
        assert "its constraint node.labels.nowhere==true forbids it" in str(warned)
        # nothing else repeats endlessly, either
        lines = Counter(
            (entry["event"], without_ids(str(entry.get("summary"))))
            for entry in loop.entries
            if entry["level"] != "debug"
        )
        assert [line for line, number in lines.items() if number > 3] == []

        def planned() -> dict[str, Any]:
            plan = orcastra(
                "plan",
                "--format",
                "json",
                "--config",
                tmp_path,
                STACK_NAME="",
                DOCKER_HOST=leader.docker_host,
            )
            data: dict[str, Any] = json.loads(plan.stdout)
            return data

        # a service that fails repeatedly may just be starting
        wait_until(
            lambda: {entry["service"] for entry in planned()["short_of_tasks"]} == SHORT.keys(),
            60,
            "all services with too few tasks to be in the plan",
        )
        assert "services are short of tasks" in planned()["headline"]

        service = leader.api("GET", "/services/node")
        desired = {**service["Spec"], "TaskTemplate": spec("node")["TaskTemplate"]}
        path = f"/services/{service['ID']}/update?version={service['Version']['Index']}"
        leader.api("POST", path, desired)
        loop.wait_for("no longer short of tasks: node")

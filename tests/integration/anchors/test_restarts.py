# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orcastra restarts services that Swarm no longer retries, with a growing backoff, and then gives up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.anchors.stage import ATTEMPTS, SECOND, Stage, cycles
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra

pytestmark = [pytest.mark.lab, pytest.mark.slow]

# Swarm restarts it once
SOON_GIVEN_UP = {"RestartPolicy": {"Condition": "on-failure", "MaxAttempts": 1, "Delay": SECOND // 5}}
FAILS = ["sh", "-c", "exit 3"]


def restarts(stage: Stage, name: str) -> int:
    return int(stage.service(name)["Spec"]["TaskTemplate"].get("ForceUpdate", 0))


def given_up(stage: Stage) -> dict[str, Any]:
    """Return the services that Orcastra gave up on, according to ``orcastra status``."""
    result = orcastra("status", "--format", "json", DOCKER_HOST=stage.swarm.leader().docker_host)
    found = json.loads(result.stdout)["attempts"]
    return {entry["service"]: entry["given_up"]["code"] for entry in found if entry["given_up"]}


def kill(stage: Stage, name: str) -> None:
    """Kill the service's only container, like a failure."""
    (place,) = wait_until(lambda: stage.places(name), 30, f"{name} to run")
    filters = {"label": [f"com.docker.swarm.service.name={name}"]}
    (container,) = stage.swarm[place].api("GET", "/containers/json", query={"filters": filters})
    stage.swarm[place].api("POST", f"/containers/{container['Id']}/kill")
    wait_until(lambda: container["Id"] not in str(stage.running(name)), 30, f"{name} to have ended")


def test_failing_followers_are_restarted_then_given_up(stage: Stage) -> None:
    """One follower fails twice; another always fails, even after a leader change."""
    stage.deploy("db", on="alpha")
    stage.deploy("twice", **SOON_GIVEN_UP)
    stage.create("bad", on="alpha", command=FAILS, **SOON_GIVEN_UP)
    stage.configure({"db": {"services": ["twice", "bad"], "retry_intervals": [1, 2]}})
    with stage.orcastra() as loop:
        loop.wait_for("giving up on shop_bad: 3 attempts failed")
        assert restarts(stage, "shop_bad") == 3
        assert given_up(stage) == {"shop_bad": "attempts_exhausted"}
        text = orcastra("status", DOCKER_HOST=stage.swarm.leader().docker_host).stdout
        assert "shop_bad: given up: 3 attempts failed" in text

        stage.wait_settled("shop_db", "shop_twice", on="alpha")
        kill(stage, "shop_twice")
        kill(stage, "shop_twice")
        wait_until(lambda: restarts(stage, "shop_twice") == 1, 20, "shop_twice to be restarted")
        stage.wait_settled("shop_db", "shop_twice", on="alpha")

    # the state is saved in the swarm, so a controller on another manager has it
    old = stage.swarm.leader()
    old.stop_engine()
    wait_until(lambda: stage.swarm.leader().name != old.name, 60, "a new leader")
    with stage.orcastra() as loop:
        loop.wait_for("giving up on shop_bad: 3 attempts failed")
        cycles(loop, 5)
        assert restarts(stage, "shop_bad") == 3
        old.start_engine()

        # the user repairs it
        def mend(spec: dict[str, Any]) -> None:
            del spec["TaskTemplate"]["ContainerSpec"]["Command"]

        stage.change("shop_bad", mend)
        wait_until(lambda: given_up(stage) == {}, 30, "it to be healthy")
        assert "shop_bad" not in str(stage.remembered(ATTEMPTS))
        assert restarts(stage, "shop_bad") == 3


def test_anchor_restart_restarts_followers_once(stage: Stage) -> None:
    stage.deploy("db", on="alpha")
    stage.deploy("app", volume=True)
    stage.configure({"db": {"services": ["app"], "restart_dependents": True}})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", "shop_app", on="alpha")
        cycles(loop, 3)
        assert restarts(stage, "shop_app") == 0

        def force(spec: dict[str, Any]) -> None:
            spec["TaskTemplate"]["ForceUpdate"] = 1

        stage.change("shop_db", force)
        wait_until(lambda: restarts(stage, "shop_app") == 1, 30, "the follower to be restarted")
        stage.wait_settled("shop_db", "shop_app", on="alpha")

        # a move replaces the tasks anyway
        stage.move("shop_db", "bravo")
        stage.wait_settled("shop_db", "shop_app", on="bravo")
        cycles(loop, 5)
        assert restarts(stage, "shop_app") == 1

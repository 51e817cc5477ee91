# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host is lost and returns: ``orcastra run`` gives it its share, and nothing else restarts."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import UPDATE_LABEL
from tests.integration import traffic
from tests.integration.conftest import IMAGE
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra
from tests.support.runner_process import running as running_loop

SECOND = 1_000_000_000
LOST = "charlie"
RULES = {"monitor_interval_seconds": 1, "spread": {"settle_minutes": 0.05}}
DESIRED = {"dependencies": {"db": {"services": ["api"]}}}
FILES = {"Type": "volume", "Source": "files", "Target": "/data"}
# besides web, which has three replicas
SERVICES: dict[str, dict[str, Any]] = {
    "db": {},
    "api": {},
    "files": {"mounts": [FILES]},
    "pair": {"replicas": 2, "order": "start-first"},
    "three": {"replicas": 3},
    "one": {},
    "two": {"order": "start-first"},
}
TASKS = 3 + sum(fields.get("replicas", 1) for fields in SERVICES.values())


def spec(
    name: str, *, replicas: int = 1, order: str = "stop-first", mounts: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    container = {"Image": IMAGE, "Args": ["sleep", "1000000"], "Init": True, "Mounts": mounts or []}
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": container},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 2, "Order": order, "Monitor": SECOND},
    }


def tasks(swarm: Lab) -> dict[str, tuple[str, str]]:
    """Running task → its service and host name, without the tasks of global services."""
    manager = swarm["alpha"]
    hosts = {node["ID"]: node["Description"]["Hostname"] for node in manager.api("GET", "/nodes")}
    names = {found["ID"]: found["Spec"]["Name"] for found in manager.api("GET", "/services")}
    query = {"filters": {"desired-state": ["running"]}}
    return {
        task["ID"]: (names[task["ServiceID"]], hosts[task["NodeID"]])
        for task in manager.api("GET", "/tasks", query=query)
        if task.get("Slot") and task["Status"]["State"] == "running"
    }


def specs(swarm: Lab) -> dict[str, dict[str, Any]]:
    """Service → its spec, as Swarm has it."""
    return {found["Spec"]["Name"]: found["Spec"] for found in swarm["alpha"].api("GET", "/services")}


def is_even(found: dict[str, tuple[str, str]], hosts: list[str]) -> bool:
    """Return whether neither tasks nor the replicas of a service can be spread more evenly."""
    services = {service for service, _host in found.values()}
    counts = [Counter(host for _service, host in found.values())]
    counts += [Counter(host for name, host in found.values() if name == service) for service in services]
    return all(
        max(count[host] for host in hosts) - min(count[host] for host in hosts) <= 1 for count in counts
    )


def journal_is_empty(swarm: Lab) -> bool:
    states = swarm["alpha"].api("GET", "/configs", query={"filters": {"name": ["orcastra.state"]}})
    return all(state["Spec"]["Labels"].get("orcastra.journal", "{}") == "{}" for state in states)


def failures(swarm: Lab) -> int:
    hosts = [host.name for host in swarm if host.name != LOST]
    return sum(line != "ok" for name in hosts for line in traffic.lines(swarm, name))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "swarm.yml").write_text(yaml.safe_dump(DESIRED))
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_spread_gives_a_returning_host_its_share(
    swarm: Lab, config: Path, record_property: Callable[[str, object], None]
) -> None:
    manager, environment = swarm["alpha"], {"ORCASTRA_LEADER": "always", "RELABEL_TIME": "2"}
    hosts = [host.name for host in swarm]
    traffic.start(swarm, IMAGE, 3)
    for name, fields in SERVICES.items():
        manager.api("POST", "/services/create", spec(name, **fields))
    wait_until(lambda: len(tasks(swarm)) == TASKS, 120, "all services to run")
    with running_loop(config, manager.docker_host, **environment) as loop:
        wait_until(lambda: follows(swarm), 120, "the follower to run next to its anchor")
        swarm[LOST].crash()
        wait_until(
            lambda: len(tasks(swarm)) == TASKS and LOST not in Counter(dict(tasks(swarm).values()).values())
            and follows(swarm),
            180,
            "all tasks to run elsewhere",
        )  # fmt: skip
        wait_until(lambda: journal_is_empty(swarm), 60, "the end of all moves")
        # without the section, nothing returns, and a note says what would help
        failed_before = failures(swarm)
        swarm[LOST].boot()
        booted = time.monotonic()
        wait_until(lambda: len(client_hosts(swarm)) == 3, 120, f"{LOST} to run tasks")
        before, written = tasks(swarm), specs(swarm)
        assert LOST not in {host for _service, host in before.values()}
        hint = orcastra("plan", "--config", config, "--format", "json", DOCKER_HOST=manager.docker_host)
        assert "spread_would_move" in {note["code"] for note in json.loads(hint.stdout)["notes"]}, hint

        (config / "rebalance_config.yml").write_text(yaml.safe_dump(RULES))
        wait_until(lambda: is_even(tasks(swarm), hosts) and len(tasks(swarm)) == TASKS, 240, "even tasks")
        even = time.monotonic()
        wait_until(lambda: journal_is_empty(swarm), 60, "the end of all moves")
        loop.wait_for("measured memory", times=loop.said("measured memory") + 2)
        loop.end(signal.SIGTERM)
    after = tasks(swarm)
    counted = traffic.stop(swarm)
    moved = {task: place for task, place in after.items() if task not in before}
    # shown by -o junit_family=xunit1 --junit-xml=FILE
    record_property("seconds until even", even - booted)
    record_property("moves", len(moved))
    record_property("requests", counted.answered)

    assert is_even(after, hosts)
    # each new task is one that has moved to the empty host, and all others still run
    assert {host for _service, host in moved.values()} == {LOST}
    assert Counter(service for service, _host in moved.values()) == Counter(
        service for task, (service, _host) in before.items() if task not in after
    )
    assert "files" not in {service for service, _host in moved.values()}
    assert follows(swarm)
    assert counted.failures[failed_before:] == ()
    for name, found in specs(swarm).items():
        # the engine returns an empty placement if there was none
        assert {"Placement": {}, **found["TaskTemplate"]} == {
            "Placement": {},
            **written[name]["TaskTemplate"],
        }
        assert found.get("UpdateConfig") == written[name].get("UpdateConfig")
        assert UPDATE_LABEL not in (found.get("Labels") or {})


def follows(swarm: Lab) -> bool:
    places = dict(tasks(swarm).values())
    return "db" in places and places["db"] == places.get("api")


def client_hosts(swarm: Lab) -> set[str]:
    """The hosts on which the global service runs."""
    query = {"filters": {"desired-state": ["running"], "service": ["clients"]}}
    found = swarm["alpha"].api("GET", "/tasks", query=query)
    return {task["NodeID"] for task in found if task["Status"]["State"] == "running"}

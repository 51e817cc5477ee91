# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reboots of the active instance's own host: another instance carries them out."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.accidents import REBOOT_OPTIONS
from tests.integration.anchors.stage import SLOW_TO_STOP, STACK, Stage
from tests.integration.playbooks.conftest import host_python  # noqa: F401 - a fixture
from tests.lab import Lab
from tests.lab.errors import LabError
from tests.lab.wait import wait_until
from tests.support.instances import ACTING, FOLDER, Instances, on_every_host

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SETTINGS = {
    "ORCASTRA_INVENTORY": f"{FOLDER}/hosts.json",
    "EVENT_MODE": "true",
    "RELABEL_TIME": "5",
    "STACK_NAME": STACK,
    "AUTOHEAL_CHECK_INTERVAL": "0",
    "GC_CRON": "off",
}
GROUP = {"dependencies": {"db": {"services": ["app"], "relocate": "ordered"}}}
TAKEN = "reboot taken over"


@pytest.fixture
def instances(swarm: Lab, host_python: str) -> Iterator[Instances]:  # noqa: F811 - the fixture
    with on_every_host(swarm, **SETTINGS) as instances:
        yield instances
    for host in swarm:
        host.boot()


def inventory(swarm: Lab, python: str) -> str:
    """Write the inventory of each host. The hosts reach each other over SSH."""
    variables = {
        "ansible_user": "root",
        "ansible_python_interpreter": python,
        "orcastra_reboot_options": REBOOT_OPTIONS,
    }
    hosts = {host.name: {"ansible_host": host.ip} for host in swarm}
    return json.dumps({"managers": {"hosts": hosts, "vars": variables}})


def configure(instances: Instances, python: str, *commands: Any) -> None:
    files = {"hosts.json": inventory(instances.lab, python)}
    instances.configure(GROUP, **files, **{"commands/swarm-orch.command.yml": json.dumps(commands)})


def record(stage: Stage, key: str) -> dict[str, Any]:
    """The saved record of a command; None while no manager answers."""
    try:
        found: dict[str, Any] = stage.remembered("orcastra.commands").get(key, {})
    except (OSError, LabError):
        return {}
    return found


def availability(stage: Stage) -> dict[str, str]:
    nodes = stage.api("GET", "/nodes")
    return {node["Description"]["Hostname"]: node["Spec"]["Availability"] for node in nodes}


@pytest.mark.timeout(1500)
def test_all_hosts_are_rebooted_including_active_ones(
    swarm: Lab,
    instances: Instances,
    host_python: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    stage = Stage(swarm, tmp_path)
    stage.deploy("db")
    stage.deploy("app", volume=True)
    first = swarm.leader().name
    boots: dict[str, set[str]] = defaultdict(set)
    configure(instances, host_python, {"command": "rolling_reboot", "id": "all"})

    def is_over() -> bool:
        for host in swarm:
            boots[host.name].update({host.boot_id} - {""})
        return bool(record(stage, "id:all").get("finished"))

    is_over()
    instances.start_all()
    with instances.restarted():
        try:
            wait_until(is_over, 1200, "the command to have a result", 0.1)
            done = record(stage, "id:all")
            assert (done["status"], done["by"], done["source"]) == ("done", first, "file")
            assert done["message"].startswith("rebooted "), done
            assert f"; {first} was rebooted by the instance on " in done["message"]
            # each host once
            assert {name: len(found) for name, found in boots.items()} == dict.fromkeys(boots, 2)
            assert set(availability(stage).values()) == {"active"}
            assert stage.remembered("orcastra.handovers") == {}
            assert stage.remembered("orcastra.availability") == {}
            assert instances.times_said("command started: rolling_reboot") == 1
            assert instances.times_said(TAKEN) == 1
            assert instances.times_said("command finished: rolling_reboot") == 1
            new = swarm.leader().name
            wait_until(lambda: instances.loops[new].said(ACTING), 30, "the leader to be active")
            stage.wait_settled("shop_db", "shop_app", on=stage.places("shop_db")[0], timeout=90)
            results = f"{FOLDER}/commands/swarm-orch.command.results.yml"
            wait_until(lambda: "status: done" in swarm[new].sh(f"cat {results}"), 30, "the results' file")
            looks = instances.loops[first].said("swarm observed")
            instances.loops[first].wait_for("swarm observed", times=looks + 2)
            assert instances.times_said("command started: rolling_reboot") == 1
        except Exception as error:
            raise AssertionError(f"{error}\n{instances.said()}") from error


@pytest.mark.timeout(900)
def test_reboot_continues_if_its_instance_is_lost(
    swarm: Lab,
    instances: Instances,
    host_python: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    stage = Stage(swarm, tmp_path)
    leader = swarm.leader()
    other = next(host for host in swarm if host.name != leader.name)
    # the instance must be killed before the host is rebooted
    stage.deploy(
        "slow", command=[*SLOW_TO_STOP[:2], SLOW_TO_STOP[2].replace("5", "60")], on=leader.name, grace=90
    )
    configure(instances, host_python, {"command": "reboot_node", "node": leader.name, "id": "one"})
    before = leader.boot_id
    taker = instances.start(other)
    acting = instances.start(leader)
    try:
        acting.wait_for("command handed over", timeout=400)
        taker.wait_for(TAKEN, timeout=60)
        assert f"being rebooted by the instance on {other.name}" in record(stage, "id:one")["message"]
        wait_until(lambda: availability(stage)[leader.name] == "drain", 400, "the node to be drained")
        taker.process.send_signal(signal.SIGKILL)
        wait_until(lambda: record(stage, "id:one").get("finished"), 300, "the loss to be noticed")
        lost = record(stage, "id:one")
        assert lost["status"] == "interrupted"
        assert f"handed over to the instance on {other.name}, which is gone" in lost["message"]
        assert f"to put it back, run `orcastra command activate_node {leader.name}`" in lost["message"]
        assert leader.boot_id == before
        assert availability(stage)[leader.name] == "drain"
        assert stage.remembered("orcastra.handovers") == {}
    except Exception as error:
        raise AssertionError(f"{error}\n{instances.said()}") from error

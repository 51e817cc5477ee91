# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's swarm reacts to failures of its hosts, and ``restore`` returns it to a clean state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import IMAGE
from tests.lab import Host, Lab
from tests.lab.swarm import all_ready


def states(manager: Host) -> dict[str, str]:
    return {node["Description"]["Hostname"]: node["Status"]["State"] for node in manager.api("GET", "/nodes")}


def running(manager: Host, service: str) -> list[dict[str, Any]]:
    filters = {"service": [service], "desired-state": ["running"]}
    tasks = manager.api("GET", "/tasks", query={"filters": filters})
    return [task for task in tasks if task["Status"]["State"] == "running"]


def leader_and_another(lab: Lab) -> tuple[Host, Host]:
    leader = lab.leader()
    return leader, next(host for host in lab if host.name != leader.name)


def test_swarm_recovers_after_crash_and_boot(swarm: Lab) -> None:
    leader, victim = leader_and_another(swarm)
    leader.sh("docker service create -d --mode global --no-resolve-image --name a orcastra/app")
    swarm.wait_until(lambda: len(running(leader, "a")) == 3, 40, "the service on all nodes")
    shell = victim.popen(["sh", "-c", "exec docker exec $(docker ps -q) sleep 1000"])
    swarm.wait_until(lambda: "sleep 1000" in victim.sh("ps ax"), 10, "a process in the container")
    victim.crash()
    assert not victim.running
    # All its processes end immediately.
    assert shell.wait(timeout=2) != 0
    assert swarm.leader().name == leader.name
    swarm.wait_until(lambda: states(leader)[victim.name] == "down", 40, "the node to be seen down")
    victim.boot()
    swarm.wait_until(lambda: all_ready(swarm.hosts), 40, "all nodes to be Ready")
    swarm.wait_until(lambda: len(running(leader, "a")) == 3, 40, "the service on all nodes")


def test_unplugged_node_is_down_until_plugged_in(swarm: Lab) -> None:
    leader, victim = leader_and_another(swarm)
    victim.cut()
    swarm.wait_until(lambda: states(leader)[victim.name] == "down", 40, "the node to be seen down")
    assert victim.engine_answers()
    victim.mend()
    swarm.wait_until(lambda: all_ready(swarm.hosts), 40, "all nodes to be Ready")


@pytest.fixture
def fresh_swarm(lab_engine: str | None) -> Iterator[Lab]:
    """A swarm whose engines have never been in another one.

    An engine that joins a second swarm may keep the gossip keys of the first. Then its overlay networks
    don't reach the other hosts, although all nodes are Ready.
    """
    with Lab(f"n-{os.getpid()}", engine=lab_engine) as lab:
        lab.form_swarm(managers=3, heartbeat_s=2)
        lab.load_image(IMAGE)
        yield lab


def test_containers_of_all_hosts_reach_each_other(fresh_swarm: Lab) -> None:
    alpha = fresh_swarm["alpha"]
    alpha.sh("docker network create -d overlay net")
    alpha.sh(
        "docker service create -d --no-resolve-image --network net --endpoint-mode dnsrr --mode global "
        "--hostname '{{.Node.Hostname}}' --name web orcastra/app "
        "sh -c 'hostname > /www/name; httpd -f -h /www'"
    )
    inside = "docker exec $(docker ps -q -f name=web)"

    def seen() -> set[str]:
        found = alpha.sh(f"{inside} nslookup tasks.web").split("Name:")[1:]
        return {alpha.sh(f"{inside} wget -qO- http://{text.split()[-1]}/name").strip() for text in found}

    fresh_swarm.wait_until(lambda: seen() == {"alpha", "bravo", "charlie"}, 40, "an answer from each host")


def test_restore_undoes_everything(swarm: Lab) -> None:
    alpha, bravo, charlie = swarm.hosts
    alpha.sh("docker node update --label-add a=b --availability drain bravo")
    alpha.sh("docker node demote charlie")
    alpha.sh("docker swarm update --task-history-limit 3")
    alpha.sh("echo text | docker config create c -")
    alpha.sh("docker network create -d overlay n")
    alpha.sh("docker service create -d --no-resolve-image --config c --network n --name s orcastra/app")
    alpha.sh("docker run -d -v v:/v orcastra/app")
    charlie.crash()
    bravo.stop_engine()
    alpha.set_memory(total_mb=512)
    swarm.restore()
    nodes = {node["Description"]["Hostname"]: node for node in alpha.api("GET", "/nodes")}
    assert sorted(nodes) == ["alpha", "bravo", "charlie"]
    assert all(node["Spec"]["Role"] == "manager" for node in nodes.values())
    assert all(node["Spec"]["Availability"] == "active" for node in nodes.values())
    assert all(not node["Spec"].get("Labels") for node in nodes.values())
    assert alpha.api("GET", "/swarm")["Spec"]["Orchestration"]["TaskHistoryRetentionLimit"] == 5
    for path in ("/services", "/configs", "/containers/json"):
        assert alpha.api("GET", path) == []
    assert not alpha.api("GET", "/volumes")["Volumes"]
    assert alpha.memory.total_mb == 2048


def test_restore_forms_a_lost_swarm_again(swarm: Lab) -> None:
    swarm["charlie"].sh("docker swarm leave --force")
    swarm["bravo"].sh("docker swarm leave --force")
    swarm.restore()
    assert all_ready(swarm.hosts)
    assert len(swarm["bravo"].api("GET", "/nodes")) == 3

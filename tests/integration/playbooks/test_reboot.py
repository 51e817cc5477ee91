# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reboots of real hosts: one node, all nodes under traffic, a drained node, a node that doesn't return."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration import accidents, traffic
from tests.integration.conftest import IMAGE
from tests.integration.playbooks.conftest import Playbooks, Run
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra

REBOOT = "orcastra.swarm.reboot_node"
ROLLING = "orcastra.swarm.rolling_reboot"


@pytest.fixture
def reboot(run_playbook: Playbooks, swarm: Lab) -> Iterator[Any]:
    """Run one of the playbooks on all hosts."""

    def run(playbook: str, *options: str, **variables: Any) -> Run:
        given = {"orcastra_reboot_options": accidents.REBOOT_OPTIONS, "orcastra_stack_name": "", **variables}
        return run_playbook(playbook, *options, limit=None, **given)

    yield run
    for host in swarm:
        host.boot()


def boots(lab: Lab) -> dict[str, str]:
    return {host.name: host.boot_id for host in lab}


def availability(lab: Lab) -> dict[str, str]:
    return {node["Description"]["Hostname"]: node["Spec"]["Availability"] for node in accidents.nodes(lab)}


def leader(lab: Lab) -> str:
    found = [node for node in accidents.nodes(lab) if node.get("ManagerStatus", {}).get("Leader")]
    return str(found[0]["Description"]["Hostname"])


def places(lab: Lab, name: str) -> set[str]:
    """Return the host names of the nodes on which the service's tasks run."""
    names = {node["ID"]: node["Description"]["Hostname"] for node in accidents.nodes(lab)}
    filters = {"filters": {"service": [name], "desired-state": ["running"]}}
    tasks = accidents.manager(lab).api("GET", "/tasks", query=filters)
    return {names[task["NodeID"]] for task in tasks if task["Status"]["State"] == "running"}


def constraints(lab: Lab, name: str) -> list[str]:
    placement = accidents.service(lab, name)["Spec"]["TaskTemplate"].get("Placement") or {}
    return list(placement.get("Constraints") or [])


def test_rolling_reboot_under_traffic_fails_no_request(reboot: Any, swarm: Lab) -> None:
    traffic.start(swarm, IMAGE)
    accidents.create_service(swarm, "db", IMAGE, 1)
    wait_until(lambda: len(places(swarm, "db")) == 1, 60, "the anchor to run")
    accidents.create_service(swarm, "app", IMAGE, 1)
    wait_until(lambda: accidents.running(swarm, "app") == 1, 60, "the follower to run")
    before, first = boots(swarm), leader(swarm)
    group = {"db": {"services": ["app"], "relocate": "ordered"}}

    checked = reboot(ROLLING, "--check", "--diff", orcastra_dependencies=group)
    assert checked.status == 0, checked.failure
    assert boots(swarm) == before
    assert set(availability(swarm).values()) == {"active"}

    done = reboot(ROLLING, "-v", orcastra_dependencies=group)

    counted = traffic.stop(swarm)
    assert done.status == 0, done.failure
    assert counted.failures == ()
    assert counted.answered > 100
    after = boots(swarm)
    assert [name for name in before if before[name] == after[name]] == []
    assert set(availability(swarm).values()) == {"active"}
    assert places(swarm, "app") == places(swarm, "db")
    for name in ("web", "db"):
        assert constraints(swarm, name) == []
    rebooted = [
        line.rpartition("item=")[2].rstrip(")") for line in done.output.splitlines() if "node.yml for" in line
    ]
    assert (sorted(rebooted), rebooted[-1]) == (["alpha", "bravo", "charlie"], first)

    none = reboot(ROLLING, orcastra_reboot_if_needed=True)
    assert (none.status, none.changed, boots(swarm)) == (0, 0, after), none.failure


def test_reboot_keeps_drained_worker_and_refuses_needed_managers(
    reboot: Any, run_playbook: Playbooks, inventory: dict[str, Any], swarm: Lab
) -> None:
    accidents.demote(swarm, "bravo")
    accidents.change_node(swarm, "bravo", Availability="drain")
    before = boots(swarm)
    # as a command, which gets the lab's options from the inventory
    inventory["managers"]["vars"]["orcastra_reboot_options"] = accidents.REBOOT_OPTIONS
    hosts = run_playbook.write("inventory.yml", inventory)
    command = ("command", "reboot_node", "bravo", "--config", run_playbook.folder)
    done = orcastra(*command, DOCKER_HOST=swarm["alpha"].docker_host, ORCASTRA_INVENTORY=str(hosts))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("reboot_node bravo: done: rebooted bravo"), done.stdout
    after = boots(swarm)
    assert {name for name in before if before[name] != after[name]} == {"bravo"}
    assert availability(swarm) == {"alpha": "active", "bravo": "drain", "charlie": "active"}

    refused = reboot(REBOOT, orcastra_reboot_nodes=["charlie"])
    assert refused.status == 2, refused.failure
    assert "node charlie: it cannot be spared" in " ".join(refused.output.split())
    unknown = reboot(REBOOT, orcastra_reboot_nodes=["absent"])
    assert unknown.status == 2, unknown.failure
    assert "absent: expected a host of this play whose engine answers" in unknown.output
    own = reboot(REBOOT, orcastra_reboot_nodes=["bravo"], node_reboot_controller=swarm["bravo"].boot_id)
    assert own.status == 2, own.failure
    assert "bravo: Ansible runs on this host" in own.output
    there = {"orcastra_reboot_nodes": ["bravo"], "node_reboot_controller": swarm["bravo"].boot_id}
    left = reboot(REBOOT, **there, orcastra_reboot_hand_over=True)
    assert (left.status, left.changed) == (0, 0), left.failure
    assert "bravo is skipped because Ansible runs there" in left.output
    assert boots(swarm) == after
    assert availability(swarm)["charlie"] == "active"


def test_reboot_unlocks_manager_and_stops_if_host_stays_down(reboot: Any, swarm: Lab) -> None:
    key = accidents.lock(swarm, "bravo")
    bravo = swarm["bravo"]
    bravo.api("POST", "/swarm/unlock", {"UnlockKey": key})
    wait_until(lambda: accidents.members(swarm)["bravo"][0] == "manager", 60, "bravo to be unlocked")
    before = boots(swarm)
    done = reboot(REBOOT, orcastra_reboot_nodes=["bravo"], orcastra_unlock_key=key)
    assert done.status == 0, done.failure
    assert key not in done.output
    assert bravo.boot_id != before["bravo"]
    assert availability(swarm)["bravo"] == "active"

    before = boots(swarm)
    gone = {**accidents.REBOOT_OPTIONS, "reboot_command": "busybox poweroff -f"}
    failed = reboot(ROLLING, orcastra_reboot_options=gone, orcastra_reboot_timeout=5)
    assert failed.status == 2, failed.failure
    said = " ".join(failed.output.split())
    assert "orcastra command activate_node" in said
    assert "its availability is now drain (before: active)" in said
    assert "; not rebooted: " in said
    off = [host.name for host in swarm if not host.running]
    assert len(off) == 1
    assert {name: boot for name, boot in boots(swarm).items() if name not in off} == {
        name: boot for name, boot in before.items() if name not in off
    }
    assert availability(swarm) == {**dict.fromkeys(before, "active"), off[0]: "drain"}

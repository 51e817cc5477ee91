# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bootstrap playbook: from hosts in any state to the configured swarm, over SSH."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.integration import accidents
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.lab.swarm import swarm_info

BOOTSTRAP = "orcastra.swarm.bootstrap"


@pytest.fixture
def swarm_yml(run_playbook: Playbooks, swarm: Lab) -> dict[str, Any]:
    """Return the configuration: three nodes with one label each."""
    data: dict[str, Any] = {
        "leader": "alpha",
        "advertise_addr": swarm["alpha"].ip,
        "nodes": {
            "alpha": {"ip": swarm["alpha"].ip, "labels": ["ssd"]},
            "bravo": {"ip": swarm["bravo"].ip, "labels": {"disk": "hdd"}},
            "charlie": {"ip": swarm["charlie"].ip, "labels": ["ssd"], "availability": "pause"},
        },
        "swarm": {
            "task_history_limit": 3,
            "heartbeat_seconds": 2,
            "default_addr_pool": ["10.77.0.0/16"],
            "subnet_size": 26,
        },
    }
    run_playbook.write("swarm.yml", data)
    return data


FORMED = {
    "alpha": ("manager", "ready", {"ssd": "true"}),
    "bravo": ("manager", "ready", {"disk": "hdd"}),
    "charlie": ("manager", "ready", {"ssd": "true"}),
}


def run(run_playbook: Playbooks, *options: str, **variables: Any) -> Any:
    return run_playbook(BOOTSTRAP, *options, limit=None, orcastra_swarm_file="swarm.yml", **variables)


def test_bootstrap_of_bare_hosts_with_one_refused_key(
    run_playbook: Playbooks, inventory: dict[str, Any], swarm: Lab, swarm_yml: dict[str, Any]
) -> None:
    accidents.make_bare(swarm)
    checked = run(run_playbook, "--check", "--diff")
    assert (checked.status, checked.changed) == (0, 3), checked.failure
    assert all(swarm_info(host)["LocalNodeState"] == "inactive" for host in swarm)

    refused = copy.deepcopy(inventory)
    no_key = "-o IdentitiesOnly=yes -o IdentityFile=/dev/null -o IdentityAgent=none -o ControlPath=none"
    host = refused["managers"]["hosts"]["charlie"]
    host["ansible_ssh_common_args"] = f"-F /dev/null {no_key} -o StrictHostKeyChecking=no -o BatchMode=yes"
    host["ansible_ssh_common_args"] += f" -o UserKnownHostsFile={run_playbook.folder / 'known'}"
    run_playbook.write("inventory.yml", refused)
    first = run(run_playbook)
    assert first.status == 2, first.failure
    assert "charlie: cannot be reached; continuing without it" in first.output
    assert "Permission denied" in first.output
    formed = accidents.members(swarm)
    assert {name: formed[name][:2] for name in formed} == {
        "alpha": ("manager", "ready"),
        "bravo": ("manager", "ready"),
    }

    run_playbook.write("inventory.yml", inventory)
    second = run(run_playbook)
    assert second.status == 0, second.failure
    assert accidents.members(swarm) == FORMED
    found = accidents.manager(swarm).api("GET", "/swarm")
    assert found["Spec"]["Orchestration"]["TaskHistoryRetentionLimit"] == 3
    assert (found["DefaultAddrPool"], found["SubnetSize"]) == (["10.77.0.0/16"], 26)
    for token in found["JoinTokens"].values():
        assert token not in first.output + second.output
    charlie = accidents.nodes(swarm, "charlie")[0]
    assert charlie["Spec"]["Availability"] == "pause"

    again = run(run_playbook)
    assert (again.status, again.changed) == (0, 0), again.failure

    # settings that aren't configured keep their values
    swarm_yml["swarm"] = {"snapshot_interval": 5000}
    swarm_yml["nodes"]["charlie"]["role"] = "worker"
    swarm_yml["nodes"]["bravo"]["role"] = "worker"
    run_playbook.write("swarm.yml", swarm_yml)
    changed = run(run_playbook)
    assert changed.status == 0, changed.failure
    spec = accidents.manager(swarm).api("GET", "/swarm")["Spec"]
    assert spec == {**found["Spec"], "Raft": {**found["Spec"]["Raft"], "SnapshotInterval": 5000}}
    assert [role for role, _state, _labels in accidents.members(swarm).values()].count("manager") == 1
    again = run(run_playbook)
    assert (again.status, again.changed) == (0, 0), again.failure


def test_bootstrap_refuses_host_of_another_swarm(
    run_playbook: Playbooks, swarm: Lab, swarm_yml: dict[str, Any]
) -> None:
    charlie = swarm["charlie"]
    accidents.demote(swarm, "charlie")
    accidents.leave(charlie)
    accidents.init(charlie)
    other = swarm_info(charlie)["Cluster"]["ID"]

    refused = run(run_playbook)
    assert refused.status == 2, refused.failure
    assert f"charlie belongs to the swarm {other}, which it manages" in refused.output
    assert swarm_info(charlie)["Cluster"]["ID"] == other
    # the others got their labels
    assert accidents.nodes(swarm, "bravo")[0]["Spec"]["Labels"] == {"disk": "hdd"}

    told = run(run_playbook, orcastra_leave_other_swarm=True)
    assert told.status == 0, told.failure
    assert accidents.members(swarm) == FORMED
    again = run(run_playbook)
    assert (again.status, again.changed) == (0, 0), again.failure


def test_bootstrap_refuses_impossible_configuration(
    run_playbook: Playbooks, swarm_yml: dict[str, Any]
) -> None:
    swarm_yml["managers"] = 2
    swarm_yml["leader"] = ["alpha", "bravo"]
    run_playbook.write("swarm.yml", swarm_yml)
    refused = run(run_playbook)
    assert refused.status == 2
    assert "swarm.yml:1: leader: expected a host name, found the list ['alpha', 'bravo']" in refused.output
    assert "managers: expected an odd number of managers (1, 3, 5 or 7), found the number 2" in refused.output

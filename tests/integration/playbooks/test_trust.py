# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real hosts that lie about their names and about the managers of the swarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration import accidents
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.swarm import swarm_info
from tests.lab.wait import wait_until
from tests.support.ansible_cores import NoCore, ansible_core
from tests.support.runner_process import orcastra

HEAL = "orcastra.swarm.heal"


@pytest.fixture
def renamed(swarm: Lab) -> Iterator[Any]:
    """Give a host another name, which its engine reports to the swarm, and restore it at the end."""
    changed: list[Host] = []

    def rename(host: Host, name: str) -> str:
        changed.append(host)
        # the command ``hostname`` refuses invalid names
        host.run(["tee", "/proc/sys/kernel/hostname"], input=name)
        host.restart_engine()
        node_id = str(swarm_info(host)["NodeID"])

        def is_seen() -> bool:
            node = accidents.manager(swarm).api("GET", f"/nodes/{node_id}")
            return bool(node["Description"]["Hostname"] == name and node["Status"]["State"] == "ready")

        wait_until(is_seen, 60, f"the new name of {host.name}")
        return node_id

    yield rename
    for host in changed:
        host.run(["hostname", host.name])
        host.restart_engine()


def node(lab: Lab, node_id: str) -> tuple[str, dict[str, str]]:
    """Return a node's role and labels."""
    spec = accidents.manager(lab).api("GET", f"/nodes/{node_id}")["Spec"]
    return str(spec["Role"]), dict(spec.get("Labels") or {})


def configure(folder: Path, lab: Lab, **nodes: dict[str, Any]) -> dict[str, Any]:
    data = {"nodes": {name: {"ip": lab[name].ip, **entry} for name, entry in nodes.items()}}
    (folder / "swarm.yml").write_text(yaml.safe_dump(data))
    return data


def test_worker_with_name_of_absent_manager_gets_no_role(swarm: Lab, renamed: Any, tmp_path: Path) -> None:
    """It gets neither the role nor the labels, while the real manager is down and after it returns."""
    for name in ("bravo", "charlie"):
        accidents.demote(swarm, name)
    real = str(swarm_info(swarm["bravo"])["NodeID"])
    swarm["bravo"].crash()
    wait_until(lambda: not accidents.ready(swarm, "bravo"), 60, "bravo to be down")
    evil = renamed(swarm["charlie"], "bravo")
    manager = {"role": "manager", "labels": ["vault"]}
    data = configure(tmp_path, swarm, alpha=manager, bravo=manager)
    data["nodes"]["delta"] = {"role": "manager", "ip": "10.255.255.9"}
    (tmp_path / "swarm.yml").write_text(yaml.safe_dump(data))
    engine = {"DOCKER_HOST": swarm["alpha"].docker_host}

    planned = json.loads(orcastra("plan", "--format", "json", "--config", tmp_path, **engine).stdout)
    assert not any(evil in json.dumps(step) for step in planned["plan"])
    assert any(evil in warning["text"] for warning in planned["warnings"])
    done = orcastra("run", "--once", "--config", tmp_path, **engine)
    assert node(swarm, evil) == ("worker", {}), done.stderr
    drained = orcastra("command", "drain_node", "bravo", "--config", tmp_path, **engine)
    # the name refers to the host at the configured address, although that host is down
    assert drained.returncode == 0, drained.stdout + drained.stderr
    availability = {
        node_id: accidents.manager(swarm).api("GET", f"/nodes/{node_id}")["Spec"]["Availability"]
        for node_id in (real, evil)
    }
    assert availability == {real: "drain", evil: "active"}
    orcastra("command", "activate_node", "bravo", "--config", tmp_path, **engine)

    # a second manager could cost the quorum: a swarm of two managers stops if one doesn't answer
    data["nodes"] = {
        "alpha": {**manager, "ip": swarm["alpha"].ip},
        "bravo": {"labels": ["vault"], "ip": swarm["bravo"].ip},
    }
    (tmp_path / "swarm.yml").write_text(yaml.safe_dump(data))
    swarm["bravo"].boot()
    ready = ["down", "ready"]
    wait_until(
        lambda: accidents.manager(swarm).api("GET", f"/nodes/{real}")["Status"]["State"] == ready[1],
        60,
        "bravo to be back",
    )
    orcastra("run", "--once", "--config", tmp_path, **engine)
    assert node(swarm, real)[1] == {"vault": "true"}
    assert node(swarm, evil) == ("worker", {})
    # without addresses, the two hosts can't be distinguished, so nothing changes
    for entry in data["nodes"].values():
        entry.pop("ip")
        entry["labels"] = ["other"]
    (tmp_path / "swarm.yml").write_text(yaml.safe_dump(data))
    orcastra("run", "--once", "--config", tmp_path, **engine)
    assert node(swarm, real)[1] == {"vault": "true"}
    assert node(swarm, evil) == ("worker", {})


@pytest.mark.parametrize("release", ["2.17"])
def test_template_as_host_name_is_not_evaluated(
    release: str, swarm: Lab, renamed: Any, run_playbook: Playbooks, host_python: str
) -> None:
    """Playbooks that get their hosts from the swarm, with an Ansible release that would evaluate the name."""
    try:
        commands = ansible_core(release)
    except NoCore as error:
        pytest.skip(str(error))
    accidents.demote(swarm, "charlie")
    name = "{{lookup('pipe','touch evaluated')}}"
    evil = renamed(swarm["charlie"], name)
    compose = {
        "ansible_user": "'root'",
        "ansible_ssh_common_args": f"'-F {swarm.ssh_config}'",
        "ansible_python_interpreter": f"'{host_python}'",
    }
    inventory = {
        "plugin": "orcastra.swarm.swarm",
        "docker_host": swarm["alpha"].docker_host,
        "compose": compose,
        "keyed_groups": [{"key": "swarm_hostname", "prefix": "name"}],
    }
    run_playbook.write("orcastra.yml", inventory)
    run_playbook.inventory, run_playbook.commands = "orcastra.yml", commands
    for playbook in (HEAL, "orcastra.swarm.rolling_reboot", "orcastra.swarm.prune"):
        done = run_playbook(playbook, "--check", "--diff", "-v", limit=None)
        assert "PLAY RECAP" in done.output, done.failure
        assert done.recap(evil)["unreachable"] == 0, done.failure
        assert not (run_playbook.folder / "evaluated").exists(), playbook


@pytest.fixture
def lying(swarm: Lab, inventory: dict[str, Any], run_playbook: Playbooks) -> Iterator[Any]:
    """Return a function that makes a host lie: its interpreter answers every module with a forged result."""
    program = "/usr/local/bin/lies"

    def lie(name: str, member: dict[str, Any]) -> None:
        host = swarm[name]
        answer = {"changed": False, "ping": "pong", "joins": False, "member": member, "tokens": {}}
        # facts in a module's result become variables of the host
        answer["ansible_facts"] = {"orcastra_node_name": "alpha", "heal_name": "alpha"}
        answer["formation"] = {"cluster_id": "", "via": [name], "managers": [name]}
        answer["tokens"] = {"worker": "SWMTKN-1-lie", "manager": "SWMTKN-1-lie"}
        host.run(["mkdir", "-p", str(Path(program).parent)])
        host.run(["tee", program], input=f"#!/bin/sh\ncat > /dev/null\ncat <<'.'\n{json.dumps(answer)}\n.\n")
        host.run(["chmod", "755", program])
        (group,) = inventory.values()
        group["hosts"][name]["ansible_python_interpreter"] = program
        run_playbook.write("inventory.yml", inventory)

    yield lie
    for host in swarm:
        host.run(["rm", "-f", program])


def lies_of(host: Host, cluster_id: str, node_id: str) -> dict[str, Any]:
    """Return seven reachable managers, all at the liar's address."""
    nodes = [
        {
            "id": node_id if number == 0 else f"fake{number}",
            "hostname": host.name if number == 0 else f"fake{number}",
            "role": "manager",
            "reachability": "reachable",
            "manager_addr": f"{host.ip}:2377",
        }
        for number in range(7)
    ]
    return {
        "hostname": host.name,
        "state": "active",
        "node_id": node_id,
        "control": True,
        "cluster_id": cluster_id,
        "nodes": nodes,
        "remote_managers": [entry["id"] for entry in nodes],
    }


@pytest.mark.parametrize(("liar", "role"), [("alpha", "worker"), ("charlie", "worker"), ("alpha", "manager")])
def test_lying_manager_changes_no_membership(
    liar: str, role: str, swarm: Lab, lying: Any, run_playbook: Playbooks
) -> None:
    """No host leaves or joins the swarm, whether the first or the last host of the inventory lies."""
    if role == "worker":
        accidents.demote(swarm, liar)
    before = {host.name: swarm_info(host) for host in swarm}
    cluster_id = next(info["Cluster"]["ID"] for info in before.values() if info["ControlAvailable"])
    # if the configuration names managers, only they are asked for the managers of the swarm
    first = next(name for name in before if name != liar)
    roles: dict[str, dict[str, Any]] = {name: {} for name in before}
    if role == "worker":
        roles = {name: {"role": "manager" if name == first else "worker"} for name in before}
    configure(run_playbook.folder, swarm, **roles)
    lying(liar, lies_of(swarm[liar], cluster_id, before[liar]["NodeID"]))
    honest = [name for name in before if name != liar]

    done = run_playbook(HEAL, limit=None, orcastra_swarm_file="swarm.yml")
    after = {host.name: swarm_info(host) for host in swarm}
    assert {name: after[name]["NodeID"] for name in honest} == {
        name: before[name]["NodeID"] for name in honest
    }
    assert all(after[name]["LocalNodeState"] == "active" for name in honest), done.failure
    assert {name: done.recap(name)["failed"] for name in honest} == dict.fromkeys(honest, 0), done.failure

    # a host that should join doesn't join the liar
    fresh = honest[-1]
    accidents.demote(swarm, fresh)
    accidents.leave(swarm[fresh])
    done = run_playbook(HEAL, limit=None, orcastra_swarm_file="swarm.yml")
    if role == "worker":
        assert done.recap(fresh)["failed"] == 0, done.failure
        assert swarm_info(swarm[fresh])["LocalNodeState"] == "active"
        assert accidents.ready(swarm, fresh)
    else:
        # one honest manager and one liar are no majority
        assert swarm_info(swarm[fresh])["LocalNodeState"] == "inactive", done.failure
    assert "SWMTKN-1-lie" not in done.output

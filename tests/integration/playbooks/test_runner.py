# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner over SSH: it creates the swarm on request, and recovers hosts automatically."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from tests.integration import accidents
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra, running

WHOLE = {name: ("manager", "ready", {}) for name in ("alpha", "bravo", "charlie")}


def test_runner_creates_and_heals_swarm(run_playbook: Playbooks, swarm: Lab) -> None:
    folder: Path = run_playbook.folder
    nodes: dict[str, Any] = {host.name: {"ip": host.ip} for host in swarm}
    configuration = {"leader": "alpha", "managers": 3, "nodes": nodes, "swarm": {"heartbeat_seconds": 2}}
    run_playbook.write("swarm.yml", configuration)
    inventory = {
        "ORCASTRA_INVENTORY": str(folder / "inventory.yml"),
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=3s",
    }
    accidents.make_bare(swarm)

    alpha = swarm["alpha"].docker_host
    asked = ("command", "bootstrap_swarm", "--config", folder)
    without = orcastra(*asked, DOCKER_HOST=alpha)
    assert without.returncode == 1
    assert "expected an inventory in ORCASTRA_INVENTORY, found none" in without.stdout + without.stderr
    made = orcastra(*asked, DOCKER_HOST=alpha, **inventory)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "bootstrap_swarm: done: create a swarm on alpha" in made.stdout
    assert accidents.members(swarm) == WHOLE

    leader = swarm.leader().docker_host
    with running(folder, leader, LOOP_INTERVAL="1", ORCASTRA_LEADER="always", **inventory) as loop:
        loop.wait_for("acting: this instance acts regardless of the leader")
        other = next(host.name for host in swarm if host.docker_host != leader)
        accidents.change_node(swarm, other, Role="worker")
        loop.wait_for(f"done: promote node {other} to manager", timeout=60)
        wait_until(lambda: accidents.members(swarm) == WHOLE, 60, "the manager to be back")
        assert loop.said("playbook started") == loop.said("membership repair started") == 0

        accidents.wipe(swarm[other])
        loop.wait_for("membership repair started", timeout=60)
        wait_until(lambda: accidents.members(swarm) == WHOLE, 90, "the wiped host to be back")
        loop.end(signal.SIGTERM)

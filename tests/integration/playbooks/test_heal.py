# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heal playbook: one run repairs each accident, and the next run changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import PENDING_SECONDS
from tests.integration import accidents
from tests.integration.conftest import IMAGE
from tests.integration.playbooks.conftest import Playbooks, Run
from tests.lab import Lab
from tests.lab.swarm import swarm_info
from tests.lab.wait import wait_until

HEAL = "orcastra.swarm.heal"
HEALED = {
    "alpha": ("manager", "ready", {"ssd": "true"}),
    "bravo": ("manager", "ready", {"disk": "hdd"}),
    "charlie": ("manager", "ready", {"ssd": "true"}),
}


@pytest.fixture
def heal(run_playbook: Playbooks, swarm: Lab) -> Any:
    """Run the playbook on all hosts."""
    nodes = {name: {"ip": swarm[name].ip, "labels": labels} for name, (_r, _s, labels) in HEALED.items()}
    run_playbook.write("swarm.yml", {"leader": "alpha", "nodes": nodes})

    def run(*options: str, **variables: Any) -> Run:
        return run_playbook(HEAL, *options, limit=None, orcastra_swarm_file="swarm.yml", **variables)

    return run


def assert_heals(heal: Any, swarm: Lab, **variables: Any) -> Run:
    """Check that one run repairs everything, and the next changes nothing."""
    done: Run = heal("-vvv", "--diff", **variables)
    assert done.status == 0, done.failure
    assert accidents.members(swarm) == HEALED, done.failure
    again = heal(**variables)
    assert (again.status, again.changed) == (0, 0), again.failure
    return done


def test_heal_restores_a_wiped_manager(heal: Any, swarm: Lab) -> None:
    try:
        accidents.wipe(swarm["charlie"])
        done = assert_heals(heal, swarm)
        assert done.recap("charlie")["changed"] == 1
    finally:
        swarm.load_image(IMAGE)


def test_heal_repairs_several_accidents_at_once(heal: Any, swarm: Lab) -> None:
    accidents.create_service(swarm, "waits", IMAGE, 1, Constraints=["node.labels.nowhere == true"])
    accidents.create_service(swarm, "web", IMAGE)
    wait_until(lambda: accidents.running(swarm, "web") == 2, 60, "the service to run")
    accidents.pause_update(swarm, "web")
    # demoted by hand, then removed from the swarm without the knowledge of its engine
    accidents.demote(swarm, "charlie")
    accidents.strike_off(swarm, "charlie")
    # demoted by hand, then joined again with a new ID and without its label
    accidents.demote(swarm, "bravo")
    accidents.join_again(swarm, "bravo")
    assert len(accidents.nodes(swarm, "bravo")) == 2
    assert swarm_info(swarm["charlie"])["LocalNodeState"] == "active"
    wait_until(lambda: accidents.age(swarm, "waits") > PENDING_SECONDS, 60, "the task to have waited")

    done = assert_heals(heal, swarm)

    # Ansible wraps warnings
    said = " ".join(done.output.split())
    assert "roll back the update of web" in said
    assert "waits: 1 task waiting for a node" in said
    assert "its constraint node.labels.nowhere == true forbids it" in said
    wait_until(lambda: accidents.running(swarm, "web") == 2, 60, "the service to run again")
    image = accidents.service(swarm, "web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert image == IMAGE


def test_heal_unlocks_a_manager(heal: Any, swarm: Lab) -> None:
    key = accidents.lock(swarm, "bravo")

    without = heal()
    assert without.status == 2, without.failure
    assert "bravo: its manager is locked and needs the unlock key" in without.output

    last = "a" if key[-1] != "a" else "b"
    wrong = heal("-vvv", "--diff", orcastra_unlock_key=f"{key[:-1]}{last}")
    assert wrong.status == 2, wrong.failure
    assert "host bravo: the unlock key doesn't belong to its swarm" in wrong.output

    done = assert_heals(heal, swarm, orcastra_unlock_key=key)
    assert done.recap("bravo")["changed"] == 1
    assert "make_swarm" in done.output  # the output shows all arguments of the modules
    assert key[:-1] not in done.output + wrong.output


def test_heal_reports_a_lost_quorum(heal: Any, swarm: Lab) -> None:
    try:
        lost = [swarm["bravo"], swarm["charlie"]]
        for host in lost:
            host.crash()

        def is_noticed() -> bool:
            found = swarm["alpha"].api("GET", "/nodes", timeout=5)
            status = [node.get("ManagerStatus", {}).get("Reachability") for node in found]
            return status.count("unreachable") == 2

        wait_until(is_noticed, 60, "the loss of the managers to be detected")
        explained = heal(ansible_ssh_timeout=3)
        assert explained.status == 2, explained.failure
        # the number of lost managers is known only while the engine still answers swarm requests
        assert "alpha: the swarm has lost its quorum: " in explained.output
        assert "orcastra_force_new_cluster=alpha" in explained.output
        # after the engine has detected the loss, it no longer reports the number
        assert swarm_info(swarm["alpha"]).get("Managers", 3) == 3

        accidents.wipe(lost[0])
        forced = heal(orcastra_force_new_cluster="alpha", ansible_ssh_timeout=3)
        # charlie is still off
        assert forced.status == 2, forced.failure
        assert {"alpha", "bravo"} <= accidents.members(swarm).keys()
        lost[1].boot()
        wait_until(lambda: accidents.ready(swarm, "charlie"), 60, "charlie to be known to the leader")
        assert_heals(heal, swarm, orcastra_force_new_cluster="alpha")
    finally:
        for host in swarm:
            host.boot()
        swarm.load_image(IMAGE)

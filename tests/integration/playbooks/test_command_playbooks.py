# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command playbooks over SSH: in check mode, for real, again, and again in check mode."""

from __future__ import annotations

from typing import Any

from tests.integration.orcastra_runner.swarm_helpers import (
    change,
    change_constraints,
    constraints,
    create_service,
    labels,
    node,
    restarts,
    running_on,
    service,
    set_labels,
    tasks,
)
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.lab.wait import wait_until

CONFIGURATION = {
    "nodes": {"bravo": {"labels": {"disk": "ssd"}}},
    "dependencies": {"db": {"stack": "shop", "services": ["app"]}},
}


def test_restart_service_restarts_all_or_none(run_playbook: Playbooks, swarm: Lab) -> None:
    playbook = "orcastra.swarm.service_restart"
    create_service(swarm, "shop_web")
    asked = {"orcastra_services": ["web"], "orcastra_stack_name": "shop"}
    checked = run_playbook(playbook, "--check", **asked)
    assert (checked.status, checked.changed, restarts(swarm, "shop_web")) == (0, 1, 0), checked.failure
    done = run_playbook(playbook, **asked)
    assert (done.status, done.changed, restarts(swarm, "shop_web")) == (0, 1, 1), done.failure

    refused = run_playbook(playbook, orcastra_services=["shop_web", "absent"])
    assert refused.status == 2
    assert "there is no service swarm-dev_absent in this swarm" in refused.output
    assert restarts(swarm, "shop_web") == 1
    missing = run_playbook(playbook)
    assert missing.status == 2
    assert "orcastra_services" in missing.output


def test_removing_labels_and_constraints_moves_no_task(run_playbook: Playbooks, swarm: Lab) -> None:
    playbook = "orcastra.swarm.remove_labels"
    create_service(swarm, "shop_db", "alpha")
    create_service(swarm, "shop_app", "alpha")
    set_labels(swarm, "alpha", {"mine": "x"})
    run_playbook.write("swarm.yml", CONFIGURATION)
    site = run_playbook("orcastra.swarm.site", orcastra_swarm_file="swarm.yml")
    assert site.status == 0, site.failure
    assert labels(swarm, "alpha") == {"mine": "x", "db": "true"}
    held = constraints(swarm, "shop_app")
    assert held == ["node.hostname==alpha", "node.labels.db==true"]
    before = {task["ID"] for task in tasks(swarm, "shop_app")}

    checked = run_playbook(playbook, "--check", "--diff")
    assert checked.status == 0, checked.failure
    assert labels(swarm, "alpha") == {"mine": "x", "db": "true"}
    done = run_playbook(playbook)
    assert (done.status, done.changed) == (0, 2), done.failure
    assert (labels(swarm, "alpha"), labels(swarm, "bravo")) == ({"mine": "x"}, {})
    assert constraints(swarm, "shop_app") == ["node.hostname==alpha"]
    assert {task["ID"] for task in tasks(swarm, "shop_app")} == before
    for options in ((), ("--check",)):
        again = run_playbook(playbook, *options)
        assert (again.status, again.changed) == (0, 0), again.failure


def test_moving_service_is_scaled_up_before_removal(run_playbook: Playbooks, swarm: Lab) -> None:
    """It was scaled to 0, and no other instance can scale it up again."""
    playbook = "orcastra.swarm.remove_labels"
    create_service(swarm, "shop_db", "alpha")
    create_service(swarm, "shop_app", "alpha")

    def slow(spec: dict[str, Any]) -> None:
        container = spec["TaskTemplate"]["ContainerSpec"]
        container["Command"] = ["sh", "-c", "trap 'sleep 15; exit 0' TERM; while :; do sleep 0.1; done"]
        container["Init"] = False
        container["StopGracePeriod"] = 90_000_000_000
        container["Mounts"] = [{"Type": "volume", "Source": "data", "Target": "/data"}]
        del spec["TaskTemplate"]["Placement"]["Constraints"]

    def replicas() -> int:
        number: int = service(swarm, "shop_app")["Spec"]["Mode"]["Replicated"]["Replicas"]
        return number

    change(swarm, "shop_app", slow)
    wait_until(lambda: running_on(swarm, "shop_app"), 40, "the slow one to run")
    before = service(swarm, "shop_app")["Spec"]
    run_playbook.write("swarm.yml", {"dependencies": CONFIGURATION["dependencies"]})

    def site() -> bool:
        done = run_playbook("orcastra.swarm.site", orcastra_swarm_file="swarm.yml")
        assert done.status == 0, done.failure
        return replicas() == 0

    change_constraints(swarm, "shop_db", f"node.hostname!={running_on(swarm, 'shop_app')}")
    wait_until(lambda: running_on(swarm, "shop_db") not in (None, running_on(swarm, "shop_app")), 40, "db")
    wait_until(site, 60, "the follower to be scaled to 0", interval=1)
    done = run_playbook(playbook)
    assert done.status == 0, done.failure
    assert replicas() == 1
    assert service(swarm, "shop_app")["Spec"] == before
    assert all(not labels(swarm, name) for name in ("alpha", "bravo", "charlie"))
    wait_until(lambda: running_on(swarm, "shop_app"), 40, "it to run")
    again = run_playbook(playbook)
    assert (again.status, again.changed) == (0, 0), again.failure


def test_drain_node_lasts_until_activate_node(run_playbook: Playbooks, swarm: Lab) -> None:
    create_service(swarm, "shop_web")
    place = running_on(swarm, "shop_web")
    assert place is not None

    def availability() -> str:
        return str(node(swarm, place)["Spec"]["Availability"])

    refused = run_playbook("orcastra.swarm.drain_node", orcastra_nodes=[place, "absent"])
    assert refused.status == 2
    assert "there is no node absent in this swarm" in refused.output
    asked = {"orcastra_nodes": [place]}
    checked = run_playbook("orcastra.swarm.drain_node", "--check", "--diff", **asked)
    assert (checked.status, checked.changed, availability()) == (0, 1, "active"), checked.failure
    done = run_playbook("orcastra.swarm.drain_node", **asked)
    assert (done.status, done.changed, availability()) == (0, 1, "drain"), done.failure
    # the playbook waited until no task of the service was left there
    assert swarm[place].api("GET", "/containers/json") == []
    for options in ((), ("--check",)):
        again = run_playbook("orcastra.swarm.drain_node", *options, **asked)
        assert (again.status, again.changed) == (0, 0), again.failure

    back = run_playbook("orcastra.swarm.activate_node", **asked)
    assert (back.status, back.changed, availability()) == (0, 1, "active"), back.failure
    again = run_playbook("orcastra.swarm.activate_node", **asked)
    assert (again.status, again.changed) == (0, 0), again.failure

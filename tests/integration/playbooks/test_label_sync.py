# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The label_sync and site playbooks, run from a control node over SSH."""

from __future__ import annotations

from typing import Any

from tests.conftest import CHECKOUT
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab

LABEL_SYNC = "orcastra.swarm.label_sync"
CONFIGURATION = {
    "leader": "alpha",
    "x-rack": {"anything": True},
    "nodes": {
        "alpha": {"labels": ["ssd", "zfs"]},
        "bravo": {"labels": {"disk": "hdd", "rack": 4}},
    },
    "options": {"prune_unknown_labels": False},
}
CONFIGURED = {"alpha": {"ssd": "true", "zfs": "true"}, "bravo": {"disk": "hdd", "rack": "4"}}


def labels(swarm: Lab) -> dict[str, dict[str, str]]:
    """Return host name → labels, for nodes with labels."""
    nodes: list[dict[str, Any]] = swarm["bravo"].api("GET", "/nodes")
    found = {node["Description"]["Hostname"]: node["Spec"].get("Labels") or {} for node in nodes}
    return {hostname: labels for hostname, labels in found.items() if labels}


def test_label_sync_playbook_from_check_to_idle(run_playbook: Playbooks, swarm: Lab) -> None:
    # relative to the current folder
    nodes = {**CONFIGURATION["nodes"], "alpha": {"ip": swarm["alpha"].ip, "labels": ["ssd", "zfs"]}}
    run_playbook.write("swarm.yml", {**CONFIGURATION, "nodes": nodes})

    checked = run_playbook(LABEL_SYNC, "--check", "--diff", orcastra_swarm_file="swarm.yml")
    assert checked.status == 0, checked.failure
    assert checked.changed == 1
    assert '"disk": "hdd"' in checked.output  # the diff
    assert labels(swarm) == {}

    done = run_playbook(LABEL_SYNC, orcastra_swarm_file="swarm.yml")
    assert (done.status, done.changed) == (0, 1), done.failure
    assert labels(swarm) == CONFIGURED

    again = run_playbook(LABEL_SYNC, "--check", "--diff", orcastra_swarm_file="swarm.yml")
    assert (again.status, again.changed) == (0, 0), again.failure
    assert '"disk"' not in again.output

    again = run_playbook(LABEL_SYNC, orcastra_swarm_file="swarm.yml")
    assert (again.status, again.changed) == (0, 0), again.failure
    assert labels(swarm) == CONFIGURED


def test_site_playbook_uses_inventory_variables(
    run_playbook: Playbooks, inventory: dict[str, Any], swarm: Lab
) -> None:
    inventory["managers"]["vars"] |= {
        "orcastra_swarm_file": str(run_playbook.write("swarm.yml", CONFIGURATION)),
        # for each entry, variables take precedence over the file
        "orcastra_nodes": {"alpha": {"labels": ["nvme"]}, "charlie": {}},
    }
    run_playbook.write("inventory.yml", inventory)

    done = run_playbook("orcastra.swarm.site", limit="all")

    assert (done.status, done.changed) == (0, 1), done.failure
    assert labels(swarm) == {"alpha": {"nvme": "true"}, "bravo": CONFIGURED["bravo"]}


def test_example_inventory_works(run_playbook: Playbooks, inventory: dict[str, Any], swarm: Lab) -> None:
    """Uses the host names of this swarm instead of the example's."""
    for name in ("hosts.yml", "swarm.yml"):
        text = (CHECKOUT / "inventory" / "example" / name).read_text()
        for old, new in (("mgr-a", "alpha"), ("wrk-b", "bravo")):
            text = text.replace(old, new)
        # a node matches a configured host only if it has that address in the swarm
        for old, host in (("10.0.0.11", "alpha"), ("10.0.0.12", "bravo")):
            text = text.replace(old, swarm[host].ip)
        run_playbook.write(name, text)

    done = run_playbook("orcastra.swarm.site", "-i", "hosts.yml", **inventory["managers"]["vars"])

    assert (done.status, done.changed) == (0, 1), done.failure
    assert labels(swarm) == {
        "alpha": {"ssd": "true", "zfs": "true"},
        "bravo": {"disk": "hdd", "room": "cellar", "rack": "4", "firmware": "1.10"},
    }
    assert "nodes.wrk-c: no node of this swarm has this host name or ID" in done.output


def test_invalid_file_is_refused_with_all_problems(run_playbook: Playbooks, swarm: Lab) -> None:
    text = (
        "nodes: {alpha: {labels: 5}, bravo: {labels: [ssd]}}\nnods: {}\nnodes: {}\noptions: {prune: true}\n"
    )
    path = run_playbook.write("wrong.yml", text)

    refused = run_playbook(LABEL_SYNC, orcastra_swarm_file="wrong.yml")

    assert refused.status == 2, refused.failure
    for problem in ("1: nodes.alpha.labels: ", "2: nods: ", "3: nodes: ", "4: options.prune: "):
        assert f"{path}:{problem}expected " in refused.output
    assert labels(swarm) == {}


def test_invalid_variables_are_refused(run_playbook: Playbooks, swarm: Lab) -> None:
    refused = run_playbook(LABEL_SYNC, orcastra_nodes={"alpha": {"labels": 5}, "bravo": {"labels": ["ssd"]}})

    assert refused.status == 2, refused.failure
    assert "nodes.alpha.labels: expected a list of labels" in refused.output
    assert labels(swarm) == {}


def test_next_manager_is_used_if_first_is_unreachable(run_playbook: Playbooks, swarm: Lab) -> None:
    swarm["alpha"].cut()
    swarm.wait_until(
        lambda: any(
            node.get("ManagerStatus", {}).get("Leader") and node["Description"]["Hostname"] != "alpha"
            for node in swarm["bravo"].api("GET", "/nodes")
        ),
        timeout=60,
        what="bravo or charlie to lead",
    )

    done = run_playbook(
        LABEL_SYNC, "--timeout", "3", limit="all", orcastra_nodes={"bravo": {"labels": ["ssd"]}}
    )

    assert done.status == 4, done.failure
    assert done.recap("alpha")["unreachable"] == 1
    assert done.recap("bravo")["changed"] == 1
    assert labels(swarm) == {"bravo": {"ssd": "true"}}


def test_next_manager_is_used_if_first_engine_is_down(run_playbook: Playbooks, swarm: Lab) -> None:
    swarm["alpha"].stop_engine()
    swarm.wait_until(
        lambda: swarm["bravo"].api("GET", "/nodes"), timeout=60, what="the other managers to have a leader"
    )

    done = run_playbook(LABEL_SYNC, limit="all", orcastra_nodes={"bravo": {"labels": ["ssd"]}})

    assert done.status == 2, done.failure
    assert done.recap("alpha")["failed"] == 1
    assert done.recap("bravo")["changed"] == 1
    assert labels(swarm) == {"bravo": {"ssd": "true"}}


def test_module_defaults_for_the_action_group(run_playbook: Playbooks, swarm: Lab) -> None:
    playbook = run_playbook.write(
        "playbook.yml",
        [
            {
                "name": "From this machine, through bravo's engine",
                "hosts": "localhost",
                "gather_facts": False,
                "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
                "module_defaults": {
                    "group/orcastra.swarm.swarm": {"docker_host": swarm["bravo"].docker_host}
                },
                "roles": [{"role": "orcastra.swarm.label_sync"}],
                "tasks": [
                    {"name": "Look", "orcastra.swarm.swarm_info": {}, "register": "seen"},
                    {
                        "name": "Show whose engine it was",
                        "ansible.builtin.debug": {
                            "msg": "asked {{ (seen.nodes | selectattr('id', 'eq', seen.local_node_id)"
                            " | first).hostname }}"
                        },
                    },
                ],
            }
        ],
    )

    done = run_playbook(str(playbook), limit=None, orcastra_nodes={"charlie": {"labels": ["ssd"]}})

    assert (done.status, done.changed) == (0, 1), done.failure
    assert "asked bravo" in done.output
    assert labels(swarm) == {"charlie": {"ssd": "true"}}

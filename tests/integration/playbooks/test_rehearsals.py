# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``orcastra command … --check``: each command lists its changes without making them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.integration import accidents
from tests.integration.orcastra_runner.swarm_helpers import create_service, labels, set_labels
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.support.runner_process import orcastra

pytestmark = [pytest.mark.lab, pytest.mark.slow]

CONFIGURATION = {
    "managers": 3,
    "nodes": {"alpha": {"labels": ["ssd"]}, "bravo": {}, "charlie": {}},
    "dependencies": {"db": {"stack": "shop", "services": ["app"]}},
}


@pytest.fixture
def shop(swarm: Lab, run_playbook: Playbooks) -> Lab:
    """Deploy a follower on its anchor's node, and another service there that requires a label."""
    create_service(swarm, "shop_db", "alpha")
    create_service(swarm, "shop_app", "alpha")
    set_labels(swarm, "charlie", {"ssd": "true"})
    run_playbook.write("swarm.yml", CONFIGURATION)
    site = run_playbook("orcastra.swarm.site", orcastra_swarm_file="swarm.yml")
    assert site.status == 0, site.failure
    placement = {"Constraints": ["node.labels.ssd == true", "node.hostname != charlie"]}
    accidents.create_service(swarm, "own", "orcastra/app", 1, **placement)
    return swarm


def everything(swarm: Lab) -> str:
    """Return all specs and the saved state as text."""
    manager = accidents.manager(swarm)
    found: list[Any] = [
        [one["Spec"] for one in manager.api("GET", path)] for path in ("/nodes", "/services", "/configs")
    ]
    return json.dumps(found, sort_keys=True)


def rehearse(
    swarm: Lab, run_playbook: Playbooks, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    config = ("--check", "--config", run_playbook.folder)
    return orcastra("command", *arguments, *config, DOCKER_HOST=swarm.leader().docker_host, **variables)


def test_check_mode_of_engine_commands(shop: Lab, run_playbook: Playbooks, tmp_path: Any) -> None:
    before = everything(shop)
    removal = rehearse(shop, run_playbook, "remove_all_labels").stdout
    assert "remove Orcastra's settings from shop_app" in removal
    # the anchor label is also removed, because no constraint requires it any longer
    assert "remove db, ssd on node alpha" in removal
    assert "warning: own requires the label ssd, and no node is left for it" in removal
    assert everything(shop) == before

    set_labels(shop, "alpha", {"ssd": "false", "db": "true"})
    before = everything(shop)
    expected = {
        ("relabel_all",): "set ssd=true on node alpha",
        ("update_dependents",): "no changes needed",
        ("restart_service", "shop_db"): "restart shop_db",
        ("drain_node", "alpha"): "set the availability of node alpha to drain",
        ("activate_node", "alpha"): "no changes needed",
        ("rebalance",): "no changes needed",
        ("refresh_mods",): "no changes needed",
    }
    for arguments, said in expected.items():
        done = rehearse(shop, run_playbook, *arguments, MOD_MANAGER_DEST=str(tmp_path / "mods"))
        assert (done.returncode, said in done.stdout) == (0, True), (arguments, done.stdout, done.stderr)
    for arguments in (("restart_service", "nobody"), ("drain_node", "nobody")):
        done = rehearse(shop, run_playbook, *arguments)
        assert (done.returncode, "would fail" in done.stdout) == (1, True), done.stdout
    assert everything(shop) == before
    assert labels(shop, "alpha")["ssd"] == "false"


def test_check_mode_of_host_commands(swarm: Lab, run_playbook: Playbooks, inventory: dict[str, Any]) -> None:
    run_playbook.write("swarm.yml", {**CONFIGURATION, "dependencies": {}})
    inventory["managers"]["vars"]["orcastra_reboot_options"] = accidents.REBOOT_OPTIONS
    hosts = {"ORCASTRA_INVENTORY": str(run_playbook.write("inventory.yml", inventory))}
    boots = {host.name: host.boot_id for host in swarm}
    worker = next(host.name for host in swarm if host is not swarm.leader())
    accidents.demote(swarm, worker)
    before = everything(swarm)

    bootstrap = rehearse(swarm, run_playbook, "bootstrap_swarm", **hosts)
    assert f"promote node {worker} to manager" in bootstrap.stdout, bootstrap.stdout + bootstrap.stderr
    reboot = rehearse(swarm, run_playbook, "reboot_node", worker, **hosts)
    lines = [line.strip() for line in reboot.stdout.splitlines()]
    drain = next(number for number, line in enumerate(lines) if f"node {worker} to drain" in line)
    assert any(f"reboot {worker}" in line for line in lines[drain + 1 :]), reboot.stdout + reboot.stderr

    assert everything(swarm) == before
    assert {host.name: host.boot_id for host in swarm} == boots

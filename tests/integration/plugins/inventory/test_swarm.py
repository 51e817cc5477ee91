# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin on real engines, through ansible-inventory, ansible and playbooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration import accidents
from tests.integration.orcastra_runner.swarm_helpers import (
    constraints,
    create_service,
    labels,
    node,
    set_labels,
)
from tests.integration.playbooks.conftest import host_python  # noqa: F401 - a fixture
from tests.lab import Lab
from tests.lab.wait import wait_until

ROOT = Path(__file__).resolve().parents[4]


class Control:
    """A control node with one inventory file: the example with changes."""

    def __init__(self, folder: Path, swarm: Lab, python: str) -> None:
        self.folder = folder
        self.swarm = swarm
        self._compose = {
            "ansible_user": "'root'",
            "ansible_ssh_common_args": f"'-F {swarm.ssh_config}'",
            "ansible_python_interpreter": f"'{python}'",
        }

    def inventory(self, **options: Any) -> None:
        """Write the inventory file. ``options``: None omits an option."""
        example = yaml.safe_load((ROOT / "inventory/live/orcastra.yml").read_text())
        merged = {**example, "swarm_file": "swarm.yml", "compose": self._compose, **options}
        text = yaml.safe_dump({name: value for name, value in merged.items() if value is not None})
        (self.folder / "orcastra.yml").write_text(text)

    def configure(self, **data: Any) -> None:
        (self.folder / "swarm.yml").write_text(yaml.safe_dump(data))

    def run(
        self, program: str, *arguments: str, docker_host: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "ANSIBLE"))
        }
        return subprocess.run(
            [Path(sys.executable).parent / program, "-i", "orcastra.yml", *arguments],
            cwd=self.folder,
            env={
                **kept,
                "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
                "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=3s",
                "DOCKER_HOST": docker_host or self.swarm["alpha"].docker_host,
                "LC_ALL": "C.UTF-8",
            },
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def listed(self, **options: Any) -> dict[str, Any]:
        done = self.run("ansible-inventory", "--list", **options)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout, object_hook=plain)
        return found


def plain(value: dict[str, Any]) -> Any:
    """Remove the marks of ansible-core 2.19 and later on text that must not be evaluated as a template."""
    return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else value


def hosts(found: dict[str, Any], group: str) -> list[str]:
    return list(found.get(group, {}).get("hosts", []))


@pytest.fixture
def control(tmp_path: Path, swarm: Lab, host_python: str) -> Control:  # noqa: F811 - the fixture
    return Control(tmp_path, swarm, host_python)


def test_inventory_merges_live_swarm_and_configuration(control: Control, swarm: Lab) -> None:
    set_labels(swarm, "bravo", {"disk": "hdd", "node.rack": "4"})
    nodes = {"alpha": {"ip": swarm["alpha"].ip}, "bravo": {}, "zulu": {"ip": "10.255.255.9"}}
    control.configure(nodes=nodes)
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "cache"}
    control.inventory(**cache)
    found = control.listed()
    names = ["alpha", "bravo", "charlie"]
    assert hosts(found, "managers") == hosts(found, "reachable") == names
    assert hosts(found, "leader") == [swarm.leader().name]
    assert (hosts(found, "missing"), hosts(found, "unknown")) == (["zulu"], ["charlie"])
    assert hosts(found, "label_disk_hdd") == hosts(found, "label_node_rack_4") == ["bravo"]
    assert hosts(found, "arch_x86_64") == names or hosts(found, "arch_aarch64") == names
    bravo = found["_meta"]["hostvars"]["bravo"]
    assert bravo["ansible_host"] == bravo["swarm_ip"] == swarm["bravo"].ip
    assert bravo["swarm_id"] == node(swarm, "bravo")["ID"]
    assert bravo["swarm_labels"] == {"disk": "hdd", "node.rack": "4"}
    assert bravo["swarm_engine_version"] == swarm["bravo"].api("GET", "/version")["Version"]

    graph = control.run("ansible-inventory", "--graph", "missing")
    assert graph.stdout.split() == ["@missing:", "|--zulu"]
    ping = control.run("ansible", "all:!missing", "-m", "ansible.builtin.ping")
    assert ping.returncode == 0, ping.stdout + ping.stderr
    assert ping.stdout.count("SUCCESS") == 3

    # the cache has the old labels; without it, the listing has the new labels
    set_labels(swarm, "bravo", {})
    assert list((control.folder / "cache").iterdir())
    assert hosts(control.listed(), "label_disk_hdd") == ["bravo"]
    fresh = control.run("ansible-inventory", "--list", "--flush-cache")
    assert hosts(json.loads(fresh.stdout), "label_disk_hdd") == []

    drained = control.run(
        "ansible-playbook", "orcastra.swarm.drain_node", "-e", json.dumps({"orcastra_nodes": ["bravo"]})
    )
    assert drained.returncode == 0, drained.stdout + drained.stderr
    control.inventory()
    found = control.listed()
    assert hosts(found, "drained") == ["bravo"]
    assert found["_meta"]["hostvars"]["bravo"]["swarm_availability"] == "drain"

    # a host that is powered off
    lost = next(host for host in swarm if host.name not in ("alpha", swarm.leader().name))
    lost.crash()
    wait_until(lambda: node(swarm, lost.name)["Status"]["State"] == "down", 90, f"{lost.name} to be down")
    found = control.listed()
    assert hosts(found, "down") == [lost.name]
    assert lost.name in hosts(found, "managers")
    assert lost.name not in hosts(found, "reachable")
    assert found["_meta"]["hostvars"][lost.name]["swarm_state"] == "down"


def test_roles_use_inventory_configuration(control: Control, swarm: Lab) -> None:
    """Only the inventory names the file. Without that option, a playbook removes nothing from the swarm."""
    create_service(swarm, "shop_db", "alpha")
    create_service(swarm, "shop_app", "alpha")
    control.configure(
        nodes={"alpha": {"labels": ["ssd", "zfs"]}, "bravo": {"labels": {"disk": "hdd"}}},
        dependencies={"db": {"stack": "shop", "services": ["app"]}},
    )
    control.inventory()

    def owned() -> tuple[Any, ...]:
        found = [labels(swarm, name) for name in ("alpha", "bravo", "charlie")]
        return (*found, constraints(swarm, "shop_app"))

    def site(*options: str) -> subprocess.CompletedProcess[str]:
        return control.run("ansible-playbook", "orcastra.swarm.site", "--limit", "alpha", *options)

    done = site()
    assert done.returncode == 0, done.stdout + done.stderr
    everything = (
        {"ssd": "true", "zfs": "true", "db": "true"},
        {"disk": "hdd"},
        {},
        ["node.hostname==alpha", "node.labels.db==true"],
    )
    assert owned() == everything
    again = site()
    assert (again.returncode, "changed=0" in again.stdout) == (0, True), again.stdout + again.stderr

    control.inventory(swarm_file=None)
    for options in ((), ("--check",), ("-e", "orcastra_swarmfile=swarm.yml"), ("-e", "orcastra_swarm_file=")):
        refused = site(*options)
        assert refused.returncode == 2, refused.stdout + refused.stderr
        said = " ".join((refused.stdout + refused.stderr).split())
        assert (
            "expected at least one of orcastra_swarm_file, orcastra_nodes and orcastra_dependencies" in said
        )
    control.inventory()
    (control.folder / "swarm.yml").write_text("# nodes:\n")
    assert site().returncode == 2
    assert owned() == everything


def test_inventory_bootstraps_bare_hosts(control: Control, swarm: Lab) -> None:
    accidents.make_bare(swarm)
    control.configure(
        leader="alpha",
        advertise_addr=swarm["alpha"].ip,
        nodes={host.name: {"ip": host.ip, "role": "manager", "labels": ["ssd"]} for host in swarm},
        swarm={"heartbeat_seconds": 2},
    )
    control.inventory(strict_connection=True)
    refused = control.run("ansible-inventory", "--list")
    assert refused.returncode != 0
    assert "expected a manager of the swarm, found an engine in no swarm (inactive)" in refused.stderr

    control.inventory()
    before = control.run("ansible-inventory", "--list")
    assert "Only the configured nodes are in the inventory" in " ".join(before.stderr.split())
    assert hosts(json.loads(before.stdout), "managers") == ["alpha", "bravo", "charlie"]
    made = control.run("ansible-playbook", "orcastra.swarm.bootstrap", "-e", "orcastra_swarm_file=swarm.yml")
    assert made.returncode == 0, made.stdout + made.stderr
    formed = accidents.members(swarm)
    assert formed == {host.name: ("manager", "ready", {"ssd": "true"}) for host in swarm}

    found = control.listed()
    assert hosts(found, "label_ssd_true") == hosts(found, "reachable") == sorted(formed)
    assert hosts(found, "leader") == ["alpha"]
    assert hosts(found, "missing") == hosts(found, "unknown") == []

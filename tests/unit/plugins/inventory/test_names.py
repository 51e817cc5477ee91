# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host names chosen by nodes are never evaluated on the control node, with any release of Ansible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import sim as simulator
from tests.support.ansible_cores import RELEASES, NoCore, ansible_core

# Linux host names have at most 64 characters; {mark} is a file that must not be created
TEMPLATES = (
    "{{{{lookup('pipe','touch {mark}')}}}}",
    "x{{% if lookup('pipe','touch {mark}') %}}y{{% endif %}}z",
)
# a template can define its own delimiters
OTHER_DELIMITERS = (
    "#jinja2:variable_start_string:'[%',variable_end_string:'%]'\n[% lookup('pipe','touch {mark}') %]"
)
ODD = (
    "!managers",
    "&managers",
    "managers:&workers",
    "x[0]",
    "~.*",
    "*",
    "a,b",
    "-oProxyCommand=x",
    "localhost",
    "127.0.0.1",
    "2130706433",
    "all",
    "ungrouped",
    "managers",
    "label_disk_hdd",
    "is_active",
    "ALPHA",
    "аlpha",
    "x" * 300,
    "a b",
    "a\nb",
    "../alpha",
    "\x1b[31m",
)

INVENTORY = """
plugin: orcastra.swarm.swarm
swarm_file: swarm.yml
compose:
  ansible_connection: "'local'"
  engine: swarm_engine_labels.engine | default('')
keyed_groups:
  - {key: swarm_availability, prefix: is}
  - {key: swarm_hostname, prefix: name}
"""

# a playbook of the collection, with a separate engine for each host
PLAY = """
- hosts: all
  ignore_errors: true
  gather_facts: false
  environment:
    DOCKER_HOST: "{{ engine }}"
  vars:
    orcastra_state_dir: "{{ playbook_dir }}/state"
    orcastra_swarm_file: swarm.yml
  roles:
    - role: orcastra.swarm.%s
  post_tasks:
    - ansible.builtin.debug:
        msg: "{{ item }}"
      loop:
        - "{{ inventory_hostname }} {{ ansible_play_hosts }} {{ groups }} {{ group_names }}"
        - "{{ hostvars[inventory_hostname] }}"
        - "{{ swarm_hostname }} {{ swarm_engine_labels }} {{ swarm_labels }}"
        - "{{ ansible_play_hosts_all | map('extract', hostvars) | list }}"
"""


class Control:
    """A control node with one release of Ansible, and an inventory of a simulated swarm."""

    def __init__(self, folder: Path, commands: Path, sim: simulator.Sim) -> None:
        self.folder = folder
        self.sim = sim
        self._commands = commands
        self.write("orcastra.yml", INVENTORY)
        self.write("swarm.yml", "nodes: {alpha: }\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "ANSIBLE_"))
        }
        return subprocess.run(
            [self._commands / program, *arguments],
            cwd=self.folder,
            env={
                **kept,
                "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
                "ANSIBLE_HOME": str(self.folder / "home"),
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
                "ANSIBLE_PYTHON_INTERPRETER": str(self._commands / "python"),
                "COLUMNS": "1000",
                "DOCKER_HOST": self.sim.docker_host("alpha"),
                "LC_ALL": "C.UTF-8",
            },
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def listed(self, inventory: str = "orcastra.yml") -> tuple[dict[str, Any], str]:
        """Return the list and the messages of ansible-inventory."""
        done = self.run("ansible-inventory", "-i", inventory, "--list")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout, object_hook=_plain), done.stderr

    def add_node(self, hostname: str, **labels: str) -> str:
        """Add a worker with this name, and return its ID."""
        node = self.sim.add_node(hostname, engine_labels=labels, labels={"disk": "hdd"})
        node.engine_labels["engine"] = (
            f"tcp://{node.address}:{self.sim.docker_host('alpha').rpartition(':')[2]}"
        )
        return str(node.id)


def _plain(value: dict[str, Any]) -> Any:
    """Since ansible-core 2.19, the list marks values that must not be evaluated as templates."""
    return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else value


# The release that this environment has is quick to test. The others need environments of their own.
OTHERS = [pytest.param(release, marks=pytest.mark.slow) for release in RELEASES]


@pytest.fixture(params=["installed", *OTHERS])
def commands(request: pytest.FixtureRequest) -> Path:
    if request.param == "installed":
        return Path(sys.executable).parent
    try:
        return ansible_core(request.param)
    except NoCore as error:
        pytest.skip(str(error))


@pytest.fixture
def control(commands: Path, tmp_path: Path) -> Iterator[Control]:
    with simulator.swarm(managers=["alpha"]) as sim:
        sim.node("alpha").engine_labels["engine"] = sim.docker_host("alpha")
        yield Control(tmp_path, commands, sim)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_inventory_never_evaluates_names_and_labels(control: Control) -> None:
    mark = control.folder / "m"
    evil = [template.format(mark="m") for template in TEMPLATES]
    assert all(len(name) <= 64 for name in evil)
    ids = [control.add_node(name, **{name: name}) for name in evil]
    other = OTHER_DELIMITERS.replace("{mark}", "m")
    ids.append(control.add_node("delta", label=other, **{other: "x"}))
    found, output = control.listed()
    assert {*ids[:-1], "delta"} == set(found["workers"]["hosts"])
    assert set(found["_meta"]["hostvars"]) == {"alpha", "delta", *ids[:-1]}
    assert all(node_id in output for node_id in ids[:-1])
    # the last role refuses to run, because all of these hosts are this machine
    control.write("play.yml", "".join(PLAY % role for role in ("heal", "prune", "node_reboot")))
    done = control.run("ansible-playbook", "-i", "orcastra.yml", "play.yml", "--check", "--diff", "-v")
    assert done.stdout.count("PLAY [") == 3, done.stdout + done.stderr
    assert f"{ids[0]} : ok=" in " ".join(done.stdout.split())
    assert not mark.exists()


@pytest.mark.slow
def test_templates_are_evaluated_without_the_inventory_plugin(control: Control) -> None:
    """Otherwise, the test above would prove nothing. Since 2.19, Ansible itself does not trust such names."""
    version = control.run("ansible", "--version").stdout
    name = TEMPLATES[0].format(mark="m")
    control.write("orcastra.yml", json.dumps({"all": {"hosts": {name: {"ansible_connection": "local"}}}}))
    control.write(
        "play.yml",
        "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: '{{ ansible_play_hosts }}'}}]}\n",
    )
    control.run("ansible-playbook", "-i", "orcastra.yml", "play.yml")
    assert (control.folder / "m").exists() == ("core 2.17" in version or "core 2.18" in version)


def test_inventory_uses_node_ids_for_names_with_a_special_meaning(control: Control) -> None:
    ids = [control.add_node(name) for name in ODD]
    found, output = control.listed()
    assert set(found["workers"]["hosts"]) == set(ids)
    assert set(found["_meta"]["hostvars"]) == {"alpha", *ids}
    assert [node_id for node_id in ids if node_id not in output] == []
    assert "\x1b" not in output


def test_inventory_uses_node_ids_for_names_of_other_hosts_and_groups(control: Control) -> None:
    """A node cannot redirect another host or group to itself."""
    other, db, same = (control.add_node(name) for name in ("other", "db", "same"))
    address = control.sim.node("same").address
    both = control.folder / "inventory"
    both.mkdir()
    hosts = {"other": {"ansible_host": "10.9.9.9"}, "same": {"ansible_host": address}, "third": {}}
    (both / "0.yml").write_text(json.dumps({"db": {"hosts": hosts}}))
    (both / "1.orcastra.yml").write_text(INVENTORY.replace("swarm.yml", "../swarm.yml"))
    found, output = control.listed("inventory")
    variables = found["_meta"]["hostvars"]
    assert variables["other"]["ansible_host"] == "10.9.9.9"
    assert not any(name.startswith("swarm_") for name in variables["other"])
    assert (variables["same"]["ansible_host"], variables["same"]["swarm_id"]) == (address, same)
    assert not any(name.startswith("swarm_") for name in variables.get("third", {}))
    assert [variables[node_id]["swarm_hostname"] for node_id in (other, db)] == ["other", "db"]
    assert {other, db, "same"} == set(found["workers"]["hosts"])
    assert other in output
    assert db in output

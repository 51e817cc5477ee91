# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""stack.yml with an inventory: another instance reboots the active instance's host over SSH."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.accidents import REBOOT_OPTIONS
from tests.integration.image.stacks import TOKEN, deploy, get, put, running
from tests.integration.playbooks.conftest import host_python  # noqa: F401 - a fixture
from tests.lab import Host, Lab
from tests.lab.errors import LabError
from tests.lab.wait import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

# the file from docs/running/stack.md
SSH = """
version: "3.8"
services:
  orcastra:
    environment:
      ORCASTRA_INVENTORY: /etc/swarm-orchestration/hosts.yml
    configs:
      - {source: hosts, target: /etc/swarm-orchestration/hosts.yml}
      - {source: known_hosts, target: /etc/swarm-orchestration/known_hosts}
    secrets:
      - {source: orcastra_ssh_key, uid: "10001", gid: "10001", mode: 256}
configs:
  hosts: {file: ./hosts.yml}
  known_hosts: {file: ./known_hosts}
secrets:
  orcastra_ssh_key: {external: true}
"""


@pytest.fixture
def rebootable(hosts: Lab) -> Iterator[Lab]:
    yield hosts
    for host in hosts:
        host.boot()


def inventory(hosts: Lab, python: str) -> str:
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": "/run/secrets/orcastra_ssh_key",
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/etc/swarm-orchestration/known_hosts",
        "ansible_python_interpreter": python,
        "orcastra_reboot_options": REBOOT_OPTIONS,
    }
    addresses = {host.name: {"ansible_host": host.ip} for host in hosts}
    return yaml.safe_dump({"managers": {"hosts": addresses, "vars": variables}})


def result(host: Host) -> dict[str, Any]:
    """Return an instance's record of the command; empty while it doesn't answer or has no record."""
    status, text = get(host, "/api/state")
    commands = json.loads(text).get("commands", []) if status == 200 else []
    return next((one for one in commands if one["id"] == "one"), {})


def test_active_instance_host_is_rebooted_by_another(
    rebootable: Lab,
    host_python: str,  # noqa: F811 - the fixture
) -> None:
    hosts = rebootable
    leader = hosts.leader()
    others = [host for host in hosts if host.name != leader.name]
    put(leader, "hosts.yml", inventory(hosts, host_python))
    put(leader, "known_hosts", hosts.ssh.known_hosts.read_text())
    leader.run(["docker", "secret", "create", "orcastra_ssh_key", "-"], input=hosts.ssh.key.read_text())
    deploy(leader, "stack.yml", "{}", SSH)
    for host in hosts:
        wait_until(lambda host=host: get(host, "/readyz")[0] == 200, 120, host.name)  # type: ignore[misc]
    boots = {host.name: host.boot_id for host in hosts}

    command = json.dumps({"command": "reboot_node", "node": leader.name, "id": "one"})
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    assert get(leader, "/commands", "POST", command, **headers)[0] == 202
    wait_until(lambda: any(result(host).get("finished_at") for host in others), 400, "the command to end")
    done = next(found for found in map(result, others) if found.get("finished_at"))
    assert done["status"] == "done", done
    assert done["message"].startswith(f"{leader.name} was rebooted by the instance on "), done
    assert {host.name for host in hosts if host.boot_id != boots[host.name]} == {leader.name}

    def is_back() -> bool:
        try:
            nodes = others[0].api("GET", "/nodes")
            active = [node for node in nodes if node["Spec"]["Availability"] == "active"]
            return len(active) == 3 and running(hosts, "orcastra_orcastra") == 3
        except LabError:
            return False

    wait_until(is_back, 120, "all nodes to be active, with an instance on each")

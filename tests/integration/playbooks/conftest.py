# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the collection's playbooks like a user: this machine is the control node, the lab has the hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orcastra_runner.execute import KEEPALIVE
from tests.lab import Lab

_SHOWN_CHARACTERS = 6000


@dataclass(frozen=True)
class Run:
    """The result of a run of ansible-playbook."""

    status: int
    output: str

    def recap(self, host: str) -> dict[str, int]:
        """Return the host's counts in the recap: ok, changed, unreachable, failed …"""
        return self._recaps()[host]

    @property
    def changed(self) -> int:
        """The number of changed tasks on all hosts."""
        return sum(recap["changed"] for recap in self._recaps().values())

    @property
    def failure(self) -> str:
        """The output from the first failed task on, or its end; short enough for the report of a test."""
        before, fatal, after = self.output.partition("\nfatal: ")
        if not fatal:
            return self.output[-_SHOWN_CHARACTERS:]
        task = before[before.rfind("\nTASK [") :]
        shown = f"{task[-1000:]}{fatal}{after}"
        return f"{shown[:_SHOWN_CHARACTERS]}\n…\n{self.output[-1000:]}"

    def _recaps(self) -> dict[str, dict[str, int]]:
        found = {}
        for line in self.output.partition("PLAY RECAP")[2].splitlines():
            host, colon, counts = line.partition(" : ")
            if colon:
                pairs = [count.split("=") for count in counts.split()]
                found[host.strip()] = {name: int(number) for name, number in pairs}
        return found


class Playbooks:
    """Runs playbooks with an ``inventory`` in ``folder``, which is also the current folder.

    ``commands``: the folder with the commands of Ansible.
    """

    def __init__(self, folder: Path, inventory: dict[str, Any]) -> None:
        self.folder = folder
        self.inventory = "inventory.yml"
        self.commands = Path(sys.executable).parent
        self.write(self.inventory, inventory)

    def write(self, name: str, content: Any) -> Path:
        """Write a YAML file to the folder. Text is written unchanged."""
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    def __call__(self, playbook: str, *options: str, limit: str | None = "alpha", **variables: Any) -> Run:
        """Run a playbook by name or path.

        :param limit: hosts to run on; None means all. The default, one host, is faster.
        :param variables: extra variables

        """
        limits = ["--limit", limit] if limit else []
        program = self.commands / "ansible-playbook"
        result = subprocess.run(
            [program, playbook, "-i", self.inventory, *limits, "-e", json.dumps(variables), *options],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Run(result.returncode, result.stdout + result.stderr)

    def _environment(self) -> dict[str, str]:
        ours = ("DOCKER", "ANSIBLE")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            # one connection per host and run, which closes soon after the lab ends or a host is lost
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=3s",
            "ANSIBLE_SSH_EXTRA_ARGS": KEEPALIVE,
            "LC_ALL": "C.UTF-8",
        }


@pytest.fixture(scope="session")
def host_python() -> str:
    """An interpreter on the hosts that has the modules' dependencies: the one that runs these tests."""
    return sys.executable


@pytest.fixture
def inventory(swarm: Lab, host_python: str) -> dict[str, Any]:
    """All hosts of the lab as managers, over SSH."""
    return ssh_inventory(swarm, "managers", host_python)


def ssh_inventory(lab: Lab, group: str = "swarm", python: str = "") -> dict[str, Any]:
    """All hosts of the lab, over SSH. ``python``: the hosts' interpreter; by default, Ansible finds it."""
    interpreter = {"ansible_python_interpreter": python} if python else {}
    return {
        group: {
            "hosts": {host.name: {"ansible_host": host.ip} for host in lab},
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_common_args": f"-F {lab.ssh_config}",
                **interpreter,
            },
        }
    }


@pytest.fixture
def run_playbook(inventory: dict[str, Any], tmp_path: Path) -> Playbooks:
    return Playbooks(tmp_path, inventory)

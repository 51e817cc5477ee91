# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that do the same as those of community.docker, side by side in real playbook runs.

All runs use the same manager over SSH without pipelining. An empty play shows what Ansible itself costs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import yaml

from tests.bench.report import Table, calm_down, load_average, median
from tests.bench.swarms import Say
from tests.lab import Lab

COLLECTION = "community.docker"
_COMMANDS = Path(sys.executable).parent
_INSTALL_SECONDS = 300
# the collection and the one that it needs
_PACKAGED = (
    "ansible_collections/community/docker/",
    "ansible_collections/community/library_inventory_filtering_v1/",
)

Play = dict[str, Any]


def install(folder: Path) -> str:
    """Install community.docker into ``folder``. Returns why that failed, or an empty string.

    The package ``ansible`` has it too, for machines that only reach a package index.
    """
    galaxy = [_COMMANDS / "ansible-galaxy", "collection", "install", COLLECTION, "-p", folder]
    if subprocess.run(galaxy, capture_output=True, check=False, timeout=_INSTALL_SECONDS).returncode == 0:
        return ""
    download = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, "ansible"]
    if subprocess.run(download, capture_output=True, check=False, timeout=_INSTALL_SECONDS).returncode:
        return f"{COLLECTION} is available neither from Galaxy nor in the package ansible"
    (wheel,) = folder.glob("ansible-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        wanted = [name for name in archive.namelist() if name.startswith(_PACKAGED)]
        archive.extractall(folder, wanted)
    wheel.unlink()
    return ""


def new_table(repeat: int) -> Table:
    return Table(
        f"Playbooks on a manager of three nodes, median of {repeat} runs",
        ["play", "seconds", "ratio to an empty play"],
        notes=[
            "labels: three labels on each of three nodes, all correct. facts: nodes, services and tasks.",
            f"{COLLECTION} sets the labels of one node per task; the play loops over the nodes.",
        ],
    )


def measure(
    table: Table, lab: Lab, labels: dict[str, list[str]], repeat: int, folder: Path, say: Say
) -> None:
    """Add a row for each play. ``labels``: node → the labels that it has. The runs take turns."""
    plays = _plays(labels)
    for name, play in plays.items():
        (folder / f"{_slug(name)}.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    (folder / "inventory.yml").write_text(yaml.safe_dump(_inventory(lab)))
    calm_down()
    before = load_average()
    seconds: dict[str, list[float]] = {name: [] for name in plays}
    for n in range(repeat + 1):
        for name in plays:
            spent = _run(folder, name)
            if n:  # the first round only warms caches
                seconds[name].append(spent)
        say(f"  round {n} of {repeat}: done")
    empty = median(seconds[next(iter(plays))])
    table.rows += [(name, median(times), median(times) / empty) for name, times in seconds.items()]
    table.load = (before, load_average())


def _plays(labels: dict[str, list[str]]) -> dict[str, Play]:
    manager = "managers[0]"
    wanted = {name: dict.fromkeys(keys, "true") for name, keys in labels.items()}
    nodes = {name: {"labels": keys} for name, keys in labels.items()}
    return {
        "empty: ping": _play(manager, {"ansible.builtin.ping": {}}),
        "labels: orcastra.swarm.label_sync": _play(manager, {"orcastra.swarm.label_sync": {"nodes": nodes}}),
        f"labels: {COLLECTION}.docker_node": _play(
            manager,
            *(
                {f"{COLLECTION}.docker_node": {"hostname": name, "labels": keys}}
                for name, keys in wanted.items()
            ),
        ),
        "facts: orcastra.swarm.swarm_info": _play(manager, {"orcastra.swarm.swarm_info": {}}),
        f"facts: {COLLECTION}.docker_swarm_info and docker_host_info": _play(
            manager,
            {f"{COLLECTION}.docker_swarm_info": {"nodes": True, "services": True, "tasks": True}},
            {f"{COLLECTION}.docker_host_info": {}},
        ),
    }


def _play(hosts: str, *tasks: dict[str, Any]) -> Play:
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}


def _inventory(lab: Lab) -> dict[str, Any]:
    hosts = {host.name: {"ansible_host": host.ip} for host in lab}
    common = {
        "ansible_user": "root",
        "ansible_ssh_common_args": f"-F {lab.ssh_config}",
        "ansible_python_interpreter": sys.executable,
    }
    return {"managers": {"hosts": hosts, "vars": common}}


def _run(folder: Path, name: str) -> float:
    program = [_COMMANDS / "ansible-playbook", "-i", "inventory.yml", f"{_slug(name)}.yml"]
    start = time.perf_counter()
    done = subprocess.run(
        program, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{name}: {json.dumps(done.stdout[-2000:] + done.stderr[-2000:])}")
    return seconds


def _environment(folder: Path) -> dict[str, str]:
    given = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    own = str(_COMMANDS.parent / "collections")
    paths = [str(folder), *([given] if given else []), own]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "ANSIBLE"))}
    return {**kept, "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths), "ANSIBLE_NOCOLOR": "1"}


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)

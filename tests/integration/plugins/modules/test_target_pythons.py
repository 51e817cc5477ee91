# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules with the Python and Docker SDK versions of managed hosts, and only the SDK's dependencies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.lab import Lab
from tests.support.target_pythons import find_python

# The distribution's SDK for that Python, with its dependencies; "" is the newest version.
SDKS = {
    "3.9": ["docker==4.1.0", "requests==2.25.1", "urllib3==1.26.5", "six"],  # Debian 11
    "3.10": ["docker==5.0.3", "requests==2.25.1", "urllib3==1.26.5"],  # Ubuntu 22.04
    "3.11": ["docker==5.0.3", "requests==2.28.1", "urllib3==1.26.12"],  # Debian 12
    "3.12": ["docker==7.0.0"],
    "3.13": ["docker"],
}
REBALANCE = {"default": {"memory_difference_gb": 1}}


@pytest.mark.slow
@pytest.mark.parametrize("version", SDKS)
def test_modules_need_the_docker_sdk_alone(swarm: Lab, tmp_path: Path, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    target = tmp_path / "venv" / "bin" / "python"
    subprocess.run([target, "-m", "pip", "install", "--quiet", *SDKS[version]], check=True)
    host = {"docker_host": swarm["alpha"].docker_host}
    folders = {"state_dir": str(tmp_path / "state")}
    tasks = {
        "anchor_placement": {"dependencies": {"db": ["web"]}},
        "autoheal": folders,
        "container_log_info": {},
        "label_sync": {"nodes": {"bravo": {"labels": ["ssd"]}}},
        "mod_download": {"config": {"mods": []}, "dest": str(tmp_path / "mods")},
        "prune": folders,
        "rebalance": {"rebalance_config": REBALANCE},
        "swarm_heal": {},
        "swarm_info": {},
        "swarm_member_info": {},
        "swarm_wait": {},
    }
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [{f"orcastra.swarm.{name}": {**host, **options}} for name, options in tasks.items()],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-playbook", "play.yml", "--inventory", "localhost,",
            "--connection", "local", "--extra-vars", f"ansible_python_interpreter={target}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok={len(tasks)} " in done.stdout

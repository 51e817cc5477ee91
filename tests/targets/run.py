# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test's targets on the hosts of a lab."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.lab import Lab
from tools.lint import copy_tree, environment

IMAGE = "orcastra/app"


def run_targets(
    lab: Lab, folder: Path, targets: Sequence[str] = (), *, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run targets (default: all). The modules run on this machine with this process's interpreter."""
    # ansible-test requires a real path that ends in ansible_collections/orcastra/swarm
    collection = copy_tree(folder)
    first, second, *_others, last = lab.hosts
    config = {
        "swarm_docker_host": first.docker_host,
        "swarm_second_docker_host": second.docker_host,
        "swarm_other_docker_host": last.docker_host,
        "swarm_image": IMAGE,
    }
    path = collection / "tests" / "integration" / "integration_config.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return subprocess.run(
        [
            Path(sys.executable).parent / "ansible-test", "integration", "--local", "--python", version,
            "--allow-unsupported", "--continue-on-error", "--color", "no", *targets,
        ],
        cwd=collection,
        env={name: value for name, value in environment().items() if name != "ANSIBLE_COLLECTIONS_PATH"},
        capture_output=capture,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip

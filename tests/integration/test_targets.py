# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ansible-test integration`` with the targets in this folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import Lab
from tools.lint import copy_tree, environment


@pytest.mark.slow
def test_all_targets(swarm: Lab, tmp_path: Path) -> None:
    # ansible-test requires a real path that ends in ansible_collections/orcastra/swarm
    collection = copy_tree(tmp_path)
    config = collection / "tests" / "integration" / "integration_config.yml"
    config.write_text(f"swarm_docker_host: {swarm['alpha'].docker_host}\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    result = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-test", "integration", "--local", "--python", version,
            "--allow-unsupported", "--color", "no",
        ],
        cwd=collection,
        env={name: value for name, value in environment().items() if name != "ANSIBLE_COLLECTIONS_PATH"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout + result.stderr
    assert "SKIPPED" not in result.stdout
    for target in ("test_label_sync", "test_service_restart", "test_swarm_info"):
        assert f"Running {target} integration test role" in result.stdout

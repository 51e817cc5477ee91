# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins run on the Pythons of managed hosts: RHEL 9, Debian 11 to 13, Ubuntu 22.04 and 24.04.

Missing interpreters are skipped. Real modules run against a real engine in
``tests/integration/plugins/modules/test_target_pythons.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ansible
import pytest

from tests.support.target_pythons import TARGET_VERSIONS, find_python

CHECKOUT = Path(__file__).resolve().parents[3]
# Imports all module_utils and modules, and makes one plan.
PROGRAM = """
import importlib, json, pathlib, sys
root = pathlib.Path(sys.argv[1])
for folder in ("module_utils", "modules"):
    for path in sorted((root / "plugins" / folder).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        importlib.import_module(".".join(("ansible_collections", "orcastra", "swarm", *parts)))
sys.path.insert(0, str(root))
base = "ansible_collections.orcastra.swarm.plugins.module_utils."
build = importlib.import_module(base + "_config.build").parse_config
labels = importlib.import_module(base + "_plan.labels.plan").plan_labels
snapshot = importlib.import_module(base + "_model.snapshot")
state = importlib.import_module(base + "_model.state").State()
config = {"nodes": {"a": {"labels": ["ssd"]}}, "dependencies": {"db": ["web"]}}
seen = snapshot.SwarmSnapshot(nodes=(snapshot.Node(id="1", hostname="a"),), services=(), tasks=())
plan = labels(seen, build(config, stack_name="s"), state)
print(json.dumps([step.to_result()["target"] for step in plan.steps]))
"""


@pytest.mark.parametrize(
    "version",
    [TARGET_VERSIONS[0], *(pytest.param(one, marks=pytest.mark.slow) for one in TARGET_VERSIONS[1:])],
)
def test_plugins_load_and_plan(version: str, tmp_path: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    # only Ansible's own code, as a host gets it, without the libraries of the control node
    (tmp_path / "ansible").symlink_to(Path(ansible.__file__).parent)
    collections = tmp_path / "ansible_collections" / "orcastra"
    collections.mkdir(parents=True)
    (collections / "swarm").symlink_to(CHECKOUT)
    done = subprocess.run(
        [python, "-c", PROGRAM, CHECKOUT],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == '["node a"]\n'


def test_find_python_finds_the_running_version() -> None:
    assert find_python(f"{sys.version_info.major}.{sys.version_info.minor}") is not None

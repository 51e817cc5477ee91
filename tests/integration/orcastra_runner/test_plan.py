# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra plan`` and ``run --check`` show the changes of heal without making them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import PENDING_SECONDS
from tests.integration import accidents
from tests.integration.conftest import IMAGE
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra

pytestmark = pytest.mark.lab

STEPS = {
    "update TaskHistoryRetentionLimit of the swarm",
    "promote node bravo to manager",
    "set the availability of node charlie to active",
}


def test_plan_lists_heal_changes(swarm: Lab, tmp_path: Path) -> None:
    nodes: dict[str, Any] = {name: {} for name in ("alpha", "bravo", "delta")}
    nodes["charlie"] = {"availability": "active"}
    configuration = {"managers": 3, "nodes": nodes, "swarm": {"task_history_limit": 3}}
    (tmp_path / "swarm.yml").write_text(yaml.safe_dump(configuration))
    accidents.create_service(swarm, "waits", IMAGE, 1, Constraints=["node.labels.nowhere == true"])
    accidents.create_service(swarm, "web", IMAGE)
    wait_until(lambda: accidents.running(swarm, "web") == 2, 60, "the service to run")
    accidents.pause_update(swarm, "web")
    accidents.demote(swarm, "bravo")
    accidents.change_node(swarm, "charlie", Availability="pause")
    wait_until(lambda: accidents.age(swarm, "waits") > PENDING_SECONDS, 60, "the task to have waited")
    before = accidents.members(swarm)
    engine = {"DOCKER_HOST": accidents.manager(swarm).docker_host}
    config = ("--config", tmp_path)

    planned = orcastra("plan", "--format", "json", "--detailed-exitcode", *config, **engine)
    assert planned.returncode == 3, planned.stderr
    data = json.loads(planned.stdout)
    assert {step["summary"] for step in data["plan"]} == STEPS
    assert all(step["why"] for step in data["plan"])
    warnings = " ".join(warning["text"] for warning in data["warnings"])
    assert "waits: 1 task waiting for a node. " in warnings
    assert "its constraint node.labels.nowhere == true forbids it" in warnings
    assert "the update of web is paused" in warnings
    assert "delta is not in the swarm. If this persists, run the playbook orcastra.swarm.heal" in warnings

    said = orcastra("plan", *config, **engine).stdout
    assert said.startswith("3 changes pending; 2 services are short of tasks: waits, web:\n")
    assert all(f". {step}\n" in said for step in STEPS)

    checked = orcastra("run", "--once", "--check", *config, ORCASTRA_LEADER="always", **engine)
    assert checked.returncode == 0, checked.stderr
    assert all(f"planned: {step}" in checked.stderr for step in STEPS)
    assert "waits: 1 task waiting for a node" in checked.stderr
    assert "configured node missing: delta is not in the swarm" in checked.stderr
    assert accidents.members(swarm) == before

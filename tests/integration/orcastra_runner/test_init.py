# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra init`` on a running swarm with real engines, and commands without a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import IMAGE
from tests.integration.orcastra_runner.swarm_helpers import running_on, set_labels
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra

pytestmark = pytest.mark.lab

STACK = {"com.docker.stack.namespace": "shop"}


def create(swarm: Lab, name: str, *constraints: str, mounts: list[dict[str, Any]] | None = None) -> None:
    spec = {
        "Name": name,
        "Labels": STACK,
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE, "Init": True, "Mounts": mounts or []},
            "Placement": {"Constraints": list(constraints)},
        },
        "EndpointSpec": {"Mode": "dnsrr"},
    }
    swarm.leader().api("POST", "/services/create", spec)
    wait_until(lambda: running_on(swarm, name), 40, f"{name} to run")


def specs(swarm: Lab) -> dict[str, Any]:
    nodes = {one["ID"]: one["Spec"] for one in swarm.leader().api("GET", "/nodes")}
    return nodes | {one["ID"]: one["Spec"] for one in swarm.leader().api("GET", "/services")}


def test_init_writes_a_configuration_that_changes_nothing(swarm: Lab, tmp_path: Path) -> None:
    engine = {"DOCKER_HOST": swarm.leader().docker_host}
    set_labels(swarm, "bravo", {"db": "true", "disk": "hdd"})
    create(swarm, "shop_db", "node.labels.db == true")
    create(swarm, "shop_web", "node.labels.db == true")
    before = specs(swarm)
    path = tmp_path / "config" / "swarm.yml"

    shown = orcastra("init", "--output", "-", **engine)
    made = orcastra("init", "--config", path.parent, **engine)

    assert (shown.returncode, made.returncode) == (0, 0), shown.stderr + made.stderr
    data = yaml.safe_load(path.read_text())
    assert data["nodes"]["bravo"]["labels"] == {"db": True, "disk": "hdd"}
    assert set(data) == {"nodes"}
    assert {one: node["role"] for one, node in data["nodes"].items()} == dict.fromkeys(
        ("alpha", "bravo", "charlie"), "manager"
    )
    assert "#   db:\n#     stack: shop\n#     services:\n#     - web\n" in path.read_text()
    again = orcastra("init", "--config", path.parent, **engine)
    assert (again.returncode, path.read_text() == shown.stdout) == (2, True), again.stderr
    planned = orcastra("plan", "--format", "json", "--detailed-exitcode", "--config", path.parent, **engine)
    assert planned.returncode == 0, planned.stdout
    done = orcastra("run", "--once", "--config", path.parent, **engine)
    assert done.returncode == 0, done.stderr
    assert specs(swarm) == before

    checked = orcastra("config", "check", "--live", "--config", path.parent, **engine)
    assert (checked.returncode, checked.stderr) == (0, "")
    data["nodes"]["bravoo"] = {"role": data["nodes"].pop("bravo")["role"]}
    data["dependencies"] = {"db": {"stack": "shop", "services": ["wep"]}}
    path.write_text(yaml.safe_dump(data))
    checked = orcastra("config", "check", "--live", "--config", path.parent, **engine)
    assert checked.returncode == 0
    assert "'shop_web'" in checked.stderr
    assert "'bravo'" in checked.stderr


def test_read_only_commands_need_no_configuration(swarm: Lab) -> None:
    engine = {"DOCKER_HOST": swarm.leader().docker_host}

    planned = orcastra("plan", "--format", "json", **engine)
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["plan"] == []
    assert "orcastra init" in planned.stderr
    forecast = orcastra("what-if", "--lose", "any", "--format", "json", **engine)
    assert forecast.returncode == 0, forecast.stderr
    assert json.loads(forecast.stdout)
    assert orcastra("status", **engine).returncode == 0
    assert orcastra("plan", "--config", "/nowhere", **engine).returncode == 2

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of constraint expressions, compared with the scheduler of a real engine."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import change_node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import (
    parse_constraint,
)
from tests.lab import Lab
from tests.support.constraint_cases import CASES, INVALID

DAEMON_CONFIG = "/etc/docker/daemon.json"


@pytest.fixture
def engine(swarm: Lab) -> Iterator[Engine]:
    alpha = swarm["alpha"]
    alpha.run(["mkdir", "-p", "/etc/docker"])
    alpha.run(["tee", DAEMON_CONFIG], input=json.dumps({"labels": ["rack=r1"]}))
    alpha.restart_engine()
    engine = connect(ConnectionOptions(docker_host=alpha.docker_host))
    yield engine
    engine.close()
    alpha.run(["rm", DAEMON_CONFIG])
    alpha.restart_engine()


def labelled_alpha(engine: Engine) -> Node | None:
    """Wait until alpha has its engine label, is a manager, and has all its labels. Returns the node."""
    alpha = observe(engine).snapshot.nodes_by_hostname["alpha"][0]
    if not alpha.is_ready or alpha.engine_labels != {"rack": "r1"}:
        return None
    labels = {"disk": "SSD", "Room": "cellar", "empty": ""}
    change_node(engine, alpha.id, lambda spec: {**spec, "Labels": labels})
    return observe(engine).snapshot.node_by_id[alpha.id]


def spec(name: str, *constraints: str) -> dict[str, Any]:
    """Return a service whose only task fails as soon as it is assigned to a node: its image doesn't exist."""
    return {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": "orcastra/none:none"},
            "Placement": {"Constraints": list(constraints)},
            "RestartPolicy": {"Condition": "none"},
        },
    }


def decided(engine: Engine, services: Collection[str]) -> dict[str, str | None] | None:
    """Return service ID → the node of its task, or None, after the scheduler has processed all.

    Tasks of removed services may still be listed.
    """
    found = {
        task["ServiceID"]: task.get("NodeID") or None
        for task in engine.list_tasks()
        if task["ServiceID"] in services
        and (task.get("NodeID") or "no suitable node" in task["Status"].get("Err", ""))
    }
    return found if len(found) == len(services) else None


def test_constraints_match_the_scheduler(engine: Engine, swarm: Lab) -> None:
    def alpha_is_labelled() -> Node | None:
        try:
            return labelled_alpha(engine)
        except EngineError:
            return None

    alpha = swarm.wait_until(alpha_is_labelled, timeout=60, what="alpha to be Ready with its engine label")
    services = {}
    for number, (expression, _expected) in enumerate(CASES):
        full = spec(f"case-{number}", f"node.id=={alpha.id}", expression.format(node=alpha))
        services[engine.post("/services/create", full)["ID"]] = expression

    found = swarm.wait_until(
        lambda: decided(engine, services), timeout=60, what="the scheduler to process every task"
    )

    by_scheduler = {services[service_id]: node_id == alpha.id for service_id, node_id in found.items()}
    assert by_scheduler == dict(CASES)
    by_us = {
        expression: parse_constraint(expression.format(node=alpha)).allows(alpha) for expression, _ in CASES
    }
    assert by_us == by_scheduler


def test_constraint_errors_match_those_of_swarm(swarm: Lab) -> None:
    engine = connect(ConnectionOptions(docker_host=swarm["bravo"].docker_host))
    for number, (expression, message) in enumerate(INVALID):
        with pytest.raises(EngineError) as error:
            engine.post("/services/create", spec(f"bad-{number}", expression))
        assert message in str(error.value)
    engine.close()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executing plans on real engines after the swarm has changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import change_service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    RestartService,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.plan import plan_labels
from tests.integration.full_specs import mode_specs
from tests.lab import Lab
from tests.support.builders import desired, snapshot

GONE = Node(id="gone0gone0gone0gone0gone0", hostname="ghost")


@pytest.fixture
def engine(swarm: Lab) -> Iterator[Engine]:
    engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))
    yield engine
    engine.close()


def test_executor_reports_a_missing_node_and_continues(engine: Engine) -> None:
    alpha = observe(engine).snapshot.nodes_by_hostname["alpha"][0]
    config = desired({"ghost": {"a": "1"}, "alpha": {"b": "2"}})

    outcome = carry_out(engine, plan_labels(snapshot(alpha, GONE), config, State()))

    assert outcome.changed
    (failure,) = outcome.failures
    assert failure.error == "node ghost: it left the swarm after the plan was made; nothing was changed"
    seen = observe(engine)
    assert seen.snapshot.node_by_id[alpha.id].labels == {"b": "2"}
    # the next run removes the claims for the missing node
    again = plan_labels(seen.snapshot, desired({"alpha": {"b": "2"}}), seen.state)
    assert again.steps == ()
    carry_out(engine, again)
    assert observe(engine).state.owned_labels == {alpha.id: frozenset({"b"})}


def test_executor_defers_a_service_that_is_updating(engine: Engine, swarm: Lab) -> None:
    spec = mode_specs("busy", "orcastra/app")[0]
    spec["UpdateConfig"] = {"Monitor": 30_000_000_000}
    service_id = engine.post("/services/create", spec)["ID"]
    seen = observe(engine).snapshot.service_by_id[service_id]
    change_service(
        engine,
        service_id,
        lambda spec: {**spec, "TaskTemplate": {**spec["TaskTemplate"], "ForceUpdate": 7}},
    )
    swarm.wait_until(
        lambda: observe(engine).snapshot.service_by_id[service_id].is_updating,
        timeout=20,
        what="the service to be updating",
    )
    common = {"service_id": service_id, "name": seen.name, "why": (Reason("saved_reason", text="a test"),)}
    place = PlaceService(**common, purpose="move", constraints=seen.constraints, add=("node.id==x",))
    restart = RestartService(**common, force_update=7)

    outcome = carry_out(engine, Plan(steps=(place, restart)))

    assert not outcome.changed
    words = "another update has started since the plan was made; trying again later"
    assert [failure.error for failure in outcome.failures] == [f"service {seen.name}: {words}"] * 2
    assert observe(engine).snapshot.service_by_id[service_id].constraints == seen.constraints


def test_two_controllers_restart_a_service_once(engine: Engine) -> None:
    service_id = engine.post("/services/create", mode_specs("twice", "orcastra/app")[0])["ID"]
    restart = RestartService(
        service_id=service_id, name="twice", force_update=0, why=(Reason("saved_reason", text="a test"),)
    )
    free = RestartService(**{**vars(restart), "while_updating": True})

    assert carry_out(engine, Plan(steps=(restart,))).changed
    assert not carry_out(engine, Plan(steps=(free,))).changed

    assert observe(engine).snapshot.service_by_id[service_id].force_update == 1

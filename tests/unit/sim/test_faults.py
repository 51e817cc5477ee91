# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that a test can inject into requests."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import change_node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineError,
    EngineTimeout,
    EngineUnreachable,
    NotAManager,
)
from tests.behaviour.world import Swarm
from tests.sim import Fault, Sim, out_of_sequence, swarm

Connect = Callable[[str], Engine]


def test_conflicts_are_retried(sim: Sim, swarm: Swarm) -> None:
    fault = sim.fail(out_of_sequence("/nodes/.*", times=5))
    node = swarm.node("bravo")
    assert change_node(swarm.engine, node["ID"], lambda spec: {**spec, "Labels": {"a": "1"}})
    assert fault.hits == 5
    assert sim.node("bravo").labels == {"a": "1"}


def test_refusals(sim: Sim, swarm: Swarm) -> None:
    sim.fail(Fault(path="/services", status=500, message="context deadline exceeded", times=1))
    with pytest.raises(EngineError, match="context deadline exceeded"):
        swarm.engine.list_services()
    assert swarm.engine.list_services() == []


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
def test_dropped_connections(sim: Sim, swarm: Swarm, when: str, done: bool) -> None:
    sim.fail(Fault(method="POST", path="/services/create", drop=when, times=1))
    with pytest.raises(EngineUnreachable):
        swarm.deploy("web")
    assert bool(sim.store.services) is done


def test_slow_answers(sim: Sim) -> None:
    engine = connect(ConnectionOptions(docker_host=sim.docker_host(), timeout=1))
    sim.fail(Fault(path="/nodes", delay_seconds=1.5, times=1))
    with pytest.raises(EngineTimeout):
        engine.list_nodes()
    started = time.monotonic()
    sim.fail(Fault(path="/nodes", delay_seconds=0.2, times=1))
    assert len(engine.list_nodes()) == 3
    assert time.monotonic() - started >= 0.2
    engine.close()


def test_stale_answers(sim: Sim, swarm: Swarm) -> None:
    swarm.run("web", 1)
    fault = sim.fail(Fault(method="GET", path="/(tasks|services).*", stale=True))
    swarm.scale("web", 0)
    sim.advance(10)
    assert len(swarm.running("web")) == 1
    assert swarm.engine.list_services()[0]["Spec"]["Mode"]["Replicated"]["Replicas"] == 1
    sim.faults.remove(fault)
    assert swarm.tasks("web") == []


def test_faults_of_one_node_only(sim: Sim, to_engine: Connect) -> None:
    engines = {name: to_engine(sim.docker_host(name)) for name in ("alpha", "bravo")}
    sim.fail(Fault(node="bravo", status=500))
    assert len(engines["alpha"].list_nodes()) == 3
    with pytest.raises(EngineError, match="injected"):
        engines["bravo"].list_nodes()


def test_workers_and_lost_nodes(to_engine: Connect) -> None:
    with swarm(managers=["alpha"], workers=["delta"]) as sim:
        worker = to_engine(sim.docker_host("delta"))
        assert worker.info()["Swarm"]["ControlAvailable"] is False
        with pytest.raises(NotAManager):
            worker.list_nodes()
        sim.crash("delta")
        with pytest.raises(EngineUnreachable):
            worker.info()
        sim.boot("delta")
        assert worker.info()["Name"] == "delta"


def test_stream_breaks_with_its_node(sim: Sim, to_engine: Connect) -> None:
    engine = to_engine(sim.docker_host("bravo"))
    sim.node("alpha")
    seen = engine.events(["node"], sim.now - 10, 5)
    assert next(seen)["Type"] == "node"
    sim.crash("bravo")
    with pytest.raises(EngineUnreachable):
        list(seen)

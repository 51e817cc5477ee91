# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managers' Raft from a client's point of view."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import election
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.election import ElectionPatience
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._model.member_steps import SetAvailability
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineError,
    LateConsensus,
    NoLeader,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from tests.behaviour.world import SECOND, LabWorld, SimWorld, Swarm
from tests.sim import Sim
from tests.sim.faults import DEADLINE_EXCEEDED, Fault

Connect = Callable[[str], Engine]


def test_another_manager_leads_after_a_lost_leader(sim: Sim, swarm: Swarm, to_engine: Connect) -> None:
    swarm.run("web", 3)
    others = {name: to_engine(sim.docker_host(name)) for name in ("bravo", "charlie")}
    assert observe(others["bravo"]).is_leader is False
    sim.crash("alpha")
    with pytest.raises(NoLeader):
        others["bravo"].list_nodes()

    sim.wait_until(lambda: sim.cluster.leader, 20)
    leaders = [name for name, engine in others.items() if observe(engine).is_leader]
    assert len(leaders) == 1
    sim.wait_until(lambda: sim.node("alpha").state == "down", 30)
    sim.wait_until(lambda: len(sim.where("web")) == 3, 30)
    assert "alpha" not in sim.where("web")

    sim.boot("alpha")
    sim.wait_until(lambda: sim.node("alpha").state == "ready", 30)
    assert observe(to_engine(sim.docker_host("alpha"))).is_leader is False


@pytest.fixture
def simulated_sleep(sim: Sim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated time passes during the wait for an election."""
    monkeypatch.setattr(election, "time", SimpleNamespace(monotonic=lambda: sim.now, sleep=sim.advance))


def drain(sim: Sim, name: str) -> Plan:
    step = SetAvailability(
        host=name, node_id=sim.node(name).id, availability_before="active", availability="drain", why=()
    )
    return Plan(steps=(step,))


@pytest.mark.usefixtures("simulated_sleep")
def test_carry_out_waits_for_an_election(sim: Sim, to_engine: Connect) -> None:
    engine = to_engine(sim.docker_host("bravo"))
    sim.crash("alpha")
    assert [type(lost.error) for lost in carry_out(engine, drain(sim, "charlie")).failures] == [str]
    outcome = carry_out(engine, drain(sim, "charlie"), patience=ElectionPatience())
    assert (outcome.failures, outcome.changed) == ((), True)
    assert sim.node("charlie").spec["Availability"] == "drain"


@pytest.mark.usefixtures("simulated_sleep")
def test_carry_out_repeats_a_change_on_which_managers_do_not_agree_in_time(
    sim: Sim, to_engine: Connect
) -> None:
    engine = to_engine(sim.docker_host("bravo"))
    late = Fault(method="POST", path="/nodes/.*/update", status=500, message=DEADLINE_EXCEEDED, times=3)
    sim.fail(late)
    assert len(carry_out(engine, drain(sim, "charlie")).failures) == 1
    outcome = carry_out(engine, drain(sim, "charlie"), patience=ElectionPatience())
    assert (outcome.failures, outcome.changed, late.hits) == ((), True, 3)
    assert sim.node("charlie").spec["Availability"] == "drain"


@pytest.mark.usefixtures("simulated_sleep")
def test_late_change_that_happens_after_all_is_a_change(
    sim: Sim, to_engine: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = to_engine(sim.docker_host("bravo"))
    update, calls = engine.update_node, []

    def update_late(*arguments: Any) -> None:
        calls.append(arguments)
        update(*arguments)
        raise LateConsensus("late")

    monkeypatch.setattr(engine, "update_node", update_late)
    outcome = carry_out(engine, drain(sim, "charlie"), patience=ElectionPatience())
    assert (outcome.failures, outcome.changed, len(calls)) == ((), True, 1)
    assert sim.node("charlie").spec["Availability"] == "drain"


@pytest.mark.usefixtures("simulated_sleep")
def test_carry_out_gives_up_without_a_quorum(sim: Sim, to_engine: Connect) -> None:
    engine = to_engine(sim.docker_host("bravo"))
    sim.crash("alpha")
    sim.crash("charlie")
    plan = drain(sim, "charlie") + drain(sim, "alpha")
    start = sim.now
    assert len(carry_out(engine, plan, patience=ElectionPatience(30)).failures) == 2
    assert 30 <= sim.now - start < 32


def test_lost_majority_stops_everything(sim: Sim, to_engine: Connect) -> None:
    engine = to_engine(sim.docker_host("alpha"))
    sim.crash("bravo")
    sim.cut("charlie")
    sim.advance(60)
    with pytest.raises(NoLeader):
        engine.list_services()
    assert sim.node("bravo").state == "ready"
    sim.mend("charlie")
    sim.wait_until(lambda: sim.cluster.leader, 20)
    sim.wait_until(lambda: sim.node("bravo").state == "down", 30)
    assert len(engine.list_nodes()) == 3


def test_new_leader_continues_running_work(sim: Sim, swarm: Swarm) -> None:
    swarm.run("web", 3, update={"Delay": 5 * SECOND})
    before = swarm.ids("web")
    swarm.force("web")
    swarm.until(lambda: len(swarm.ids("web") & before) == 2, "the first task")
    sim.elect("bravo")
    assert {node.state for node in sim.store.nodes.values()} == {"unknown"}
    swarm.settled("web")
    assert len(swarm.running("web")) == 3
    assert not swarm.ids("web") & before
    assert {node.state for node in sim.store.nodes.values()} == {"ready"}


def test_demotion_never_costs_the_quorum(sim: Sim, swarm: Swarm) -> None:
    sim.crash("charlie")
    sim.advance(30)
    with pytest.raises(EngineError, match="this would result in a loss of quorum"):
        swarm.change_node("bravo", Role="worker")
    swarm.change_node("charlie", Role="worker")
    sim.advance(2)
    assert sorted(sim.store.managers) == sorted(sim.node(name).id for name in ("alpha", "bravo"))
    swarm.engine._request("DELETE", f"/nodes/{sim.node('charlie').id}", None, {})
    assert len(swarm.engine.list_nodes()) == 2


def test_disconnected_node_keeps_running(sim: Sim, swarm: Swarm) -> None:
    """An overlap that only fencing can exclude."""
    swarm.run("db", 1, placement={"Constraints": ["node.hostname!=alpha", "node.hostname!=bravo"]})
    swarm.constrain("db")
    sim.cut("charlie")
    sim.wait_until(lambda: sim.where("db") and sim.where("db") != ["charlie"], 40)
    assert [container.task.spec.name for container in sim.containers("charlie")] == ["db"]
    sim.mend("charlie")
    sim.wait_until(lambda: not sim.containers("charlie"), 10)
    assert len(sim.where("db")) == 1


def test_worlds_have_the_same_methods() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(SimWorld) == methods(LabWorld)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job for membership repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import Outcome, StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    DesiredState,
    NodeConfig,
    SwarmConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Handover, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.heal import HealJob
from orcastra_runner.jobs import JobError, Work
from tests.support.builders import node, service, snapshot
from tests.unit.orcastra_runner.conftest import Log


class FakeSwarm:
    def __init__(self, seen: SwarmSnapshot) -> None:
        self.snapshot = seen
        self.state = State()
        self.carried_out: list[Plan] = []
        self.described = 0
        self.error: str | None = None

    def observe(self) -> Observation:
        return Observation(self.snapshot, self.state, (), "", "", 0)

    def invalidate(self) -> None:
        pass

    def describe(self) -> dict[str, Any]:
        self.described += 1
        return {"Spec": {}}

    def carry_out(self, plan: Plan) -> Outcome:
        self.carried_out.append(plan)
        return Outcome(tuple(StepResult(step, changed=True, error=self.error) for step in plan.steps))


def manager(name: str, **fields: Any) -> Node:
    return node(name, **{"role": "manager", "reachability": "reachable", **fields})


class Bench:
    """A job, a clock, and the playbooks that it started."""

    def __init__(self, *nodes: Node, desired: DesiredState, with_inventory: bool = True) -> None:
        self.now = 0.0
        self.swarm = FakeSwarm(snapshot(*nodes))
        self.started: list[Mapping[str, Any]] = []
        self.ok = True
        self.job = HealJob(300.0, clock=lambda: self.now)
        self.work = Work(
            swarm=self.swarm,  # type: ignore[arg-type]
            desired=desired,
            run_playbook=None,  # type: ignore[arg-type]
            run_on_hosts=self._run if with_inventory else None,
        )

    def _run(self, name: str, variables: Mapping[str, Any] | None = None, /) -> PlaybookResult:
        assert name == "orcastra.swarm.heal"
        self.started.append(variables or {})
        task = TaskResult("Join", "c", ok=self.ok, changed=self.ok, message="c: cannot be reached")
        return PlaybookResult(name, "successful" if self.ok else "failed", 1.0, (task,))

    def run(self, after: float = 300.0) -> bool:
        self.now += after
        return self.job.run(self.work)


NODES = {name: NodeConfig(name) for name in "abc"}
WHOLE = tuple(manager(name) for name in "abc")


def test_heal_job_does_nothing_in_a_quiet_cycle() -> None:
    bench = Bench(*WHOLE, desired=DesiredState(nodes=NODES, managers=3))
    assert [bench.run(), bench.run()] == [False, False]
    assert (bench.started, bench.swarm.carried_out, bench.swarm.described) == ([], [], 0)


def test_heal_job_requests_settings_only_if_configured() -> None:
    bench = Bench(*WHOLE, desired=DesiredState(nodes=NODES, swarm=SwarmConfig(task_history_limit=3)))
    assert bench.run()
    assert bench.swarm.described == 1
    assert [step.action for step in bench.swarm.carried_out[0].steps] == ["update_swarm"]


def test_heal_job_keeps_roles_unless_configured() -> None:
    demoted = (manager("a"), manager("b"), node("c"))
    assert not Bench(*demoted, desired=DesiredState(nodes=NODES)).run()
    bench = Bench(*demoted, desired=DesiredState(nodes=NODES, managers=3))
    assert bench.run()
    (step,) = bench.swarm.carried_out[0].steps
    assert (step.action, step.wait_seconds) == ("promote_node", 8.0)  # type: ignore[attr-defined]
    bench.swarm.error = "no"
    with pytest.raises(JobError, match="no"):
        bench.run()


def test_heal_job_keeps_nodes_drained_by_a_command() -> None:
    drained = (*WHOLE[:2], manager("c", availability="drain"))
    bench = Bench(
        *drained, desired=DesiredState(nodes={**NODES, "c": NodeConfig("c", availability="active")})
    )
    bench.swarm.state = State(asked_availability={"id-c": 1.0})
    assert not bench.run()
    bench.swarm.state = State()
    assert bench.run()


def test_heal_job_only_reports_paused_updates_unless_configured(logged: Log) -> None:
    bench = Bench(*WHOLE, desired=DesiredState(nodes=NODES))
    paused = service("app", update_state="paused", can_roll_back=True)
    bench.swarm.snapshot = replace(bench.swarm.snapshot, services=(paused,))
    assert not bench.run()
    (warning,) = logged.sentences
    assert warning.endswith(
        str(
            Reason(
                "update_needs_user_or_rollback",
                service="app",
                because=Reason("update_paused", service="app", message=None),
            )
        )
    )
    bench.work.desired = DesiredState(nodes=NODES, swarm=SwarmConfig(paused_updates="auto"))
    assert bench.run()
    assert [step.action for step in bench.swarm.carried_out[0].steps] == ["roll_back"]


def test_heal_job_changes_nothing_in_a_dry_run() -> None:
    down = manager("c", state="down")
    bench = Bench(manager("a", availability="pause"), manager("b"), down, desired=DesiredState(nodes=NODES))
    nodes = {**NODES, "a": NodeConfig("a", availability="active")}
    bench.work = replace(bench.work, dry_run=True, desired=DesiredState(nodes=nodes))
    assert bench.run()
    bench.run()
    assert (bench.started, bench.swarm.carried_out) == ([], [])


def test_heal_job_repairs_missing_hosts_with_backoff() -> None:
    bench = Bench(manager("a"), manager("b"), manager("c", state="down"), desired=DesiredState(nodes=NODES))
    assert not bench.run()
    assert bench.started == []
    bench.ok = False
    runs = []
    for _cycle in range(16):
        before = len(bench.started)
        bench.run()
        runs.append(len(bench.started) - before)
    assert runs == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    # the number of managers stays the same
    assert bench.started[0] == {"orcastra_managers": 3}
    bench.swarm.snapshot = snapshot(*WHOLE)
    assert not bench.run()


def test_heal_job_without_inventory_warns_once(logged: Log) -> None:
    bench = Bench(manager("a"), desired=DesiredState(nodes=NODES), with_inventory=False)
    assert [bench.run(), bench.run()] == [False, False]
    reasons = [entry["summary"] for entry in logged.entries if entry["event"] == "configured node missing"]
    assert [(reason["code"], reason["params"]["name"]) for reason in reasons] == [
        ("node_missing", "b"),
        ("node_missing", "c"),
    ]


def test_heal_job_fails_with_a_way_out_if_quorum_is_lost() -> None:
    gone = {"reachability": "unreachable"}
    bench = Bench(manager("a"), manager("b", **gone), manager("c", **gone), desired=DesiredState(nodes=NODES))
    with pytest.raises(OrcastraError, match="lost its quorum"):
        bench.run()


def test_heal_job_records_plan_and_repairs_for_hosts() -> None:
    down = manager("c", state="down")
    nodes = {**NODES, "a": NodeConfig("a", availability="active")}
    bench = Bench(manager("a", availability="pause"), manager("b"), down, desired=DesiredState(nodes=nodes))
    bench.run()
    planned = bench.work.status.view().plans["heal"]
    assert [step.action for step in planned.steps] == ["set_availability"]
    down_reason = Reason("node_not_ready", node="c", state="down")
    assert planned.warnings == (
        Reason("host_repaired_by_playbook", because=down_reason, playbook="orcastra.swarm.heal"),
    )
    bench.work = replace(bench.work, run_on_hosts=None)
    bench.run()
    (warning,) = bench.work.status.view().plans["heal"].warnings
    assert warning == Reason("host_repaired_by_user", because=down_reason, playbook="orcastra.swarm.heal")


def test_heal_job_ignores_hosts_that_another_instance_reboots() -> None:
    bench = Bench(manager("a"), manager("b"), manager("c", state="down"), desired=DesiredState(nodes=NODES))
    bench.swarm.state = State(handovers={"k": Handover(("id-c",), ("c",), "boot", 1.0, by="a")})
    assert [bench.run(), bench.run()] == [False, False]
    bench.swarm.state = State()
    bench.run()
    assert bench.started == []
    bench.run()
    assert len(bench.started) == 1

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container health repair: grace periods, order of steps, exceptions, and giving up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.node import (
    SERVICE_ID_LABEL,
    SERVICE_NAME_LABEL,
    TASK_ID_LABEL,
    Container,
    Health,
    NodeView,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_state import (
    Heal,
    NodeState,
    apply_node_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import (
    Ended,
    HealPlan,
    HealRules,
    plan_autoheal,
)

NOW = 1_000_000.0
RULES = HealRules(grace=60, stop_timeout=10, backoff=60, attempts=3, window=3600)
TASK = {SERVICE_ID_LABEL: "s1", SERVICE_NAME_LABEL: "web", TASK_ID_LABEL: "t1"}
GRACE = {"s1": 10.0}


def ill(since: float, labels: Mapping[str, str] = TASK, **fields: Any) -> Container:
    """A container that runs and is unhealthy for ``since`` seconds."""
    health = Health("unhealthy", failing_streak=5, retries=3, since=NOW - since)
    return replace(
        Container(id="c1", name="web.1.t1", state="running", labels=labels, health=health), **fields
    )


def ended(exit_code: int, ago: float = 100, **fields: Any) -> Container:
    return ill(ago, state="exited", finished=NOW - ago, exit_code=exit_code, **fields)


def swarm(service: Service | None = None, *tasks: Task) -> SwarmSnapshot:
    service = service or Service(id="s1", name="web")
    old = Task(id="t1", service_id="s1", node_id="n1", state="complete", desired_state="shutdown", slot=1)
    return SwarmSnapshot(nodes=(Node(id="n1", hostname="alpha"),), services=(service,), tasks=(old, *tasks))


def heal(*containers: Container, state: NodeState | None = None, **options: Any) -> HealPlan:
    options = {"stop_grace": GRACE, **options}
    rules = options.pop("rules", RULES)
    view = NodeView("e1", "alpha", NOW, "active", containers=containers)
    return plan_autoheal(view, rules, state or NodeState(), **options)


def whats(plan: HealPlan) -> list[str]:
    return [step.summary for step in plan.plan.steps]


def test_heal_waits_for_both_grace_periods() -> None:
    early = heal(ill(69))
    assert (whats(early), early.plan.requeue_after, early.settled) == ([], 1.0, frozenset())
    assert whats(heal(ill(71))) == ["stop web.1.t1 of web"]
    (step,) = heal(ill(71)).plan.steps
    assert step.why == (Reason("unhealthy_for", seconds=71.0, checks=5), Reason("task_still_running"))
    assert step.why_not == (Reason("forced_update_restarts_all"),)
    assert heal(ill(71)).plan.steps[0].timeout_seconds == 10  # type: ignore[attr-defined]


def test_stop_grace_comes_from_service_label_or_default() -> None:
    assert whats(heal(ill(100), stop_grace={"s1": 90.0})) == []
    assert whats(heal(ill(100), stop_grace={})) == []
    assert whats(heal(ill(361), stop_grace={})) == ["stop web.1.t1 of web"]
    labelled = ill(66, {**TASK, "autoheal.stop.timeout": "5"})
    assert whats(heal(labelled, stop_grace={})) == ["stop web.1.t1 of web"]


@pytest.mark.parametrize(
    ("labels", "label", "expected"),
    [
        (TASK, "autoheal", ["stop web.1.t1 of web"]),
        ({**TASK, "autoheal": "false"}, "autoheal", []),
        ({**TASK, "autoheal": "False"}, "all", []),
        ({**TASK, "mine": "0"}, "mine", []),
        ({}, "autoheal", []),
        ({"autoheal": "true"}, "autoheal", ["restart web.1.t1"]),
        ({"autoheal": "true"}, "mine", []),
        ({}, "all", ["restart web.1.t1"]),
        ({"autoheal": "false"}, "all", []),
    ],
)
def test_labels_opt_tasks_out_and_plain_containers_in(
    labels: Mapping[str, str], label: str, expected: list[str]
) -> None:
    plan = heal(ill(1000, labels), rules=replace(RULES, label=label))
    assert whats(plan) == expected
    assert (plan.settled == {"c1"}) == (not expected)


def test_service_can_opt_out() -> None:
    snapshot = swarm(Service(id="s1", name="web", labels={"autoheal": "false"}))
    assert whats(heal(ill(1000), snapshot=snapshot)) == []
    assert whats(heal(ended(0), snapshot=snapshot)) == []


def test_heal_ignores_healthy_paused_and_starting_containers() -> None:
    healthy = ill(1000, health=Health("healthy"))
    plan = heal(healthy, ill(1000, state="restarting"), ill(1000, state="paused"))
    assert whats(plan) == []
    assert plan.plan.notes == (Reason("unhealthy_but_paused", container="web.1.t1 of web"),)


def test_heal_ignores_containers_that_were_only_paused() -> None:
    unpaused = ill(NOW, health=Health("unhealthy", failing_streak=0, retries=3, since=0.0))
    assert heal(unpaused) == HealPlan()
    assert heal(replace(unpaused, state="paused")) == HealPlan()


def test_backoff_doubles_until_giving_up() -> None:
    state, done = NodeState(), []
    for second in range(0, 2000, 10):
        view = NodeView("e1", "alpha", NOW + second, "active", containers=(ill(1000),))
        plan = plan_autoheal(view, RULES, state, stop_grace=GRACE)
        edits = [*plan.plan.remember, *(edit for step in plan.plan.steps for edit in step.intent_edits)]
        state = apply_node_edits(state, edits)  # type: ignore[arg-type]
        done += [(second, "stop")] * len(plan.plan.steps)
        done += [(second, reason.code) for reason in plan.given_up]
        assert plan.plan.warnings == plan.given_up
    assert done == [(0, "stop"), (60, "stop"), (180, "stop"), (420, "healing_given_up")]


def test_attempts_are_forgotten_after_a_healthy_window() -> None:
    state = NodeState(
        heals={"s1": Heal((1.0,), given_up=NOW - 4000, seen=NOW - 4000), "s2": Heal(seen=NOW - 10)}
    )
    assert apply_node_edits(state, heal(state=state).plan.remember).heals.keys() == {"s2"}  # type: ignore[arg-type]
    # unhealthy all the time: it stays given up
    assert "s1" in apply_node_edits(state, heal(ill(9000), state=state).plan.remember).heals  # type: ignore[arg-type]


ON_FAILURE = Service(id="s1", name="web", restart_condition="on-failure", force_update=3)


def test_service_restarts_only_if_swarm_replaces_nothing() -> None:
    plan = heal(ended(0), snapshot=swarm(ON_FAILURE))
    assert whats(plan) == ["restart web"]
    assert plan.plan.steps[0].after == {"force_update": 4}
    assert plan.plan.steps[0].why == (Reason("ended_unhealthy_as_success"),)
    assert plan.plan.steps[0].why_not == (Reason("ended_container_not_replaced"),)
    exhausted = heal(ended(137), snapshot=swarm(ON_FAILURE))
    assert exhausted.plan.steps[0].why == (Reason("restart_attempts_exhausted"),)

    again = Task(id="t2", service_id="s1", node_id="n2", state="ready", desired_state="ready", slot=1)
    replaced = heal(ended(0), snapshot=swarm(ON_FAILURE, again))
    assert (whats(replaced), replaced.settled) == ([], {"c1"})


@pytest.mark.parametrize(
    ("service", "note"),
    [
        (replace(ON_FAILURE, update_state="updating"), "ended_unhealthy_in_update"),
        (replace(ON_FAILURE, update_state="rollback_paused"), "ended_unhealthy_in_update"),
        (replace(ON_FAILURE, restart_condition="none"), "ended_unhealthy_runs_once"),
        (replace(ON_FAILURE, replicas=0), None),
        (replace(ON_FAILURE, mode="replicated-job"), None),
        (replace(ON_FAILURE, id="other"), None),
    ],
)
def test_service_is_not_restarted(service: Service, note: str | None) -> None:
    plan = heal(ended(0), snapshot=swarm(service))
    assert whats(plan) == []
    assert plan.plan.notes == (() if note is None else (Reason(note, service="web"),))


def test_completed_task_is_ignored() -> None:
    # a service that runs to completion, like a migration: the engine reports it as unhealthy when it has
    # ended
    well = ended(0, health=Health("unhealthy", failing_streak=1, retries=3))
    plan = heal(well, snapshot=swarm(ON_FAILURE))
    assert (whats(plan), plan.settled) == ([], {"c1"})
    assert whats(heal(ended(0, ago=90_000), snapshot=swarm(ON_FAILURE))) == []
    assert heal(ended(0, ago=30), snapshot=swarm(ON_FAILURE)).plan.requeue_after == 30


def test_many_tasks_need_one_restart_in_turn() -> None:
    other = {**TASK, TASK_ID_LABEL: "t0"}
    snapshot = swarm(replace(ON_FAILURE, replicas=2))
    older = Task(id="t0", service_id="s1", node_id="n1", state="complete", desired_state="shutdown", slot=2)
    snapshot = replace(snapshot, tasks=(*snapshot.tasks, older))
    assert whats(heal(ended(0), ended(0, id="c0", labels=other), snapshot=snapshot)) == ["restart web"]
    state = NodeState(heals={"s1": Heal(attempts=(NOW - 10,), seen=NOW - 10)})
    assert heal(ended(0), snapshot=snapshot, state=state).plan.requeue_after == 50


def test_global_service_is_judged_per_node() -> None:
    service = replace(ON_FAILURE, mode="global", replicas=None)
    assert whats(heal(ended(0), snapshot=swarm(service))) == ["restart web"]
    drained = replace(swarm(service), nodes=(Node(id="n1", hostname="alpha", availability="drain"),))
    assert whats(heal(ended(0), snapshot=drained)) == []


def test_worker_defers_cases_to_a_manager() -> None:
    plan = heal(ended(0))
    assert plan.for_manager == (Ended("s1", "web", "t1", 0, NOW - 100),)
    assert (whats(plan), plan.settled) == ([], {"c1"})
    taken = heal(snapshot=swarm(ON_FAILURE), ended_elsewhere=plan.for_manager)
    assert whats(taken) == ["restart web"]

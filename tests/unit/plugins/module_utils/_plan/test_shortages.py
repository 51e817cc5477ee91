# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that are short of tasks, and the reasons."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import (
    FAILING,
    NODE_LOST,
    PAUSED,
    STARTING,
    STOPPED,
    WAITING,
    Shortage,
    without_ids,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service, Task
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.finished import is_finished
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import (
    FRESH_REQUEUE_SECONDS,
    REQUEUE_SECONDS,
    expected_and_running,
    plan_short,
    requeue_after,
    shortages,
)
from tests.support.builders import node, service, snapshot, task

NOW = 10_000.0
NODES = (node("a"), node("b"), node("c", availability="drain"), node("d", state="down"))
TASK_ID = "ymv7rjk9h0ynk2vd1c8qkzw3p"
CONTAINER_ID = "3f2a9c0d1e4b5a6978877665544332211ffeeddccbbaa99887766554433221100"[:64]


def old(state: str, on: str | None = "a", ago: float = 10, **fields: Any) -> Task:
    """A task that has ended."""
    desired = {"state": state, "desired_state": "shutdown", "created": NOW - ago, "id": f"{state}-{ago}"}
    return task("web", on, **{**desired, **fields})


def new(state: str, on: str | None = "a", ago: float = 1, **fields: Any) -> Task:
    """A task that should run."""
    return task("web", on, **{"state": state, "created": NOW - ago, "id": f"new-{state}-{ago}", **fields})


def found(web: Service, *tasks: Task) -> Shortage | None:
    seen = snapshot(*NODES, web, *tasks)
    short = shortages(seen, NOW)
    assert len(short) <= 1
    if short:
        expected, running = expected_and_running(seen, web)
        assert (short[0].expected, short[0].running) == (expected, running)
        assert short[0].expected > short[0].running
    return short[0] if short else None


UNPLACED: dict[str, Any] = {"constraints": ("node.labels.x==1",)}
REFUSED = "No such image: web:2"

# The tasks of a service with one replica, and the expected code and whether it may pass by itself.
CASES: dict[str, tuple[dict[str, Any], list[Task], tuple[str, bool] | None]] = {
    "runs": ({}, [new("running")], None),
    "runs after failures": ({}, [new("running"), old("failed"), old("failed", ago=20)], None),
    "runs on a paused node": ({}, [new("running", "c")], None),
    "scaled to 0": ({"replicas": 0}, [old("shutdown")], None),
    "scaled to 0 while it stops": ({"replicas": 0}, [old("running")], None),
    "more tasks than replicas": ({}, [new("running"), new("running", "b", slot=2)], None),
    "waits for two seconds": ({}, [new("pending", None, 2)], (WAITING, True)),
    "waits for a minute": (UNPLACED, [new("pending", None, 60)], (WAITING, False)),
    "waits despite a suitable node": ({}, [new("pending", None, 60)], (WAITING, False)),
    "starts": ({}, [new("preparing", ago=5)], (STARTING, True)),
    "starts for long": ({}, [new("preparing", ago=90)], (STARTING, False)),
    "was just created": ({}, [], (STARTING, True)),
    "is assigned": ({}, [new("assigned")], (STARTING, True)),
    "ran on a node that is down": ({}, [new("running", "d")], (NODE_LOST, True)),
    "ran on a node that has left": ({}, [new("running", "gone")], (NODE_LOST, True)),
    "failed once": ({}, [new("ready", desired_state="ready"), old("failed", exit_code=1)], (FAILING, True)),
    "failed once, and starts for long": (
        {},
        [new("preparing", ago=90), old("failed", ago=100)],
        (FAILING, False),
    ),
    "fails again and again": ({}, [new("starting"), old("failed"), old("failed", ago=20)], (FAILING, False)),
    "is rejected repeatedly": (
        {},
        [new("pending", None), old("rejected", error=REFUSED), old("rejected", ago=20, error=REFUSED)],
        (FAILING, False),
    ),
    "failed long ago, and now again": (
        {},
        [new("starting"), old("failed", ago=4000), old("failed", ago=9000)],
        (FAILING, True),
    ),
    "ends well repeatedly": (
        {},
        [new("starting"), old("complete"), old("complete", ago=20)],
        (FAILING, False),
    ),
    "rests between two runs": (
        {"restart_delay_seconds": 3600.0},
        [new("ready", desired_state="ready", ago=900), old("complete", ago=905)],
        None,
    ),
    "runs again after a rest": (
        {"restart_delay_seconds": 120.0},
        [new("starting"), old("complete", ago=130), old("complete", ago=260)],
        (STARTING, True),
    ),
    "was moved by a label, and waits": (
        UNPLACED,
        [new("pending", None, 5), old("rejected", error="assigned node no longer meets constraints")],
        (WAITING, True),
    ),
    "is being updated": ({"update_state": "updating"}, [new("starting"), old("running")], (STARTING, True)),
    "update is paused": (
        {"update_state": "paused", "update_message": "update paused due to failure"},
        [new("starting"), old("failed")],
        (PAUSED, False),
    ),
    "is given up": ({}, [old("failed", exit_code=3)], (STOPPED, False)),
    "was just given up": (
        {},
        [old("failed", since=datetime.fromtimestamp(NOW - 3, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z"))],
        (FAILING, True),
    ),
    "has finished": ({"restart_condition": "none"}, [old("complete")], None),
    "has finished well": (
        {"restart_condition": "on-failure"},
        [old("complete"), old("failed", ago=20)],
        None,
    ),
    "has finished before its history was cut": ({"restart_condition": "none"}, [], None),
    "runs once, and failed": (
        {"restart_condition": "none"},
        [old("failed", exit_code=1)],
        (STOPPED, False),
    ),
    "finished, then was run again": (
        {"restart_condition": "none"},
        [new("preparing"), old("complete")],
        (STARTING, True),
    ),
    "ended well, but should run forever": ({}, [old("complete")], (STOPPED, False)),
}


@pytest.mark.parametrize("case", CASES)
def test_shortage_of_a_service_with_one_task(case: str) -> None:
    fields, tasks, expected = CASES[case]
    short = found(service("web", **fields), *tasks)
    assert (None if short is None else (short.code, short.is_fresh)) == expected, short


GLOBAL: dict[str, tuple[dict[str, Any], list[Task], str | None]] = {
    "runs everywhere": ({}, [new("running", "a"), new("running", "b")], None),
    "a node lacks it": ({}, [new("running", "a")], STARTING),
    "no node is meant": (UNPLACED, [], None),
    "one node is meant": ({"constraints": ("node.hostname==a",)}, [new("running", "a")], None),
    "waits on its node": (
        {"reserved_memory_bytes": 1024**3},
        [new("running", "a"), new("pending", "b", 60)],
        WAITING,
    ),
    "rejected on one node": (
        {},
        [new("running", "a"), new("ready", "b"), old("rejected", "b"), old("rejected", "b", 20)],
        FAILING,
    ),
    "finished on one node": (
        {"restart_condition": "none"},
        [new("running", "a"), old("complete", "b")],
        None,
    ),
    "given up on one node": (
        {"restart_condition": "none"},
        [new("running", "a"), old("failed", "b")],
        STOPPED,
    ),
    "is left on a node that is drained": (
        {},
        [new("running", "a"), new("running", "b"), old("shutdown", "c")],
        None,
    ),
}


@pytest.mark.parametrize("case", GLOBAL)
def test_shortage_of_a_global_service(case: str) -> None:
    fields, tasks, expected = GLOBAL[case]
    short = found(service("web", mode="global", replicas=None, **fields), *tasks)
    assert (None if short is None else short.code) == expected, short


JOBS: dict[str, tuple[list[Task], str | None]] = {
    "runs": ([new("running", desired_state="complete")], None),
    "has run": ([old("complete", desired_state="complete")], None),
    "has failed for good": ([old("failed", desired_state="complete")], None),
    "starts": ([new("preparing", desired_state="complete")], None),
    "waits for a node": ([new("pending", None, 60, desired_state="complete")], WAITING),
    "is rejected repeatedly": (
        [new("ready", desired_state="complete"), old("rejected"), old("rejected", ago=20)],
        FAILING,
    ),
}


@pytest.mark.parametrize("mode", ["replicated-job", "global-job"])
@pytest.mark.parametrize("case", JOBS)
def test_shortage_of_a_job(case: str, mode: str) -> None:
    tasks, expected = JOBS[case]
    short = found(service("web", mode=mode, **UNPLACED), *tasks)
    assert (None if short is None else short.code) == expected, short


def test_shortage_of_some_tasks() -> None:
    web = service("web", replicas=4, constraints=("node.hostname==a",))
    short = found(
        web,
        new("running"),
        new("pending", None, 60, slot=2),
        new("starting", slot=3),
        old("failed", slot=3, error="task: non-zero exit (1)"),
        old("failed", ago=20, slot=3, error="task: non-zero exit (1)"),
        old("failed", slot=4, exit_code=9),
    )
    assert short is not None
    assert (short.code, short.expected, short.running, short.is_fresh) == (FAILING, 4, 1, False)
    assert short.errors == ("exit code 9", "task: non-zero exit (1)")
    assert codes(short.reasons) == [
        "tasks_fail_repeatedly",
        "tasks_wait_despite_suitable_node",
        "tasks_given_up",
    ]
    assert short.reasons[0] == Reason(
        "tasks_fail_repeatedly", count=1, nodes=["a"], errors=["task: non-zero exit (1)"]
    )


def test_finished_tasks_reduce_the_expected_number() -> None:
    web = service("web", replicas=3, restart_condition="on-failure")
    seen = snapshot(*NODES, web, new("running"), old("complete", slot=2), new("pending", None, slot=3))
    assert expected_and_running(seen, web) == (2, 1)


def test_engine_errors_are_reported_without_variable_parts() -> None:
    error = f"driver failed on endpoint web.1.{TASK_ID} ({CONTAINER_ID}): Bind for 0.0.0.0:80 failed"
    short = found(
        service("web"), new("starting"), old("failed", error=error), old("failed", ago=20, error=error)
    )
    assert short is not None
    assert short.errors == ("driver failed on endpoint web.1.… (…): Bind for 0.0.0.0:80 failed",)
    assert short.reason == Reason(
        "service_short_of_tasks",
        service="web",
        reasons=[Reason("tasks_fail_repeatedly", count=1, nodes=["a"], errors=short.errors)],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"task {TASK_ID} failed", "task … failed"),
        (f"container {CONTAINER_ID[:12]} is gone", "container … is gone"),
        ("a  line\nand another", "a line and another"),
        ("No such image: registry.example.org:5000/team/app:1.2.3", None),
        ('invalid mount config for type "bind": bind source path does not exist: /srv/data', None),
        ("create x: volume name is too short, names should be at least two alphanumeric characters", None),
        ("telecommunication is no ID, nor is decade, nor are facade and 123456789012", None),
        ("accessibilityaccessibilit is a word of 25 letters", None),
    ],
)
def test_engine_errors_are_reported_without_ids(text: str, expected: str | None) -> None:
    assert without_ids(text) == (text if expected is None else expected)


@pytest.mark.parametrize("seconds", [1, 60], ids=["only just", "for a minute"])
def test_shortage_allows_swarm_time_to_notice_a_node(seconds: int) -> None:
    web = service("web", constraints=("node.labels.disk == ssd",))
    waiting = new("pending", None, 600, message="no suitable node")
    (short,) = shortages(
        snapshot(node("a", labels={"disk": "ssd"}, updated=NOW - seconds), web, waiting), NOW
    )
    assert short.is_fresh == (seconds == 1)
    assert codes(short.reasons) == ["tasks_wait" if seconds == 1 else "tasks_wait_despite_suitable_node"]


def test_plan_short_warns_only_of_lasting_shortages() -> None:
    seen = snapshot(
        *NODES,
        service("a"),
        service("b", **UNPLACED),
        service("c", update_state="paused"),
        task("a", "a", state="starting", created=NOW - 1),
        task("b", None, state="pending", created=NOW - 60),
        task("c", "a", state="failed", desired_state="shutdown"),
    )
    assert [short.service for short in shortages(seen, NOW)] == ["a", "b", "c"]
    (warning,) = plan_short(seen, NOW).warnings
    assert isinstance(warning, Reason)
    assert (warning.code, warning.params["service"]) == ("service_short_of_tasks", "b")
    (reason,) = warning.params["reasons"]
    assert reason.params["unsuitable"][0] == Reason(
        "nodes_unsuitable",
        nodes=["a", "b"],
        obstacles=[Reason("constraint_violated", constraint="node.labels.x==1")],
    )


def test_requeue_after_depends_on_the_shortage() -> None:
    fresh = Shortage("a", STARTING, 1, 0, (), is_fresh=True)
    lasting = Shortage("b", WAITING, 1, 0, ())
    assert requeue_after(()) is None
    assert requeue_after((lasting,)) == REQUEUE_SECONDS
    assert requeue_after((lasting, fresh)) == FRESH_REQUEUE_SECONDS


@pytest.mark.parametrize("condition", ["none", "on-failure", "any"])
@pytest.mark.parametrize("state", ["complete", "failed", "rejected", "shutdown", "running"])
def test_finished_tasks_are_no_shortage(condition: str, state: str) -> None:
    ended = old(state)
    expected = state == "complete" and condition != "any"
    assert is_finished(ended, service("web", restart_condition=condition)) == expected


STATES = (
    "new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running",
    "complete", "shutdown", "failed", "rejected", "remove", "orphaned",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(100))
def test_shortages_accept_any_snapshot(seed: int) -> None:
    """It never fails, and its counts match its reasons."""
    chance = random.Random(seed)
    modes = ("replicated", "global", "replicated-job", "global-job")
    services = [
        service(
            f"s{number}",
            mode=(mode := chance.choice(modes)),
            replicas=None if mode.startswith("global") else chance.randrange(4),
            restart_condition=chance.choice(("any", "none", "on-failure")),
            restart_delay_seconds=chance.choice((0.0, 5.0, 600.0)),
            constraints=chance.choice(((), ("node.hostname==a",), ("node.labels.x==1",), ("nonsense",))),
            reserved_memory_bytes=chance.choice((0, 2**40)),
            update_state=chance.choice((None, "updating", "paused", "rollback_paused", "completed")),
        )
        for number in range(4)
    ]
    tasks = [
        task(
            f"s{chance.randrange(5)}",
            chance.choice(("a", "b", "c", "d", "gone", None)),
            id=f"t{number}",
            slot=chance.choice((None, 1, 2, 3)),
            state=chance.choice(STATES),
            desired_state=chance.choice(("running", "ready", "shutdown", "remove", "complete")),
            created=NOW - chance.choice((0, 1, 30, 400, 10_000)),
            since=chance.choice(("", "2026-01-01T00:00:00.5Z", "nonsense")),
            error=chance.choice(("", "boom", f"task {TASK_ID}")),
            exit_code=chance.choice((None, 0, 1)),
        )
        for number in range(chance.randrange(30))
    ]
    seen = snapshot(*NODES, *services, *tasks)
    found = {short.service: short for short in shortages(seen, NOW)}
    for one in services:
        expected, running = expected_and_running(seen, one)
        assert (one.name in found) == (expected > running) or one.mode.endswith("job")
        if one.name in found:
            assert found[one.name].text
            assert TASK_ID not in str(found[one.name])

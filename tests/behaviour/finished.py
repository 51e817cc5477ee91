# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which writes make Swarm run a finished task again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.behaviour.world import NODES, SECOND, Swarm

CONDITIONS = pytest.mark.parametrize("condition", ["none", "on-failure"])
HELD = "node.labels.db==true"
RECORD = {"orcastra.constraints": json.dumps([HELD])}


def ended(swarm: Swarm, name: str, state: str = "complete") -> list[str]:
    """The IDs of the tasks in this final state."""
    return [task["ID"] for task in swarm.tasks(name) if task["Status"]["State"] == state]


def run_to_the_end(
    swarm: Swarm, name: str, condition: str, replicas: int | None = 1, **parts: Any
) -> list[str]:
    """Deploy a service whose tasks end after a second, and wait until all have. Returns their IDs."""
    parts = {"program": "short", **parts}
    swarm.deploy(name, replicas, restart={"Condition": condition}, **parts)
    count = len(NODES) if replicas is None else replicas
    state = "failed" if parts["program"] == "broken" else "complete"
    swarm.until(lambda: len(ended(swarm, name, state)) == count, f"{count} tasks of {name} to end")
    return [task["ID"] for task in swarm.tasks(name)]


def hold(swarm: Swarm, name: str, *constraints: str) -> None:
    """Write the constraints and, in the same update, the service's label that records them."""

    def change(spec: dict[str, Any]) -> None:
        spec["TaskTemplate"]["Placement"] = {"Constraints": list(constraints)}
        spec["Labels"] = RECORD

    swarm.change(name, change)


def runs_no_more(swarm: Swarm, name: str, tasks: list[str]) -> None:
    swarm.stays(lambda: [task["ID"] for task in swarm.tasks(name)] == tasks, 2, f"{name} has run again")


@CONDITIONS
def test_constraint_that_the_node_meets_reruns_nothing(swarm: Swarm, condition: str) -> None:
    swarm.label("bravo", db="true")
    tasks = run_to_the_end(swarm, "once", condition, placement={"Constraints": ["node.hostname==bravo"]})

    hold(swarm, "once", "node.hostname==bravo", HELD)
    runs_no_more(swarm, "once", tasks)
    assert swarm.update_state("once") is None

    # nor does the loss of the label, or another write that keeps the constraints
    swarm.label("bravo")
    runs_no_more(swarm, "once", tasks)
    # nor the removal of the constraint
    hold(swarm, "once")
    runs_no_more(swarm, "once", tasks)


def test_constraint_reruns_no_failed_task_that_never_restarts(swarm: Swarm) -> None:
    swarm.label("bravo", db="true")
    where = {"Constraints": ["node.hostname==bravo"]}
    tasks = run_to_the_end(swarm, "once", "none", program="broken", placement=where)

    hold(swarm, "once", "node.hostname==bravo", HELD)
    runs_no_more(swarm, "once", tasks)


@CONDITIONS
def test_constraint_that_the_node_violates_reruns_the_task(swarm: Swarm, condition: str) -> None:
    swarm.label("bravo", db="true")
    tasks = run_to_the_end(swarm, "once", condition, placement={"Constraints": ["node.hostname==alpha"]})

    hold(swarm, "once", HELD)
    swarm.until(lambda: len(swarm.tasks("once")) == len(tasks) + 1, "another run")
    swarm.until(lambda: len(ended(swarm, "once")) == 2, "its end")
    assert swarm.name_of(swarm.tasks("once")[-1]["NodeID"]) == "bravo"


@CONDITIONS
def test_label_lost_after_the_run_has_no_effect_until_the_next_write(swarm: Swarm, condition: str) -> None:
    """After its node has lost the label, any write, even of a label, runs the task again."""
    swarm.label("bravo", db="true")
    tasks = run_to_the_end(swarm, "once", condition, placement={"Constraints": ["node.hostname==bravo"]})
    hold(swarm, "once", HELD)
    swarm.label("bravo")
    swarm.label("alpha", db="true")
    runs_no_more(swarm, "once", tasks)

    swarm.change("once", lambda spec: spec.update(Labels={**RECORD, "team": "shop"}))
    swarm.until(lambda: len(swarm.tasks("once")) == len(tasks) + 1, "another run")

    # the second run started with the constraint, so nothing changes for it
    swarm.until(lambda: len(ended(swarm, "once")) == 2, "the end of the second run")
    swarm.label("alpha")
    both = [task["ID"] for task in swarm.tasks("once")]
    swarm.change("once", lambda spec: spec.update(Labels=RECORD))
    runs_no_more(swarm, "once", both)


@CONDITIONS
def test_update_of_a_short_task_is_paused_and_a_write_reruns_nothing(swarm: Swarm, condition: str) -> None:
    swarm.label("bravo", db="true")
    run_to_the_end(
        swarm,
        "cron",
        condition,
        placement={"Constraints": ["node.hostname==bravo"]},
        update={"Monitor": 10 * SECOND},
    )
    swarm.force("cron")
    swarm.until(lambda: len(ended(swarm, "cron")) == 2, "the second run to end")
    swarm.until(lambda: swarm.update_state("cron") == "paused", "the pause of its update")

    tasks = [task["ID"] for task in swarm.tasks("cron")]
    hold(swarm, "cron", "node.hostname==bravo", HELD)
    runs_no_more(swarm, "cron", tasks)
    assert swarm.update_state("cron") is None


def test_write_to_a_paused_update_continues_the_other_tasks(swarm: Swarm) -> None:
    """With several tasks nothing may be written, because some of them may not have been updated yet."""
    swarm.label("bravo", db="true")
    where = {"Constraints": ["node.hostname==bravo"]}
    update = {"Monitor": 10 * SECOND, "Delay": 5 * SECOND}
    run_to_the_end(swarm, "cron", "none", 3, placement=where, update=update)
    swarm.force("cron")
    swarm.until(lambda: swarm.update_state("cron") == "paused", "the pause of its update")
    tasks = [task["ID"] for task in swarm.tasks("cron")]
    assert len(tasks) < 6

    hold(swarm, "cron", "node.hostname==bravo", HELD)
    swarm.until(lambda: len(swarm.tasks("cron")) > len(tasks), "another run")


@CONDITIONS
def test_global_service_never_reruns_finished_tasks(swarm: Swarm, condition: str) -> None:
    swarm.label("bravo", db="true")
    tasks = run_to_the_end(swarm, "agent", condition, None)

    hold(swarm, "agent", HELD)
    runs_no_more(swarm, "agent", tasks)


def follower_of(swarm: Swarm) -> str:
    """A manager with the label of an anchor; it is not the leader."""
    home = next(name for name in NODES if name != swarm.leader())
    swarm.label(home, db="true")
    return home


def move_label(swarm: Swarm, home: str) -> None:
    swarm.label(next(name for name in NODES if name != home), db="true")
    swarm.label(home)


@CONDITIONS
def test_new_leader_reruns_a_task_that_violates_a_later_constraint(swarm: Swarm, condition: str) -> None:
    """A new leader compares all tasks with their services, as if all had just been written."""
    home = follower_of(swarm)
    tasks = run_to_the_end(swarm, "once", condition, placement={"Constraints": [f"node.hostname=={home}"]})
    hold(swarm, "once", HELD)
    swarm.change_leader()
    runs_no_more(swarm, "once", tasks)

    move_label(swarm, home)
    runs_no_more(swarm, "once", tasks)
    swarm.change_leader()
    swarm.until(lambda: len(swarm.tasks("once")) == len(tasks) + 1, "another run")


@CONDITIONS
def test_new_leader_reruns_nothing_once_the_later_constraint_is_removed(swarm: Swarm, condition: str) -> None:
    home = follower_of(swarm)
    own = f"node.hostname=={home}"
    tasks = run_to_the_end(swarm, "once", condition, placement={"Constraints": [own]})
    hold(swarm, "once", own, HELD)
    move_label(swarm, home)

    # also after the label has moved
    hold(swarm, "once", own)
    swarm.change_leader()
    runs_no_more(swarm, "once", tasks)


@CONDITIONS
def test_new_leader_reruns_no_task_that_started_with_its_constraints(swarm: Swarm, condition: str) -> None:
    home = follower_of(swarm)
    tasks = run_to_the_end(swarm, "once", condition, placement={"Constraints": [HELD]})
    swarm.change("once", lambda spec: spec.update(Labels=RECORD))
    move_label(swarm, home)
    swarm.change_leader()
    runs_no_more(swarm, "once", tasks)

    # nor does it if the node is drained
    swarm.change_node(home, Availability="drain")
    swarm.change_leader()
    runs_no_more(swarm, "once", tasks)


def test_new_leader_reruns_no_finished_task_of_a_global_service(swarm: Swarm) -> None:
    home = follower_of(swarm)
    tasks = run_to_the_end(swarm, "agent", "none", None)
    hold(swarm, "agent", HELD)
    move_label(swarm, home)
    swarm.change_leader()
    runs_no_more(swarm, "agent", tasks)

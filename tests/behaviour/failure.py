# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swarm's reaction to tasks and nodes that are lost, end, or no longer fit."""

from __future__ import annotations

from tests.behaviour.world import SECOND, Swarm

HERE = "node.labels.here==yes"


def test_constraint_enforcer_rejects_tasks_without_waiting(swarm: Swarm) -> None:
    for name in ("alpha", "bravo"):
        swarm.label(name, here="yes")
    swarm.run("db", 1, program="stubborn", placement={"Constraints": [HERE]}, restart={"Delay": 2 * SECOND})
    old = swarm.running("db")[0]
    source = swarm.name_of(old["NodeID"])
    target = {"alpha": "bravo", "bravo": "alpha"}[source]

    swarm.label(source)
    started = swarm.world.now()

    swarm.until(lambda: swarm.task(old["ID"])["Status"]["State"] == "rejected", "the rejection", 1)
    rejected = swarm.task(old["ID"])
    assert rejected["Status"]["Message"] == "task rejected by constraint enforcer"
    assert rejected["Status"]["Err"] == "assigned node no longer meets constraints"
    swarm.until(lambda: swarm.where("db") == [target], "the replacement")
    waited = swarm.world.now() - started
    assert 1.9 < waited < 8, f"the restart delay of 2 s was not kept: {waited:.1f} s"
    # ten seconds of stop grace: two copies at once
    assert swarm.containers("db", source) == 1
    assert swarm.containers("db", target) == 1


def test_rejected_task_is_not_replaced_without_restarts(swarm: Swarm) -> None:
    swarm.label("alpha", here="yes")
    swarm.run("once", 1, placement={"Constraints": [HERE]}, restart={"Condition": "none"})
    swarm.label("alpha")
    swarm.label("bravo", here="yes")
    swarm.until(lambda: not swarm.desired("once"), "the rejection", 2)
    swarm.stays(lambda: len(swarm.tasks("once")) == 1, 1.5, "it was replaced")


def test_lost_node_returns_empty(swarm: Swarm) -> None:
    swarm.run("web", 3)
    swarm.run("everywhere", None)
    for name, condition in (("once", "none"), ("failures", "on-failure")):
        swarm.run(
            name, placement={"Constraints": ["node.hostname==charlie"]}, restart={"Condition": condition}
        )
        swarm.constrain(name)
    stay = {task["ID"] for task in swarm.running("web") if swarm.name_of(task["NodeID"]) != "charlie"}
    lost = next(task for task in swarm.running("web") if swarm.name_of(task["NodeID"]) == "charlie")

    swarm.world.crash("charlie")
    swarm.until(lambda: swarm.node("charlie")["Status"]["State"] == "down", "the node to be down", 20)
    assert swarm.node("charlie")["Status"]["Message"] == "heartbeat failure"
    swarm.until(lambda: len(where := swarm.where("web")) == 3 and "charlie" not in where, "a new task")
    assert stay < swarm.ids("web")
    old = swarm.task(lost["ID"])
    swarm.until(lambda: swarm.running("failures"), "its replacement")
    # without restarts, a lost task is not replaced
    assert not swarm.desired("once")
    # no manager knows better
    assert (old["DesiredState"], old["Status"]["State"]) == ("shutdown", "running")

    before = swarm.ids("web")
    swarm.world.boot("charlie")
    swarm.until(lambda: swarm.node("charlie")["Status"]["State"] == "ready", "the node to be back", 30)
    swarm.until(lambda: "charlie" in swarm.where("everywhere"), "the global service", 30)
    swarm.until(
        lambda: swarm.task(lost["ID"])["Status"]["State"] != "running",
        "the old task's end to be known",
    )
    assert swarm.ids("web") == before


def test_restart_conditions(swarm: Swarm) -> None:
    swarm.deploy("always", program="short", restart={"Condition": "any"})
    swarm.deploy("failures", program="short", restart={"Condition": "on-failure"})
    swarm.deploy("never", program="short", restart={"Condition": "none"})
    swarm.deploy("limited", program="broken", restart={"MaxAttempts": 2, "Delay": SECOND // 10})
    swarm.until(lambda: len(swarm.tasks("always")) >= 3, "it to be restarted")
    for name in ("failures", "never"):
        swarm.until(lambda name=name: not swarm.desired(name), f"the end of {name}")  # type: ignore[misc]
        assert [task["Status"]["State"] for task in swarm.tasks(name)] == ["complete"]
    swarm.until(lambda: len(swarm.tasks("limited")) == 3 and not swarm.desired("limited"), "all attempts")
    swarm.stays(lambda: len(swarm.tasks("limited")) == 3, 1, "there was one attempt too many")
    last = swarm.tasks("limited")[-1]["Status"]
    assert (last["State"], last["Err"]) == ("failed", "task: non-zero exit (1)")
    assert last["ContainerStatus"]["ExitCode"] == 1


def test_only_a_few_old_tasks_are_kept(swarm: Swarm) -> None:
    swarm.deploy("broken", program="broken", restart={"Delay": SECOND // 20})
    swarm.until(lambda: len(swarm.tasks("broken")) >= 4, "a history")
    first = swarm.tasks("broken")[0]["ID"]
    swarm.until(lambda: first not in {task["ID"] for task in swarm.tasks("broken")}, "the oldest to go", 60)
    # five, and one more until the reaper has run
    assert 5 <= len(swarm.tasks("broken")) <= 7

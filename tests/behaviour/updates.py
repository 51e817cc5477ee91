# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Swarm updates a service and reports the update."""

from __future__ import annotations

from tests.behaviour.world import SECOND, Json, Swarm


def test_update_passes_through_its_states(swarm: Swarm) -> None:
    swarm.run("web", 2)
    assert swarm.update_state("web") is None
    before = swarm.ids("web")
    old = swarm.engine.get_service("web")

    swarm.force("web")
    swarm.until(lambda: swarm.update_state("web") == "updating", "the update to begin", 2)
    # one after the other
    swarm.until(lambda: len(swarm.ids("web") & before) == 1, "the first to be replaced")
    swarm.settled("web")
    assert not swarm.ids("web") & before
    assert len(swarm.running("web")) == 2
    status = swarm.engine.get_service("web")["UpdateStatus"]
    assert status["Message"] == "update completed"
    assert status["StartedAt"] < status["CompletedAt"]
    assert swarm.engine.get_service("web")["PreviousSpec"] == old["Spec"]

    # labels of the service restart nothing, and end the status of the update before
    after = swarm.ids("web")
    swarm.change("web", lambda spec: spec.update(Labels={"a": "b"}))
    assert swarm.update_state("web") is None
    swarm.stays(lambda: swarm.ids("web") == after, 1, "a label restarted a task")
    assert swarm.engine.get_service("web")["Version"]["Index"] > old["Version"]["Index"]


def test_stop_first_waits_for_the_old_container(swarm: Swarm) -> None:
    pinned = {"Constraints": ["node.hostname==alpha"]}
    # three seconds for the container to stop
    swarm.run("db", 1, program="stubborn", placement=pinned, container={"StopGracePeriod": 3 * SECOND})
    swarm.constrain("db", "node.hostname==bravo")
    swarm.until(lambda: swarm.desired("db")[-1].get("NodeID") and len(swarm.tasks("db")) == 2, "a new task")
    seen: list[int] = []

    def moved() -> bool:
        seen.append(swarm.containers("db", "alpha") + swarm.containers("db", "bravo"))
        return swarm.where("db") == ["bravo"]

    swarm.until(moved, "the move", 15)
    assert max(seen) == 1


def test_start_first_starts_before_it_stops(swarm: Swarm) -> None:
    pinned = {"Constraints": ["node.hostname==alpha"]}
    swarm.run("web", 1, placement=pinned, update={"Order": "start-first"})
    old = swarm.running("web")[0]["ID"]
    swarm.constrain("web", "node.hostname==bravo")
    never: list[list[str]] = []

    def moved() -> bool:
        running = [task for task in swarm.tasks("web") if task["Status"]["State"] == "running"]
        if not running:
            never.append([task["Status"]["State"] for task in swarm.tasks("web")])
        return old not in {task["ID"] for task in running}

    swarm.until(moved, "the old task to go")
    assert not never
    assert swarm.where("web") == ["bravo"]


def test_parallelism_and_delay(swarm: Swarm) -> None:
    swarm.run("web", 4, update={"Parallelism": 2, "Delay": 2 * SECOND})
    before = swarm.ids("web")
    swarm.force("web")
    swarm.until(lambda: len(ids := swarm.ids("web")) == 4 and len(ids & before) == 2, "two")
    swarm.stays(lambda: len(swarm.ids("web") & before) == 2, 1, "the delay was not kept")
    swarm.until(lambda: len(ids := swarm.ids("web")) == 4 and not ids & before, "the others")


def break_it(spec: Json) -> None:
    spec["TaskTemplate"]["ContainerSpec"]["Command"] = ["sh", "-c", "exit 1"]


def test_failing_update_pauses(swarm: Swarm) -> None:
    swarm.run("web", 2, update={"Monitor": 6 * SECOND, "Delay": 5 * SECOND})
    before = swarm.ids("web")
    swarm.world.prepare("web", "broken")
    swarm.change("web", break_it)
    swarm.until(lambda: swarm.update_state("web") == "paused", "the update to pause")
    message = swarm.engine.get_service("web")["UpdateStatus"]["Message"]
    assert message.startswith("update paused due to failure or early termination of task ")
    assert len(swarm.ids("web") & before) == 1


def test_failing_update_rolls_back(swarm: Swarm) -> None:
    update = {"Monitor": 6 * SECOND, "Delay": 5 * SECOND, "FailureAction": "rollback"}
    rollback = {"Parallelism": 1, "Monitor": SECOND // 2}
    swarm.run("web", 2, update=update, RollbackConfig=rollback)
    good = swarm.engine.get_service("web")["Spec"]
    before = swarm.ids("web")
    swarm.world.prepare("web", "broken")
    swarm.change("web", break_it)
    # it may end between two polls
    swarm.until(
        lambda: swarm.update_state("web") in ("rollback_started", "rollback_completed"),
        "the rollback to begin",
    )
    swarm.world.prepare("web", "good")
    swarm.until(lambda: swarm.update_state("web") == "rollback_completed", "the rollback to end")
    service = swarm.engine.get_service("web")
    assert service["Spec"] == good
    assert "PreviousSpec" not in service
    swarm.until(lambda: len(swarm.running("web")) == 2, "both tasks")
    assert len(swarm.ids("web") & before) == 1


def test_new_write_cancels_an_update(swarm: Swarm) -> None:
    swarm.run("web", 3, update={"Delay": 30 * SECOND})
    before = swarm.ids("web")
    swarm.force("web")
    swarm.until(lambda: len(ids := swarm.ids("web")) == 3 and len(ids & before) == 2, "the first")
    kept = swarm.engine.get_service("web")["PreviousSpec"]["TaskTemplate"].get("ForceUpdate", 0)

    def undo(spec: Json) -> None:
        spec["TaskTemplate"]["ForceUpdate"] = kept

    swarm.change("web", undo)
    swarm.until(lambda: swarm.update_state("web") == "updating", "the other update")
    # only the task that the first update had replaced is outdated
    first = swarm.ids("web") - before
    swarm.until(lambda: len(ids := swarm.ids("web")) == 3 and not ids & first, "it to go")
    assert len(swarm.ids("web") & before) == 2

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in a service's labels live and die with the fields that the same write changes."""

from __future__ import annotations

from tests.behaviour.updates import break_it
from tests.behaviour.world import SECOND, Json, Swarm

LABEL = "a.record"
OURS = "node.hostname!=nowhere"


def record(spec: Json) -> None:
    """A constraint, and a label that records it."""
    spec["Labels"] = {**(spec.get("Labels") or {}), LABEL: OURS}
    placement = spec["TaskTemplate"].setdefault("Placement", {})
    placement["Constraints"] = [*(placement.get("Constraints") or ()), OURS]


def pause(spec: Json) -> None:
    """Scaled to 0, with the earlier number of tasks."""
    spec["Labels"] = {**(spec.get("Labels") or {}), LABEL: "1"}
    spec["Mode"]["Replicated"]["Replicas"] = 0


def resume(spec: Json) -> None:
    del spec["Labels"][LABEL]
    spec["Mode"]["Replicated"]["Replicas"] = 1


def roll_back(swarm: Swarm, name: str) -> None:
    service = swarm.engine.get_service(name)
    swarm.engine.roll_back_service(service["ID"], service["Version"]["Index"], service["Spec"])


def parts(swarm: Swarm, name: str) -> tuple[list[str], str | None, int]:
    """The constraints, the value of the label, and the desired number of tasks."""
    spec = swarm.engine.get_service(name)["Spec"]
    placement = spec["TaskTemplate"].get("Placement") or {}
    label = (spec.get("Labels") or {}).get(LABEL)
    return list(placement.get("Constraints") or ()), label, spec["Mode"]["Replicated"]["Replicas"]


def test_label_and_constraint_change_together_without_a_restart(swarm: Swarm) -> None:
    swarm.run("web", Labels={"mine": "x"}, placement={"Constraints": ["node.role ==manager"]})
    before, task = swarm.engine.get_service("web")["Spec"], swarm.ids("web")

    swarm.change("web", record)
    assert parts(swarm, "web") == (["node.role ==manager", OURS], OURS, 1)
    # a rollback removes both, and the next one restores both
    roll_back(swarm, "web")
    assert swarm.engine.get_service("web")["Spec"] == before
    roll_back(swarm, "web")
    assert parts(swarm, "web") == (["node.role ==manager", OURS], OURS, 1)
    # so does a redeploy, which contains neither
    swarm.change("web", lambda spec: (spec.clear(), spec.update(before)))
    assert swarm.engine.get_service("web")["Spec"] == before
    swarm.stays(lambda: swarm.ids("web") == task, 1, "the task was replaced")


def test_empty_list_of_constraints_means_none(swarm: Swarm) -> None:
    swarm.run("web", placement={})
    before = swarm.engine.get_service("web")["Spec"]
    assert before["TaskTemplate"]["Placement"] == {}

    swarm.change("web", record)

    def undo(spec: Json) -> None:
        spec["Labels"] = {}
        del spec["TaskTemplate"]["Placement"]["Constraints"]

    swarm.change("web", undo)
    assert swarm.engine.get_service("web")["Spec"] == before


def test_empty_placement_restarts_nothing_and_a_rollback_restores_it(swarm: Swarm) -> None:
    """Real managers would crash if a rollback removed the whole placement."""
    swarm.run("web")
    task = swarm.ids("web")
    assert "Placement" not in swarm.engine.get_service("web")["Spec"]["TaskTemplate"]

    swarm.change("web", lambda spec: spec["TaskTemplate"].update(Placement={}))
    assert swarm.engine.get_service("web")["Spec"]["TaskTemplate"]["Placement"] == {}
    assert swarm.update_state("web") is None
    swarm.stays(lambda: swarm.ids("web") == task, 1, "the task was replaced")
    swarm.change("web", record)
    swarm.force("web")
    swarm.until(lambda: swarm.ids("web") and not swarm.ids("web") & task, "a task with the constraint")
    swarm.settled("web")
    roll_back(swarm, "web")
    roll_back(swarm, "web")
    swarm.change("web", lambda spec: spec["TaskTemplate"]["Placement"].pop("Constraints", None))
    assert swarm.engine.get_service("web")["Spec"]["TaskTemplate"]["Placement"] == {}
    swarm.until(lambda: len(swarm.running("web")) == 1, "it to run")


def test_scaling_to_0_and_back_starts_no_update(swarm: Swarm) -> None:
    swarm.run("web")
    swarm.force("web")
    swarm.settled("web")

    swarm.change("web", pause)
    swarm.until(lambda: not swarm.desired("web"), "it to stop")
    assert (parts(swarm, "web"), swarm.update_state("web")) == (([], "1", 0), None)
    swarm.change("web", resume)
    swarm.until(lambda: len(swarm.running("web")) == 1, "it to run again")
    assert (parts(swarm, "web"), swarm.update_state("web")) == (([], None, 1), None)


def test_rollback_to_0_restores_the_label(swarm: Swarm) -> None:
    swarm.run("web")
    swarm.change("web", pause)
    swarm.until(lambda: not swarm.desired("web"), "it to stop")
    swarm.change("web", resume)
    swarm.until(lambda: len(swarm.running("web")) == 1, "it to run")

    roll_back(swarm, "web")
    assert parts(swarm, "web") == ([], "1", 0)
    swarm.until(lambda: not swarm.desired("web"), "it to stop")
    swarm.change("web", resume)
    swarm.until(lambda: len(swarm.running("web")) == 1, "it to run again")


def test_swarm_never_rolls_back_to_0_by_itself(swarm: Swarm) -> None:
    """Scaling up from 0 is not an update, so Swarm does not monitor it for failures."""
    swarm.run("web", update={"Monitor": 6 * SECOND, "FailureAction": "rollback"})
    swarm.change("web", pause)
    swarm.until(lambda: not swarm.desired("web"), "it to stop")
    swarm.world.prepare("web", "broken")

    def resume_broken(spec: Json) -> None:
        resume(spec)
        break_it(spec)
        spec["TaskTemplate"]["Placement"] = {"Constraints": [OURS]}

    swarm.change("web", resume_broken)
    swarm.until(lambda: sum(t["Status"]["State"] == "failed" for t in swarm.tasks("web")) >= 2, "failures")
    assert parts(swarm, "web") == ([OURS], None, 1)
    assert swarm.update_state("web") is None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that run once: finished tasks are not missing, and Orcastra never runs them again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    ServiceStep,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, Move, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.finished import (
    finished,
    missing_tasks,
    would_run_again,
)
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.followed import (
    CONFIG,
    HELD,
    NOW,
    TO_BRAVO,
    VOLUME,
    labels,
    placed,
    plan,
    remembered,
    swarm,
    with_option,
)

BOTH = pytest.mark.parametrize("condition", ["none", "on-failure"])


def app(condition: str, **fields: Any) -> Service:
    return service("shop_app", restart_condition=condition, **fields)


def done(name: str, where: str, **fields: Any) -> Task:
    return task(name, where, **{"state": "complete", "desired_state": "shutdown", "exit_code": 0, **fields})


def began(task: Task, *constraints: str) -> Task:
    """The task if its service had these constraints when it started."""
    return replace(task, constraints=constraints)


def failed(name: str, where: str, **fields: Any) -> Task:
    return done(name, where, **{"state": "failed", "exit_code": 3, "error": "non-zero exit (3)", **fields})


def writes(found: Plan) -> list[ServiceStep]:
    return [step for step in found.steps if isinstance(step, ServiceStep)]


class TestWhatIsOver:
    def found(self, one: Service, *tasks: Task) -> tuple[int, int, int]:
        """The numbers of done, finally failed, and missing tasks."""
        seen = snapshot(node("alpha"), node("down", state="down"), one, *tasks)
        over = finished(seen, one)
        return len(over.done), len(over.failed), missing_tasks(seen, one)

    @BOTH
    def test_completed_task_is_finished(self, condition: str) -> None:
        assert self.found(app(condition), done("shop_app", "alpha")) == (1, 0, 0)

    @BOTH
    def test_completed_task_on_a_removed_node_is_finished(self, condition: str) -> None:
        assert self.found(app(condition), done("shop_app", "gone")) == (1, 0, 0)

    def test_restart_condition_any_finishes_nothing(self) -> None:
        assert self.found(app("any"), done("shop_app", "alpha")) == (0, 0, 1)

    @pytest.mark.parametrize("state", ["failed", "rejected", "shutdown", "orphaned"])
    def test_failure_is_final_only_under_none(self, state: str) -> None:
        ended = failed("shop_app", "alpha", state=state)

        assert self.found(app("none"), ended) == (0, 1, 0)
        assert self.found(app("on-failure"), ended) == (0, 0, 1)

    def test_task_lost_with_its_node_is_final_under_none(self) -> None:
        lost = task("shop_app", "down", desired_state="shutdown")

        assert self.found(app("none"), lost) == (0, 1, 0)
        assert self.found(app("on-failure"), lost) == (0, 0, 1)

    def test_stopping_task_is_not_finished(self) -> None:
        assert self.found(app("none"), task("shop_app", "alpha", desired_state="shutdown")) == (0, 0, 1)

    @BOTH
    def test_new_run_supersedes_earlier_ones(self, condition: str) -> None:
        old = done("shop_app", "alpha", created=1.0)
        again = task("shop_app", "alpha", id="again", created=2.0)

        assert self.found(app(condition), old, again) == (0, 0, 0)
        assert self.found(app(condition), old, replace(again, state="pending", node_id=None)) == (0, 0, 0)
        assert self.found(app(condition), replace(old, created=3.0), again) == (0, 0, 0)

    @BOTH
    def test_latest_run_counts(self, condition: str) -> None:
        old = failed("shop_app", "alpha", id="old", created=1.0)
        new = done("shop_app", "alpha", id="new", created=2.0)

        assert self.found(app(condition), old, new) == (1, 0, 0)

    @BOTH
    def test_finished_tasks_are_counted_per_slot(self, condition: str) -> None:
        three = app(condition, replicas=3)
        parts = [done("shop_app", "alpha", slot=1), done("shop_app", "alpha", slot=2)]

        assert self.found(three, *parts, task("shop_app", "alpha", slot=3)) == (2, 0, 0)
        assert self.found(three, *parts) == (2, 0, 1)

    def test_removed_task_does_not_count(self) -> None:
        assert self.found(app("none"), done("shop_app", "alpha", desired_state="remove")) == (0, 0, 1)

    def test_jobs_have_no_finished_tasks(self) -> None:
        job = app("on-failure", mode="replicated-job")

        assert self.found(job, done("shop_app", "alpha"))[0] == 0

    def test_would_run_again_lists_rerun_tasks(self) -> None:
        one = app("on-failure", replicas=3)
        here, there = done("shop_app", "alpha", slot=1), done("shop_app", "bravo", slot=2)
        gone, runs = done("shop_app", "gone", slot=3), task("shop_app", "bravo", slot=4)
        seen = snapshot(node("alpha", labels={"db": "true"}), node("bravo"), one, here, there, gone, runs)

        # all started without constraints
        assert would_run_again(seen, one, ()) == ()
        assert would_run_again(seen, one, ("node.role==worker",)) == (gone,)
        assert would_run_again(seen, one, (HELD,), (runs,)) == (there, gone)
        assert would_run_again(seen, replace(one, restart_condition="none"), (HELD,), (runs,)) == (
            there,
            gone,
            runs,
        )
        assert would_run_again(seen, replace(one, mode="global", replicas=None), (HELD,)) == ()


class TestFollowers:
    @BOTH
    def test_finished_follower_keeps_the_constraint_that_it_started_with(self, condition: str) -> None:
        ended = began(done("shop_app", "alpha"), HELD)
        for anchor_on in ("alpha", "bravo"):
            held = swarm(app(condition, **ours(HELD)), ended, anchor_on=anchor_on, app_on=None)
            assert writes(plan(held)) == []
        (group,) = resolve_anchor_groups(held, CONFIG)
        assert group.followers[0].is_in_place

    @BOTH
    def test_finished_follower_gets_back_the_constraint_that_it_started_with(self, condition: str) -> None:
        """A redeployed stack loses its managed constraints."""
        for where in ("alpha", "bravo", "gone"):
            seen = swarm(app(condition), began(done("shop_app", where), HELD), anchor_on="alpha", app_on=None)
            found = plan(seen)

            assert placed(found).add == (HELD,)
            assert (found.warnings, found.notes, found.requeue_after) == ((), (), None)

    @BOTH
    def test_finished_follower_gets_no_later_constraint(self, condition: str) -> None:
        """The label may leave the node. Then the next leader would run the task again."""
        for anchor_on, where in (("alpha", "alpha"), ("bravo", "alpha"), ("bravo", "gone")):
            seen = swarm(app(condition), done("shop_app", where), anchor_on=anchor_on, app_on=None)
            found = plan(seen)

            assert writes(found) == []
            nodes = ["alpha"] if where == "alpha" else None
            note = Reason("constraint_could_repeat_tasks", service="shop_app", label="db", nodes=nodes)
            assert note in found.notes
            assert found.requeue_after is None
            if anchor_on == "bravo":
                # nor does it keep the label there
                assert labels(found) == {"bravo": {"db": "true"}, "alpha": {"db": None}}

    @BOTH
    def test_later_constraint_is_removed_before_the_label_moves(self, condition: str) -> None:
        late = app(condition, **ours(HELD))
        seen = swarm(late, done("shop_app", "alpha"), anchor_on="bravo", app_on=None)
        found = plan(seen)

        assert (placed(found).add, placed(found).remove) == ((), (HELD,))
        assert placed(found).why == (Reason("pinned_too_late", service="shop_app"),)
        assert labels(found) == {"bravo": {"db": "true"}}
        why = Reason("label_kept_until_released", service="shop_app")
        assert Reason("anchor_label_kept", node="alpha", label="db", because=why) in found.notes

        released = swarm(app(condition), done("shop_app", "alpha"), anchor_on="bravo", app_on=None)
        assert labels(plan(released)) == {"bravo": {"db": "true"}, "alpha": {"db": None}}

    @BOTH
    def test_later_constraint_is_removed_even_after_the_label_has_moved(self, condition: str) -> None:
        nodes = [node("alpha"), node("bravo", labels={"db": "true"})]
        late = app(condition, **ours(HELD))
        found = plan(swarm(late, done("shop_app", "alpha"), *nodes, anchor_on="bravo", app_on=None))
        assert placed(found).remove == (HELD,)

        # this task started with another constraint, so the write would run it again
        other = began(done("shop_app", "gone"), "node.role==worker")
        stays = plan(swarm(late, other, *nodes, anchor_on="bravo", app_on=None))
        assert writes(stays) == []
        assert Reason("constraint_kept_for_tasks", service="shop_app") in stays.notes

    @BOTH
    def test_former_follower_keeps_its_constraint_if_its_removal_would_rerun_tasks(
        self, condition: str
    ) -> None:
        for where, removed in (("alpha", [(HELD,)]), ("gone", [])):
            ended = began(done("shop_app", where), HELD)
            seen = swarm(app(condition, **ours(HELD)), ended, anchor_on="alpha", app_on=None)
            found = plan(seen, desired(anchors={}))

            assert [step.remove for step in writes(found) if isinstance(step, PlaceService)] == removed
            kept = Reason("constraint_kept_for_tasks", service="shop_app")
            assert (kept in found.notes) == (not removed)

    def test_running_task_that_must_not_restart_gets_no_later_constraint(self) -> None:
        runs = task("shop_app", "alpha")
        assert writes(plan(swarm(app("none"), runs, anchor_on="alpha"))) == []
        assert placed(plan(swarm(app("none", **ours(HELD)), runs, anchor_on="alpha"))).remove == (HELD,)
        assert placed(plan(swarm(app("on-failure"), runs, anchor_on="alpha"))).add == (HELD,)

    @BOTH
    def test_constraint_changed_by_the_user_makes_ours_a_later_one(self, condition: str) -> None:
        ssd = "node.labels.ssd!=no"
        changed = app(condition, **ours(HELD, user_constraints=(ssd,)))
        seen = swarm(changed, began(done("shop_app", "alpha"), HELD), anchor_on="alpha", app_on=None)

        assert placed(plan(seen)).remove == (HELD,)

    @BOTH
    def test_paused_update_of_one_task_allows_a_write(self, condition: str) -> None:
        """The state in which Swarm leaves a run of swarm-cronjob."""
        paused = app(condition, update_state="paused")
        ended = began(done("shop_app", "alpha"), HELD)
        step = placed(plan(swarm(paused, ended, anchor_on="alpha", app_on=None)))

        assert (step.add, step.while_updating) == ((HELD,), True)

    @BOTH
    def test_paused_update_of_several_tasks_blocks_a_write(self, condition: str) -> None:
        paused = app(condition, update_state="paused", replicas=2)
        parts = [done("shop_app", "alpha", slot=slot) for slot in (1, 2)]
        found = plan(swarm(paused, *parts, anchor_on="alpha", app_on=None))

        assert writes(found) == []
        assert found.requeue_after is None

    @pytest.mark.parametrize("state", ["updating", "rollback_started", "rollback_paused"])
    def test_other_updates_block_a_write(self, state: str) -> None:
        updating = app("none", update_state=state)

        assert writes(plan(swarm(updating, done("shop_app", "alpha"), anchor_on="alpha", app_on=None))) == []

    def test_follower_gets_its_constraint_before_the_first_run(self) -> None:
        """swarm-cronjob wants its services deployed with 0 replicas."""
        seen = swarm(app("none", replicas=0), anchor_on="alpha", app_on=None)

        assert placed(plan(seen)).add == (HELD,)
        assert writes(plan(swarm(app("none", replicas=0, **ours(HELD)), app_on=None))) == []

    def test_failure_under_none_is_only_reported(self) -> None:
        found = plan(swarm(app("none"), failed("shop_app", "alpha"), anchor_on="alpha", app_on=None))

        assert writes(found) == []
        (warning,) = found.warnings
        assert isinstance(warning, Reason)
        assert (warning.code, warning.params["service"]) == ("tasks_failed_for_good", "shop_app")
        assert "non-zero exit (3)" in warning.params["error"]
        assert found.requeue_after is None

    def test_exhausted_attempts_are_a_failure(self) -> None:
        seen = swarm(app("on-failure"), failed("shop_app", "alpha"), anchor_on="alpha", app_on=None)

        (step,) = writes(plan(seen))
        assert step.action == "restart_service"

    def test_restart_that_reruns_finished_tasks_is_left_to_the_user(self) -> None:
        parts = [
            done("shop_app", "alpha", slot=1),
            done("shop_app", "alpha", slot=2),
            failed("shop_app", "alpha", slot=3),
        ]
        seen = swarm(app("on-failure", replicas=3), *parts, anchor_on="alpha", app_on=None)
        found = plan(seen)

        assert writes(found) == []
        (warning,) = found.warnings
        assert isinstance(warning, Reason)
        assert (warning.code, warning.params["count"]) == ("restart_would_repeat_tasks", 2)
        assert "non-zero exit (3)" in str(warning)

    @pytest.mark.parametrize("mounts", [(), VOLUME])
    def test_run_once_follower_runs_to_completion(self, mounts: Any) -> None:
        seen = swarm(app("none", mounts=mounts, **ours(HELD)))
        found = plan(seen)

        assert writes(found) == []
        # with the label, Swarm would stop it and start no other task
        assert labels(found) == {"bravo": {"db": "true"}}
        assert found.warnings == ()

    def test_run_once_follower_gets_no_constraint_elsewhere(self) -> None:
        unsettled_anchor = [
            node("bravo", labels={"db": "true"}),
            node("alpha"),
            task("shop_db", "bravo", state="starting", id="shop_db-1-bravo-running"),
        ]
        assert writes(plan(swarm(app("none")))) == []
        assert writes(plan(swarm(app("none"), *unsettled_anchor))) == []

    def test_other_followers_move_while_it_stays(self) -> None:
        config = desired(anchors={"db": ("app", "web")})
        web = service("shop_web", **ours(HELD))
        found = plan(swarm(app("none", **ours(HELD)), web, task("shop_web", "alpha")), config)

        # not by the label alone, because it stays
        assert [step.name for step in writes(found)] == ["shop_web"]
        assert placed(found).add == (TO_BRAVO,)

    def test_partly_finished_follower_is_not_moved_if_that_reruns_tasks(self) -> None:
        ordered = app("on-failure", replicas=2, mounts=VOLUME, **ours(HELD))
        runs = task("shop_app", "alpha", slot=2)
        here, there = (began(done("shop_app", where), HELD) for where in ("alpha", "bravo"))

        stays = plan(swarm(ordered, here, runs, app_on=None))
        assert writes(stays) == []
        assert labels(stays) == {"bravo": {"db": "true"}}

        # it is labelled first
        assert writes(plan(swarm(ordered, there, runs, app_on=None))) == []
        bravo = node("bravo", labels={"db": "true"})
        goes = plan(swarm(ordered, there, runs, bravo, app_on=None))
        assert placed(goes).add == (TO_BRAVO,)

    def test_partly_finished_follower_is_not_scaled_to_0(self) -> None:
        slow = app("on-failure", replicas=2, mounts=VOLUME, **ours(HELD), stop_grace_seconds=90)
        runs = task("shop_app", "alpha", slot=2)

        ended = began(done("shop_app", "bravo"), HELD)

        assert writes(plan(swarm(slow, ended, runs, app_on=None))) == []

    @pytest.mark.parametrize("relocate", ["evict", "ordered"])
    def test_partly_finished_follower_is_released_before_the_label_moves(self, relocate: str) -> None:
        late = app("on-failure", replicas=2, **ours(HELD))
        parts = [done("shop_app", "alpha"), task("shop_app", "alpha", slot=2)]
        found = plan(swarm(late, *parts, app_on=None), with_option(relocate=relocate))

        assert (placed(found).add, placed(found).remove) == ((), (HELD,))
        assert labels(found) == {"bravo": {"db": "true"}}

    def test_move_ends_although_its_task_has_finished(self) -> None:
        moved = app("on-failure", mounts=VOLUME, **ours(HELD, TO_BRAVO), update_state="paused")
        state = State(moves={"id-shop_app": Move("db", ("id-bravo",), NOW - 9)})
        seen = swarm(
            moved,
            began(done("shop_app", "bravo"), HELD, TO_BRAVO),
            node("bravo", labels={"db": "true"}),
            node("alpha"),
            app_on=None,
        )
        found = plan(seen, state=state)

        # the task did not start with the first constraint alone
        assert (placed(found).remove, placed(found).add) == ((HELD, TO_BRAVO), ())
        assert remembered(found, state).moves == {}

    def test_attempts_are_forgotten_after_completion(self) -> None:
        state = State(attempts={"id-shop_app": Attempts(2, NOW - 31, NOW - 60, "Swarm has given up")})
        seen = swarm(
            app("on-failure", **ours(HELD)),
            done("shop_app", "alpha"),
            anchor_on="alpha",
            app_on=None,
        )

        assert remembered(plan(seen, state=state), state).attempts == {}

    @pytest.mark.parametrize(
        ("condition", "first", "restarts"),
        [
            ("none", "complete", 0),
            ("none", "running", 0),
            ("on-failure", "complete", 0),
            ("on-failure", "running", 1),
        ],
    )
    def test_finished_follower_is_not_restarted_with_its_anchor(
        self, condition: str, first: str, restarts: int
    ) -> None:
        config = with_option(restart_dependents=True)
        state = State(anchor_tasks={"id-shop_db": frozenset({"first"})})
        one = app(condition, replicas=1, **ours(HELD))
        own = began(task("shop_app", "alpha", created=10.0), HELD)
        if first == "complete":
            own = replace(own, state="complete", desired_state="shutdown")
        seen = swarm(one, own, task("shop_db", "alpha", id="second", created=20.0), app_on=None)
        seen = replace(seen, tasks=tuple(t for t in seen.tasks if t.node_id == "id-alpha"))
        found = plan(seen, config, state)

        assert [step.action for step in writes(found)] == ["restart_service"] * restarts
        if not restarts:
            assert remembered(found, state).anchor_tasks == {"id-shop_db": frozenset({"second"})}

    def test_partly_finished_follower_is_not_restarted_with_its_anchor(self) -> None:
        config = with_option(restart_dependents=True)
        state = State(anchor_tasks={"id-shop_db": frozenset({"first"})})
        one = app("on-failure", replicas=2, **ours(HELD))
        ended = began(done("shop_app", "alpha", created=9.0), HELD)
        parts = [ended, task("shop_app", "alpha", slot=2, created=10.0)]
        seen = swarm(one, *parts, task("shop_db", "alpha", id="second", created=20.0), app_on=None)
        seen = replace(seen, tasks=tuple(t for t in seen.tasks if t.node_id == "id-alpha"))

        assert writes(plan(seen, config, state)) == []


class TestAnchors:
    @staticmethod
    def seed(
        *tasks: Task, condition: str = "none", label_on: str | None = None, app_on: str = "alpha"
    ) -> SwarmSnapshot:
        nodes = [node(name, labels={"db": "true"} if name == label_on else {}) for name in ("alpha", "bravo")]
        parts = [service("shop_db", restart_condition=condition), *tasks]
        return snapshot(*nodes, *parts, service("shop_app", **ours(HELD)), task("shop_app", app_on))

    @BOTH
    def test_anchor_label_is_on_the_node_where_it_finished(self, condition: str) -> None:
        seed = done("shop_db", "alpha")

        assert labels(plan(self.seed(seed, condition=condition))) == {"alpha": {"db": "true"}}
        assert plan(self.seed(seed, condition=condition, label_on="alpha")).is_empty

    @BOTH
    def test_anchor_label_follows_a_run_elsewhere(self, condition: str) -> None:
        old, new = done("shop_db", "alpha", created=1.0), done("shop_db", "bravo", created=2.0)
        found = plan(self.seed(old, new, condition=condition, label_on="alpha"))

        assert labels(found) == {"bravo": {"db": "true"}, "alpha": {"db": None}}

    @pytest.mark.parametrize("state", ["failed", "rejected", "shutdown"])
    def test_anchor_label_stays_after_a_failure(self, state: str) -> None:
        found = plan(self.seed(failed("shop_db", "bravo", state=state), label_on="alpha"))

        assert found.steps == ()
        assert len(found.warnings) == 1

    @BOTH
    def test_anchor_label_stays_during_another_run(self, condition: str) -> None:
        again = task("shop_db", "bravo", id="again", state="starting", created=2.0)
        found = plan(self.seed(done("shop_db", "alpha"), again, condition=condition, label_on="alpha"))

        assert found.steps == ()

    @BOTH
    def test_anchor_label_without_its_node(self, condition: str) -> None:
        seen = self.seed(done("shop_db", "alpha"), condition=condition, label_on="alpha", app_on="bravo")
        down = tuple(replace(one, state="down") if one.hostname == "alpha" else one for one in seen.nodes)
        gone = tuple(one for one in seen.nodes if one.hostname != "alpha")

        for nodes in (down, gone):
            assert plan(replace(seen, nodes=nodes)).steps == ()

    @BOTH
    def test_followers_move_to_a_finished_anchor(self, condition: str) -> None:
        found = plan(self.seed(done("shop_db", "bravo"), condition=condition, label_on="alpha"))

        assert labels(found) == {"bravo": {"db": "true"}, "alpha": {"db": None}}

    def test_finished_anchor_is_not_restarted(self) -> None:
        assert writes(plan(self.seed(done("shop_db", "alpha"), label_on="alpha"))) == []
        under_any = self.seed(done("shop_db", "alpha"), condition="any", label_on="alpha")
        assert [step.action for step in writes(plan(under_any))] == ["restart_service"]

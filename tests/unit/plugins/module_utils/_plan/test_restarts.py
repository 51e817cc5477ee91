# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts and their backoff."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import RestartService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import MISPLACED
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.followed import HELD, NOW, VOLUME, plan, remembered, swarm, with_option, writes_to_services


class TestCooldowns:
    APP = service("shop_app", mounts=VOLUME, **ours(HELD))

    def tried(
        self, count: int, last: float, since: float = NOW - 100, given_up: Reason | None = None
    ) -> State:
        return State(attempts={"id-shop_app": Attempts(count, last, since, MISPLACED, given_up)})

    def test_next_attempt_waits_for_its_interval(self) -> None:
        early = plan(swarm(self.APP), state=self.tried(2, NOW - 4))
        late = plan(swarm(self.APP), state=self.tried(2, NOW - 10))

        assert writes_to_services(early) == []
        assert Reason("misplaced_until_retry", service="shop_app", seconds=6.0) in early.notes
        assert writes_to_services(late) == ["move shop_app to bravo"]
        assert remembered(late, self.tried(2, NOW - 10)).attempts["id-shop_app"].count == 3

    def test_service_is_given_up_after_the_last_interval(self) -> None:
        state = self.tried(6, NOW - 900)

        found = plan(swarm(self.APP), state=state)

        assert writes_to_services(found) == []
        why = Reason("attempts_exhausted", count=6)
        assert found.warnings == (Reason("service_given_up", service="shop_app", why=why, problem=MISPLACED),)
        assert remembered(found, state).attempts["id-shop_app"].given_up == why

    def test_service_is_given_up_after_the_time_limit(self) -> None:
        found = plan(swarm(self.APP), state=self.tried(3, NOW - 100, since=NOW - 601))

        assert writes_to_services(found) == []
        why = Reason("give_up_time_over", seconds=601, count=3)
        assert found.warnings == (Reason("service_given_up", service="shop_app", why=why, problem=MISPLACED),)

    def test_repaired_service_is_moved(self) -> None:
        failed = Attempts(3, NOW - 901, NOW - 950, FAILED, Reason("attempts_exhausted", count=3))
        state = State(attempts={"id-shop_app": failed})

        found = plan(swarm(self.APP), state=state)

        assert writes_to_services(found) == ["move shop_app to bravo"]
        assert remembered(found, state).attempts["id-shop_app"].count == 1

    def test_arrived_service_is_healthy_immediately(self) -> None:
        seen = swarm(self.APP, anchor_on="alpha", app_on="alpha")

        assert remembered(plan(seen, state=self.tried(2, NOW - 4)), self.tried(2, NOW - 4)).attempts == {}
        given_up = self.tried(6, NOW - 1000, given_up=Reason("attempts_exhausted", count=6))
        assert remembered(plan(seen, state=given_up), given_up).attempts == {}


def given_up_by_swarm(state: str, error: Reason) -> Reason:
    return Reason("swarm_gave_up_tasks", missing=1, replicas=1, state=state, error=error)


FAILED = given_up_by_swarm("failed", Reason("exit_code", number=3))


class TestRestarts:
    APP = service("shop_app", **ours(HELD))

    def restarts(self, found: Plan) -> list[tuple[str, Reason]]:
        return [(step.name, step.why[0]) for step in found.steps if isinstance(step, RestartService)]

    def test_service_given_up_by_swarm_is_restarted(self) -> None:
        ended = task("shop_app", "alpha", state="failed", desired_state="shutdown", exit_code=3)

        found = plan(swarm(self.APP, ended, anchor_on="alpha", app_on=None))

        assert self.restarts(found) == [
            ("shop_app", given_up_by_swarm("failed", Reason("exit_code", number=3)))
        ]
        assert remembered(found).attempts["id-shop_app"].count == 1

    def test_anchor_given_up_by_swarm_is_restarted(self) -> None:
        ended = task("shop_db", "alpha", state="complete", desired_state="shutdown", message="finished")
        seen = snapshot(
            node("alpha", labels={"db": "true"}),
            service("shop_db"),
            ended,
            self.APP,
            task("shop_app", "alpha"),
        )

        assert self.restarts(plan(seen)) == [("shop_db", given_up_by_swarm("complete", "finished"))]

    def test_failed_service_restarts_before_it_gets_a_constraint(self) -> None:
        ended = task("shop_app", "alpha", state="failed", desired_state="shutdown", exit_code=3)

        found = plan(swarm(service("shop_app"), ended, anchor_on="alpha", app_on=None))

        assert writes_to_services(found) == ["restart shop_app"]

    def test_failed_restart_with_a_paused_update_is_retried(self) -> None:
        ended = task("shop_app", "alpha", state="failed", desired_state="shutdown", exit_code=3)
        seen = swarm(replace(self.APP, update_state="paused"), ended, anchor_on="alpha", app_on=None)
        (warning,) = plan(seen).warnings
        assert isinstance(warning, Reason)
        assert (warning.code, warning.params["state"]) == ("restart_left_to_update", "paused")
        ours = State(attempts={"id-shop_app": Attempts(1, NOW - 2, NOW - 2, FAILED)})

        assert self.restarts(plan(seen)) == []
        (step,) = (step for step in plan(seen, state=ours).steps if isinstance(step, RestartService))
        assert step.while_updating

    def test_attempts_are_kept_between_repeated_failures(self) -> None:
        state = State(attempts={"id-shop_app": Attempts(1, NOW - 20, NOW - 20, FAILED)})
        seen = swarm(self.APP, anchor_on="alpha", app_on="alpha")

        assert remembered(plan(seen, state=state), state).attempts
        assert not remembered(plan(seen, state=state, now=NOW + 10), state).attempts

    def test_middle_of_a_chain_restarts_once(self) -> None:
        config = desired(anchors={"db": ("app",), "app": ("web",)})
        state = State(attempts={"id-shop_app": Attempts(2, NOW - 11, NOW - 12, MISPLACED)})
        web = [service("shop_web"), task("shop_web", "alpha")]
        app = service("shop_app", mounts=VOLUME, **ours(HELD), update_state="updating")

        misplaced = plan(swarm(app, *web), config, state)
        assert remembered(misplaced, state).attempts == state.attempts

        ended = task("shop_app", "alpha", state="failed", desired_state="shutdown")
        failed = plan(swarm(self.APP, *web, ended, anchor_on="alpha", app_on=None), config)
        assert [name for name, _why in self.restarts(failed)] == ["shop_app"]

    def test_starting_follower_is_not_restarted(self) -> None:
        config = with_option(restart_dependents=True)
        state = State(anchor_tasks={"id-shop_db": frozenset({"first"})})
        parts = [
            task("shop_db", "bravo", id="second", created=20.0),
            task("shop_app", None, state="pending", created=19.0),
        ]
        seen = swarm(self.APP, *parts, app_on=None)
        seen = replace(seen, tasks=tuple(parts))

        found = plan(seen, config, state)

        assert self.restarts(found) == []
        assert remembered(found, state).anchor_tasks == {"id-shop_db": frozenset({"second"})}

    def test_service_is_not_restarted_while_swarm_tries(self) -> None:
        ended = task("shop_app", "alpha", state="failed", desired_state="shutdown")
        again = task("shop_app", "alpha", state="ready", desired_state="ready")

        assert self.restarts(plan(swarm(self.APP, ended, again, anchor_on="alpha", app_on=None))) == []

    def test_new_service_is_not_restarted(self) -> None:
        assert self.restarts(plan(swarm(self.APP, anchor_on="alpha", app_on=None))) == []

    def test_followers_restart_once_with_their_anchor(self) -> None:
        config = with_option(restart_dependents=True)
        before = swarm(
            self.APP,
            task("shop_db", "alpha", id="first", created=10.0),
            task("shop_app", "alpha", created=11.0),
            anchor_on="bravo",
        )
        before = replace(before, tasks=tuple(t for t in before.tasks if t.node_id == "id-alpha"))
        state = remembered(plan(before, config))
        assert state.anchor_tasks == {"id-shop_db": frozenset({"first"})}

        after = replace(before, tasks=(task("shop_db", "alpha", id="second", created=20.0), before.tasks[-1]))
        found = plan(after, config, state)
        assert self.restarts(found) == [("shop_app", Reason("restarts_with_anchor", anchor="shop_db"))]

        fresh = replace(after, tasks=(after.tasks[0], task("shop_app", "alpha", created=21.0)))
        state = remembered(found, state)
        done = plan(fresh, config, state)
        assert self.restarts(done) == []
        assert remembered(done, state).anchor_tasks == {"id-shop_db": frozenset({"second"})}

    def test_followers_do_not_restart_without_the_option(self) -> None:
        state = State(anchor_tasks={"id-shop_db": frozenset({"first"})})

        found = plan(swarm(self.APP, anchor_on="alpha", app_on="alpha"), state=state)

        assert self.restarts(found) == []

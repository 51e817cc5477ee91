# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finished tasks are not missing in convergence, repair, balancing, drains and forecasts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service, Task
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.convergence import unconverged_services
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.surge import (
    plan_departure,
    still_leaving,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.paused_updates import (
    plan_paused,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.units import find_units
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.what_if import what_if
from tests.support.builders import node, ours, service, snapshot, task
from tests.support.followed import CONFIG, HELD, NOW, VOLUME, swarm

BOTH = pytest.mark.parametrize("condition", ["none", "on-failure"])


def app(condition: str, **fields: Any) -> Service:
    return service("shop_app", restart_condition=condition, **fields)


def done(name: str, where: str, **fields: Any) -> Task:
    return task(name, where, **{"state": "complete", "desired_state": "shutdown", "exit_code": 0, **fields})


def failed(name: str, where: str, **fields: Any) -> Task:
    return done(name, where, **{"state": "failed", "exit_code": 3, "error": "non-zero exit (3)", **fields})


class TestElsewhere:
    @BOTH
    def test_convergence_ignores_finished_tasks(self, condition: str) -> None:
        seen = snapshot(
            node("alpha"),
            node("bravo"),
            service("once", restart_condition=condition),
            done("once", "alpha"),
            service("some", restart_condition=condition, replicas=3),
            done("some", "alpha", slot=1),
            done("some", "alpha", slot=2),
            task("some", "alpha", slot=3),
            service("each", mode="global", replicas=None, restart_condition=condition),
            done("each", "alpha", slot=None),
            task("each", "bravo", slot=None),
            service("short", restart_condition=condition, replicas=2),
            done("short", "alpha", slot=1),
        )

        assert list(unconverged_services(seen)) == ["short"]

    @BOTH
    def test_paused_update_of_finished_tasks_is_resumed(self, condition: str) -> None:
        once = service("cron", restart_condition=condition, update_state="paused", can_roll_back=True)
        seen = snapshot(node("alpha"), once, done("cron", "alpha"))

        for way in ("auto", "rollback", "report"):
            found = plan_paused(seen, way)
            assert (found.steps, found.warnings) == ((), ())
        assert [step.action for step in plan_paused(seen, "resume").steps] == ["resume_update"]

    def test_paused_update_of_failed_tasks_is_not_fine(self) -> None:
        once = service("cron", restart_condition="none", update_state="paused", can_roll_back=True)
        seen = snapshot(node("alpha"), once, failed("cron", "alpha"))

        assert plan_paused(seen, "report").warnings
        assert plan_paused(seen, "rollback").steps

    @BOTH
    def test_balancing_moves_the_anchor_without_finished_followers(self, condition: str) -> None:
        migrate = service("shop_app", restart_condition=condition, mounts=VOLUME, update_state="paused")
        parts = [service("shop_db"), task("shop_db", "alpha"), migrate, done("shop_app", "alpha")]
        seen = snapshot(node("alpha"), node("bravo"), *parts)
        memory = Memory(tasks={"shop_db-1-alpha-running": 1})
        (unit,) = find_units(
            seen, resolve_anchor_groups(seen, CONFIG), memory, RebalanceRules(), State(), NOW
        )

        assert [member.name for member in unit.members] == ["shop_db"]
        assert unit.forbidden is None

    @pytest.mark.parametrize(
        ("condition", "tasks"),
        [
            ("none", [task("one", "alpha", slot=2)]),
            ("on-failure", [task("one", "alpha", slot=2), done("one", "alpha", slot=1)]),
        ],
    )
    def test_balancing_never_reruns_finished_tasks(self, condition: str, tasks: list[Task]) -> None:
        one = service("one", restart_condition=condition, replicas=len(tasks))
        seen = snapshot(node("alpha"), node("bravo"), one, *tasks)
        memory = Memory(tasks={one.id: 1 for one in tasks})
        (unit,) = find_units(seen, (), memory, RebalanceRules(), State(), NOW)

        assert unit.forbidden is not None

    @pytest.mark.parametrize("condition", ["none", "on-failure"])
    def test_drain_begins_no_move_that_reruns_tasks(self, condition: str) -> None:
        one = service("one", restart_condition=condition, replicas=2, update_order="start-first")
        tasks = [task("one", "alpha", slot=2), done("one", "alpha", slot=1)]
        seen = snapshot(node("alpha"), node("bravo"), one, *tasks)
        alpha = seen.node_by_id["id-alpha"]
        found = plan_departure(seen, (), State(), alpha, NOW)

        assert found.steps == ()
        assert bool(found.warnings) == (condition == "none")
        assert still_leaving(seen, (), State(), alpha) == ()

    @pytest.mark.parametrize("condition", ["none", "on-failure"])
    def test_drain_does_not_wait_for_a_finished_follower(self, condition: str) -> None:
        one = app(condition, replicas=2, **ours(HELD))
        tasks = [task("shop_app", "alpha", slot=2), done("shop_app", "alpha", slot=1)]
        seen = swarm(one, *tasks, app_on=None)

        assert (
            still_leaving(seen, resolve_anchor_groups(seen, CONFIG), State(), seen.node_by_id["id-alpha"])
            == ()
        )

    @BOTH
    def test_forecast_ignores_finished_tasks(self, condition: str) -> None:
        seen = snapshot(
            node("alpha"),
            node("bravo", labels={"db": "true"}),
            service("shop_db", restart_condition=condition),
            done("shop_db", "bravo"),
            service("shop_app"),
            task("shop_app", "alpha"),
        )
        found = what_if(
            seen, resolve_anchor_groups(seen, CONFIG), Memory(), NOW, lose=[seen.node_by_id["id-alpha"]]
        )

        (fate,) = found.fates
        # on the node with its anchor's data
        assert (fate.service, fate.to, fate.unplaced) == ("shop_app", ("bravo",), 0)
        lost = what_if(
            seen, resolve_anchor_groups(seen, CONFIG), Memory(), NOW, lose=[seen.node_by_id["id-bravo"]]
        )
        assert lost.fates == ()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a whole sync: immediate retries of services that were given up."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import MISPLACED
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from tests.support.builders import desired, node, ours, service, snapshot, task

SEEN = snapshot(
    node("alpha", labels={"db": "true"}),
    node("bravo"),
    service("shop_db"),
    service("shop_app"),
    task("shop_db", "alpha"),
    task("shop_app", "bravo"),
)
WHY = Reason("attempts_exhausted", count=9)
GIVEN_UP = State(attempts={"id-shop_app": Attempts(9, last=0, since=0, reason=MISPLACED, given_up=WHY)})
NOW = 10_000.0


def test_given_up_service_is_retried_only_on_request() -> None:
    configuration = desired(anchors={"db": ("app",)})
    plan = plan_anchors(SEEN, configuration, GIVEN_UP, NOW)
    assert plan.steps == ()
    assert plan.warnings == (Reason("service_given_up", service="shop_app", why=WHY, problem=MISPLACED),)

    plan = plan_anchors(SEEN, configuration, GIVEN_UP, NOW, retry_now=True)
    (step,) = plan.steps
    assert step.summary == "move shop_app to alpha"
    state = apply_edits(GIVEN_UP, [*plan.remember, *step.intent_edits])
    attempts = state.attempts["id-shop_app"]
    assert (attempts.count, attempts.last, attempts.given_up) == (1, NOW, None)


def test_healthy_service_is_not_changed() -> None:
    held = replace(SEEN.service_by_name["shop_app"], **ours("node.labels.db==true"))
    seen = snapshot(
        *SEEN.nodes,
        SEEN.service_by_name["shop_db"],
        held,
        task("shop_db", "alpha"),
        task("shop_app", "alpha"),
    )
    plan = plan_anchors(seen, desired(anchors={"db": ("app",)}), GIVEN_UP, NOW, retry_now=True)
    assert plan.steps == ()
    assert not apply_edits(GIVEN_UP, plan.remember).attempts

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict: sync and health are judged apart, and the sentence names the worst."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import WAITING, Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelChange, LabelNode, Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.verdict import judge
from tests.support.builders import node, service, snapshot

SWARM = snapshot(node("alpha"), service("shop_db"), service("shop_web"))
NO_NODE = Reason("saved_reason", text="no node with disk=hdd is ready")
EMPTY = Plan()
LABEL = LabelNode(
    node_id="id-alpha", hostname="alpha", changes=(LabelChange("a", None, "b"),), labels={}, why=(NO_NODE,)
)
CHANGE = Plan(steps=(LABEL,))


def shortage(name: str = "shop_db", **fields: Any) -> Shortage:
    return Shortage(
        **{"service": name, "code": WAITING, "expected": 1, "running": 0, "reasons": (NO_NODE,), **fields}
    )


@pytest.mark.parametrize(
    ("arguments", "statuses", "codes"),
    [
        ((None, None, [], State()), ("unknown", "unknown"), ("verdict_unknown", "verdict_unknown")),
        ((SWARM, EMPTY, [], State()), ("in_sync", "healthy"), ("verdict_in_sync", "verdict_healthy")),
        ((SWARM, None, [], State()), ("unknown", "healthy"), ("verdict_not_planned", "verdict_healthy")),
        (
            (SWARM, CHANGE, [], State()),
            ("out_of_sync", "healthy"),
            ("verdict_out_of_sync", "verdict_healthy"),
        ),
        (
            (SWARM, EMPTY, [shortage()], State()),
            ("in_sync", "degraded"),
            ("verdict_in_sync", "verdict_service_short"),
        ),
        (
            (SWARM, CHANGE, [shortage(is_fresh=True)], State()),
            ("out_of_sync", "progressing"),
            ("verdict_out_of_sync", "verdict_progressing"),
        ),
        (
            (snapshot(node("alpha"), node("bravo", state="down")), EMPTY, [], State()),
            ("in_sync", "degraded"),
            ("verdict_in_sync", "verdict_nodes_not_ready"),
        ),
        (
            (
                SWARM,
                EMPTY,
                [],
                State(attempts={"id-shop_web": Attempts(6, 1.0, 0.0, NO_NODE, given_up=NO_NODE)}),
            ),
            ("in_sync", "degraded"),
            ("verdict_in_sync", "verdict_given_up"),
        ),
        (
            (SWARM, EMPTY, [], State(attempts={"id-shop_web": Attempts(1, 1.0, 0.0, NO_NODE)})),
            ("in_sync", "healthy"),
            ("verdict_in_sync", "verdict_healthy"),
        ),
    ],
)
def test_verdict(arguments: Any, statuses: tuple[str, str], codes: tuple[str, str]) -> None:
    found = judge(*arguments, 1000.0)

    assert (found.sync, found.health) == statuses
    assert (found.sync_reason.code, found.health_reason.code) == codes


def test_verdict_is_one_sentence_about_the_worst_service() -> None:
    short = [shortage(since=100.0), shortage("shop_web"), shortage("x", is_fresh=True)]

    found = judge(SWARM, EMPTY, short, State(), 1000.0)

    assert found.health_reason.params["seconds"] == 900.0
    assert found.text == (
        "Degraded: shop_db has run 0 of 1 tasks for 15 min: no node with disk=hdd is ready "
        "(and 1 more). In sync"
    )
    assert judge(SWARM, EMPTY, [], State(), 0.0).text == "In sync. Healthy"
    assert judge(None, None, [], State(), 0.0).text == "Unknown: the swarm has not been observed yet"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and status as text and as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, Move, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.explanation import Candidate
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural
from orcastra_runner.report import counts, plan_data, plan_text, status_data, status_text
from orcastra_runner.swarm import plan_all
from tests.support.builders import desired
from tests.unit.orcastra_runner.fakes import FakeSwarm, three_nodes


def seen(fake: FakeSwarm) -> Observation:
    return fake.observe(None)


def test_plan_text_of_an_empty_plan() -> None:
    assert plan_text(Plan()) == "No changes needed: the swarm matches the configuration."


def test_plan_text_has_steps_and_reasons() -> None:
    plan = plan_all(seen(three_nodes()), desired({"alpha": {"ssd": "true"}, "ghost": {}}))
    assert plan_text(plan).splitlines() == [
        "1 change pending:",
        f"  1. {plan.steps[0].summary}",
        f"       reason: {plan.steps[0].why[0]}",
        f"warning: {plan.warnings[0]}",
    ]


def test_plan_text_has_rejected_alternatives() -> None:
    fake = three_nodes()
    fake.damage = ("no JSON",)
    text = plan_text(plan_all(seen(fake), desired()))
    assert "reason: no JSON" in text
    assert "rejected: " in text


def test_plan_text_of_a_plan_that_only_saves_the_state() -> None:
    fake = three_nodes()
    fake.state = State(owned_labels={"id-lost": frozenset({"ssd"})})
    assert "only the saved state" in plan_text(plan_all(seen(fake), desired()))


def test_plan_data_is_json() -> None:
    data = plan_data(plan_all(seen(three_nodes()), desired({"alpha": {"ssd": "true"}})))
    assert json.loads(json.dumps(data))["plan"][0]["summary"] == "set ssd=true on node alpha"


def test_plan_text_and_data_have_candidates_if_given() -> None:
    candidates = (
        Candidate("app", "alpha", 4096, "chosen", (Reason("chosen_to_move", node="bravo"),)),
        Candidate("db", "alpha", None, "rejected", (Reason("no_other_host"), Reason("pressure_not_lower"))),
    )
    assert plan_text(Plan(), candidates).splitlines()[1:] == [
        "Candidates for memory balancing:",
        f"  chosen: {candidates[0]}",
        f"  rejected: {candidates[1]}",
    ]
    assert "No candidates" in plan_text(Plan(), ())
    assert plan_data(Plan(), candidates)["candidates"][1] == {
        "title": "db",
        "node": "alpha",
        "memory_bytes": None,
        "verdict": "rejected",
        "reasons": [Reason("no_other_host").to_data(), Reason("pressure_not_lower").to_data()],
    }
    assert "candidates" not in plan_data(Plan())


def test_status_text() -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true", mine="x")
    fake.state = State(
        owned_labels={"id-alpha": frozenset({"ssd", "zfs"}), "id-lost": frozenset({"old"})},
        other_sections={"orcastra.future": "{}"},
        # alpha was activated by hand
        asked_availability={"id-charlie": 1_900_000_000.0, "id-alpha": 1.0},
    )
    fake.change_nodes(
        lambda one: replace(one, state="down", availability="drain") if one.hostname == "charlie" else one
    )
    assert status_text(status_data(seen(fake), acts_anywhere=False)).splitlines() == [
        "Leader:    alpha (this node)",
        "Instance:  active on node alpha",
        "Swarm:     3 nodes, 1 service",
        "",
        "Nodes:",
        "  alpha    leader   ready, active, 0 tasks",
        "           set by Orcastra: ssd=true",
        "           set by Orcastra, but missing: zfs",
        "           set by others: mine=x",
        "  bravo    manager  ready, active, 1 task",
        "  charlie  manager  down, drain (since 2030-03-17T17:46:40Z), 0 tasks",
        "",
        "Saved state (orcastra.state): ok",
        "  labels of node id-lost, which has left the swarm: old",
        "  orcastra.future: written by another release, left unchanged",
    ]


def test_status_text_of_a_standby_with_damage() -> None:
    fake = three_nodes()
    fake.local = "bravo"
    fake.damage = ("label orcastra.labels: no JSON",)
    status = status_data(seen(fake), acts_anywhere=False)
    text = status_text(status)
    assert not status["acts"]
    assert "Leader:    alpha\n" in text
    assert "Instance:  standby on node bravo\n" in text
    assert "\n  damaged: label orcastra.labels: no JSON" in text
    assert status_data(seen(fake), acts_anywhere=True)["acts"]


def test_status_text_without_a_leader() -> None:
    fake = three_nodes()
    fake.lead(None)
    assert "Leader:    none\n" in status_text(status_data(seen(fake), acts_anywhere=False))


def test_counts() -> None:
    found = counts(seen(three_nodes()))
    assert found == {"nodes": 3, "ready_nodes": 3, "services": 1, "running_tasks": 1}


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "node", "1 node"), (0, "node", "0 nodes"), (2, "dependency", "2 dependencies")],
)
def test_plural(number: int, noun: str, text: str) -> None:
    assert plural(number, noun) == text


def test_status_text_has_moves_and_retries() -> None:
    fake = three_nodes()
    fake.state = State(
        moves={"id-shop_app": Move("db", ("id-bravo",), 0.0, replicas=2)},
        attempts={
            "id-shop_web": Attempts(3, 60.0, 0.0, Reason("misplaced"), Reason("attempts_exhausted", count=3))
        },
    )
    status = status_data(seen(fake), acts_anywhere=False)
    assert json.loads(json.dumps(status))["attempts"][0]["given_up"] == "3 attempts failed"
    text = status_text(status)
    assert "  id-shop_app to bravo since 1970-01-01T00:00:00Z, temporarily scaled from 2 to 0\n" in text
    assert "  id-shop_web: 3 attempts since 1970-01-01T00:00:00Z, last at 1970-01-01T00:01:00Z: " in text
    assert "  id-shop_web: given up: 3 attempts failed\n" in text

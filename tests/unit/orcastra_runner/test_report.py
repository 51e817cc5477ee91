# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan and status in words and as data."""

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


def test_an_empty_plan_in_words() -> None:
    assert plan_text(Plan()) == "No changes needed: the swarm matches the configuration."


def test_a_plan_in_words_has_what_and_why() -> None:
    plan = plan_all(seen(three_nodes()), desired({"alpha": {"ssd": "true"}, "nobody": {}}))
    assert plan_text(plan).splitlines() == [
        "1 change pending:",
        "  1. set ssd=true on node alpha",
        "       why: ssd=true is configured for this node but missing",
        "warning: nodes.nobody: no node of this swarm has this host name or ID",
    ]


def test_why_not_is_shown() -> None:
    fake = three_nodes()
    fake.damage = ("no JSON",)
    text = plan_text(plan_all(seen(fake), desired()))
    assert "why: no JSON" in text
    assert "why not otherwise: " in text


def test_a_plan_that_only_remembers_is_not_nothing() -> None:
    fake = three_nodes()
    fake.state = State(owned_labels={"id-lost": frozenset({"ssd"})})
    assert "only the saved state" in plan_text(plan_all(seen(fake), desired()))


def test_the_plan_as_data_is_json() -> None:
    data = plan_data(plan_all(seen(three_nodes()), desired({"alpha": {"ssd": "true"}})))
    assert json.loads(json.dumps(data))["plan"][0]["summary"] == "set ssd=true on node alpha"


def test_candidates_for_moves_are_told_where_they_are_asked_for() -> None:
    candidates = (
        Candidate("app", "alpha", 4096, "chosen", (Reason("chosen_to_move", node="bravo"),)),
        Candidate("db", "alpha", None, "rejected", (Reason("no_other_host"), Reason("pressure_not_lower"))),
    )
    assert plan_text(Plan(), candidates).splitlines()[1:] == [
        "What could be moved to balance memory:",
        "  chosen: app on alpha: moves to bravo",
        "  rejected: db on alpha: there is no other host; its memory use is no lower",
    ]
    assert "Nothing could be moved" in plan_text(Plan(), ())
    assert plan_data(Plan(), candidates)["candidates"][1] == {
        "title": "db",
        "node": "alpha",
        "memory_bytes": None,
        "verdict": "rejected",
        "reasons": [Reason("no_other_host").to_data(), Reason("pressure_not_lower").to_data()],
    }
    assert "candidates" not in plan_data(Plan())


def test_status_in_words() -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true", mine="x")
    fake.state = State(
        owned_labels={"id-alpha": frozenset({"ssd", "zfs"}), "id-lost": frozenset({"old"})},
        other_sections={"orcastra.future": "{}"},
        # that of alpha was taken back by hand
        asked_availability={"id-charlie": 1_900_000_000.0, "id-alpha": 1.0},
    )
    fake.change_nodes(
        lambda one: replace(one, state="down", availability="drain") if one.hostname == "charlie" else one
    )
    assert status_text(status_data(seen(fake), acts_anywhere=False)).splitlines() == [
        "Leader:    alpha, whose engine we talk to",
        "Instance:  on node alpha, acts",
        "Swarm:     3 nodes, 1 service",
        "",
        "Nodes:",
        "  alpha    leader   ready, active, 0 tasks",
        "           set by us: ssd=true",
        "           set by us, but missing: zfs",
        "           set by others: mine=x",
        "  bravo    manager  ready, active, 1 task",
        "  charlie  manager  down, drain (set at 2030-03-17T17:46:40Z), 0 tasks",
        "",
        "Saved state (orcastra.state): ok",
        "  node id-lost, which has left the swarm: old",
        "  orcastra.future: of another release, kept as it is",
    ]


def test_status_of_a_standby_with_damage() -> None:
    fake = three_nodes()
    fake.local = "bravo"
    fake.damage = ("label orcastra.labels: no JSON",)
    status = status_data(seen(fake), acts_anywhere=False)
    text = status_text(status)
    assert not status["acts"]
    assert "Leader:    alpha\n" in text
    assert "on node bravo, stands by" in text
    assert "damaged; the next cycle sets it aside\n  damaged: label orcastra.labels: no JSON" in text
    assert status_data(seen(fake), acts_anywhere=True)["acts"]


def test_status_without_a_leader() -> None:
    fake = three_nodes()
    fake.lead(None)
    assert "none at the moment" in status_text(status_data(seen(fake), acts_anywhere=False))


def test_counts() -> None:
    found = counts(seen(three_nodes()))
    assert found == {"nodes": 3, "ready_nodes": 3, "services": 1, "running_tasks": 1}


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "node", "1 node"), (0, "node", "0 nodes"), (2, "dependency", "2 dependencies")],
)
def test_count(number: int, noun: str, text: str) -> None:
    assert plural(number, noun) == text


def test_status_tells_moves_and_what_was_tried() -> None:
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
    assert "  id-shop_app to bravo since 1970-01-01T00:00:00Z, scaled to 0 from 2 for that\n" in text
    assert (
        "  id-shop_web: 3 times since 1970-01-01T00:00:00Z, last at 1970-01-01T00:01:00Z: "
        "it is not on its anchor's node\n  id-shop_web: given up: 3 attempts failed\n"
    ) in text

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which events follow from two situations of the swarm."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.happenings import (
    EVENT_TYPES,
    Situation,
    happened,
    problems,
    situation,
)
from tests.support.builders import node, service, snapshot, task

NOW = 10_000.0
GIVEN_UP = Attempts(
    count=5, last=1.0, since=1.0, reason=Reason("misplaced"), given_up=Reason("too_many_attempts", count=5)
)


def seen(*parts: Any, state: State | None = None) -> Situation:
    return situation(snapshot(*parts), state or State(), NOW)


def types(events: list[dict[str, Any]]) -> list[str]:
    found = [event["type"] for event in events]
    assert set(found) <= set(EVENT_TYPES)
    return found


def test_happened_is_empty_without_change() -> None:
    same = [node("alpha", leader=True), node("bravo", state="down"), service("web", replicas=1)]
    assert happened(seen(*same), seen(*same)) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (node("alpha"), node("alpha", state="down"), ["node_down"]),
        (node("alpha", state="down"), node("alpha"), ["node_up"]),
        (node("alpha"), node("alpha", state="unknown"), []),
        (node("alpha", state="unknown"), node("alpha"), []),
        (node("alpha"), node("alpha", availability="drain"), ["node_availability_changed"]),
        (node("alpha"), node("alpha", role="manager"), ["node_role_changed"]),
        (node("alpha"), node("alpha", role="manager", leader=True), ["node_role_changed", "leader_changed"]),
        (node("alpha"), node("bravo"), ["node_joined", "node_left"]),
    ],
)
def test_happened_compares_nodes(before: Any, after: Any, expected: list[str]) -> None:
    assert types(happened(seen(before), seen(after))) == expected


def test_happened_names_the_previous_leader() -> None:
    events = happened(
        seen(node("alpha", leader=True), node("bravo")), seen(node("alpha"), node("bravo", leader=True))
    )
    assert [(event["type"], event["node"]["name"], event["previous"]) for event in events] == [
        ("leader_changed", "bravo", "alpha")
    ]


def test_happened_reports_a_shortage_and_its_end() -> None:
    nodes = [node("alpha")]
    web = service("web", replicas=1)
    works = seen(*nodes, web, task("web", "alpha"))
    waits = seen(*nodes, web, task("web", None, state="pending", created=NOW - 300))
    (short,) = happened(works, waits)
    assert (short["type"], short["shortage"]) == ("service_short", "waiting_for_node")
    assert short["service"] == {"name": "web", "expected": 1, "running": 0}
    assert short["reasons"]
    assert types(happened(waits, works)) == ["service_recovered"]
    assert happened(waits, waits) == []
    # a fresh shortage may pass
    assert happened(works, seen(*nodes, web, task("web", None, state="pending", created=NOW - 1))) == []


def test_happened_reports_a_service_that_is_given_up_once() -> None:
    parts = [node("alpha"), service("web", replicas=1), task("web", "alpha")]
    given_up = seen(*parts, state=State(attempts={"id-web": GIVEN_UP, "id-removed": GIVEN_UP}))
    (event,) = happened(seen(*parts), given_up)
    assert (event["type"], event["service"]["name"]) == ("service_given_up", "web")
    assert event["reasons"] == ["too_many_attempts"]
    assert happened(given_up, given_up) == []


def test_problems_lists_existing_problems() -> None:
    now = seen(
        node("alpha"),
        node("bravo", state="down"),
        service("web", replicas=1),
        task("web", None, state="pending", created=NOW - 300),
    )
    assert types(problems(now)) == ["node_down", "service_short"]


@pytest.mark.parametrize("name", ["{{ lookup('pipe', 'id') }}", "{%x%}", "a b", "-x", ""])
def test_events_contain_no_host_name_that_could_be_a_template(name: str) -> None:
    before = node("x", hostname=name)
    after = node("x", hostname=name, state="down")
    (event,) = happened(seen(before), seen(after))
    assert event["node"]["name"] == "id-x"
    assert not name or name not in event["node"].values()

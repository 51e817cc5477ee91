# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of ownership in a service's labels, and the changes that steps make to a spec."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import (
    CONSTRAINTS_LABEL,
    MAX_LABEL_CHARACTERS,
    REPLICAS_LABEL,
    owned,
    recorded,
    replicas_before,
    with_replicas_before,
    without,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    ScaleService,
)

HELD = "node.labels.db==true"
TO_BRAVO = "node.id==id-bravo"
USERS = "node.role ==manager"

MALFORMED = {
    "nothing": "",
    "no JSON": "node.labels.db==true",
    "half of it": f'["{HELD}"',
    "a mapping": f'{{"{HELD}": true}}',
    "a text": f'"{HELD}"',
    "null": "null",
    "a number": "1",
    "a long number": "9" * 5000,
    "not a number": "NaN",
    "an entry of another kind": f'["{HELD}", 1]',
    "an entry of nothing": f'["{HELD}", null]',
    "nested": f'[["{HELD}"]]',
    "deeply nested": "[" * 100_000,
    "huge": json.dumps([HELD] * (MAX_LABEL_CHARACTERS // len(HELD))),
}


def spec(*constraints: str, labels: dict[str, str] | None = None, **placement: Any) -> dict[str, Any]:
    if constraints:
        placement["Constraints"] = list(constraints)
    return {
        "Name": "shop_app",
        "Labels": {} if labels is None else labels,
        "TaskTemplate": {"ContainerSpec": {"Image": "x"}, "Placement": placement},
        "Mode": {"Replicated": {"Replicas": 2}},
    }


def record(*constraints: str) -> dict[str, str]:
    return {CONSTRAINTS_LABEL: json.dumps(constraints)}


def place(**fields: Any) -> PlaceService:
    given = {"service_id": "id-app", "name": "shop_app", "purpose": "a test", "constraints": (), "why": ()}
    return PlaceService(**{**given, **fields})


def scale(replicas: int = 0) -> ScaleService:
    return ScaleService(service_id="id-app", name="shop_app", replicas_before=2, replicas=replicas, why=())


def constraints_of(found: dict[str, Any]) -> list[str]:
    constraints: list[str] = found["TaskTemplate"].get("Placement", {}).get("Constraints", [])
    return constraints


def scaled(found: dict[str, Any]) -> int:
    replicas: int = found["Mode"]["Replicated"]["Replicas"]
    return replicas


class TestRecords:
    @pytest.mark.parametrize("name", MALFORMED)
    def test_owned_ignores_malformed_label(self, name: str) -> None:
        labels = {CONSTRAINTS_LABEL: MALFORMED[name]}

        assert recorded(labels) is None
        assert owned((HELD, USERS), labels) == ()

    def test_owned_returns_recorded_existing_constraints(self) -> None:
        assert owned((USERS, HELD), record(HELD, TO_BRAVO)) == (HELD,)
        assert owned((USERS, HELD), {}) == owned((USERS, HELD), record()) == ()

    @pytest.mark.parametrize(
        "user_constraints",
        ["node.labels.db == true", "node.labels.db ==true", " node.labels.db==true", "NODE.labels.db==true"],
    )
    def test_owned_compares_exact_text(self, user_constraints: str) -> None:
        assert owned((user_constraints,), record(HELD)) == ()

    def test_owned_leaves_further_occurrences_to_user(self) -> None:
        assert owned((HELD, USERS, HELD), record(HELD)) == (HELD,)
        assert owned((HELD, HELD, HELD), record(HELD, HELD)) == (HELD, HELD)
        assert without((HELD, USERS, HELD), (HELD,)) == (HELD, USERS)

    def test_owned_accepts_any_recorded_text(self) -> None:
        assert owned((USERS,), record(USERS)) == (USERS,)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "2",
            "[2]",
            "{}",
            '{"replicas": 2}',
            '{"replicas": 2, "service": "id-other"}',
            '{"replicas": "2", "service": "id-app"}',
            '{"replicas": true, "service": "id-app"}',
            '{"replicas": 0, "service": "id-app"}',
            '{"replicas": -1, "service": "id-app"}',
            '{"replicas": 1e99, "service": "id-app"}',
            '{"replicas": 99999999, "service": "id-app"}',
            "[" * 100_000,
        ],
    )
    def test_replicas_before_ignores_invalid_records(self, text: str) -> None:
        labels = {REPLICAS_LABEL: text}

        assert replicas_before(labels, "id-app") is None
        assert with_replicas_before(labels, "id-app", None) == labels

    def test_replicas_before_round_trip(self) -> None:
        labels = with_replicas_before({"mine": "x"}, "id-app", 3)

        assert replicas_before(labels, "id-app") == 3
        assert replicas_before(labels, "id-clone") is None
        assert with_replicas_before(labels, "id-app", None) == {"mine": "x"}


SPECS = {
    "nothing": spec(),
    "labels": spec(labels={"com.docker.stack.namespace": "shop", "empty": ""}),
    "constraints": spec(USERS, "node.labels.zone ==true", "node.id !=x", "engine.labels.a ==b"),
    "the same twice": spec("node.role==worker", "node.role==worker"),
    "placement": spec(USERS, Preferences=[{"Spread": {"SpreadDescriptor": "node.labels.z"}}], MaxReplicas=2),
}


class TestPlacing:
    @pytest.mark.parametrize("name", SPECS)
    def test_change_constraints_is_reversible(self, name: str) -> None:
        before = copy.deepcopy(SPECS[name])

        moving = place(add=(HELD, TO_BRAVO)).change_spec(copy.deepcopy(before))
        assert constraints_of(moving) == [*constraints_of(before), HELD, TO_BRAVO]
        assert recorded(moving["Labels"]) == (HELD, TO_BRAVO)
        held = place(remove=(TO_BRAVO,)).change_spec(moving)
        assert recorded(held["Labels"]) == (HELD,)
        assert place(remove=(HELD,)).change_spec(held) == before

    def test_change_constraints_keeps_equal_constraint_of_user(self) -> None:
        found = place(remove=(HELD,)).change_spec(spec(HELD, USERS, HELD, labels=record(HELD)))

        assert found == spec(HELD, USERS)

    def test_change_constraints_does_not_add_or_record_existing(self) -> None:
        found = place(add=(HELD,)).change_spec(spec(HELD))

        assert found == spec(HELD)

    def test_change_constraints_keeps_redeployed_constraint(self) -> None:
        found = place(remove=(HELD, TO_BRAVO)).change_spec(spec(HELD, TO_BRAVO))

        assert found == spec(HELD, TO_BRAVO)

    def test_change_constraints_drops_outdated_record(self) -> None:
        found = place(add=(TO_BRAVO,)).change_spec(spec(USERS, labels=record(HELD)))
        assert recorded(found["Labels"]) == (TO_BRAVO,)

        found = place(remove=(HELD,)).change_spec(spec(USERS, labels=record(HELD)))
        assert found == spec(USERS)

    @pytest.mark.parametrize("name", MALFORMED)
    def test_with_record_replaces_malformed_label_only_if_needed(self, name: str) -> None:
        broken = spec(HELD, labels={CONSTRAINTS_LABEL: MALFORMED[name]})

        assert place(remove=(HELD,)).change_spec(copy.deepcopy(broken)) == broken
        found = place(add=(TO_BRAVO,)).change_spec(copy.deepcopy(broken))
        assert found == spec(HELD, TO_BRAVO, labels=record(TO_BRAVO))

    def test_with_record_rejects_large_record(self) -> None:
        many = tuple(f"node.id!={number:025}" for number in range(MAX_LABEL_CHARACTERS // 37))

        with pytest.raises(OrcastraError):
            place(add=many).change_spec(spec())
        thousand = place(add=many[:1000]).change_spec(spec())
        assert len(owned(constraints_of(thousand), thousand["Labels"])) == 1000

    def test_change_constraints_is_idempotent(self) -> None:
        once = place(add=(HELD,)).change_spec(spec(USERS))

        assert place(add=(HELD,)).change_spec(copy.deepcopy(once)) == once

    def test_change_constraints_of_spec_without_placement(self) -> None:
        bare = {"Labels": None, "TaskTemplate": {}, "Mode": {"Global": {}}}

        assert place(remove=(HELD,)).change_spec(copy.deepcopy(bare)) == bare
        found = place(add=(HELD,)).change_spec(copy.deepcopy(bare))
        assert (constraints_of(found), recorded(found["Labels"])) == ([HELD], (HELD,))
        # swarmkit's managers crash if a placement is removed
        assert place(remove=(HELD,)).change_spec(found)["TaskTemplate"] == {"Placement": {}}

    def test_diff_shows_constraints_only(self) -> None:
        step = place(constraints=(HELD, USERS, HELD), remove=(HELD,), add=(TO_BRAVO,))

        assert step.before == {"constraints": [HELD, USERS, HELD]}
        assert step.after == {"constraints": [HELD, USERS, TO_BRAVO]}


class TestScaling:
    def test_scale_to_zero_and_back(self) -> None:
        before = spec(USERS, labels={"mine": "x"})

        down = scale().change_spec(copy.deepcopy(before))
        assert scaled(down) == 0
        assert replicas_before(down["Labels"], "id-app") == 2
        assert place(replicas=2).change_spec(down) == before

    def test_scale_records_current_number(self) -> None:
        before = spec()
        before["Mode"]["Replicated"]["Replicas"] = 5

        down = scale().change_spec(copy.deepcopy(before))
        assert place(replicas=2).change_spec(down) == before

    def test_scale_does_not_record_zero(self) -> None:
        before = spec()
        before["Mode"]["Replicated"]["Replicas"] = 0

        assert scale().change_spec(copy.deepcopy(before)) == before
        assert place(replicas=2).change_spec(copy.deepcopy(before)) == before

    def test_place_keeps_number_of_user_and_drops_record(self) -> None:
        down = scale().change_spec(spec(USERS))
        down["Mode"]["Replicated"]["Replicas"] = 7

        found = place(replicas=2).change_spec(down)
        assert scaled(found) == 7
        assert found["Labels"] == {}

    def test_place_keeps_record_of_service_at_zero(self) -> None:
        down = scale().change_spec(spec(labels=record(HELD)))

        assert replicas_before(place(add=(TO_BRAVO,)).change_spec(down)["Labels"], "id-app") == 2

    def test_place_restores_unrecorded_number(self) -> None:
        before = spec()
        before["Mode"]["Replicated"]["Replicas"] = 0

        assert scaled(place(replicas=3, unrecorded=True).change_spec(copy.deepcopy(before))) == 3
        before["Mode"]["Replicated"]["Replicas"] = 1
        assert scaled(place(replicas=3, unrecorded=True).change_spec(before)) == 1


TEXTS = st.sampled_from([HELD, TO_BRAVO, USERS, "node.labels.db ==true"])


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    user_constraints=st.lists(TEXTS, max_size=4),
    edits=st.lists(
        st.tuples(st.sampled_from(["add", "redeploy", "sort", "place", "remove"]), TEXTS), max_size=12
    ),
)
def test_change_constraints_keeps_constraints_of_user(
    user_constraints: list[str], edits: list[tuple[str, str]]
) -> None:
    """Between our changes, the user adds, redeploys and sorts constraints, like the CLI."""
    current = spec(*user_constraints)
    for edit, text in edits:
        if edit == "add":
            user_constraints = [*user_constraints, text]
            current["TaskTemplate"]["Placement"]["Constraints"] = [*constraints_of(current), text]
        elif edit == "redeploy":
            current = spec(*user_constraints)
        elif edit == "sort" and constraints_of(current):
            current["TaskTemplate"]["Placement"]["Constraints"].sort()
        elif edit == "place":
            current = place(add=(text,)).change_spec(current)
        elif edit == "remove":
            current = place(remove=(text,)).change_spec(current)
        mine = owned(constraints_of(current), current["Labels"])
        assert Counter(without(constraints_of(current), mine)) == Counter(user_constraints)
    mine = owned(constraints_of(current), current["Labels"])
    ended = place(remove=mine).change_spec(current)
    assert Counter(constraints_of(ended)) == Counter(user_constraints)
    assert ended["Labels"] == {}

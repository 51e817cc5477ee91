# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A saved state with any kind of damage can be read, and all returned values are valid."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._model import state_codec, state_values
from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import (
    commands_data,
    iso_time,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.history import SavedAction
from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import Noted, Outgoing
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DRAIN,
    Attempts,
    CommandRecord,
    Handover,
    Move,
    Relocation,
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    MAX_BYTES,
    decode,
    encode,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_values import (
    MAX_COUNT,
    MAX_REPLICAS,
    MAX_SKEW_SECONDS,
    MAX_TIME,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.track import Track
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import (
    exhausted,
    forget_seconds,
    wait_seconds,
)
from orcastra_runner.report import status_data, status_text, to_json
from tests.support.builders import node, service, snapshot

NOW = 1_800_000_000.0
LABELS = [section.label for section in state_codec._SECTIONS]

FULL = State(
    owned_labels={"n1": frozenset({"a", "b"})},
    anchor_labels={"n1": frozenset({"b"})},
    moves={"s1": Move("db", ("n2",), NOW - 9, 3, DRAIN, "n1", 7, "n3", NOW - 1)},
    attempts={
        "s1": Attempts(2, NOW - 3, NOW - 9, Reason("misplaced"), Reason("attempts_exhausted", count=2))
    },
    anchor_tasks={"s1": frozenset({"t1"})},
    commands={"id:1": CommandRecord("relabel_all", "file", "alpha", "i", NOW - 5, "done", "all", NOW - 4)},
    relocations={
        "s1": (
            Relocation("n1", "n2", NOW - 9, 5),
            Relocation("n2", "n1", NOW - 2, 5, Reason("move_paused", error=Reason("exit_code", number=3))),
        )
    },
    handovers={"id:1": Handover(("n1",), ("alpha",), "boot", NOW - 5, "drained", "bravo", 3)},
    pressure={"alpha": NOW - 60},
    ahead={"s1/n1": "n2"},
    tracks={"s1": Track(("n1",), NOW - 9, (NOW - 90, NOW - 9), (NOW - 60,))},
    asked_availability={"n1": NOW - 60},
    notified={"node/n1": Noted("notify_node_lost", "alpha", "warning", NOW - 60)},
    outbox={
        "m1": Outgoing(
            Reason("notify_node_lost", node="alpha"), "warning", NOW - 60, left=("1 (json)",), claim="token"
        )
    },
    actions={"1": SavedAction(NOW - 4, "place_service", "service s", "move s", why=(Reason("misplaced"),))},
    other_sections={"orcastra.future": "unknown"},
)

HOSTILE: dict[str, str] = {
    "nothing": "",
    "half": '{"a": [',
    "a list": "[]",
    "null": "null",
    "deep lists": "[" * 100_000,
    "deep mappings": '{"a":' * 30_000 + "1" + "}" * 30_000,
    "deep below an entry": '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "1e400": '{"a": 1e400}',
    "400 digits": '{"a": ' + "9" * 400 + "}",
    "a quarter of a million digits": '{"a": ' + "9" * 250_000 + "}",
    "NaN": '{"a": NaN, "b": Infinity, "c": -Infinity}',
    "booleans": '{"a": true, "b": false}',
    "surrogates": '{"a": "\\ud800", "\\udfff": "b", "c": ["\\ud800"]}',
    "no name": '{"": "a", "b": [""]}',
    "a long name": '{"' + "x" * 5000 + '": 1}',
    "the same key twice": '{"a": 1, "a": 2}',
    "a long list": '{"a": ' + json.dumps(["x"] * 20_000) + "}",
    "one too large": '{"a": "' + "x" * 300_000 + '"}',
    "of wrong types": '{"a": {"b": {}}, "c": [[]], "d": {"nodes": 1, "since": []}}',
    "control characters": '{"a": "\x00"}',
    "a byte order mark": '\ufeff{"a": 1}',
}


def assert_sane(state: State) -> None:
    """Check that all values are in range, can be shown, and survive a round trip without damage."""
    for move in state.moves.values():
        assert 0 <= move.since <= MAX_TIME
        assert move.replicas is None or 0 <= move.replicas <= MAX_REPLICAS
        assert move.unseen_since is None or 0 <= move.unseen_since <= MAX_TIME
        assert move.memory_bytes >= 0
    for tried in state.attempts.values():
        assert 0 <= tried.count <= MAX_COUNT
        assert wait_seconds(tried, (2.0, 10.0), NOW) <= 10
        assert forget_seconds(tried, (2.0, 10.0), NOW) >= 0
        exhausted(tried, (2.0, 10.0), 60.0, NOW)
    seen = Observation(
        snapshot(node("alpha", id="n1"), service("s", id="s1")),
        state,
        (Reason("state_labels_invalid"),),
        "n1",
        "cluster",
        5,
    )
    status = status_data(seen, acts_anywhere=False)
    status_text(status).encode()
    json.loads(to_json(status))
    json.dumps(status, ensure_ascii=False).encode()
    commands_data(state)
    again, damage = decode(encode(state))
    assert (again, damage) == (state, ())


def damaged(label: str, value: Any) -> tuple[State, tuple[Reason, ...]]:
    state, damage = decode({**encode(FULL), label: value}, NOW)
    assert_sane(state)
    return state, damage


def test_decode_of_undamaged_state() -> None:
    assert decode(encode(FULL), NOW) == (FULL, ())


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("case", HOSTILE)
def test_decode_keeps_undamaged_sections(label: str, case: str) -> None:
    state, damage = damaged(label, HOSTILE[case])
    # surrogates and control characters are only damage where there is text
    assert damage or case == "surrogates"
    assert len(damage) <= 6
    assert all(len(str(part)) < 400 for part in damage)
    for section in state_codec._SECTIONS:
        if section.label != label:
            assert getattr(state, section.field) == getattr(FULL, section.field)


@pytest.mark.parametrize("value", [None, 1, b"{}", [], {}, "{", object()])
def test_decode_reports_labels_that_are_not_strings(value: Any) -> None:
    for label in LABELS:
        damaged(label, value)
    assert decode(value, NOW)[0] == State() or value == {}
    assert decode({1: "a", None: None}, NOW)[1]


def _replaced(state: State, label: str, *changes: tuple[str, Any]) -> str:
    entries = json.loads(encode(state)[label])
    for entry in entries.values():
        target = entry[0] if isinstance(entry, list) else entry
        for name, value in changes:
            target[name] = value
    return json.dumps(entries)


@pytest.mark.parametrize(
    ("label", "name", "value"),
    [
        (state_codec.MOVES_LABEL, "replicas", 10**12),
        (state_codec.MOVES_LABEL, "replicas", -1),
        (state_codec.MOVES_LABEL, "replicas", 1.5),
        (state_codec.MOVES_LABEL, "replicas", True),
        (state_codec.MOVES_LABEL, "replicas", "3"),
        (state_codec.MOVES_LABEL, "since", -1),
        (state_codec.MOVES_LABEL, "since", MAX_TIME + 1),
        (state_codec.MOVES_LABEL, "since", float("nan")),
        (state_codec.MOVES_LABEL, "since", float("inf")),
        (state_codec.MOVES_LABEL, "since", "2026-01-01"),
        (state_codec.MOVES_LABEL, "nodes", "n1"),
        (state_codec.MOVES_LABEL, "nodes", [1]),
        (state_codec.MOVES_LABEL, "kind", "jump"),
        (state_codec.MOVES_LABEL, "anchor", None),
        (state_codec.MOVES_LABEL, "memory_bytes", -5),
        (state_codec.MOVES_LABEL, "unseen_since", -5),
        (state_codec.ATTEMPTS_LABEL, "count", -3),
        (state_codec.ATTEMPTS_LABEL, "count", 10**30),
        (state_codec.ATTEMPTS_LABEL, "last", -(10**18)),
        (state_codec.ATTEMPTS_LABEL, "reason", ["x"]),
        (state_codec.ATTEMPTS_LABEL, "given_up", 5),
        (state_codec.COMMANDS_LABEL, "status", ["done"]),
        (state_codec.COMMANDS_LABEL, "started", 10**400),
        (state_codec.COMMANDS_LABEL, "message", "\ud800"),
        (state_codec.HANDOVERS_LABEL, "beats", -1),
        (state_codec.HANDOVERS_LABEL, "names", {"a": 1}),
        (state_codec.RELOCATIONS_LABEL, "at", 1e300),
        (state_codec.RELOCATIONS_LABEL, "memory_bytes", 2**70),
    ],
)
def test_decode_drops_entry_with_value_out_of_range(label: str, name: str, value: Any) -> None:
    """The other entries of the section are kept: a damaged move must not affect the others."""
    field = next(section.field for section in state_codec._SECTIONS if section.label == label)
    broken = json.loads(_replaced(FULL, label, (name, value)))
    sound = json.loads(encode(FULL)[label])
    key, entry = next(iter(sound.items()))
    state, damage = damaged(label, json.dumps({**broken, f"{key}-2": entry}))
    assert list(getattr(state, field)) == [f"{key}-2"]
    assert len(damage) == 1
    assert damage[0].params["label"] == label
    assert damage[0].params["problem"].startswith(f"{key}: ")


def test_decode_names_missing_field() -> None:
    for section in state_codec._SECTIONS:
        entries = json.loads(encode(FULL)[section.label])
        entry = next(iter(entries.values()))
        if not isinstance(entry, dict):
            continue
        for name in entry:
            left = {key: {k: v for k, v in one.items() if k != name} for key, one in entries.items()}
            state, damage = damaged(section.label, json.dumps(left))
            optional = ("kind", "source", "memory_bytes", "leader", "unseen_since", "recorded", "stays")
            is_optional = section.label == state_codec.MOVES_LABEL and name in optional
            assert bool(damage) != is_optional
            assert bool(getattr(state, section.field)) == is_optional


@pytest.mark.parametrize("ahead", [MAX_SKEW_SECONDS + 1, 86_400.0, 1e9, MAX_TIME - NOW])
def test_decode_reads_future_time_as_now(ahead: float) -> None:
    """A future time would delay moves and attempts until then."""
    late = NOW + ahead
    for label, name in (
        (state_codec.ATTEMPTS_LABEL, "last"),
        (state_codec.MOVES_LABEL, "since"),
        (state_codec.RELOCATIONS_LABEL, "at"),
        (state_codec.HANDOVERS_LABEL, "offered"),
        (state_codec.COMMANDS_LABEL, "started"),
    ):
        state, damage = damaged(label, _replaced(FULL, label, (name, late)))
        assert len(damage) == 1, name
        assert state == damaged(label, _replaced(FULL, label, (name, NOW)))[0]
    for label in (state_codec.PRESSURE_LABEL, state_codec.AVAILABILITY_LABEL):
        state, damage = damaged(label, json.dumps({"x": late}))
        assert len(damage) == 1
        assert {**state.pressure, **state.asked_availability}["x"] == NOW


def test_decode_tolerates_clock_skew() -> None:
    label = state_codec.ATTEMPTS_LABEL
    state, damage = damaged(label, _replaced(FULL, label, ("last", NOW + MAX_SKEW_SECONDS - 1)))
    assert damage == ()
    assert wait_seconds(state.attempts["s1"], (2.0, 10.0), NOW) == 10


def test_decode_counts_further_damaged_entries() -> None:
    _state, damage = damaged(state_codec.PRESSURE_LABEL, json.dumps({f"h{n}": "x" for n in range(1000)}))
    assert len(damage) == 6
    assert damage[-1].params["label"] == state_codec.PRESSURE_LABEL
    assert damage[-1].params["problem"].startswith("995 ")


def test_decode_drops_least_important_sections_of_large_state() -> None:
    """Otherwise nothing could be saved any longer, not even the end of a move."""
    large = "x" * (MAX_BYTES // 2)
    others = {f"orcastra.other{n}": large for n in range(3)}
    state, damage = decode({**encode(FULL), **others}, NOW)
    assert len(damage) == 2
    assert replace(state, other_sections={}) == replace(FULL, other_sections={})
    assert_sane(state)
    full = {**encode(FULL), **{label: encode(FULL)[label] + " " * (MAX_BYTES // 3) for label in LABELS}}
    state, damage = decode(full, NOW)
    assert (state.moves, state.owned_labels) == (FULL.moves, FULL.owned_labels)
    assert sum(len(value) for value in encode(state).values()) < MAX_BYTES


def test_encode_replaces_invalid_characters() -> None:
    record = replace(FULL.commands["id:1"], message="a\ud800b\x00")
    state, damage = decode(encode(replace(FULL, commands={"id:1": record})), NOW)
    assert damage == ()
    assert state.commands["id:1"].message == "a?b\x00"


@pytest.mark.parametrize("seconds", [-1e30, -1.0, 0.0, 1e30, float("inf"), float("-inf"), float("nan")])
def test_iso_time_accepts_any_number(seconds: float) -> None:
    assert iso_time(seconds)[:4] in ("1970", "9999")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([-1, 0, 10**12, 10**400, 1e308, NOW, NOW + 1e6, "done", "drain", "\ud800", "s1", "n1"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    field.name for record in (Move, Attempts, CommandRecord, Handover, Relocation) for field in fields(record)
]
ENTRIES = JSON_VALUES | st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES)
SECTIONS = st.dictionaries(
    st.sampled_from(["s1", "n1", "id:1", ""]) | st.text(max_size=3), ENTRIES, max_size=3
)


@given(
    st.dictionaries(
        st.sampled_from([*LABELS, "orcastra.format", "other"]),
        SECTIONS.map(json.dumps) | JSON_VALUES.map(json.dumps) | st.text(max_size=20) | JSON_VALUES,
    ),
    st.none() | st.floats(0, MAX_TIME),
)
@example({state_codec.MOVES_LABEL: encode(FULL)[state_codec.MOVES_LABEL]}, 5.0)
@settings(max_examples=300, deadline=None)
def test_decode_never_raises(labels: dict[str, Any], now: float | None) -> None:
    state, damage = decode(labels, now)
    assert all(str(part) for part in damage)
    assert_sane(state)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_decode_of_mutated_state(data: st.DataObject) -> None:
    """Mutations of real data reach deeper code than random data."""
    labels = encode(FULL)
    label = data.draw(st.sampled_from(LABELS))
    parts: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, inner in list(items):
            parts.append((value, key))
            collect(inner)

    entries = json.loads(labels[label])
    collect(entries)
    where, key = data.draw(st.sampled_from(parts))
    where[key] = data.draw(JSON_VALUES)
    state, _damage = decode({**labels, label: json.dumps(entries)}, NOW)
    assert_sane(state)


@given(st.text(), st.integers(0, 300))
@settings(max_examples=100, deadline=None)
def test_decode_of_section_with_inserted_text(splinter: str, at: int) -> None:
    for label, value in encode(FULL).items():
        state, _damage = decode({**encode(FULL), label: value[:at] + splinter + value[at:]}, NOW)
        assert_sane(state)


def test_damaged_shows_expected_value_only() -> None:
    reader = state_values.Reader(NOW)
    for value in (10**400, "x" * 10**6, ["\ud800"] * 10**5, float("nan"), None):
        with pytest.raises(state_values.Damaged) as caught:
            reader.moment(value, "since")
        assert str(caught.value) == "since: expected a time between 1970 and 9999"

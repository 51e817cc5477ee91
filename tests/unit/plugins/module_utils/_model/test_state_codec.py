# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    REBALANCE,
    Attempts,
    DisownLabels,
    Move,
    OwnLabels,
    Relocation,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    ANCHOR_LABELS_LABEL,
    ATTEMPTS_LABEL,
    FORMAT,
    FORMAT_LABEL,
    MOVES_LABEL,
    OWNED_LABELS_LABEL,
    TRACKS_LABEL,
    decode,
    encode,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.track import (
    KEPT_SECONDS,
    MAX_TIMES,
    SetTrack,
    Track,
)


def test_state_round_trip() -> None:
    state = State(owned_labels={"n1": frozenset({"a", "b"})}, other_sections={"orcastra.future": "[1]"})

    assert decode(encode(state)) == (state, ())


def test_balancing_moves_round_trip() -> None:
    state = State(
        moves={"s1": Move("", ("n2",), 1.5, kind=REBALANCE, source="n1", memory_bytes=7)},
        relocations={
            "s1": (
                Relocation("n1", "n2", 1.0, 5),
                Relocation("n2", "n3", 2.0, 5, Reason("move_overdue", seconds=600.0, error="no room")),
            )
        },
        pressure={"alpha": 3.0},
        ahead={"s1/n1": "n2"},
    )

    assert decode(encode(state)) == (state, ())


def test_tracks_round_trip() -> None:
    state = State(tracks={"s1": Track(("n1", "n2"), 7.25, (5.5, 7.25), (7.25,)), "s2": Track((), 1.0)})

    assert decode(encode(state)) == (state, ())


@pytest.mark.parametrize(
    "value",
    [
        '{"s1": {"nodes": ["n1"], "last": NaN, "moves": [], "restless": []}}',
        '{"s1": {"nodes": ["n1"], "last": -1, "moves": [], "restless": []}}',
        '{"s1": {"nodes": ["n1"], "last": 1, "moves": [Infinity], "restless": []}}',
        '{"s1": {"nodes": ["n1"], "last": 1, "moves": [], "restless": ["soon"]}}',
        '{"s1": {"nodes": ["n1"], "last": 1, "moves": [], "restless": {}}}',
        '{"s1": {"nodes": "n1", "last": 1, "moves": [], "restless": []}}',
        '{"s1": {"nodes": ["n1"], "last": null, "moves": [], "restless": []}}',
        '{"s1": []}',
    ],
)
def test_decode_drops_damaged_tracks(value: str) -> None:
    state, damage = decode({**encode(State()), TRACKS_LABEL: value})

    assert state.tracks == {}
    assert len(damage) == 1


def test_tracks_are_limited() -> None:
    many = ",".join("1" for _ in range(1000))
    value = f'{{"s1": {{"nodes": [], "last": 1, "moves": [{many}], "restless": [{many}]}}}}'
    state, _damage = decode({**encode(State()), TRACKS_LABEL: value})
    assert len(state.tracks["s1"].moves) == len(state.tracks["s1"].restless) == MAX_TIMES

    late = SetTrack("s2", Track((), 2 + KEPT_SECONDS))
    assert apply_edits(state, [late]).tracks.keys() == {"s2"}


def test_decode_reads_move_of_older_release_as_follow() -> None:
    old = '{"s1": {"anchor": "db", "nodes": ["n1"], "since": 1.0, "replicas": null}}'

    state, damage = decode({**encode(State()), MOVES_LABEL: old})

    assert damage == ()
    assert state.moves == {"s1": Move("db", ("n1",), 1.0)}


def test_disown_labels_reverses_own_labels() -> None:
    own = OwnLabels("n1", frozenset({"a"}))
    disown = DisownLabels("n1", frozenset({"a"}))

    assert apply_edits(State(), [own]).owned_labels == {"n1": frozenset({"a"})}
    assert apply_edits(State(), [own, own, disown]) == State()
    assert apply_edits(State(), [disown]) == State()


def test_own_labels_records_anchor_labels() -> None:
    both = OwnLabels("n1", frozenset({"ssd", "db"}), frozenset({"db"}))
    state = apply_edits(State(), [both])

    assert state.anchor_labels == {"n1": frozenset({"db"})}
    assert decode(encode(state)) == (state, ())
    # the same key as a static label, and as a label that is not owned
    assert apply_edits(state, [OwnLabels("n1", frozenset({"db"}))]).anchor_labels == {}
    assert apply_edits(state, [DisownLabels("n1", frozenset({"db"}))]).anchor_labels == {}
    assert apply_edits(state, [DisownLabels("n1", frozenset({"ssd"}))]).anchor_labels == state.anchor_labels


def test_decode_treats_all_labels_as_anchor_labels_if_damaged() -> None:
    state = apply_edits(State(), [OwnLabels("n1", frozenset({"ssd"}))])

    found, damage = decode({**encode(state), ANCHOR_LABELS_LABEL: "{"})

    assert len(damage) == 1
    assert found.anchor_labels == found.owned_labels == state.owned_labels


def test_decode_keeps_sections_of_newer_release() -> None:
    state, _damage = decode({**encode(State()), "orcastra.future": "unknown"})

    assert encode(apply_edits(state, [OwnLabels("n1", frozenset({"a"}))]))["orcastra.future"] == "unknown"


@pytest.mark.parametrize(
    "value", ["", "{", "null", "[]", '"text"', '{"n1": "a"}', '{"n1": [1]}', '{"n1": {"a": true}}']
)
def test_decode_reports_damaged_section(value: str) -> None:
    state, damage = decode({**encode(State()), OWNED_LABELS_LABEL: value})

    assert state.owned_labels == {}
    assert len(damage) == 1
    assert damage[0].params["label"] == OWNED_LABELS_LABEL


def test_decode_reports_missing_format() -> None:
    _state, damage = decode({})

    assert [part.params["label"] for part in damage] == [FORMAT_LABEL]


def attempts_with(given_up: object, reason: object = "misplaced") -> tuple[State, tuple[str, ...]]:
    entry = {"count": 2, "last": 2.0, "since": 1.0, "reason": reason, "given_up": given_up}
    return decode({FORMAT_LABEL: FORMAT, ATTEMPTS_LABEL: json.dumps({"s1": entry})})


@pytest.mark.parametrize(
    "reason",
    [
        Reason("misplaced"),
        Reason("attempts_exhausted", count=6),
        Reason("swarm_gave_up_tasks", missing=1, replicas=2, state="failed", error=None),
        Reason("move_paused", error=Reason("exit_code", number=3)),
        Reason("follower_misplaced", anchors=["a", "b"], anchor_nodes=["é"], nodes=[]),
        Reason("saved_reason", text="evil\n\x1b"),
    ],
    ids=lambda reason: str(reason.code),
)
def test_reason_round_trip(reason: Reason) -> None:
    state = State(attempts={"s1": Attempts(2, 2.0, 1.0, reason, reason)})

    assert decode(encode(state)) == (state, ())


@pytest.mark.parametrize(
    ("saved", "reason"),
    [
        # sentences of earlier releases
        ("not beside its anchor", Reason("misplaced")),  # prose: allow
        ("tried 6 times without success", Reason("saved_reason", text="tried 6 times without success")),
        ("", Reason("saved_reason", text="")),
        ("misplaced", Reason("saved_reason", text="misplaced")),
        # codes of later ones, or with other parameters
        ({"code": "new_code", "params": {}}, Reason("saved_reason", text="new_code")),
        ({"code": "attempts_exhausted", "params": {}}, Reason("saved_reason", text="attempts_exhausted")),
        (
            {"code": "give_up_time_over", "params": {"seconds": "x", "count": 1}},
            Reason("saved_reason", text="give_up_time_over"),
        ),
        (
            {"code": "give_up_time_over", "params": {"seconds": None, "count": 1}},
            Reason("saved_reason", text="give_up_time_over"),
        ),
        (
            {"code": "move_paused", "params": {"error": {"code": "new", "params": {}}}},
            Reason("move_paused", error=Reason("saved_reason", text="new")),
        ),
    ],
    ids=str,
)
def test_from_saved_reads_other_releases(saved: object, reason: Reason) -> None:
    state, damage = attempts_with(saved, saved)

    assert damage == ()
    assert (state.attempts["s1"].reason, state.attempts["s1"].given_up) == (reason, reason)
    assert decode(encode(state)) == (state, ())


@pytest.mark.parametrize(
    "saved",
    [
        5,
        True,
        [],
        ["misplaced"],
        {},
        {"code": "misplaced"},
        {"code": 5, "params": {}},
        {"code": "misplaced", "params": []},
        {"code": "move_paused", "params": {"error": {"a": 1}}},
        {"code": "saved_reason", "params": {"text": "\ud800"}},
        {"code": "saved_reason", "params": {"text": "x" * 100_000}},
    ],
    ids=lambda saved: str(saved)[:40].encode(errors="replace").decode(),
)
def test_decode_drops_entry_with_invalid_reason(saved: object) -> None:
    state, damage = attempts_with(saved)

    assert len(damage) == 1
    assert state.attempts == {}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    REBALANCE,
    DisownLabels,
    Move,
    OwnLabels,
    Relocation,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    ANCHOR_LABELS_LABEL,
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


def test_what_is_encoded_is_decoded_again() -> None:
    state = State(owned_labels={"n1": frozenset({"a", "b"})}, other_sections={"orcastra.future": "[1]"})

    assert decode(encode(state)) == (state, ())


def test_moves_for_balance_are_encoded_and_decoded_again() -> None:
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


def test_tracks_are_encoded_and_decoded_again() -> None:
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
def test_damaged_tracks_read_as_none(value: str) -> None:
    state, damage = decode({**encode(State()), TRACKS_LABEL: value})

    assert state.tracks == {}
    assert len(damage) == 1


def test_tracks_stay_small() -> None:
    many = ",".join("1" for _ in range(1000))
    value = f'{{"s1": {{"nodes": [], "last": 1, "moves": [{many}], "restless": [{many}]}}}}'
    state, _damage = decode({**encode(State()), TRACKS_LABEL: value})
    assert len(state.tracks["s1"].moves) == len(state.tracks["s1"].restless) == MAX_TIMES

    late = SetTrack("s2", Track((), 2 + KEPT_SECONDS))
    assert apply_edits(state, [late]).tracks.keys() == {"s2"}


def test_a_move_of_an_older_release_is_a_followers() -> None:
    old = '{"s1": {"anchor": "db", "nodes": ["n1"], "since": 1.0, "replicas": null}}'

    state, damage = decode({**encode(State()), MOVES_LABEL: old})

    assert damage == ()
    assert state.moves == {"s1": Move("db", ("n1",), 1.0)}


def test_owning_and_disowning_are_each_others_opposite() -> None:
    own = OwnLabels("n1", frozenset({"a"}))
    disown = DisownLabels("n1", frozenset({"a"}))

    assert apply_edits(State(), [own]).owned_labels == {"n1": frozenset({"a"})}
    assert apply_edits(State(), [own, own, disown]) == State()
    assert apply_edits(State(), [disown]) == State()


def test_which_labels_mark_anchors() -> None:
    both = OwnLabels("n1", frozenset({"ssd", "db"}), frozenset({"db"}))
    state = apply_edits(State(), [both])

    assert state.anchor_labels == {"n1": frozenset({"db"})}
    assert decode(encode(state)) == (state, ())
    # the same key as a static label, and as none of ours
    assert apply_edits(state, [OwnLabels("n1", frozenset({"db"}))]).anchor_labels == {}
    assert apply_edits(state, [DisownLabels("n1", frozenset({"db"}))]).anchor_labels == {}
    assert apply_edits(state, [DisownLabels("n1", frozenset({"ssd"}))]).anchor_labels == state.anchor_labels


def test_while_it_is_not_known_which_ones_do_any_of_them_may() -> None:
    state = apply_edits(State(), [OwnLabels("n1", frozenset({"ssd"}))])

    found, damage = decode({**encode(state), ANCHOR_LABELS_LABEL: "{"})

    assert len(damage) == 1
    assert found.anchor_labels == found.owned_labels == state.owned_labels


def test_sections_of_a_newer_release_are_carried_along() -> None:
    state, _damage = decode({**encode(State()), "orcastra.future": "what is this"})

    assert (
        encode(apply_edits(state, [OwnLabels("n1", frozenset({"a"}))]))["orcastra.future"] == "what is this"
    )


@pytest.mark.parametrize(
    "value", ["", "{", "null", "[]", '"text"', '{"n1": "a"}', '{"n1": [1]}', '{"n1": {"a": true}}']
)
def test_a_damaged_section_reads_as_empty_and_is_said(value: str) -> None:
    state, damage = decode({**encode(State()), OWNED_LABELS_LABEL: value})

    assert state.owned_labels == {}
    assert len(damage) == 1
    assert damage[0].startswith(f"label {OWNED_LABELS_LABEL}: ")


def test_an_object_without_format_is_damaged() -> None:
    _state, damage = decode({})

    assert damage == (f"label {FORMAT_LABEL}: expected '1', found nothing",)

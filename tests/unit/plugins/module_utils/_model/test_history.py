# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._model.history import (
    FAILED,
    MAX_ACTIONS,
    MAX_CHARACTERS,
    MAX_HISTORY_BYTES,
    REPEAT_SECONDS,
    AddActions,
    SavedAction,
    in_order,
    save_action,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.member_steps import SetAvailability
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    ACTIONS_LABEL,
    MAX_BYTES,
    decode,
    encode,
    encode_within_limit,
    size_of,
)

NOW = 1_800_000_000.0
ACTIONS = st.builds(
    SavedAction,
    at=st.integers(0, 10**10).map(lambda milliseconds: milliseconds / 1000),
    action=st.sampled_from(["place_service", "label_node"]),
    target=st.text(max_size=300),
    summary=st.text(max_size=MAX_CHARACTERS),
    result=st.sampled_from(["done", FAILED]),
    why=st.lists(
        st.sampled_from([Reason("misplaced"), Reason("command_requested", source="x" * 900)]), max_size=3
    ).map(tuple),
    error=st.text(max_size=MAX_CHARACTERS),
)


def typical(n: int, **fields: object) -> SavedAction:
    reason = Reason("label_missing", label=f"label-{n}", value="true")
    values = {"at": NOW + n, "action": "label_node", "target": f"node worker-{n}", "summary": "set a label"}
    return SavedAction(**{**values, "why": (reason,), **fields})  # type: ignore[arg-type]


def added(*actions: SavedAction, state: State | None = None) -> State:
    return apply_edits(state or State(), [AddActions((action,)) for action in actions])


def test_add_actions_keeps_the_newest() -> None:
    state = added(*map(typical, range(MAX_ACTIONS + 7)))
    assert [action.at - NOW for action in in_order(state.actions.values())] == list(
        range(MAX_ACTIONS + 6, 6, -1)
    )


def test_add_actions_merges_writers() -> None:
    ours, theirs = AddActions((typical(1),)), AddActions((typical(2), typical(3)))
    for order in ([ours, theirs], [theirs, ours], [ours, theirs, ours]):
        assert {action.at - NOW for action in apply_edits(State(), order).actions.values()} == {1, 2, 3}


def test_add_actions_records_a_repeated_failure_once() -> None:
    failures = [typical(0, at=NOW + seconds, result=FAILED) for seconds in (0, 60, REPEAT_SECONDS)]
    assert {action.at - NOW for action in added(*failures).actions.values()} == {0, REPEAT_SECONDS}
    assert len(added(typical(0), typical(0, at=NOW + 1)).actions) == 2


def test_save_action_limits_its_size() -> None:
    long = Reason("command_requested", source="x" * 5000)
    short = Reason("command_requested", source="file")
    step = SetAvailability(
        host="n" * 500, node_id="1", availability_before="active", availability="drain", why=(long, short)
    )
    saved = save_action(step, NOW, "e" * 5000)
    assert (len(saved.target), len(saved.error), saved.result) == (MAX_CHARACTERS, MAX_CHARACTERS, FAILED)
    assert saved.why == (short,)


@pytest.mark.parametrize("others", [0, MAX_BYTES - 20_000, MAX_BYTES - 10])
def test_history_gives_way_to_other_sections(others: int) -> None:
    state = State(other_sections={"orcastra.future": "x" * others} if others else {})
    labels = encode_within_limit(added(*(typical(n, summary="x" * 240) for n in range(200)), state=state))
    kept = in_order(decode(labels)[0].actions.values())
    assert len(labels.get(ACTIONS_LABEL, "")) <= MAX_HISTORY_BYTES
    assert [action.at for action in kept] == [NOW + 199 - n for n in range(len(kept))]
    assert labels.get("orcastra.future", "") == "x" * others
    assert (size_of(labels) <= MAX_BYTES) or not kept


@given(st.lists(ACTIONS, max_size=30))
def test_saved_actions_round_trip(actions: list[SavedAction]) -> None:
    state = added(*actions)
    again, damage = decode(encode(state))
    assert damage == ()
    assert again == state

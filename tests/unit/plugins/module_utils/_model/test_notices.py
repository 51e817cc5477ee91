# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of notifications: edits can be applied again, and the format survives damage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import (
    ERROR,
    INFO,
    MAX_NOTED,
    MAX_REASON_CHARACTERS,
    MAX_WAITING,
    WARNING,
    ClaimNotices,
    ConfirmNotices,
    NotClaimed,
    Noted,
    NoteProblem,
    NoteSolved,
    Outgoing,
    QueueNotice,
    saved,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    MAX_BYTES,
    NOTIFIED_LABEL,
    OUTBOX_LABEL,
    decode,
    encode,
)

DOWN = Reason("notify_node_lost", node="delta")
BACK = Reason("notify_node_back", node="delta", seconds=30.0)
NOTED = Noted("notify_node_lost", "delta", WARNING, 1.0)
MESSAGE = Outgoing(DOWN, WARNING, 1.0)
PROBLEM = NoteProblem("node/d", NOTED, "m1", MESSAGE)
SOLVED = NoteSolved("node/d", 1.0, "m2", Outgoing(BACK, WARNING, 31.0, solved=True))
NAMES = ("1 (json)", "2 (slack)")


def test_state_round_trip() -> None:
    state = State(
        notified={"node/d": NOTED},
        outbox={
            "m1": MESSAGE,
            "m2": Outgoing(BACK, WARNING, 2.0, solved=True, left=NAMES, claim="token", repeat=True),
        },
    )
    assert decode(encode(state)) == (state, ())


@pytest.mark.parametrize("label", [NOTIFIED_LABEL, OUTBOX_LABEL])
@pytest.mark.parametrize("value", ['{"x": {}}', '{"x": []}', '{"x": {"level": "fatal", "since": NaN}}', "[]"])
def test_damaged_entry_is_reported_and_left_out(label: str, value: str) -> None:
    state, damage = decode({**encode(apply_edits(State(), [PROBLEM])), label: value})
    assert codes(damage) == ["state_damaged"]
    assert not getattr(state, label.removeprefix("orcastra."))


def test_problem_is_noted_once_with_its_message() -> None:
    state = apply_edits(State(), [PROBLEM])
    assert (state.notified, state.outbox) == ({"node/d": NOTED}, {"m1": MESSAGE})
    again = replace(PROBLEM, noted=replace(NOTED, since=2.0), message_id="m3")
    assert apply_edits(state, [PROBLEM, again]) == state


def test_solved_problem_is_removed_once_with_its_message() -> None:
    state = apply_edits(State(), [PROBLEM, SOLVED])
    assert state.notified == {}
    assert list(state.outbox) == ["m1", "m2"]
    assert apply_edits(state, [SOLVED]) == state


def test_solved_problem_of_an_earlier_time_changes_nothing() -> None:
    state = apply_edits(State(), [replace(PROBLEM, noted=replace(NOTED, since=50.0))])
    assert apply_edits(state, [SOLVED]) == state


def test_full_outbox_delays_problems_and_drops_events() -> None:
    full = {f"x{number}": MESSAGE for number in range(MAX_WAITING)}
    state = State(outbox=full)
    assert apply_edits(state, [PROBLEM, QueueNotice("m4", MESSAGE)]) == state
    noted = State(notified={"node/d": NOTED}, outbox=full)
    assert apply_edits(noted, [SOLVED]) == noted


def test_largest_record_leaves_room_in_the_state() -> None:
    reason = saved(Reason("notify_not_healed", node="n" * 63, step="s" * 5000, error="é" * 9000))
    assert len(reason.text) <= MAX_REASON_CHARACTERS
    message = Outgoing(reason, ERROR, 1e9, left=tuple(f"{n} (discord)" for n in range(20)), claim="c" * 32)
    state = State(
        notified={f"short/{'x' * 60}{n}": Noted("c" * 40, "s" * 100, ERROR, 1e9) for n in range(MAX_NOTED)},
        outbox={f"short/{'x' * 60}{n}@1000000000.000": message for n in range(MAX_WAITING)},
    )
    assert sum(len(key) + len(value.encode()) for key, value in encode(state).items()) < MAX_BYTES / 2


def test_event_with_a_known_subject_is_queued_once() -> None:
    noted = Noted("notify_mod_stored", "checksum", INFO, 1.0)
    first = QueueNotice("m1", MESSAGE, ("mod/theme", noted))
    state = apply_edits(State(), [first, replace(first, message_id="m2")])
    assert list(state.outbox) == ["m1"]
    newer = QueueNotice("m3", MESSAGE, ("mod/theme", replace(noted, subject="another checksum")))
    assert list(apply_edits(state, [newer]).outbox) == ["m1", "m3"]


def test_claim_names_the_targets_and_can_be_repeated() -> None:
    claim = ClaimNotices({"m1": ""}, "token", NAMES)
    state = apply_edits(State(outbox={"m1": MESSAGE}), [claim])
    assert state.outbox["m1"] == replace(MESSAGE, left=NAMES, claim="token")
    assert apply_edits(state, [claim]) == state


@pytest.mark.parametrize("outbox", [{}, {"m1": replace(MESSAGE, claim="other")}])
def test_claim_of_a_changed_message_fails(outbox: dict[str, Outgoing]) -> None:
    with pytest.raises(NotClaimed):
        apply_edits(State(outbox=outbox), [ClaimNotices({"m1": ""}, "token", NAMES)])


def test_claim_after_an_unconfirmed_one_marks_the_message() -> None:
    state = State(outbox={"m1": replace(MESSAGE, left=("2 (slack)", "3 (gone)"), claim="other")})
    state = apply_edits(state, [ClaimNotices({"m1": "other"}, "token", NAMES)])
    assert state.outbox["m1"] == replace(MESSAGE, left=("2 (slack)",), claim="token", repeat=True)


def test_confirmation_keeps_a_message_for_the_other_targets() -> None:
    state = State(outbox={"m1": replace(MESSAGE, left=NAMES, claim="token")})
    state = apply_edits(state, [ConfirmNotices("token", {"m1": frozenset({"1 (json)"})})])
    assert state.outbox["m1"] == replace(MESSAGE, left=("2 (slack)",))
    state = apply_edits(
        state, [ConfirmNotices("token", {"m1": frozenset({"2 (slack)"}), "gone": frozenset()})]
    )
    assert state.outbox == {}


def test_late_confirmation_keeps_the_claim_of_the_next_instance() -> None:
    state = State(outbox={"m1": replace(MESSAGE, left=NAMES, claim="next")})
    state = apply_edits(state, [ConfirmNotices("token", {"m1": frozenset({"1 (json)"})})])
    assert state.outbox["m1"] == replace(MESSAGE, left=("2 (slack)",), claim="next")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state of commands."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    INTERRUPTED,
    AlreadyClaimed,
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    ForgetCommands,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    COMMANDS_LABEL,
    MAX_BYTES,
    decode,
    encode,
)

CLAIM = CommandRecord(command="relabel_all", source="file", by="alpha", instance="a", started=1.5)
CLAIMED = apply_edits(State(), [ClaimCommand("k", CLAIM)])
RESULT = FinishCommand("k", "a", DONE, "all well", 2.5)
LOST = FinishCommand("k", "a", INTERRUPTED, "gone", 2.0)


def test_command_record_round_trip() -> None:
    done = apply_edits(CLAIMED, [RESULT])
    assert done.commands["k"] == replace(CLAIM, status=DONE, message="all well", finished=2.5)
    for state in (CLAIMED, done):
        assert decode(encode(state)) == (state, ())


def test_claim_command_accepts_first_claim_only() -> None:
    other = replace(CLAIM, instance="b", by="bravo")
    with pytest.raises(AlreadyClaimed, match="relabel_all has already been claimed on node alpha"):
        apply_edits(CLAIMED, [ClaimCommand("k", other)])
    # the same claim again, after its reply was lost
    assert apply_edits(CLAIMED, [ClaimCommand("k", CLAIM)]) == CLAIMED
    for status in (RESULT, LOST):
        with pytest.raises(AlreadyClaimed):
            apply_edits(CLAIMED, [status, ClaimCommand("k", CLAIM)])


def test_finish_command_result_replaces_interruption_only() -> None:
    assert apply_edits(CLAIMED, [LOST]).commands["k"].status == INTERRUPTED
    assert apply_edits(CLAIMED, [LOST, RESULT]).commands["k"].status == DONE
    assert apply_edits(CLAIMED, [RESULT, LOST]).commands["k"].status == DONE


def test_finish_command_ignores_results_of_others() -> None:
    assert apply_edits(CLAIMED, [replace(RESULT, instance="b")]) == CLAIMED
    assert apply_edits(CLAIMED, [ForgetCommands(frozenset({"k", "x"})), RESULT]) == State()


@pytest.mark.parametrize(
    "change", [{"status": "sleeping"}, {"started": "now"}, {"by": None, "started": None}]
)
def test_decode_reports_damaged_command(change: dict[str, object]) -> None:
    labels = encode(CLAIMED)
    record = {**json.loads(labels[COMMANDS_LABEL])["k"], **change}
    state, damage = decode({**labels, COMMANDS_LABEL: json.dumps({"k": record})})
    assert state.commands == {}
    assert damage[0].params["label"] == COMMANDS_LABEL
    assert damage[0].params["problem"].startswith("k: ")


def test_commands_leave_room_in_state() -> None:
    record = replace(
        CLAIM, command=f"restart_service {'x' * 64}", by="y" * 64, message="m" * 420, finished=2.0
    )
    state = State(commands={f"id:{n:064}": record for n in range(200)})
    assert sum(len(value) for value in encode(state).values()) < 0.75 * MAX_BYTES

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state of a command that another instance completes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    FAILED,
    INTERRUPTED,
    BeatHandover,
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    ForgetCommands,
    ForgetHandover,
    Handover,
    NotOffered,
    OfferHandover,
    State,
    TakeHandover,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    HANDOVERS_LABEL,
    decode,
    encode,
)

CLAIM = CommandRecord(command="rolling_reboot", source="file", by="alpha", instance="a", started=1.5)
CLAIMED = apply_edits(State(), [ClaimCommand("k", CLAIM)])
REST = Handover(nodes=("id-alpha",), names=("alpha",), boot="boot-a", offered=2.0, done="bravo is done")
OFFER = OfferHandover("k", "a", REST, "alpha is left")
TAKE = TakeHandover("k", "b", "bravo", "bravo does it")
OFFERED = apply_edits(CLAIMED, [OFFER])
TAKEN = apply_edits(OFFERED, [TAKE])
RESULT = FinishCommand("k", "b", DONE, "all well", 9.0)


def test_handover_round_trip() -> None:
    assert OFFERED.commands["k"] == replace(CLAIM, message="alpha is left")
    assert OFFERED.handovers == {"k": REST}
    for state in (OFFERED, TAKEN):
        assert decode(encode(state)) == (state, ())


@pytest.mark.parametrize("change", [{"nodes": "id-alpha"}, {"offered": "now"}, {"beats": None}])
def test_decode_reports_damaged_handover(change: dict[str, object]) -> None:
    labels = encode(OFFERED)
    entry = {**json.loads(labels[HANDOVERS_LABEL])["k"], **change}
    state, damage = decode({**labels, HANDOVERS_LABEL: json.dumps({"k": entry})})
    assert (state.handovers, state.commands) == ({}, OFFERED.commands)
    assert damage[0].params["label"] == HANDOVERS_LABEL
    assert damage[0].params["problem"].startswith("k: ")


def test_take_handover_accepts_first_instance_only() -> None:
    assert (TAKEN.commands["k"].instance, TAKEN.commands["k"].by) == ("b", "alpha")
    assert TAKEN.handovers["k"].by == "bravo"
    with pytest.raises(NotOffered, match="bravo"):
        apply_edits(TAKEN, [replace(TAKE, instance="c", by="charlie")])
    # the same write again, after its reply was lost
    assert apply_edits(TAKEN, [TAKE]) == TAKEN
    for nothing in (State(), CLAIMED, apply_edits(TAKEN, [RESULT])):
        with pytest.raises(NotOffered):
            apply_edits(nothing, [TAKE])


def test_take_handover_allows_one_at_a_time() -> None:
    both = apply_edits(TAKEN, [ClaimCommand("j", CLAIM), replace(OFFER, key="j")])
    with pytest.raises(NotOffered):
        apply_edits(both, [replace(TAKE, key="j", instance="c")])
    assert apply_edits(both, [RESULT, replace(TAKE, key="j")]).handovers["j"].by == "bravo"


def test_offer_handover_only_once_and_by_owner() -> None:
    assert apply_edits(OFFERED, [OFFER]) == OFFERED
    assert apply_edits(TAKEN, [OFFER]) == TAKEN
    assert apply_edits(CLAIMED, [replace(OFFER, instance="c")]) == CLAIMED
    assert apply_edits(State(), [OFFER]) == State()


def test_finish_command_removes_handover() -> None:
    done = apply_edits(TAKEN, [RESULT])
    assert done.handovers == {}
    assert done.commands["k"].status == DONE
    assert apply_edits(TAKEN, [ForgetCommands(frozenset({"k"}))]) == State()


def test_finish_command_withdraws_offer_only_if_not_taken() -> None:
    withdrawn = FinishCommand("k", "a", FAILED, "nobody", 9.0)
    assert apply_edits(OFFERED, [withdrawn]).handovers == {}
    assert apply_edits(TAKEN, [withdrawn]) == TAKEN
    with pytest.raises(NotOffered):
        apply_edits(OFFERED, [withdrawn, TAKE])


def test_finish_command_of_slow_instance_replaces_interruption() -> None:
    lost = replace(RESULT, status=INTERRUPTED, message="gone")
    assert apply_edits(TAKEN, [lost]).handovers == {}
    assert apply_edits(TAKEN, [lost, RESULT]).commands["k"].status == DONE
    assert apply_edits(TAKEN, [RESULT, lost]).commands["k"].status == DONE


def test_beat_handover_only_by_owner() -> None:
    beat = BeatHandover("k", "b")
    assert apply_edits(TAKEN, [beat, beat]).handovers["k"].beats == 2
    assert apply_edits(TAKEN, [replace(beat, instance="a")]) == TAKEN
    done = apply_edits(TAKEN, [RESULT])
    assert apply_edits(done, [beat]) == done


def test_forget_handover_without_command() -> None:
    # an older release keeps the handover when it records a result
    stray = replace(apply_edits(TAKEN, [RESULT]), handovers=TAKEN.handovers)
    assert apply_edits(stray, [ForgetHandover("k")]).handovers == {}
    assert apply_edits(TAKEN, [ForgetHandover("k")]) == TAKEN

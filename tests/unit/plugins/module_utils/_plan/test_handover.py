# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handovers: which instance may take one, and the outcome of those that no instance takes or finishes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    FAILED,
    INTERRUPTED,
    CommandRecord,
    ForgetHandover,
    Handover,
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.handover import (
    OFFER_SECONDS,
    SILENCE_SECONDS,
    STALE_SECONDS,
    Myself,
    no_other_instance,
    out_of_service,
    plan_upkeep,
    takeable,
)
from tests.support.builders import node, snapshot

NOW = 1000.0
REST = Handover(nodes=("id-a",), names=("a",), boot="boot-a", offered=NOW, done="drain node b")
BRAVO = Myself("id-b", "boot-b")
SEEN = snapshot(*(node(name, role="manager", reachability="reachable") for name in "abc"))


def state(handover: Handover | None = REST, **record: Any) -> State:
    fields: dict[str, Any] = {"command": "reboot", "source": "file", "by": "a", "instance": "x", "started": 1}
    handovers = {} if handover is None else {"k": handover}
    return State(commands={"k": CommandRecord(**{**fields, **record})}, handovers=handovers)


def test_offer_is_taken_by_an_instance_elsewhere() -> None:
    assert takeable(state(), BRAVO, NOW + 5) == ("k",)


@pytest.mark.parametrize("boot", ["boot-a", ""])
def test_local_engine_identifies_the_host(boot: str) -> None:
    assert takeable(state(), Myself("id-b", boot, is_local=True), NOW + 5) == ("k",)


@pytest.mark.parametrize(
    ("found", "me"),
    [
        (state(), Myself("id-a", "boot-a")),
        # a container with a remote engine, or one that has returned after the reboot
        (state(), Myself("id-b", "boot-a")),
        (state(), Myself("id-a", "boot-new")),
        # it does not know where it runs
        (state(), Myself("id-b", "")),
        (state(), Myself("", "boot-b", is_local=True)),
        (state(), Myself("id-a", "boot-b", is_local=True)),
        (state(replace(REST, by="c")), BRAVO),
        (state(status=DONE), BRAVO),
        (State(handovers={"k": REST}), BRAVO),
        (state(None), BRAVO),
    ],
)
def test_offer_is_not_taken_by_unsuitable_instances(found: State, me: Myself) -> None:
    assert takeable(found, me, NOW + 5) == ()


def test_old_offer_is_not_taken() -> None:
    assert takeable(state(), BRAVO, NOW + STALE_SECONDS - 1) == ("k",)
    assert takeable(state(), BRAVO, NOW + STALE_SECONDS) == ()


def test_oldest_offer_comes_first() -> None:
    records = state().commands
    handovers = {"k": REST, "j": replace(REST, offered=NOW - 1), "l": replace(REST, offered=NOW + 1)}
    found = State(commands=dict.fromkeys("jkl", records["k"]), handovers=handovers)
    assert takeable(found, BRAVO, NOW + 5) == ("j", "k", "l")
    # rebooting two hosts at a time might cost the quorum
    found = replace(found, handovers={**handovers, "l": replace(REST, by="c")})
    assert takeable(found, BRAVO, NOW + 5) == ()


def test_offer_expires_with_a_message() -> None:
    assert plan_upkeep(SEEN, state(), {"k": OFFER_SECONDS - 1}, NOW).waits
    upkeep = plan_upkeep(SEEN, state(), {"k": OFFER_SECONDS}, NOW)
    (result,) = upkeep.edits
    assert upkeep.results == {"k": result}
    assert not upkeep.waits
    assert (result.instance, result.status) == ("x", FAILED)  # type: ignore[attr-defined]
    why = Reason("handover_not_taken", hosts=["a"])
    assert result.message == f"drain node b; {why}"  # type: ignore[attr-defined]


def test_taken_offer_is_awaited_during_heartbeats() -> None:
    taken = state(replace(REST, by="b", beats=7))
    assert plan_upkeep(SEEN, taken, {}, NOW).waits
    assert plan_upkeep(SEEN, taken, {"k": SILENCE_SECONDS - 1}, NOW).edits == ()
    drained = snapshot(node("a", availability="drain"), node("b"))
    (result,) = plan_upkeep(drained, taken, {"k": SILENCE_SECONDS}, NOW).results.values()
    assert result.status == INTERRUPTED
    lost = Reason("handover_lost", hosts=["a"], instance="b")
    left = Reason("node_out_of_service", node="a", availability="drain")
    assert result.message == f"drain node b; {lost}; {left}"


def test_handover_without_a_running_command_is_forgotten() -> None:
    for found in (state(status=DONE), State(handovers={"k": REST})):
        upkeep = plan_upkeep(SEEN, found, {}, NOW)
        assert (upkeep.edits, upkeep.results, upkeep.waits) == ((ForgetHandover("k"),), {}, False)
    assert plan_upkeep(SEEN, state(None), {}, NOW).edits == ()


def test_offer_without_a_possible_taker_is_reported_immediately() -> None:
    assert no_other_instance(SEEN, ["id-a"]) is None
    alone = snapshot(node("a", role="manager", reachability="reachable"), node("b", state="down"))
    assert no_other_instance(alone, ["id-a"]) == Reason("handover_no_ready_node")
    workers = snapshot(node("a", role="manager", reachability="reachable"), node("b"))
    assert "it cannot be spared: without it 0 of 1 managers" in str(no_other_instance(workers, ["id-a"]))
    assert no_other_instance(workers, ["id-b"]) is None


def test_nodes_in_service_are_not_reported() -> None:
    assert out_of_service(SEEN.nodes, ["id-a"]) == ()
    assert out_of_service([node("a", availability="pause")], ["id-a"]) == (
        Reason("node_out_of_service", node="a", availability="pause"),
    )

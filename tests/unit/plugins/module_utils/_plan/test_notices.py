# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which problems are noted, and when they count as solved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import (
    ERROR,
    INFO,
    WARNING,
    Noted,
    NoteProblem,
    NoteSolved,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import FAILING, WAITING, Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.notices import (
    MOD_SECONDS,
    STEADY_SECONDS,
    Findings,
    NoticePlan,
    Trouble,
    find_trouble,
    plan_notices,
)
from tests.support.builders import node, service, snapshot

WHY = Reason("saved_reason", text="no node is ready")
SWARM = snapshot(node("alpha"), node("delta"), service("web"))
LOST = Trouble(Reason("notify_node_lost", node="delta"), "delta", WARNING)


def shortage(**fields: Any) -> Shortage:
    return Shortage(
        **{"service": "web", "code": WAITING, "expected": 2, "running": 0, "reasons": (WHY,), **fields}
    )


def plan(
    found: Findings,
    notified: dict[str, Noted],
    now: float = 100.0,
    *,
    swarm: SwarmSnapshot = SWARM,
    knows: Callable[[str], bool] = lambda _key: True,
    over_since: dict[str, float] | None = None,
    least: str = INFO,
) -> NoticePlan:
    state = State(notified=notified)
    return plan_notices(found, state, swarm, now, knows=knows, over_since=over_since or {}, least=least)


def solved(found: NoticePlan) -> dict[str, str | None]:
    """Key → code of the message, for each solved problem."""
    assert all(isinstance(edit, NoteSolved) for edit in found.edits)
    return {edit.key: None if edit.message is None else edit.message.reason.code for edit in found.edits}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("short", "level"),
    [
        ([shortage()], ERROR),
        ([shortage(running=1)], ERROR),
        ([shortage(code=FAILING)], ERROR),
        ([shortage(code=FAILING, running=1)], WARNING),
    ],
)
def test_shortage_without_any_task_or_node_is_an_error(short: list[Shortage], level: str) -> None:
    found = find_trouble(SWARM, short, State())
    assert (found.holds["short/web"].reason.code, found.holds["short/web"].level) == (
        "notify_service_short",
        level,
    )


def test_fresh_shortage_is_unclear() -> None:
    assert find_trouble(SWARM, [shortage(is_fresh=True)], State()) == Findings({}, frozenset({"short/web"}))


@pytest.mark.parametrize(
    ("fields", "code", "level"),
    [
        ({"state": "down"}, "notify_node_lost", WARNING),
        ({"state": "down", "availability": "drain"}, "notify_node_lost_in_drain", INFO),
    ],
)
def test_node_that_is_down_is_lost(fields: dict[str, str], code: str, level: str) -> None:
    lost = node("delta", **fields)
    found = find_trouble(snapshot(node("alpha"), lost), [], State())
    assert {key: (one.reason.code, one.level) for key, one in found.holds.items()} == {
        f"node/{lost.id}": (code, level)
    }


def test_node_that_has_not_found_a_new_leader_is_unclear() -> None:
    waits = node("delta", state="unknown")
    found = find_trouble(snapshot(node("alpha"), waits), [], State())
    assert found == Findings({}, frozenset({f"node/{waits.id}"}))


def test_given_up_service_is_an_error() -> None:
    web = service("web")
    state = State(attempts={web.id: Attempts(5, 1.0, 1.0, WHY, WHY), "gone": Attempts(5, 1.0, 1.0, WHY, WHY)})
    found = find_trouble(snapshot(node("alpha"), web), [], state)
    assert {key: one.reason.code for key, one in found.holds.items()} == {
        f"given_up/{web.id}": "notify_given_up"
    }


def test_new_problem_is_noted_with_a_message() -> None:
    (edit,) = plan(Findings({"node/d": LOST}), {}).edits
    assert isinstance(edit, NoteProblem)
    assert edit.noted == Noted("notify_node_lost", "delta", WARNING, 100.0)
    assert (edit.message.reason, edit.message.level, edit.message.at) == (LOST.reason, WARNING, 100.0)


def test_known_problem_needs_no_edit() -> None:
    noted = {"node/d": Noted("notify_node_lost", "delta", WARNING, 1.0)}
    assert plan(Findings({"node/d": LOST}), noted) == NoticePlan()


def test_problem_below_the_level_is_not_noted_but_stays_open() -> None:
    found = Findings({"node/d": LOST})
    assert plan(found, {}, least=ERROR) == NoticePlan()
    noted = {"node/d": Noted("notify_node_lost", "delta", ERROR, 1.0)}
    assert plan(found, noted, least=ERROR) == NoticePlan()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (f"node/{node('delta').id}", "notify_node_back"),
        ("node/gone", "notify_node_left"),
        ("short/gone", "notify_service_removed"),
        ("given_up/s1", "notify_given_up_over"),
        ("job/heal", "notify_job_recovered"),
        (f"job/{node('delta').id}/prune", "notify_job_recovered"),
        (f"configuration/{node('delta').id}/configuration", "notify_configuration_accepted"),
        # only that node could judge it
        ("job/gone/prune", None),
        ("configuration/gone/configuration", None),
    ],
)
def test_solved_problem_has_the_code_of_its_kind(key: str, code: str | None) -> None:
    found = plan(Findings(), {key: Noted("x", "delta", WARNING, 40.0)})
    assert solved(found) == {key: code}
    if code is not None and "seconds" in found.edits[0].message.reason.params:  # type: ignore[union-attr]
        assert found.edits[0].message.reason.params["seconds"] == 60.0  # type: ignore[union-attr]


def test_problem_is_not_solved_while_it_is_unclear_or_unknown() -> None:
    noted = {"node/d": Noted("x", "delta", WARNING, 1.0)}
    assert plan(Findings(unclear=frozenset({"node/d"})), noted) == NoticePlan()
    assert plan(Findings(), noted, knows=lambda _key: False) == NoticePlan()


def test_service_must_stay_complete() -> None:
    noted = {"short/web": Noted("x", "web", ERROR, 1.0)}
    found = plan(Findings(), noted, 100.0)
    assert found == NoticePlan((), {"short/web": 100.0})
    soon = plan(Findings(), noted, 99.0 + STEADY_SECONDS, over_since=dict(found.over_since))
    assert soon == NoticePlan((), {"short/web": 100.0})
    # short again for a moment
    assert (
        plan(Findings(unclear=frozenset({"short/web"})), noted, over_since={"short/web": 100.0}).over_since
        == {}
    )
    end = plan(Findings(), noted, 100.0 + STEADY_SECONDS, over_since=dict(found.over_since))
    assert solved(end) == {"short/web": "notify_service_complete"}
    assert end.edits[0].message.reason.params["seconds"] == 99.0  # type: ignore[union-attr]


def test_old_mod_is_forgotten_without_a_message() -> None:
    noted = {"mod/theme": Noted("notify_mod_stored", "checksum", INFO, 1.0)}
    assert plan(Findings(), noted, MOD_SECONDS) == NoticePlan()
    assert solved(plan(Findings(), noted, MOD_SECONDS + 2)) == {"mod/theme": None}

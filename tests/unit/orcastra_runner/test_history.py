# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.history import SavedAction
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    INTERRUPTED,
    RUNNING,
    CommandRecord,
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.history import (
    Filter,
    actions_data,
    actions_text,
    choose,
    parse_duration,
    saved_actions,
    unknown_to,
)
from orcastra_runner.settings import UsageError
from orcastra_runner.status import Action
from tests.support.builders import node, service, snapshot

NOW = 1_800_000_000.0
MOVE = SavedAction(
    NOW, "place_service", "service shop_app", "move shop_app to node bravo", why=(Reason("misplaced"),)
)
LABEL = SavedAction(NOW - 60, "label_node", "node alpha", "set db=true on node alpha")
FAILURE = SavedAction(
    NOW - 3600, "restart_service", "service shop_web", "restart shop_web", "failed", error="no"
)
COMMAND = CommandRecord("restart_service shop_api", "file", "alpha", "i", NOW - 10, "done", "", NOW - 5)


def seen(**records: CommandRecord) -> Observation:
    actions = {str(n): action for n, action in enumerate((FAILURE, MOVE, LABEL))}
    parts = (node("alpha", id="n1"), node("bravo", id="n2"), service("shop_app", id="s1"))
    return Observation(snapshot(*parts), State(actions=actions, commands=records), (), "n1", "cluster", 5)


def summaries(wanted: Filter) -> list[str]:
    return [action.summary for action in choose(seen(), wanted)]


def test_history_is_newest_first_with_the_results_of_commands() -> None:
    running = CommandRecord("relabel_all", "file", "alpha", "i", NOW - 9, RUNNING)
    lost = CommandRecord("reboot_node alpha", "http", "alpha", "i", NOW - 70, INTERRUPTED, "lost", None)
    found = saved_actions(seen(a=COMMAND, b=running, c=lost).state)
    assert [(action.action, action.result) for action in found] == [
        ("place_service", "done"),
        ("command", "done"),
        ("label_node", "done"),
        ("command", "interrupted"),
        ("restart_service", "failed"),
    ]


def test_choose_filters_by_time_name_and_number() -> None:
    assert summaries(Filter(since=NOW - 100)) == [MOVE.summary, LABEL.summary]
    assert summaries(Filter(service="shop_app")) == [MOVE.summary]
    assert summaries(Filter(node="bravo")) == [MOVE.summary]
    assert summaries(Filter(limit=1)) == [MOVE.summary]
    # a removed service that the history still knows
    assert summaries(Filter(service="shop_web")) == [FAILURE.summary]


@pytest.mark.parametrize("wanted", [Filter(service="shop_ap"), Filter(node="alpa")])
def test_choose_refuses_unknown_names_with_a_suggestion(wanted: Filter) -> None:
    with pytest.raises(UsageError, match=r"did you mean (shop_app|alpha)\?"):
        choose(seen(), wanted)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604800)])
def test_parse_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2 h", "1h30m", "9999999d"])
def test_parse_duration_refuses_other_forms(text: str) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)


def test_unknown_to_matches_each_action_once() -> None:
    own = Action(NOW + 30, "sync", MOVE.summary, "done")
    again = SavedAction(NOW - 120, MOVE.action, MOVE.target, MOVE.summary)
    earlier = SavedAction(NOW - 7200, MOVE.action, MOVE.target, MOVE.summary)
    assert unknown_to([own], [MOVE, again, LABEL]) == [again, LABEL]
    assert unknown_to([own], [earlier]) == [earlier]


def test_actions_data_and_text() -> None:
    first = actions_data([MOVE])["actions"][0]
    assert (first["action"], first["result"], first["error"]) == ("place_service", "done", None)
    assert [reason["code"] for reason in first["why"]] == ["misplaced"]
    assert len(actions_text([MOVE, FAILURE]).splitlines()) == 4
    assert actions_text([])

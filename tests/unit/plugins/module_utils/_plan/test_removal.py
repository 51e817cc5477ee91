# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing every label that is ours, and nothing else."""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DisownLabels,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.removal import plan_label_removal
from tests.unit.builders import node, ours, picture, service

STATE = State(
    owned_labels={"id-alpha": frozenset({"disk", "db"}), "id-bravo": frozenset({"disk", "lost"})},
)


def test_ours_go_and_others_stay_also_on_a_node_that_is_down() -> None:
    seen = picture(
        node("alpha", labels={"disk": "ssd", "db": "true", "mine": "x"}),
        node("bravo", labels={"disk": "hdd"}, state="down"),
        node("charlie", labels={"disk": "ssd"}),
    )
    plan = plan_label_removal(seen, STATE)
    assert [step.what for step in plan.steps] == [
        "remove db, disk on node alpha",
        "remove disk on node bravo",
    ]
    assert plan.steps[0].after == {"labels": {"mine": "x"}}
    assert plan.remember == (DisownLabels("id-bravo", frozenset({"lost"})),)
    edits = [*plan.remember, *(edit for step in plan.steps for edit in step.settles)]
    assert apply_edits(STATE, edits) == State()
    assert (plan.warnings, plan.notes) == ((), ())


def test_a_label_stays_while_our_constraint_holds_a_service_to_it() -> None:
    seen = picture(
        node("alpha", labels={"disk": "ssd", "db": "true"}),
        service("shop_app", **ours("node.labels.db==true")),
        service("shop_web", constraints=("node.labels.db==true",)),
    )
    plan = plan_label_removal(seen, State(owned_labels={"id-alpha": frozenset({"disk", "db"})}))
    assert [step.what for step in plan.steps] == ["remove disk on node alpha"]
    assert plan.notes == ("node alpha keeps label db: Orcastra's constraint still holds shop_app to it",)


def test_a_constraint_of_the_users_own_is_warned_of() -> None:
    seen = picture(
        node("alpha", labels={"db": "true"}),
        service("shop_web", constraints=("node.labels.db == true",)),
    )
    plan = plan_label_removal(seen, State(owned_labels={"id-alpha": frozenset({"db"})}))
    assert [step.what for step in plan.steps] == ["remove db on node alpha"]
    assert plan.warnings == ("shop_web: asks for label db, and will find no node",)


def test_lost_nodes_are_forgotten_and_nothing_is_left_to_do_then() -> None:
    seen = picture(node("alpha", labels={"mine": "x"}))
    plan = plan_label_removal(seen, State(owned_labels={"id-gone": frozenset({"disk"})}))
    assert plan.steps == ()
    assert plan.remember == (DisownLabels("id-gone", frozenset({"disk"})),)
    assert plan_label_removal(seen, State()).is_empty

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removal of all owned labels, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DisownLabels,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.effects import label_effects
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.removal import plan_label_removal
from tests.support.builders import node, ours, service, snapshot, task

STATE = State(
    owned_labels={"id-alpha": frozenset({"disk", "db"}), "id-bravo": frozenset({"disk", "lost"})},
)


def test_owned_labels_are_removed_even_from_down_nodes() -> None:
    seen = snapshot(
        node("alpha", labels={"disk": "ssd", "db": "true", "mine": "x"}),
        node("bravo", labels={"disk": "hdd"}, state="down"),
        node("charlie", labels={"disk": "ssd"}),
    )
    plan = plan_label_removal(seen, STATE)
    assert [step.summary for step in plan.steps] == [
        "remove db, disk on node alpha",
        "remove disk on node bravo",
    ]
    assert plan.steps[0].after == {"labels": {"mine": "x"}}
    assert plan.remember == (DisownLabels("id-bravo", frozenset({"lost"})),)
    edits = [*plan.remember, *(edit for step in plan.steps for edit in step.commit_edits)]
    assert apply_edits(STATE, edits) == State()
    assert (plan.warnings, plan.notes) == ((), ())


def test_label_required_by_a_managed_constraint_stays() -> None:
    seen = snapshot(
        node("alpha", labels={"disk": "ssd", "db": "true"}),
        service("shop_app", **ours("node.labels.db==true")),
        service("shop_web", constraints=("node.labels.db==true",)),
    )
    plan = plan_label_removal(seen, State(owned_labels={"id-alpha": frozenset({"disk", "db"})}))
    assert [step.summary for step in plan.steps] == ["remove disk on node alpha"]
    assert plan.notes == (Reason("label_in_use", node="alpha", label="db", services=["shop_app"]),)


def test_user_constraint_causes_a_warning() -> None:
    seen = snapshot(
        node("alpha", labels={"db": "true"}),
        service("shop_web", constraints=("node.labels.db == true",)),
    )
    plan = plan_label_removal(seen, State(owned_labels={"id-alpha": frozenset({"db"})}))
    assert [step.summary for step in plan.steps] == ["remove db on node alpha"]
    assert plan.warnings == (Reason("service_loses_all_nodes", service="shop_web", labels=["db"]),)


def test_removed_nodes_are_forgotten() -> None:
    seen = snapshot(node("alpha", labels={"mine": "x"}))
    plan = plan_label_removal(seen, State(owned_labels={"id-gone": frozenset({"disk"})}))
    assert plan.steps == ()
    assert plan.remember == (DisownLabels("id-gone", frozenset({"disk"})),)
    assert plan_label_removal(seen, State()).is_empty


def test_warning_names_the_remaining_nodes() -> None:
    seen = snapshot(
        node("node1", labels={"ssd": "true"}),
        node("node2", labels={"ssd": "true"}),
        node("node3"),
        service("apps_wiki_db", constraints=("node.labels.ssd == true",)),
        task("apps_wiki_db", "node1"),
    )
    plan = plan_label_removal(seen, State(owned_labels={"id-node1": frozenset({"ssd"})}))
    assert plan.warnings == ()
    assert plan.notes == (
        Reason(
            "service_loses_nodes",
            service="apps_wiki_db",
            labels=["ssd"],
            leaves=["node1"],
            remains=["node2"],
        ),
    )


def test_released_service_does_not_keep_a_label() -> None:
    seen = snapshot(
        node("alpha", labels={"db": "true"}),
        service("shop_app", **ours("node.labels.db==true")),
        service("shop_web", **ours("node.labels.db==true")),
    )
    owned = State(owned_labels={"id-alpha": frozenset({"db"})})
    assert plan_label_removal(seen, owned, ["shop_app"]).steps == ()
    plan = plan_label_removal(seen, owned, ["shop_app", "shop_web"])
    assert [step.summary for step in plan.steps] == ["remove db on node alpha"]
    assert (plan.warnings, plan.notes) == ((), ())


def effect(constraints: tuple[str, ...], *parts: Any, owned: str = "disk", **fields: Any) -> list[str]:
    """The nodes that remain for a service on alpha if alpha and bravo lose their owned labels."""
    seen = snapshot(
        node("alpha", labels={"disk": "ssd", "zone": "a"}),
        node("bravo", labels={"disk": "ssd"}),
        service("web", constraints=constraints, **fields),
        task("web", "alpha"),
        *parts,
    )
    keys = frozenset(owned.split())
    steps = plan_label_removal(seen, State(owned_labels={"id-alpha": keys, "id-bravo": keys})).steps
    found = label_effects(
        seen, [one for one in steps if isinstance(one, LabelNode)], lambda one: one.constraints
    )
    return [f"{','.join(one.keys)}: {','.join(one.leaves)} -> {','.join(one.remains)}" for one in found]


@pytest.mark.parametrize(
    ("constraints", "parts", "fields", "expected"),
    [
        # labels with values, in all spellings
        (("node.labels.disk == ssd",), (), {}, ["disk: alpha -> "]),
        (("node.labels.disk==SSD",), (), {}, ["disk: alpha -> "]),
        (("NODE.LABELS.disk==ssd",), (), {}, ["disk: alpha -> "]),
        (("node.labels.disk==hdd",), (), {}, []),
        (("node.labels.zone==a",), (), {}, []),
        # a label that must be absent
        (("node.labels.disk!=ssd",), (), {}, []),
        (("node.labels.disk!=hdd",), (), {}, []),
        # another node keeps the label
        (
            ("node.labels.disk==ssd",),
            (node("charlie", labels={"disk": "ssd"}),),
            {},
            ["disk: alpha -> charlie"],
        ),
        # a node that takes no tasks
        (
            ("node.labels.disk==ssd",),
            (node("c", labels={"disk": "ssd"}, state="down"),),
            {},
            ["disk: alpha -> "],
        ),
        (
            ("node.labels.disk==ssd",),
            (node("c", labels={"disk": "ssd"}, availability="drain"),),
            {},
            ["disk: alpha -> "],
        ),
        # other constraints count, too
        (
            ("node.labels.disk==ssd", "node.hostname!=charlie"),
            (node("charlie", labels={"disk": "ssd"}),),
            {},
            ["disk: alpha -> "],
        ),
        # several labels
        (("node.labels.disk==ssd", "node.labels.zone==a"), (), {}, ["disk: alpha -> "]),
        # nothing runs yet
        (("node.labels.disk==ssd",), (), {"id": "id-other"}, ["disk:  -> "]),
        (("node.labels.disk==ssd",), (node("charlie", labels={"disk": "ssd"}),), {"id": "id-other"}, []),
        # one invalid constraint makes Swarm ignore all of them
        (("node.labels.disk==ssd", "nonsense"), (), {}, []),
    ],
)
def test_label_effects_of_a_removed_label(
    constraints: tuple[str, ...], parts: tuple[Any, ...], fields: dict[str, Any], expected: list[str]
) -> None:
    assert effect(constraints, *parts, **fields) == expected


def test_label_effects_ignore_services_without_a_node() -> None:
    down = (("node.labels.disk==ssd", "node.hostname==nowhere"),)
    assert effect(*down) == []


def test_label_effects_name_both_labels() -> None:
    asked = ("node.labels.disk==ssd", "node.labels.zone==a")
    assert effect(asked, owned="disk zone") == ["disk,zone: alpha -> "]

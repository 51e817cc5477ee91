# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DisownLabels,
    OwnLabels,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.plan import plan_labels
from tests.support.builders import desired, node, service, snapshot, task

NOTHING_REMEMBERED = State()


def owning(name: str, *keys: str) -> State:
    return State(owned_labels={f"id-{name}": frozenset(keys)})


def changes(plan: Plan) -> dict[str, dict[str, str | None]]:
    """Node → label → value, None for a label that is removed."""
    found: dict[str, dict[str, str | None]] = {}
    for step in plan.steps:
        assert isinstance(step, LabelNode)
        found[step.hostname] = {change.key: change.after for change in step.changes}
    return found


class TestStaticLabels:
    def test_labels_are_set_and_corrected_in_one_step(self) -> None:
        alpha = node("alpha", labels={"disk": "hdd", "mine": "x"})

        plan = plan_labels(
            snapshot(alpha), desired({"alpha": {"disk": "ssd", "zfs": "true"}}), NOTHING_REMEMBERED
        )

        assert changes(plan) == {"alpha": {"disk": "ssd", "zfs": "true"}}
        step = plan.steps[0]
        assert step.after == {"labels": {"disk": "ssd", "zfs": "true", "mine": "x"}}
        assert step.why == (
            Reason("label_differs", label="disk", value="ssd", found="hdd"),
            Reason("label_missing", label="zfs", value="true"),
        )

    def test_labels_of_a_correct_swarm_need_no_step(self) -> None:
        alpha = node("alpha", labels={"disk": "ssd", "empty": ""})

        plan = plan_labels(
            snapshot(alpha),
            desired({"alpha": {"disk": "ssd", "empty": ""}}),
            owning("alpha", "disk", "empty"),
        )

        assert plan == Plan()

    def test_ownership_is_claimed_before_a_label_is_set(self) -> None:
        plan = plan_labels(snapshot(node("alpha")), desired({"alpha": {"disk": "ssd"}}), NOTHING_REMEMBERED)

        assert plan.steps[0].intent_edits == (OwnLabels("id-alpha", frozenset({"disk"})),)
        assert plan.steps[0].commit_edits == ()

    def test_existing_label_is_not_owned(self) -> None:
        alpha = node("alpha", labels={"disk": "ssd"})

        assert plan_labels(snapshot(alpha), desired({"alpha": {"disk": "ssd"}}), NOTHING_REMEMBERED).is_empty

    def test_unconfigured_owned_label_is_removed(self) -> None:
        alpha = node("alpha", labels={"old": "true", "theirs": "true"})

        plan = plan_labels(snapshot(alpha), desired({"alpha": {}}), owning("alpha", "old"))

        assert changes(plan) == {"alpha": {"old": None}}
        assert plan.steps[0].intent_edits == ()
        assert plan.steps[0].commit_edits == (DisownLabels("id-alpha", frozenset({"old"})),)

    def test_unconfigured_node_loses_owned_labels(self) -> None:
        alpha = node("alpha", labels={"old": "true", "theirs": "true"})

        assert changes(plan_labels(snapshot(alpha), desired(), owning("alpha", "old"))) == {
            "alpha": {"old": None}
        }

    def test_pruning_removes_unknown_labels_of_configured_nodes_only(self) -> None:
        seen = snapshot(
            node("alpha", labels={"disk": "ssd", "theirs": "1", "db": "true"}),
            node("bravo", labels={"theirs": "1"}),
            service("shop_db"),
            task("shop_db", "alpha"),
        )
        config = desired({"alpha": {"disk": "ssd"}}, {"db": ()}, prune_unknown_labels=True)

        assert changes(plan_labels(seen, config, NOTHING_REMEMBERED)) == {"alpha": {"theirs": None}}

    def test_unknown_node_is_reported_without_blocking(self) -> None:
        plan = plan_labels(
            snapshot(node("alpha")), desired({"alpha": {"a": "1"}, "ghost": {"b": "1"}}), NOTHING_REMEMBERED
        )

        assert plan.warnings == (Reason("node_unknown", name="ghost", hint=None),)
        assert changes(plan) == {"alpha": {"a": "1"}}

    def test_down_node_is_not_changed_but_reported(self) -> None:
        alpha = node("alpha", state="down", labels={"old": "true"})

        plan = plan_labels(snapshot(alpha), desired({"alpha": {"disk": "ssd"}}), owning("alpha", "old"))

        assert plan.is_empty
        assert plan.notes == (Reason("labels_wait_for_node", node="alpha", state="down"),)

    def test_stale_entry_with_the_same_name_is_skipped(self) -> None:
        seen = snapshot(node("alpha", id="new"), node("alpha", id="old", state="down"))

        plan = plan_labels(seen, desired({"alpha": {"disk": "ssd"}}), NOTHING_REMEMBERED)

        assert [step.node_id for step in plan.steps if isinstance(step, LabelNode)] == ["new"]
        assert plan.notes == ()

    def test_nodes_can_be_named_by_id(self) -> None:
        plan = plan_labels(
            snapshot(node("alpha")), desired({"id-alpha": {"disk": "ssd"}}), NOTHING_REMEMBERED
        )

        assert changes(plan) == {"alpha": {"disk": "ssd"}}

    def test_saved_state_of_a_removed_node_is_forgotten(self) -> None:
        state = owning("gone", "a", "b")

        plan = plan_labels(snapshot(node("alpha")), desired(), state)

        assert plan.steps == ()
        assert apply_edits(state, plan.remember) == State()

    def test_owned_label_removed_by_a_user_is_forgotten(self) -> None:
        state = owning("alpha", "lost")

        plan = plan_labels(snapshot(node("alpha")), desired({"alpha": {}}), state)

        assert apply_edits(state, plan.remember) == State()


class TestAnchorLabels:
    def test_anchor_label_marks_exactly_its_nodes(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true"}),
            node("bravo"),
            node("charlie"),
            service("shop_db", replicas=2),
            task("shop_db", "bravo", slot=1),
            task("shop_db", "charlie", slot=2),
            task("shop_db", "alpha", slot=1, state="shutdown", desired_state="shutdown"),
        )

        plan = plan_labels(seen, desired(anchors={"db": ("app",)}), NOTHING_REMEMBERED)

        assert changes(plan) == {"alpha": {"db": None}, "bravo": {"db": "true"}, "charlie": {"db": "true"}}
        assert [step.target for step in plan.steps] == ["node bravo", "node charlie", "node alpha"]
        (missing,), (elsewhere,) = plan.steps[0].why, plan.steps[2].why
        assert isinstance(missing, Reason)
        assert (missing.code, missing.params["label"]) == ("anchor_label_missing", "db")
        assert isinstance(elsewhere, Reason)
        assert (elsewhere.code, elsewhere.params["label"]) == ("anchor_elsewhere", "db")

    def test_anchor_label_stays_during_a_restart(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true"}),
            node("bravo"),
            service("shop_db"),
            task("shop_db", "alpha", state="failed", desired_state="shutdown"),
            task("shop_db", "bravo", state="starting"),
        )

        plan = plan_labels(seen, desired(anchors={"db": ()}), NOTHING_REMEMBERED)

        assert plan.is_empty
        assert plan.notes == (
            Reason("anchor_not_running", anchor="shop_db", label="db", running=0, desired=1),
        )

    def test_anchor_label_stays_while_scaled_to_zero(self) -> None:
        seen = snapshot(node("alpha", labels={"db": "true"}), service("shop_db", replicas=0))

        plan = plan_labels(seen, desired(anchors={"db": ()}), NOTHING_REMEMBERED)

        assert plan.is_empty
        assert plan.notes == (Reason("anchor_scaled_to_0", anchor="shop_db", label="db"),)

    def test_anchor_label_stays_on_a_dead_node_until_it_runs_elsewhere(self) -> None:
        dead = node("alpha", state="down", labels={"db": "true"})
        old = task("shop_db", "alpha", desired_state="shutdown")
        waiting = snapshot(
            dead, node("bravo"), service("shop_db"), old, task("shop_db", None, state="pending")
        )
        moved = snapshot(dead, node("bravo"), service("shop_db"), old, task("shop_db", "bravo"))
        config = desired(anchors={"db": ()})

        assert plan_labels(waiting, config, NOTHING_REMEMBERED).is_empty
        assert changes(plan_labels(moved, config, NOTHING_REMEMBERED)) == {
            "alpha": {"db": None},
            "bravo": {"db": "true"},
        }

    def test_anchor_label_leaves_a_dead_node_despite_a_waiting_replica(self) -> None:
        seen = snapshot(
            node("alpha", state="down", labels={"db": "true"}),
            node("bravo", labels={"db": "true"}),
            node("charlie", labels={"db": "true"}),
            service("shop_db", replicas=2),
            task("shop_db", "bravo", slot=1),
            task("shop_db", None, slot=2, state="pending"),
        )

        assert changes(plan_labels(seen, desired(anchors={"db": ()}), NOTHING_REMEMBERED)) == {
            "alpha": {"db": None}
        }

    def test_task_on_a_down_node_does_not_count_as_running(self) -> None:
        seen = snapshot(node("alpha", state="down"), service("shop_db"), task("shop_db", "alpha"))

        assert plan_labels(seen, desired(anchors={"db": ()}), NOTHING_REMEMBERED).is_empty

    def test_unknown_anchor_is_reported_and_its_label_stays(self) -> None:
        alpha = node("alpha", labels={"db": "true"})

        state = replace(owning("alpha", "db"), anchor_labels=owning("alpha", "db").owned_labels)

        plan = plan_labels(snapshot(alpha), desired(anchors={"db": ()}), state)

        assert plan.is_empty
        (warning,) = plan.warnings
        assert isinstance(warning, Reason)
        assert (warning.code, warning.params["anchor"]) == ("anchor_not_found", "db")
        assert "shop_db" in str(warning.params["problem"])

    def test_service_without_a_stack_is_found_by_name(self) -> None:
        seen = snapshot(node("alpha"), service("db"), task("db", "alpha"))

        assert changes(plan_labels(seen, desired(anchors={"db": ()}), NOTHING_REMEMBERED)) == {
            "alpha": {"db": "true"}
        }

    def test_removed_dependency_loses_its_label(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true", "cache": "true"}),
            service("shop_db"),
            task("shop_db", "alpha"),
        )

        assert changes(plan_labels(seen, desired(), owning("alpha", "db"))) == {"alpha": {"db": None}}

    def test_anchor_label_value_is_corrected_only_on_its_nodes(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "1"}),
            node("bravo", labels={"db": "2"}),
            service("shop_db"),
            task("shop_db", "alpha"),
        )

        assert changes(plan_labels(seen, desired(anchors={"db": ()}), NOTHING_REMEMBERED)) == {
            "alpha": {"db": "true"}
        }

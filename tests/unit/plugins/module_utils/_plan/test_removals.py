# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removal policies for owned items that aren't configured: remove all, hold with a warning, or ignore."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState, Removals
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    Attempts,
    Move,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import MISPLACED
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.held import anchors_not_given
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.plan import plan_labels
from tests.support.builders import desired, node, ours, service, snapshot, task

NOW = 1_000_000.0
HELD_TO_DB = "node.labels.db==true"
HELD_TO_CACHE = "node.labels.cache==true"
TO_BRAVO = "node.id==id-bravo"
ALLOWED, HELD, FOREIGN = Removals.ALLOWED, Removals.HELD, Removals.FOREIGN


def policies(
    config: DesiredState, nodes: Removals = Removals.ALLOWED, dependencies: Removals = Removals.ALLOWED
) -> DesiredState:
    return replace(config, node_removals=nodes, dependency_removals=dependencies)


def owning(
    static: dict[str, set[str]], anchors: dict[str, set[str]] | None = None, **fields: object
) -> State:
    """Host name → keys of the owned labels."""
    marks = {f"id-{name}": frozenset(keys) for name, keys in (anchors or {}).items()}
    owned = {f"id-{name}": frozenset(keys) for name, keys in static.items()}
    for node_id, keys in marks.items():
        owned[node_id] = owned.get(node_id, frozenset()) | keys
    return State(owned_labels=owned, anchor_labels=marks, **fields)  # type: ignore[arg-type]


def removed(plan: Plan) -> dict[str, set[str]]:
    """Host name → removed labels."""
    steps = [step for step in plan.steps if isinstance(step, LabelNode)]
    found = {step.hostname: {c.key for c in step.changes if c.after is None} for step in steps}
    return {hostname: keys for hostname, keys in found.items() if keys}


def placed(plan: Plan) -> dict[str, PlaceService]:
    return {step.name: step for step in plan.steps if isinstance(step, PlaceService)}


def after(plan: Plan, state: State) -> State:
    edits = [*plan.remember]
    for step in plan.steps:
        edits += [*step.intent_edits, *step.commit_edits]
    return apply_edits(state, edits)


class TestLabels:
    SEEN: ClassVar = snapshot(
        node("alpha", labels={"ssd": "true", "old": "1", "theirs": "x"}),
        node("bravo", labels={"hdd": "true", "db": "true"}),
    )
    STATE: ClassVar = owning({"alpha": {"ssd", "old"}, "bravo": {"hdd"}}, {"bravo": {"db"}})
    CONFIG: ClassVar = desired({"alpha": {"ssd": "true"}})

    def test_allowed_removals_are_planned(self) -> None:
        assert removed(plan_labels(self.SEEN, self.CONFIG, self.STATE)) == {
            "alpha": {"old"},
            "bravo": {"hdd", "db"},
        }

    @pytest.mark.parametrize(
        ("nodes", "dependencies", "expected", "warnings"),
        [
            (HELD, HELD, {}, 2),
            (HELD, ALLOWED, {"bravo": {"db"}}, 1),
            (ALLOWED, HELD, {"alpha": {"old"}, "bravo": {"hdd"}}, 1),
            (FOREIGN, FOREIGN, {}, 0),
        ],
    )
    def test_sections_have_separate_policies(
        self,
        nodes: Removals,
        dependencies: Removals,
        expected: dict[str, set[str]],
        warnings: int,
    ) -> None:
        plan = plan_labels(self.SEEN, policies(self.CONFIG, nodes, dependencies), self.STATE)

        assert removed(plan) == expected
        assert len(plan.warnings) == warnings
        # kept labels stay owned
        kept = after(plan, self.STATE).owned_labels
        assert kept == {
            node_id: left
            for node_id, keys in self.STATE.owned_labels.items()
            if (left := keys - expected.get(node_id.removeprefix("id-"), set()))
        }

    def test_warning_names_held_labels_and_the_confirmation(self) -> None:
        labels = {f"l{number}": "true" for number in range(5)}
        seen = snapshot(node("alpha", labels=labels))

        (warning,) = plan_labels(
            seen, policies(desired(), nodes=HELD), owning({"alpha": set(labels)})
        ).warnings

        assert isinstance(warning, Reason)
        (kept,) = warning.params["kept"]
        assert (warning.code, warning.params["section"]) == ("section_absent", "nodes")
        assert kept == Reason(
            "kept_labels",
            count=5,
            labels=[
                *(Reason("label_of_node", label=f"l{number}", node="alpha") for number in range(3)),
                Reason("and_more", count=2),
            ],
        )

    def test_absent_section_without_owned_labels_is_silent(self) -> None:
        for state in (State(), owning({"charlie": {"gone"}}), owning({"alpha": {"gone"}})):
            plan = plan_labels(self.SEEN, policies(desired(), HELD, HELD), state)
            assert (plan.steps, plan.warnings) == ((), ())

    def test_section_that_names_everything_is_held_silently(self) -> None:
        plan = plan_labels(
            snapshot(node("alpha", labels={"ssd": "true"})),
            policies(self.CONFIG, HELD, HELD),
            owning({"alpha": {"ssd"}}),
        )
        assert plan.warnings == ()

    def test_configured_labels_are_set_with_any_policy(self) -> None:
        for policy in Removals:
            plan = plan_labels(snapshot(node("alpha")), policies(self.CONFIG, policy, policy), State())
            assert [step.summary for step in plan.steps] == ["set ssd=true on node alpha"]

    def test_anchor_label_follows_with_any_policy(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true"}), node("bravo"), service("shop_db"), task("shop_db", "bravo")
        )
        for policy in Removals:
            plan = plan_labels(
                seen, policies(desired(anchors={"db": ()}), policy, policy), owning({}, {"alpha": {"db"}})
            )
            assert removed(plan) == {"alpha": {"db"}}

    def test_foreign_policy_prunes_only_unknown_labels(self) -> None:
        config = replace(self.CONFIG, prune_unknown_labels=True)

        assert removed(plan_labels(self.SEEN, policies(config, FOREIGN, FOREIGN), self.STATE)) == {
            "alpha": {"theirs"}
        }
        assert removed(plan_labels(self.SEEN, policies(config, HELD, HELD), self.STATE)) == {}

    def test_pruning_keeps_anchor_labels_of_an_absent_section(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true", "theirs": "x"}), node("bravo", labels={"db": "true"})
        )
        config = desired({"alpha": {}}, prune_unknown_labels=True)
        state = owning({}, {"bravo": {"db"}})

        assert removed(plan_labels(seen, policies(config, dependencies=HELD), state)) == {"alpha": {"theirs"}}
        assert removed(plan_labels(seen, config, state)) == {"alpha": {"db", "theirs"}, "bravo": {"db"}}

    def test_anchor_labels_are_saved_as_such(self) -> None:
        seen = snapshot(node("alpha"), service("shop_db"), task("shop_db", "alpha"))
        config = desired({"alpha": {"ssd": "true"}}, {"db": ()})

        state = after(plan_labels(seen, config, State()), State())

        assert state.owned_labels == {"id-alpha": frozenset({"ssd", "db"})}
        assert state.anchor_labels == {"id-alpha": frozenset({"db"})}

    def test_anchor_labels_of_an_older_release_are_marked(self) -> None:
        labels = {"ssd": "true", "db": "true"}
        seen = snapshot(node("alpha", labels=labels), service("shop_db"), task("shop_db", "alpha"))
        old = owning({"alpha": {"ssd", "db"}})

        plan = plan_labels(seen, desired({"alpha": {"ssd": "true"}}, {"db": ()}), old)

        assert plan.steps == ()
        assert after(plan, old).anchor_labels == {"id-alpha": frozenset({"db"})}
        assert plan_labels(seen, desired({"alpha": {"ssd": "true"}}, {"db": ()}), after(plan, old)).is_empty
        # the key becomes a static label, so its mark is removed
        static = plan_labels(seen, desired({"alpha": labels}), after(plan, old))
        assert after(static, after(plan, old)).anchor_labels == {}


class TestConstraints:
    """Another anchor and its follower, which aren't configured here."""

    SEEN: ClassVar = snapshot(
        node("alpha", labels={"db": "true"}),
        node("bravo"),
        service("shop_db"),
        task("shop_db", "alpha"),
        service("shop_app", **ours(HELD_TO_DB)),
        task("shop_app", "alpha"),
        service("shop_search"),
        task("shop_search", "alpha"),
    )

    CONFIG: ClassVar = desired(anchors={"search": ()})
    STATE: ClassVar = owning(
        {},
        {"alpha": {"db", "search"}},
        attempts={"id-shop_app": Attempts(2, NOW - 5, NOW - 10, MISPLACED)},
        anchor_tasks={"id-shop_db": frozenset({"shop_db-1-alpha-running"})},
    )

    def plan(self, policy: Removals, state: State | None = None) -> Plan:
        config = policies(self.CONFIG, policy, policy)
        return plan_anchors(self.SEEN, config, state or self.STATE, NOW)

    def test_allowed_removals_are_planned(self) -> None:
        plan = self.plan(ALLOWED)

        assert placed(plan)["shop_app"].remove == (HELD_TO_DB,)
        assert after(plan, self.STATE).anchor_tasks == {}

    @pytest.mark.parametrize("policy", [HELD, FOREIGN])
    def test_held_and_foreign_constraints_stay(self, policy: Removals) -> None:
        plan = self.plan(policy)

        assert placed(plan) == {}
        assert after(plan, self.STATE).anchor_tasks == self.STATE.anchor_tasks
        assert after(plan, self.STATE).attempts == self.STATE.attempts
        assert len(plan.warnings) == (1 if policy is HELD else 0)

    def test_warning_names_labels_and_services(self) -> None:
        (warning,) = self.plan(HELD).warnings

        assert warning == Reason(
            "section_absent",
            section="dependencies",
            kept=[
                Reason("kept_labels", count=1, labels=[Reason("label_of_node", label="db", node="alpha")]),
                Reason("kept_constraints", count=1, services=["shop_app"]),
            ],
        )

    @pytest.mark.parametrize("policy", [HELD, FOREIGN])
    def test_saved_state_of_removed_services_is_forgotten(self, policy: Removals) -> None:
        gone = replace(
            self.STATE,
            anchor_tasks={"id-gone": frozenset({"t"})},
            attempts={"id-gone": Attempts(1, NOW, NOW, MISPLACED)},
        )

        state = after(self.plan(policy, gone), gone)

        assert (state.anchor_tasks, state.attempts) == ({}, {})

    @pytest.mark.parametrize(("policy", "kept"), [(ALLOWED, False), (HELD, True), (FOREIGN, True)])
    def test_retry_now_forgets_attempts_of_configured_services(self, policy: Removals, kept: bool) -> None:
        config = policies(self.CONFIG, policy, policy)

        plan = plan_anchors(self.SEEN, config, self.STATE, NOW, retry_now=True)

        assert ("id-shop_app" in after(plan, self.STATE).attempts) is kept

    def test_constraint_of_another_task_on_a_shared_follower_stays(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true", "cache": "true"}),
            service("shop_cache"),
            task("shop_cache", "alpha"),
            service("shop_app", **ours(HELD_TO_DB)),
            task("shop_app", "alpha"),
        )
        config = desired(anchors={"cache": ("app",)})

        foreign = placed(plan_anchors(seen, policies(config, FOREIGN, FOREIGN), State(), NOW))["shop_app"]
        allowed = placed(plan_anchors(seen, config, State(), NOW))["shop_app"]

        assert (foreign.add, foreign.remove) == ((HELD_TO_CACHE,), ())
        assert (allowed.add, allowed.remove) == ((HELD_TO_CACHE,), (HELD_TO_DB,))

    def test_shared_follower_is_not_moved_against_the_other_constraint(self) -> None:
        seen = snapshot(
            node("alpha", labels={"db": "true"}),
            node("bravo", labels={"cache": "true"}),
            service("shop_cache"),
            task("shop_cache", "bravo"),
            service("shop_app", **ours(HELD_TO_DB)),
            task("shop_app", "alpha"),
        )
        config = desired(anchors={"cache": ("app",)})

        foreign = plan_anchors(seen, policies(config, FOREIGN, FOREIGN), State(), NOW)

        assert placed(foreign) == {}
        assert any("shop_app" in str(warning) for warning in foreign.warnings)
        assert placed(plan_anchors(seen, config, State(), NOW))["shop_app"].add == (HELD_TO_CACHE, TO_BRAVO)


class TestMoves:
    """A journaled move ends with any policy."""

    def plan(self, policy: Removals, move: Move, *constraints: str, replicas: int = 1) -> tuple[Plan, State]:
        seen = snapshot(
            node("alpha", labels={"db": "true"}),
            node("bravo", labels={"db": "true"}),
            service("shop_app", replicas=replicas, **ours(HELD_TO_DB, *constraints)),
            *([task("shop_app", "bravo")] if replicas else []),
        )
        state = State(moves={"id-shop_app": move})
        return plan_anchors(seen, policies(desired(), policy, policy), state, NOW), state

    @pytest.mark.parametrize("policy", list(Removals))
    def test_move_is_recognized_by_its_constraint(self, policy: Removals) -> None:
        plan, state = self.plan(policy, Move("db", ("id-bravo",), NOW - 100), TO_BRAVO)

        step = placed(plan)["shop_app"]
        assert TO_BRAVO in step.remove
        assert (HELD_TO_DB in step.remove) is (policy is ALLOWED)
        assert after(plan, state).moves == {}

    @pytest.mark.parametrize("policy", list(Removals))
    def test_move_of_a_service_scaled_to_0(self, policy: Removals) -> None:
        move = Move("db", ("id-bravo",), NOW - 100, replicas=2)

        plan, state = self.plan(policy, move, replicas=0)

        step = placed(plan)["shop_app"]
        assert step.replicas == 2
        assert (HELD_TO_DB in step.remove) is (policy is ALLOWED)
        assert after(plan, state).moves == {}

    @pytest.mark.parametrize("policy", [HELD, FOREIGN])
    def test_move_that_never_began_is_forgotten(self, policy: Removals) -> None:
        plan, state = self.plan(policy, Move("db", ("id-bravo",), NOW - 100))

        assert placed(plan) == {}
        assert after(plan, state).moves == {}

    def test_foreign_move_has_a_minute_to_end(self) -> None:
        young = Move("db", ("id-bravo",), NOW - 30)

        plan, state = self.plan(FOREIGN, young, TO_BRAVO)
        scaled, _state = self.plan(FOREIGN, replace(young, replicas=2), replicas=0)

        assert (placed(plan), placed(scaled)) == ({}, {})
        assert after(plan, state) == state
        # a loop that waits for its own moves doesn't wait for this one
        assert plan.requeue_after is None
        assert placed(self.plan(HELD, young, TO_BRAVO)[0])["shop_app"].remove == (TO_BRAVO,)


def test_anchors_not_given_are_warned_of() -> None:
    state = owning({}, {"alpha": {"db"}})
    absent = DesiredState(absent_sections=frozenset({"dependencies"}))

    assert anchors_not_given(absent, state) == (Reason("anchors_absent", labels=["db"]),)
    for config, known in ((absent, State()), (DesiredState(), state), (desired(anchors={"db": ()}), state)):
        assert anchors_not_given(config, known) == ()

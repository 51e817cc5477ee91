# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed constraints."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import CONSTRAINTS_LABEL
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import (
    move_constraints,
    requires_label,
    user_constraints,
)
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.followed import (
    HELD,
    NOW,
    TO_BRAVO,
    labels,
    placed,
    plan,
    swarm,
    with_option,
    writes_to_services,
)


class TestHolding:
    IN_PLACE: ClassVar = {"anchor_on": "alpha", "app_on": "alpha"}

    def test_constraint_is_added_once(self) -> None:
        assert placed(plan(swarm(service("shop_app"), **self.IN_PLACE))).add == (HELD,)
        assert plan(swarm(service("shop_app", **ours(HELD)), **self.IN_PLACE)).is_empty

    def test_constraint_is_not_added_if_not_managed(self) -> None:
        config = with_option(manage_constraint=False)

        assert plan(swarm(service("shop_app"), **self.IN_PLACE), config).is_empty
        assert placed(plan(swarm(service("shop_app", **ours(HELD)), **self.IN_PLACE), config)).remove == (
            HELD,
        )

    def test_constraint_is_removed_with_the_dependency(self) -> None:
        app = service("shop_app", **ours(HELD, TO_BRAVO, user_constraints=("node.labels.db == true",)))

        found = plan(swarm(app, **self.IN_PLACE), desired())

        assert placed(found).after == {"constraints": ["node.labels.db == true"]}

    def test_label_is_removed_after_the_constraint(self) -> None:
        state = State(owned_labels={"id-alpha": frozenset({"db"})})

        def clean_up(app: Service) -> Plan:
            seen = swarm(app, anchor_on="alpha", app_on="alpha")
            return plan_anchors(seen, desired(), state, NOW, static_labels=True)

        first = clean_up(service("shop_app", **ours(HELD)))
        assert placed(first).remove == (HELD,)
        assert labels(first) == {}
        assert Reason("label_in_use", node="alpha", label="db", services=["shop_app"]) in first.notes
        second = clean_up(service("shop_app"))
        assert labels(second) == {"alpha": {"db": None}}
        assert second.warnings == ()
        asked = clean_up(service("shop_app", constraints=("node.labels.db == true",)))
        assert asked.warnings == (Reason("service_loses_all_nodes", service="shop_app", labels=["db"]),)

    def test_constraint_is_not_added_without_a_labelled_node(self) -> None:
        seen = snapshot(
            node("alpha"), service("shop_db", replicas=0), service("shop_app"), task("shop_app", "alpha")
        )

        assert plan(seen).is_empty

    def test_missing_follower_is_reported(self) -> None:
        found = plan(
            snapshot(node("alpha", labels={"db": "true"}), service("shop_db"), task("shop_db", "alpha"))
        )

        (warning,) = found.warnings
        assert isinstance(warning, Reason)
        assert (warning.code, warning.params["anchor"]) == ("follower_not_found", "db")
        assert "shop_app" in str(warning.params["problem"])


MALFORMED = ("", "nonsense", "{}", f'["{HELD}", 1]', f'[["{HELD}"]]', "[" * 99_999, f'["{HELD}"' * 20_000)

# user constraints that look like managed ones
OTHERS = (
    "node.role ==manager",
    "node.role !=worker",
    "node.labels.zone ==true",
    "node.labels.zone==true",
    "node.labels.db ==true",
    "node.labels.db==true",
    "node.id ==id-alpha",
    "node.id==id-alpha",
    "node.id !=id-bravo",
    "node.id!=id-bravo",
    "node.hostname ==alpha",
    "engine.labels.a ==b",
    "node.platform.os ==linux",
    "NODE.LABELS.db==TRUE",
    "Node.Id ==id-alpha",
)


def beside(*parts: Service) -> SwarmSnapshot:
    """The follower is co-located with its anchor."""
    return swarm(*parts, anchor_on="alpha", app_on="alpha")


class TestConstraintsOfTheUser:
    """A constraint that no label lists is the user's own, however it is spelled."""

    @pytest.mark.parametrize("text", OTHERS)
    def test_user_constraint_stays_on_an_unknown_service(self, text: str) -> None:
        seen = beside(service("shop_app"), service("other", constraints=(text,)))

        for config in (desired(), desired(anchors={"zone": ("app",)})):
            found = plan(seen, config)
            assert [step for step in found.steps if isinstance(step, PlaceService)] == []

    @pytest.mark.parametrize("text", OTHERS)
    def test_user_constraint_stays_on_a_follower(self, text: str) -> None:
        app = service("shop_app", constraints=(text,))
        holds = not requires_label((text,), "db")

        first = plan(beside(app))
        if holds:
            assert placed(first).after == {"constraints": [text, HELD]}
            app = replace(app, **ours(HELD, user_constraints=(text,)))
        else:
            assert writes_to_services(first) == []
        last = plan(beside(app), desired())
        if holds:
            assert placed(last).after == {"constraints": [text]}
        else:
            assert writes_to_services(last) == []

    @pytest.mark.parametrize("text", OTHERS)
    def test_user_constraint_counts_in_forecasts(self, text: str) -> None:
        assert user_constraints(service("app", constraints=(text,))) == (text,)
        assert user_constraints(service("app", **ours(HELD, TO_BRAVO, user_constraints=(text,)))) == (text,)
        assert (move_constraints(service("app", constraints=(text,))), ours(HELD)["constraints"]) == (
            (),
            (HELD,),
        )

    @pytest.mark.parametrize("text", MALFORMED)
    def test_malformed_record_keeps_constraints_and_warns_once(self, text: str) -> None:
        labels = {CONSTRAINTS_LABEL: text}
        seen = beside(
            service("shop_app", constraints=(HELD,), labels=labels),
            service("other", constraints=(TO_BRAVO,), labels=labels),
        )

        for config in (with_option(), desired()):
            found = plan(seen, config)
            assert writes_to_services(found) == []
            warned = [
                one.params["service"]
                for one in found.warnings
                if isinstance(one, Reason) and one.code == "label_record_malformed"
            ]
            assert warned == ["other", "shop_app"]
            assert all(len(str(one)) < 300 for one in found.warnings)

    def test_malformed_record_is_replaced_by_the_next_write(self) -> None:
        app = service("shop_app", constraints=("node.role==worker",), labels={CONSTRAINTS_LABEL: "nonsense"})

        assert placed(plan(beside(app))).add == (HELD,)

    def test_duplicate_constraint_loses_only_the_managed_one(self) -> None:
        app = service("shop_app", **ours(HELD, user_constraints=(HELD,)))

        for config in (with_option(), desired()):
            found = plan(beside(app), config)
            assert placed(found).after == {"constraints": [HELD]}

    def test_managed_constraint_removed_by_the_user_is_added_or_forgotten(self) -> None:
        app = replace(service("shop_app", **ours(HELD)), constraints=("node.role==worker",))

        assert placed(plan(beside(app))).add == (HELD,)
        assert plan(beside(app), desired()).steps == ()

    def test_copied_spec_loses_managed_constraints(self) -> None:
        """Otherwise it would require a label that is removed with the dependency."""
        clone = service("clone", **ours(HELD, user_constraints=("node.labels.zone==true",)))
        seen = beside(service("shop_app", **ours(HELD)), clone)

        step = placed(plan(seen))
        assert (step.name, step.after) == ("clone", {"constraints": ["node.labels.zone==true"]})

    def test_move_without_a_journal_entry_ends(self) -> None:
        lost = service("other", **ours(TO_BRAVO, user_constraints=("node.id==id-bravo",)))

        step = placed(plan(beside(service("shop_app", **ours(HELD)), lost)))
        assert (step.name, step.after) == ("other", {"constraints": ["node.id==id-bravo"]})

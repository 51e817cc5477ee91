# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The constraints that Orcastra itself puts on services."""

from __future__ import annotations

from typing import ClassVar

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import (
    Service,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.sync import plan_anchors
from tests.unit.builders import node, ours, picture, service, task, wanted
from tests.unit.followed import (
    HELD,
    NOW,
    TO_BRAVO,
    labels,
    placed,
    plan,
    swarm,
    with_option,
)


class TestHolding:
    IN_PLACE: ClassVar = {"anchor_on": "alpha", "app_on": "alpha"}

    def test_the_constraint_is_added_once(self) -> None:
        assert placed(plan(swarm(service("shop_app"), **self.IN_PLACE))).add == (HELD,)
        assert plan(swarm(service("shop_app", **ours(HELD)), **self.IN_PLACE)).is_empty

    def test_not_where_it_is_not_to_be_managed(self) -> None:
        config = with_option(manage_constraint=False)

        assert plan(swarm(service("shop_app"), **self.IN_PLACE), config).is_empty
        assert placed(plan(swarm(service("shop_app", **ours(HELD)), **self.IN_PLACE), config)).remove == (
            HELD,
        )

    def test_is_removed_with_the_dependency_and_the_users_own_stays(self) -> None:
        app = service("shop_app", **ours(HELD, TO_BRAVO, users=("node.labels.db == true",)))

        found = plan(swarm(app, **self.IN_PLACE), wanted())

        assert placed(found).after == {"constraints": ["node.labels.db == true"]}

    def test_the_label_goes_after_it(self) -> None:
        state = State(owned_labels={"id-alpha": frozenset({"db"})})

        def clean_up(app: Service) -> Plan:
            seen = swarm(app, anchor_on="alpha", app_on="alpha")
            return plan_anchors(seen, wanted(), state, NOW, static_labels=True)

        first = clean_up(service("shop_app", **ours(HELD)))
        assert placed(first).remove == (HELD,)
        assert labels(first) == {}
        assert "node alpha keeps label db: it still holds shop_app there" in first.notes
        second = clean_up(service("shop_app"))
        assert labels(second) == {"alpha": {"db": None}}
        assert second.warnings == ()
        asked = clean_up(service("shop_app", constraints=("node.labels.db == true",)))
        assert asked.warnings == ("shop_app: asks for label db, and will find no node",)

    def test_is_not_added_while_no_node_has_the_label(self) -> None:
        seen = picture(
            node("alpha"), service("shop_db", replicas=0), service("shop_app"), task("shop_app", "alpha")
        )

        assert plan(seen).is_empty

    def test_a_follower_that_does_not_exist_is_reported(self) -> None:
        found = plan(
            picture(node("alpha", labels={"db": "true"}), service("shop_db"), task("shop_db", "alpha"))
        )

        assert found.warnings == ("dependencies.db: there is no service shop_app in this swarm",)

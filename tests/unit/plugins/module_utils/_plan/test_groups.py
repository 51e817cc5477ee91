# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Followers that can follow, and those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import (
    followed_labels,
    resolve_anchor_groups,
)
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.followed import HELD, VOLUME, labels, plan, swarm, writes_to_services


def stuck(found: Plan) -> tuple[str, Reason]:
    """The follower that the only warning is about, and its only obstacle."""
    (warning,) = found.warnings
    assert isinstance(warning, Reason)
    assert warning.code == "follower_cannot_follow"
    assert (warning.params["anchors"], warning.params["node"]) == (("db",), "bravo")
    (obstacle,) = warning.params["obstacles"]
    return warning.params["service"], obstacle


class TestCannotFollow:
    def test_stuck_follower_is_reported_and_the_label_stays(self) -> None:
        app = service("shop_app", mounts=VOLUME, **ours(HELD, user_constraints=("node.hostname == alpha",)))

        found = plan(swarm(app))

        assert writes_to_services(found) == []
        assert stuck(found) == (
            "shop_app",
            Reason("constraint_violated", constraint="node.hostname == alpha"),
        )
        assert labels(found) == {"bravo": {"db": "true"}}

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            (
                {"platforms": (("linux", "arm64"),)},
                Reason("platform_unsupported", platforms=["linux/arm64"], platform="linux/x86_64"),
            ),
            (
                {"reserved_memory_bytes": 2**30},
                Reason("memory_reserved", reserved=2**30, unreserved=2**29),
            ),
            ({"reserved_nano_cpus": 2 * 10**9}, Reason("cpus_reserved", reserved=2.0, unreserved=1.0)),
            (
                {"host_ports": ((80, "tcp"),)},
                Reason("port_taken", service="shop_db", port=80, protocol="tcp"),
            ),
        ],
    )
    def test_warning_names_each_obstacle(self, fields: dict[str, Any], reason: Reason) -> None:
        bravo = node("bravo", memory_bytes=2**29, nano_cpus=10**9)
        anchor = service("shop_db", host_ports=((80, "tcp"),))

        found = plan(swarm(service("shop_app", **fields), bravo, anchor))

        assert stuck(found) == ("shop_app", reason)

    def test_follower_moves_as_a_whole_or_not_at_all(self) -> None:
        app = service("shop_app", replicas=2, reserved_memory_bytes=600)

        found = plan(swarm(app, node("bravo", memory_bytes=1000)))

        (warning,) = found.warnings
        assert isinstance(warning, Reason)
        assert warning.params["obstacles"] == (Reason("too_few_tasks_fit", fit=1, replicas=2),)

    def test_arriving_follower_leaves_less_room_for_the_next(self) -> None:
        config = desired(anchors={"db": ("app", "web")})
        app, web = (
            service(name, mounts=VOLUME, reserved_memory_bytes=600 * 2**20)
            for name in ("shop_app", "shop_web")
        )

        found = plan(swarm(app, web, task("shop_web", "alpha"), node("bravo", memory_bytes=2**30)), config)

        assert writes_to_services(found) == ["move shop_app to bravo"]
        assert stuck(found) == (
            "shop_web",
            Reason("memory_reserved", reserved=600 * 2**20, unreserved=424 * 2**20),
        )


def test_followed_labels_include_indirect_anchors() -> None:
    names = ("shop_a", "shop_b", "shop_c", "shop_d")
    seen = snapshot(
        node("alpha"), *(service(name) for name in names), *(task(name, "alpha") for name in names)
    )
    config = desired(anchors={"a": ("b",), "b": ("c",), "d": (), "gone": ("c",)})

    assert followed_labels(resolve_anchor_groups(seen, config)) == {
        "id-shop_b": frozenset({"a"}),
        "id-shop_c": frozenset({"a", "b"}),
    }

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suggestions for unknown names."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import STACK_LABEL, Service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.restarts import (
    plan_requested_restarts,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import (
    closest,
    no_requested_service,
    service_hint,
    similar_services,
)
from tests.support.builders import desired, node, service, snapshot


def of_stack(stack: str, *names: str) -> list[Service]:
    return [service(f"{stack}_{name}", labels={STACK_LABEL: stack}) for name in names]


SWARM = snapshot(
    *of_stack("apps", "wiki_db", "wiki", "wiki_cache", "search", "indexer"),
    *of_stack("infra", "proxy", "mqtt", "search"),
    service("standalone"),
    node("node1", id="k3x9q2m7v1b5n8c4z6l0p2w9r", address="10.0.0.1"),
    node("node2.example.org", id="a1b2c3d4e5f6g7h8i9j0k1l2m", address="10.0.0.2"),
    node("node3", state="down"),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("search", ["apps_search", "infra_search"]),
        ("wiki", ["apps_wiki"]),
        ("Wiki", ["apps_wiki"]),
        ("wiki-db", ["apps_wiki_db"]),
        ("swarm-dev_mqtt", ["infra_mqtt"]),
        ("app_wiki", ["apps_wiki"]),
        ("apps_wki", ["apps_wiki"]),
        ("indexr", ["apps_indexer"]),
        ("prox", ["infra_proxy"]),
        ("cache", ["apps_wiki_cache"]),
        ("standalon", ["standalone"]),
        ("nope", []),
        ("", []),
    ],
)
def test_similar_services(name: str, expected: list[str]) -> None:
    assert [one.name for one in similar_services(SWARM, name, "swarm-dev")] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nope", {"service": "swarm-dev_nope", "also": "nope", "hint": None}),
        ("apps_nope", {"service": "apps_nope", "also": None, "hint": None}),
        (
            "mqtt",
            {
                "service": "swarm-dev_mqtt",
                "also": "mqtt",
                "hint": Reason("did_you_mean", names=["infra_mqtt"]),
            },
        ),
    ],
)
def test_unknown_service_has_its_full_name(name: str, expected: dict[str, Any]) -> None:
    reason = no_requested_service(SWARM, name, "swarm-dev")
    assert reason == Reason("service_unknown", **expected)
    with pytest.raises(OrcastraError) as caught:
        plan_requested_restarts(SWARM, [name], "swarm-dev", State())
    assert str(caught.value) == str(reason)


def test_plan_suggests_the_stack_of_unknown_services() -> None:
    (group,) = resolve_anchor_groups(SWARM, desired(anchors={"search": ("indexer",)}, stack="swarm-dev"))
    hint = Reason("did_you_mean", names=["apps_search", "infra_search"])
    assert service_hint(SWARM, "search", "swarm-dev") == hint
    assert str(hint) in str(group.place.warning)
    assert service_hint(SWARM, "indexer", "swarm-dev") == Reason(
        "did_you_mean_other_stack", name="apps_indexer", stack="apps"
    )
    assert service_hint(SWARM, "indexr", "apps") == Reason("did_you_mean", names=["apps_indexer"])


def test_at_most_three_are_suggested() -> None:
    names = [f"service{number}" for number in range(20)]
    assert len(closest("servic", names)) == 3
    many = snapshot(*(service(f"s{number}_web", labels={STACK_LABEL: f"s{number}"}) for number in range(9)))
    assert len(similar_services(many, "web", "")) == 3


def test_suggested_name_is_safe_to_print() -> None:
    hint = service_hint(snapshot(service("web-frontend\x1b")), "web-frontend", "")
    assert hint is not None
    assert hint.params["names"] == ("web-frontend\x1b",)
    assert str(hint) == r"did you mean 'web-frontend\x1b'?"

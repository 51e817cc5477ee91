# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API documents for finished services, and for followers with several anchors."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, Service, Task
from orcastra_runner.status import StatusStore
from orcastra_runner.web.data import state_data
from tests.support.builders import desired, node, service, snapshot, task
from tests.unit.orcastra_runner.served import observation

CONFIG = desired(anchors={"db": ("app",), "cache": ("app",)})


def state(*parts: Node | Service | Task) -> Any:
    status = StatusStore()
    status.configured(CONFIG)
    status.observed(observation(snapshot=snapshot(node("alpha"), node("bravo"), *parts)), 0.01)
    return state_data(status.view())


def ended(name: str, slot: int = 1, **fields: Any) -> Task:
    return task(name, "alpha", **{"slot": slot, "state": "complete", "desired_state": "shutdown", **fields})


@pytest.mark.parametrize("condition", ["none", "on-failure"])
def test_state_data_does_not_expect_finished_tasks(condition: str) -> None:
    found = state(
        service("once", restart_condition=condition),
        ended("once"),
        service("some", restart_condition=condition, replicas=3),
        ended("some", 1),
        ended("some", 2),
        task("some", "alpha", slot=3),
        service("short", restart_condition=condition, replicas=2),
        ended("short", 1),
    )["services"]

    assert {one["name"]: (one["running"], one["expected"], one["finished"]) for one in found} == {
        "once": (0, 0, 1),
        "some": (1, 1, 2),
        "short": (0, 1, 1),
    }
    assert [one["name"] for one in found if one["problem"]] == ["short"]


def test_state_data_reports_final_failures() -> None:
    failed = ended("once", state="failed", error="non-zero exit (3)")
    (found,) = state(service("once", restart_condition="none"), failed)["services"]

    assert (found["running"], found["expected"], found["finished"]) == (0, 1, 0)
    assert "non-zero exit (3)" in found["problem"]


def test_state_data_of_a_finished_follower() -> None:
    anchors = [
        service("shop_db"),
        task("shop_db", "alpha"),
        service("shop_cache"),
        task("shop_cache", "alpha"),
    ]
    groups = state(*anchors, service("shop_app", restart_condition="none"), ended("shop_app"))["groups"]

    for group in groups:
        (follower,) = group["followers"]
        assert (follower["finished"], follower["in_place"]) == (True, True)


@pytest.mark.parametrize("cache", ["alpha", "bravo"])
def test_state_data_names_the_anchor_of_a_follower(cache: str) -> None:
    anchors = [service("shop_db"), task("shop_db", "alpha"), service("shop_cache"), task("shop_cache", cache)]
    groups = state(*anchors, service("shop_app"), task("shop_app", "alpha"))["groups"]

    found = {group["anchor"]: group["followers"][0] for group in groups}
    assert found.keys() == {"shop_db", "shop_cache"}
    for follower in found.values():
        assert (follower["follows"], follower["in_place"], follower["finished"]) == ("shop_db", True, False)

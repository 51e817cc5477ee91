# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Followers that can't run on their anchor's node keep their tasks, and Orcastra reports the reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.anchors.stage import Stage, cycles
from tests.lab.wait import wait_until
from tests.support.log_entry import sentence
from tests.support.runner_process import Loop, orcastra

pytestmark = [pytest.mark.lab, pytest.mark.slow]

GIB = 1024**3


def reserving(memory: int) -> dict[str, Any]:
    return {"Resources": {"Reservations": {"MemoryBytes": memory}}}


def warned(loop: Loop, text: str) -> bool:
    return any(entry.get("level") == "warning" and text in sentence(entry) for entry in loop.entries)


def test_obstacles_are_reported_without_flapping(stage: Stage) -> None:
    """Hosts of 2 GiB, of which 1.5 GiB are reserved on bravo."""
    stage.deploy("hog", on="bravo", **reserving(3 * GIB // 2))
    stage.deploy("db", on="alpha")
    stage.deploy("big", volume=True, **reserving(3 * GIB // 4))
    stage.deploy("pair", replicas=2, **reserving(GIB // 3))
    stage.deploy("pinned", on="alpha")
    stage.deploy("arm")
    stage.deploy("free")
    names = ("shop_big", "shop_pair", "shop_pinned", "shop_arm")
    stage.configure({"db": ["big", "pair", "pinned", "arm", "free"]})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", *names, "shop_free", on="alpha")

        def only_arm(spec: dict[str, Any]) -> None:
            platform = {"Architecture": "arm64", "OS": "linux"}
            spec["TaskTemplate"]["Placement"]["Platforms"] = [platform]

        stage.change("shop_arm", only_arm)
        cycles(loop, 2)
        versions, tasks = stage.versions(*names), stage.task_ids(*names)
        stage.move("shop_db", "bravo")
        # followers that can move do so, although the others stay
        wait_until(lambda: stage.places("shop_free") == ["bravo"], 30, "shop_free to follow")
        reasons = {
            "shop_big": "it reserves 768 MiB of memory, but the node has only 512 MiB unreserved",
            "shop_pair": "only 1 of its 2 tasks fit on its anchor's nodes",
            "shop_pinned": "its constraint node.hostname == alpha forbids it",
            "shop_arm": "its image is for linux/arm64, but the node is linux/x86_64",
        }
        for name, reason in reasons.items():
            loop.wait_for(f"{name} cannot run with db on bravo: {reason}")
            assert warned(loop, f"{name} cannot run with db on bravo: {reason}")
        plan = orcastra(
            "plan",
            "--config",
            stage.folder,
            DOCKER_HOST=stage.swarm.leader().docker_host,
            STACK_NAME="shop",
        )
        for name, reason in reasons.items():
            assert f"warning: {name} cannot run with db on bravo: {reason}" in plan.stdout
        cycles(loop, 10)
        assert stage.versions(*names) == versions
        assert stage.task_ids(*names) == tasks
        assert stage.labelled("db") == ["alpha", "bravo"]

        def anything(spec: dict[str, Any]) -> None:
            del spec["TaskTemplate"]["Placement"]["Platforms"]

        stage.scale("shop_hog", 0)
        stage.constrain("shop_pinned", "node.labels.db==true")
        stage.change("shop_arm", anything)
        stage.wait_settled("shop_db", *names, "shop_free", on="bravo", timeout=60)


def test_second_follower_stays_without_room(stage: Stage) -> None:
    """The first follower moves; for the second, Orcastra reports insufficient room."""
    stage.deploy("hog", on="bravo", **reserving(GIB))
    stage.deploy("db", on="alpha")
    stage.deploy("one", volume=True, **reserving(3 * GIB // 4))
    stage.deploy("two", volume=True, **reserving(3 * GIB // 4))
    stage.configure({"db": ["one", "two"]})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", "shop_one", "shop_two", on="alpha")
        before = stage.versions("shop_two"), stage.task_ids("shop_two")
        stage.move("shop_db", "bravo")
        wait_until(lambda: stage.places("shop_one") == ["bravo"], 30, "shop_one to follow")
        loop.wait_for("shop_two cannot run with db on bravo: it reserves 768 MiB of memory")
        cycles(loop, 5)
        assert (stage.versions("shop_two"), stage.task_ids("shop_two")) == before
        stage.move("shop_db", "alpha")
        stage.wait_settled("shop_db", "shop_one", "shop_two", on="alpha")

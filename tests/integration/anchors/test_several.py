# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A follower with several anchors, and an anchor that moves several times in a row."""

from __future__ import annotations

from itertools import cycle, islice

import pytest

from tests.integration.anchors.containers import overlaps
from tests.integration.anchors.stage import ATTEMPTS, SECOND, SLOW_TO_STOP, Stage, cycles, held_by
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra

pytestmark = [pytest.mark.lab, pytest.mark.slow]

# in this order, which isn't alphabetical
SEVERAL = {"web": ["app", "store"], "cache": ["app", "store"]}


def is_beside(stage: Stage, host: str, *names: str) -> bool:
    return all(stage.places(name) == [host] for name in names)


@pytest.mark.parametrize("events", ["true", "false"])
def test_follower_runs_with_both_anchors_or_with_the_first(stage: Stage, events: str) -> None:
    """Also if a playbook passes the configuration."""
    stage.deploy("web", on="alpha")
    stage.deploy("cache", on="alpha")
    stage.deploy("app", on="bravo")
    stage.constrain("shop_app")
    stage.deploy("store", on="charlie", volume=True, command=SLOW_TO_STOP)
    stage.constrain("shop_store")
    stage.configure(SEVERAL)
    followers = ("shop_app", "shop_store")
    with stage.orcastra(EVENT_MODE=events) as loop:
        stage.wait_settled("shop_web", *followers, on="alpha", timeout=90)
        stage.wait_settled("shop_cache", on="alpha")
        for name in followers:
            assert held_by(stage.constraints(name), "cache") == 0

        stage.move("shop_cache", "bravo")
        loop.wait_for("shop_app follows web, not cache", timeout=60)
        stage.wait_settled("shop_cache", on="bravo")
        cycles(loop, 5)
        assert is_beside(stage, "alpha", *followers)

        stage.move("shop_web", "bravo")
        stage.wait_settled("shop_web", *followers, on="bravo", timeout=90)
        stage.move("shop_web", "charlie")
        stage.wait_settled("shop_web", *followers, on="charlie", timeout=90)
        for name in followers:
            assert overlaps(stage.swarm, name) == []

        # the order is reversed
        stage.configure({"cache": ["app", "store"], "web": ["app", "store"]})
        stage.wait_settled("shop_cache", *followers, on="bravo", timeout=90)
        for name in followers:
            assert held_by(stage.constraints(name), "web") == 0
        cycles(loop, 5)
        assert is_beside(stage, "bravo", *followers)


def test_follower_with_user_constraints_on_both_labels(stage: Stage) -> None:
    both = ["node.labels.web == true", "node.labels.cache == true"]
    stage.deploy("web", on="alpha")
    stage.deploy("cache", on="alpha")
    stage.create("app", constraints=both, volume=True)
    stage.configure(SEVERAL)
    with stage.orcastra() as loop:
        wait_until(lambda: is_beside(stage, "alpha", "shop_app"), 30, "the follower to run")
        tasks = stage.task_ids("shop_app")
        stage.move("shop_cache", "bravo")
        loop.wait_for("shop_app follows web, not cache")
        wait_until(lambda: "bravo" in stage.labelled("cache"), 30, "the label to follow")
        cycles(loop, 5)
        # the label also stays on alpha: without it, Swarm would stop the follower and find no node for it
        assert stage.labelled("cache") == ["alpha", "bravo"]
        assert stage.task_ids("shop_app") == tasks

        stage.move("shop_web", "bravo")
        wait_until(lambda: is_beside(stage, "bravo", "shop_app"), 60, "the follower to run next to both")
        wait_until(lambda: stage.labelled("cache") == ["bravo"], 30, "the label to leave alpha")
        assert stage.constraints("shop_app")[:2] == both


def test_published_example_is_accepted(stage: Stage) -> None:
    stage.configure({"swag": {"services": ["crowdsec_db"]}, "auth_db": {"services": ["crowdsec_db"]}})
    docker_host = stage.swarm.leader().docker_host
    check = orcastra("config", "check", "--config", stage.folder)
    assert check.returncode == 0, check.stderr
    plan = orcastra("plan", "--config", stage.folder, DOCKER_HOST=docker_host)
    assert plan.returncode == 0, plan.stderr


def test_followers_complete_ten_successive_moves(stage: Stage) -> None:
    """Swarm monitors each update for its default time, but Orcastra doesn't wait for that."""
    watched = {"UpdateConfig": {"Monitor": 5 * SECOND}}
    stage.deploy("db", on="alpha")
    stage.deploy("files", volume=True, **watched)
    stage.deploy("app", replicas=2, **watched)
    stage.configure({"db": ["files", "app"]})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", "shop_files", "shop_app", on="alpha")
        for target in islice(cycle(["bravo", "charlie", "alpha"]), 10):
            stage.move("shop_db", target)
            wait_until(
                lambda target=target: (
                    is_beside(stage, target, "shop_files")  # type: ignore[misc]
                    and set(stage.places("shop_app")) == {target}
                ),
                30,
                f"the followers to be on {target}",
            )
        assert loop.said("next move attempt in") == 0
        stage.wait_settled("shop_db", "shop_files", "shop_app", on="bravo")
        assert stage.remembered(ATTEMPTS) == {}
        assert overlaps(stage.swarm, "shop_files") == []

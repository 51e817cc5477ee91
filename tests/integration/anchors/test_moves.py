# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Followers move to the node to which their anchor was moved by hand."""

from __future__ import annotations

import pytest

from tests.integration.anchors.containers import overlaps, runs
from tests.integration.anchors.stage import SLOW_TO_STOP, Stage, cycles

pytestmark = pytest.mark.lab


def test_followers_move_with_short_form_and_user_constraint(stage: Stage) -> None:
    """Also with a service that stops slowly, one that another stack obstructs, and one without a stack."""
    stage.deploy("db", on="alpha", volume=True)
    stage.deploy("store", on="bravo", volume=True, command=SLOW_TO_STOP)
    stage.constrain("shop_store")
    stage.deploy("web")
    stage.create("own", constraints=["node.labels.db == true"])
    stage.deploy("db", on="charlie", stack="other")
    stage.configure({"db": ["store", "web", "own"]})
    followers = ("shop_store", "shop_web", "shop_own")
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", *followers, on="alpha")
        assert stage.constraints("shop_store") == ["node.labels.db==true"]
        assert stage.constraints("shop_own") == ["node.labels.db == true"]
        for target in ("bravo", "charlie"):
            stage.move("shop_db", target)
            stage.wait_settled("shop_db", *followers, on=target)
        for name in followers:
            assert overlaps(stage.swarm, name) == []
        # first to alpha, then two moves
        assert len(runs(stage.swarm, "shop_store")) == 4
        before = stage.versions(*followers, "shop_db")
        tasks = stage.task_ids(*followers)
        cycles(loop, 20)
        assert stage.versions(*followers, "shop_db") == before
        assert stage.task_ids(*followers) == tasks


def test_followers_move_in_chains_with_replicas_and_start_first(stage: Stage) -> None:
    """db → app → cache; an anchor and a follower with two replicas each; all stateful."""
    stage.deploy("db", on="alpha", volume=True)
    stage.deploy("app", volume=True, UpdateConfig={"Order": "start-first"})
    stage.deploy("cache", volume=True, command=SLOW_TO_STOP, grace=90)
    stage.deploy("queue", constraints=["node.hostname != charlie"], replicas=2)
    stage.deploy("worker", volume=True, replicas=2)
    stage.configure(
        {
            "db": {"services": ["app"]},
            "app": ["cache"],
            "queue": {"services": ["worker"], "relocate": "auto"},
        }
    )
    with stage.orcastra():
        stage.wait_settled("shop_db", "shop_app", on="alpha")
        stage.wait_settled("shop_app", "shop_cache")
        stage.wait_settled("shop_queue", "shop_worker")
        assert set(stage.places("shop_queue")) == {"alpha", "bravo"}
        stage.move("shop_db", "charlie")
        stage.constrain("shop_queue", "node.hostname != alpha")
        stage.wait_settled("shop_db", "shop_app", on="charlie")
        stage.wait_settled("shop_app", "shop_cache", on="charlie")
        stage.wait_settled("shop_queue", "shop_worker")
        assert set(stage.places("shop_queue")) == {"bravo", "charlie"}
        for name in ("shop_app", "shop_cache", "shop_worker"):
            assert overlaps(stage.swarm, name) == []


def test_evicted_followers_move_without_stack_and_in_two_stacks(stage: Stage) -> None:
    """Names without a stack, the same names in two stacks, and an evicted stateful service."""
    stage.deploy("db", on="alpha", stack=None)
    stage.deploy("app", volume=True, stack=None)
    stage.deploy("base", on="bravo", stack="one")
    stage.deploy("web", stack="one")
    stage.deploy("base", on="charlie", stack="two")
    stage.deploy("web", stack="two")
    stage.configure(
        {
            "db": {"stack": "", "services": ["app"], "relocate": "evict"},
            "base": {"stack": "one", "services": ["web"], "relocate": "ordered"},
            "two_base": {"stack": "", "services": ["two_web"]},
        }
    )
    with stage.orcastra() as loop:
        stage.wait_settled("db", "app", on="alpha")
        stage.wait_settled("one_base", "one_web", label="base", on="bravo")
        stage.wait_settled("two_base", "two_web", label="two_base", on="charlie")
        moves = loop.said("planned: move app")
        stage.move("db", "bravo")
        stage.move("one_base", "charlie")
        stage.move("two_base", "alpha")
        stage.wait_settled("db", "app", on="bravo")
        stage.wait_settled("one_base", "one_web", label="base", on="charlie")
        stage.wait_settled("two_base", "two_web", label="two_base", on="alpha")
        # only the label moved it
        assert loop.said("planned: move app") == moves
        assert overlaps(stage.swarm, "one_web") == []

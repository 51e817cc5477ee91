# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The managed constraint: added once, restored after a redeploy, removed with its dependency."""

from __future__ import annotations

import pytest

from tests.integration.anchors.stage import Stage, cycles
from tests.lab.wait import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

OURS = "node.labels.db==true"
USERS = "node.labels.db == true"


def test_managed_constraint_changes_restart_no_task(stage: Stage) -> None:
    names = ("shop_app", "shop_own", "shop_free")
    stage.deploy("db", on="alpha")
    stage.deploy("app", on="alpha")
    stage.constrain("shop_app")
    stage.deploy("free")
    stage.create("own", constraints=[USERS])
    stage.configure({"db": ["app", "own"], "web": {"services": ["free"], "manage_constraint": False}})
    stage.deploy("web", on="bravo")
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", "shop_app", "shop_own")
        wait_until(lambda: stage.places("shop_free") == ["bravo"], 30, "shop_free to follow")
        wait_until(lambda: stage.constraints("shop_free") == [], 30, "its move to end")
        assert stage.constraints("shop_app") == [OURS]
        assert stage.constraints("shop_own") == [USERS]
        versions, tasks = stage.versions(*names), stage.task_ids(*names)
        cycles(loop, 5)
        assert stage.versions(*names) == versions

        # a redeploy without the managed constraint
        stage.constrain("shop_app", "node.role == manager")
        both = ["node.role == manager", OURS]
        wait_until(lambda: stage.constraints("shop_app") == both, 30, "the constraint to return")
        restored = stage.versions(*names)
        cycles(loop, 5)
        assert stage.versions(*names) == restored
        assert restored["shop_own"] == versions["shop_own"]

        # the user's own constraint replaces the managed one
        stage.constrain("shop_app", USERS, OURS)
        wait_until(
            lambda: stage.constraints("shop_app") == [USERS], 30, "the managed constraint to be removed"
        )
        stage.constrain("shop_app")
        wait_until(lambda: stage.constraints("shop_app") == [OURS], 30, "the constraint to return")

        stage.configure({"web": {"services": ["free"], "manage_constraint": False}})
        wait_until(lambda: stage.constraints("shop_app") == [], 30, "the constraint to go")
        loop.wait_for("shop_own requires the label db, and no node is left for it")
        wait_until(lambda: stage.labelled("db") == [], 30, "the label to go")
        cycles(loop, 3)
        # the label was removed after the managed constraint that required it
        assert stage.task_ids("shop_app", "shop_free") == {
            name: tasks[name] for name in names if name != "shop_own"
        }
        assert stage.constraints("shop_own") == [USERS]
        assert stage.versions("shop_own") == {"shop_own": versions["shop_own"]}

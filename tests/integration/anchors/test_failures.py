# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Followers return to their anchor's node after failures of hosts and of the anchor."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from tests.integration.anchors.containers import overlaps, runs
from tests.integration.anchors.stage import JOURNAL, SECOND, SLOW_TO_STOP, Stage, cycles
from tests.lab.wait import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

FOLLOWERS = ("shop_store", "shop_web")


def test_followers_return_after_crash_reboot_disconnect_and_drain(stage: Stage) -> None:
    leader = stage.swarm.leader().name
    stage.deploy("db", constraints=[f"node.hostname != {leader}"], volume=True)
    stage.deploy("store", volume=True)
    stage.deploy("web")
    stage.configure({"db": ["store", "web"]})
    # a crash may cost the leader its role, and this test has only one instance
    with stage.orcastra(ORCASTRA_LEADER="always") as loop:
        stage.wait_settled("shop_db", *FOLLOWERS)

        # the anchor's host loses power
        (first,) = stage.places("shop_db")
        host = stage.swarm[first]
        host.crash()
        wait_until(lambda: stage.is_down(first), 30, f"{first} to be down")
        wait_until(lambda: stage.places("shop_db") not in ([], [first]), 30, "the anchor to run elsewhere")
        stage.wait_settled("shop_db", *FOLLOWERS)
        (second,) = stage.places("shop_db")
        loop.wait_for(f"shop_store ran on {first}, which is down. If that host is only cut off")
        host.boot()
        wait_until(lambda: not stage.is_down(first), 30, f"{first} to be back")
        versions, tasks = stage.versions(*FOLLOWERS), stage.task_ids(*FOLLOWERS)
        cycles(loop, 3)
        assert stage.versions(*FOLLOWERS) == versions
        assert stage.task_ids(*FOLLOWERS) == tasks
        stage.wait_settled("shop_db", *FOLLOWERS, on=second)

        # the anchor's host reboots
        stage.swarm[second].reboot()
        stage.wait_settled("shop_db", *FOLLOWERS)

        # the anchor's host loses its network and gets it back
        (third,) = stage.places("shop_db")
        stage.swarm[third].cut()
        wait_until(lambda: stage.is_down(third), 30, f"{third} to be down")
        wait_until(lambda: stage.places("shop_db") not in ([], [third]), 30, "the anchor to run elsewhere")
        stage.wait_settled("shop_db", *FOLLOWERS)
        stage.swarm[third].mend()
        wait_until(lambda: not stage.is_down(third), 30, f"{third} to be back")
        wait_until(
            lambda: all(run.ended for run in runs(stage.swarm, "shop_store") if run.host == third),
            30,
            "the old container to be stopped",
        )
        stage.wait_settled("shop_db", *FOLLOWERS)

        # the anchor's host is drained, so Orcastra can wait for the containers to stop
        (fourth,) = stage.places("shop_db")
        known = {run.container for run in runs(stage.swarm, "shop_store")}
        (current,) = [run for run in runs(stage.swarm, "shop_store") if run.ended is None]
        stage.set_availability(fourth, "drain")
        wait_until(lambda: stage.places("shop_db") not in ([], [fourth]), 30, "the anchor to run elsewhere")
        stage.wait_settled("shop_db", *FOLLOWERS)
        stage.set_availability(fourth, "active")
        cycles(loop, 3)
        stage.wait_settled("shop_db", *FOLLOWERS)
        # Swarm keeps only a few stopped containers, so earlier ones may already be removed
        found = runs(stage.swarm, "shop_store")
        (old,) = [run for run in found if run.container == current.container]
        (new,) = [run for run in found if run.container not in known]
        assert old.host == fourth
        assert old.ended is not None
        assert old.ended <= new.started


def test_followers_handle_anchor_scaled_to_0_paused_and_rolled_back(stage: Stage) -> None:
    stage.deploy("db", on="alpha")
    stage.deploy("store", volume=True)
    stage.deploy("web", replicas=2)
    stage.configure({"db": ["store", "web"]})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", *FOLLOWERS, on="alpha")
        before = stage.versions(*FOLLOWERS), stage.task_ids(*FOLLOWERS)

        stage.scale("shop_db", 0)
        loop.wait_for("shop_db is scaled to 0; its label db stays where it is")
        cycles(loop, 3)
        assert (stage.versions(*FOLLOWERS), stage.task_ids(*FOLLOWERS)) == before
        assert stage.labelled("db") == ["alpha"]
        stage.scale("shop_db", 1)
        stage.wait_settled("shop_db", *FOLLOWERS, on="alpha")
        assert (stage.versions(*FOLLOWERS), stage.task_ids(*FOLLOWERS)) == before

        # a failing update that also moves to another node
        def break_it(spec: dict[str, Any]) -> None:
            spec["TaskTemplate"]["ContainerSpec"]["Command"] = ["/does/not/exist"]
            spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.hostname == bravo"]}
            spec["UpdateConfig"].update(FailureAction="pause", Monitor=2 * SECOND)

        stage.change("shop_db", break_it)
        wait_until(lambda: update_state(stage, "shop_db") == "paused", 30, "the update to be paused")
        cycles(loop, 3)
        assert (stage.versions(*FOLLOWERS), stage.task_ids(*FOLLOWERS)) == before
        found = stage.service("shop_db")
        query = {"version": str(found["Version"]["Index"]), "rollback": "previous"}
        stage.api("POST", f"/services/{found['ID']}/update", found["Spec"], query)
        wait_until(lambda: stage.places("shop_db") == ["alpha"], 30, "the anchor to be back")
        stage.wait_settled("shop_db", *FOLLOWERS, on="alpha")
        assert (stage.versions(*FOLLOWERS), stage.task_ids(*FOLLOWERS)) == before

        # a follower whose own update is paused, with a running task: Orcastra reports it, doesn't change it,
        # and moves it after the update is resolved
        stage.change("shop_web", break_command)
        wait_until(lambda: update_state(stage, "shop_web") == "paused", 30, "the update to be paused")
        stage.move("shop_db", "bravo")
        loop.wait_for("shop_web is on the wrong node (its anchor is db), and its update is paused")
        version = stage.versions("shop_web")
        cycles(loop, 3)
        assert stage.versions("shop_web") == version
        stage.change("shop_web", mend_command)
        stage.wait_settled("shop_db", *FOLLOWERS, on="bravo")
        assert overlaps(stage.swarm, "shop_store") == []


def test_moves_finish_after_leader_crash(stage: Stage) -> None:
    """One ordered move and one by scaling to 0, while the old containers stop slowly.

    Swarm's new leader doesn't wait for the old container of an unfinished update, so Swarm itself causes that
    overlap. Scaling to 0 prevents it even then: the new leader no longer lists the stopping tasks, so
    Orcastra waits for their whole stop grace period.
    """
    leader = stage.swarm.leader()
    source, target = (host for host in stage.swarm if host.name != leader.name)
    names = ("shop_store", "shop_slow", "shop_web")
    stage.deploy("db", on=source.name)
    stage.deploy("store", volume=True, command=SLOW_TO_STOP, grace=30)
    first = {"Order": "start-first"}
    stage.deploy("slow", volume=True, command=SLOW_TO_STOP, grace=12, UpdateConfig=first)
    stage.deploy("web")
    stage.configure({"db": ["store", "slow", "web"]})
    with ExitStack() as loops:
        for host in stage.swarm:
            loops.enter_context(stage.orcastra(host))
        stage.wait_settled("shop_db", *names, on=source.name)
        known = {run.container for name in names for run in runs(stage.swarm, name)}
        stage.move("shop_db", target.name)
        wait_until(lambda: len(stage.remembered(JOURNAL)) >= 2, 20, "the moves to start")
        leader.crash()
        wait_until(lambda: stage.swarm.leader().name != leader.name, 60, "a new leader")
        stage.wait_settled("shop_db", *names, on=target.name, timeout=150)
        leader.boot()
        assert overlaps(stage.swarm, "shop_slow") == [], stage.said()
        for name in names:
            fresh = [run.host for run in runs(stage.swarm, name) if run.container not in known]
            assert fresh == [target.name], name


def update_state(stage: Stage, name: str) -> str | None:
    state: str | None = (stage.service(name).get("UpdateStatus") or {}).get("State")
    return state


def break_command(spec: dict[str, Any]) -> None:
    spec["TaskTemplate"]["ContainerSpec"]["Command"] = ["/does/not/exist"]
    spec["UpdateConfig"].update(FailureAction="pause", Monitor=2 * SECOND)


def mend_command(spec: dict[str, Any]) -> None:
    del spec["TaskTemplate"]["ContainerSpec"]["Command"]

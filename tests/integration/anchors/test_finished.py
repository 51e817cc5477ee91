# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that run once (migrations, seeds, cron jobs): as followers, as anchors, and unrelated ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.anchors.containers import runs
from tests.integration.anchors.stage import SECOND, Stage, cycles, held_by
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra

pytestmark = [pytest.mark.lab, pytest.mark.slow]

NEVER = {"RestartPolicy": {"Condition": "none"}}
ON_FAILURE = {"RestartPolicy": {"Condition": "on-failure", "Delay": SECOND // 5}}
# Swarm's default monitor time for updates: longer than these tasks run
WATCHED = {"UpdateConfig": {"Monitor": 5 * SECOND}}


def ends(stage: Stage, name: str, state: str = "complete", count: int = 1) -> None:
    """Wait until this number of tasks ended in this state, and none is running."""

    def have_ended() -> bool:
        states = [task["Status"]["State"] for task in stage.tasks(name)]
        return states.count(state) == len(states) == count

    wait_until(have_ended, 30, f"{count} tasks of {name} to be {state}")


def force(stage: Stage, name: str) -> None:
    """Run the service again, like swarm-cronjob."""

    def edit(spec: dict[str, Any]) -> None:
        spec["TaskTemplate"]["ForceUpdate"] = spec["TaskTemplate"].get("ForceUpdate", 0) + 1
        spec["Mode"]["Replicated"]["Replicas"] = 1

    stage.change(name, edit)


def task_ids(stage: Stage, name: str) -> set[str]:
    return {task["ID"] for task in stage.tasks(name)}


def change_leader(stage: Stage) -> None:
    """Stop the leader's engine until the other managers have elected a leader, and wait for all nodes."""
    old = stage.swarm.leader()
    other = next(host for host in stage.swarm if host.name != old.name)

    def has_changed() -> bool:
        nodes = other.api("GET", "/nodes")
        leaders = [node for node in nodes if (node.get("ManagerStatus") or {}).get("Leader")]
        return any(node["Description"]["Hostname"] != old.name for node in leaders)

    old.stop_engine()
    try:
        wait_until(has_changed, 30, "another leader")
    finally:
        old.start_engine()
    wait_until(
        lambda: all(node["Status"]["State"] == "ready" for node in stage.api("GET", "/nodes")),
        30,
        "all nodes to be ready",
    )


def where(stage: Stage, name: str) -> list[str]:
    """Return the hosts on which the service ran, in order."""
    return [run.host for run in runs(stage.swarm, name)]


def test_finished_tasks_are_not_restarted(stage: Stage) -> None:
    stage.deploy("db", on="alpha")
    stage.create("migrate", on="alpha", command=["true"], **NEVER, **WATCHED)
    stage.create("buckets", on="alpha", command=["true"], **ON_FAILURE, **WATCHED)
    stage.create("stray", on="bravo", command=["true"], **NEVER)
    stage.create("bad", on="alpha", command=["sh", "-c", "exit 3"], **NEVER)
    stage.create("seed", on="bravo", command=["true"], **NEVER)
    stage.deploy("reader")
    stage.create("lone", command=["true"], **NEVER)
    stage.create("cron", replicas=0, command=["true"], **NEVER, **WATCHED)
    once = ("shop_migrate", "shop_buckets", "shop_stray", "shop_seed", "shop_lone")
    for name in once:
        ends(stage, name)
    ends(stage, "shop_bad", "failed")
    stage.configure(
        {
            "db": {"services": ["migrate", "buckets", "stray", "bad", "cron"], "restart_dependents": True},
            "seed": {"services": ["reader"]},
        }
    )
    with stage.orcastra() as loop:
        wait_until(lambda: held_by(stage.constraints("shop_cron"), "db") == 1, 30, "shop_cron to be held")
        # a seed's data stays on the node where it ran
        stage.wait_settled_on("seed", "bravo", "shop_reader")
        loop.wait_for("shop_bad: 1 task failed")
        cycles(loop, 8)
        for name in once:
            assert len(where(stage, name)) == 1, name
        assert where(stage, "shop_bad") == ["alpha"]
        # a constraint could run the task again
        loop.wait_for("shop_migrate gets no constraint on label db")
        for name in ("shop_migrate", "shop_buckets", "shop_stray", "shop_bad"):
            assert held_by(stage.constraints(name), "db") == 0, name

        # requested runs, one of them on the anchor's current node
        force(stage, "shop_cron")
        ends(stage, "shop_cron")
        force(stage, "shop_migrate")
        ends(stage, "shop_migrate", count=2)
        wait_until(lambda: stage.update_state("shop_migrate") == "paused", 30, "Swarm to pause its update")
        cycles(loop, 8)
        assert where(stage, "shop_cron") == ["alpha"]

        # the anchor moves, and is restarted
        stage.move("shop_db", "charlie")
        wait_until(lambda: stage.labelled("db") == ["charlie"], 30, "the label to follow")
        force(stage, "shop_cron")
        ends(stage, "shop_cron", count=2)
        stage.change("shop_db", lambda spec: spec["TaskTemplate"].update(ForceUpdate=1))
        cycles(loop, 8)
        assert where(stage, "shop_cron") == ["alpha", "charlie"]
        assert where(stage, "shop_migrate") == ["alpha", "alpha"]
        for name in ("shop_buckets", "shop_stray", "shop_seed", "shop_lone", "shop_bad"):
            assert len(where(stage, name)) == 1, name
        assert stage.places("shop_reader") == ["bravo"]
    tasks = {name: task_ids(stage, name) for name in (*once, "shop_bad", "shop_cron")}
    change_leader(stage)
    wait_until(lambda: stage.places("shop_reader") and stage.places("shop_db"), 30, "all services to run")
    assert {name: task_ids(stage, name) for name in tasks} == tasks
    result = orcastra(
        "run",
        "--once",
        "--config",
        stage.folder,
        DOCKER_HOST=stage.swarm.leader().docker_host,
        STACK_NAME="shop",
    )
    assert result.returncode == 0, result.stderr
    assert "no changes needed: the swarm matches the configuration" in result.stderr


@pytest.mark.parametrize("limit", ["0", "1"])
def test_swarm_keeps_last_task_with_short_history(stage: Stage, limit: str) -> None:
    host = stage.swarm.leader()
    host.sh(f"docker swarm update --task-history-limit {limit}")
    stage.deploy("db", on="alpha")
    stage.create("migrate", on="alpha", replicas=0, command=["true"], **NEVER)
    stage.configure({"db": ["migrate"]})
    with stage.orcastra() as loop:
        wait_until(lambda: held_by(stage.constraints("shop_migrate"), "db") == 1, 30, "it to be held")
        force(stage, "shop_migrate")
        ends(stage, "shop_migrate")
        cycles(loop, 8)
    assert where(stage, "shop_migrate") == ["alpha"]


def test_run_once_tasks_finish_on_their_node(stage: Stage) -> None:
    """Two of three tasks have finished; Swarm would start the third one again."""
    command = ["sh", "-c", 'test "$SLOT" = 3 || exit 0; sleep 1000000']
    stage.deploy("db", on="alpha")
    stage.deploy("import", on="alpha", **NEVER)
    container = {"Image": "orcastra/app", "Command": command, "Env": ["SLOT={{.Task.Slot}}"]}
    stage.create("some", on="alpha", replicas=3, ContainerSpec=container, **ON_FAILURE)
    wait_until(lambda: len(stage.running("shop_some")) == 1, 30, "two of three to end")
    for name in ("shop_import", "shop_some"):
        stage.constrain(name, "node.hostname != charlie")
    stage.configure({"db": {"services": ["import", "some"], "relocate": "ordered"}})
    with stage.orcastra() as loop:
        wait_until(lambda: stage.labelled("db") == ["alpha"], 30, "the label")
        cycles(loop, 4)
        before = {name: where(stage, name) for name in ("shop_import", "shop_some")}
        stage.move("shop_db", "bravo")
        wait_until(lambda: "bravo" in stage.labelled("db"), 30, "the label to be there")
        loop.wait_for("shop_import runs to completion on alpha")
        loop.wait_for("shop_some stays on alpha")
        cycles(loop, 8)
        # without the label, Swarm would stop the tasks there
        assert stage.labelled("db") == ["alpha", "bravo"]
        assert {name: where(stage, name) for name in before} == before


def test_single_cycle_ends_if_a_service_never_runs(stage: Stage) -> None:
    stage.deploy("db", on="alpha")
    stage.create("loops", command=["sh", "-c", "exit 3"])
    stage.create("nowhere", constraints=["node.labels.nothing == here"])
    stage.create(
        "bad", command=["sh", "-c", "exit 3"], RestartPolicy={"Condition": "on-failure", "MaxAttempts": 1}
    )
    stage.configure({"db": {"services": ["loops", "nowhere", "bad"], "retry_intervals": [1, 1, 1, 1, 1]}})
    result = orcastra(
        "run",
        "--once",
        "--log-format",
        "json",
        "--config",
        stage.folder,
        DOCKER_HOST=stage.swarm.leader().docker_host,
        EVENT_MODE="true",
        STACK_NAME="shop",
        ORCASTRA_ONCE_WAIT="8",
    )
    assert result.returncode == 0, result.stderr
    assert "left for the next run" in result.stderr

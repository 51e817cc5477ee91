# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance runs on each manager's host; the leader's host loses power in the middle of a move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.anchors.containers import Run, runs
from tests.integration.anchors.stage import ATTEMPTS, JOURNAL, SLOW_TO_STOP, STACK, Stage
from tests.integration.orcastra_runner.swarm_helpers import restarts
from tests.integration.playbooks.conftest import host_python  # noqa: F401 - a fixture
from tests.lab import Host, Lab
from tests.lab.wait import wait_until
from tests.support.instances import ACTING, FOLDER, Instances, on_every_host

pytestmark = [pytest.mark.lab, pytest.mark.slow]

# A takeover must not wait for the next poll, so the interval is long.
SETTINGS = {
    "EVENT_MODE": "true",
    "RELABEL_TIME": "60",
    "STACK_NAME": STACK,
    "AUTOHEAL_CHECK_INTERVAL": "0.5",
    "AUTOHEAL_GRACE_PERIOD": "0",
    "AUTOHEAL_DEFAULT_STOP_TIMEOUT": "0",
}
MOST_SECONDS = 15
ILL = "--health-cmd false --health-interval 0.2s --health-retries 2"
COMMAND = [{"command": "restart_service:shop_web", "id": "once-only"}]
CONFIGURATION = {
    "dependencies": {
        "db": {"services": ["app"], "relocate": "ordered"},
        "calm": {"services": ["bad"], "retry_intervals": [1, 900]},
    }
}
HEALED = "done: restart plain-ill"


def fall_ill(host: Host, name: str) -> None:
    """Make a container unhealthy."""
    host.sh(f"docker run -d --init --name {name} --label autoheal=true {ILL} orcastra/app")


def alive(swarm: Lab) -> list[Run]:
    return [run for run in runs(swarm, "shop_app") if run.ended is None]


def commands(stage: Stage) -> dict[str, Any]:
    return stage.remembered("orcastra.commands")


@pytest.mark.timeout(400)
def test_takeover_finishes_a_move(
    swarm: Lab,
    host_python: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    leader = swarm.leader()
    source, target = [host.name for host in swarm if host.name != leader.name]
    stage = Stage(swarm, tmp_path)
    stage.deploy("db", on=source)
    stage.deploy("calm", on=source)
    stage.deploy("web", on=target)
    stage.deploy("app", volume=True, command=SLOW_TO_STOP, grace=30)
    soon_given_up = {"RestartPolicy": {"Condition": "on-failure", "MaxAttempts": 1}}
    stage.create("bad", on=source, command=["sh", "-c", "exit 3"], **soon_given_up)
    swarm.each(lambda host: fall_ill(host, "plain-ill"))
    try:
        with on_every_host(swarm, **SETTINGS) as instances:
            files = {"commands/swarm-orch.command.yml": json.dumps(COMMAND)}
            instances.configure(CONFIGURATION, **files)
            instances.start_all()
            stage.wait_settled("shop_db", "shop_app", on=source, timeout=60)
            wait_until(lambda: restarts(swarm, "shop_bad") == 2, 60, "the second attempt at shop_bad")
            wait_until(lambda: restarts(swarm, "shop_web") == 1, 60, "the command to be carried out")
            wait_until(lambda: "done" in json.dumps(commands(stage)), 60, "its result to be written")
            for loop in instances.loops.values():
                loop.wait_for(HEALED, timeout=60)
            before = {run.container for run in runs(swarm, "shop_app")}

            stage.move("shop_db", target)
            wait_until(lambda: stage.remembered(JOURNAL), 30, "the move to be saved", 0.02)
            wait_until(
                lambda: any(text.startswith("node.id") for text in stage.constraints("shop_app")), 30,
                "the follower to get its constraint", 0.02,
            )  # fmt: skip
            taken = instances.lose_leader()
            try:
                check(stage, instances, taken.leader, target)
            except Exception as error:
                raise AssertionError(f"{error}\n{taken}\n{instances.said()}") from error
            assert taken.after_election < MOST_SECONDS, f"{taken}\n{instances.said()}"
            fresh = [run for run in runs(swarm, "shop_app") if run.container not in before]
            assert [run.host for run in fresh] == [target]
            # Swarm's new leader doesn't wait for the old container, so both may run for a while
            wait_until(lambda: len(alive(swarm)) == 1, 30, "the old container to have stopped")
            assert instances.loops[leader.name].process.wait(20) != 0
    finally:
        if not leader.running:
            leader.boot()
        swarm.each(
            lambda host: host.sh(f"docker rm -f plain-ill late-ill; rm -rf {FOLDER} /var/lib/orcastra")
        )


def check(stage: Stage, instances: Instances, new: str, target: str) -> None:
    """Check that the other instances continue the work of the lost one."""
    survivors = {host.name: instances.loops[host.name] for host in stage.swarm if host.running}
    assert [name for name, loop in survivors.items() if loop.said(ACTING)] == [new]
    stage.wait_settled("shop_db", "shop_app", on=target, timeout=60)
    # the local jobs of each node continue on every instance
    for name, loop in survivors.items():
        fall_ill(stage.swarm[name], "late-ill")
        loop.wait_for("done: restart late-ill", timeout=60)
    # completed steps stay completed, and cooldowns still apply
    assert restarts(stage.swarm, "shop_web") == 1
    assert sum(loop.said("command started: restart_service:shop_web") for loop in survivors.values()) == 0
    assert restarts(stage.swarm, "shop_bad") == 2
    assert list(stage.remembered(ATTEMPTS)) == [stage.service("shop_bad")["ID"]]
    looks = survivors[new].said("reconciliation finished")
    stage.swarm[new].sh("docker node update --label-add touched=1 $(docker node ls -q | head -1)")
    survivors[new].wait_for("reconciliation finished", times=looks + 1, timeout=60)
    assert restarts(stage.swarm, "shop_web") == 1
    assert restarts(stage.swarm, "shop_bad") == 2

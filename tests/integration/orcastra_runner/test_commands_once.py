# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command runs at most once, no matter when the controller is killed and which node leads."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.orcastra_runner.swarm_helpers import create_service, restarts
from tests.integration.orcastra_runner.test_commands import Commands, once
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import environment, orcastra, running

pytestmark = pytest.mark.lab

# Kills the process with SIGKILL instead of, or immediately after, a call of the named function.
KILLED = """
import os, signal, sys
from orcastra_runner import cli, execute, swarm
from orcastra_runner.command import run as command_run

owner, name, when = sys.argv[1:4]
target = {"Swarm": swarm.Swarm, "PlaybookRunner": execute.PlaybookRunner}[owner]
real = getattr(target, name)

def killed(*arguments, **options):
    if when == "behind":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(target, name, killed)
sys.exit(cli.main(sys.argv[4:]))
"""


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


@pytest.mark.parametrize(
    ("function", "when", "runs", "interrupted"),
    [
        pytest.param("Swarm.save", "before", 1, False, id="before the claim"),
        pytest.param("Swarm.save", "behind", 0, True, id="behind the claim"),
        pytest.param("PlaybookRunner.run", "before", 0, True, id="before the playbook"),
        pytest.param("PlaybookRunner.run", "behind", 1, True, id="before the result"),
    ],
)
def test_command_runs_once_if_controller_is_killed(
    swarm: Lab, commands: Commands, function: str, when: str, runs: int, interrupted: bool
) -> None:
    create_service(swarm, "shop_web")
    commands.write("restart_service:shop_web")
    arguments = ["run", "--once", "--config", str(commands.folder)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *function.split("."), when, *arguments],
        env=environment(DOCKER_HOST=swarm.leader().docker_host),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    # commands that ran before the kill differ from those of the next controller
    before = restarts(swarm, "shop_web")
    assert before == (1 if (function, when) == ("PlaybookRunner.run", "behind") else 0)
    following = once(swarm, commands)
    assert restarts(swarm, "shop_web") == runs, following.stderr
    said = "command interrupted: restart_service shop_web"
    assert (said in following.stderr) is interrupted
    assert commands.statuses() == ["interrupted" if interrupted else "done"]

    assert once(swarm, commands).returncode == 0
    assert restarts(swarm, "shop_web") == runs


@pytest.mark.slow
def test_new_leader_continues_without_repeating_commands(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_web")
    leader = swarm.leader()
    first, second = [host for host in swarm if host.name != leader.name]
    options = {"RELABEL_TIME": "1"}
    with (
        running(commands.folder, leader.docker_host, **options) as acting,
        running(commands.folder, first.docker_host, **options) as one,
        running(commands.folder, second.docker_host, **options) as other,
    ):
        acting.wait_for("acting: this node is the swarm leader")
        commands.write("restart_service:shop_web")
        wait_until(lambda: commands.statuses() == ["done"], 90, "the command to be done")
        assert restarts(swarm, "shop_web") == 1
        for loop in (one, other):
            loop.wait_for(f"standing by: the leader is node {leader.name}")

        acting.end(signal.SIGTERM)
        leader.stop_engine()
        wait_until(lambda: swarm.leader().name != leader.name, 60, "a new leader")
        new = swarm.leader()
        now_acting, waiting = (one, other) if new.name == first.name else (other, one)
        commands.write("restart_service:shop_web", {"command": "relabel_all", "id": "second"})
        wait_until(
            lambda: commands.statuses() == ["done", "done"], 90, "the new leader's instance to be active"
        )
        assert restarts(swarm, "shop_web", new) == 1
        assert commands.results()[0]["by"] == leader.name
        assert commands.results()[1]["by"] == new.name
        assert now_acting.said("command started: relabel_all") == 1
        assert waiting.said("command started") == 0
        assert now_acting.said("command started: restart_service shop_web") == 0
        status = orcastra("status", "--config", commands.folder, DOCKER_HOST=new.docker_host)
        assert f" on {leader.name}: restart shop_web" in status.stdout
    leader.start_engine()

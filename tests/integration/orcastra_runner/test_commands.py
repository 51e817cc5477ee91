# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command file and ``orcastra command`` with real engines."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, SetAttempts
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import MISPLACED
from tests.integration.orcastra_runner.swarm_helpers import (
    change_constraints,
    constraints,
    create_service,
    labels,
    restarts,
    running_on,
    set_labels,
    tasks,
)
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import command, environment, orcastra, running

pytestmark = pytest.mark.lab

HELD = "node.labels.db==true"


class Commands:
    """A folder with a configuration, and its command file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "commands" / "swarm-orch.command.yml"
        self.file.parent.mkdir()
        (folder / "swarm.yml").write_text("nodes:\n  bravo: {labels: {disk: ssd}}\n")

    def write(self, *entries: Any) -> None:
        self.file.write_text(yaml.safe_dump(list(entries)))

    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load(self.file.with_suffix(".results.yml").read_text())
        return found

    def statuses(self) -> list[str]:
        try:
            return [result["status"] for result in self.results()]
        except FileNotFoundError:
            return []


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def once(swarm: Lab, commands: Commands, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one cycle on the leader's engine."""
    variables["DOCKER_HOST"] = swarm.leader().docker_host
    return orcastra("run", "--once", "--config", commands.folder, **variables)


def shell(swarm: Lab, commands: Commands, *arguments: str) -> subprocess.CompletedProcess[str]:
    host = swarm.leader().docker_host
    return orcastra("command", *arguments, "--config", commands.folder, DOCKER_HOST=host)


def settle(swarm: Lab, commands: Commands) -> None:
    """Run cycles until no changes are pending."""

    def is_in_order() -> bool:
        # event mode is faster, because the runner makes the changes without starting a playbook
        return "no changes needed" in once(swarm, commands, EVENT_MODE="true").stderr

    wait_until(is_in_order, 60, "the swarm to match its configuration")


def test_loop_runs_new_commands_from_file(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_web")
    with running(commands.folder, swarm.leader().docker_host, RELABEL_TIME="600") as loop:
        loop.wait_for("verified: the swarm matches the configuration")
        set_labels(swarm, "bravo", {"mine": "x"})
        commands.write("relabel_all", "restart_service:shop_web")
        wait_until(lambda: commands.statuses() == ["done", "done"], 90, "the commands to be done")
        assert labels(swarm, "bravo") == {"mine": "x", "disk": "ssd"}
        assert restarts(swarm, "shop_web") == 1

        commands.write("relabel_all", "restart_service:shop_web", {"command": "restart_service:absent"})
        wait_until(lambda: commands.statuses() == ["done", "done", "failed"], 90, "the third one to fail")
        assert restarts(swarm, "shop_web") == 1

        # removed and added again: a new command
        commands.write()
        wait_until(lambda: commands.statuses() == [], 90, "the commands to be removed from the record")
        commands.write("restart_service:shop_web")
        wait_until(lambda: restarts(swarm, "shop_web") == 2, 90, "another restart")
        wait_until(lambda: commands.statuses() == ["done"], 90, "its result")
        loop.end(signal.SIGTERM)

    status = orcastra(
        "status", "--config", commands.folder, "--format", "json", DOCKER_HOST=swarm.leader().docker_host
    )
    (result,) = json.loads(status.stdout)["commands"]["results"]
    assert result["command"] == "restart_service shop_web"
    assert (result["status"], result["by"], result["source"]) == ("done", swarm.leader().name, "file")
    assert result["message"] == "restart shop_web"


def test_next_process_does_not_repeat_a_command(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_web")
    set_labels(swarm, "bravo", {"disk": "ssd"})
    commands.write("restart_service:shop_web", {"command": "restart_service", "service": "absent", "id": "a"})
    checked = orcastra(
        "run", "--once", "--check", "--config", commands.folder, DOCKER_HOST=swarm.leader().docker_host
    )
    assert "command planned: restart_service shop_web (line 1)" in checked.stderr
    assert (restarts(swarm, "shop_web"), commands.statuses()) == (0, [])

    first = once(swarm, commands)
    assert first.returncode == 1
    assert "there is no service swarm-dev_absent in this swarm" in first.stderr
    assert commands.statuses() == ["done", "failed"]
    again = once(swarm, commands)
    assert again.returncode == 0, again.stderr
    assert "no changes needed" in again.stderr
    assert restarts(swarm, "shop_web") == 1

    commands.write(
        "restart_service:shop_web", "restart_service:shop_web", {"command": "relabel_all", "id": "a"}
    )
    third = once(swarm, commands)
    assert restarts(swarm, "shop_web") == 2, third.stderr
    assert "the id 'a' was used for restart_service absent" in third.stderr


def test_invalid_commands_do_not_stop_others(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_web")
    commands.file.write_text(
        "- relable_all\n"
        "- {command: restart_service, sevice: shop_web}\n"
        "- {command: relabel_all, expires: 2020-01-01}\n"
        "- restart_service:shop_web\n"
    )
    result = once(swarm, commands)
    assert result.returncode == 1
    assert f"{commands.file}:1: [0]: expected one of relabel_all" in result.stderr
    assert "found 'relable_all'; did you mean 'relabel_all'?" in result.stderr
    assert f"{commands.file}:2: [1].sevice: expected one of command, service, id, expires" in result.stderr
    assert restarts(swarm, "shop_web") == 1
    assert commands.statuses() == ["expired", "done", "malformed", "malformed", "malformed"]
    status = orcastra("status", "--config", commands.folder, DOCKER_HOST=swarm.leader().docker_host)
    assert "relabel_all: expired: not run: expired at 2020-01-01T00:00:00Z" in status.stdout
    assert "restart_service shop_web: done at " in status.stdout

    commands.file.write_text("restart_service: shop_web\n")
    broken = once(swarm, commands)
    assert broken.returncode == 1
    assert f"{commands.file}:1: expected a list of commands" in broken.stderr
    assert restarts(swarm, "shop_web") == 1


def test_commands_need_only_a_read_only_folder(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_web")
    commands.write("restart_service:shop_web")
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    once_more = command("run", "--once", "--debug", "--config", commands.folder)
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, commands.folder, *once_more],
        env=environment(DOCKER_HOST=swarm.leader().docker_host),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "command results not written" in result.stderr
    assert restarts(swarm, "shop_web") == 1
    assert [path.name for path in commands.file.parent.iterdir()] == [commands.file.name]
    status = orcastra("status", "--config", commands.folder, DOCKER_HOST=swarm.leader().docker_host)
    assert "restart_service shop_web: done at " in status.stdout


def test_command_line_runs_the_same_commands(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_web")
    done = shell(swarm, commands, "restart_service", "shop_web", "--id", "monday")
    assert (done.returncode, done.stdout) == (0, "restart_service shop_web: done: restart shop_web\n")
    again = shell(swarm, commands, "restart_service", "shop_web", "--id", "monday")
    assert again.returncode == 0
    assert "already done, not repeated" in again.stdout
    other = shell(swarm, commands, "restart_service", "shop_db", "--id", "monday")
    assert other.returncode == 2
    assert "the id 'monday' was used for restart_service shop_web" in other.stderr
    # the file and the shell share IDs
    commands.write({"command": "restart_service", "service": "shop_web", "id": "monday"})
    assert once(swarm, commands).returncode == 0
    assert restarts(swarm, "shop_web") == 1

    missing = shell(swarm, commands, "restart_service", "absent")
    assert missing.returncode == 1
    assert missing.stdout == (
        "restart_service absent: failed: there is no service swarm-dev_absent in this swarm, "
        "nor one called absent\n"
    )
    set_labels(swarm, "bravo", {})
    checked = shell(swarm, commands, "relabel_all", "--check")
    assert (checked.returncode, labels(swarm, "bravo")) == (0, {})
    relabelled = shell(swarm, commands, "relabel_all")
    assert relabelled.stdout == "relabel_all: done: set disk=ssd on node bravo\n"


@pytest.mark.slow
def test_commands_update_dependents_and_remove_all_labels(swarm: Lab, commands: Commands) -> None:
    create_service(swarm, "shop_db", "alpha")
    app = create_service(swarm, "shop_app")
    (commands.folder / "swarm.yml").write_text(
        "nodes:\n  bravo: {labels: {disk: ssd}}\n"
        "dependencies:\n  db: {stack: shop, services: [app], relocate: ordered, retry_intervals: [1]}\n"
    )
    settle(swarm, commands)
    assert running_on(swarm, "shop_app") == "alpha"
    assert constraints(swarm, "shop_app") == [HELD]

    # the anchor moves after Orcastra gave up on its follower
    change_constraints(swarm, "shop_db", "node.hostname==charlie")
    wait_until(lambda: running_on(swarm, "shop_db") == "charlie", 40, "the anchor to move")
    engine = connect(ConnectionOptions(docker_host=swarm.leader().docker_host))
    attempts = Attempts(
        count=9, last=0, since=0, reason=MISPLACED, given_up=Reason("attempts_exhausted", count=9)
    )
    StateStore(engine).update([SetAttempts(app, attempts)])
    engine.close()
    given_up = once(swarm, commands)
    assert "giving up on shop_app" in given_up.stderr
    assert running_on(swarm, "shop_app") == "alpha"

    updated = shell(swarm, commands, "update_dependents")
    assert updated.returncode == 0
    assert "move shop_app to charlie" in updated.stdout
    assert "the next cycles complete moves in progress" in updated.stdout
    wait_until(lambda: running_on(swarm, "shop_app") == "charlie", 40, "the follower to be moved")
    settle(swarm, commands)
    assert labels(swarm, "charlie") == {"db": "true"}
    assert constraints(swarm, "shop_app") == [HELD]

    # labels of other users stay, and no task moves or restarts
    set_labels(swarm, "charlie", {"db": "true", "mine": "x"})
    before = {task["ID"] for task in tasks(swarm, "shop_app")}
    removed = shell(swarm, commands, "remove_all_labels")
    assert removed.returncode == 0, removed.stdout
    assert "the next cycle sets the configured labels again, unless you stop Orcastra" in removed.stdout
    assert labels(swarm, "bravo") == {}
    assert labels(swarm, "charlie") == {"mine": "x"}
    assert constraints(swarm, "shop_app") == []
    assert {task["ID"] for task in tasks(swarm, "shop_app")} == before
    assert running_on(swarm, "shop_app") == "charlie"
    again = shell(swarm, commands, "remove_all_labels")
    assert again.stdout == "remove_all_labels: done: nothing to do\n"

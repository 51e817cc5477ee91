# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration files that vanish, become empty or are half written while the loop runs, on real engines.

The tests use a service that requires a configured label. If the label is removed, Swarm stops the service's
task, so the same container must still run at the end.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.orcastra_runner.swarm_helpers import (
    change_constraints,
    constraints,
    create_service,
    labels,
    running_on,
    tasks,
)
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import Loop, orcastra, running

pytestmark = pytest.mark.lab

NODES = "bravo: {labels: [ssd, zfs]}\ncharlie: {labels: [hdd]}\n"
DEPENDENCIES = "db: {stack: shop, services: [app]}\n"
SWARM = f"nodes:\n  {NODES.replace(chr(10), chr(10) + '  ').rstrip()}\ndependencies:\n  {DEPENDENCIES}"
LABELS = {"ssd": "true", "zfs": "true", "db": "true"}
HELD = "node.labels.db"
LONG = 13


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "configuration"
    folder.mkdir()
    return folder


@pytest.fixture
def services(swarm: Lab) -> None:
    """Deploy an anchor on bravo, its follower, and a user's service that requires a configured label."""
    create_service(swarm, "shop_db", "bravo")
    create_service(swarm, "shop_app")


def write_split(folder: Path) -> None:
    (folder / "nodes.yml").write_text(NODES)
    (folder / "dependencies.yml").write_text(DEPENDENCIES)


def write_one(folder: Path) -> None:
    (folder / "swarm.yml").write_text(SWARM)


def is_in_order(swarm: Lab) -> bool:
    return labels(swarm, "bravo") == LABELS and any(HELD in text for text in constraints(swarm, "shop_app"))


def task_of(swarm: Lab, name: str) -> str:
    (found,) = [task["ID"] for task in tasks(swarm, name) if task["DesiredState"] == "running"]
    return str(found)


class Watched:
    """A running loop, and the objects that it must not change."""

    def __init__(self, swarm: Lab, folder: Path, loop: Loop) -> None:
        self.swarm, self.folder, self.loop = swarm, folder, loop
        wait_until(lambda: is_in_order(swarm), 60, "the configuration to be in effect")
        loop.wait_for("verified: the swarm matches the configuration")
        create_service(swarm, "shop_web")
        change_constraints(swarm, "shop_web", "node.labels.ssd==true")
        wait_until(lambda: running_on(swarm, "shop_web") == "bravo", 60, "shop_web to run where its label is")
        self.done = loop.said("done: ")
        self.web = task_of(swarm, "shop_web")

    def looks(self, number: int) -> None:
        """Wait for this number of further cycles, at about one per second."""
        self.loop.wait_for("swarm observed", times=self.loop.said("swarm observed") + number, timeout=120)

    def is_untouched(self) -> bool:
        return (
            is_in_order(self.swarm)
            and self.loop.said("done: ") == self.done
            and task_of(self.swarm, "shop_web") == self.web
        )


@pytest.fixture(params=[write_split, write_one], ids=["split", "one file"])
def watched(
    swarm: Lab, services: None, config_dir: Path, request: pytest.FixtureRequest
) -> Iterator[Watched]:
    request.param(config_dir)
    with running(config_dir, swarm.leader().docker_host, EVENT_MODE="true", RELABEL_TIME="1") as loop:
        yield Watched(swarm, config_dir, loop)


def emptied(path: Path) -> None:
    path.write_text("")


def half(path: Path) -> None:
    text = path.read_text()
    path.write_text(text[: text.index("\n", len(text) // 3) + 1])


def away(path: Path) -> None:
    path.rename(path.with_suffix(".away"))


def zeros(path: Path) -> None:
    path.write_bytes(b"\0" * 512)


def comments(path: Path) -> None:
    path.write_text("---\n# nothing left\n")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_target(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def restore(path: Path, text: str) -> None:
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    "accidents",
    [
        [(emptied, 2), (half, 3), (away, 2), (zeros, 2), (comments, 2), (a_folder, 2), (no_target, 2)],
        [(emptied, LONG), (away, LONG)],
    ],
    ids=["for a moment", "for a while"],
)
def test_vanished_files_remove_nothing(
    watched: Watched, accidents: list[tuple[Callable[[Path], None], int]]
) -> None:
    files = [path for path in sorted(watched.folder.glob("*.yml")) if path.is_file()]
    for path in files:
        text = path.read_text()
        for accident, looks in accidents:
            accident(path)
            watched.looks(looks)
            assert watched.is_untouched(), f"{path.name}: {accident.__name__}"
            restore(path, text)
            watched.looks(2)
            assert watched.is_untouched(), f"{path.name} is back after {accident.__name__}"


def test_only_the_command_confirms_removals(watched: Watched, swarm: Lab) -> None:
    one = watched.folder / "swarm.yml"
    if one.exists():
        text = one.read_text()
        one.write_text(text[: text.index("dependencies:")])
    else:
        (watched.folder / "dependencies.yml").unlink()
    watched.loop.wait_for("configuration missing")
    watched.loop.process.send_signal(signal.SIGHUP)
    watched.looks(2)
    assert watched.is_untouched()

    # from the shell, in a separate process, while the loop runs
    result = orcastra(
        "command", "accept_removals", "--config", watched.folder, DOCKER_HOST=swarm.leader().docker_host
    )
    assert result.returncode == 0, result.stderr
    wait_until(
        lambda: not any(HELD in text for text in constraints(swarm, "shop_app")), 30, "the constraint to go"
    )
    wait_until(lambda: labels(swarm, "bravo") == {"ssd": "true", "zfs": "true"}, 30, "the label to go")
    watched.looks(4)
    assert labels(swarm, "bravo") == {"ssd": "true", "zfs": "true"}
    assert task_of(swarm, "shop_web") == watched.web


def test_explicit_empty_sections_are_removed_after_file_settles(watched: Watched, swarm: Lab) -> None:
    one = watched.folder / "swarm.yml"
    path = one if one.exists() else watched.folder / "dependencies.yml"
    text = path.read_text()
    path.write_text(text[: text.index("dependencies:")] + "dependencies: {}\n" if path == one else "{}\n")
    watched.loop.wait_for("removals delayed until the files are stable")
    assert watched.is_untouched()
    wait_until(
        lambda: not any(HELD in text for text in constraints(swarm, "shop_app")), 60, "the constraint to go"
    )
    wait_until(lambda: labels(swarm, "bravo") == {"ssd": "true", "zfs": "true"}, 30, "the label to go")


@pytest.mark.parametrize("variable", ["NODES_FILE", "DEPENDENCIES_FILE"])
def test_all_commands_refuse_a_missing_file(swarm: Lab, config_dir: Path, variable: str) -> None:
    write_split(config_dir)
    settings = {
        "DOCKER_HOST": swarm.leader().docker_host,
        "ORCASTRA_CONFIG_DIR": str(config_dir),
        variable: "/nonexistent/file.yml",
    }
    for command in (["config", "check"], ["plan"], ["what-if", "--lose", "any"], ["run", "--once"], ["run"]):
        result = orcastra(*command, **settings)
        assert result.returncode == 2, command
        assert f"{variable}: expected a file, found none at /nonexistent/file.yml" in result.stderr


def test_missing_section_is_kept_after_restart(swarm: Lab, services: None, config_dir: Path) -> None:
    host = swarm.leader().docker_host

    def once(*arguments: str) -> None:
        result = orcastra(*arguments, "--config", config_dir, DOCKER_HOST=host)
        assert result.returncode == 0, result.stderr

    write_split(config_dir)
    with running(config_dir, host, EVENT_MODE="true", RELABEL_TIME="1") as loop:
        wait_until(lambda: is_in_order(swarm), 60, "the configuration to be in effect")
        loop.wait_for("verified: the swarm matches the configuration")
        loop.end(signal.SIGTERM)
    for missing in ("dependencies.yml", "nodes.yml"):
        (config_dir / missing).unlink()
        plan = orcastra("plan", "--config", config_dir, "--format", "json", DOCKER_HOST=host)
        found = json.loads(plan.stdout)
        assert found["plan"] == []
        assert any("accept_removals" in warning["text"] for warning in found["warnings"])
        once("run", "--once")
        assert is_in_order(swarm)
        write_split(config_dir)
    for blank in ("dependencies.yml", "nodes.yml"):
        (config_dir / blank).write_text("# to come\n")
    once("run", "--once")
    assert is_in_order(swarm)
    (config_dir / "dependencies.yml").unlink()
    (config_dir / "nodes.yml").write_text(NODES)
    once("command", "accept_removals")
    wait_until(lambda: labels(swarm, "bravo") == {"ssd": "true", "zfs": "true"}, 30, "the label to go")
    assert not any(HELD in text for text in constraints(swarm, "shop_app"))
    once("run", "--once")
    assert labels(swarm, "bravo") == {"ssd": "true", "zfs": "true"}

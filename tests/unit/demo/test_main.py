# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's commands, and its error messages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from demo import __main__ as demo
from demo.screen import Screen
from demo.stage import ORCASTRA, DemoError, Stage, clean_environment, plain
from tests.lab import LabError, packages, wait_until


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def stage(out: io.StringIO) -> Stage:
    return Stage("demo-that-is-not-there", Screen(out, 80))


def test_run_shows_command_and_output(stage: Stage, out: io.StringIO) -> None:
    assert stage.run("sh", "-c", "echo one; echo two >&2") == "one two"
    assert out.getvalue() == "$ sh -c 'echo one; echo two >&2'\none\ntwo\n\n"


def test_run_raises_error_for_failed_command(stage: Stage) -> None:
    with pytest.raises(DemoError, match=r"`sh -c 'exit 3'` ended with status 3\."):
        stage.run("sh", "-c", "exit 3")


def test_export_is_shown_and_applies_to_later_commands(stage: Stage, out: io.StringIO) -> None:
    stage.export("DOCKER_HOST", "tcp://10.0.0.1:2375")
    assert stage.run("sh", "-c", "echo $DOCKER_HOST") == "tcp://10.0.0.1:2375"
    assert out.getvalue().startswith("$ export DOCKER_HOST=tcp://10.0.0.1:2375\n")


def test_background_command_gets_sigterm_at_the_end(stage: Stage, out: io.StringIO) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo hello $NAME; while :; do sleep 0.05; done"
    with stage.background("sh", "-c", script, NAME="you") as loop:
        wait_until(lambda: loop.has_printed("hello you"), 20)
    assert out.getvalue().startswith("$ NAME=you sh -c ")
    assert out.getvalue().endswith("$ kill %1\nbye\n\n")


def test_background_command_that_ends_early_is_an_error(stage: Stage) -> None:
    def play() -> None:
        with stage.background("sh", "-c", "exit 4") as loop:
            wait_until(lambda: loop.has_printed("never"), 20)

    with pytest.raises(DemoError, match="ended with status 4"):
        play()


def test_clean_environment_drops_other_swarms_and_configurations() -> None:
    given = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "https_proxy": "http://proxy",
        "DOCKER_HOST": "tcp://elsewhere:2375",
        "DOCKER_CONTEXT": "elsewhere",
        "RELABEL_TIME": "9",
        "DRY_RUN": "true",
        "SWARM_FILE": "/etc/other.yml",
        "ORCASTRA_LABEL_PREFIX": "x",
    }
    assert clean_environment(given).keys() == {"PATH", "LC_ALL", "https_proxy"}


def test_main_reports_obstacle_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "obstacle", lambda: "the lab needs root")
    monkeypatch.setattr(Stage, "run_lab", lambda *_arguments: pytest.fail("the lab was started"))
    assert demo.main([]) == 1
    assert ": the lab needs root. " in capsys.readouterr().err


def test_main_reports_missing_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(packages, "obstacle", lambda: None)
    assert demo.main([]) == 1
    assert capsys.readouterr().err.startswith(f"demo: {ORCASTRA} is missing")


@pytest.mark.parametrize("verbose", [False, True])
def test_main_prints_one_line_for_an_error_unless_verbose(
    verbose: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: str) -> None:
        raise LabError("alpha is off\n-- alpha: docker.log\nmuch more")

    (tmp_path / ORCASTRA).parent.mkdir(parents=True)
    (tmp_path / ORCASTRA).touch()
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(packages, "obstacle", lambda: None)
    monkeypatch.setattr(Stage, "run_lab", fail)
    assert demo.main(["down", "--name", "demo-that-is-not-there", *["--verbose"] * verbose]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("demo: alpha is off\n")
    assert ("much more" in errors) is verbose


def test_plain_removes_colors_and_line_breaks() -> None:
    assert plain("\033[2m12:00\033[0m no changes\n   needed") == "12:00 no changes needed"

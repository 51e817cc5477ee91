# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heartbeat shows whether the loop is alive, whatever else is at its path."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orcastra_runner import cli, heartbeat
from orcastra_runner.healthcheck import main
from orcastra_runner.heartbeat import FILE_NAME, STUCK_SECONDS, WRITE_SECONDS, Heartbeat, seconds_since_beat
from tests.unit.orcastra_runner.conftest import Clock

HOLD = """
import sys, time
from pathlib import Path
from orcastra_runner.heartbeat import Heartbeat
beat = Heartbeat(Path(sys.argv[1]))
beat.beat()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(heartbeat.tempfile, "gettempdir", lambda: str(folder))
    return folder


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def test_seconds_since_beat_returns_the_age(state_dir: Path, clock: Clock) -> None:
    beat = Heartbeat(state_dir, clock)
    beat.beat()
    assert seconds_since_beat(state_dir, clock.now) == 0
    clock.now += 100
    assert seconds_since_beat(state_dir, clock.now) == 100
    beat.beat()
    assert seconds_since_beat(state_dir, clock.now + 7) == 7
    beat.close()
    assert seconds_since_beat(state_dir, clock.now) is None
    assert list(state_dir.iterdir()) == []


def test_heartbeat_is_written_at_most_every_few_seconds(state_dir: Path, clock: Clock) -> None:
    beat = Heartbeat(state_dir, clock)
    beat.beat()
    clock.now += WRITE_SECONDS / 2
    beat.beat()
    assert seconds_since_beat(state_dir, clock.now) == WRITE_SECONDS / 2
    beat.close()


def test_heartbeat_of_a_killed_process_is_ignored(state_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert seconds_since_beat(state_dir) is not None
        process.kill()
        process.wait()
    assert (state_dir / FILE_NAME).exists()
    assert seconds_since_beat(state_dir) is None


def test_heartbeat_of_the_next_process_takes_over(state_dir: Path, clock: Clock) -> None:
    first, second = Heartbeat(state_dir, clock), Heartbeat(state_dir, clock)
    first.beat()
    second.beat()
    first.close()
    clock.now += WRITE_SECONDS
    second.beat()
    assert seconds_since_beat(state_dir, clock.now) == 0
    second.close()


def a_link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("precious")
    path.symlink_to(path.parent / "elsewhere")


def a_second_name(path: Path) -> None:
    (path.parent / "elsewhere").write_text("precious")
    path.hardlink_to(path.parent / "elsewhere")


def a_folder_for_all(path: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize(
    "prepare",
    [a_link, a_second_name, a_folder_for_all, os.mkfifo, Path.mkdir],
    ids=["link", "second name", "folder for all", "pipe", "folder"],
)
def test_heartbeat_falls_back_to_the_temporary_folder(
    state_dir: Path, temporary_files: Path, clock: Clock, prepare: Callable[[Path], None]
) -> None:
    prepare(state_dir / FILE_NAME)
    beat = Heartbeat(state_dir, clock)
    beat.beat()
    assert (temporary_files / f"orcastra-{os.geteuid()}" / FILE_NAME).is_file()
    assert seconds_since_beat(state_dir, clock.now + 3) == 3
    if (state_dir / "elsewhere").exists():
        assert (state_dir / "elsewhere").read_text() == "precious"
    beat.close()


def test_heartbeat_without_a_writable_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat.tempfile, "gettempdir", lambda: str(tmp_path / "no" / "folder"))
    beat = Heartbeat(tmp_path / "none" / "here")
    beat.beat()
    assert seconds_since_beat(tmp_path / "none" / "here") is None
    beat.close()


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "\x00\xff"])
def test_heartbeat_with_invalid_content_is_ignored(state_dir: Path, clock: Clock, text: str) -> None:
    beat = Heartbeat(state_dir, clock)
    beat.beat()
    (state_dir / FILE_NAME).write_text(text)
    assert seconds_since_beat(state_dir, clock.now) is None
    beat.close()


@pytest.mark.parametrize("ask", [lambda: cli.main(["healthcheck"]), main], ids=["cli", "image"])
def test_healthcheck_reads_the_heartbeat(
    ask: Callable[[], int],
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ORCASTRA_STATE_DIR", str(state_dir))
    # the check needs no HTTP
    monkeypatch.setenv("ORCASTRA_HTTP_ADDRESS", "off")
    assert ask() == 1
    assert capsys.readouterr().out.startswith("not running: ")
    beat = Heartbeat(state_dir)
    beat.beat()
    assert ask() == 0
    assert capsys.readouterr().out.startswith("live: last heartbeat 0 s ago")
    beat.close()
    stuck = Heartbeat(state_dir, lambda: heartbeat.time.monotonic() - STUCK_SECONDS - 1)
    stuck.beat()
    assert ask() == 1
    assert capsys.readouterr().out.startswith("stuck: ")
    stuck.close()

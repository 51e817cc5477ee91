# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private folder: readable only by its owner, and removed even if its process was killed."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from orcastra_runner.folder import PREFIX, PrivateFolder, remove_abandoned
from tests.support.runner_process import environment


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_private_folder_is_created_on_use_and_removed(temporary: Path) -> None:
    folder = PrivateFolder()
    assert not list(temporary.iterdir())
    path = folder.path()
    assert path == folder.path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    folder.remove()
    folder.remove()
    assert not list(temporary.iterdir())


def test_private_folder_is_created_again_if_missing() -> None:
    folder = PrivateFolder()
    shutil.rmtree(folder.path())
    assert folder.path().is_dir()
    folder.remove()


def test_remove_abandoned_keeps_folders_in_use_and_other_files(temporary: Path) -> None:
    folder = PrivateFolder()
    (temporary / "other").mkdir()
    (temporary / f"{PREFIX}without-a-lock").mkdir()
    path = folder.path()
    remove_abandoned()
    assert {item.name for item in temporary.iterdir()} == {path.name, "other", f"{PREFIX}without-a-lock"}
    folder.remove()


def test_remove_abandoned_removes_folders_of_killed_processes(temporary: Path) -> None:
    code = (
        "from orcastra_runner.folder import PrivateFolder as P; p = P(); print(p.path(), flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(TMPDIR=str(temporary)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    remove_abandoned()
    assert left.is_dir()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert left.is_dir()
    remove_abandoned()
    assert not left.exists()

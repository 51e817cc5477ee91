# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A temporary folder that only we can read, and that does not outlive us for long.

Whoever is killed cannot tidy up. So each folder holds a file that its process keeps locked, and the next one
that starts removes the folders whose lock nobody holds any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "orcastra-run-"
LOCK = "lock"


class PrivateFolder:
    """Made when its path is first asked for, and again should it have vanished."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock: int | None = None

    def path(self) -> Path:
        """Return the folder, which exists and is of mode 0700."""
        if self._path is None or not self._path.is_dir():
            self.remove()
            remove_abandoned()
            self._path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = os.open(self._path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._path

    def remove(self) -> None:
        """Remove the folder and all in it."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_abandoned() -> None:
    """Remove the folders of processes that are gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            continue  # somebody else's, or just being made
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use
        finally:
            os.close(lock)

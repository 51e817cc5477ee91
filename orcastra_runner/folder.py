# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private temporary folder that is removed with the process, or soon afterwards.

A killed process cannot clean up. Each folder therefore contains a file that its process keeps locked, and
the next process that starts removes the folders whose file is no longer locked.
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
    """Created on first use, and again if it has disappeared."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock: int | None = None

    def path(self) -> Path:
        """Return the folder, which exists and has mode 0700."""
        if self._path is None or not self._path.is_dir():
            self.remove()
            remove_abandoned()
            self._path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = os.open(self._path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._path

    def remove(self) -> None:
        """Remove the folder and its contents."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_abandoned() -> None:
    """Remove the folders of processes that no longer exist."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            continue  # another user's, or just being created
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use
        finally:
            os.close(lock)

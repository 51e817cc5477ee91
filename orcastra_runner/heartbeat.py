# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heartbeat: a file that shows ``orcastra healthcheck`` whether the loop on this host is alive.

The process keeps the file locked, so that the leftover of a killed process is ignored. The file contains the
time of the last heartbeat on the host's monotonic clock. It is in the state folder, or in the temporary
folder if the state folder is not writable.

This module imports only the standard library, because a container's health is checked twice a minute.
"""

from __future__ import annotations

import fcntl
import math
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

VARIABLE = "ORCASTRA_STATE_DIR"
DEFAULT_STATE_DIR = "/var/lib/orcastra"
FILE_NAME = "heartbeat"
WRITE_SECONDS = 5.0

# A loop without a heartbeat for this long is stuck. It waits at most twice the timeout of one minute for an
# engine that hangs. While it waits for a playbook, it beats twice a second.
STUCK_SECONDS = 300.0

_LONGEST_BYTES = 64


class Heartbeat:
    """Writes the file, at most every few seconds. Only one process at a time writes it."""

    def __init__(self, state_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._file: int | None = None
        self._path: Path | None = None
        self._written_at = -math.inf

    def beat(self) -> None:
        """Write the time, unless it was written a moment ago. Never raises OSError."""
        now = self._clock()
        if now - self._written_at < WRITE_SECONDS:
            return
        self._written_at = now
        if self._file is None:
            self._open()
        if self._file is not None:
            try:
                os.pwrite(self._file, f"{now:<{_LONGEST_BYTES - 1}.1f}\n".encode(), 0)
            except OSError:
                self.close()  # the next beat tries again

    def close(self) -> None:
        """Remove the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        """Open the first file that can be locked; if there is none, the next beat tries again."""
        for path in _paths(self._state_dir):
            try:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
            except OSError:
                continue
            try:
                if not _is_private(file, path):
                    raise PermissionError
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                continue
            self._file, self._path = file, path
            return


def seconds_since_beat(state_dir: Path, now: float | None = None) -> float | None:
    """Return the age of the last heartbeat; None if no instance runs with that state folder."""
    for path in _paths(state_dir):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            # root may check the instance of another user
            is_trusted = (path.parent == state_dir and os.geteuid() == 0) or _is_private(file, path)
            if not is_trusted or not _is_locked(file):
                continue
            beat = float(os.pread(file, _LONGEST_BYTES, 0))
        except (OSError, ValueError):
            continue
        finally:
            os.close(file)
        seconds = (time.monotonic() if now is None else now) - beat
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _paths(state_dir: Path) -> Iterator[Path]:
    yield state_dir / FILE_NAME
    yield Path(tempfile.gettempdir()) / f"orcastra-{os.geteuid()}" / FILE_NAME


def _is_private(file: int, path: Path) -> bool:
    """Whether it is our own regular file, in a folder that no other user can write to."""
    found, folder = os.fstat(file), path.parent.lstat()
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_nlink == 1
        and found.st_uid == os.geteuid()
        and stat.S_ISDIR(folder.st_mode)
        and folder.st_uid in (0, os.geteuid())
        and not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False

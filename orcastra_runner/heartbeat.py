# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heartbeat: a file by which ``orcastra healthcheck`` sees whether the loop on this machine goes on.

The process keeps the file locked, so that one left over by a process that was killed means nothing. The file
holds the time of the last beat on the machine's monotonic clock. It is in the state folder, or in the folder
for temporary files if the state folder can't be written to.

It imports nothing but the standard library: a container's health is checked twice a minute.
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

# A loop without a beat for this long is stuck. It waits for an engine that hangs for twice its timeout of a
# minute at most. It waits for a playbook as long as that takes, but beats twice a second meanwhile.
STUCK_SECONDS = 300.0

_LONGEST_BYTES = 64


class Heartbeat:
    """Writes the file, at most every few seconds. One process at a time writes it."""

    def __init__(self, state_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._file: int | None = None
        self._path: Path | None = None
        self._written_at = -math.inf

    def beat(self) -> None:
        """Write the time, unless that was done a moment ago. Never raises OSError."""
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
        """Take the first file that can be locked; without one, the next beat tries again."""
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
    """Return how long ago the running instance last beat; None if none runs with that state folder."""
    for path in _paths(state_dir):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            # root may look at the instance of another user
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
    """Whether it is a plain file of our own, in a folder that no other user can write to."""
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

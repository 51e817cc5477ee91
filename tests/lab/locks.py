# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes: only one process builds or removes a lab at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

LOCKS = Path("/run")


class Lock:
    """A lock file that is removed with the lock; the kernel releases the lock if its holder dies."""

    def __init__(self, name: str) -> None:
        self.path = LOCKS / f"{name}.lock"
        self._file: int | None = None

    def acquire(self, wait: bool = False) -> bool:
        """Take the lock. Without ``wait``, return False if another process holds it."""
        while self._file is None:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(file)
                return False
            if self._is_current(file):
                os.truncate(file, 0)
                os.write(file, f"{os.getpid()}\n".encode())
                self._file = file
            else:
                # The former holder removed the file while we waited for it.
                os.close(file)
        return True

    def release(self) -> None:
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def holder(self) -> str:
        """The process ID of the lock's holder, for messages."""
        try:
            return self.path.read_text().strip() or "?"
        except OSError:
            return "?"

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False


@contextlib.contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Wait for a lock and hold it for a while."""
    lock = Lock(name)
    lock.acquire(wait=True)
    try:
        yield
    finally:
        lock.release()

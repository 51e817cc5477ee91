# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the machine: run a command, and name a process so that its number can't be mistaken later."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import CommandFailed
from tests.lab.wait import wait_until

# Only the distribution's own folders: programs in /usr/local are not part of a host.
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEM_ENVIRONMENT = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": "/root"}


@dataclass(frozen=True)
class ProcessId:
    """A process: its number, and its start time in clock ticks, because numbers are used again."""

    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of a running process, or None if there is none."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        if fields[0] in "ZX":
            return None
        return cls(pid, int(fields[19]))

    @classmethod
    def read(cls, path: Path) -> ProcessId | None:
        """Read ``PID START`` from a file; None when the file is missing or incomplete."""
        try:
            pid, start = path.read_text().split()
        except (OSError, ValueError):
            return None
        return cls(int(pid), int(start))

    def write(self, path: Path) -> None:
        path.write_text(f"{self.pid} {self.start}\n")

    def alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def kill(self) -> None:
        """Send SIGKILL, unless the ID now belongs to another process."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def kill_all(processes: Iterable[ProcessId | None], timeout: float = 15) -> None:
    """SIGKILL, and wait until all are gone."""
    known = [process for process in processes if process]
    for process in known:
        process.kill()
    wait_until(lambda: not any(p.alive() for p in known), timeout, "the end of killed processes", 0.01)


def command(
    arguments: Sequence[str],
    input: str | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = 120,
) -> str:
    """Run a command of this machine and return its output. Raises ``CommandFailed``."""
    done = subprocess.run(
        arguments,
        input=input,
        stdin=None if input is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=dict(env or SYSTEM_ENVIRONMENT),
        timeout=timeout,
        check=False,
    )
    if check and done.returncode:
        raise CommandFailed(done.returncode, list(arguments), done.stdout, done.stderr, "this machine")
    return done.stdout

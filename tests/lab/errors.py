# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong in the lab, as exceptions whose text can be shown as it is."""

from __future__ import annotations

import subprocess


class LabError(Exception):
    """The lab can't do what was asked; the text says why."""


class CommandFailed(LabError, subprocess.CalledProcessError):
    """A command ended with another status than 0; the text includes the end of what it said."""

    def __init__(
        self, returncode: int, cmd: list[str], output: str | None, stderr: str | None, where: str
    ) -> None:
        subprocess.CalledProcessError.__init__(self, returncode, cmd, output, stderr)
        self.where = where

    def __str__(self) -> str:
        said = "\n".join(part.strip() for part in (self.stdout, self.stderr) if part and part.strip())
        return f"{' '.join(self.cmd)!r} on {self.where} ended with {self.returncode}: {said[-2000:]}"


class EngineError(LabError):
    """An engine answered a request with an HTTP error."""

    def __init__(self, status: int, message: str, request: str) -> None:
        super().__init__(f"{request}: {status} {message}")
        self.status = status
        self.message = message

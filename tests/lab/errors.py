# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the lab, with texts for users."""

from __future__ import annotations

import subprocess


class LabError(Exception):
    """The lab can't carry out a request. The text has the reason."""


class CommandFailed(LabError, subprocess.CalledProcessError):
    """A command failed. The text includes the end of its output."""

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

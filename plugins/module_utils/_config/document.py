# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain data, with the line of each value in its file."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._model.errors import Problem, ProblemCode
from .words import KeyPath, dotted


@dataclass(frozen=True)
class Document:
    """The data of one file, or of a module's parameters (``file`` is None and ``lines`` is empty).

    ``lines`` maps the path of a value to its 1-based line; for a value in a mapping, to the line of its key.
    ``exists`` is False if the file does not exist. A file that exists and has no data is blank.
    """

    data: Any
    file: str | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    exists: bool = True

    def line(self, path: KeyPath) -> int | None:
        """The line of ``path``, or of the closest parent with a known line."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None

    def place(self, path: KeyPath) -> str:
        """The location of ``path``, for messages about another value."""
        line = self.line(path)
        if self.file is None:
            return dotted(path)
        return f"{self.file}:{line}" if line is not None else self.file

    def problem(
        self, path: KeyPath, expected: str, found: str, code: ProblemCode = "invalid_value"
    ) -> Problem:
        """Create a problem with the value at ``path``."""
        return Problem(dotted(path), expected, found, self.file, self.line(path), code)

    def under(self, part: str) -> Document:
        """The same data, as the value of the key ``part``."""
        lines: dict[KeyPath, int] = {(part, *path): line for path, line in self.lines.items()}
        return Document({part: self.data}, self.file, lines, self.exists)

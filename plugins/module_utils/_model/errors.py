# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one base exception of the collection; modules and the runner turn it into one clear sentence."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .compat import dataclass
from .text import printable


class OrcastraError(Exception):
    """Anything a user can be told in one sentence. ``str(error)`` is that sentence."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what the user gave, and where.

    ``key`` is the dotted path to the value (``nodes.wrk-b.labels``); ``file`` and ``line`` (1-based) are
    None where the data did not come from a file.
    """

    key: str
    expected: str
    found: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        subject = f"{self.key}: " if self.key else ""
        return printable(f"{place}{subject}expected {self.expected}, found {self.found}")


# Of a configuration that is wrong from beginning to end, the first mistakes say enough.
MAX_PROBLEMS = 100


class ConfigError(OrcastraError):
    """All problems of a configuration at once, but for what is beyond any use."""

    def __init__(self, problems: list[Problem]) -> None:
        if len(problems) > MAX_PROBLEMS:
            more = Problem("", f"at most {MAX_PROBLEMS} mistakes", "more")
            problems = [*problems[:MAX_PROBLEMS], more]
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))

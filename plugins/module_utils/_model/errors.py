# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base exception of the collection, and the problems of a configuration."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from .compat import TypeAlias, dataclass
from .text import printable


class OrcastraError(Exception):
    """An error that one sentence explains. ``str(error)`` is that sentence, ready for the user."""


ProblemCode: TypeAlias = Literal[
    "blank",
    "conflict",
    "cycle",
    "duplicate",
    "exposed_secret",
    "invalid_name",
    "invalid_value",
    "invalid_yaml",
    "missing",
    "out_of_range",
    "reserved",
    "too_large",
    "too_many_problems",
    "unknown_key",
    "unknown_name",
    "unmatchable_label",
    "unreadable",
    "unset_variable",
    "wrong_type",
]

# Each code of a problem, and its meaning.
PROBLEM_CODES: dict[ProblemCode, str] = {
    "blank": "a file or a section without any content",
    "conflict": "two values that contradict each other",
    "cycle": "a value that leads back to itself",
    "duplicate": "a value that is given twice",
    "exposed_secret": "a secret in a place that logs can show",
    "invalid_name": "a key that is not a valid name",
    "invalid_value": "a value of the right type that is not allowed",
    "invalid_yaml": "a file that is not valid YAML",
    "missing": "a required value that is not given",
    "out_of_range": "a number, or a number of items, that is too small or too large",
    "reserved": "a name that is reserved",
    "too_large": "a file, a value or a nesting that exceeds a limit",
    "too_many_problems": "more problems than are reported",
    "unknown_key": "a key that does not exist",
    "unknown_name": "a name that refers to nothing in the configuration",
    "unmatchable_label": "a node label that no placement constraint can match",
    "unreadable": "a file that cannot be read",
    "unset_variable": "a variable that the environment does not have",
    "wrong_type": "a value of the wrong type",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with a value that the user has set.

    ``key`` is the dotted path to the value (``nodes.wrk-b.labels``). ``file`` and ``line`` (1-based) are None
    if the data does not come from a file. ``code`` is one of ``PROBLEM_CODES``: tests and programs use it
    instead of the text.
    """

    key: str
    expected: str
    found: str
    file: str | None = None
    line: int | None = None
    code: ProblemCode = "invalid_value"

    def to_data(self) -> dict[str, Any]:
        """The fields and the rendered ``text``, for machine-readable output."""
        return {**asdict(self), "text": str(self)}

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        subject = f"{self.key}: " if self.key else ""
        return printable(f"{place}{subject}expected {self.expected}, found {self.found}")


# A configuration that is wrong throughout does not need more messages than this.
MAX_PROBLEMS = 100


class ConfigError(OrcastraError):
    """All problems of a configuration, but at most MAX_PROBLEMS of them."""

    def __init__(self, problems: list[Problem]) -> None:
        if len(problems) > MAX_PROBLEMS:
            more = Problem("", f"at most {MAX_PROBLEMS} problems", "more", code="too_many_problems")
            problems = [*problems[:MAX_PROBLEMS], more]
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))

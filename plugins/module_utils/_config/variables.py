# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``${VAR}`` in the user's configuration: secrets come from the environment, or from files that it names."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .._model.errors import OrcastraError
from .text_files import read_small_text
from .words import describe

VARIABLE = re.compile(r"\$\{([^}]*)\}")
MAX_FILE_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPECTED_NAME = "the name of a variable in ${…}"


class VariableError(OrcastraError):
    """What was expected of a ``${VAR}``, and what was found. Never says a value."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


def expand(text: str, environment: Mapping[str, str]) -> str:
    """The text with each ``${VAR}`` replaced by its value. Raises VariableError."""
    return VARIABLE.sub(lambda match: variable_value(match[1], environment), text)


def is_known(text: str, environment: Mapping[str, str]) -> bool:
    """Whether the environment has all variables in the text."""
    names = VARIABLE.findall(text)
    return all(name in environment or f"{name}_FILE" in environment for name in names)


def check_names(text: str) -> None:
    """Raises VariableError if something in ``${…}`` can't be the name of a variable."""
    for name in VARIABLE.findall(text):
        if not _NAME.fullmatch(name):
            raise VariableError(_EXPECTED_NAME, describe(name))


def variable_value(name: str, environment: Mapping[str, str]) -> str:
    """The value of a variable: ``NAME``, or the content of the file that ``NAME_FILE`` names.

    Raises VariableError.
    """
    if not _NAME.fullmatch(name):
        raise VariableError(_EXPECTED_NAME, describe(name))
    if name in environment:
        return environment[name]
    path = environment.get(f"{name}_FILE")
    if path is None:
        raise VariableError(f"the variable {name} (or {name}_FILE) in the environment", "none")
    expected = f"a file that can be read, named by {name}_FILE"
    try:
        found = read_small_text(Path(path), MAX_FILE_BYTES).strip()
    except FileNotFoundError as error:
        raise VariableError(expected, f"none at {describe(path)}") from error
    except OrcastraError as error:
        reason = str(error).partition(", found ")[2]
        raise VariableError(expected, f"{describe(path)}: {reason}") from error
    if not found.isprintable():
        raise VariableError(f"one line in the file that {name}_FILE names", "several")
    return found

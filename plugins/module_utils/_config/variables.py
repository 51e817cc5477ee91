# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``${VAR}`` in the configuration: secrets come from the environment, or from files (``VAR_FILE``)."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .._model.errors import OrcastraError, ProblemCode
from .text_files import FileError, read_small_text
from .words import describe

VARIABLE = re.compile(r"\$\{([^}]*)\}")
MAX_FILE_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPECTED_NAME = "a variable name in ${…}"


class VariableError(OrcastraError):
    """A problem with a ``${VAR}``. The text never contains a value."""

    def __init__(self, expected: str, found: str, code: ProblemCode) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.code: ProblemCode = code


def expand(text: str, environment: Mapping[str, str]) -> str:
    """The text with each ``${VAR}`` replaced by its value. Raises VariableError."""
    return VARIABLE.sub(lambda match: variable_value(match[1], environment), text)


def is_known(text: str, environment: Mapping[str, str]) -> bool:
    """Whether the environment has all variables that the text contains."""
    names = VARIABLE.findall(text)
    return all(name in environment or f"{name}_FILE" in environment for name in names)


def check_names(text: str) -> None:
    """Raise VariableError if a ``${…}`` in the text does not contain a variable name."""
    for name in VARIABLE.findall(text):
        if not _NAME.fullmatch(name):
            raise VariableError(_EXPECTED_NAME, describe(name), "invalid_name")


def variable_value(name: str, environment: Mapping[str, str]) -> str:
    """The value of a variable: that of ``NAME``, or the content of the file whose path is in ``NAME_FILE``.

    Raises VariableError.
    """
    if not _NAME.fullmatch(name):
        raise VariableError(_EXPECTED_NAME, describe(name), "invalid_name")
    if name in environment:
        return environment[name]
    path = environment.get(f"{name}_FILE")
    if path is None:
        raise VariableError(f"the environment variable {name} or {name}_FILE", "none", "unset_variable")
    expected = f"a readable file (path in {name}_FILE)"
    try:
        found = read_small_text(Path(path), MAX_FILE_BYTES).strip()
    except FileNotFoundError as error:
        raise VariableError(expected, f"none at {describe(path)}", "unreadable") from error
    except FileError as fault:
        raise VariableError(expected, f"{describe(path)}: {fault.found}", fault.code) from None
    if not found.isprintable():
        raise VariableError(f"a single line in the file (path in {name}_FILE)", "several", "invalid_value")
    return found

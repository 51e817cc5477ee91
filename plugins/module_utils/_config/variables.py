# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``${VAR}`` in the user's configuration: secrets come from the environment, or from files that it names."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping

from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import describe
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError

VARIABLE = re.compile(r"\$\{([^}]*)\}")
MAX_FILE_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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
            raise VariableError("the name of a variable in ${…}", describe(name))


def variable_value(name: str, environment: Mapping[str, str]) -> str:
    """The value of a variable: ``NAME``, or the content of the file that ``NAME_FILE`` names.

    Raises VariableError.
    """
    if not _NAME.fullmatch(name):
        raise VariableError("the name of a variable in ${…}", describe(name))
    if name in environment:
        return environment[name]
    path = environment.get(f"{name}_FILE")
    if path is None:
        raise VariableError(f"the variable {name} (or {name}_FILE) in the environment", "none")
    expected = f"a file that can be read, named by {name}_FILE"
    try:
        found = _read(path).decode().strip()
    except OSError as error:
        raise VariableError(expected, f"{describe(path)}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise VariableError(expected, f"{describe(path)}: it is no text") from error
    if not found.isprintable():
        raise VariableError(f"one line in the file that {name}_FILE names", "several")
    return found


def _read(path: str) -> bytes:
    # opening a pipe would wait for ever
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(None, "it is no regular file")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(None, f"it is larger than {MAX_FILE_BYTES // 1024} KiB")
    return content

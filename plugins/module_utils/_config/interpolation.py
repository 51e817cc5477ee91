# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables in a file, as in Compose files: ``${NAME}``, ``$NAME``, defaults, and ``$$`` for a dollar sign.

Source: the Compose specification, ``interpolation`` (https://github.com/compose-spec/compose-spec). Unlike
Compose, an unset variable is kept as written, with a warning: an empty string in its place could turn the
value into a different path, image or label. A dollar sign without a name after it is kept as well, because
regular expressions contain them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._model.errors import Problem
from .document import Document
from .words import KeyPath, shorten

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
MAX_DEPTH = 10


def interpolate(
    document: Document, environment: Mapping[str, str]
) -> tuple[Document, list[Problem], list[Problem]]:
    """Replace the variables in all values (not in keys). Returns the document, warnings and problems."""
    run = _Run(document, environment)
    data = run.value(document.data, ())
    return replace(document, data=data), run.warnings, run.problems


class _Run:
    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self.document = document
        self.environment = environment
        self.warnings: list[Problem] = []
        self.problems: list[Problem] = []

    def value(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, Mapping):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return self.text(value, path) if isinstance(value, str) and "$" in value else value

    def text(self, text: str, path: KeyPath, depth: int = 0) -> str:
        found = ""
        rest = text
        while rest:
            before, dollar, rest = rest.partition("$")
            found += before
            if not dollar:
                break
            name = _NAME.match(rest)
            if rest.startswith("$"):
                found, rest = f"{found}$", rest[1:]
            elif rest.startswith("{"):
                end = _closing(rest)
                if end is None or depth >= MAX_DEPTH:
                    self._report(path, f"${{{rest[1:]}" if end is None else "too many nested defaults")
                    return text
                found, rest = found + self._braced(rest[1:end], path, depth), rest[end + 1 :]
            elif name:
                found, rest = found + self._plain(name[0], f"${name[0]}", path), rest[name.end() :]
            else:
                found += "$"
        return found

    def _plain(self, name: str, written: str, path: KeyPath) -> str:
        if name in self.environment:
            return self.environment[name]
        found = f"none; {written} is kept as it is"
        expected = f"the environment variable {name}"
        self.warnings.append(self.document.problem(path, expected, found, "unset_variable"))
        return written

    def _braced(self, inside: str, path: KeyPath, depth: int) -> str:
        name = _NAME.match(inside)
        operator = _OPERATOR.match(inside, name.end()) if name else None
        if name is None or (operator is None and name.end() != len(inside)):
            self._report(path, f"${{{inside}}}")
            return ""
        if operator is None:
            return self._plain(name[0], f"${{{inside}}}", path)
        value = self.environment.get(name[0])
        is_set = bool(value) if operator[0].startswith(":") else value is not None
        word = inside[operator.end() :]
        kind = operator[0][-1]
        if kind == "+":
            return self.text(word, path, depth + 1) if is_set else ""
        if is_set:
            return value or ""
        if kind == "-":
            return self.text(word, path, depth + 1)
        expected = f"the environment variable {name[0]}"
        found = f"none: {word}" if word else "none"
        self.problems.append(self.document.problem(path, expected, found, "unset_variable"))
        return ""

    def _report(self, path: KeyPath, found: str) -> None:
        expected = "a variable such as ${NAME} or ${NAME:-default} (write $$ for a dollar sign)"
        self.problems.append(self.document.problem(path, expected, shorten(found)))


def _closing(text: str) -> int | None:
    """The index of the brace that closes the one at the start of ``text``."""
    depth = 0
    for index, character in enumerate(text):
        if character == "{" and (index == 0 or text[index - 1] == "$"):
            depth += 1
        elif character == "}":
            depth -= 1
            if not depth:
                return index
    return None

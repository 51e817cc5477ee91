# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format values, keys and paths for error messages."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from .._model.compat import TypeAlias

MAX_SHOWN = 60

KeyPath: TypeAlias = "tuple[str | int, ...]"

_PLAIN_KEY = re.compile(r"\S+")


def dotted(path: KeyPath) -> str:
    """``("dependencies", "search", "services", 1)`` → ``dependencies.search.services[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        is_plain = _PLAIN_KEY.fullmatch(part) and part.isprintable() and len(part) <= MAX_SHOWN
        shown = part if is_plain else shorten(part)
        text += f".{shown}" if text else shown
    return text


def shorten(text: str) -> str:
    """The text in quotes, cut to MAX_SHOWN characters, with unprintable characters escaped."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…")


def describe(value: Any) -> str:
    """A value as text: ``the list [1, 2]``, ``the number 5``, ``'text'``."""
    if isinstance(value, str):
        return shorten(str(value))
    if isinstance(value, Mapping):
        return f"the mapping {_compact(value)}" if value else "an empty mapping"
    if isinstance(value, (list, tuple)):
        return f"the list {_compact(value)}" if value else "an empty list"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) >= 10**MAX_SHOWN and isinstance(value, int):
            return f"a number of more than {MAX_SHOWN} digits"
        return f"the number {_compact(value)}"
    return "nothing" if value is None else _compact(value)


def describe_kind(value: Any) -> str:
    """The type of a value as text, without the value."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return "nothing" if value is None else "a string"


def suggest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'labels'?`` for the most similar of ``known``, or "" if none is similar."""
    matches = difflib.get_close_matches(name[:MAX_SHOWN], list(known), n=1)
    return f"; did you mean '{matches[0]}'?" if matches else ""


def one_of(names: Iterable[str]) -> str:
    """``one of a, b``, or just the name if there is only one."""
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"one of {', '.join(listed)}"


class _Repr(reprlib.Repr):
    """Values in YAML notation. Parts that are too long or too deeply nested become ``...``."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = MAX_SHOWN

    def repr_bool(self, x: bool, _level: int) -> str:
        return "true" if x else "false"

    def repr_NoneType(self, _x: None, _level: int) -> str:  # noqa: N802 - reprlib calls it by the type's name
        return "null"

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to format numbers of thousands of digits.
        return "…" if abs(x) >= 10**MAX_SHOWN else super().repr_int(x, level)


def _compact(value: Any) -> str:
    """The value on one line, cut to MAX_SHOWN characters."""
    text = _Repr().repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"

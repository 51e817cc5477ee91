# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Formats for the parameters of a message. Templates use the syntax of ``str.format`` and these formats:

- ``{name}``: the value as text; the entries of a list are separated by commas
- ``{names:and}``, ``{names:or}``: ``a, b and c``
- ``{parts:by ; }``: the entries, separated by the text after ``by``
- ``{value:quoted}``: in single quotes; ``{names:quoted or}``: ``'a', 'b' or 'c'``
- ``{seconds:duration}``: ``75 s``, ``15 min``, ``3 h``
- ``{size:bytes}``: ``1.5 GiB``
- ``{count:plural task}``, ``{count:plural entry entries}``: ``1 task``, ``2 tasks``
- ``{error:after : }``: the text that follows ``after``, then the value; nothing if the value is None
- any of Python's number formats: ``{share:.0%}``

All other formats raise ValueError for None, so that no message contains "None".
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_bytes(size: float) -> str:
    """Format bytes in binary units, with at most one decimal: ``512 B``, ``1.5 GiB``, ``200 MiB``."""
    value, unit = float(size), 0
    # 1023.96 would be rounded to 1024
    while abs(value) >= 1023.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 1 if unit and abs(value) < 99.95 else 0
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')} {_UNITS[unit]}"


def format_duration(seconds: float) -> str:
    """Format seconds in the largest unit that gives at least 2: ``75 s``, ``15 min``, ``3 h``, ``9 d``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun: ``1 task``, ``2 tasks``, ``2 entries``. ``many``: an irregular plural."""
    if many is None:
        many = f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
    return f"{count} {one if count == 1 else many}"


def join(values: Sequence[object], word: str) -> str:
    """Join values as in ``a, b and c``."""
    texts = [str(value) for value in values]
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"


class _Formatter(string.Formatter):
    """Add the formats that the module's docstring lists."""

    def format_field(self, value: Any, format_spec: str) -> str:
        kind, _separator, rest = format_spec.partition(" ")
        if kind == "after":
            return "" if value is None else rest + self.format_field(value, "")
        if value is None:
            raise ValueError("expected a value, found None")
        if kind in ("and", "or"):
            return join(value, kind)
        if kind == "by":
            return rest.join(str(entry) for entry in value)
        if kind == "quoted":
            return join([f"'{one}'" for one in value], rest) if rest else f"'{value}'"
        if kind == "duration":
            return format_duration(value)
        if kind == "bytes":
            return format_bytes(value)
        if kind == "plural":
            return plural(value, *rest.split(" "))
        if isinstance(value, (tuple, list)):
            return ", ".join(str(entry) for entry in value)
        if isinstance(value, float) and not format_spec:
            return f"{value:g}"
        return str(format(value, format_spec))


FORMATTER = _Formatter()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How parameters appear in a message. Templates are those of ``str.format``, with these formats:

- ``{name}``: the value as text; the entries of a list are joined by commas
- ``{names:and}``, ``{names:or}``: ``a, b and c``
- ``{parts:by ; }``: the entries, separated by the text after ``by``
- ``{value:quoted}``: in single quotes; ``{names:quoted or}``: ``'a', 'b' or 'c'``
- ``{seconds:duration}``: ``75 s``, ``15 min``, ``3 h``
- ``{size:bytes}``: ``1.5 GiB``
- ``{count:plural task}``, ``{count:plural entry entries}``: ``1 task``, ``2 tasks``
- ``{error:after : }``: the text after the colon and the value; nothing at all if the value is None
- any format of Python's own for a number: ``{share:.0%}``

A value of None is refused by all others, so that no message says "None".
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_bytes(size: float) -> str:
    """A number of bytes in binary units, with at most one decimal: ``512 B``, ``1.5 GiB``, ``200 MiB``."""
    value, unit = float(size), 0
    # 1023.96 would be shown as 1024
    while abs(value) >= 1023.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 1 if unit and abs(value) < 99.95 else 0
    text = f"{value:.{digits}f}"
    return f"{text.removesuffix('.0')} {_UNITS[unit]}"


def format_duration(seconds: float) -> str:
    """Seconds in the largest unit that leaves at least two of it: ``75 s``, ``15 min``, ``3 h``, ``9 d``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 task``, ``2 tasks``, ``2 entries``; ``many`` is for nouns with another plural."""
    if many is None:
        many = f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
    return f"{count} {one if count == 1 else many}"


def join(values: Sequence[object], word: str) -> str:
    """``a, b and c``."""
    texts = [str(value) for value in values]
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"


class _Formatter(string.Formatter):
    """Adds the formats that the module's docstring lists."""

    def format_field(self, value: Any, format_spec: str) -> str:
        kind, _separator, rest = format_spec.partition(" ")
        if kind == "after":
            return "" if value is None else rest + self.format_field(value, "")
        if value is None:
            raise ValueError("a message has no place for None")
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

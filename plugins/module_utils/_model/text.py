# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from outside on its way to a terminal, a log or a person, and names that resemble each other.

Host names, labels, task errors and replies of hosts are written by whoever is root on a node. Nothing in
them may move the cursor, change colors, hide or reorder what stands beside it, or add lines.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

# Controls, invisible and reordering characters, lone surrogates, line and paragraph separators.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# For Unicode these are letters, marks or symbols, and yet nothing of them is seen.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


# so many of a list of names are shown
SHOWN = 5

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")


def is_safe_name(name: str) -> bool:
    """Whether a host name can stand in a URL, an inventory or a file name: what DNS has, and ``_``."""
    return _SAFE_NAME.fullmatch(name) is not None


def printable(text: str) -> str:
    """The text on one line, with everything that a terminal would not show as a character escaped.

    ``"a\\x1b[31m\\nb"`` becomes ``a\\x1b[31m\\nb`` with visible backslashes. Apply it to each line before
    lines are joined, so that a line break inside a value cannot begin a line of its own.
    """
    return _NOT_PLAIN.sub(_escape, text)


def one_line(text: object) -> str:
    """The same for a sentence, in which each run of white space, line breaks too, becomes one space."""
    return printable(" ".join(str(text).split()))


def printable_json(text: str) -> str:
    """JSON, which stays the same data, with those characters inside its strings escaped."""
    return _NOT_PLAIN.sub(_escape_json, text)


def is_printable(character: str) -> bool:
    """Whether a terminal shows the character as one, and nothing else."""
    return unicodedata.category(character) not in _UNSAFE_CATEGORIES and not _BLANK.match(character)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if is_printable(character):
        return character
    if unicodedata.category(character) == "Cc":
        return character.encode("unicode_escape").decode("ascii")
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escape_json(match: re.Match[str]) -> str:
    character = match[0]
    # line breaks stand between the parts of JSON; inside its strings they are escaped already
    if character == "\n" or is_printable(character):
        return character
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def shortened(names: Sequence[str]) -> str:
    """The first few of the names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of ``known`` that is most like ``name``, or None if none is."""
    matches = difflib.get_close_matches(name[:60], [other[:253] for other in known], n=1, cutoff=cutoff)
    return matches[0] if matches else None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make text from outside safe for terminals and logs, and find similar names.

Host names, labels, task errors and replies of hosts are controlled by the root user of a node. They must not
move the cursor, change colors, hide or reorder the text next to them, or add lines.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

# Controls, invisible and reordering characters, lone surrogates, line and paragraph separators.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Unicode classifies these as letters, marks or symbols, but they are invisible.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")


# the number of names that a shortened list shows
SHOWN = 5

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")


def is_safe_name(name: str) -> bool:
    """Whether a host name is safe in a URL, an inventory or a file name: the characters of DNS, and ``_``."""
    return _SAFE_NAME.fullmatch(name) is not None


def printable(text: str) -> str:
    """The text on one line, with all characters escaped that a terminal would not show.

    ``"a\\x1b[31m\\nb"`` becomes ``a\\x1b[31m\\nb`` with visible backslashes. Apply it to each line before
    joining lines, so that a line break inside a value cannot start a new line.
    """
    return _NOT_PLAIN.sub(_escape, text)


def one_line(text: object) -> str:
    """The same for a sentence. Each run of white space, including line breaks, becomes one space."""
    return printable(" ".join(str(text).split()))


def printable_json(text: str) -> str:
    """JSON with these characters escaped inside its strings. The data stays the same."""
    return _NOT_PLAIN.sub(_escape_json, text)


def is_printable(character: str) -> bool:
    """Whether a terminal shows the character, and does nothing else with it."""
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
    # line breaks are only between the parts of JSON; inside its strings they are already escaped
    if character == "\n" or is_printable(character):
        return character
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def shortened(names: Sequence[str]) -> str:
    """The first SHOWN names, and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The most similar of ``known``, or None if none is similar to ``name``."""
    matches = difflib.get_close_matches(name[:60], [other[:253] for other in known], n=1, cutoff=cutoff)
    return matches[0] if matches else None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PyYAML's syntax errors in plain words."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

# start of PyYAML's message → what it means to somebody who wrote the file
_MEANINGS = (
    ("found character '\\t'", "a tab used as indentation (only spaces are allowed)"),
    ("found character '%'", "a value that starts with '%' (put it in quotes)"),
    ("found character '@'", "a value that starts with '@' (put it in quotes)"),
    ("found character '`'", "a value that starts with '`' (put it in quotes)"),
    ("mapping values are not allowed here", "a ': ' where none can be (indentation? quotes missing?)"),
    ("could not find expected ':'", "a key without ':' after it"),
    ("expected ',' or ']'", "a list in [ ] with a ',' or the ']' missing"),
    ("expected ',' or '}'", "a mapping in { } with a ',' or the '}' missing"),
    ("found unexpected end of stream", "the end of the file inside quotes"),
    ("sequence entries are not allowed here", "a '- ' where none can be (indentation?)"),
    ("but found another document", "a second document (after '---')"),
    ("expected <block end>, but found", "a line that is indented differently from those before it"),
    ("expected the node content, but found", "a value missing or cut off"),
    ("found undefined alias", "an alias (*) of an anchor (&) that is not defined before it"),
    ("found duplicate anchor", "a second anchor (&) of the same name"),
    ("found undefined tag handle", "a tag (!) that is not known"),
    ("found unknown escape character", "an unknown escape (\\) in double quotes"),
)


def in_plain_words(error: Any, text: str) -> tuple[int | None, str]:
    """The 1-based line and the meaning of a YAMLError that parsing ``text`` has raised."""
    position = getattr(error, "position", None)
    if isinstance(position, int):
        # The only error without a line: a character that YAML does not allow anywhere.
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return text.count("\n", 0, position) + 1, f"the unprintable character U+{code:04X}"
    mark = getattr(error, "problem_mark", None)
    line = int(mark.line) + 1 if mark is not None else None
    context_mark = getattr(error, "context_mark", None)
    message = " ".join(str(getattr(error, "problem", None) or error).split())
    context = getattr(error, "context", None) or ""
    if context.startswith("expected a single document"):
        return line, "a second document (after '---')"
    found = next((meaning for start, meaning in _MEANINGS if start in message), f"a mistake: {message}")
    if context_mark is not None and line is not None and context_mark.line + 1 != line:
        found += f"; it belongs to what starts in line {context_mark.line + 1}"
    return line, found

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Explain PyYAML's syntax errors."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

# a part of PyYAML's message → what the user wrote
_MEANINGS = (
    ("found character '\\t'", "a tab in the indentation (use spaces)"),
    ("found character '%'", "a value that starts with '%' (quote it)"),
    ("found character '@'", "a value that starts with '@' (quote it)"),
    ("found character '`'", "a value that starts with '`' (quote it)"),
    ("mapping values are not allowed here", "an unexpected ': ' (check the indentation, or quote the value)"),
    ("could not find expected ':'", "a key without ':' after it"),
    ("expected ',' or ']'", "a list in [ ] without a ',' or the closing ']'"),
    ("expected ',' or '}'", "a mapping in { } without a ',' or the closing '}'"),
    ("found unexpected end of stream", "the end of the file inside a quoted string"),
    ("sequence entries are not allowed here", "an unexpected '- ' (check the indentation)"),
    ("but found another document", "a second document (after '---')"),
    ("expected <block end>, but found", "a line with a different indentation than the lines before it"),
    ("expected the node content, but found", "a missing or incomplete value"),
    ("found undefined alias", "an alias (*) without an anchor (&) before it"),
    ("second occurrence", "a second anchor (&) with the same name"),
    ("found undefined tag handle", "an unknown tag (!)"),
    ("found unknown escape character", "an unknown escape (\\) in double quotes"),
)


def explain(error: Any, text: str) -> tuple[int | None, str]:
    """The 1-based line and the explanation of a YAMLError that was raised while parsing ``text``."""
    position = getattr(error, "position", None)
    if isinstance(position, int):
        # a character that YAML does not allow; the only error without a line
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return text.count("\n", 0, position) + 1, f"the unprintable character U+{code:04X}"
    mark = getattr(error, "problem_mark", None)
    line = int(mark.line) + 1 if mark is not None else None
    context_mark = getattr(error, "context_mark", None)
    message = " ".join(str(getattr(error, "problem", None) or error).split())
    context = getattr(error, "context", None) or ""
    if context.startswith("expected a single document"):
        return line, "a second document (after '---')"
    found = next((meaning for start, meaning in _MEANINGS if start in message), f"a syntax error: {message}")
    if context_mark is not None and line is not None and context_mark.line + 1 != line:
        found += f"; it is part of the block that starts on line {context_mark.line + 1}"
    return line, found

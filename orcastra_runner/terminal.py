# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text output on a terminal: lines are wrapped at its width, and colored. In a file or a pipe they stay
plain.

``NO_COLOR`` turns colors off, and so does ``TERM=dumb``. ``FORCE_COLOR`` or ``CLICOLOR_FORCE`` treat any
output as a terminal, whose width is then that of ``COLUMNS``. JSON never passes through here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TextIO

# a part of a line, and its style: a name in STYLES, or empty
Span = tuple[str, str]

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
# On anything narrower, wrapping makes the text harder to read.
NARROWEST = 30

_SPACES = re.compile(r" +|[^ ]+")
_SHAPES = (
    (re.compile(r"(?P<lead>orcastra: )?(?P<label>warning:)(?P<rest> .*)"), "yellow"),
    (re.compile(r"(?P<lead>orcastra: )(?P<label>)(?P<rest>.*)"), "red"),
    (re.compile(r"(?P<lead> *)(?P<label>\d+\. .*)(?P<rest>)"), "bold"),
    (re.compile(r"(?P<lead>)(?P<label>\S.*:)(?P<rest>)"), "bold"),
    (re.compile(r"(?P<lead> +)(?P<label>reason:|rejected:|Fix:)(?P<rest> .*)"), "cyan"),
    (re.compile(r"(?P<lead>  )(?P<label>ok {5})(?P<rest> .*)"), "green"),
    (re.compile(r"(?P<lead>  )(?P<label>warning)(?P<rest> .*)"), "yellow"),
    (re.compile(r"(?P<lead>  )(?P<label>FAILED )(?P<rest> .*)"), "red"),
)


@dataclass(frozen=True, slots=True)
class Terminal:
    """What an output can show. ``width`` is None if lines must not be wrapped."""

    width: int | None = None
    has_colors: bool = False

    def lay_out(self, spans: Sequence[Span], indent: int = 0) -> str:
        """Return one line as text: wrapped at spaces, with continuation lines indented, and colored.

        A word is never cut, so that it can be copied.
        """
        if self.width is None or self.width < NARROWEST:
            return self._paint(spans)
        indent = indent if indent <= self.width // 2 else 2
        lines: list[list[Span]] = [[]]
        used, is_empty = 0, True
        gap: list[Span] = []
        for word in _words(spans):
            if word[0][0].startswith(" "):
                gap = word
                continue
            size = _length(word)
            if not is_empty and used + _length(gap) + size > self.width:
                lines.append([(" " * indent, "")])
                used = indent
            else:
                lines[-1] += gap
                used += _length(gap)
            lines[-1] += word
            used, is_empty, gap = used + size, False, []
        return "\n".join(map(self._paint, lines))

    def show(self, line: str) -> str:
        """Return a line of a report, wrapped and colored by its shape: a heading, a step, a reason, a
        warning.
        """
        indent = len(line) - len(line.lstrip(" ")) + 2
        for shape, style in _SHAPES:
            match = shape.fullmatch(line)
            if match is not None:
                spans = [(match["lead"] or "", ""), (match["label"], style), (match["rest"], "")]
                return self.lay_out(spans, indent)
        return self.lay_out([(line, "")], indent)

    def _paint(self, spans: Iterable[Span]) -> str:
        text = ""
        for style, group in groupby(spans, key=itemgetter(1)):
            part = "".join(map(itemgetter(0), group))
            text += f"\033[{STYLES[style]}m{part}\033[0m" if self.has_colors and style and part else part
        return text


def terminal_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Terminal:
    """Return what a stream can show. Call it for each line: a terminal may be resized."""
    is_terminal = stream.isatty()
    is_forced = any(environment.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE"))
    if not is_terminal and not is_forced:
        return Terminal()
    refuses = bool(environment.get("NO_COLOR")) or (
        not is_forced and (environment.get("TERM") == "dumb" or environment.get("CLICOLOR") == "0")
    )
    return Terminal(_width(stream, environment), has_colors=not refuses)


def _width(stream: TextIO, environment: Mapping[str, str]) -> int | None:
    columns = environment.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        # a terminal that does not know its width reports 0
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _words(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Yield runs of spaces, and words; a word may consist of several spans."""
    word: list[Span] = []
    for text, style in spans:
        for part in _SPACES.findall(text):
            if word and part.startswith(" ") != word[-1][0].startswith(" "):
                yield word
                word = []
            word.append((part, style))
    if word:
        yield word


def _length(spans: Iterable[Span]) -> int:
    return sum(len(text) for text, _style in spans)

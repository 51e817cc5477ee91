# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo prints: titles, prose, commands, their output and tables, as wide as the terminal allows."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from typing import TextIO

WIDEST = 100
_BOLD, _DIM, _RED, _CYAN = "1", "2", "31", "36"
# date, time and level of a log line: what is wrapped goes on below the sentence
_LOG_PREFIX = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+ +")


class Screen:
    """Writes to a terminal or a file; in colour only to a terminal, and not where ``NO_COLOR`` is set."""

    def __init__(self, out: TextIO | None = None, width: int | None = None) -> None:
        self._out = out or sys.stdout
        self._width = width or min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
        self._colours = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._started = time.monotonic()
        # a loop in the background writes, too
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def title(self, text: str) -> None:
        self._write("", self._paint(f"== {text} {'=' * (self._width - len(text) - 4)}", _BOLD), "")

    def say(self, text: str) -> None:
        """A paragraph."""
        self._write(*textwrap.wrap(text, self._width, break_on_hyphens=False), "")

    def command(self, line: str) -> None:
        """A command as the reader could type it."""
        self._write(self._paint(f"$ {line}", _CYAN))

    def output(self, line: str) -> None:
        """A line that a command printed."""
        self._write(*(self._paint(part, _DIM) for part in wrap_line(line, self._width)))

    def gap(self) -> None:
        self._write("")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._write(*table_lines(heads, rows, self._width), "")

    def error(self, text: str) -> None:
        self._out.flush()
        painted = self._paint(f"demo: {text}", _RED) if sys.stderr.isatty() else f"demo: {text}"
        sys.stderr.write(f"{painted}\n")

    def _write(self, *lines: str) -> None:
        with self._lock:
            self._out.write("".join(f"{line}\n" for line in lines))
            self._out.flush()

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colours else text


def wrap_line(line: str, width: int) -> list[str]:
    """Cut a line at spaces; what is cut goes on with an indent, in a log below the sentence."""
    prefix = _LOG_PREFIX.match(line)
    indent = len(prefix[0]) if prefix else len(line) - len(line.lstrip()) + 2
    if indent > width // 2:
        indent = 2
    wrapped = textwrap.wrap(
        line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapped or [""]


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A table with columns as wide as they have to be; the last one is wrapped."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads) - 1)]
    before_last = 2 + sum(widths) + 3 * len(widths)
    lines: list[str] = []
    for row in [heads, *rows]:
        start = "  " + "".join(f"{cell:<{size}}   " for cell, size in zip(row, widths, strict=False))
        last = textwrap.wrap(row[-1], max(20, width - before_last), break_on_hyphens=False) or [""]
        lines.append((start + last[0]).rstrip())
        lines += [" " * before_last + part for part in last[1:]]
    return lines

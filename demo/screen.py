# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text between the commands of the demo. The output of commands is shown as they print it."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TextIO

from orcastra_runner.terminal import Terminal, terminal_of

WIDEST = 100


class Screen:
    """Writes to a terminal or a file; in color only if ``orcastra`` itself would."""

    def __init__(self, out: TextIO | None = None, width: int | None = None) -> None:
        self._out = out or sys.stdout
        self._width = width or min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
        self._terminal = Terminal(self._width, terminal_of(self._out).has_colors)
        self._started = time.monotonic()
        # a loop in the background writes, too
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def variables(self) -> dict[str, str]:
        """The variables that make commands behind a pipe wrap and color their output like this screen."""
        if not self._out.isatty():
            return {}
        return {"FORCE_COLOR": "1", "COLUMNS": str(self._width)}

    def title(self, text: str) -> None:
        line = f"== {text} {'=' * (self._width - len(text) - 4)}"
        self._write("", self._terminal.lay_out([(line, "bold")]), "")

    def say(self, text: str) -> None:
        """Write a paragraph."""
        self._write(self._terminal.lay_out([(text, "")]), "")

    def command(self, line: str) -> None:
        """Write a command as the reader could type it."""
        self._write(Terminal(has_colors=self._terminal.has_colors).lay_out([(f"$ {line}", "cyan")]))

    def output(self, line: str) -> None:
        """Write a line that a command printed."""
        self._write(line)

    def gap(self) -> None:
        self._write("")

    def error(self, text: str) -> None:
        self._out.flush()
        sys.stderr.write(f"{terminal_of(sys.stderr).lay_out([(f'demo: {text}', 'red')])}\n")

    def _write(self, *lines: str) -> None:
        with self._lock:
            self._out.write("".join(f"{line}\n" for line in lines))
            self._out.flush()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo prints, and in which width and colour."""

from __future__ import annotations

import io

import pytest

from demo.screen import Screen, table_lines, wrap_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_line_goes_on_below_its_sentence() -> None:
    line = "2026-01-31 13:45:02 info     planned: set ssd=true on node alpha, and more words after that"
    assert wrap_line(line, 70) == [
        "2026-01-31 13:45:02 info     planned: set ssd=true on node alpha, and",
        "                             more words after that",
    ]


def test_an_indented_line_goes_on_with_more_indent() -> None:
    assert wrap_line("    why: one two three", 16) == ["    why: one two", "      three"]


def test_what_fits_stays_as_it_is() -> None:
    assert wrap_line("  a  b   c", 40) == ["  a  b   c"]
    assert wrap_line("", 40) == [""]


def test_a_word_is_never_cut() -> None:
    assert wrap_line(f"see {'x' * 50}", 30) == ["see", f"  {'x' * 50}"]


def test_a_table_wraps_its_last_column() -> None:
    lines = table_lines(("NODE", "LABELS"), [["alpha", "-"], ["b", "disk=hdd, room=cellar, ssd=true"]], 33)
    assert lines == [
        "  NODE    LABELS",
        "  alpha   -",
        "  b       disk=hdd, room=cellar,",
        "          ssd=true",
    ]


@pytest.mark.parametrize(
    ("out", "no_color", "coloured"),
    [(Terminal(), "", True), (Terminal(), "1", False), (io.StringIO(), "", False)],
)
def test_colours_only_on_a_terminal_that_wants_them(
    out: io.StringIO, no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Screen(out, 40)
    screen.title("1. A title")
    screen.command("docker node ls")
    screen.output("something")
    assert ("\033[" in out.getvalue()) is coloured
    assert "$ docker node ls" in out.getvalue()


def test_nothing_is_wider_than_the_screen() -> None:
    out = io.StringIO()
    screen = Screen(out, 60)
    screen.title("2. Another title")
    screen.say("word " * 40)
    screen.output("word " * 40)
    screen.table(("A", "B"), [["one", "word " * 40]])
    assert max(len(line) for line in out.getvalue().splitlines()) == 60

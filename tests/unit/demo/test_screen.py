# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the demo: its width and colors, and the variables for commands."""

from __future__ import annotations

import io

import pytest

from demo.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("out", "no_color", "colored"),
    [(Terminal(), "", True), (Terminal(), "1", False), (io.StringIO(), "", False)],
)
def test_screen_uses_colors_only_on_a_terminal_without_no_color(
    out: io.StringIO, no_color: str, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Screen(out, 40)
    screen.title("1. A title")
    screen.command("docker node ls")
    assert ("\033[" in out.getvalue()) is colored
    assert "$ docker node ls" in out.getvalue()


def test_screen_wraps_its_own_text_only() -> None:
    out = io.StringIO()
    screen = Screen(out, 60)
    screen.title("2. Another title")
    screen.say("word " * 40)
    assert max(len(line) for line in out.getvalue().splitlines()) <= 60
    screen.output("word " * 40)
    screen.command("word " * 40)
    assert [len(line) for line in out.getvalue().splitlines()][-2:] == [200, 202]


@pytest.mark.parametrize(
    ("out", "variables"), [(Terminal(), {"FORCE_COLOR": "1", "COLUMNS": "60"}), (io.StringIO(), {})]
)
def test_screen_variables_make_commands_wrap_and_color(out: io.StringIO, variables: dict[str, str]) -> None:
    assert Screen(out, 60).variables == variables

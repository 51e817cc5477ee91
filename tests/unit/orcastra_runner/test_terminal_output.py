# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Width and colors of text output on a terminal, in a pipe, and as the environment asks for."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
import structlog

from orcastra_runner import log
from orcastra_runner.terminal import Terminal, terminal_of

ESCAPE = re.compile(r"\033\[[0-9]+m")


class Screen(io.StringIO):
    """A terminal that doesn't know its width."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def reset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Terminal(None, has_colors=True)),
        ({"COLUMNS": "70"}, Terminal(70, has_colors=True)),
        ({"COLUMNS": "no"}, Terminal(None, has_colors=True)),
        ({"COLUMNS": "70", "NO_COLOR": "1"}, Terminal(70)),
        ({"COLUMNS": "70", "NO_COLOR": ""}, Terminal(70, has_colors=True)),
        ({"COLUMNS": "70", "NO_COLOR": "1", "FORCE_COLOR": "1"}, Terminal(70)),
        ({"COLUMNS": "70", "TERM": "dumb"}, Terminal(70)),
        ({"COLUMNS": "70", "CLICOLOR": "0"}, Terminal(70)),
        ({"COLUMNS": "70", "TERM": "dumb", "CLICOLOR_FORCE": "1"}, Terminal(70, has_colors=True)),
    ],
)
def test_terminal_of_terminal(environment: dict[str, str], expected: Terminal) -> None:
    assert terminal_of(Screen(), environment) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"COLUMNS": "70"}, Terminal()),
        ({"COLUMNS": "70", "FORCE_COLOR": "0"}, Terminal()),
        ({"COLUMNS": "70", "FORCE_COLOR": "1"}, Terminal(70, has_colors=True)),
        ({"CLICOLOR_FORCE": "1"}, Terminal(None, has_colors=True)),
    ],
)
def test_terminal_of_pipe(environment: dict[str, str], expected: Terminal) -> None:
    assert terminal_of(io.StringIO(), environment) == expected


@pytest.mark.parametrize(
    ("line", "width", "expected"),
    [
        ("  a  b   c", 40, "  a  b   c"),
        ("", 40, ""),
        ("       reason: one two three four", 30, "       reason: one two three\n         four"),
        (f"see {'x' * 50}", 30, f"see\n  {'x' * 50}"),
        (f"{' ' * 20}one two three", 30, f"{' ' * 20}one two\n  three"),
        ("word " * 20, 20, "word " * 20),
        ("word " * 20, None, "word " * 20),
    ],
)
def test_show_wraps_at_spaces(line: str, width: int | None, expected: str) -> None:
    assert Terminal(width).show(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plain text", "plain text"),
        ("Nodes:", "\033[1mNodes:\033[0m"),
        ("  1. set a=b", "  \033[1m1. set a=b\033[0m"),
        ("       reason: so", "       \033[36mreason:\033[0m so"),
        ("       rejected: no", "       \033[36mrejected:\033[0m no"),
        ("warning: full", "\033[33mwarning:\033[0m full"),
        ("orcastra: warning: full", "orcastra: \033[33mwarning:\033[0m full"),
    ],
)
def test_show_colors_by_shape(line: str, expected: str) -> None:
    assert Terminal(None, has_colors=True).show(line) == expected
    assert Terminal(80, has_colors=True).show(line) == expected


def test_log_wraps_below_the_event_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stream = Screen()
    log.configure("text", stream=stream)
    log.get_logger().info("planned", summary="set ssd=true on node alpha, and more words", why=["one", "two"])
    assert "\033[32minfo" in stream.getvalue()
    lines = ESCAPE.sub("", stream.getvalue()).splitlines()
    assert [line[29:] for line in lines] == [
        "planned: set ssd=true on node",
        "alpha, and more words",
        'why="one; two"',
    ]
    assert all(line.startswith(" " * 29) for line in lines[1:])


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_log_is_plain_in_a_pipe(log_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    log.configure(log_format, stream=stream)
    log.get_logger().warning("planned", summary="word " * 20)
    assert stream.getvalue().count("\n") == 1
    assert "\033" not in stream.getvalue()


def test_log_leaves_json_untouched_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Screen()
    log.configure("json", stream=stream)
    log.get_logger().warning("planned", summary="word " * 20)
    assert stream.getvalue().count("\n") == 1
    assert "\033" not in stream.getvalue()

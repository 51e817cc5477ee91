# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two formats of the log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from orcastra_runner import log


@pytest.fixture(autouse=True)
def reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def written(log_format: str, *, debug: bool = False) -> tuple[log.Logger, io.StringIO]:
    stream = io.StringIO()
    log.configure(log_format, debug=debug, stream=stream)
    return log.get_logger(), stream


def test_text_format_writes_summary_and_fields_on_one_line() -> None:
    logger, stream = written("text")
    why = ["one", "two\nlines"]
    logger.info("done", summary="set a=b on node x", seconds=1.50, empty="", none=None, why=why)
    line = stream.getvalue()
    assert line.endswith('info     done: set a=b on node x  seconds=1.5 empty="" why="one; two\\nlines"\n')
    assert line.count("\n") == 1
    assert line[:4].isdigit()


def test_json_format_keeps_the_structure() -> None:
    logger, stream = written("json")
    logger.warning("planned", summary="ü", why=["one", "two"], none=None)
    entry = json.loads(stream.getvalue())
    assert entry.pop("time")
    assert entry == {"level": "warning", "event": "planned", "summary": "ü", "why": ["one", "two"]}


def test_debug_lines_need_debug() -> None:
    logger, stream = written("text")
    logger.debug("detail")
    assert not stream.getvalue()
    logger, stream = written("text", debug=True)
    logger.debug("detail")
    assert "debug    detail" in stream.getvalue()


def test_text_format_writes_traceback_below_its_line() -> None:
    logger, stream = written("text")
    logger.error("no", traceback="Traceback:\n  here\n")
    assert stream.getvalue().endswith("error    no\nTraceback:\n  here\n")


def test_text_format_keeps_percent_signs() -> None:
    logger, stream = written("text")
    logger.info("100 % of %s")
    assert "100 % of %s" in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_library_warnings_become_one_line_each(log_format: str) -> None:
    _, stream = written(log_format)
    library = logging.getLogger("a.library")
    library.info("nothing")
    library.warning("%s is full\nand more", "the pool")
    library.error("it broke", exc_info=ValueError("no\nway"))
    first, second = stream.getvalue().splitlines()
    if log_format == "json":
        assert json.loads(first)["summary"] == "the pool is full"
        entry = json.loads(second)
        found = entry["event"], entry["summary"], entry["error"], entry["source"]
        assert found == ("library error", "it broke", "ValueError: no", "a.library")
    else:
        assert first.endswith("warning  library warning: the pool is full  source=a.library")
        assert second.endswith('error    library error: it broke  error="ValueError: no" source=a.library')


def test_text_format_escapes_line_breaks_and_controls() -> None:
    logger, stream = written("text")
    logger.warning(
        "the engine said: one\n2026-01-01 00:00:00 info     two", summary="\x1b[2Jx", error="\x1b[2J"
    )
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()

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


def test_text_is_one_line_with_values_behind_the_sentence() -> None:
    logger, stream = written("text")
    logger.info(
        "done", what="set a=b on node x", seconds=1.50, empty="", none=None, why=["one", "two\nlines"]
    )
    line = stream.getvalue()
    assert line.endswith('info     done: set a=b on node x  seconds=1.5 empty="" why="one; two\\nlines"\n')
    assert line.count("\n") == 1
    assert line[:4].isdigit()


def test_json_keeps_the_structure() -> None:
    logger, stream = written("json")
    logger.warning("planned", summary="ü", why=["one", "two"], none=None)
    entry = json.loads(stream.getvalue())
    assert entry.pop("time")
    assert entry == {"level": "warning", "event": "planned", "summary": "ü", "why": ["one", "two"]}


def test_debug_lines_only_where_asked_for() -> None:
    logger, stream = written("text")
    logger.debug("detail")
    assert not stream.getvalue()
    logger, stream = written("text", debug=True)
    logger.debug("detail")
    assert "debug    detail" in stream.getvalue()


def test_a_traceback_follows_its_line() -> None:
    logger, stream = written("text")
    logger.error("no", traceback="Traceback:\n  here\n")
    assert stream.getvalue().endswith("error    no\nTraceback:\n  here\n")


def test_percent_signs_are_just_text() -> None:
    logger, stream = written("text")
    logger.info("100 % of %s")
    assert "100 % of %s" in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_libraries_warn_of_is_one_line_of_this_log(log_format: str) -> None:
    _, stream = written(log_format)
    library = logging.getLogger("a.library")
    library.info("nothing")
    library.warning("%s is full\nand more", "the pool")
    library.error("it broke", exc_info=ValueError("no\nway"))
    first, second = stream.getvalue().splitlines()
    if log_format == "json":
        assert json.loads(first)["summary"] == "the pool is full"
        said = json.loads(second)
        assert (said["event"], said["summary"], said["error"]) == (
            "library error",
            "it broke",
            "ValueError: no",
        )
        assert said["source"] == "a.library"
    else:
        assert first.endswith("warning  library warning: the pool is full  source=a.library")
        assert second.endswith('error    library error: it broke  error="ValueError: no" source=a.library')


def test_nothing_that_is_quoted_breaks_the_line() -> None:
    logger, stream = written("text")
    logger.warning(
        "the engine said: one\n2026-01-01 00:00:00 info     two", summary="\x1b[2Jx", error="\x1b[2J"
    )
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()

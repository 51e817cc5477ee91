# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log: one line per event, as text with ``key=value``, or as JSON for machines.

An event is a constant string; the data is in its fields. The text format appends ``summary`` to the event
("done: set ssd=true on node alpha"), shows the text of a ``message`` instead of the event, and omits
``action`` and ``target``, which ``summary`` already contains. On a terminal it wraps lines and adds colors.

This is the only module that imports structlog. All others call ``get_logger`` and write
``log.info("event", key=value)``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from datetime import datetime
from functools import partial
from traceback import format_exception
from typing import Any, Protocol, TextIO, cast

import structlog

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, text_of
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable, printable_json
from orcastra_runner.terminal import Span, terminal_of

# characters that would break a line or the terminal
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# fields that the text format omits
ONLY_DATA = frozenset({"action", "target"})
_LEVEL_STYLES = {"debug": "dim", "info": "green", "warning": "yellow", "error": "red"}


class Logger(Protocol):
    """The part of a logger's interface that the runner uses."""

    def debug(self, event: str, **values: Any) -> None: ...
    def info(self, event: str, **values: Any) -> None: ...
    def warning(self, event: str, **values: Any) -> None: ...
    def error(self, event: str, **values: Any) -> None: ...


def get_logger() -> Logger:
    """Return the logger. Modules call this at import time; the configuration is looked up on each write."""
    return cast("Logger", structlog.get_logger())


def configure(log_format: str = "text", *, debug: bool = False, stream: TextIO | None = None) -> None:
    """Set the format (``text`` or ``json``) and the level. Lines go to ``stream``, by default stderr."""
    out = stream or sys.stderr
    renderer: Callable[..., str] = partial(_render_text, out) if log_format == "text" else _render_json
    structlog.configure(
        processors=[structlog.processors.add_log_level, _add_time, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _FromLibraries)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibraries(debug=debug))


def first_line(text: object) -> str:
    """Return the first line that isn't blank, or an empty string."""
    return next((line.strip() for line in str(text).splitlines() if line.strip()), "")


class _FromLibraries(logging.Handler):
    """Turns warnings and errors of libraries into lines of this log; Python would print them over many
    lines.
    """

    def __init__(self, *, debug: bool) -> None:
        super().__init__(logging.WARNING)
        self._debug = debug

    def emit(self, record: logging.LogRecord) -> None:
        error, details = None, None
        if record.exc_info and record.exc_info[1] is not None:
            exception = record.exc_info[1]
            error = f"{type(exception).__name__}: {first_line(exception)}"
            details = "".join(format_exception(exception)) if self._debug else None
        values = {"error": error, "source": record.name, "traceback": details}
        log = get_logger()
        if record.levelno >= logging.ERROR:
            log.error("library error", summary=first_line(record.getMessage()), **values)
        else:
            log.warning("library warning", summary=first_line(record.getMessage()), **values)


def _add_time(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["time"] = datetime.now().astimezone()
    return event


def _render_text(stream: TextIO, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """``2026-01-31 13:45:02 info     event: summary  key=value``; a traceback follows on its own lines."""
    time, level, name = event.pop("time"), event.pop("level"), event.pop("event")
    traceback = event.pop("traceback", None)
    if event.get("message"):
        text = text_of(event.pop("message"))
    elif event.get("summary"):
        text = f"{name}: {text_of(event.pop('summary'))}"
    else:
        text = name
    # it may quote services and engines
    text = printable(_CONTROL.sub(" ", text))
    head = f"{time:%Y-%m-%d %H:%M:%S} "
    style = _LEVEL_STYLES.get(level, "")
    spans: list[Span] = [(head, "dim"), (f"{level:<8}", style), (" ", "")]
    spans.append((text, style if level in ("warning", "error") else ""))
    shown = {key: value for key, value in event.items() if value is not None and key not in ONLY_DATA}
    for number, (key, value) in enumerate(shown.items()):
        spans += [(" " if number else "  ", ""), (f"{key}=", "cyan"), (_plain(value), "dim")]
    line = terminal_of(stream).lay_out(spans, indent=len(head) + 9)
    return "\n".join([line, *map(printable, traceback.rstrip().splitlines())]) if traceback else line


def _render_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    time, level, name = event.pop("time"), event.pop("level"), event.pop("event")
    first = {"time": time.isoformat(timespec="milliseconds"), "level": level, "event": name}
    rest = {key: value for key, value in event.items() if value is not None}
    return printable_json(json.dumps({**first, **rest}, default=_as_data, ensure_ascii=False))


def _as_data(value: Any) -> Any:
    return value.to_data() if isinstance(value, Reason) else str(value)


def _plain(value: Any) -> str:
    """Return a value on one line, quoted if it would be ambiguous without quotes."""
    if isinstance(value, (list, tuple)):
        value = "; ".join(text_of(item) for item in value)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    is_plain = printable(text) == text
    if not text or not is_plain or any(character in text for character in ' "='):
        return printable_json(json.dumps(text, ensure_ascii=not is_plain))
    return text

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log: one line per event, as text with ``key=value``, or as JSON for machines.

An event is a constant string; what differs from one time to the next is in its fields. The text format
appends ``what`` to the event ("done: set ssd=true on node alpha"), shows the text of a ``message`` instead of
the event, and leaves out ``action`` and ``target``, which ``what`` says already.

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
from traceback import format_exception
from typing import Any, Protocol, TextIO, cast

import structlog

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, text_of
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable, printable_json

# what would break a line, or the terminal that it is read in
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# fields that the text format leaves out
ONLY_DATA = frozenset({"action", "target"})


class Logger(Protocol):
    """What the rest of the runner needs of a logger."""

    def debug(self, event: str, **values: Any) -> None: ...
    def info(self, event: str, **values: Any) -> None: ...
    def warning(self, event: str, **values: Any) -> None: ...
    def error(self, event: str, **values: Any) -> None: ...


def get_logger() -> Logger:
    """Return the logger. Modules ask for it at import: it finds its configuration when it first writes."""
    return cast("Logger", structlog.get_logger())


def configure(log_format: str = "text", *, debug: bool = False, stream: TextIO | None = None) -> None:
    """Set the format (``text`` or ``json``) and the level; lines go to ``stream``, by default stderr."""
    renderer: Callable[..., str] = _render_text if log_format == "text" else _render_json
    structlog.configure(
        processors=[structlog.processors.add_log_level, _add_time, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _FromLibraries)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibraries(debug=debug))


def first_line(text: object) -> str:
    """What there is to read of it on one line."""
    return next((line.strip() for line in str(text).splitlines() if line.strip()), "")


class _FromLibraries(logging.Handler):
    """What libraries warn of, as lines of this log; Python would write it as it comes, over many lines."""

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


def _render_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """``2026-01-31 13:45:02 info     sentence: what  key=value``; a traceback follows on its own lines."""
    time, level, sentence = event.pop("time"), event.pop("level"), event.pop("event")
    traceback = event.pop("traceback", None)
    if event.get("message"):
        sentence = text_of(event.pop("message"))
    elif event.get("summary"):
        sentence = f"{sentence}: {text_of(event.pop('summary'))}"
    # what services and engines say goes in as well
    sentence = printable(_CONTROL.sub(" ", sentence))
    line = f"{time:%Y-%m-%d %H:%M:%S} {level:<8} {sentence}"
    shown = {key: value for key, value in event.items() if value is not None and key not in ONLY_DATA}
    values = " ".join(f"{key}={_plain(value)}" for key, value in shown.items())
    if values:
        line = f"{line}  {values}"
    return "\n".join([line, *map(printable, traceback.rstrip().splitlines())]) if traceback else line


def _render_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    time, level, sentence = event.pop("time"), event.pop("level"), event.pop("event")
    first = {"time": time.isoformat(timespec="milliseconds"), "level": level, "event": sentence}
    rest = {key: value for key, value in event.items() if value is not None}
    return printable_json(json.dumps({**first, **rest}, default=_as_data, ensure_ascii=False))


def _as_data(value: Any) -> Any:
    return value.to_data() if isinstance(value, Reason) else str(value)


def _plain(value: Any) -> str:
    """A value on one line, quoted where it would be read wrongly otherwise."""
    if isinstance(value, (list, tuple)):
        value = "; ".join(text_of(item) for item in value)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    is_plain = printable(text) == text
    if not text or not is_plain or any(character in text for character in ' "='):
        return printable_json(json.dumps(text, ensure_ascii=not is_plain))
    return text

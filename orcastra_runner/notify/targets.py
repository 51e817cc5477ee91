# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets of notifications: the Apprise URLs in NOTIFY_URLS, and the only code that uses Apprise.

A URL contains secrets, so a target is named by its position and its schema only: ``2 (slack)``. Apprise
names the cause of a failure only in its log, which may also name the URL. That log is captured, and nothing
but the status code of an HTTP answer is taken from it.
"""

from __future__ import annotations

import difflib
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner.api_token import FLAGS, read_regular_file
from orcastra_runner.settings import Settings

# The limit for one attempt to send to a target. Apprise has its own limit of a few seconds for each request.
SEND_SECONDS = 30.0
MAX_BYTES = 65_536
MAX_TARGETS = 20

_EXPECTED = "Apprise URLs separated by white space or commas, such as ntfy://topic"
# a comma may also be a part of a URL
_SEPARATOR = re.compile(r"\s+|,(?=[a-zA-Z0-9+-]+://)")
_SCHEMA = re.compile(r"([a-zA-Z0-9+-]{1,32})://.")
_STATUS = re.compile(r"\berror=([1-5]\d\d)\b")


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver of notifications. ``position`` is that of its URL, from 1."""

    position: int
    schema: str
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """The name that may be logged, such as ``2 (slack)``."""
        return f"{self.position} ({self.schema})"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message for one target. ``level`` is info, success, warning or failure, as in Apprise."""

    title: str
    body: str
    level: str


def configured_targets(settings: Settings) -> tuple[Target, ...]:
    """Return the targets in NOTIFY_URLS or in the file NOTIFY_URLS_FILE.

    Raises ConfigError with all errors, which don't reveal the URLs.
    """
    name, text = "NOTIFY_URLS", settings.notify_urls
    if settings.notify_urls_file is not None and text is None:
        name, text = "NOTIFY_URLS_FILE", _content(settings.notify_urls_file)
    if text is None:
        return ()
    targets, problems = parse_targets(name, text)
    problems += [problem for target in targets for problem in _faults(name, target)]
    if problems:
        raise ConfigError(problems)
    return tuple(targets)


def parse_targets(name: str, text: str) -> tuple[list[Target], list[Problem]]:
    """Return the targets in a text, and the errors. ``name`` is the variable. Does not load Apprise.

    Lines that start with # are comments.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    urls = [url.strip(",") for url in _SEPARATOR.split(" ".join(lines).strip())]
    urls = [url for url in urls if url]
    targets: list[Target] = []
    problems: list[Problem] = []
    for position, url in enumerate(urls, start=1):
        schema = _SCHEMA.match(url)
        if schema is None or not url.isprintable():
            found = f"text without a schema and :// at position {position}"
            problems.append(Problem(name, _EXPECTED, found))
            continue
        targets.append(Target(position, schema[1].lower(), url))
    if not urls:
        problems.append(Problem(name, _EXPECTED, "nothing"))
    if len(urls) > MAX_TARGETS:
        problems.append(Problem(name, f"at most {MAX_TARGETS} URLs", str(len(urls))))
        return [], problems
    return targets, problems


def send(target: Target, letter: Letter) -> str | None:
    """Send a message to a target. Returns the problem, without any secret, or None."""
    notifier = _notifier(target)
    if notifier is None:
        return "Apprise does not accept the URL"
    apprise = _apprise()
    with _Captured() as captured:
        try:
            sent = notifier.notify(
                body=letter.body,
                title=letter.title,
                notify_type=apprise.NotifyType(letter.level),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 - an error in one plugin must not affect the others
            # the text of the error may contain the URL
            return f"unexpected {type(error).__name__}"
    return None if sent else captured.problem


def send_to_all(
    letters: Sequence[tuple[Target, Letter]],
    sender: Callable[[Target, Letter], str | None] = send,
    seconds: float = SEND_SECONDS,
) -> dict[Target, str | None]:
    """Send to several targets at the same time. Returns the problem of each target, or None."""
    results: dict[Target, str | None] = {target: f"no result after {seconds:g} s" for target, _ in letters}

    def run(target: Target, letter: Letter) -> None:
        results[target] = sender(target, letter)

    threads = [
        # a daemon thread, because one that waits for its service must not delay the shutdown
        threading.Thread(target=run, args=pair, name=f"notify {pair[0].name}", daemon=True)
        for pair in letters
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(results)


def _content(path: Path) -> str:
    try:
        found, _status = read_regular_file(path, FLAGS, MAX_BYTES)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError([Problem("NOTIFY_URLS_FILE", f"{_EXPECTED}, in {path}", reason)]) from None
    if len(found) > MAX_BYTES:
        found_text = f"more than {MAX_BYTES} bytes"
        raise ConfigError([Problem("NOTIFY_URLS_FILE", f"{_EXPECTED}, in {path}", found_text)])
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise ConfigError(
            [Problem("NOTIFY_URLS_FILE", f"{_EXPECTED}, in {path}", "bytes that are not UTF-8")]
        ) from None


def _faults(name: str, target: Target) -> list[Problem]:
    if _notifier(target) is not None:
        return []
    known = _schemas()
    expected = f"a {target.schema}:// URL as in Apprise's documentation"
    found = f"an incomplete or invalid one at position {target.position}"
    if target.schema in ("http", "https"):
        expected = f"the schema {'json' if target.schema == 'http' else 'jsons'}:// for a webhook of your own"
        found = f"{target.schema}:// at position {target.position}"
    elif target.schema not in known:
        expected = "a schema that Apprise knows"
        close = difflib.get_close_matches(target.schema, known, n=1)
        meant = f"; did you mean {close[0]}://?" if close else ""
        found = f"{target.schema}:// at position {target.position}{meant}"
    return [Problem(name, expected, found)]


@cache
def _apprise() -> Any:
    """Return the package. It is imported on first use, because that takes a second and 20 MiB."""
    import apprise  # noqa: PLC0415

    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    # its messages may contain parts of URLs
    logger.propagate = False
    logger.addHandler(_HANDLER)
    return apprise


@cache
def _notifier(target: Target) -> Any:
    """Return Apprise's object for the target, or None if Apprise does not accept the URL."""
    apprise = _apprise()
    asset = apprise.AppriseAsset(
        app_id="Orcastra",
        app_desc="Orcastra",
        # nothing is written to disk
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    with _Captured():
        return apprise.Apprise.instantiate(target.url, asset=asset, suppress_exceptions=True)


def _schemas() -> list[str]:
    found = _apprise().Apprise().details()["schemas"]
    names = [
        str(name) for one in found for kind in ("protocols", "secure_protocols") for name in one[kind] or ()
    ]
    return sorted(names)


class _Captured:
    """Captures Apprise's log messages of this thread, and derives the problem from them."""

    def __enter__(self) -> _Captured:
        self.problem = "not accepted by the service"
        _HANDLER.captured[threading.get_ident()] = self
        return self

    def __exit__(self, *_error: object) -> None:
        _HANDLER.captured.pop(threading.get_ident(), None)

    def add(self, text: str) -> None:
        status = _STATUS.search(text)
        if status is not None:
            self.problem = f"the service answered with HTTP status {status[1]}"
        elif "connection error" in text.lower():
            self.problem = "no connection to the service"


class _Handler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.captured: dict[int, _Captured] = {}

    def emit(self, record: logging.LogRecord) -> None:
        found = self.captured.get(record.thread or 0)
        if found is not None:
            found.add(record.getMessage())


_HANDLER = _Handler()

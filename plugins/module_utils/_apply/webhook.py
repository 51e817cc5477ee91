# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notify a webhook. Only the status of the answer is read. Redirects are not followed."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from .._model.errors import OrcastraError
from .._observe.scrape import Question, ask_all

# The time limit for all messages of one cycle together.
TIMEOUT_SECONDS = 10.0


def notify_all(url: str, messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """POST each message. Returns the failures as text, which names only the host of the URL."""
    messages = tuple(messages)
    end = time.monotonic() + TIMEOUT_SECONDS
    problems = []
    for number, message in enumerate(messages):
        left = end - time.monotonic()
        if left <= 0:
            late = f"no time left for {len(messages) - number} of {len(messages)} messages"
            problems.append(f"webhook at {_host(url)}: {late}")
            break
        try:
            notify(url, message, left)
        except OrcastraError as error:
            problems.append(str(error))
    return tuple(problems)


def notify(url: str, message: Mapping[str, Any], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """POST ``message`` as JSON. Raises OrcastraError, which names only the host of the URL."""
    try:
        asked, headers = _apart(url)
    except ValueError:
        raise OrcastraError(
            f"webhook at {_host(url)}: expected an http or https URL, found another one"
        ) from None
    question = Question(
        asked,
        # some services refuse Python's default user agent
        headers={"Content-Type": "application/json", "User-Agent": "orcastra", **headers},
        body=json.dumps(message).encode(),
        expected="a status of success",
        redirects=False,
    )
    answer = ask_all([question], timeout_seconds=timeout_seconds, use_proxy=True)[asked]
    if answer.problem is not None:
        # the path of a webhook is its password
        raise OrcastraError(f"webhook at {_host(url)}: {answer.problem}")


def _apart(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL into the URL without credentials and the header with them. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError
    _port = parts.port
    login, _at, host = parts.netloc.rpartition("@")
    asked = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    if not login:
        return asked, {}
    encoded = base64.b64encode(unquote(login).encode()).decode()
    return asked, {"Authorization": f"Basic {encoded}"}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an invalid address"

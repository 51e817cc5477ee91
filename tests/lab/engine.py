# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of a host's engine, with only the standard library."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.lab.errors import EngineError


def request(
    ip: str,
    method: str,
    path: str,
    body: Any = None,
    query: Mapping[str, Any] | None = None,
    timeout: float = 30,
) -> Any:
    """Send a request to the engine at ``ip`` and return its decoded answer.

    :param path: with a leading slash, without a version: ``/services``
    :param body: data to send as JSON; ``bytes`` are sent as a tar archive
    :param query: values other than strings are sent as JSON (``filters``)

    Returns parsed JSON, text if the answer isn't JSON, or None if it is empty. Raises ``EngineError``
    for an HTTP error and ``OSError`` when the engine doesn't answer.
    """
    if query:
        pairs = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
        path = f"{path}?{urlencode(pairs)}"
    headers = {}
    data = None
    if isinstance(body, bytes):
        data, headers["Content-Type"] = body, "application/x-tar"
    elif body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    connection = http.client.HTTPConnection(ip, 2375, timeout=timeout)
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise ConnectionError(f"{ip}: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise EngineError(answer.status, _message(text), f"{method} {path} at {ip}")
    if answer.getheader("Content-Type", "").startswith("application/json"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text or None


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip()[:500]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A receiver of notifications on loopback, for Apprise's schema ``json://``, and a reader of its messages."""

from __future__ import annotations

import json
import re
import string
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ansible_collections.orcastra.swarm.plugins.module_utils.messages import MESSAGES

TIME = r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"


@dataclass(frozen=True)
class Line:
    """One notification in a message. ``text`` is its sentence, ``time`` when it was noted."""

    level: str
    text: str
    time: str
    may_repeat: bool


@dataclass
class Inbox:
    """The received messages as (path, payload), in order. ``statuses``: path → HTTP status of the answers."""

    url: str
    received: list[tuple[str, dict]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def messages(self, path: str = "/") -> list[dict]:
        return [payload for found, payload in self.received if found.rstrip("/") == path.rstrip("/")]

    def lines(self, path: str = "/") -> list[Line]:
        return [line for payload in self.messages(path) for line in lines_of(payload["message"])]


def lines_of(body: str) -> list[Line]:
    """The notifications in the body of a message."""
    found = []
    for text in body.splitlines():
        for code, may_repeat in (("notify_line_repeated", True), ("notify_line", False)):
            match = re.fullmatch(pattern(code).replace("(?P<time>.*?)", TIME), text)
            if match:
                found.append(Line(match["level"], match["text"], match["time"], may_repeat))
                break
    return found


def pattern(code: str, **params: str) -> str:
    """A pattern for the sentences of a code, with these parameters. The others are groups."""
    parts = []
    for text, name, _spec, _conversion in string.Formatter().parse(MESSAGES[code]):
        parts.append(re.escape(text))
        if name is not None:
            parts.append(re.escape(params[name]) if name in params else f"(?P<{name}>.*?)")
    return "".join(parts)


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Receive notifications until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.partition("?")[0]
            status = found.statuses.get(path.rstrip("/") or "/", 200)
            if status == 200:
                found.received.append((path, payload))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Inbox(f"json://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback that sends any bytes, for as long as the client stays connected."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import repeat

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PAUSE_SECONDS = 0.01
Script = Callable[[], Iterator[bytes]]


def drip(beginning: bytes, again: bytes) -> Script:
    """Send ``beginning``, and then ``again`` repeatedly, with pauses."""

    def script() -> Iterator[bytes]:
        yield beginning
        yield from repeat(again)

    return script


DRIPS = {
    "nothing": drip(b"", b""),
    "status line": drip(b"HTTP/1.1 200 ", b"O"),
    "headers": drip(OK, b"X-Header: x\r\n"),
    "one header": drip(OK + b"X-Header: ", b"x"),
    "100 Continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100 Continue with headers": drip(b"", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"),
    "body": drip(OK + b"\r\n", b"x"),
    "body with a length": drip(OK + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "body of blank lines": drip(OK + b"\r\n", b"\n"),
    "chunks": drip(CHUNKED, b"1\r\nx\r\n"),
    "size of a chunk": drip(CHUNKED, b"0"),
    "extension of a chunk": drip(CHUNKED + b"1;", b"x"),
    "end of a chunk": drip(CHUNKED + b"5\r\n", b"x"),
    "trailers": drip(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "redirects": drip(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", b""),
    "body of a redirect": drip(b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n", b"x" * 4096),
    "body of an error": drip(b"HTTP/1.1 500 No\r\n\r\n", b"x" * 4096),
}


class Hostile:
    """Runs a script on each connection, until the client or ``close`` ends it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._is_closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.heard: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/metrics"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            self.heard.append(_request(connection))
            for part in self._script():
                connection.sendall(part)
                if self._is_closing.wait(PAUSE_SECONDS):
                    return
                if not part and not self._peek(connection):
                    return

    def _peek(self, connection: socket.socket) -> bool:
        """Whether the client is still connected."""
        # A socket with a timeout waits in recv, even with MSG_DONTWAIT.
        readable, _, _ = select.select([connection], [], [], 0)
        return not readable or bool(connection.recv(1, socket.MSG_PEEK))

    def close(self) -> None:
        self._is_closing.set()
        # wakes the thread that waits for the next connection
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _request(connection: socket.socket) -> bytes:
    """The request of the client, with its body."""
    found = b""
    while part := connection.recv(65536):
        found += part
        head, end, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\nContent-Length: *([0-9]+)", head)
        if not head.isascii() or (end and len(body) >= int(length[1] if length else 0)):
            break
    return found


@contextlib.contextmanager
def hostile(script: Script) -> Iterator[Hostile]:
    server = Hostile(script)
    try:
        yield server
    finally:
        server.close()

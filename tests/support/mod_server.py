# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file server in a thread, with good and bad behaviour: ETags, ranges, redirects, failures."""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class Item:
    """The resource at a path. ``failures`` are (status, headers) of the first replies.

    ``breaks``: the number of bytes after which each of the first replies stops. ``intent_edits``: a false
    length to claim. ``pause``: seconds between two pieces of 64 KiB.
    ``trickles``: the number of bytes after which each of the first replies slows down to 50 bytes a second.
    ``script`` writes the complete reply.
    ``headers_needed``: without these, 401. ``header_trickle``: 50 bytes of headers a second, without end;
    ``header_breaks``: the headers stop early.
    """

    body: bytes = b""
    etag: str | None = None
    last_modified: str | None = None
    ranges: bool = True
    redirect: str | None = None
    status: int = 200
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    trickles: list[int] = field(default_factory=list)
    header_trickle: bool = False
    header_breaks: bool = False
    intent_edits: int | None = None
    pause: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    headers_needed: dict[str, str] = field(default_factory=dict)
    script: Callable[[BaseHTTPRequestHandler], None] | None = None


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]


def strong(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


class ModServer:
    """A server of ``items`` by path. ``asked`` lists the requests, ``most`` is the highest concurrency."""

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.items: dict[str, Item] = {}
        self.asked: list[Asked] = []
        self.most = 0
        self.served_bytes = 0
        self._now = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            do_HEAD = do_GET  # noqa: N815 - as the library calls it

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self._server = Server((address, 0), Handler)
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    def put(self, path: str, body: bytes = b"", **more: object) -> str:
        """Serve a resource, with a strong ETag unless ``etag`` is given. Returns its URL."""
        more.setdefault("etag", strong(body))
        self.items[path] = Item(body, **more)  # type: ignore[arg-type]
        return self.url + path

    def __enter__(self) -> ModServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        with self._lock:
            self.asked.append(Asked(handler.command, path, dict(handler.headers)))
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self._answer(handler, self.items.get(path) or self.items.get(path.partition("?")[0]))
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True
        finally:
            with self._lock:
                self._now -= 1

    def _answer(self, handler: BaseHTTPRequestHandler, item: Item | None) -> None:
        if item is None:
            self._plain(handler, 404, {})
        elif item.script is not None:
            handler.close_connection = True
            item.script(handler)
        else:
            self._answer_with(handler, item)

    def _answer_with(self, handler: BaseHTTPRequestHandler, item: Item) -> None:
        if item.failures:
            self._plain(handler, *item.failures.pop(0))
            return
        if any(handler.headers.get(name) != value for name, value in item.headers_needed.items()):
            self._plain(handler, 401, item.headers)
            return
        if item.header_trickle or item.header_breaks:
            handler.close_connection = True
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while item.header_trickle:
                handler.wfile.write(b"x")
                time.sleep(0.02)
            return
        if item.redirect is not None:
            self._plain(handler, 302, {"Location": item.redirect})
            return
        validators = {"ETag": item.etag, "Last-Modified": item.last_modified}
        headers = {name: value for name, value in validators.items() if value} | item.headers
        if item.etag and handler.headers.get("If-None-Match") == item.etag:
            self._plain(handler, 304, headers)
            return
        if item.last_modified and handler.headers.get("If-Modified-Since") == item.last_modified:
            self._plain(handler, 304, headers)
            return
        body, status = item.body, item.status
        desired = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        if desired and item.ranges and handler.headers.get("If-Range", item.etag) == item.etag:
            start = int(desired[1])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        breaks = item.breaks.pop(0) if item.breaks and handler.command == "GET" else None
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header(
            "Content-Length", str(len(body) if item.intent_edits is None else item.intent_edits)
        )
        handler.end_headers()
        if handler.command == "HEAD":
            return
        if breaks is not None or item.intent_edits is not None:
            handler.close_connection = True
        self._send(handler, item, body if breaks is None else body[:breaks])

    def _send(self, handler: BaseHTTPRequestHandler, item: Item, body: bytes) -> None:
        if item.trickles:
            begin = item.trickles.pop(0)
            handler.wfile.write(body[:begin])
            for byte in body[begin:]:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.02)
            return
        piece_size = 65536 if item.pause else max(len(body), 1)
        for start in range(0, len(body), piece_size):
            piece = body[start : start + piece_size]
            handler.wfile.write(piece)
            self.served_bytes += len(piece)
            if item.pause:
                time.sleep(item.pause)

    def _plain(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", "0")
        handler.end_headers()

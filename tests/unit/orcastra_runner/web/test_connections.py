# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that stay connected, don't read, or send something other than HTTP don't block others."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web as aiohttp_web

from orcastra_runner.web import connections as web_connections
from orcastra_runner.web import site
from orcastra_runner.web.server import WebServer
from tests.lab.wait import wait_until
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.served import TOKEN, Served, acting, serve


@pytest.fixture
def served(clock: Clock, logged: Log) -> Iterator[Served]:
    """A server of an active instance with pending changes."""
    with acting(clock) as served:
        yield served


def test_connection_without_a_request_is_closed(
    clock: Clock, logged: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_connections, "FIRST_REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(site, "BODY_SECONDS", 0.2)
    served = serve(clock)
    address = ("127.0.0.1", served.server.port)
    try:
        with socket.create_connection(address, timeout=20) as silent:
            silent.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            assert silent.recv(1) == b""
        with socket.create_connection(address, timeout=20) as slow:
            head = f"POST /sync HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            slow.sendall(head.encode() + b"Content-Length: 9\r\n\r\n{")
            assert b"408" in slow.recv(100)
    finally:
        served.server.stop()


def connect(served: Served, *, asks: int = 1) -> socket.socket:
    """A client that has sent this many requests, and stays connected."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", served.server.port))
    for _ in range(asks):
        client.sendall(b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client


def lives(client: socket.socket) -> bool:
    """Request the health over an open connection.

    After an earlier response, the request arrives in pieces.
    """
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not re.search(rb'"status": "live".*}', answer, re.DOTALL):
        part = client.recv(65536)
        if not part:
            return False
        answer += part
    return True


def hung_up(client: socket.socket) -> bool:
    """Whether the server has closed the connection, after everything that it sent is read."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def test_longest_idle_connection_is_closed_first(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_connections, "MAX_CONNECTIONS", 3)
    with connect(served) as first, connect(served) as second, connect(served) as third:
        for client in (first, second, third):
            assert client.recv(8) == b"HTTP/1.1"
        assert lives(first)
        with connect(served) as fourth:
            assert lives(fourth), "the new client is served"
            assert hung_up(second), "the client with the oldest request was disconnected"
            assert lives(first)
            assert lives(third)


def test_connection_that_sent_nothing_is_closed_first(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_connections, "MAX_CONNECTIONS", 2)
    with connect(served) as first, connect(served, asks=0) as silent:
        assert lives(first)
        wait_until(lambda: served.site.connections.number == 2, timeout=20, what="both connections")
        with connect(served) as third:
            assert lives(third)
            assert hung_up(silent)
            assert lives(first)


class Idle:
    """A transport that sends nothing."""

    def __init__(self) -> None:
        self.is_ended = False

    def abort(self) -> None:
        self.is_ended = True


def test_connections_are_limited_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_connections, "MAX_CONNECTIONS", 2)
    transports: list[Any] = [Idle() for _ in range(50)]

    async def open_all() -> None:
        connections = web_connections.Connections()
        for transport in transports:
            connections.opened(transport)
            assert connections.number <= 2 * web_connections.MOST_CONNECTIONS

    asyncio.run(open_all())
    assert not transports[-1].is_ended


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: l\r\n\r\n" * 5000,
        b"POST /sync HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50_000,
        b"POST /sync HTTP/1.1\r\nHost: l\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000,
        b"\xff" * 200_000,
        b"\r\n" * 100_000,
    ],
    ids=["pipeline", "chunks", "body", "junk", "blank lines"],
)
def test_connection_that_sends_too_much_is_closed(served: Served, logged: Log, sent: bytes) -> None:
    with connect(served, asks=0) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
        assert hung_up(client)
    assert served.get("/healthz").status == 200
    assert [entry for entry in logged.entries if entry["level"] in ("warning", "error")] == []


def test_connection_may_send_many_requests(served: Served) -> None:
    with connect(served, asks=0) as client:
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 7000 + b"\r\n\r\n"
        for _ in range(3 * web_connections.MAX_UNANSWERED_BYTES // len(request)):
            client.sendall(request)
            assert b"live" in client.recv(4096)


def test_connection_that_does_not_read_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "SEND_SECONDS", 0.2)
    # far more than all buffers hold
    monkeypatch.setattr(site.Site, "_healthz", _answer_a_lot)
    served = Served(served.site, WebServer(served.site, "127.0.0.1", 0), served.clock)
    assert served.server.start()
    try:
        with connect(served, asks=0) as client:
            wait_until(lambda: bool(served.site.connections.number), timeout=20, what="the connection")
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: not served.site.connections.number, timeout=20, what="the end")
            assert hung_up(client)
        assert served.get("/readyz").status == 200
    finally:
        served.server.stop()


async def _answer_a_lot(_site: Any, _request: Any) -> Any:
    return aiohttp_web.Response(body=b"x" * 16 * 1024 * 1024)


def test_connection_without_http_is_no_error(served: Served, logged: Log) -> None:
    for sent in (
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: l\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", served.server.port), timeout=20) as client:
            client.sendall(sent)
            assert b" 400 " in client.recv(100)
    assert not any("error" in sentence for sentence in logged.sentences)
    assert any(entry["event"] == "malformed request" for entry in logged.entries)

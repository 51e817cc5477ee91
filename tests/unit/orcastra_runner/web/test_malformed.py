# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Malformed requests of all kinds: they cause no error in the log, and no page of the library itself."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socket
import zlib
from collections.abc import Iterator

import pytest

from orcastra_runner.web import connections, site
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.served import TOKEN, Served, acting

HOST = b"Host: localhost\r\n"
AUTHORIZED = HOST + f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = zlib.compress(b"\0" * 10_000_000)

HEADS = {
    "expect": b"Expect: 100-continue\r\n",
    "expect something": b"Expect: something\r\n",
    "expect bad bytes": b"Expect: \xff\xfe\r\n",
    "expect twice": b"Expect: 100-continue\r\nExpect: x\r\n",
    "expect nothing": b"Expect:\r\n",
    "encoding that isn't": b"Content-Encoding: gzip\r\n",
    "unknown encoding": b"Content-Encoding: nonsense\r\n",
    "encoding in bad bytes": b"Content-Encoding: \xff\r\n",
    "many encodings": b"Content-Encoding: gzip, gzip, br, zstd, deflate\r\n",
    "type in bad bytes": b"Content-Type: \xff/\xfe; charset=\xfd\r\n",
    "charset that isn't": b"Content-Type: application/json; charset=nonsense\r\n",
    "form": b"Content-Type: multipart/form-data; boundary=\r\n",
    "authorization in bad bytes": b"Authorization: Bearer \xff\xfe\r\n",
    "etag in bad bytes": b'If-None-Match: "\xff\r\n',
    "accept in bad bytes": b"Accept: \xff\r\nAccept-Encoding: \xff\r\n",
    "upgrade": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n",
    "cookies": b"Cookie: a=b; \xff; =; ;;\r\n",
    "dates": b"If-Modified-Since: never\r\nRange: bytes=x-y\r\n",
    "forwarded": b'Forwarded: for=\xff;"\r\nX-Forwarded-For: x\r\n',
    "origin": b"Origin: \xff\r\nSec-Fetch-Site: \xff\r\n",
    "fold": b"X: a\r\n b\r\n",
    "no name": b": a\r\n",
    "no colon": b"nonsense\r\n",
    "blank in name": b"X Y: a\r\n",
    "nul": b"X: a\0b\r\n",
    "second host": b"Host: evil.example\r\n",
    "long": b"X: " + b"x" * 20_000 + b"\r\n",
    "many": b"X: y\r\n" * 2000,
}
BODIES = {
    "none": b"\r\n",
    "digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "20 digits": b"Content-Length: " + b"9" * 20 + b"\r\n\r\nx",
    "negative": b"Content-Length: -1\r\n\r\n",
    "text": b"Content-Length: x\r\n\r\n",
    "plus": b"Content-Length: +1\r\n\r\nx",
    "digits of others": "Content-Length: ١\r\n\r\nx".encode(),
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "both": b"Content-Length: 1\r\n" + CHUNKED + b"0\r\n\r\n",
    "short": b"Content-Length: 100\r\n\r\nx",
    "gzip": b"Content-Encoding: gzip\r\nContent-Length: 26\r\n\r\n" + gzip.compress(b"{}aaaa", mtime=0),
    "no gzip": b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnonsense",
    "no deflate": b"Content-Encoding: deflate\r\nContent-Length: 8\r\n\r\nnonsense",
    "bomb": b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    "chunks": CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
    "chunk of no size": CHUNKED + b"x\r\n{}\r\n0\r\n\r\n",
    "chunk of negative size": CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    "chunk of any size": CHUNKED + b"f" * 100 + b"\r\n{}",
    "chunk without an end": CHUNKED + b"2\r\n{}xx0\r\n\r\n",
    "chunk in the middle": CHUNKED + b"20\r\n{}",
    "trailers": CHUNKED + b"2\r\n{}\r\n0\r\nnonsense\r\n\xff: \xfe\r\n\r\n",
    "extensions": CHUNKED + b"2;\xff=\xfe\r\n{}\r\n0\r\n\r\n",
    "other coding": b"Transfer-Encoding: gzip\r\n\r\nxx",
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "coding in bad bytes": b"Transfer-Encoding: \xff\r\n\r\nxx",
    "bad bytes": b"Content-Length: 2\r\n\r\n\xff\xfe",
}
LINES = [
    b"GET / HTTP/1.1",
    b"GET /\xff\xfe?\xfd HTTP/1.1",
    b"GET /%ff%00%zz HTTP/1.1",
    b"GET /api/state/../../etc HTTP/1.1",
    b"GET // HTTP/1.1",
    b"GET http://[::1 HTTP/1.1",
    b"GET http://a:b@c:d/ HTTP/1.1",
    b"GET http://localhost:99999999/healthz HTTP/1.1",
    b"GET * HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT localhost:80 HTTP/1.1",
    b"CONNECT / HTTP/1.1",
    b"TRACE / HTTP/1.1",
    b"NONSENSE /sync HTTP/1.1",
    b"HEAD /api/state HTTP/1.0",
    b"GET / HTTP/9.9",
    b"GET / HTTP/x",
    b"GET /",
    b"GET",
    b"",
    b"POST /sync HTTP/1.0",
    b"PRI * HTTP/2.0",
    b"GET /" + b"x" * 20_000 + b" HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00",
]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch, acting(Clock()) as served:
        # so that an incomplete request is answered soon
        patch.setattr(site, "BODY_SECONDS", 0.1)
        patch.setattr(connections, "FIRST_REQUEST_SECONDS", 0.1)
        yield served


def say(served: Served, sent: bytes) -> bytes:
    """Return the response, if there is one before the connection ends."""
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=20) as client:
        answer = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
            answer = client.recv(65536)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                answer += part
        return answer


def check(answer: bytes, logged: Log, what: object) -> None:
    assert b" 500 " not in answer.partition(b"\r\n")[0], what
    assert b"aiohttp" not in answer, what
    found = [entry for entry in logged.entries if entry["level"] in ("warning", "error")]
    assert found == [], what


@pytest.mark.parametrize(
    "line", [b"GET /api/state HTTP/1.1", b"POST /commands HTTP/1.1", b"GET /none HTTP/1.1"]
)
@pytest.mark.parametrize("credentials", [HOST, AUTHORIZED], ids=["unknown", "authorized"])
def test_server_rejects_malformed_heads_and_bodies(
    served: Served, logged: Log, line: bytes, credentials: bytes
) -> None:
    for name, head in HEADS.items():
        for body in (b"\r\n", BODIES["short"], BODIES["chunks"]):
            answer = say(served, line + b"\r\n" + credentials + b"Connection: close\r\n" + head + body)
            check(answer, logged, (name, body))
    for name, body in BODIES.items():
        check(say(served, line + b"\r\n" + credentials + b"Connection: close\r\n" + body), logged, name)
    assert served.get("/healthz").status == 200


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line[:20]))
def test_server_rejects_malformed_request_lines(served: Served, logged: Log, line: bytes) -> None:
    for rest in (
        b"\r\n" + HOST + b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\r\n" + HOST + b"Content-Length: 5\r\n\r\nx",
    ):
        check(say(served, line + rest), logged, (line, rest))


def test_server_survives_requests_with_changed_bytes(served: Served, logged: Log) -> None:
    chance = random.Random(7)
    good = [
        b"POST /commands HTTP/1.1\r\n" + AUTHORIZED + BODIES[name]
        for name in ("chunks", "extensions", "trailers")
    ]
    for _ in range(300):
        request = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            position = chance.randrange(len(request))
            request[position : position + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
        check(say(served, bytes(request)), logged, bytes(request))


def test_server_accepts_expect_continue(served: Served) -> None:
    """curl asks before it sends a large body, and waits for the response."""
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=20) as client:
        head = b"POST /sync HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
        client.sendall(head + AUTHORIZED + b"\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}")
        assert b" 202 " in client.recv(4096)
    # a client without the token gets no permission to send its body
    answer = say(served, head + HOST + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    answer = say(served, head.replace(b"2", b"99999") + AUTHORIZED + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("gzip", 415),
        ("no gzip", 415),
        ("bomb", 415),
        ("chunk of no size", 400),
        ("short", 408),
    ],
)
def test_server_reports_errors_in_a_body(served: Served, body: str, status: int) -> None:
    answer = say(served, b"POST /sync HTTP/1.1\r\n" + AUTHORIZED + BODIES[body])
    assert b" %d " % status in answer.partition(b"\r\n")[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_server_stays_healthy_despite_compressed_bodies(served: Served, logged: Log) -> None:
    """Sixty clients send small bodies that decompress to large ones; each health check is still answered."""
    head = (
        b"POST /sync HTTP/1.1\r\n" + HOST + b"Content-Encoding: deflate\r\nContent-Length: 10000000\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(60):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", served.server.port), timeout=20)
            )
            client.sendall(head)
            clients.append(client)
        for begin in range(0, len(BOMB), 1000):
            for client in clients:
                with contextlib.suppress(ConnectionError):
                    client.sendall(BOMB[begin : begin + 1000])
            assert served.get("/healthz").status == 200
    check(b"", logged, "sixty")

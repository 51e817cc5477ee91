# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that stall, continue with another file or send invalid headers: every request ends."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Discovery, refresh_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._mods import http, replies, sessions
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.replies import FetchError, Pace
from tests.support.coded import raises
from tests.support.mod_server import ModServer, strong

BODY = bytes(range(256)) * 1000
Script = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def server() -> Iterator[ModServer]:
    with ModServer() as server:
        yield server


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetcher]:
    """A fetcher that soon runs out of patience, and tries only twice."""
    monkeypatch.setattr(sessions, "HEADER_SECONDS", 0.2)
    monkeypatch.setattr(replies, "BODY_SECONDS", 3.0)
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    fetcher = Fetcher(5, "test/1", slowest=Pace(1000, 0.2), sleep=lambda _seconds: None)
    yield fetcher
    fetcher.close()


def download(fetcher: Fetcher, url: str, target: Path, **more: Any) -> Any:
    more = {"headers": {}, "trusted": True, "max_bytes": 1_000_000, "entry": "a mod", **more}
    return fetcher.download(url, target, **more)


def drip(data: bytes, *, first: bytes = b"", pause: float = 0.02) -> Script:
    """Send ``first`` at once, then ``data`` byte by byte, over and over, until the client hangs up."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(first)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for byte in data:
                handler.wfile.write(bytes([byte]))
                time.sleep(pause)

    return script


def stall(first: bytes) -> Script:
    """Send ``first``, then nothing until the client hangs up."""

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(first)
        handler.connection.settimeout(60)
        with contextlib.suppress(OSError):
            handler.connection.recv(1)

    return script


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Script] = {
    "chunk sizes": drip(b"0", first=CHUNKED),
    "chunk extensions": drip(b"x", first=CHUNKED + b"5;"),
    "chunk extensions in between": drip(b"1;" + b"x" * 40 + b"\r\na\r\n", first=CHUNKED),
    "the end of a chunk": drip(b"\r", first=CHUNKED + b"5\r\nhello"),
    "trailers": drip(b"X-A: b\r\n", first=CHUNKED + b"5\r\nhello\r\n0\r\n"),
    "one trailer": drip(b"x", first=CHUNKED + b"5\r\nhello\r\n0\r\nX-Long: "),
    "the body": drip(b"x", first=OK + b"Content-Length: 100000\r\n\r\n"),
    "a body without a length": drip(b"x", first=OK + b"\r\n"),
    "nothing of the body": stall(OK + b"Content-Length: 100000\r\n\r\n"),
    "the status": drip(b"H"),
    "header lines": drip(b"X-A: b\r\n", first=OK),
    "one header": drip(b"x", first=OK + b"X-Long: "),
    "interim replies": drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": drip(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "a redirect": drip(b"X-A: b\r\n", first=b"HTTP/1.1 302 Found\r\nLocation: /a\r\n"),
}


@pytest.mark.parametrize("name", SLOW)
def test_download_gives_up_a_dripping_server(
    fetcher: Fetcher, server: ModServer, tmp_path: Path, name: str
) -> None:
    url = server.put("/a", script=SLOW[name])
    (tmp_path / "a").write_text("old")
    with pytest.raises(FetchError) as caught:
        download(fetcher, url, tmp_path / "a")
    assert caught.value.code in ("incomplete", "too_slow", "unreachable")
    assert caught.value.attempts == 2
    assert str(caught.value).startswith("a mod: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("name", ["chunk sizes", "trailers", "the body", "interim replies", "header lines"])
def test_document_gives_up_a_dripping_server(fetcher: Fetcher, server: ModServer, name: str) -> None:
    url = server.put("/a", script=SLOW[name])
    with pytest.raises(FetchError) as caught:
        fetcher.document(url, {}, trusted=True, limit=1000, entry="a mod")
    assert caught.value.attempts == 2


def test_download_limits_the_time_of_a_body(
    fetcher: Fetcher, server: ModServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that is never too slow, but never ends."""
    monkeypatch.setattr(sessions, "HEADER_SECONDS", 5.0)
    monkeypatch.setattr(replies, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(replies, "_LEAST_BYTES_A_SECOND", 10_000_000)
    chunk = b"2000\r\n" + bytes(0x2000) + b"\r\n"

    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(CHUNKED)
        for _number in range(2000):
            handler.wfile.write(chunk)
            time.sleep(0.05)

    url = server.put("/a", script=script)
    with raises(FetchError, "too_slow"):
        download(fetcher, url, tmp_path / "a")


def test_download_limits_the_time_of_a_handshake(fetcher: Fetcher, tmp_path: Path) -> None:
    """The handshake of TLS or a proxy may drip, too."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                # the beginning of a long record of TLS
                connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xf0")
                for _number in range(3000):
                    connection.sendall(b"\x03")
                    time.sleep(0.02)

        threading.Thread(target=serve, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/a"
        with raises(FetchError, "unreachable"):
            download(fetcher, url, tmp_path / "a")


def test_refresh_releases_its_lock_after_a_failure(
    server: ModServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that is given up releases the lock of the folder."""
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    bad, good = server.put("/bad", script=SLOW["chunk sizes"]), server.put("/good", b"x")
    for expected in (1, 0):
        fetcher = Fetcher(5, "test/1", slowest=Pace(1000, 0.3), sleep=lambda _seconds: None)
        found = refresh_mods(build_mods([bad, good], {}), tmp_path, Discovery(), fetcher=fetcher)
        fetcher.close()
        assert (found.busy, found.stored, len(found.failures)) == (False, expected, 1)


def resumed(server: ModServer, status: str, headers: dict[str, str], body: bytes) -> str:
    """Serve a file that stops after 100,000 bytes. The first request for the rest gets this reply."""
    answers = iter([True])

    def script(handler: BaseHTTPRequestHandler) -> None:
        has_range = handler.headers.get("Range") is not None
        if has_range and next(answers, False):
            lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
            head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
            handler.wfile.write(head.encode("latin-1") + body)
            return
        sent = BODY if handler.headers.get("Range") is None and not next(answers, False) else BODY[:100_000]
        head = f"HTTP/1.1 200 OK\r\nETag: {strong(BODY)}\r\nLast-Modified: Mon, 01 Jun 2026 10:00:00 GMT\r\n"
        handler.wfile.write(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + sent)

    first = iter([True])

    def route(handler: BaseHTTPRequestHandler) -> None:
        if next(first, False):
            head = (
                f"HTTP/1.1 200 OK\r\nETag: {strong(BODY)}\r\nLast-Modified: Mon, 01 Jun 2026 10:00:00 GMT\r\n"
            )
            handler.wfile.write(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:100_000])
        else:
            script(handler)

    return server.put("/a", script=route)


SIZE = len(BODY)
REST = f"bytes 100000-{SIZE - 1}/{SIZE}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": REST, "ETag": '"another"'},
        {"Content-Range": REST, "ETag": f"W/{strong(BODY)}"},
        {"Content-Range": REST, "ETag": strong(BODY), "Last-Modified": "Tue, 02 Jun 2026 10:00:00 GMT"},
        {"Content-Range": REST, "Last-Modified": "Tue, 02 Jun 2026 10:00:00 GMT"},
        {"Content-Range": REST},
        {"Content-Range": REST, "ETag": strong(BODY), "Content-Encoding": "gzip"},
        {"ETag": strong(BODY)},
        {"Content-Range": f"bytes 0-{SIZE - 100_001}/{SIZE}", "ETag": strong(BODY)},
        {"Content-Range": f"bytes 100001-{SIZE}/{SIZE}", "ETag": strong(BODY)},
        {"Content-Range": f"bytes 100000-{SIZE}/{SIZE + 1}", "ETag": strong(BODY)},
        {"Content-Range": f"bytes 100000-{SIZE - 1}/{SIZE - 5}", "ETag": strong(BODY)},
        {"Content-Range": f"bytes 100000-99999/{SIZE}", "ETag": strong(BODY)},
        {"Content-Range": f"bytes 100000-100009/{SIZE}", "ETag": strong(BODY)},
        {"Content-Range": f"bytes */{SIZE}", "ETag": strong(BODY)},
        {"Content-Range": f"items 100000-{SIZE - 1}/{SIZE}", "ETag": strong(BODY)},
        {"Content-Range": "bytes " + "9" * 5000 + "-" + "9" * 5000 + "/*", "ETag": strong(BODY)},
        {"Content-Type": "multipart/byteranges; boundary=x", "ETag": strong(BODY)},
    ],
    ids=range(17),
)  # fmt: skip
def test_resume_refuses_a_part_of_another_file(
    server: ModServer, tmp_path: Path, headers: dict[str, str]
) -> None:
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    url = resumed(server, "206 Partial Content", headers, b"!" * (SIZE - 100_000))
    got = download(fetcher, url, tmp_path / "a")
    fetcher.close()
    assert (tmp_path / "a").read_bytes() == BODY
    asked = [one.headers.get("Range") for one in server.asked]
    # the rest, and then the whole file
    assert (asked[:3], got.attempts) == ([None, "bytes=100000-", None], 3)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": REST, "ETag": strong(BODY)},
        {"Content-Range": f"bytes 100000-{SIZE - 1}/*", "ETag": strong(BODY)},
        {"content-range": f"BYTES  100000-{SIZE - 1}/{SIZE}", "etag": strong(BODY)},
        {"Content-Range": REST, "Last-Modified": "Mon, 01 Jun 2026 10:00:00 GMT"},
    ],
    ids=range(4),
)
def test_resume_appends_the_missing_part(server: ModServer, tmp_path: Path, headers: dict[str, str]) -> None:
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    url = resumed(server, "206 Partial Content", headers, BODY[100_000:])
    got = download(fetcher, url, tmp_path / "a")
    fetcher.close()
    assert ((tmp_path / "a").read_bytes(), got.attempts) == (BODY, 2)


@pytest.mark.parametrize(
    "length",
    [
        "9" * 5000,
        "9" * 30,
        "-1",
        "+5",
        "5_0",
        "0x5",
        "five",
        "5.0",
        "1e3",
        "",
        " ",
        "5, 6",
        "\xb2",
        "5;",
        "5 5",
    ],
    ids=range(15),
)
def test_fetcher_refuses_an_invalid_content_length(server: ModServer, tmp_path: Path, length: str) -> None:
    (tmp_path / "a").write_text("old")
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    head = OK + b"Content-Length: " + length.encode("latin-1") + b"\r\n\r\n12345"
    url = server.put("/a", script=lambda handler: handler.wfile.write(head))
    for ask in (
        lambda: download(fetcher, url, tmp_path / "a"),
        lambda: fetcher.document(url, {}, trusted=True, limit=1000, entry="a mod"),
    ):
        with pytest.raises(FetchError) as caught:
            ask()
        assert caught.value.code in ("invalid_length", "invalid_request")
        assert len(str(caught.value)) < 300
    fetcher.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"12345"),
        (b"Content-Length: 5, 5\r\n", b"12345"),
        (b"Content-Length: 0005\r\n", b"12345"),
        (b"Content-Length:   5  \r\n", b"12345"),
        (b"Content-Length: 999\r\nTransfer-Encoding: chunked\r\n", b"5\r\n12345\r\n0\r\n\r\n"),
        (b"", b"12345"),
    ],
    ids=range(6),
)
def test_download_accepts_valid_content_lengths(
    server: ModServer, tmp_path: Path, head: bytes, body: bytes
) -> None:
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    url = server.put("/a", script=lambda handler: handler.wfile.write(OK + head + b"\r\n" + body))
    download(fetcher, url, tmp_path / "a")
    fetcher.close()
    assert (tmp_path / "a").read_bytes() == b"12345"


def test_download_refuses_304_without_a_condition(server: ModServer, tmp_path: Path) -> None:
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    url = server.put("/a", script=lambda handler: handler.wfile.write(b"HTTP/1.1 304 Not Modified\r\n\r\n"))
    with raises(FetchError, "status"):
        download(fetcher, url, tmp_path / "a")
    fetcher.close()


def test_download_ignores_an_oversized_etag(server: ModServer, tmp_path: Path) -> None:
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    etag = f'"{"x" * 5000}"'
    url = server.put("/a", BODY, etag=etag, breaks=[100_000])
    got = download(fetcher, url, tmp_path / "a")
    fetcher.close()
    assert (got.etag, server.asked[1].headers.get("Range")) == (None, None)
    assert (tmp_path / "a").read_bytes() == BODY

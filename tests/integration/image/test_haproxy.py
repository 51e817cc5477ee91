# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""container/socket-proxy.cfg in a real HAProxy, in front of a server that accepts every request."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.image.stacks import PROXY_CONFIGURATION
from tests.lab import packages
from tests.lab.locks import exclusive
from tests.lab.names import PREFIX
from tests.lab.wait import wait_until
from tests.support import image_build
from tests.support.proxied_calls import ALLOWED, FOREIGN, REFUSED, requests_of

pytestmark = pytest.mark.lab

HOST = b"Host: engine\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


class Engine:
    """Answers every request, and switches to any requested protocol."""

    def __init__(self, path: Path) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            self.heard.append(head)
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            connection.sendall(SWITCH % fields[b"upgrade"] if b"upgrade" in fields else ANSWER)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Proxy:
    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self.engine = engine

    def say(self, request: bytes) -> int:
        """Return the status of the response."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self._path))
            connection.sendall(request)
            answer = b""
            while b"\r\n" not in answer and (part := connection.recv(65536)):
                answer += part
            return int(answer.split()[1])

    def ask(self, method: str, path: str, headers: bytes = b"") -> int:
        body = b"{}" if method == "POST" else b""
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        return self.say(f"{method} {path} HTTP/1.1\r\n".encode() + HOST + headers + length + b"\r\n" + body)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with exclusive(f"{PREFIX}-haproxy"):
        packages.provide("haproxy", "haproxy")
    folder = tmp_path_factory.mktemp("proxy")
    text = (image_build.ROOT / PROXY_CONFIGURATION).read_text("utf-8")
    for path, name in (("/run/engine/docker.sock", "front"), ("/var/run/docker.sock", "back")):
        assert text.count(f"unix@{path}") == 1
        text = text.replace(f"unix@{path}", f"unix@{folder / name}")
    (folder / "haproxy.cfg").write_text(text)
    engine = Engine(folder / "back")
    with (
        (folder / "log").open("wb") as output,
        subprocess.Popen(
            ["/usr/sbin/haproxy", "-db", "-f", str(folder / "haproxy.cfg")], stdout=output, stderr=output
        ) as process,
    ):
        try:
            wait_until(
                lambda: (folder / "front").exists() or process.poll() is not None, 30, "HAProxy to listen"
            )
            assert process.poll() is None, (folder / "log").read_text()
            yield Proxy(folder / "front", engine)
        finally:
            process.terminate()
            engine.close()


def test_proxy_allows_orcastra_requests(proxy: Proxy) -> None:
    calls = requests_of(*(call for found in ALLOWED.values() for call in found))
    assert len(calls) > 30
    assert [call for call in calls if proxy.ask(*call) != 200] == []


def test_proxy_refuses_other_requests(proxy: Proxy) -> None:
    before = len(proxy.engine.heard)
    calls = [*requests_of(*REFUSED.values()), *FOREIGN]
    assert [call for call in calls if proxy.ask(*call) != 403] == []
    assert len(proxy.engine.heard) == before


@pytest.mark.parametrize(
    "headers",
    [
        b"Connection: Upgrade\r\nUpgrade: tcp\r\n",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n",
        b"connection: UPGRADE\r\nuPGRADE: tcp\r\n",
        b"Upgrade: tcp\r\n",
        b"Upgrade:\r\nConnection: Upgrade\r\n",
        b"Connection: close\r\nConnection: upgrade\r\nUpgrade: tcp\r\n",
        b"Upgrade: a\r\nUpgrade: b\r\nConnection: upgrade\r\n",
    ],
)
@pytest.mark.parametrize(
    "call", [("GET", "/info"), ("POST", "/containers/abc/restart?t=1"), ("GET", "/nodes")]
)
def test_proxy_refuses_other_protocols(proxy: Proxy, call: tuple[str, str], headers: bytes) -> None:
    before = len(proxy.engine.heard)
    assert proxy.ask(*call) == 200
    assert proxy.ask(*call, headers) in (400, 403)
    assert len(proxy.engine.heard) == before + 1

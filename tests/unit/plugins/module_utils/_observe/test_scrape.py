# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Query many endpoints concurrently, some of which hang, send slowly, or send garbage."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.scrape import Answer, Question, ask_all


class Server(http.server.ThreadingHTTPServer):
    """Answers ``/fine``, and misbehaves at other paths until it is closed."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        if self.path.startswith("/hang"):
            server.closing.wait()
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/rude":
            self.wfile.write(b"hello\r\n")
            return
        if self.path == "/ftp":
            self.send_response(302)
            self.send_header("Location", f"ftp://127.0.0.1:{server.server_address[1]}/fine")
            self.end_headers()
            return
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"node_memory_MemTotal_bytes 1")
            return
        self.send_response(200)
        self.end_headers()
        if self.path == "/drip":
            while not server.closing.wait(0.02):
                with contextlib.suppress(OSError):
                    self.wfile.write(b"x")
        elif self.path == "/flood":
            with contextlib.suppress(OSError):
                while not server.closing.is_set():
                    self.wfile.write(b"x" * 65536)
        else:
            self.wfile.write(self.path.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


class Text:
    """Reads the whole body."""

    def __init__(self, content_type: str = "") -> None:
        self.body = b""

    def feed(self, chunk: bytes) -> None:
        self.body += chunk

    def close(self) -> str:
        return self.body.decode()


def ask(*urls: str, timeout: float = 5, **options: object) -> dict[str, Answer]:
    return ask_all([Question(url, Text) for url in urls], timeout_seconds=timeout, **options)  # type: ignore[arg-type]


def test_ask_all_returns_at_deadline_despite_hanging_endpoints(server: Server) -> None:
    hanging = [f"{server.url}/hang/{number}" for number in range(10)]
    fine = [f"{server.url}/fine/{number}" for number in range(90)]
    started = time.monotonic()
    answers = ask(*hanging, *fine, timeout=2)
    assert time.monotonic() - started < 3
    assert [answers[url].value for url in fine] == [f"/fine/{number}" for number in range(90)]
    assert {answers[url].problem for url in hanging} <= {"no answer within 2 s", "no answer in time"}


def test_ask_all_returns_early_without_hanging_endpoints(server: Server) -> None:
    started = time.monotonic()
    assert ask(f"{server.url}/a", f"{server.url}/b", timeout=30)[f"{server.url}/b"].value == "/b"
    assert time.monotonic() - started < 10


def test_ask_all_cuts_slow_endpoint_at_deadline(server: Server) -> None:
    started = time.monotonic()
    answer = ask(f"{server.url}/drip", timeout=0.5)[f"{server.url}/drip"]
    assert time.monotonic() - started < 3
    assert answer.value is None
    assert answer.problem in ("no answer within 0.5 s", "no answer in time")


def test_ask_all_rejects_large_answer(server: Server) -> None:
    url = f"{server.url}/flood"
    answers = ask_all([Question(url, Text, 2 * 1024 * 1024)], timeout_seconds=5)
    assert answers[url].problem == "expected metrics, found more than 2 MiB"


def test_ask_all_rejects_truncated_answer(server: Server) -> None:
    url = f"{server.url}/short"
    assert ask(url)[url] == Answer(problem="expected metrics, found a truncated answer")


def test_ask_all_rejects_redirect_to_other_protocol(server: Server) -> None:
    url = f"{server.url}/ftp"
    assert ask(url)[url] == Answer(problem="unknown url type: ftp")


def test_ask_all_explains_failures(server: Server) -> None:
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        answers = ask(f"{server.url}/missing", f"{server.url}/rude", closed)
    assert answers[f"{server.url}/missing"].problem == "expected metrics, found HTTP status 404"
    rude = answers[f"{server.url}/rude"].problem
    assert rude == "expected metrics, found an answer that is not HTTP"
    assert answers[closed].problem == "Connection refused"


def test_ask_all_includes_error_of_reader(server: Server) -> None:
    class SwarmSnapshot(Text):
        def close(self) -> str:
            raise ValueError("a picture")

    url = f"{server.url}/a"
    answer = ask_all([Question(url, SwarmSnapshot)], timeout_seconds=5)[url]
    assert answer.problem == "expected metrics, found a picture"


def test_ask_all_uses_proxies_only_if_enabled(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    nowhere = "http://192.0.2.1/metrics"
    assert ask(nowhere, timeout=0.3)[nowhere].value is None
    assert ask(nowhere, use_proxy=True)[nowhere].value == nowhere


def test_ask_all_rejects_invalid_ca_file(tmp_path: Path) -> None:
    with pytest.raises(OrcastraError, match="expected a file of CA certificates"):
        ask("https://127.0.0.1:1/", ca_path=str(tmp_path / "none.pem"))


@pytest.fixture
def private(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An HTTPS endpoint with a certificate from a private CA: its URL, and the file of the CA."""
    ca, key, cert = tmp_path / "ca.pem", tmp_path / "key.pem", tmp_path / "cert.pem"
    names = tmp_path / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    for command in (
        f"req -x509 {new_key} -days 2 -subj /CN=ca -keyout {ca}.key -out {ca}",
        f"req {new_key} -subj /CN=exporter -keyout {key} -out {cert}.csr",
        f"x509 -req -in {cert}.csr -CA {ca} -CAkey {ca}.key -set_serial 2 -out {cert} -extfile {names}",
    ):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Server() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url.replace("http://", "https://") + "/fine", str(ca)
        server.closing.set()
        server.shutdown()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_ask_all_verifies_certificate(private: tuple[str, str]) -> None:
    url, ca = private
    assert ask(url, ca_path=ca)[url].problem is None
    assert str(ask(url)[url].problem).startswith("its certificate cannot be verified")
    assert ask(url, validate_certs=False)[url].problem is None

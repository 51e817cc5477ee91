# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that delay every part of HTTP: after the deadline, no connection and no thread remains."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe import deadline as deadline_module
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.deadline import Deadline
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import TextReader
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.scrape import Answer, Question, ask_all
from tests.lab.wait import wait_until
from tests.unit.plugins.module_utils._observe.hostile import DRIPS, OK, hostile

READER = partial(TextReader, ("t",), ("t",))


def ask(url: str, seconds: float = 0.3, **options: Any) -> Answer:
    question = Question(url, options.pop("reader", READER), **options)
    return ask_all([question], timeout_seconds=seconds)[url]


def open_sockets() -> set[str]:
    """The sockets of this process."""
    found = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(file.readlink())
            if target.startswith("socket:"):
                found.add(target)
    return found


@pytest.fixture
def no_leftovers() -> Iterator[None]:
    """Fails if the test leaves new threads or sockets behind."""
    gc.collect()
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    # the server side may need a moment to end
    wait_until(lambda: set(threading.enumerate()) <= threads, timeout=20, what="the threads to end")
    wait_until(lambda: open_sockets() <= sockets, timeout=20, what="the sockets to close")


@pytest.mark.parametrize("kind", DRIPS)
def test_deadline_ends_slow_answer(kind: str, no_leftovers: None) -> None:
    with hostile(DRIPS[kind]) as server:
        threads = threading.active_count()
        answer = ask(server.url)
        assert answer.value is None
        assert answer.problem
        # except for those of the server
        wait_until(lambda: threading.active_count() <= threads, timeout=20, what="the threads to end")


def test_deadline_ends_many_slow_answers(no_leftovers: None) -> None:
    with hostile(DRIPS["headers"]) as server:
        for _ in range(2):
            questions = [Question(f"{server.url}/{number}", READER) for number in range(100)]
            answers = ask_all(questions, timeout_seconds=0.5)
            assert all(answer.problem for answer in answers.values())


@pytest.mark.parametrize("kind", ["nothing", "status line", "headers"])
def test_deadline_ends_tls_handshake(kind: str, no_leftovers: None) -> None:
    script = {
        "nothing": DRIPS["nothing"],
        # the start of an endless TLS record
        "headers": lambda: iter([b"\x16\x03\x03\x40\x00", *[b"\x02"] * 100_000]),
        # text instead of a TLS record
        "status line": DRIPS["status line"],
    }[kind]
    with hostile(script) as server:
        answer = ask(f"https://{server.address}/metrics")
        assert answer.value is None
        assert answer.problem


def test_deadline_ends_connection_attempt(no_leftovers: None) -> None:
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # fill the backlog
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        assert ask(f"http://127.0.0.1:{listener.getsockname()[1]}/").problem


def test_deadline_shares_hanging_lookup_of_a_name(
    monkeypatch: pytest.MonkeyPatch, no_leftovers: None
) -> None:
    answers = threading.Event()
    lookups = []

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        lookups.append(host)
        assert answers.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(deadline_module.socket, "getaddrinfo", look_up)
    threads = threading.active_count()
    for _ in range(3):
        questions = [Question(f"http://slow.example:9100/{number}", READER) for number in range(5)]
        found = ask_all(questions, timeout_seconds=1)
        assert all(answer.problem for answer in found.values())
        assert threading.active_count() <= threads + 1
    assert lookups == ["slow.example"]
    # addresses need no DNS lookup
    assert ask("http://127.0.0.1:9/", 5).problem == "Connection refused"
    assert ask("http://[::1]:9/", 5).problem != "no answer in time"
    answers.set()
    wait_until(lambda: not deadline_module._lookups, timeout=20, what="the lookup to end")
    # the next request starts a new lookup
    assert ask("http://slow.example:9100/", 5).problem == "Name or service not known"
    assert lookups == ["slow.example"] * 2


@pytest.mark.parametrize("host", ["no.such.name.invalid", "a..b", "x" * 70, "xn--\u00fc", "."])
def test_invalid_host_name_is_a_problem(host: str) -> None:
    assert ask(f"http://{host}:9100/", 20).problem


def test_cut_connections_can_be_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        deadline = Deadline(30)
        with deadline.connections() as connections, connections.open(listener.getsockname()) as connection:
            deadline.cut()
            deadline.cut()
            assert connection.recv(1) == b""
        assert deadline.is_over
        with pytest.raises(TimeoutError):
            deadline.left()
        # a connection that is opened after the deadline ends at once
        with deadline.connections() as connections, pytest.raises(TimeoutError):
            connections.open(listener.getsockname())


def page_of(line: bytes, size: int) -> bytes:
    return OK + b"\r\n" + line * (size // len(line))


@pytest.mark.parametrize(
    "line",
    [
        b'orcastra_container_memory_bytes{task_id="t%d",service_id="s"} 1\n',
        b'container_memory_working_set_bytes{container_label_com_docker_swarm_task_id="t%d"} 1\n',
        b"node_memory_MemTotal_bytes 1e9\n",
        b'node_cpu_seconds_total{cpu="0",mode="idle"} 1\n',
        b"\n",
        b"# HELP x " + b"y" * 100_000,
        b'orcastra_container_memory_bytes{task_id="' + b"t" * 8000 + b'"} 1\n',
    ],
    ids=["textfile", "cadvisor", "node", "other", "blank", "endless", "long"],
)
def test_large_page_needs_little_memory(line: bytes, no_leftovers: None) -> None:
    page = page_of(line, 15 * 1024 * 1024)
    with hostile(lambda: iter([page])) as server:
        ask(server.url, 0.5, reader=None)
        tracemalloc.start()
        try:
            answer = ask(server.url, 30)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.value is not None or "samples" in str(answer.problem)
    assert peak < 8 * 1024 * 1024


def test_compressed_answer_is_rejected(no_leftovers: None) -> None:
    with hostile(lambda: iter([OK + b"Content-Encoding: gzip\r\n\r\n" + b"\x1f\x8b" + b"x" * 100])) as server:
        assert "Content-Encoding" in str(ask(server.url, 5).problem)


REDIRECT = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "


def test_redirect_to_other_host_is_not_followed() -> None:
    with hostile(lambda: iter([OK + b"Content-Length: 0\r\n\r\n"])) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with hostile(lambda: iter([REDIRECT + elsewhere.encode() + b"\r\n\r\n"])) as server:
            assert "302" in str(ask(server.url, 5).problem)
        assert other.heard == []


def test_headers_are_not_sent_to_other_port_or_shown() -> None:
    headers = {"Authorization": "Basic c2VjcmV0"}
    with hostile(lambda: iter([b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"])) as other:
        with hostile(lambda: iter([REDIRECT + other.url.encode() + b"\r\n\r\n"])) as server:
            answer = ask(server.url, 5, headers=headers)
            assert b"Authorization: Basic c2VjcmV0" in server.heard[0]
            assert "c2VjcmV0" not in f"{answer}{Question(server.url, headers=headers)}"
        assert b"c2VjcmV0" not in other.heard[0]
        assert "401" in str(answer.problem)


def test_headers_are_sent_again_after_redirect_on_same_server() -> None:
    replies = iter([REDIRECT + b"/metrics/\r\n\r\n", OK + b"Content-Length: 4\r\n\r\nm 1\n"])
    with hostile(lambda: iter([next(replies)])) as server:
        answer = ask(server.url, 5, headers={"Authorization": "Basic c2VjcmV0"})
        assert answer.problem is None
        assert [b"c2VjcmV0" in heard for heard in server.heard] == [True, True]


def test_question_without_reader_returns_status(no_leftovers: None) -> None:
    with hostile(DRIPS["body"]) as server:
        answer = ask(server.url, 20, reader=None, body=b"{}")
        assert (answer.value, answer.problem) == (200, None)
        assert server.heard[0].startswith(b"POST ")

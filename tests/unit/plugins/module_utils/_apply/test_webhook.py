# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The webhook: a time limit, only the status counts, and the URL stays secret."""

from __future__ import annotations

import json
import threading

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import webhook
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.webhook import notify, notify_all
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from tests.lab.wait import wait_until
from tests.unit.plugins.module_utils._observe.hostile import DRIPS, OK, Script, hostile

MESSAGE = {"text": "ünï", "event": "healed"}


def always(*parts: bytes) -> Script:
    return lambda: iter(parts)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_notify_posts_json(status: int) -> None:
    with hostile(always(b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nok" % status)) as server:
        notify(f"{server.url}/secret?key=value#fragment", MESSAGE)
        head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /metrics/secret?key=value HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert b"User-Agent: orcastra" in head
    assert json.loads(body) == MESSAGE


def test_notify_sends_the_credentials_of_the_url() -> None:
    with hostile(always(OK + b"Content-Length: 0\r\n\r\n")) as server:
        notify(server.url.replace("//", "//me:p%40ss@"), MESSAGE)
        assert b"Authorization: Basic bWU6cEBzcw==" in server.heard[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/secret",
        "http://secret:secret@127.0.0.1:9/",
        "nonsense/secret",
        "http://[secret",
        "http://127.0.0.1:secret/",
        "http:///secret",
        "ftp://127.0.0.1/secret",
        "file:///secret",
        "http://127.0.0.1:9/secret with blanks",
        "http://127.0.0.1:9/secret\r\nX: y",
        "http://127.0.0.1:9/secret\x00",
        "",
    ],
)
def test_notify_hides_the_url_of_a_failed_request(url: str) -> None:
    with pytest.raises(OrcastraError) as caught:
        notify(url, MESSAGE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 404 /secret is not here\r\nContent-Length: 7\r\n\r\nsecret!",
        b"HTTP/1.1 500 secret\r\n\r\n" + b"secret" * 1000,
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=secret\r\n\r\n",
        b"HTTP/1.1 secret\r\n\r\n",
        b"secret\r\n",
        b"HTTP/1.1 200 OK\r\nsecret\r\n" + b"X: " + b"secret" * 20_000,
        b"",
    ],
)
def test_notify_hides_the_answer_of_the_server(reply: bytes) -> None:
    with hostile(always(reply)) as server, pytest.raises(OrcastraError) as caught:
        notify(f"{server.url}/secret", MESSAGE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_notify_follows_no_redirect(status: int) -> None:
    with hostile(always(OK + b"Content-Length: 0\r\n\r\n")) as other:
        location = other.url.encode()
        reply = b"HTTP/1.1 %d Over there\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location)
        with hostile(always(reply)) as server, pytest.raises(OrcastraError, match=str(status)):
            notify(server.url, MESSAGE)
        assert other.heard == []


@pytest.mark.parametrize("kind", ["nothing", "status line", "headers", "one header", "100 Continue"])
def test_notify_gives_up_a_dripping_server(kind: str) -> None:
    threads = threading.active_count()
    with hostile(DRIPS[kind]) as server, pytest.raises(OrcastraError, match="no answer"):
        notify(server.url, MESSAGE, 0.3)
    wait_until(lambda: threading.active_count() <= threads, timeout=20, what="the threads to end")


@pytest.mark.parametrize("kind", ["body", "chunks", "trailers", "body with a length"])
def test_notify_reads_only_the_status(kind: str) -> None:
    with hostile(DRIPS[kind]) as server:
        notify(server.url, MESSAGE)


def test_notify_all_shares_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.3)
    with hostile(DRIPS["headers"]) as server:
        problems = notify_all(server.url, [MESSAGE] * 10)
        assert len(server.heard) < 10
    assert len(problems) <= 3
    assert "messages" in problems[-1]


def test_notify_all_continues_after_a_failure() -> None:
    replies = iter([b"HTTP/1.1 500 No\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"])
    with hostile(lambda: iter([next(replies)])) as server:
        problems = notify_all(server.url, [MESSAGE, MESSAGE])
        assert (len(problems), len(server.heard)) == (1, 2)
    assert notify_all("http://127.0.0.1:9/", []) == ()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A webhook has a limited time, says nothing but its status, and stays a secret."""

from __future__ import annotations

import json
import threading

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import webhook
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.webhook import tell, tell_all
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from tests.lab.wait import wait_until
from tests.unit.plugins.module_utils._observe.hostile import DRIPS, OK, Script, hostile

MESSAGE = {"text": "ünï", "event": "healed"}


def always(*parts: bytes) -> Script:
    return lambda: iter(parts)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_message_is_posted_as_json(status: int) -> None:
    with hostile(always(b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nok" % status)) as server:
        tell(f"{server.url}/secret?key=value#fragment", MESSAGE)
        head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /metrics/secret?key=value HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert b"User-Agent: orcastra" in head
    assert json.loads(body) == MESSAGE


def test_user_and_password_of_the_url_are_sent_as_such() -> None:
    with hostile(always(OK + b"Content-Length: 0\r\n\r\n")) as server:
        tell(server.url.replace("//", "//me:p%40ss@"), MESSAGE)
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
def test_what_cannot_be_told_keeps_its_secret(url: str) -> None:
    with pytest.raises(OrcastraError) as caught:
        tell(url, MESSAGE)
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
def test_a_failure_is_told_without_what_the_server_says(reply: bytes) -> None:
    with hostile(always(reply)) as server, pytest.raises(OrcastraError) as caught:
        tell(f"{server.url}/secret", MESSAGE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with hostile(always(OK + b"Content-Length: 0\r\n\r\n")) as other:
        location = other.url.encode()
        reply = b"HTTP/1.1 %d Over there\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location)
        with hostile(always(reply)) as server, pytest.raises(OrcastraError, match=str(status)):
            tell(server.url, MESSAGE)
        assert other.heard == []


@pytest.mark.parametrize("kind", ["nothing", "status line", "headers", "one header", "100 Continue"])
def test_one_that_drips_is_left_at_the_deadline(kind: str) -> None:
    threads = threading.active_count()
    with hostile(DRIPS[kind]) as server, pytest.raises(OrcastraError, match="no answer"):
        tell(server.url, MESSAGE, 0.3)
    wait_until(lambda: threading.active_count() <= threads, timeout=20, what="the threads to end")


@pytest.mark.parametrize("kind", ["body", "chunks", "trailers", "body with a length"])
def test_what_is_behind_the_status_does_not_matter(kind: str) -> None:
    with hostile(DRIPS[kind]) as server:
        tell(server.url, MESSAGE)


def test_all_messages_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.3)
    with hostile(DRIPS["headers"]) as server:
        problems = tell_all(server.url, [MESSAGE] * 10)
        assert len(server.heard) < 10
    assert len(problems) <= 3
    assert "messages" in problems[-1]


def test_each_message_is_sent_although_another_fails() -> None:
    replies = iter([b"HTTP/1.1 500 No\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"])
    with hostile(lambda: iter([next(replies)])) as server:
        problems = tell_all(server.url, [MESSAGE, MESSAGE])
        assert (len(problems), len(server.heard)) == (1, 2)
    assert tell_all("http://127.0.0.1:9/", []) == ()

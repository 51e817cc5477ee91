# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import email.utils
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._mods import sessions
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.content import Beginning
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.replies import FetchError, Pace, shown
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.sessions import is_public
from tests.support.coded import raises
from tests.support.mod_server import ModServer

BODY = random.Random(1).randbytes(300_000)


@pytest.fixture
def server() -> Iterator[ModServer]:
    with ModServer() as server:
        yield server


@pytest.fixture
def other() -> Iterator[ModServer]:
    with ModServer("127.0.0.2") as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def fetcher(pauses: list[float]) -> Iterator[Fetcher]:
    fetcher = Fetcher(5, "test/1", now=lambda: 1000.0, sleep=pauses.append, jitter=lambda: 1.0)
    yield fetcher
    fetcher.close()


def download(fetcher: Fetcher, url: str, target: Path, **more: Any) -> Any:
    more = {"headers": {}, "trusted": True, "max_bytes": 10_000_000, "entry": "a mod", **more}
    return fetcher.download(url, target, **more)


def test_download_stores_a_complete_file(fetcher: Fetcher, server: ModServer, tmp_path: Path) -> None:
    url = server.put("/a.jar", BODY)
    seen: list[tuple[int, int | None]] = []
    got = download(fetcher, url, tmp_path / "a.jar", progress=lambda *now: seen.append(now))
    assert (tmp_path / "a.jar").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a.jar"]
    assert (tmp_path / "a.jar").stat().st_mode & 0o7777 == 0o644
    assert (got.is_new, got.size, got.attempts) == (True, len(BODY), 1)
    assert got.digests == {"sha256": hashlib.sha256(BODY).hexdigest()}
    assert seen[-1] == (len(BODY), len(BODY))
    assert server.asked[0].headers["User-Agent"] == "test/1"
    again = download(fetcher, url, tmp_path / "a.jar", headers={"If-None-Match": got.etag})
    assert (again.is_new, server.served_bytes) == (False, len(BODY))


def test_download_resumes_only_with_a_strong_validator(
    fetcher: Fetcher, server: ModServer, tmp_path: Path
) -> None:
    url = server.put("/a", BODY, breaks=[100_000, 50_000])
    got = download(fetcher, url, tmp_path / "a", headers={"If-None-Match": '"old"'})
    assert ((tmp_path / "a").read_bytes(), got.attempts) == (BODY, 3)
    assert [asked.headers.get("Range") for asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert server.asked[1].headers["If-Range"] == got.etag
    assert "If-None-Match" not in server.asked[1].headers
    server.asked.clear()
    url = server.put("/b", BODY, breaks=[100_000], etag='W/"weak"')
    download(fetcher, url, tmp_path / "b")
    assert ((tmp_path / "b").read_bytes(), server.asked[1].headers.get("Range")) == (BODY, None)
    # the file has changed in between: download it again from the start
    url = server.put("/c", BODY, breaks=[100_000])
    new = b"new" * 100_000
    pause = fetcher._sleep
    fetcher._sleep = lambda _seconds: server.put("/c", new)  # type: ignore[assignment]
    download(fetcher, url, tmp_path / "c")
    fetcher._sleep = pause
    assert (tmp_path / "c").read_bytes() == new


def test_request_limits_the_time_of_headers(
    fetcher: Fetcher, server: ModServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "HEADER_SECONDS", 0.3)
    url = server.put("/a", header_trickle=True)
    with raises(FetchError, "unreachable"):
        fetcher.request("GET", url, {}, trusted=True)


def test_download_refuses_interrupted_headers(fetcher: Fetcher, server: ModServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    url = server.put("/a", header_breaks=True)
    with raises(FetchError, "incomplete"):
        download(fetcher, url, tmp_path / "a")
    assert (tmp_path / "a").read_text() == "old"
    server.put("/a", b"")
    assert download(fetcher, url, tmp_path / "a").size == 0


def test_download_resumes_a_trickling_body(server: ModServer, tmp_path: Path, pauses: list[float]) -> None:
    fetcher = Fetcher(5, "test/1", slowest=Pace(1000, 0.2), sleep=pauses.append, jitter=lambda: 1.0)
    url = server.put("/a", BODY, trickles=[100_000, 50_000])
    got = download(fetcher, url, tmp_path / "a")
    assert ((tmp_path / "a").read_bytes(), got.attempts) == (BODY, 3)
    starts = [int(asked.headers["Range"].strip("bytes=-")) for asked in server.asked[1:]]
    assert 100_000 <= starts[0] < 101_000
    assert 150_000 <= starts[1] < 152_000
    url = server.put("/b", BODY, trickles=[0] * 5)
    with raises(FetchError, "too_slow") as caught:
        download(fetcher, url, tmp_path / "b")
    assert caught.value.attempts == 5
    with raises(FetchError, "too_slow"):
        fetcher.document(server.put("/c", BODY, trickles=[0] * 5), {}, trusted=True, limit=1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    fetcher.close()


@pytest.mark.parametrize(
    ("item", "more", "code"),
    [
        ({"breaks": [10] * 5, "etag": None}, {}, "incomplete"),
        ({"intent_edits": 400_000, "etag": None}, {}, "incomplete"),
        (
            {"intent_edits": 200_000},
            {"digest": "sha256:" + hashlib.sha256(BODY).hexdigest()},
            "wrong_digest",
        ),
        ({}, {"digest": "sha512:" + "0" * 128}, "wrong_digest"),
        ({}, {"digest": "sha257:12"}, "invalid_digest"),
        ({}, {"max_bytes": 299_999}, "too_large"),
        ({"intent_edits": 2**40}, {}, "too_large"),
        ({}, {"size": 5}, "wrong_size"),
        ({}, {"check": Beginning(lambda start: "not gzip")}, "wrong_content"),
        ({"status": 204}, {}, "status"),
        ({"failures": [(404, {})]}, {}, "status"),
    ],
)
def test_download_failure_keeps_the_old_file(
    fetcher: Fetcher, server: ModServer, tmp_path: Path, item: dict, more: dict, code: str
) -> None:
    url = server.put("/a?token=secret", BODY, **item)
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with raises(FetchError, code) as caught:
        download(fetcher, url, target, **more)
    assert str(caught.value).startswith("a mod: ")
    assert "secret" not in str(caught.value)
    assert (target.read_bytes(), [path.name for path in tmp_path.iterdir()]) == (b"old", ["a"])


def test_request_drops_headers_at_another_origin(
    fetcher: Fetcher, server: ModServer, other: ModServer, tmp_path: Path
) -> None:
    url = server.put("/a", redirect="/b")
    server.put("/b", redirect=other.url + "/c")
    other.put("/c", redirect=server.url + "/d")
    server.put("/d", BODY)
    headers = {"Authorization": "Bearer x", "X-Token": "y", "Accept": "application/octet-stream"}
    download(fetcher, url, tmp_path / "a", headers=headers)
    sent = [asked.headers for asked in (*server.asked, *other.asked)]
    assert ["Authorization" in found for found in sent] == [True, True, False, False]
    assert ["X-Token" in found for found in sent] == [True, True, False, False]
    assert {found["Accept"] for found in sent} == {"application/octet-stream"}


def test_request_limits_redirects(fetcher: Fetcher, server: ModServer) -> None:
    for number in range(7):
        server.put(f"/{number}", redirect=f"/{number + 1}")
    server.put("/7", BODY)
    assert fetcher.request("GET", server.url + "/2", {}, trusted=True).read(10**6) == BODY
    with raises(FetchError, "too_many_redirects"):
        fetcher.request("GET", server.url + "/1", {}, trusted=True)
    for wrong in ("file:///etc/passwd", "ftp://host/a", "http://user:password@127.0.0.1/", "http://[1"):
        server.put("/wrong", redirect=wrong)
        with pytest.raises(FetchError) as caught:
            fetcher.request("GET", server.url + "/wrong", {}, trusted=True)
        assert caught.value.code in ("invalid_url", "invalid_request")
        assert "password" not in str(caught.value).replace("user and password", "")
    assert fetcher.requests_made == len(server.asked)


@pytest.mark.parametrize(
    ("replies", "waited"),
    [
        ([(503, {}), (500, {}), (408, {}), (502, {})], [1, 2, 4, 8]),
        ([(429, {"Retry-After": "7"})], [7]),
        ([(429, {"Retry-After": email.utils.formatdate(1030, usegmt=True)})], [30]),
        ([(503, {"Retry-After": "soon"})], [1]),
    ],
)
def test_document_retries_temporary_failures(
    fetcher: Fetcher, server: ModServer, pauses: list[float], replies: list, waited: list[float]
) -> None:
    url = server.put("/a", BODY, failures=list(replies))
    assert fetcher.document(url, {}, trusted=True, limit=10**6).body == BODY
    assert pauses == waited


@pytest.mark.parametrize(
    ("replies", "asked"),
    [
        ([(503, {})] * 5, 5),
        ([(429, {"Retry-After": "86400"})], 1),
        ([(403, {})], 1),
    ],
)
def test_document_gives_up_permanent_failures(
    fetcher: Fetcher, server: ModServer, replies: list, asked: int
) -> None:
    url = server.put("/a", BODY, failures=list(replies))
    with raises(FetchError, "status") as caught:
        fetcher.document(url, {}, trusted=True, limit=10, entry="m")
    assert (caught.value.entry, caught.value.attempts, len(server.asked)) == ("m", asked, asked)
    assert caught.value.status == replies[0][0]


def test_request_reports_a_refused_connection_on_one_line(fetcher: Fetcher, pauses: list[float]) -> None:
    with ModServer() as gone:
        url = gone.url
    with raises(FetchError, "unreachable") as caught:
        fetcher.request("GET", url, {}, trusted=True, entry="m")
    assert caught.value.attempts == 5
    assert "\n" not in str(caught.value)
    assert len(pauses) == 4


def test_document_checks_size_and_json(fetcher: Fetcher, server: ModServer) -> None:
    url = server.put("/a", b'{"a": 1}', breaks=[3], etag=None)
    assert fetcher.document(url, {}, trusted=True, limit=8).json() == {"a": 1}
    with raises(FetchError, "too_large"):
        fetcher.document(url, {}, trusted=True, limit=7)
    with raises(FetchError, "not_json"):
        fetcher.document(server.put("/b", b"<html>"), {}, trusted=True, limit=99).json()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.1.2.3", "2130706433"]
)
def test_untrusted_urls_only_reach_public_addresses(fetcher: Fetcher, server: ModServer, host: str) -> None:
    port = server.url.rpartition(":")[2]
    with raises(FetchError, "address_refused"):
        fetcher.request("GET", f"http://{host}:{port}/a", {}, trusted=False)
    assert server.asked == []


def test_allow_private_permits_private_addresses(server: ModServer) -> None:
    fetcher = Fetcher(5, "test/1", allow_private=True)
    assert fetcher.request("GET", server.put("/a", b"x"), {}, trusted=False).read(9) == b"x"
    fetcher.close()


def test_session_checks_the_address_it_connects_to(
    fetcher: Fetcher, server: ModServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    inner = __import__("socket").getaddrinfo

    def resolve(host: str, port: int, *args: Any, **more: Any) -> Any:
        asked.append(host)
        return inner("127.0.0.1", port, *args, **more)

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    with raises(FetchError, "address_refused"):
        fetcher.request("GET", "http://rebind.example/a", {}, trusted=False)
    assert asked == ["rebind.example"]
    monkeypatch.setattr(
        "ansible_collections.orcastra.swarm.plugins.module_utils._mods.sessions.is_public",
        lambda address: True,
    )
    server.put("/a", b"x")
    url = f"http://rebind.example:{server.url.rpartition(':')[2]}/a"
    assert fetcher.request("GET", url, {}, trusted=False).read(9) == b"x"
    assert server.asked[0].headers["Host"].startswith("rebind.example")
    # the last name is the address found before: no name is looked up twice for one connection
    assert asked == ["rebind.example", "rebind.example", "127.0.0.1"]


def test_is_public_classifies_addresses() -> None:
    for address in (
        "1.1.1.1", "168.63.129.15", "192.0.1.1", "198.20.0.1", "2606:4700::1111", "64:ff9b::101:101",
        "::ffff:1.1.1.1", "2002:101:101::", "3ffe:ffff::1",
    ):  # fmt: skip
        assert is_public(address), address
    for address in (
        "0.0.0.0", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "224.0.0.1", "240.0.0.1", "::", "::1", "fe80::1%eth0", "fd00:ec2::254", "::ffff:127.0.0.1",
        "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "ff02::1", "what",
        # addresses of clouds and local networks, whatever this version of Python knows
        "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::", "192.0.0.192",
        "192.0.0.1", "192.0.0.170", "192.88.99.1", "198.18.0.1", "198.19.255.255", "100.64.0.1", "192.0.2.1",
        "198.51.100.1", "203.0.113.1", "255.255.255.255", "fec0::1", "feff::1", "fe80::1", "3fff::1",
        "3fff:fff:ffff::1", "2001:db8::1", "2001::1", "2001:10::1", "2001:20::1", "100::1", "5f00::1",
        "64:ff9b:1::a00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "::1.1.1.1", "fd00::1", "4000::1", "8000::1",
        "fe80::1%1", "", "1", "1.1.1", "0x7f.1",
    ):  # fmt: skip
        assert not is_public(address), address


def test_shown_hides_secrets() -> None:
    url = "https://me:pw@host:8443/a/b.jar?token=abc&x=1#frag"
    assert shown(url) == "https://host:8443/a/b.jar?token=***&x=***"
    assert shown("https://host/a?abcdef") == "https://host/a?***"


def test_download_reports_an_unwritable_folder(fetcher: Fetcher, server: ModServer, tmp_path: Path) -> None:
    with raises(FetchError, "not_written"):
        download(fetcher, server.put("/a", BODY), tmp_path / "absent" / "a")


def test_session_sends_no_netrc_or_cookies(
    fetcher: Fetcher, server: ModServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    url = server.put("/a", b"x", headers={"Set-Cookie": "a=b"})
    for _time in range(2):
        fetcher.document(url, {}, trusted=True, limit=9)
    assert not any({"Authorization", "Cookie"} & set(asked.headers) for asked in server.asked)

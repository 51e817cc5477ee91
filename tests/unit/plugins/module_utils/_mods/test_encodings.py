# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that a server compresses in transit is stored decoded."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import (
    Discovery,
    Refreshing,
    refresh_mods,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.replies import FetchError
from tests.support.coded import raises
from tests.support.mod_server import ModServer


def zipped(size: int = 1000) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", random.Random(size).randbytes(size))
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    return buffer.getvalue()


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


JAR = zipped()
TAR_GZ = gzip.compress(tarred(), mtime=0)


@pytest.fixture
def server() -> Iterator[ModServer]:
    with ModServer() as server:
        yield server


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "mods"


def refresh(dest: Path, *mods: Any, **more: Any) -> Refreshing:
    check = more.pop("check", False)
    rules = build_mods({"mods": list(mods), **more}, {})
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    try:
        return refresh_mods(rules, dest, Discovery(), check=check, fetcher=fetcher)
    finally:
        fetcher.close()


def names(dest: Path) -> list[str]:
    return sorted(path.name for path in dest.iterdir())


ENCODED: list[tuple[str, bytes, str, bytes]] = [
    ("g.jar", gzip.compress(JAR), "gzip", JAR),
    ("g.jar", gzip.compress(JAR), "GZIP", JAR),
    ("g.jar", gzip.compress(JAR), "x-gzip", JAR),
    ("g.jar", gzip.compress(JAR) + gzip.compress(b""), "gzip", JAR),
    ("g.jar", gzip.compress(JAR[:500]) + gzip.compress(JAR[500:]), "gzip", JAR),
    ("g.jar", gzip.compress(JAR) + bytes(20), "gzip", JAR),
    ("g.jar", zlib.compress(JAR), "deflate", JAR),
    ("g.jar", raw_deflate(JAR), "deflate", JAR),
    ("g.jar", gzip.compress(gzip.compress(JAR)), "gzip, gzip", JAR),
    ("g.jar", gzip.compress(zlib.compress(JAR)), "deflate,gzip", JAR),
    ("g.jar", gzip.compress(JAR), "identity, gzip", JAR),
    ("g.jar", JAR, "identity", JAR),
    ("g.jar", JAR, "", JAR),
    ("g.jar", JAR, "utf-8", JAR),
    # a server that sends this header for every file
    ("g.jar", JAR, "gzip", JAR),
    ("g.jar", JAR, "br", JAR),
    ("g.txt", gzip.compress(b"text"), "gzip", b"text"),
    ("g", gzip.compress(b"text"), "gzip", b"text"),
    # the name implies the encoding: this is the file itself
    ("p.tar.gz", TAR_GZ, "gzip", TAR_GZ),
    ("p.tgz", TAR_GZ, "x-gzip", TAR_GZ),
    ("P.TGZ", TAR_GZ, "gzip", TAR_GZ),
    ("p.txt.gz", gzip.compress(b"text", mtime=0), "gzip", gzip.compress(b"text", mtime=0)),
    ("p.tar.xz", lzma.compress(tarred()), "xz", lzma.compress(tarred())),
    ("p.tar.bz2", bz2.compress(tarred()), "x-bzip2", bz2.compress(tarred())),
    ("p.br", b"\x0b\x02\x80text\x03", "br", b"\x0b\x02\x80text\x03"),
    # and compressed once more in transit
    ("p.tar.gz", gzip.compress(TAR_GZ), "gzip", TAR_GZ),
    ("p.tar.gz", zlib.compress(TAR_GZ), "deflate", TAR_GZ),
    ("p.tar.gz", gzip.compress(TAR_GZ), "gzip, gzip", TAR_GZ),
    ("p.tar", gzip.compress(tarred()), "gzip", tarred()),
]


@pytest.mark.parametrize(("name", "body", "encoding", "expected"), ENCODED, ids=range(len(ENCODED)))
def test_refresh_stores_the_decoded_file_once(
    server: ModServer, dest: Path, name: str, body: bytes, encoding: str, expected: bytes
) -> None:
    url = server.put(f"/{name}", body, etag=None, headers={"Content-Encoding": encoding})
    found = refresh(dest, url)
    assert (found.failures, (dest / name).read_bytes()) == ((), expected)
    assert names(dest) == sorted([".orcastra-mods.json", ".orcastra-mods.lock", name])
    assert found.mods[0].sha256 == hashlib.sha256(expected).hexdigest()
    # compressed differently each time, the file is still the same
    if body != expected and encoding.lower() == "gzip" and name == "g.jar":
        server.put(f"/{name}", gzip.compress(JAR, 1), etag=None, headers={"Content-Encoding": encoding})
    assert refresh(dest, url).plan.steps == ()


@pytest.mark.parametrize(
    ("name", "body", "encoding"),
    [
        ("g.jar", b"\x0b\x02\x80text\x03", "br"),
        ("g.jar", b"\x28\xb5\x2f\xfd....", "zstd"),
        ("g.txt", b"\x0b\x02\x80text\x03", "br"),
        ("g.txt", b"anything", "compress"),
        ("g.txt", b"anything", "made-up"),
        ("g.txt", b"anything", "gzip"),
        ("g.jar", gzip.compress(JAR)[:-9], "gzip"),
        ("g.jar", gzip.compress(JAR)[:-9] + bytes(9), "gzip"),
        ("g.jar", gzip.compress(JAR) + b"more", "gzip"),
        ("g.jar", gzip.compress(b"text"), "gzip"),
        ("g.jar", gzip.compress(b"<!doctype html><title>404</title>"), "gzip"),
        ("g.jar", gzip.compress(b""), "gzip"),
        ("g.txt", gzip.compress(b"x"), "gzip, gzip"),
        ("g.txt", gzip.compress(b"x"), "gzip, br"),
        ("g.txt", gzip.compress(b"x"), "gzip, gzip, gzip, gzip"),
        ("p.tar.gz", gzip.compress(b"text"), "br"),
    ],
    ids=range(16),
)
def test_refresh_keeps_the_old_file_if_decoding_fails(
    server: ModServer, dest: Path, name: str, body: bytes, encoding: str
) -> None:
    if (name, encoding) == ("p.tar.gz", "br"):
        body = b"\x0b\x02\x80" + body
    url = server.put(f"/{name}", {"g.jar": JAR, "g.txt": b"good", "p.tar.gz": TAR_GZ}[name])
    assert refresh(dest, url).failures == ()
    good = (dest / name).read_bytes()
    server.put(f"/{name}", body, headers={"Content-Encoding": encoding})
    found = refresh(dest, url)
    assert len(found.failures) == 1
    assert "unexpected" not in found.failures[0]
    assert (dest / name).read_bytes() == good
    assert not [entry for entry in names(dest) if "part" in entry]


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("gzip, gzip", lambda b: gzip.compress(gzip.compress(b))),
    ],
)
def test_decoding_stops_at_the_size_limit(server: ModServer, dest: Path, encoding: str, encode: Any) -> None:
    body = encode(bytes(50_000_000))
    url = server.put("/a.bin", body, headers={"Content-Encoding": encoding})
    found = refresh(dest, url, max_bytes=1_000_000)
    assert "expected at most 1000000 bytes, found more" in found.failures[0]
    assert not (dest / "a.bin").exists()
    assert not [entry for entry in names(dest) if "part" in entry]


def test_digest_is_that_of_the_decoded_file(server: ModServer, dest: Path) -> None:
    packed = gzip.compress(b"text", mtime=0)
    url = server.put("/a.txt", packed, headers={"Content-Encoding": "gzip"})
    assert refresh(dest, {"url": url, "sha256": hashlib.sha256(b"text").hexdigest()}).failures == ()
    assert (dest / "a.txt").read_bytes() == b"text"
    # a digest of the encoded body means the encoded body
    assert refresh(dest, {"url": url, "sha256": hashlib.sha256(packed).hexdigest()}).failures == ()
    assert (dest / "a.txt").read_bytes() == packed
    assert "expected the digest" in refresh(dest, {"url": url, "sha256": "0" * 64}).failures[0]
    assert (dest / "a.txt").read_bytes() == packed


def test_download_resumes_the_encoded_body(server: ModServer, dest: Path) -> None:
    jar = zipped(300_000)
    packed = gzip.compress(jar)
    url = server.put("/g.jar", packed, breaks=[100_000, 50_000], headers={"Content-Encoding": "gzip"})
    found = refresh(dest, url)
    assert (found.failures, (dest / "g.jar").read_bytes()) == ((), jar)
    assert [asked.headers.get("Range") for asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]


@pytest.mark.parametrize(
    ("name", "body", "encoding"),
    [
        ("pack.tar.gz", TAR_GZ, "gzip"),
        ("pack.tar.gz", gzip.compress(TAR_GZ), "gzip"),
        ("pack.zip", gzip.compress(JAR), "gzip"),
        ("download", TAR_GZ, "gzip"),
        ("download", gzip.compress(JAR), "gzip"),
    ],
    ids=range(5),
)
def test_archives_are_unpacked_whatever_their_encoding_header(
    server: ModServer, dest: Path, name: str, body: bytes, encoding: str
) -> None:
    url = server.put(f"/{name}", body, headers={"Content-Encoding": encoding})
    found = refresh(dest, {"url": url, "name": "pack", "unpack": True})
    assert (found.failures, (dest / "pack" / "a").exists()) == ((), True)


def test_document_decodes_api_answers(server: ModServer, dest: Path) -> None:
    url = server.put("/a.bin", b"file")
    answer = gzip.compress(json.dumps({"url": url}).encode())
    api = server.put("/api", answer, headers={"Content-Encoding": "gzip"})
    assert refresh(dest, {"api": api, "select": "@"}).failures == ()
    server.put("/api", answer, headers={"Content-Encoding": "br"})
    assert "'br'" in refresh(dest, {"api": api, "select": "@"}).failures[0]
    server.put("/api", answer[:-9], headers={"Content-Encoding": "gzip"})
    assert "ends early" in refresh(dest, {"api": api, "select": "@"}).failures[0]
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    server.put("/api", gzip.compress(bytes(5000)), headers={"Content-Encoding": "gzip"})
    with raises(FetchError, "too_large"):
        fetcher.document(api, {}, trusted=True, limit=4000)
    fetcher.close()


def test_check_mode_detects_wrong_encodings(server: ModServer, dest: Path) -> None:
    url = server.put("/g.jar", gzip.compress(JAR), headers={"Content-Encoding": "gzip"})
    assert refresh(dest, url, check=True).failures == ()
    server.put("/g.jar", gzip.compress(b"<html>"), headers={"Content-Encoding": "gzip"})
    assert "an HTML page" in refresh(dest, url, check=True).failures[0]

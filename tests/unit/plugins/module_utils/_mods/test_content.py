# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page, an error, an empty reply or half a file never replaces a file."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import tarfile
import zipfile
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
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.content import Judge, is_page, kind_of
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from tests.support.mod_server import ModServer

NOISE = random.Random(3).randbytes(5000)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", NOISE)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a")
        info.size = len(NOISE)
        archive.addfile(info, io.BytesIO(NOISE))
    return buffer.getvalue()


SEVEN = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<LQQL", 0, 5000, 20, 0) + NOISE + bytes(20)
GOOD: dict[str, bytes] = {
    "a.jar": zipped(),
    "a.zip": zipped(),
    "A.ZIP": zipped(),
    "a.mrpack": zipped(),
    "self-extracting.zip": b"#!/bin/sh\nexit\n" + zipped(),
    "empty.zip": b"PK\x05\x06" + bytes(18),
    "a.gz": gzip.compress(NOISE),
    "a.tgz": gzip.compress(tarred()),
    "a.tar.gz": gzip.compress(tarred()) + gzip.compress(b"more"),
    "signed.gz": gzip.compress(NOISE) + b"signature",
    "a.xz": lzma.compress(NOISE),
    "a.tar.xz": lzma.compress(tarred()) + lzma.compress(b"more"),
    "a.bz2": bz2.compress(NOISE),
    "a.tar.bz2": bz2.compress(tarred()),
    "a.tar": tarred(),
    "a.7z": SEVEN,
    "a.zst": b"\x28\xb5\x2f\xfd" + NOISE,
    "a.rar": b"Rar!\x1a\x07\x01\x00" + NOISE,
    "a.so": b"\x7fELF" + NOISE,
    "liba.so.1.2": b"\x7fELF" + NOISE,
    "a.dll": b"MZ" + NOISE,
    "a.exe": b"MZ" + NOISE,
    "a.class": b"\xca\xfe\xba\xbe" + NOISE,
    "a.png": b"\xff\xd8\xff" + NOISE,
    "a.json": b'{"error": "a file may say so"}',
    "commented.json": b"// settings\n{}",
    "a.bin": NOISE,
    "a.cfg": b"text",
    "a": NOISE,
    "a.html": PAGE,
    "a.php": b"<html><?php",
    "a.txt": b"not <html>",
}
KNOWN = [name for name in GOOD if kind_of(name) is not None]


@pytest.fixture
def server() -> Iterator[ModServer]:
    with ModServer() as server:
        yield server


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "mods"


def refresh(dest: Path, *mods: Any, check: bool = False) -> Refreshing:
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    try:
        return refresh_mods(build_mods(list(mods), {}), dest, Discovery(), check=check, fetcher=fetcher)
    finally:
        fetcher.close()


@pytest.mark.parametrize("name", GOOD)
def test_judge_accepts_valid_content_of_any_type(server: ModServer, dest: Path, name: str) -> None:
    for media in ("", "text/html; charset=utf-8", "application/octet-stream"):
        judge = Judge((name,))
        assert judge.start(GOOD[name], media) is None
        assert judge.whole(io.BytesIO(GOOD[name]), len(GOOD[name]), media) is None
    url = server.put(f"/{name}", GOOD[name], headers={"Content-Type": "text/html"})
    assert refresh(dest, url).failures == ()
    assert (dest / name).read_bytes() == GOOD[name]


WRONG = [
    (b"", "application/java-archive"),
    (PAGE, "text/html"),
    (PAGE, "application/octet-stream"),
    (b"\xef\xbb\xbf  <!-- a page -->\n<HTML>", "text/html"),
    (b'{"error": "not found"}', "application/json"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "application/xml"),
    (b"404: Not Found", "text/plain"),
    (b"\0", "application/octet-stream"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "text/plain"),
]


@pytest.mark.parametrize("name", KNOWN)
def test_judge_refuses_content_of_another_kind(name: str) -> None:
    for body, media in WRONG:
        if "json" not in name or not body.startswith(b"{"):
            assert Judge((name,)).whole(io.BytesIO(body), len(body), media), (body, media)
    for other, body in GOOD.items():
        if (
            kind_of(other) is not kind_of(name)
            and not name.startswith("a.png")
            and body[:2] != GOOD[name][:2]
        ):
            assert Judge((name,)).whole(io.BytesIO(body), len(body), ""), other


@pytest.mark.parametrize("name", ["a.jar", "a.tar.gz", "a.7z"])
def test_refresh_keeps_the_old_file_until_the_new_one_is_valid(
    server: ModServer, dest: Path, name: str
) -> None:
    for body, media in WRONG:
        url = server.put(f"/{name}", body, headers={"Content-Type": media})
        for check in (True, False):
            assert "expected " in refresh(dest, url, check=check).failures[0]
        assert not (dest / name).exists()
    server.put(f"/{name}", GOOD[name])
    assert refresh(dest, url).failures == ()
    for body, media in WRONG:
        server.put(f"/{name}", body, headers={"Content-Type": media})
        assert len(refresh(dest, url).failures) == 1
        assert (dest / name).read_bytes() == GOOD[name]
    server.put(f"/{name}", GOOD[name])
    assert refresh(dest, url).failures == ()


@pytest.mark.parametrize(
    ("name", "media", "body", "is_fine"),
    [
        ("a.cfg", "text/html", PAGE, False),
        ("a", "text/html;charset=x", PAGE, False),
        ("a.cfg", "", PAGE, False),
        ("a.cfg", "application/xhtml+xml", b"<?xml version='1.0'?>\n<html xmlns='x'>", False),
        ("a.cfg", "text/html", b"<html lang='en'>", False),
        ("a.cfg", "text/html", b"<!-- x --><head>", False),
        # a template, which its server recognizes by its name
        ("a.tpl", "text/plain", PAGE, True),
        ("a.cfg", "text/html", b"key=value", True),
        ("a.htm", "text/html", PAGE, True),
        ("a.xhtml", "text/html", PAGE, True),
        ("a.dat", "application/json", b'{"message": "Not Found", "status": "404"}', False),
        ("a.dat", "application/problem+json", b'{"detail": "x"}', False),
        ("a.dat", "application/json; charset=utf-8", b'{"errors": []}', False),
        ("a.dat", "application/json", b'{"key": "value"}', True),
        ("a.dat", "application/json", b"[1, 2]", True),
        ("a.dat", "application/octet-stream", b'{"error": 1}', True),
        ("a.json", "application/json", b'{"error": 1}', True),
        ("a.json", "text/html", PAGE, False),
        ("a.dat", "application/xml", b"<?xml version='1.0'?>\n<Error><Code>x</Code></Error>", False),
        ("a.xml", "application/xml", b"<Error></Error>", True),
        ("a.dat", "application/xml", b"<config/>", True),
        ("a.dat", "text/html", b"", True),
    ],
)
def test_judge_refuses_pages_and_errors_for_other_names(
    server: ModServer, dest: Path, name: str, media: str, body: bytes, is_fine: bool
) -> None:
    url = server.put(f"/{name}", body, headers={"Content-Type": media} if media else {})
    assert (refresh(dest, url).failures == ()) is is_fine
    assert (dest / name).exists() is is_fine
    # an empty reply never replaces a file with content
    server.put(f"/{name}", b"[1]")
    assert refresh(dest, url).failures == ()
    server.put(f"/{name}", body, headers={"Content-Type": media} if media else {})
    assert (refresh(dest, url).failures == ()) is (is_fine and body != b"")
    assert ((dest / name).read_bytes() == b"[1]") is not (is_fine and body != b"")


@pytest.mark.parametrize(
    "name",
    ["a.jar", "a.zip", "a.gz", "a.tgz", "a.xz", "a.tar.xz", "a.bz2", "a.tar.bz2", "a.tar", "a.7z"],
)
def test_judge_refuses_half_a_file(server: ModServer, dest: Path, name: str) -> None:
    url = server.put(f"/{name}", GOOD[name])
    assert refresh(dest, url).failures == ()
    # a tar file ends with zeros
    for part in (0.1, 0.5) if name == "a.tar" else (0.1, 0.5, 0.99):
        server.put(f"/{name}", GOOD[name][: int(len(GOOD[name]) * part)])
        assert "expected " in refresh(dest, url).failures[0]
        assert (dest / name).read_bytes() == GOOD[name]


@pytest.mark.parametrize("name", ["a.gz", "a.xz", "a.bz2"])
def test_judge_refuses_a_damaged_file(server: ModServer, dest: Path, name: str) -> None:
    body = bytearray(GOOD[name])
    body[len(body) // 2] ^= 0xFF
    assert "damaged" in refresh(dest, server.put(f"/{name}", bytes(body))).failures[0]


def test_a_matching_digest_overrides_the_name(server: ModServer, dest: Path) -> None:
    for body in (b"", PAGE):
        digest = hashlib.sha256(body).hexdigest()
        url = server.put("/a.jar", body, headers={"Content-Type": "text/html"})
        assert refresh(dest, {"url": url, "sha256": digest}).failures == ()
        assert (dest / "a.jar").read_bytes() == body


def test_judge_falls_back_to_the_name_in_the_url(server: ModServer, dest: Path) -> None:
    url = server.put("/a.jar?version=3", PAGE, headers={"Content-Type": "application/octet-stream"})
    assert "a zip file" in refresh(dest, {"url": url, "name": "mods/a.disabled"}).failures[0]
    url = server.put("/download", zipped())
    assert refresh(dest, {"url": url, "name": "a.jar"}).failures == ()


def test_judge_requires_an_archive_for_unpack(server: ModServer, dest: Path) -> None:
    url = server.put("/pack", zipped())
    mod = {"url": url, "unpack": True}
    assert refresh(dest, mod).failures == ()
    for body in (b"", PAGE, b"text", SEVEN):
        server.put("/pack", body, headers={"Content-Type": "text/html"})
        assert "expected zip, tar.gz, tar.xz or tar.bz2" in refresh(dest, mod).failures[0]
        assert (dest / "pack" / "a").read_bytes() == NOISE


def test_is_page_recognizes_pages_by_their_beginning() -> None:
    for page in (
        b"<html>",
        b" \n<!doctype HTML>",
        b"<!DOCTYPE html PUBLIC 'x'>",
        b"<?xml ?><html>",
        b"<body>",
    ):
        assert is_page(page)
    for other in (b"", b"<htmlx>", b"x<html>", b"<svg>", b"<!doctype svg>", b"<Error>", b"<!-- <html> "):
        assert not is_page(other)
    assert not is_page(b"<!--" * 10_000)


def test_kind_of_uses_only_the_last_extension() -> None:
    assert kind_of("a.jar.disabled") is kind_of("jar") is kind_of("a.so.conf") is None
    assert Judge(("a.b", "c.jar")).kind is kind_of("x.zip") is not None

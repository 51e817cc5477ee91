# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files without a name in their URL get the server's name, if it is a plain name."""

from __future__ import annotations

import io
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
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods, url_entry
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.server_names import name_from_reply
from tests.support.mod_server import ModServer


@pytest.fixture
def server() -> Iterator[ModServer]:
    with ModServer() as server:
        yield server


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "mods"


def refresh(dest: Path, *mods: Any, discovery: Discovery | None = None, check: bool = False) -> Refreshing:
    rules = build_mods({"mods": list(mods), "discover": {"allow_private": True}}, {})
    fetcher = Fetcher(5, "test/1", allow_private=True, sleep=lambda _seconds: None)
    try:
        return refresh_mods(rules, dest, discovery or Discovery(), check=check, fetcher=fetcher)
    finally:
        fetcher.close()


def names(dest: Path) -> list[str]:
    found = [str(path.relative_to(dest)) for path in dest.rglob("*") if not path.is_dir()]
    return sorted(name for name in found if not name.startswith(".orcastra-mods"))


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=mod.jar", "mod.jar"),
        ('attachment; filename="mod 1.2.jar"', "mod 1.2.jar"),
        ("ATTACHMENT; FILENAME=mod.jar", "mod.jar"),
        ("attachment; filename*=UTF-8''m%C3%B6d.jar", "möd.jar"),
        ("attachment; filename=plain.jar; filename*=UTF-8''m%C3%B6d.jar", None),
        ("attachment; filename=möd.jar".encode().decode("latin-1"), "möd.jar"),
        ('inline; filename="a;b.jar"', "a;b.jar"),
        ("attachment; filename=mod.jar; size=5", "mod.jar"),
        ('attachment; filename="C:\\mods\\mod.jar"', None),
        ("attachment; filename=/etc/cron.d/mod", "mod"),
        ("attachment; filename=../../mod.jar", "mod.jar"),
        ('attachment; filename="..\\\\..\\\\mod.jar"', "mod.jar"),
        ("attachment; filename*=UTF-8''..%2F..%2Fmod.jar", "mod.jar"),
        ("attachment; filename*=UTF-8''%2E%2E%2Fmod.jar", "mod.jar"),
        # none of these is a valid name
        ("attachment; filename=..", "download"),
        ("attachment; filename=.hidden", "download"),
        ("attachment; filename=.orcastra-mods.json", "download"),
        ("attachment; filename=mods/", "download"),
        ('attachment; filename=""', "download"),
        ("attachment; filename*=UTF-8''a%00b", "download"),
        ("attachment; filename*=UTF-8''a%0Ab", "download"),
        (f"attachment; filename={'x' * 300}", "download"),
        (f"attachment; filename={'x' * 9000}", "download"),
        ("attachment; filename*=nonsense''x.jar", None),
        ("attachment; filename*=UTF-8", None),
        ("attachment", "download"),
        ("", "download"),
        (";;;", "download"),
    ],
)
def test_name_from_reply_accepts_only_plain_names(disposition: str, name: str | None) -> None:
    url = "https://h.example/files/1/download"
    found = name_from_reply(url, url, {"Content-Disposition": disposition})
    if name is not None:
        assert found == name
    assert found is not None
    assert "/" not in found
    assert "\\" not in found


@pytest.mark.parametrize(
    ("url", "url_now", "name"),
    [
        ("https://h/latest", "https://cdn/mod-1.2.jar?sig=x", "mod-1.2.jar"),
        ("https://h/latest", "https://cdn/blob/0123abcd", "latest"),
        ("https://h/dl/?id=5", "https://h/dl/?id=5", None),
        ("https://h/dl/?id=5", "https://cdn/a%20b.zip", "a b.zip"),
        ("https://h/get.php?id=5", "https://h/get.php?id=5", "get.php"),
        ("https://h/get", "https://h/get.php", "get"),
        ("https://h/latest", "https://cdn/..%2Fx.jar", "latest"),
    ],
)
def test_name_from_reply_uses_the_url_after_redirects(url: str, url_now: str, name: str | None) -> None:
    assert name_from_reply(url, url_now, {}) == name


def test_refresh_stores_downloads_under_their_server_names(server: ModServer, dest: Path) -> None:
    urls = [
        server.put(
            f"/{n}/download", bytes([n]), headers={"Content-Disposition": f"attachment; filename=m{n}.bin"}
        )
        for n in (1, 2)
    ]
    urls.append(server.put("/get?id=3", b"3", headers={"Content-Disposition": "attachment; filename=m3.bin"}))
    assert [step.summary for step in refresh(dest, *urls, check=True).plan.steps] == [
        "download m1.bin",
        "download m2.bin",
        "download m3.bin",
    ]
    assert refresh(dest, *urls).failures == ()
    assert names(dest) == ["m1.bin", "m2.bin", "m3.bin"]
    sent = server.served_bytes
    assert (refresh(dest, *urls).plan.steps, server.served_bytes) == ((), sent)
    # a new version has a new name, and replaces the old one
    server.put("/1/download", b"1.1", headers={"Content-Disposition": "attachment; filename=m1.1.bin"})
    assert [step.summary for step in refresh(dest, *urls).plan.steps] == ["replace m1.1.bin", "remove m1.bin"]
    assert names(dest) == ["m1.1.bin", "m2.bin", "m3.bin"]
    assert refresh(dest, *urls[1:]).removed == 1


def test_refresh_checks_content_against_the_server_name(server: ModServer, dest: Path) -> None:
    headers = {"Content-Disposition": "attachment; filename=m.jar"}
    url = server.put("/download", b"text", headers=headers)
    assert "expected a zip file, found text" in refresh(dest, url).failures[0]


def test_refresh_reports_two_downloads_with_one_name(server: ModServer, dest: Path) -> None:
    headers = {"Content-Disposition": "attachment; filename=m.bin"}
    urls = [server.put(f"/{n}/download", bytes([n]), headers=headers) for n in (1, 2)]
    found = refresh(dest, *urls)
    assert (found.stored, len(found.failures)) == (1, 1)
    assert "expected an unused name" in found.failures[0]


def test_a_configured_name_overrides_the_server_name(server: ModServer, dest: Path) -> None:
    headers = {"Content-Disposition": "attachment; filename=theirs.bin"}
    mods = [
        {"url": server.put("/1/download", b"1", headers=headers), "name": "mine"},
        server.put("/said.bin", b"2", headers=headers),
    ]
    assert refresh(dest, *mods).failures == ()
    assert names(dest) == ["mine", "said.bin"]


def test_refresh_names_the_folder_of_an_archive(server: ModServer, dest: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"1")
    headers = {"Content-Disposition": "attachment; filename=pack-1.zip"}
    mod = {"url": server.put("/download", buffer.getvalue(), headers=headers), "unpack": True}
    assert refresh(dest, mod).failures == ()
    assert names(dest) == ["pack-1/a"]
    assert refresh(dest, mod).plan.steps == ()


def test_refresh_keeps_the_folder_if_the_archive_is_empty(server: ModServer, dest: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"1")
    mod = {"url": server.put("/pack.zip", buffer.getvalue()), "unpack": True}
    assert refresh(dest, mod).failures == ()
    server.put("/pack.zip", b"PK\x05\x06" + bytes(18))
    assert "expected files in the archive" in refresh(dest, mod).failures[0]
    assert names(dest) == ["pack/a"]


def test_an_untrusted_server_cannot_claim_an_existing_name(server: ModServer, dest: Path) -> None:
    headers = {"Content-Disposition": "attachment; filename=server.properties"}
    url = server.put("/download", b"theirs", headers=headers)
    desired = Discovery((url_entry(url, trusted=False),))
    dest.mkdir()
    (dest / "server.properties").write_text("mine")
    assert "which already exists" in refresh(dest, discovery=desired).failures[0]
    assert (dest / "server.properties").read_text() == "mine"
    (dest / "server.properties").unlink()
    assert refresh(dest, discovery=desired).failures == ()
    server.put("/download", b"newer", headers=headers)
    assert refresh(dest, discovery=desired).failures == ()
    assert (dest / "server.properties").read_text() == "newer"


def test_refresh_reports_a_server_without_a_name(server: ModServer, dest: Path) -> None:
    url = server.put("/dl/?id=5", b"1")
    assert "give it one with 'name'" in refresh(dest, url).failures[0]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
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
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods, url_entry
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.folder import ModFolder
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from tests.support.mod_server import ModServer

STATE = ".orcastra-mods.json"


@pytest.fixture
def server() -> Iterator[ModServer]:
    with ModServer() as server:
        yield server


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "mods"


def refresh(dest: Path, *mods: Any, discovery: Discovery | None = None, **more: Any) -> Refreshing:
    check = more.pop("check", False)
    now = more.pop("now", 1e9)
    environment = more.pop("environment", {})
    rules = build_mods({"mods": list(mods), **more}, environment)
    fetcher = Fetcher(5, "test/1", rules.allow_private, sleep=lambda _seconds: None)
    try:
        return refresh_mods(
            rules, dest, discovery or Discovery(), check=check, fetcher=fetcher, now=lambda: now
        )
    finally:
        fetcher.close()


def names(dest: Path) -> list[str]:
    found = [str(path.relative_to(dest)) for path in dest.rglob("*") if not path.is_dir()]
    return sorted(name for name in found if not name.startswith(".orcastra-mods"))


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_second_run_asks_and_changes_nothing(server: ModServer, dest: Path) -> None:
    mods = [server.put("/a.bin", b"A" * 1000), {"url": server.put("/b", b"B"), "name": "sub/b.bin"}]
    first = refresh(dest, *mods)
    assert (names(dest), first.stored, first.failures) == (["a.bin", "sub/b.bin"], 2, ())
    assert [step.summary for step in first.plan.steps] == ["download a.bin", "download sub/b.bin"]
    sent = server.served_bytes
    second = refresh(dest, *mods)
    assert (second.plan.steps, second.requests, server.served_bytes) == ((), 2, sent)
    assert [mod.status for mod in second.mods] == ["current", "current"]
    # what somebody has spoilt is had again, without a condition
    (dest / "a.bin").write_bytes(b"spoilt")
    third = refresh(dest, *mods)
    assert ((dest / "a.bin").read_bytes(), third.stored) == (b"A" * 1000, 1)
    assert third.plan.steps[0].why == (Reason("mod_files_changed"),)
    # and what is newer takes its place
    server.put("/a.bin", b"new")
    fourth = refresh(dest, *mods)
    assert ((dest / "a.bin").read_bytes(), fourth.plan.steps[0].summary) == (b"new", "replace a.bin")


def test_what_is_pinned_and_there_needs_no_request(server: ModServer, dest: Path) -> None:
    mod = {"url": server.put("/a.bin", b"A"), "sha256": hashlib.sha256(b"A").hexdigest()}
    refresh(dest, mod)
    assert refresh(dest, mod).requests == 0
    failed = refresh(dest, {**mod, "sha256": "0" * 64})
    assert "expected the digest sha256:000" in failed.failures[0]
    assert (dest / "a.bin").read_bytes() == b"A"


def test_check_mode_asks_but_writes_nothing(server: ModServer, dest: Path) -> None:
    url = server.put("/a.bin", b"A")
    found = refresh(dest, url, check=True)
    assert ([step.summary for step in found.plan.steps], found.results) == (["download a.bin"], ())
    assert not dest.exists()
    refresh(dest, url)
    before = {path: path.stat().st_mtime_ns for path in dest.rglob("*")}
    assert refresh(dest, url, check=True).plan.steps == ()
    server.put("/a.bin", b"B")
    assert [step.summary for step in refresh(dest, url, check=True).plan.steps] == ["replace a.bin"]
    assert [step.summary for step in refresh(dest, check=True).plan.steps] == ["remove a.bin"]
    assert {path: path.stat().st_mtime_ns for path in dest.rglob("*")} == before


def test_only_what_is_ours_is_removed(server: ModServer, dest: Path) -> None:
    a, b = server.put("/a.bin", b"A"), {"url": server.put("/b.bin", b"B"), "name": "sub/b.bin"}
    dest.mkdir()
    (dest / "mine.bin").write_bytes(b"mine")
    refresh(dest, a, b)
    kept = refresh(dest, a, discovery=Discovery(complete=False))
    assert (kept.removed, names(dest)) == (0, ["a.bin", "mine.bin", "sub/b.bin"])
    assert kept.plan.notes == (Reason("mods_kept_use_unknown"),)
    assert refresh(dest, a, prune=False).removed == 0
    assert refresh(dest, a).removed == 1
    assert (names(dest), (dest / "sub").exists()) == (["a.bin", "mine.bin"], False)
    # a damaged state proves nothing
    (dest / STATE).write_text("{")
    damaged = refresh(dest)
    assert (codes(damaged.warnings), names(dest)) == (["mod_state_damaged"], ["a.bin", "mine.bin"])
    assert len(list(dest.glob(f"{STATE}.damaged-*"))) == 1


def test_a_failure_stops_no_other_and_keeps_the_old(server: ModServer, dest: Path) -> None:
    urls = [server.put(f"/{name}.bin", name.encode()) for name in "abc"]
    refresh(dest, *urls)
    for name in "abc":
        server.put(f"/{name}.bin", name.encode() * 2)
    server.items["/b.bin"].failures = [(404, {})]
    found = refresh(dest, *urls)
    assert found.failures == (f"{urls[1]}: {urls[1]} answered 404",)
    assert [(dest / f"{name}.bin").read_bytes() for name in "abc"] == [b"aa", b"b", b"cc"]
    server.items["/b.bin"].failures = [(404, {})]
    tolerated = refresh(dest, urls[0], {"url": urls[1], "optional": True}, urls[2])
    assert (tolerated.failures, len(tolerated.tolerated)) == ((), 1)
    # one that failed is still wanted
    assert "b.bin" in names(dest)


def test_an_api_says_where_the_file_is(server: ModServer, dest: Path) -> None:
    with ModServer("127.0.0.2") as cdn:
        asset = f"{server.url}/repos/o/r/releases/assets/7"
        headers = {"Accept": "application/octet-stream", "Authorization": "Bearer s3cret"}
        server.put("/repos/o/r/releases/assets/7", redirect=f"{cdn.url}/file", headers_needed=headers)
        cdn.put("/file", b"v1")

        def release(version: str, body: bytes) -> None:
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            found = {
                "assets": [{"name": "x.txt"}, {"name": f"m-{version}.bin", "url": asset, "digest": digest}]
            }
            server.put("/latest", json.dumps(found).encode())

        release("1", b"v1")
        mod = {
            "api": f"{server.url}/latest",
            "select": "assets[?ends_with(name,'.bin')]|[0].{url:url,name:name,digest:digest}",
            "headers": {"Authorization": "Bearer ${TOKEN}"},
        }
        environment = {"TOKEN": "s3cret"}
        first = refresh(dest, mod, environment=environment)
        assert (names(dest), first.failures) == (["m-1.bin"], ())
        assert "Authorization" not in cdn.asked[0].headers
        # its digest says that nothing is new
        assert refresh(dest, mod, environment=environment).requests == 1
        release("2", b"v2")
        cdn.put("/file", b"v2")
        again = refresh(dest, mod, environment=environment)
        assert (names(dest), (dest / "m-2.bin").read_bytes()) == (["m-2.bin"], b"v2")
        assert [step.summary for step in again.plan.steps] == ["replace m-2.bin", "remove m-1.bin"]
        release("../../evil", b"v2")
        assert "expected the plain name of a file" in refresh(dest, mod, environment=environment).failures[0]
        server.put("/latest", b'{"assets": []}')
        assert "expected select to give" in refresh(dest, mod, environment=environment).failures[0]
    assert b"s3cret" not in b"".join(path.read_bytes() for path in dest.rglob("*") if path.is_file())


def test_modrinth_says_sha512(server: ModServer, dest: Path) -> None:
    url = server.put("/lithium.bin", b"L")
    digest = hashlib.sha512(b"L").hexdigest()
    files = [{"primary": True, "url": url, "filename": "lithium.bin", "hashes": {"sha512": digest}}]
    server.put("/version", json.dumps([{"files": files}]).encode())
    mod = {
        "api": f"{server.url}/version",
        "select": "[0].files[?primary]|[0].{url:url,name:filename,digest:hashes.sha512}",
    }
    assert refresh(dest, mod).stored == 1
    assert (refresh(dest, mod).requests, server.paths().count("/lithium.bin")) == (1, 1)


def test_archives_are_unpacked_and_swapped(server: ModServer, dest: Path) -> None:
    mod = {"url": server.put("/pack.zip", zipped(a="1", b="2")), "unpack": True}
    refresh(dest, mod)
    assert names(dest) == ["pack/a", "pack/b"]
    assert refresh(dest, mod).plan.steps == ()
    server.put("/pack.zip", zipped(a="3"))
    assert refresh(dest, mod).stored == 1
    assert (names(dest), (dest / "pack/a").read_text()) == (["pack/a"], "3")
    server.put("/pack.zip", b"no archive")
    assert refresh(dest, mod).failures
    assert (dest / "pack/a").read_text() == "3"
    assert refresh(dest).removed == 1
    assert (names(dest), (dest / "pack").exists()) == ([], False)


def test_hidden_and_long_names_in_an_archive_are_known_again(server: ModServer, dest: Path) -> None:
    files = {".hidden": "1", "a/.git/x": "2", "b/" + "x" * 250: "3"}
    mod = {"url": server.put("/pack.zip", zipped(**files)), "unpack": True}
    assert refresh(dest, mod).stored == 1
    sent = server.served_bytes
    assert refresh(dest, mod).plan.steps == ()
    assert server.served_bytes == sent
    assert refresh(dest).removed == 1
    assert (names(dest), (dest / "pack").exists()) == ([], False)


def test_two_mods_never_share_a_place(server: ModServer, dest: Path) -> None:
    a = server.put("/x/a.bin", b"1")
    b = server.put("/y/a.bin", b"2")
    desired = Discovery((url_entry(b, trusted=False),))
    found = refresh(dest, a, discovery=desired, discover={"allow_private": True})
    assert ((dest / "a.bin").read_bytes(), "a unique name" in found.failures[0]) == (b"1", True)
    server.put("/api", json.dumps({"url": b, "name": "a.bin"}).encode())
    found = refresh(dest, a, {"api": f"{server.url}/api", "select": "@"})
    assert ("which is taken" in found.failures[0], (dest / "a.bin").read_bytes()) == (True, b"1")


def test_urls_of_labels_stay_outside(server: ModServer, dest: Path) -> None:
    desired = Discovery((url_entry(server.put("/a.bin", b"A"), trusted=False),))
    assert "which URLs of labels may not" in refresh(dest, discovery=desired).failures[0]
    assert server.asked == []
    assert refresh(dest, discovery=desired, discover={"allow_private": True}).stored == 1


def test_nothing_is_written_through_a_link(server: ModServer, dest: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    dest.mkdir()
    (dest / "sub").symlink_to(outside)
    (outside / "victim").write_text("whole")
    (dest / "b.bin").symlink_to(outside / "victim")
    found = refresh(dest, {"url": server.put("/a", b"A"), "name": "sub/a.bin"}, server.put("/b.bin", b"B"))
    assert "expected folders on the way to sub/a.bin, found something else at sub" in found.failures[0]
    assert [path.name for path in outside.iterdir()] == ["victim"]
    assert (outside / "victim").read_text() == "whole"
    assert ((dest / "b.bin").is_symlink(), (dest / "b.bin").read_bytes()) == (False, b"B")
    (dest / "b.bin").unlink()
    (dest / "b.bin").mkdir()
    assert "found a folder" in refresh(dest, server.url + "/b.bin").failures[0]


def test_several_at_a_time_but_no_more(server: ModServer, dest: Path) -> None:
    urls = [server.put(f"/{n}.bin", os.urandom(400_000), pause=0.01) for n in range(12)]
    assert refresh(dest, *urls, concurrency=3).stored == 12
    assert server.most == 3


def test_one_refresh_at_a_time(server: ModServer, dest: Path) -> None:
    with ModFolder(dest).alone():
        found = refresh(dest, server.put("/a.bin", b"A"))
    assert (found.busy, names(dest), server.asked) == (True, [], [])


def test_a_killed_refresh_leaves_the_old_file_whole(server: ModServer, dest: Path) -> None:
    url = server.put("/a.bin", b"old")
    refresh(dest, url)
    body = os.urandom(6_000_000)
    server.put("/a.bin", body, pause=0.05)
    program = (
        "import sys; from pathlib import Path\n"
        "from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import *\n"
        "from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods\n"
        "refresh_mods(build_mods({'mods': [sys.argv[1]]}, {}), Path(sys.argv[2]), Discovery())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", program, url, str(dest)], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 100_000 for path in dest.glob(".orcastra-part-*")):
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert (dest / "a.bin").read_bytes() == b"old"
    server.put("/a.bin", body)
    assert refresh(dest, url).stored == 1
    assert ((dest / "a.bin").read_bytes(), names(dest)) == (body, ["a.bin"])


def test_a_file_where_the_folder_should_be(server: ModServer, dest: Path) -> None:
    dest.write_text("a file")
    with pytest.raises(Exception, match="it can't be written"):
        refresh(dest, server.put("/a.bin", b"A"))


def test_modes_and_redacted_state(server: ModServer, dest: Path) -> None:
    url = server.put("/a.bin?token=s3cret", b"A")
    found = refresh(dest, {"url": url, "name": "sub/a.bin"})
    assert stat.S_IMODE((dest / "sub").stat().st_mode) == 0o755
    assert stat.S_IMODE((dest / "sub/a.bin").stat().st_mode) == 0o644
    assert "s3cret" not in (dest / STATE).read_text() + repr(found)
    assert "token=***" in (dest / STATE).read_text()


def test_progress_is_told(server: ModServer, dest: Path) -> None:
    rules = build_mods([server.put("/a.bin", b"x" * 3_000_000)], {})
    seen: list[tuple[str, int, int | None]] = []
    lock = threading.Lock()

    def tell(*now: Any) -> None:
        with lock:
            seen.append(now)

    refresh_mods(rules, dest, Discovery(), progress=tell)
    assert seen[-1] == (f"{server.url}/a.bin", 3_000_000, 3_000_000)

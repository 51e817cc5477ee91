# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpacking archives; hostile ones leave nothing behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._mods import archive as archive_module
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.archive import Limits, unpack
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.archive_names import ArchiveError
from tests.support.coded import raises

# name, content (None: a folder), mode
Entry = tuple[str, bytes | None, int]
GOOD: list[Entry] = [
    ("./", None, 0o700),
    ("./etc/", None, 0o700),
    ("./etc/run.sh", b"#!/bin/sh\n", 0o4711),
    ("./etc/.hidden", b"x" * 70_000, 0o600),
    ("deep/er/empty", b"", 0o666),
]


def zip_of(path: Path, entries: Iterable[Entry], **changes: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (mode | (stat.S_IFDIR if content is None else stat.S_IFREG)) << 16
            for key, value in changes.items():
                setattr(info, key, value)
            archive.writestr(info, content or b"")
    return path


def tar_of(path: Path, entries: Iterable[Entry], compression: str = "gz", **changes: Any) -> Path:
    with tarfile.open(path, f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, content, mode in entries:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size, info.mode = len(content or b""), mode
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content or b""))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    return place


@pytest.mark.parametrize("kind", ["zip", "gz", "xz", "bz2"])
def test_unpack_sets_plain_modes(tmp_path: Path, place: Path, kind: str) -> None:
    source = tmp_path / "archive.bin"
    if kind == "zip":
        zip_of(source, GOOD)
    else:
        tar_of(source, GOOD, kind)
    files = unpack(source, place / "mod")
    assert {(file.name, file.size) for file in files} == {
        ("etc/run.sh", 10),
        ("etc/.hidden", 70_000),
        ("deep/er/empty", 0),
    }
    found = {file.name: file.sha256 for file in files}
    assert found["etc/run.sh"] == hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    assert (place / "mod/etc/.hidden").read_bytes() == b"x" * 70_000
    modes = {
        path.relative_to(place).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*")
    }
    assert modes == {
        "mod": 0o755,
        "mod/etc": 0o755,
        "mod/etc/run.sh": 0o755,
        "mod/etc/.hidden": 0o644,
        "mod/deep": 0o755,
        "mod/deep/er": 0o755,
        "mod/deep/er/empty": 0o644,
    }


@pytest.mark.parametrize("exchange", [True, False])
def test_unpack_replaces_an_existing_folder_completely(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(archive_module, "_exchange", lambda _one, _other: False)
    unpack(tar_of(tmp_path / "1", [("old", b"1", 0o644)]), place / "mod")
    unpack(tar_of(tmp_path / "2", [("new", b"2", 0o644)]), place / "mod")
    assert [path.name for path in place.rglob("*")] == ["mod", "new"]


def test_unpack_removes_leftovers_of_a_killed_run(tmp_path: Path, place: Path) -> None:
    source = tar_of(tmp_path / "1", [("new", b"2", 0o644)])
    (place / ".orcastra-old-mod").mkdir()
    (place / ".orcastra-unpack-mod-abc").mkdir()
    (place / ".orcastra-unpack-mod-abc/half").touch()
    unpack(source, place / "mod")
    assert [path.name for path in place.rglob("*")] == ["mod", "new"]


HOSTILE: list[tuple[list[Entry], str]] = [
    ([("../out", b"x", 0o644)], "outside"),
    ([("a/../../out", b"x", 0o644)], "outside"),
    ([("/etc/passwd", b"x", 0o644)], "outside"),
    ([("..\\out", b"x", 0o644)], "outside"),
    ([("a\\..\\..\\out", b"x", 0o644)], "outside"),
    ([("a/..\\../out", b"x", 0o644)], "outside"),
    ([("\\out", b"x", 0o644)], "outside"),
    ([("\\\\server\\share\\out", b"x", 0o644)], "outside"),
    ([("C:/out", b"x", 0o644)], "outside"),
    ([("C:\\out", b"x", 0o644)], "outside"),
    ([("c:out", b"x", 0o644)], "outside"),
    ([(".\\C:\\out", b"x", 0o644)], "outside"),
    ([("a\nb", b"x", 0o644)], "invalid_name"),
    ([(".", b"x", 0o644)], "invalid_name"),
    ([("a", b"x", 0o644), ("a", b"y", 0o644)], "duplicate"),
    ([("a", b"x", 0o644), ("./a", b"y", 0o644)], "duplicate"),
    ([("a/b", b"x", 0o644), ("a\\b", b"y", 0o644)], "duplicate"),
    ([("a", b"x", 0o644), ("a/b", b"y", 0o644)], "file_and_folder"),
    ([("a/b", b"x", 0o644), ("a", b"y", 0o644)], "file_and_folder"),
    ([("x" * 256, b"x", 0o644)], "name_too_long"),
    ([("x/" * 1100 + "x", b"x", 0o644)], "name_too_long"),
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", [zip_of, tar_of])
@pytest.mark.parametrize(("entries", "code"), HOSTILE)
def test_unpack_refuses_hostile_names(
    tmp_path: Path, place: Path, make: Any, entries: list[Entry], code: str
) -> None:
    target = place / "mod"
    target.mkdir()
    (target / "mine").write_text("kept")
    source = make(tmp_path / "bad", [("first", b"fine", 0o644), *entries])
    with raises(ArchiveError, code):
        unpack(source, target)
    assert [path.name for path in place.rglob("*")] == ["mod", "mine"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [zip_of, tar_of])
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("Mod", b"x", 0o644), ("mod", b"y", 0o644)], {"Mod", "mod"}),
        ([("Mods/a", b"x", 0o644), ("mods/a", b"y", 0o644)], {"Mods/a", "mods/a"}),
        ([("Mods/", None, 0o755), ("mods/a", b"y", 0o644)], {"mods/a"}),
        ([("stra\u00dfe", b"x", 0o644), ("strasse", b"y", 0o644)], {"stra\u00dfe", "strasse"}),
        ([("caf\u00e9", b"x", 0o644), ("cafe\u0301", b"y", 0o644)], {"caf\u00e9", "cafe\u0301"}),
        ([("mods\\a.dll", b"x", 0o644), ("mods\\sub\\b", b"y", 0o644)], {"mods/a.dll", "mods/sub/b"}),
        ([("mods\\", None, 0o755), ("mods\\a", b"x", 0o644)], {"mods/a"}),
        ([("mods/sub\\a", b"x", 0o644), ("mods\\sub/b", b"y", 0o644)], {"mods/sub/a", "mods/sub/b"}),
        ([(".\\mods\\.\\a", b"x", 0o644)], {"mods/a"}),
        ([("a b/c:d", b"x", 0o644), ("...", b"y", 0o644)], {"a b/c:d", "..."}),
    ],
    ids=range(10),
)
def test_unpack_accepts_names_of_other_systems(
    tmp_path: Path, place: Path, make: Any, entries: list[Entry], expected: set[str]
) -> None:
    files = unpack(make(tmp_path / "archive", entries), place / "mod")
    assert {file.name for file in files} == expected
    found = {path.relative_to(place / "mod").as_posix() for path in (place / "mod").rglob("*")}
    assert {name for name in found if (place / "mod" / name).is_file()} == expected


def test_unpack_recognizes_windows_folders_by_attribute(tmp_path: Path, place: Path) -> None:
    source = tmp_path / "archive"
    with zipfile.ZipFile(source, "w") as archive:
        for name, content, attributes in (("mods", b"", 0x10), ("mods\\a", b"x", 0x20)):
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.create_system, info.external_attr = name, 0, attributes
            archive.writestr(info, content)
    unpack(source, place / "mod")
    assert (place / "mod/mods/a").read_bytes() == b"x"


def test_unpack_detects_a_file_system_without_case(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system on which the second of two names opens the first file."""
    inner = os.open

    def open_without_case(path: Any, *more: Any, **others: Any) -> int:
        lower = Path(str(path)).with_name(Path(str(path)).name.lower())
        return inner(lower if ".orcastra-unpack-" in str(path) else path, *more, **others)

    monkeypatch.setattr(archive_module.os, "open", open_without_case)
    source = tar_of(tmp_path / "archive", [("Mod", b"x", 0o644), ("mod", b"y", 0o644)])
    with raises(ArchiveError, "duplicate"):
        unpack(source, place / "mod")
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_unpack_refuses_special_files_in_tar(tmp_path: Path, place: Path, kind: bytes) -> None:
    source = tar_of(tmp_path / "bad", [("a", b"", 0o644)], type=kind, linkname="/etc/passwd")
    with raises(ArchiveError, "special_file"):
        unpack(source, place / "mod")
    assert not list(place.iterdir())


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_unpack_refuses_special_files_in_zip(tmp_path: Path, place: Path, kind: int) -> None:
    source = zip_of(tmp_path / "bad", [("a", b"/etc/passwd", 0)], external_attr=(kind | 0o644) << 16)
    with raises(ArchiveError, "special_file"):
        unpack(source, place / "mod")
    assert not list(place.iterdir())


def test_unpack_refuses_nul_in_a_name(tmp_path: Path, place: Path) -> None:
    pax = tar_of(tmp_path / "tar", [("a", b"", 0o644)], pax_headers={"path": "a\0b"})
    packed = zip_of(tmp_path / "zip", [("aXb", b"", 0o644)])
    packed.write_bytes(packed.read_bytes().replace(b"aXb", b"a\0b"))
    for source in (pax, packed):
        with raises(ArchiveError, "invalid_name"):
            unpack(source, place / "mod")


def test_unpack_refuses_an_encrypted_zip(tmp_path: Path, place: Path) -> None:
    source = zip_of(tmp_path / "bad", [("a", b"secret", 0o644)])
    data = bytearray(source.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(data)
    with raises(ArchiveError, "encrypted"):
        unpack(source, place / "mod")


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_unpack_limits_bytes_entries_and_ratio(tmp_path: Path, place: Path, make: Any) -> None:
    zeros = make(tmp_path / "zeros", [("a", bytes(40_000_000), 0o644)])
    with raises(ArchiveError, "too_dense"):
        unpack(zeros, place / "mod")
    with raises(ArchiveError, "too_large"):
        unpack(zeros, place / "mod", Limits(max_bytes=1_000_000))
    many = make(tmp_path / "many", [(f"a/{number}", b"", 0o644) for number in range(20)])
    with raises(ArchiveError, "too_many_entries"):
        unpack(many, place / "mod", Limits(max_entries=20))
    deep = make(tmp_path / "deep", [("a/" * 30 + "b", b"", 0o644)])
    with raises(ArchiveError, "too_many_entries"):
        unpack(deep, place / "mod", Limits(max_entries=20))
    assert not list(place.iterdir())
    assert len(unpack(many, place / "mod", Limits(max_entries=21))) == 20


def test_unpack_limits_the_zip_directory(tmp_path: Path, place: Path) -> None:
    source = zip_of(tmp_path / "bad", [("a", b"", 0o644)])
    data = bytearray(source.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    data[end + 12 : end + 16] = (1 << 31).to_bytes(4, "little")
    source.write_bytes(data)
    with raises(ArchiveError, "too_many_entries"):
        unpack(source, place / "mod")


def test_unpack_limits_tar_headers(tmp_path: Path, place: Path) -> None:
    source = tar_of(tmp_path / "bad", [("a", b"", 0o644)], pax_headers={"comment": "x" * 3_000_000})
    with raises(ArchiveError, "header_too_large"):
        unpack(source, place / "mod")


@pytest.mark.parametrize("kind", ["zip", "gz", "xz", "bz2"])
def test_unpack_reports_damage_and_changes_nothing(tmp_path: Path, place: Path, kind: str) -> None:
    source = tmp_path / "whole"
    entries: list[Entry] = [("a", hashlib.sha512(b"seed").digest() * 2000, 0o644)]
    if kind == "zip":
        zip_of(source, entries, compress_type=zipfile.ZIP_STORED)
    else:
        tar_of(source, entries, kind)
    whole = source.read_bytes()
    unpack(source, place / "mod")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for damaged in (whole[: len(whole) // 2], whole[:-3], bytes(flipped)):
        source.write_bytes(damaged)
        with raises(ArchiveError, "damaged"):
            unpack(source, place / "mod")
    assert [path.name for path in place.rglob("*")] == ["mod", "a"]


@pytest.mark.parametrize("content", [b"", b"PK", b"\x7fELF", b"<html>", b"\x28\xb5\x2f\xfd zstd"])
def test_unpack_refuses_other_formats(tmp_path: Path, place: Path, content: bytes) -> None:
    (tmp_path / "mod.zip").write_bytes(content)
    with raises(ArchiveError, "unknown_format"):
        unpack(tmp_path / "mod.zip", place / "mod")


def test_unpack_refuses_gzip_without_tar(tmp_path: Path, place: Path) -> None:
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"just text\n" * 100))
    with raises(ArchiveError, "damaged"):
        unpack(tmp_path / "text.gz", place / "mod")


def test_unpack_refuses_a_file_or_link_as_target(tmp_path: Path, place: Path) -> None:
    source = tar_of(tmp_path / "1", [("new", b"2", 0o644)])
    (place / "file").touch()
    (place / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with raises(ArchiveError, "target_not_a_folder"):
            unpack(source, place / name)


def test_unpack_reports_zip_with_an_entry_before_the_file(tmp_path: Path, place: Path) -> None:
    data = zip_of(tmp_path / "good.zip", [("a", b"hello", 0o644)]).read_bytes()
    end = data.index(b"PK\x05\x06")
    # a directory that claims to begin later than it does, so that the offset of its entry becomes negative
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    source = tmp_path / "negative.zip"
    source.write_bytes(data[: end + 16] + (start + 2).to_bytes(4, "little") + data[end + 20 :])
    with raises(ArchiveError, "damaged"):
        unpack(source, place / "mod")
    assert not list(place.iterdir())

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpack untrusted archives: only regular files and folders, within limits, completely or not at all.

The files go into a temporary folder next to the target, which then replaces the target.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import ctypes
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .archive_names import ArchiveError, Names
from .zip_directory import check_zip_directory

try:
    import bz2
    import lzma
except ImportError:
    # missing if Python was built without these libraries
    _UNPACKERS: dict[str, Callable[..., Any]] = {"gzip": gzip.open}
    _BROKEN: tuple[type[Exception], ...] = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error)
else:
    _UNPACKERS = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    _BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError)

TEMPORARY_PREFIX = ".orcastra-unpack-"
OLD_PREFIX = ".orcastra-old-"

_STARTS = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
}
_CHUNK_BYTES = 256 * 1024
# the limit for the headers of one entry, including long names and extended headers
_HEADER_BYTES = 1024 * 1024
# smaller archives have no limit on their ratio
_RATIO_FLOOR_BYTES = 16 * 1024 * 1024
_ENCRYPTED = 0x1
_DOS_FOLDER = 0x10
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@dataclass(frozen=True)
class Limits:
    """``max_bytes`` limits the unpacked size, ``max_ratio`` the unpacked bytes per byte of the archive."""

    max_bytes: int = 2 * 1024**3
    max_entries: int = 20_000
    max_ratio: int = 200


@dataclass(frozen=True)
class UnpackedFile:
    """A file of an archive. ``name`` is relative to the target, with ``/``."""

    name: str
    size: int
    sha256: str


def unpack(archive: Path, target: Path, limits: Limits | None = None) -> tuple[UnpackedFile, ...]:
    """Make ``target`` a folder with exactly the content of ``archive``: zip, or tar with gzip, bzip2 or xz.

    The content decides the format, never the name. The parent of ``target`` must exist. An existing folder is
    replaced in one step, or in two if the file system can't exchange folders; after an error it is unchanged.
    Files get the mode 0644, executable files and folders 0755.
    Raises ArchiveError for faults of the archive or the target, and OSError for a full disk and the like.
    """
    limits = limits or Limits()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ArchiveError(
            "target_not_a_folder", f"{target.name}: expected a folder or nothing there, found something else"
        )
    _remove_leftovers(target)
    folder = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_PREFIX}{target.name}-", dir=target.parent))
    try:
        files = _unpack_into(archive, folder, limits)
        if not files:
            raise ArchiveError("empty", "expected files in the archive, found none")
        folder.chmod(0o755)
        _take_place(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return files


def archive_kind(start: bytes) -> str | None:
    """``zip``, ``gzip``, ``xz`` or ``bzip2``, by the first 6 bytes of a file; None for any other format."""
    return next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), None)


def _unpack_into(archive: Path, folder: Path, limits: Limits) -> tuple[UnpackedFile, ...]:
    with archive.open("rb") as stream:
        kind = archive_kind(stream.read(6))
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        most = min(limits.max_bytes, max(_RATIO_FLOOR_BYTES, size * limits.max_ratio))
        writer = _Writer(folder, Names(limits.max_entries), _Budget(most, limits, size))
        if kind is None:
            raise ArchiveError(
                "unknown_format", "expected zip, tar.gz, tar.xz or tar.bz2, found something else"
            )
        if kind != "zip" and kind not in _UNPACKERS:
            raise ArchiveError("unsupported_format", f"this Python can't read {kind}")
        try:
            if kind == "zip":
                check_zip_directory(stream, size, limits.max_entries)
                _unpack_zip(stream, writer)
            else:
                with _UNPACKERS[kind](stream) as plain:
                    _unpack_tar(plain, writer, most, limits, size)
        except _BROKEN as error:
            raise ArchiveError("damaged", f"the archive is damaged: {error}") from error
        except (NotImplementedError, RuntimeError, ValueError) as error:
            raise ArchiveError("unreadable", f"the archive can't be read: {error}") from error
        except OSError as error:
            # gzip and bz2 report damage as an OSError without a number; disk errors have one
            if error.errno is None:
                raise ArchiveError("damaged", f"the archive is damaged: {error}") from error
            raise
    return tuple(writer.files)


def _unpack_zip(stream: IO[bytes], writer: _Writer) -> None:
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            name = entry.orig_filename
            if entry.header_offset < 0:
                # zipfile would seek to it, which is an error of the file and not of the archive
                raise ArchiveError("damaged", "the archive is damaged: a file begins before the archive")
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.flag_bits & _ENCRYPTED:
                raise ArchiveError("encrypted", f"{name!r} is encrypted")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveError("special_file", f"{name!r} is neither a file nor a folder")
            # archives made on Windows may mark a folder only by this attribute
            by_attribute = kind == 0 and entry.external_attr & _DOS_FOLDER and not entry.file_size
            if name.endswith(("/", "\\")) or kind == stat.S_IFDIR or by_attribute:
                writer.add_folder(name)
                continue
            with archive.open(entry) as content:
                writer.add_file(name, content, bool(entry.external_attr >> 16 & 0o111))


def _unpack_tar(plain: IO[bytes], writer: _Writer, most: int, limits: Limits, size: int) -> None:
    # data between the files counts too: headers can be as dense as files
    counted = _CountedStream(plain, _Budget(most + _HEADER_BYTES, limits, size))
    # opening reads the first header
    counted.expect(_HEADER_BYTES)
    with tarfile.open(fileobj=counted, mode="r|") as archive:  # type: ignore[call-overload]
        while True:
            counted.expect(_HEADER_BYTES)
            member = archive.next()
            counted.expect(None)
            if member is None:
                break
            if member.isdir():
                writer.add_folder(member.name)
            elif member.isreg() and not member.issparse():
                content = archive.extractfile(member)
                if content is None:
                    raise ArchiveError("damaged", f"{member.name!r} has no content")
                writer.add_file(member.name, content, bool(member.mode & 0o111), member.size)
            else:
                raise ArchiveError("special_file", f"{member.name!r} is neither a file nor a folder")
            # otherwise it keeps every header until the end
            archive.members.clear()
    # read to the end, or the checksum is never verified
    while counted.read(_CHUNK_BYTES):
        pass


class _Budget:
    """The number of bytes that may still follow."""

    def __init__(self, most: int, limits: Limits, archive_size: int) -> None:
        self._left = most
        self._ratio = most < limits.max_bytes
        self._limits = limits
        self._archive_size = archive_size

    def spend(self, count: int) -> None:
        """Raises ArchiveError if nothing is left."""
        self._left -= count
        if self._left >= 0:
            return
        if self._ratio:
            raise ArchiveError(
                "too_dense",
                f"unpacks to more than {self._limits.max_ratio} times its own {self._archive_size} bytes",
            )
        raise ArchiveError("too_large", f"unpacks to more than {self._limits.max_bytes} bytes")


class _CountedStream:
    """A readable stream that raises an error if it yields too many bytes."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._expected: int | None = None

    def expect(self, most: int | None) -> None:
        """Limit the bytes read until the next call, for data that is kept in memory as a whole."""
        self._expected = most

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._budget.spend(len(data))
        if self._expected is not None:
            self._expected -= len(data)
            if self._expected < 0:
                raise ArchiveError(
                    "header_too_large", f"the header of an entry has more than {_HEADER_BYTES} bytes"
                )
        return data


class _Writer:
    """Writes into a folder that no other process writes to."""

    def __init__(self, folder: Path, names: Names, budget: _Budget) -> None:
        self.files: list[UnpackedFile] = []
        self._folder = folder
        self._names = names
        self._budget = budget

    def add_folder(self, name: str) -> None:
        for path in self._names.add_folder(name):
            self._make_folder(path)

    def add_file(self, name: str, content: IO[bytes], executable: bool, size: int | None = None) -> None:
        path, folders = self._names.add_file(name)
        for parent in folders:
            self._make_folder(parent)
        mode = 0o755 if executable else 0o644
        found, checksum = 0, hashlib.sha256()
        with os.fdopen(self._create(path, mode), "wb") as file:
            for chunk in _chunks(content):
                found += len(chunk)
                self._budget.spend(len(chunk))
                checksum.update(chunk)
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if size is not None and found != size:
            raise ArchiveError("damaged", f"the archive is damaged: {name!r} ends early")
        self.files.append(UnpackedFile(path, found, checksum.hexdigest()))

    def _create(self, path: str, mode: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(self._folder / path, flags, mode)
        except FileExistsError:
            raise ArchiveError(
                "duplicate", f"on this file system, {path!r} is also the name of another entry"
            ) from None

    def _make_folder(self, path: str) -> None:
        folder = self._folder / path
        try:
            folder.mkdir()
        except FileExistsError:
            raise ArchiveError(
                "duplicate", f"on this file system, {path!r} is also the name of another entry"
            ) from None
        folder.chmod(0o755)


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(_CHUNK_BYTES):
        yield chunk


def _take_place(folder: Path, target: Path) -> None:
    """Replace ``target`` by ``folder``."""
    if not target.exists():
        folder.rename(target)
        return
    if _exchange(folder, target):
        shutil.rmtree(folder)
        return
    old = target.with_name(f"{OLD_PREFIX}{target.name}")
    target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step (Linux, most file systems). Returns False if that isn't possible."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    paths = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    done: int = rename(*paths, _RENAME_EXCHANGE)
    return done == 0


def _remove_leftovers(target: Path) -> None:
    """Clean up after a run that was killed."""
    old = target.with_name(f"{OLD_PREFIX}{target.name}")
    if old.is_dir() and not old.is_symlink():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(target.parent):  # noqa: PTH208 - names, not paths
            if name.startswith(f"{TEMPORARY_PREFIX}{target.name}-"):
                shutil.rmtree(target.parent / name, ignore_errors=True)

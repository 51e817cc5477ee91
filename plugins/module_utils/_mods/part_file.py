# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that is written next to the one it replaces, and replaces it in one step once it is valid."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from .._model.compat import dataclass
from .encodings import EncodingError, TooLong, decoded, decoded_start, unknown

PART_PREFIX = ".orcastra-part-"
FILE_MODE = 0o644
_START_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
ALGORITHMS = {"sha512": 128, "sha256": 64, "sha1": 40, "md5": 32}


class PartFileError(Exception):
    """The file differs from the expected one. ``code`` classifies how; the text doesn't name the entry."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def parse_digest(text: str) -> tuple[str, str]:
    """Split ``ALGORITHM:HEX``, or the hex alone, into algorithm and hex in lower case. Raises ValueError."""
    algorithm, _colon, number = text.strip().lower().rpartition(":")
    if not algorithm:
        algorithm = next((name for name, length in ALGORITHMS.items() if length == len(number)), "")
    if ALGORITHMS.get(algorithm) != len(number) or re.fullmatch("[0-9a-f]+", number) is None:
        raise ValueError(f"expected a digest like sha256:HEX, found {text[:80]!r}")
    return algorithm, number


@dataclass(frozen=True, slots=True)
class Version:
    """The identity of a version of a file, as sent by its server. ``etag`` is a strong ETag or None.

    ``size`` is that of the complete encoded body, ``encodings`` are those of the body.
    """

    etag: str | None = None
    last_modified: str | None = None
    size: int | None = None
    encodings: tuple[str, ...] = ()
    content_type: str = ""


class Check(Protocol):
    """A check of a file's content. Both methods return the fault, or None."""

    def start(self, start: bytes, content_type: str) -> str | None: ...

    def whole(self, file: IO[bytes], size: int, content_type: str) -> str | None: ...

    def proves(self, start: bytes) -> bool:
        """Whether a file of the expected kind, if there is one, begins like this."""

    def is_meant(self, encoding: str) -> bool:
        """Whether its name implies this encoding."""


class PartFile:
    """Hashes and counts while it is written. A context manager, which removes an unfinished file at its end.

    ``size`` is the number of encoded bytes so far; ``version`` is the version that they belong to.
    """

    def __init__(self, target: Path, digest: str | None, max_bytes: int, check: Check | None = None) -> None:
        """Raises PartFileError for an invalid digest."""
        self.target = target
        self.version = Version()
        self.size = 0
        try:
            self._wanted = None if digest is None else parse_digest(digest)
        except ValueError as error:
            raise PartFileError("invalid_digest", str(error)) from error
        self._max_bytes = max_bytes
        self._check = check
        self._path = self._new_path()
        self._decoded = self._new_path()
        self._file: Any = None
        self._hashes: dict[str, Any] = {}

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._decoded.unlink(missing_ok=True)
            self._file = None

    def begin(self, version: Version) -> None:
        """Start, or start again, with an empty file. Raises OSError."""
        if self._file is None:
            self._file = self._open(self._path)
        self._file.seek(0)
        self._file.truncate()
        self.version = version
        self.size = 0
        self._hashes = self._new_hashes()

    def check_room(self, expected: int) -> None:
        """Raise PartFileError if this number of bytes is too large."""
        # an encoded body may be slightly larger than its content
        most = self._max_bytes + (self._max_bytes // 1000 + 1024 if self.version.encodings else 0)
        if expected > most:
            raise PartFileError("too_large", f"expected at most {self._max_bytes} bytes, found more")

    def write(self, piece: bytes) -> None:
        """Append. Raises OSError, and PartFileError if the file is too large or begins wrongly."""
        self.check_room(self.size + len(piece))
        if self.size == 0 and self._check is not None and not self.version.encodings:
            self._refuse(self._check.start(piece, self.version.content_type))
        self._append(self._file, self._hashes, piece)
        self.size += len(piece)

    def finish(self, size: int | None = None) -> dict[str, str]:
        """Undo the encodings, check the complete file, sync it to the disk and replace the target.

        ``size`` is the expected size of the decoded file. Returns the digests. Raises OSError, PartFileError.
        """
        if self.version.encodings:
            self._settle_encodings()
        if size is not None and self.size != size:
            raise PartFileError("wrong_size", f"expected {size} bytes, found {self.size}")
        if self.size > self._max_bytes:
            raise PartFileError("too_large", f"expected at most {self._max_bytes} bytes, found more")
        digests = _hex(self._hashes)
        if self._wanted is not None and not self._has_wanted_digest():
            name, desired = self._wanted
            raise PartFileError(
                "wrong_digest", f"expected the digest {name}:{desired}, found {name}:{digests[name]}"
            )
        if self._check is not None:
            self._refuse(self._check.whole(self._file, self.size, self.version.content_type))
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._path, self.target)  # noqa: PTH105 - as it is called everywhere
        self._decoded.unlink(missing_ok=True)
        self._file = None
        sync_folder(self.target.parent)
        return digests

    def _settle_encodings(self) -> None:
        """Replace the received body by its decoded content, unless the body is the file itself."""
        found = self.version.encodings
        if self._wanted is not None and self._has_wanted_digest():
            return
        outer = self._outer_encodings(found)
        fault = unknown(outer)
        if fault is not None:
            if len(found) == 1 and self._check is not None and self._check.is_meant(found[0]):
                return
            raise PartFileError("wrong_encoding", f"expected the file as it is, found {fault}")
        if not outer:
            return
        try:
            self._decode(outer)
        except EncodingError as error:
            raise PartFileError("wrong_encoding", f"expected {', '.join(outer)}, found {error}") from error
        except TooLong:
            raise PartFileError(
                "too_large", f"expected at most {self._max_bytes} bytes, found more"
            ) from None

    def _outer_encodings(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """The encodings to undo so that a file of the expected kind is left.

        Servers also send an encoding for .tar.gz files, and some send one for every file.
        """
        if self._check is None:
            return found
        self._file.seek(0)
        start = self._file.read(_START_BYTES)
        for number in range(len(found) + 1):
            outer = found[number:]
            if unknown(outer) is None and self._check.proves(decoded_start(start, outer)):
                return outer
        return found

    def _decode(self, found: tuple[str, ...]) -> None:
        self._file.seek(0)
        pieces = iter(lambda: self._file.read(_CHUNK_BYTES), b"")
        hashes, size = self._new_hashes(), 0
        target = self._open(self._decoded)
        try:
            for piece in decoded(pieces, found, self._max_bytes):
                self._append(target, hashes, piece)
                size += len(piece)
        except BaseException:
            target.close()
            self._decoded.unlink(missing_ok=True)
            raise
        self._file.close()
        os.replace(self._decoded, self._path)  # noqa: PTH105 - as it is called everywhere
        self._file, self._hashes, self.size = target, hashes, size

    def _has_wanted_digest(self) -> bool:
        if self._wanted is None:
            return False
        name, desired = self._wanted
        return hmac.compare_digest(self._hashes[name].hexdigest(), desired)

    def _new_hashes(self) -> dict[str, Any]:
        names = {"sha256"} if self._wanted is None else {"sha256", self._wanted[0]}
        return {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def _new_path(self) -> Path:
        return self.target.with_name(f"{PART_PREFIX}{secrets.token_hex(8)}")

    @staticmethod
    def _open(path: Path) -> Any:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(path, flags, FILE_MODE), "r+b", buffering=0)
        os.fchmod(file.fileno(), FILE_MODE)
        return file

    @staticmethod
    def _append(file: Any, hashes: Mapping[str, Any], piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
        for algorithm in hashes.values():
            algorithm.update(piece)

    @staticmethod
    def _refuse(fault: str | None) -> None:
        if fault is not None:
            raise PartFileError("wrong_content", fault)


def _hex(hashes: Mapping[str, Any]) -> dict[str, str]:
    return {name: algorithm.hexdigest() for name, algorithm in hashes.items()}


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(target: Path, content: bytes) -> None:
    """Replace a small file in one step. Raises OSError."""
    with PartFile(target, None, len(content)) as part:
        part.begin(Version())
        part.write(content)
        part.finish()

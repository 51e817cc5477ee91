# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that is written beside the one it replaces, and takes its place in one step once it is right."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

PART_PREFIX = ".orcastra-part-"
FILE_MODE = 0o644
ALGORITHMS = {"sha512": 128, "sha256": 64, "sha1": 40, "md5": 32}


class PartFileError(Exception):
    """What was written is not what was expected; ``str(error)`` says so, without naming the entry."""


def parse_digest(text: str) -> tuple[str, str]:
    """``ALGORITHM:HEX``, or the hex alone, as algorithm and hex in small letters. Raises ValueError."""
    algorithm, _colon, number = text.strip().lower().rpartition(":")
    if not algorithm:
        algorithm = next((name for name, length in ALGORITHMS.items() if length == len(number)), "")
    if ALGORITHMS.get(algorithm) != len(number) or re.fullmatch("[0-9a-f]+", number) is None:
        raise ValueError(f"expected a digest like sha256:HEX, found {text[:80]!r}")
    return algorithm, number


class PartFile:
    """Hashes and counts while it is written. A context manager: what is not finished by its end is gone.

    ``etag`` is the strong validator of what is there so far, None where there is none.
    """

    def __init__(
        self,
        target: Path,
        digest: str | None,
        max_bytes: int,
        check_start: Callable[[bytes], str | None] | None = None,
    ) -> None:
        """Raises PartFileError for a digest that is none."""
        self.target = target
        self.etag: str | None = None
        self.size = 0
        try:
            self._wanted = None if digest is None else parse_digest(digest)
        except ValueError as error:
            raise PartFileError(str(error)) from error
        self._max_bytes = max_bytes
        self._check_start = check_start
        self._path = target.with_name(f"{PART_PREFIX}{secrets.token_hex(8)}")
        self._file: Any = None
        self._hashes: dict[str, Any] = {}

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None

    def begin(self, etag: str | None) -> None:
        """Start, or start again, with nothing. Raises OSError."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self._path, flags, FILE_MODE), "wb", buffering=0)
            os.fchmod(self._file.fileno(), FILE_MODE)
        self._file.seek(0)
        self._file.truncate()
        self.etag = etag
        self.size = 0
        names = {"sha256"} if self._wanted is None else {"sha256", self._wanted[0]}
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}

    def check_room(self, expected: int) -> None:
        """Raises PartFileError where so many bytes are too many."""
        if expected > self._max_bytes:
            raise PartFileError(f"expected at most {self._max_bytes} bytes, found more")

    def write(self, piece: bytes) -> None:
        """Append. Raises OSError, and PartFileError where it becomes too much or begins wrongly."""
        self.check_room(self.size + len(piece))
        if self.size == 0 and self._check_start is not None:
            fault = self._check_start(piece)
            if fault is not None:
                raise PartFileError(fault)
        rest = memoryview(piece)
        while rest:
            rest = rest[self._file.write(rest) :]
        for algorithm in self._hashes.values():
            algorithm.update(piece)
        self.size += len(piece)

    def finish(self) -> dict[str, str]:
        """Check the digest, write all to the disk and take the target's place. Returns the digests.

        Raises OSError and PartFileError.
        """
        digests = {name: algorithm.hexdigest() for name, algorithm in self._hashes.items()}
        if self._wanted is not None:
            name, wanted = self._wanted
            if not hmac.compare_digest(digests[name], wanted):
                raise PartFileError(f"expected the digest {name}:{wanted}, found {name}:{digests[name]}")
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._path, self.target)  # noqa: PTH105 - as it is called everywhere
        self._file = None
        sync_folder(self.target.parent)
        return digests


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(target: Path, content: bytes) -> None:
    """Replace a small file in one step. Raises OSError."""
    with PartFile(target, None, len(content)) as part:
        part.begin(None)
        part.write(content)
        part.finish()

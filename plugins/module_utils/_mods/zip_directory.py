# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the size of a zip file's directory before the standard library reads all of it into memory."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import struct
from typing import IO

from .archive_names import ArchiveError

# from the format's specification (APPNOTE.TXT 4.3.14 to 4.3.16)
_END = b"PK\x05\x06"
_END_BYTES = 22
_COMMENT_BYTES = 65535
_LOCATOR = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_END_64 = b"PK\x06\x06"
_END_64_BYTES = 56
# an entry of a directory: its fixed part, a long name, some extra fields
_ENTRY_BYTES = 1024


def check_zip_directory(stream: IO[bytes], size: int, max_entries: int) -> None:
    """Raise ArchiveError if the directory is missing or too large. Moves the stream."""
    length = min(size, _END_BYTES + _COMMENT_BYTES)
    stream.seek(size - length)
    tail = stream.read(length)
    # the same two places as in zipfile, in the same order
    at = length - _END_BYTES
    if at < 0 or not (tail[at:].startswith(_END) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_BYTES:
        raise ArchiveError("damaged", "the archive is damaged: the end of a zip file is missing")
    entries, directory = struct.unpack("<HL", tail[at + 10 : at + 16])
    large = _read_end_64(stream, size - length + at)
    if large is not None:
        entries, directory = large
    if entries > max_entries or directory > max_entries * _ENTRY_BYTES:
        raise ArchiveError(
            "too_many_entries", f"expected at most {max_entries} files and folders, found more"
        )
    stream.seek(0)


def _read_end_64(stream: IO[bytes], end: int) -> tuple[int, int] | None:
    """Entries and bytes of a zip64 directory, or None for an ordinary zip file."""
    start = end - _LOCATOR_BYTES - _END_64_BYTES
    if start < 0:
        return None
    stream.seek(start, os.SEEK_SET)
    found = stream.read(_END_64_BYTES + _LOCATOR_BYTES)
    if not found.startswith(_END_64) or not found[_END_64_BYTES:].startswith(_LOCATOR):
        return None
    entries, directory = struct.unpack("<QQ", found[32:48])
    return int(entries), int(directory)

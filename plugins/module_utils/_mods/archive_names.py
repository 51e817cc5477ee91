# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names in an archive: each stays inside the target, and no two are the same.

Names that differ only in case are two names here. A file system without case reports the conflict itself.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re

from .._model.errors import OrcastraError

_PART_BYTES = 255
_NAME_BYTES = 2048


class ArchiveError(OrcastraError):
    """The archive can't be unpacked. ``code`` classifies the reason; the text follows the entry's name."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Names:
    """The names of an archive seen so far. Each method raises ArchiveError."""

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries = 0
        self._folders: set[str] = set()
        self._files: set[str] = set()

    def add_folder(self, name: str) -> list[str]:
        """The folders to create, outermost first; none if the folder exists already."""
        self._count()
        return self._make_folders(_parts(name))

    def add_file(self, name: str) -> tuple[str, list[str]]:
        """The path to write to, and the folders to create first."""
        self._count()
        parts = _parts(name)
        if not parts:
            raise ArchiveError("invalid_name", f"{name!r} isn't a file name")
        folders = self._make_folders(parts[:-1])
        path = "/".join(parts)
        if path in self._folders:
            raise ArchiveError("file_and_folder", f"{name!r} is both a file and a folder")
        if path in self._files:
            raise ArchiveError("duplicate", f"{name!r} occurs twice")
        self._files.add(path)
        return path, folders

    def _make_folders(self, parts: list[str]) -> list[str]:
        made: list[str] = []
        for length in range(1, len(parts) + 1):
            path = "/".join(parts[:length])
            if path in self._folders:
                continue
            if path in self._files:
                raise ArchiveError("file_and_folder", f"{path!r} is both a file and a folder")
            self._count()
            self._folders.add(path)
            made.append(path)
        return made

    def _count(self) -> None:
        self._entries += 1
        if self._entries > self._max_entries:
            raise ArchiveError(
                "too_many_entries", f"expected at most {self._max_entries} files and folders, found more"
            )


def _parts(name: str) -> list[str]:
    """The parts of a relative name, without empty ones and ``.``.

    Archives made on Windows may have backslashes, which unzip treats as slashes.
    """
    try:
        length = len(name.encode())
    except UnicodeEncodeError as error:
        raise ArchiveError("invalid_name", f"{name!r} isn't UTF-8") from error
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise ArchiveError("invalid_name", f"{name!r} has a control character in its name")
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or (parts and re.match(r"[A-Za-z]:", parts[0])):
        raise ArchiveError("outside", f"{name!r} isn't a relative name")
    if ".." in parts:
        raise ArchiveError("outside", f"{name!r} leads out of the folder")
    if length > _NAME_BYTES or any(len(part.encode()) > _PART_BYTES for part in parts):
        raise ArchiveError("name_too_long", f"{name[:80]!r}… is too long for a name")
    return parts

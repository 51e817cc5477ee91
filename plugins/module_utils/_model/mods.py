# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mods: the desired entries, the saved state of each, and its files. Plain immutable data.

Times are in seconds since the epoch, sizes in bytes.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from .compat import dataclass

URL = "url"
IMAGE = "image"
API = "api"
DEFAULT_LABEL_PREFIX = "com.linuxserver.mod."
DEFAULT_MAX_BYTES = 2 * 1024**3
DEFAULT_CONCURRENCY = 4
# leaves room for the suffixes of locks and temporary files
MAX_NAME_BYTES = 220

# size, mtime in ns, ctime in ns, inode: if they are unchanged, the content of the file is unchanged
Status = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ModEntry:
    """A desired mod.

    - ``kind``: URL, IMAGE or API; ``source``: the URL or the image reference
    - ``title``: its name in messages, without secrets
    - ``key``: its key in the saved state
    - ``name``: its path in the folder (``mods/a.jar``, or a folder if it is unpacked); None if only the API
      knows it
    - ``digest``: ``ALGORITHM:HEX``
    - ``trusted``: False for entries from labels and containers
    - ``arch``: the architecture of an image, with Docker's name (``amd64``)
    - ``asked_by``: the services and containers that request it
    """

    kind: str
    source: str = field(repr=False)
    title: str
    key: str
    name: str | None = None
    digest: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    select: str | None = None
    unpack: bool = False
    optional: bool = False
    trusted: bool = True
    arch: str = ""
    asked_by: tuple[str, ...] = ()


def name_fault(name: str) -> str | None:
    """Check a path in the folder of mods. Returns the expected value, or None if ``name`` is valid."""
    if not name or not name.isprintable():
        return "a name without unprintable characters"
    if "\\" in name:
        return "a name without backslashes"
    parts = name.split("/")
    if any(not part or part.startswith(".") or len(part.encode()) > MAX_NAME_BYTES for part in parts):
        return "a name inside the folder, without parts that are empty, too long or start with a dot"
    return None


def stored_name_fault(name: str) -> str | None:
    """The same for an existing file. In the folder of an archive, names may start with a dot."""
    first, _slash, rest = name.partition("/")
    fault = name_fault(first)
    if fault is None and rest and any(part in ("", ".", "..") or "\0" in part for part in rest.split("/")):
        return "a name inside the folder"
    return fault


def entry_key(kind: str, source: str, shown: str, more: str = "") -> str:
    """The key of an entry in the saved state: ``shown`` (the source without secrets), and a hash."""
    mark = hashlib.sha256(f"{source}\n{more}".encode(errors="replace")).hexdigest()[:12]
    return f"{kind} {shown} {mark}"


@dataclass(frozen=True, slots=True)
class ModRules:
    """The configuration of the mod manager.

    ``allow_private``: URLs in labels may point to private addresses. ``is_given`` is False if there is no
    configuration: files that an earlier configuration has downloaded are then kept.
    """

    entries: tuple[ModEntry, ...] = ()
    docker_mods: bool = True
    label_prefix: str | None = DEFAULT_LABEL_PREFIX
    allow_private: bool = False
    prune: bool = True
    concurrency: int = DEFAULT_CONCURRENCY
    max_bytes: int = DEFAULT_MAX_BYTES
    is_given: bool = True

    @property
    def discovers(self) -> bool:
        return self.docker_mods or self.label_prefix is not None


@dataclass(frozen=True, slots=True)
class ModFile:
    """A file that Orcastra has stored. ``name`` is its path relative to the folder, with ``/``."""

    name: str
    size: int
    sha256: str
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class ModRecord:
    """The saved state of an entry.

    ``digests`` are those of the downloaded file, algorithm → hex. ``folder`` is the folder that an archive
    was unpacked into. ``seen`` is when the entry was last desired; ``success`` is when it was last up to
    date.
    """

    key: str
    kind: str
    title: str
    files: tuple[ModFile, ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    folder: str | None = None
    success: float = 0.0
    seen: float = 0.0
    discovered: bool = False


ModState = Mapping[str, ModRecord]


def encode_mod_state(state: ModState) -> dict[str, Any]:
    """The state as data for JSON."""
    return {
        "version": 1,
        "mods": {
            key: {
                "kind": record.kind,
                "title": record.title,
                "etag": record.etag,
                "last_modified": record.last_modified,
                "digests": dict(record.digests),
                "size": record.size,
                "folder": record.folder,
                "last_success": record.success,
                "last_wanted": record.seen,
                "discovered": record.discovered,
                "files": [
                    {"name": file.name, "size": file.size, "sha256": file.sha256, "status": file.status}
                    for file in record.files
                ],
            }
            for key, record in sorted(state.items())
        },
    }


def decode_mod_state(data: Any) -> dict[str, ModRecord]:
    """The reverse. Raises ValueError, TypeError, KeyError or AttributeError if the data is damaged."""
    if data["version"] != 1:
        raise ValueError(f"expected version 1, found {data['version']!r}")
    return {str(key): _record(str(key), found) for key, found in data["mods"].items()}


def _record(key: str, found: Any) -> ModRecord:
    return ModRecord(
        key=key,
        kind=str(found["kind"]),
        title=str(found["title"]),
        files=tuple(
            ModFile(str(file["name"]), int(file["size"]), str(file["sha256"]), _status(file["status"]))
            for file in found["files"]
        ),
        etag=_text(found["etag"]),
        last_modified=_text(found["last_modified"]),
        digests={str(name): str(value) for name, value in found["digests"].items()},
        size=int(found["size"]),
        folder=_text(found["folder"]),
        success=float(found["last_success"]),
        seen=float(found["last_wanted"]),
        discovered=bool(found["discovered"]),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _status(value: Any) -> Status | None:
    if value is None:
        return None
    size, mtime, ctime, inode = value
    return int(size), int(mtime), int(ctime), int(inode)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Update one mod: ask its server, and store a new version."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from .._model.errors import OrcastraError
from .._model.mod_steps import StoreMod
from .._model.mods import IMAGE, ModEntry, ModFile, ModRecord
from .._model.reasons import Reason
from .._mods.archive import Limits, unpack
from .._mods.archive_names import ArchiveError
from .._mods.cache import keep_layer
from .._mods.content import START_BYTES, Judge
from .._mods.folder import ModFolder
from .._mods.http import Downloaded, Fetcher
from .._mods.part_file import PART_PREFIX
from .._mods.platforms import parse_platform
from .._mods.reference import parse_reference
from .._mods.registry import Registry
from .._mods.replies import FetchError
from .._mods.sources import Located, is_current, locate, same_place
from .._plan.mods import Lookup

Progress = Callable[[str, int, "int | None"], None]


@dataclass(frozen=True)
class Updated:
    """``step`` is the change made (or planned), or None. ``record`` describes the current files."""

    record: ModRecord
    step: StoreMod | None = None
    downloaded: int = 0


class EntryUpdater:
    """Updates entries, several at a time. ``check``: only ask, and write nothing.

    ``places`` maps each name that is taken to the key of its entry.
    """

    def __init__(
        self,
        folder: ModFolder,
        fetcher: Fetcher,
        places: Mapping[str, str],
        *,
        max_bytes: int,
        check: bool,
        now: float,
        progress: Progress | None = None,
    ) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._registry = Registry(fetcher)
        self._places = dict(places)
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._check = check
        self._now = now
        self._progress = progress

    def update(self, lookup: Lookup) -> Updated:
        """Raises FetchError."""
        entry = lookup.entry
        try:
            if lookup.is_settled and lookup.record is not None:
                return Updated(self._confirmed(lookup.record, entry))
            if entry.kind == IMAGE:
                return self._update_image(lookup)
            return self._update_file(lookup)
        except FetchError:
            raise
        except OrcastraError as error:
            raise FetchError("invalid_entry", entry.title, str(error)) from error
        except OSError as error:
            raise FetchError(
                "not_written", entry.title, f"can't be written: {error.strerror or error}"
            ) from error

    def _update_image(self, lookup: Lookup) -> Updated:
        entry, record = lookup.entry, lookup.record
        reference = parse_reference(entry.source)
        if record is not None:
            news = self._registry.news(reference, trusted=entry.trusted, entry=entry.title)
            if news == record.etag:
                return Updated(self._confirmed(record, entry))
        layer = self._registry.resolve(
            reference,
            parse_platform(entry.arch),
            trusted=entry.trusted,
            max_bytes=self._max_bytes,
            entry=entry.title,
        )
        number = layer.digest.partition(":")[2]
        found = self._record(entry, etag=layer.manifest, digests={"sha256": number}, size=layer.size)
        if entry.digest is not None:
            # the pinned digest is that of the manifest, not of the layer
            found = replace(found, digests={"sha256": entry.digest.partition(":")[2], "layer": number})
        name = entry.name or ""
        if record is not None and record.files and record.files[0].sha256 == number:
            # a new manifest, but the same layer
            return Updated(replace(found, files=record.files))
        step = self._step(lookup, name, f"sha256:{number}")
        if self._check:
            return Updated(found, step)
        path = self._folder.place(name)
        kept = keep_layer(
            self._registry,
            layer,
            path.parent,
            trusted=entry.trusted,
            entry=entry.title,
            progress=self._progress_of(entry),
        )
        files = (self._folder.with_status(ModFile(name, kept.size, number)),)
        return Updated(replace(found, files=files), step if kept.is_new else None, kept.size * kept.is_new)

    def _update_file(self, lookup: Lookup) -> Updated:
        entry, record = lookup.entry, lookup.record
        located = locate(entry, self._fetcher, record, lookup.conditions)
        self._claim(located.name, entry)
        self._check_owner(located.name, lookup)
        if record is not None and not same_place(located, record, unpack=entry.unpack):
            record = None
        if record is not None and is_current(located, record):
            return Updated(self._confirmed(record, entry))
        conditions = lookup.conditions if record is not None and located.digest is None else {}
        headers = {**located.headers, **conditions}
        if self._check:
            return self._look(lookup, record, located, headers)
        if entry.unpack:
            return self._store_archive(lookup, record, located, headers)
        path = self._folder.place(located.name)
        if path.is_dir() and not path.is_symlink():
            raise FetchError(
                "not_a_file", entry.title, f"expected a file or nothing at {located.name}, found a folder"
            )
        got = self._download(entry, located, path, headers, _judge(entry, located, path))
        if not got.is_new and record is not None:
            return Updated(self._confirmed(record, entry))
        file = self._folder.with_status(ModFile(located.name, got.size, got.digests["sha256"]))
        return self._stored(lookup, located, got, (file,))

    def _look(
        self, lookup: Lookup, record: ModRecord | None, located: Located, headers: Mapping[str, str]
    ) -> Updated:
        """Ask whether there is a new version, without downloading it."""
        entry = lookup.entry
        with self._fetcher.request(
            "GET", located.url, headers, trusted=entry.trusted, entry=entry.title, accept=(304,)
        ) as reply:
            if reply.status == 304 and record is not None:
                return Updated(self._confirmed(record, entry))
            judge = _judge(entry, located, self._folder.path / located.name)
            if judge is not None:
                start = reply.start(START_BYTES)
                content_type = reply.headers.get("Content-Type", "")
                fault = judge.start(start, content_type) if start else judge.whole(io.BytesIO(), 0, "")
                if fault is not None:
                    raise FetchError("wrong_content", entry.title, fault)
        return Updated(self._record(entry), self._step(lookup, located.name, located.digest))

    def _store_archive(
        self, lookup: Lookup, record: ModRecord | None, located: Located, headers: Mapping[str, str]
    ) -> Updated:
        entry = lookup.entry
        target = self._folder.place(located.name)
        mark = hashlib.sha256(entry.key.encode()).hexdigest()[:16]
        archive = target.with_name(f"{PART_PREFIX}archive-{mark}")
        try:
            got = self._download(entry, located, archive, headers, _judge(entry, located, target))
            if not got.is_new and record is not None:
                return Updated(self._confirmed(record, entry))
            unpacked = unpack(archive, target, Limits(max_bytes=self._max_bytes))
        except ArchiveError as error:
            raise FetchError(error.code, entry.title, str(error)) from error
        finally:
            archive.unlink(missing_ok=True)
        files = tuple(
            self._folder.with_status(ModFile(f"{located.name}/{file.name}", file.size, file.sha256))
            for file in unpacked
        )
        return self._stored(lookup, located, got, files, folder=located.name)

    def _download(
        self, entry: ModEntry, located: Located, path: Path, headers: Mapping[str, str], check: Judge | None
    ) -> Downloaded:
        return self._fetcher.download(
            located.url,
            path,
            headers,
            trusted=entry.trusted,
            max_bytes=self._max_bytes,
            entry=entry.title,
            digest=located.digest,
            check=check,
            progress=self._progress_of(entry),
        )

    def _stored(
        self,
        lookup: Lookup,
        located: Located,
        got: Downloaded,
        files: tuple[ModFile, ...],
        folder: str | None = None,
    ) -> Updated:
        record = replace(
            self._record(lookup.entry, etag=got.etag, digests=got.digests, size=got.size),
            files=files,
            folder=folder,
            last_modified=got.last_modified,
        )
        before = lookup.record
        if before is not None and before.digests.get("sha256") == got.digests["sha256"]:
            # a server without validators sends the same file each time
            if [(file.name, file.sha256) for file in before.files] == [(f.name, f.sha256) for f in files]:
                return Updated(record, None, got.size)
        return Updated(record, self._step(lookup, located.name, f"sha256:{got.digests['sha256']}"), got.size)

    def _claim(self, name: str, entry: ModEntry) -> None:
        """Claim a name that only the API knew. Raises FetchError if another entry has it."""
        with self._lock:
            for place, key in self._places.items():
                if key == entry.key:
                    continue
                if name == place or name.startswith(f"{place}/") or place.startswith(f"{name}/"):
                    raise FetchError("name_taken", entry.title, f"expected an unused name, found {name}")
            self._places[name] = entry.key

    def _check_owner(self, name: str, lookup: Lookup) -> None:
        """Raise FetchError if the server names the file like an existing one that isn't ours."""
        entry, record = lookup.entry, lookup.record
        if entry.trusted or entry.name is not None:
            return
        ours = {record.folder, *(file.name for file in record.files)} if record is not None else set()
        if name not in ours and (self._folder.path / name).exists():
            raise FetchError(
                "name_taken", entry.title, f"expected an unused name, found {name}, which already exists"
            )

    @property
    def places(self) -> Mapping[str, str]:
        return self._places

    def _confirmed(self, record: ModRecord, entry: ModEntry) -> ModRecord:
        return replace(record, success=self._now, seen=self._now, discovered=not entry.trusted)

    def _record(
        self,
        entry: ModEntry,
        *,
        etag: str | None = None,
        digests: Mapping[str, str] | None = None,
        size: int = 0,
    ) -> ModRecord:
        return ModRecord(
            key=entry.key,
            kind=entry.kind,
            title=entry.title,
            etag=etag,
            digests=digests or {},
            size=size,
            success=self._now,
            seen=self._now,
            discovered=not entry.trusted,
        )

    def _step(self, lookup: Lookup, name: str, new: str | None) -> StoreMod:
        old = None if lookup.record is None else lookup.record.digests.get("sha256")
        why = lookup.why if lookup.record is None else Reason("mod_outdated")
        return StoreMod(
            title=lookup.entry.title, name=name, old=f"sha256:{old}" if old else None, new=new, why=(why,)
        )

    def _progress_of(self, entry: ModEntry) -> Callable[[int, int | None], None] | None:
        tell = self._progress
        if tell is None:
            return None
        return lambda done, whole: tell(entry.title, done, whole)


def _judge(entry: ModEntry, located: Located, path: Path) -> Judge | None:
    """The check for the content of ``path``, or None if a digest is enough."""
    if located.digest is not None:
        return None
    names = (located.name, urlsplit(located.url).path.rpartition("/")[2])
    has_content = path.is_file() and path.stat().st_size > 0
    return Judge(names, archive=entry.unpack, replaces=has_content or path.is_dir())

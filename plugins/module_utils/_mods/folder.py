# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of mods: names that stay inside, its files, its saved state and its locks."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from .._model.errors import OrcastraError
from .._model.mods import (
    IMAGE,
    ModFile,
    ModRecord,
    ModState,
    Status,
    decode_mod_state,
    encode_mod_state,
    name_fault,
    stored_name_fault,
)
from .._model.reasons import Reason
from .cache import break_stale_lock
from .part_file import PART_PREFIX, write_whole
from .reference import SUFFIX

STATE_NAME = ".orcastra-mods.json"
LOCK_NAME = ".orcastra-mods.lock"
_CHUNK_BYTES = 1024 * 1024
_MAX_STATE_BYTES = 64 * 1024 * 1024


class FolderBusy(OrcastraError):
    """Another process is refreshing the folder."""


class ModFolder:
    """The folder at ``path``, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Create the folder and hold its lock. Raises FolderBusy, OrcastraError."""
        with contextlib.ExitStack() as stack:
            try:
                self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                lock = stack.enter_context(os.fdopen(os.open(self.path / LOCK_NAME, flags, 0o644), "r+b"))
                # the kernel releases it, however the process ends
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderBusy(f"another refresh of {self.path} is running") from None
            except OSError as error:
                raise OrcastraError(f"{self.path}: it can't be written: {error.strerror or error}") from error
            yield

    def read_state(self) -> tuple[dict[str, ModRecord], Reason | None]:
        """Return the saved state and the fault of its file, if any. A damaged file reads as empty."""
        path = self.path / STATE_NAME
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                content = file.read(_MAX_STATE_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return {}, None
        except OSError as error:
            error_text = error.strerror or str(error)
            return {}, Reason("mod_state_unreadable", path=str(path), error=error_text)
        try:
            return decode_mod_state(json.loads(content)), None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return {}, Reason("mod_state_damaged", path=str(path), error=str(error))

    def set_state_aside(self) -> None:
        """Set a damaged file aside for later inspection. Raises OSError."""
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        with contextlib.suppress(FileNotFoundError):
            (self.path / STATE_NAME).rename(self.path / f"{STATE_NAME}.damaged-{stamp}")

    def write_state(self, state: ModState) -> None:
        """Replace the file in one step. Raises OrcastraError."""
        path = self.path / STATE_NAME
        try:
            write_whole(path, (json.dumps(encode_mod_state(state), indent=1) + "\n").encode())
        except OSError as error:
            raise OrcastraError(f"{path}: it can't be written: {error.strerror or error}") from error

    def intact(self, state: ModState) -> dict[str, str]:
        """Name → sha256 of the files that are in the state and exist.

        A file whose status matches the saved one isn't read again.
        """
        found: dict[str, str] = {}
        for record in state.values():
            for file in record.files:
                digest = self._digest(file)
                if digest is not None:
                    found[file.name] = digest
        return found

    def _digest(self, file: ModFile) -> str | None:
        if stored_name_fault(file.name) is not None or self._link_on_the_way(file.name) is not None:
            return None
        path = self.path / file.name
        try:
            status = status_of(path)
            if status is None:
                return None
            return file.sha256 if status == file.status else hash_file(path)
        except OSError:
            return None

    def place(self, name: str) -> Path:
        """The path of a name. Creates its folders. Raises OrcastraError if the path is outside the folder."""
        fault = name_fault(name)
        if fault is not None:
            raise OrcastraError(f"expected {fault}, found {name[:80]!r}")
        link = self._link_on_the_way(name)
        if link is not None:
            raise OrcastraError(f"expected only folders above {name}, found something else at {link}")
        path = self.path / name
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise OrcastraError(f"{path.parent} can't be created: {error.strerror or error}") from error
        return path

    def _link_on_the_way(self, name: str) -> str | None:
        """The first path between the folder and ``name`` that exists and isn't a folder."""
        path = self.path
        for part in name.split("/")[:-1]:
            path /= part
            try:
                if not stat.S_ISDIR(path.lstat().st_mode):
                    return str(path.relative_to(self.path))
            except FileNotFoundError:
                return None
        return None

    def with_status(self, file: ModFile) -> ModFile:
        return replace(file, status=status_of(self.path / file.name))

    def remove(self, names: Iterable[str]) -> bool:
        """Remove files, and folders that become empty. Returns whether any existed. Raises OSError."""
        changed = False
        for name in names:
            if stored_name_fault(name) is not None or self._link_on_the_way(name) is not None:
                continue
            path = self.path / name
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                path.unlink()
            except FileNotFoundError:
                continue
            changed = True
            for parent in path.parents:
                if parent == self.path:
                    break
                try:
                    parent.rmdir()
                except OSError:
                    break
        return changed

    def clear_up(self, state: ModState) -> None:
        """Remove the leftovers of a run that was killed, including its image locks. Raises OSError."""
        folders = {self.path}
        for record in state.values():
            for file in record.files:
                if record.kind == IMAGE and self._link_on_the_way(file.name) is None:
                    break_stale_lock(self.path / f"{file.name.removesuffix(SUFFIX)}.lock", time.time())
                parents = (self.path / file.name).parents
                folders.update(parent for parent in parents if self.path in parent.parents)
        for folder in folders:
            if not folder.is_dir() or self._link_on_the_way(f"{folder.relative_to(self.path)}/x"):
                continue
            for path in folder.glob(f"{PART_PREFIX}*"):
                if not path.is_dir():
                    path.unlink(missing_ok=True)


def status_of(path: Path) -> Status | None:
    """The status of a regular file, or None for anything else. Raises OSError if nothing exists there."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def hash_file(path: Path) -> str:
    """The sha256 of a file. Raises OSError."""
    algorithm = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0) as file:
        while piece := file.read(_CHUNK_BYTES):
            algorithm.update(piece)
    return algorithm.hexdigest()

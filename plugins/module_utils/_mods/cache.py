# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mod cache of LinuxServer's images: one file for each mod, and a lock while it is being written.

Offline consumers install any file that is in the cache, so a file gets its final name only after it is
verified. The files are named ``.tar.xz`` but are the layers as served by the registry, packed with gzip.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .reference import SUFFIX, Reference
from .registry import Layer, Registry
from .replies import FetchError

# The lock of a crashed writer would block the mod forever.
LOCK_STALE_SECONDS = 15 * 60.0
# A download that takes longer keeps its lock fresh.
_LOCK_TOUCH_SECONDS = 60.0
FILE_MODE = 0o644
FOLDER_MODE = 0o755
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Kept:
    """A mod in the cache. ``is_new`` is False if an identical file was there already."""

    path: Path
    is_new: bool
    digest: str
    size: int


def keep_layer(
    registry: Registry,
    layer: Layer,
    folder: Path,
    *,
    trusted: bool,
    entry: str = "",
    progress: Callable[[int, int | None], None] | None = None,
) -> Kept:
    """Store the layer in ``folder``, under the name that mod images look for, with the mode 0644.

    ``folder`` is created if its parent exists. Raises FetchError, also if another process is writing the same
    mod; the existing file then stays untouched.
    """
    reference = layer.reference
    entry = entry or reference.text
    path = folder / f"{reference.filename}{SUFFIX}"
    try:
        _make_folder(folder, entry)
        break_stale_lock(folder / f"{reference.filename}.lock", time.time())
        if holds(path, layer.digest, layer.size):
            path.chmod(FILE_MODE)
            return Kept(path, False, layer.digest, layer.size)
        with write_lock(folder, reference, entry):
            registry.download(layer, path, trusted=trusted, entry=entry, progress=progress)
            path.chmod(FILE_MODE)
    except OSError as error:
        raise FetchError(
            "not_written", entry, f"{path} can't be written: {error.strerror or error}"
        ) from error
    return Kept(path, True, layer.digest, layer.size)


def holds(path: Path, digest: str, size: int | None = None) -> bool:
    """Whether ``path`` is a regular file, not a link, with this sha256 ``digest`` (``sha256:HEX``)."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or (size is not None and found.st_size != size):
            return False
        checksum = hashlib.sha256()
        while chunk := file.read(_CHUNK_BYTES):
            checksum.update(chunk)
    return f"sha256:{checksum.hexdigest()}" == digest


@contextmanager
def write_lock(
    folder: Path, reference: Reference, entry: str = "", *, now: Callable[[], float] = time.time
) -> Iterator[None]:
    """Hold ``FILENAME.lock``, which makes consumers wait. Raises FetchError if another process holds it.

    A lock that has not been touched for 15 minutes belongs to a crashed writer and is taken over.
    """
    path = folder / f"{reference.filename}.lock"
    if not _create(path):
        break_stale_lock(path, now())
        if not _create(path):
            raise FetchError(
                "locked",
                entry or reference.text,
                f"{path.name} shows that another process is writing the mod",
            )
    done = threading.Event()
    keeper = threading.Thread(target=_keep_fresh, args=(path, done), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
        path.unlink(missing_ok=True)


def _create(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        return False
    return True


def break_stale_lock(path: Path, now: float) -> None:
    """Remove the lock at ``path`` if its writer has crashed: consumers would wait for it forever.

    Raises OSError.
    """
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return
    if now - seen.st_mtime < LOCK_STALE_SECONDS:
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    moved = aside.lstat()
    # another writer has renewed it in the meantime
    if (moved.st_ino, moved.st_mtime_ns) != (seen.st_ino, seen.st_mtime_ns):
        with contextlib.suppress(FileExistsError):
            os.link(aside, path, follow_symlinks=False)
    aside.unlink()


def _keep_fresh(path: Path, done: threading.Event) -> None:
    while not done.wait(_LOCK_TOUCH_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(path, follow_symlinks=False)


def _make_folder(folder: Path, entry: str) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(FOLDER_MODE)
        folder.chmod(FOLDER_MODE)
    if folder.is_symlink() or not folder.is_dir():
        raise FetchError("not_a_folder", entry, f"expected a folder at {folder}, found something else")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check log rotation against the host, try it with the host's logrotate, and write it.

Nothing is written unless every entry is valid.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._config.text_files import read_small_text
from .._model.errors import OrcastraError
from .._model.reasons import Reason
from .._plan.log_rotate.plan import (
    CONTAINERS,
    DEFAULT_ROOTS,
    Rotation,
    Wrong,
    fixed_folder,
    may_be_engine_log,
    read_rotations,
    render,
)

DAEMON_FILE = "/etc/docker/daemon.json"
MAIN_FILE = "/etc/logrotate.conf"
PROGRAMS = ("/usr/sbin/logrotate", "/sbin/logrotate", "/usr/bin/logrotate")
_ROOTLESS_ROOTS = ("/home/*/.local/share/docker", "/root/.local/share/docker")
# the number of current matches of a pattern to check
_MOST_MATCHES = 5000
_SECONDS = 120
_MAX_BYTES = 1024 * 1024
_ENGINE_LOG = re.compile(r"/([0-9a-f]{64})/\1-json\.log[^/]*$")
_INCLUDE = re.compile(r"^\s*include\s+(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """The result. ``before`` and ``after`` are the contents of the file, None if it doesn't exist."""

    changed: bool
    before: str | None
    after: str | None


class InvalidRotations(OrcastraError):
    """Entries that can't be written; ``wrong`` has one item for each mistake."""

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        super().__init__("; ".join(map(str, wrong)))
        self.wrong = tuple(wrong)


class LogrotateMissing(OrcastraError):
    """This host has no logrotate."""


class RefusedByLogrotate(OrcastraError):
    """logrotate reports errors in the new configuration; ``together`` if only with the host's other files."""

    def __init__(self, errors: Sequence[str], *, together: bool) -> None:
        reason = "; ".join(errors)
        super().__init__(
            f"logrotate refuses the file together with the host's other rotations: {reason}"
            if together
            else f"logrotate refuses the file: {reason}"
        )
        self.together = together


def write_rotations(
    entries: Sequence[Mapping[str, Any]],
    target: Path,
    *,
    roots: Sequence[str] = (),
    check: bool = False,
    main_file: Path = Path(MAIN_FILE),
    program: str | None = None,
) -> Written:
    """Write the entries to ``target``; without any, remove it.

    ``roots`` are the data folders of the host's engines that the caller knows. ``check``: write nothing, and
    skip the trial if logrotate isn't installed yet. Raises InvalidRotations, RefusedByLogrotate,
    LogrotateMissing, and OrcastraError if a file can't be read or written.
    """
    known = known_roots(roots)
    rotations, wrong = read_rotations(entries, known)
    wrong = (*wrong, *(fault for rotation in rotations for fault in _host_faults(rotation, known)))
    if wrong:
        raise InvalidRotations(wrong)
    before = _read(target)
    after = render(rotations) if rotations else None
    if after is not None:
        found = program or next((one for one in PROGRAMS if os.access(one, os.X_OK)), None)
        if found is not None:
            _try(found, after, target, main_file)
        elif not check:
            raise LogrotateMissing("expected logrotate on this host, found none")
    if before != after and not check:
        _replace(target, after)
    return Written(before != after, before, after)


def known_roots(known: Iterable[str]) -> tuple[str, ...]:
    """The data folders of the engines on this host, under every name that leads to them."""
    found = [*known, *DEFAULT_ROOTS, *(path for pattern in _ROOTLESS_ROOTS for path in _matches(pattern))]
    with contextlib.suppress(OrcastraError, OSError, ValueError, AttributeError):
        settings = json.loads(read_small_text(Path(DAEMON_FILE), _MAX_BYTES))
        found += [str(settings[key]) for key in ("data-root", "graph") if settings.get(key)]
    return tuple(dict.fromkeys(path for one in found for path in (one, os.path.realpath(one))))


def _host_faults(rotation: Rotation, roots: Sequence[str]) -> Iterator[Wrong]:
    """Faults that only this host can detect: links that lead to the engine's files."""
    for path in rotation.paths:
        folder = fixed_folder(path)
        resolved = os.path.realpath(folder)
        inner = path[len(folder) :].lstrip("/")
        if may_be_engine_log(f"{resolved}/{inner}", roots):
            yield Wrong(
                rotation.name, "paths", Reason("path_not_of_engine"), f"{path!r}, which leads to {resolved}"
            )
            continue
        for match in _matches(path):
            real = os.path.realpath(match)
            if _is_engine_file(real, roots) or _ENGINE_LOG.search(real):
                yield Wrong(
                    rotation.name, "paths", Reason("path_not_of_engine"), f"{path!r}, which matches {real}"
                )
                break


def _matches(pattern: str) -> Iterator[str]:
    # patterns of whole paths, as in logrotate
    return itertools.islice(glob.iglob(pattern), _MOST_MATCHES)  # noqa: PTH207


def _is_engine_file(path: str, roots: Sequence[str]) -> bool:
    return any(path.startswith(f"{root.rstrip('/')}/{CONTAINERS}/") for root in roots)


def _try(program: str, text: str, target: Path, main_file: Path) -> None:
    """Let logrotate read the file alone, then together with the host's other files."""
    with tempfile.TemporaryDirectory(prefix="orcastra-logrotate-") as name:
        folder = Path(name)
        candidate = folder / target.name
        _write_for_root(candidate, text)
        said = _complaints(program, candidate)
        if said:
            raise RefusedByLogrotate(said, together=False)
        main = _read(main_file)
        if main is None:
            return
        # errors in the host's own files were there before
        before = _complaints(program, _with_all(folder / "before", main, target, None))
        said = _complaints(program, _with_all(folder / "after", main, target, text))
        new = [line for line in said if line not in before]
        if new:
            raise RefusedByLogrotate(new, together=True)


def _with_all(folder: Path, main: str, target: Path, text: str | None) -> Path:
    """Copy the host's configuration into ``folder``, with ``text`` in place of ``target``."""
    folder.mkdir()
    copies = itertools.count()

    def included(found: re.Match[str]) -> str:
        source = Path(found[1])
        if not source.is_dir():
            return found[0]
        copy = folder / f"{next(copies)}"
        copy.mkdir(mode=0o755)
        for path in source.iterdir():
            if path.is_file() and path != target:
                shutil.copy2(path, copy / path.name)
                with contextlib.suppress(OSError):
                    os.chown(copy / path.name, path.stat().st_uid, path.stat().st_gid)
        if source == target.parent and text is not None:
            _write_for_root(copy / target.name, text)
        return f"include {copy}"

    result = folder / "logrotate.conf"
    _write_for_root(result, _INCLUDE.sub(included, main))
    return result


def _complaints(program: str, path: Path) -> list[str]:
    """The errors that logrotate reports in debug mode, in which it writes nothing."""
    try:
        found = subprocess.run(
            [program, "-d", "-s", str(path.parent / "state"), str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OrcastraError(f"logrotate can't be run: {error}") from error
    lines = (found.stderr + found.stdout).splitlines()
    errors = [line.partition("error: ")[2] for line in lines if line.startswith("error: ")]
    if found.returncode and not errors:
        errors = [f"exit code {found.returncode}"]
    return [re.sub(rf"{re.escape(str(path.parent))}/([0-9]+/)?", "", line) for line in errors]


def _write_for_root(path: Path, text: str) -> None:
    """Write a file as logrotate requires it: not writable for the group or others."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


def _read(path: Path) -> str | None:
    try:
        return read_small_text(path, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except OrcastraError as error:
        raise OrcastraError(f"{path}: {error}") from error


def _replace(target: Path, text: str | None) -> None:
    """Replace the file in one step: logrotate may read it at any time."""
    try:
        if text is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # logrotate skips names with this ending
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".swp", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(handle, 0o644)
                file.write(text)
                file.flush()
                os.fsync(handle)
            os.replace(name, target)  # noqa: PTH105 - as it is called everywhere
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OrcastraError(f"{target}: it can't be written: {error.strerror or error}") from error

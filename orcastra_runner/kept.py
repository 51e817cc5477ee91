# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that is reloaded when it changes, and whose last content stays in effect if it disappears.

It is used for the rebalancing rules and the mods. ``Configuration`` handles the three files of the main
configuration, which are merged, with the same rules.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import ConfigFiles
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem

# How long a file must be stable before removals apply.
STABLE_SECONDS = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """Configuration that stays in effect although its file no longer contains it.

    ``section`` is None if the whole file is missing or empty; ``names`` are the entries, if there are any.
    """

    file: str
    section: str | None
    is_blank: bool
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        state = "empty" if self.is_blank else "missing"
        subject = self.file if self.section is None else f"{self.file}: the section {self.section}"
        names = f" ({', '.join(self.names)})" if self.names else ""
        instead = "{}" if self.section is None else f"{self.section}: {{}}"
        return (
            f"{subject} is {state}; its last content stays in effect{names}. To remove that, write "
            f"`{instead}` instead, or run `orcastra command accept_removals`"
        )


@dataclass(frozen=True)
class _Candidate(Generic[T]):
    """The current content: ``value`` was built from ``data``, which was first read at ``since``."""

    data: Any
    value: T
    since: float
    is_unfinished: bool


class KeptFile(Generic[T]):
    """The file. ``value`` is always valid; None if there is no file, or it is empty.

    ``refresh`` is thread-safe. ``kept`` is set while the file is missing or empty and ``value`` stays in
    effect; ``refused`` has the errors in the current file.
    """

    def __init__(
        self,
        locate: Callable[[], Path],
        make: Callable[[Document, list[Problem]], T],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file. ``make`` validates its content and raises ConfigError, as this does.

        ``clock`` returns monotonic seconds.
        """
        self.path = locate()
        self.value: T | None = None
        self.data: Any = None
        self.kept: Kept | None = None
        self.refused: tuple[Problem, ...] = ()
        self.is_accepted = False
        self._locate = locate
        self._make = make
        self._clock = clock
        self._lock = threading.Lock()
        self._candidate: _Candidate[T] | None = None
        self._retry = False
        self._used = self._fingerprint()
        document, problems = read_file(self.path)
        self.is_blank = document.exists and document.data is None and not problems
        if document.data is not None or problems:
            self.value, self.data = make(document, problems), document.data

    def refresh(self, *, at_once: bool = False) -> bool:
        """Reload the file. Returns whether ``value``, ``kept`` or ``refused`` has changed.

        Removals apply once the file is stable; ``at_once`` skips that delay.
        """
        with self._lock:
            before = (self.value, self.kept, self.refused)
            fingerprint = self._fingerprint()
            if fingerprint != self._used or self._retry:
                self._used = fingerprint
                self._read()
            self._apply(at_once=at_once)
            return before != (self.value, self.kept, self.refused)

    def accept_removals(self) -> tuple[str, ...]:
        """Drop the retained content, as the user confirmed. Returns a description of it."""
        with self._lock:
            found = () if self.kept is None else (str(self.kept),)
            if self.kept is not None:
                self.value, self.data, self.kept = None, None, None
            # objects from before this process was started may be removed too
            self.is_accepted = self.value is None
            return found

    def _fingerprint(self) -> object:
        try:
            self.path = self._locate()
        except ConfigError as error:
            return str(error)
        return self.path, ConfigFiles(swarm=self.path).fingerprint()

    def _read(self) -> None:
        before, self._candidate = self._candidate, None
        self._retry = True
        try:
            self.path = self._locate()
            document, problems = read_file(self.path)
            self._retry = document.data is None and bool(problems)
            if document.data is None and not problems:
                self.refused = ()
                if self.value is not None:
                    self.kept = Kept(str(self.path), None, document.exists)
                return
            value = self._make(document, problems)
        except ConfigError as error:
            self.refused = error.problems
            return
        self.refused, self.kept, self.is_accepted = (), None, False
        since = self._clock()
        if before is not None and before.data == document.data:
            since = before.since
        is_unfinished = self.data is not None and document.data != self.data and ends_midway(self.path)
        self._candidate = _Candidate(document.data, value, since, is_unfinished)

    def _apply(self, *, at_once: bool) -> None:
        candidate = self._candidate
        if candidate is None:
            return
        is_quiet = at_once or self._clock() - candidate.since >= STABLE_SECONDS
        if is_quiet or not (candidate.is_unfinished or has_lost(self.data, candidate.data)):
            self.value, self.data, self._candidate = candidate.value, candidate.data, None
            return
        if candidate.is_unfinished:
            return
        whole = with_lost(self.data, candidate.data)
        try:
            # without line numbers, which are not needed because both parts are valid
            value = self._make(Document(whole, str(self.path)), [])
        except ConfigError:
            return
        self.value = value


def has_lost(before: Any, after: Any) -> bool:
    """Whether ``after`` lacks a key, or an item of a list, that ``before`` has; both are plain data."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return any(key not in after or has_lost(value, after[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return any(item not in after for item in before)
    return after is None and before is not None


def with_lost(before: Any, after: Any) -> Any:
    """Return ``after`` with the entries of ``before`` that it lacks."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        known = {
            key: with_lost(before[key], value) if key in before else value for key, value in after.items()
        }
        return {**known, **{key: value for key, value in before.items() if key not in after}}
    if isinstance(before, list) and isinstance(after, list):
        return [*after, *(item for item in before if item not in after)]
    return before if after is None else after


def ends_midway(path: Path) -> bool:
    """Whether a file seems truncated: it ends neither with a line break nor with a character that closes a
    value.
    """
    try:
        end = path.read_bytes()[-1:]
    except OSError:
        return False
    return end not in (b"", b"\n", b"\r", b"]", b"}", b'"', b"'")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's configuration, and the rules for reloading changed files.

Missing is not empty. If a file or a section disappears or becomes empty, its last content stays in effect;
only an explicit ``{}`` or ``[]`` means nothing. Additions and changes apply at once, removals only after the
files have been stable for ``STABLE_SECONDS``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigDocument,
    build_configuration,
    read_documents,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    DEPENDENCIES,
    NODES,
    DesiredState,
    Removals,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner.extra_vars import plain_data
from orcastra_runner.kept import STABLE_SECONDS, Kept, ends_midway
from orcastra_runner.places import files_of, missing_files
from orcastra_runner.removals import describe_changes, removals, with_removed
from orcastra_runner.settings import Settings


@dataclass(frozen=True)
class _Candidate:
    """The current content of the files, first read at ``since``.

    ``is_unfinished``: a file seems half-written.
    """

    desired: DesiredState
    documents: tuple[ConfigDocument, ...]
    kept: tuple[Kept, ...]
    since: float
    is_unfinished: bool


class Configuration:
    """The configuration in effect. ``desired`` is always valid.

    ``kept`` is the configuration that stays in effect although its file no longer contains it; ``waiting``
    lists the removals that are delayed until the files are stable.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        *,
        may_be_missing: bool = False,
    ) -> None:
        """Read and validate the files. Raises ConfigError with all errors.

        ``clock`` returns monotonic seconds. ``may_be_missing``: treat a missing file, even one that a
        variable names, as an empty one.
        """
        self._settings = settings
        self._clock = clock
        self.files = files_of(settings)
        if not may_be_missing:
            problems = missing_files(settings, self.files)
            if problems:
                raise ConfigError(problems)
        self.kept: tuple[Kept, ...] = ()
        self.waiting: tuple[str, ...] = ()
        self._accepted: frozenset[str] = frozenset()
        self._candidate: _Candidate | None = None
        # missing section → the definitions of its entries in the other files when it disappeared
        self._others: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {}
        self._used: object = self._fingerprint()
        self._pending = self._used
        self._retry = False
        self._refused: tuple[Problem, ...] = ()
        self._good: dict[str, Document] = {}
        documents = read_documents(self.files)
        self.desired = self._build(documents)
        self._good = {one.kind.name: one.document for one in documents}

    def reload(self, *, at_once: bool = False) -> str | None:
        """Reload changed files. Returns a description of the changes, None if nothing changed.

        A change is read only if two consecutive calls find the same content, because the file may still be
        being written; removals wait until the files are stable. ``at_once`` skips both delays. Raises
        ConfigError once for each change that is not valid; the previous configuration stays in effect.
        """
        now = self._clock()
        fingerprint = self._fingerprint()
        is_settled, self._pending = fingerprint == self._pending, fingerprint
        is_changed = fingerprint != self._used and (is_settled or at_once)
        if is_changed or self._retry:
            self._used = fingerprint
            try:
                self._read(now)
            except ConfigError as error:
                # a file that can't be read is retried, but reported only once
                refused, self._refused = self._refused, error.problems
                if is_changed or refused != error.problems:
                    raise
                return None
            self._refused = ()
        return self._apply(now, at_once=at_once)

    def accept_removals(self) -> tuple[str, ...]:
        """Drop the retained configuration, as the user confirmed. Returns a description of it.

        From now on, a missing section means nothing, until it exists again. Raises ConfigError if the files
        are not valid.
        """
        kept = self.kept
        good = dict(self._good)
        for kind, section in self._others:
            data = {key: value for key, value in good[kind].data.items() if key != section}
            good[kind] = replace(good[kind], data=data)
        before, self._good = self._good, good
        try:
            now = self._clock()
            self._read(now)
            self._apply(now, at_once=True)
        except ConfigError:
            self._good = before
            raise
        self._accepted = self.desired.absent_sections
        self.desired = self._with_policy(self.desired)
        return tuple(str(one) for one in kept)

    @property
    def is_absent(self) -> bool:
        """Whether there has been no file yet, which ``may_be_missing`` allows."""
        return not any(document.exists for document in self._good.values())

    def present(self) -> list[Path]:
        """Return the files that exist."""
        return [path for path in self.files.paths if path is not None and path.exists()]

    def _fingerprint(self) -> object:
        try:
            self.files = files_of(self._settings)
        except ConfigError as error:
            return str(error)
        return self.files.paths, self.files.fingerprint()

    def _build(self, documents: list[ConfigDocument]) -> DesiredState:
        desired = build_configuration(
            documents,
            stack_name=self._settings.stack_name,
            label_prefix=self._settings.label_prefix,
            restart_dependents=self._settings.restart_dependents,
        )
        return self._with_policy(desired)

    def _with_policy(self, desired: DesiredState) -> DesiredState:
        """Return ``desired`` with the removals that the user confirmed."""
        self._accepted &= desired.absent_sections
        desired = desired.with_removals()
        if NODES in self._accepted:
            desired = replace(desired, node_removals=Removals.ALLOWED)
        if DEPENDENCIES in self._accepted:
            desired = replace(desired, dependency_removals=Removals.ALLOWED)
        return desired

    def _read(self, now: float) -> None:
        """Read the files into a candidate. Raises ConfigError."""
        self._retry = True
        self.files = files_of(self._settings)
        documents = read_documents(self.files)
        # a file may become readable without any other change
        self._retry = any(not one.is_readable for one in documents)
        before, self._candidate = self._candidate, None
        unfinished = any(
            one.raw.file is not None
            and one.document.data != self._good[one.kind.name].data
            and ends_midway(Path(one.raw.file))
            for one in documents
        )
        others = dict(self._others)
        whole: list[ConfigDocument] = []
        kept: list[Kept] = []
        for one in documents:
            gone = self._gone(one)
            for key in [key for key in others if key[0] == one.kind.name and key[1] not in gone]:
                del others[key]
            whole.append(self._with_kept(one, gone, documents, others) if gone else one)
            kept += _kept_in(one, whole[-1], gone, documents)
        candidate = _Candidate(self._build(whole), tuple(whole), tuple(kept), now, unfinished)
        self._others = others
        if before is not None and (before.desired, before.is_unfinished) == (candidate.desired, unfinished):
            candidate = replace(candidate, since=before.since)
        self._candidate = candidate

    def _apply(self, now: float, *, at_once: bool) -> str | None:
        candidate = self._candidate
        if candidate is None:
            return None
        before = self.desired
        self.kept = candidate.kept
        lost = removals(before, candidate.desired)
        is_quiet = at_once or now - candidate.since >= STABLE_SECONDS
        if is_quiet or not (lost or candidate.is_unfinished):
            self._candidate, self.waiting = None, ()
            self._good = {one.kind.name: one.document for one in candidate.documents}
            self.desired = candidate.desired
            return describe_changes(before, self.desired)
        self.waiting = lost
        if candidate.is_unfinished:
            return None
        self.desired = self._with_policy(self._valid(before, candidate.desired))
        return describe_changes(before, self.desired) or None

    def _valid(self, before: DesiredState, after: DesiredState) -> DesiredState:
        """Return ``after`` with the entries removed from ``before``; ``before`` if that is not valid."""
        merged = with_removed(before, after)
        try:
            parse_config(
                plain_data(merged),
                stack_name=self._settings.stack_name,
                label_prefix=self._settings.label_prefix,
            )
        except ConfigError:
            return before
        return merged

    def _gone(self, one: ConfigDocument) -> list[str]:
        """Return the sections that disappeared from a file.

        If the file exists, only sections with several entries count: removing a single value is no accident.
        """
        good, now = self._good[one.kind.name].data, one.document.data
        if not one.is_readable or one.raw.data in ({}, []) or not isinstance(good, Mapping):
            return []
        is_whole = one.raw.data is None
        if not is_whole and not isinstance(now, Mapping):
            return []
        return [
            section
            for section, value in good.items()
            if value is not None
            and (is_whole or (now.get(section) is None and isinstance(value, (Mapping, list))))
        ]

    def _with_kept(
        self,
        one: ConfigDocument,
        gone: list[str],
        documents: list[ConfigDocument],
        others: dict[tuple[str, str], dict[str, tuple[Any, ...]]],
    ) -> ConfigDocument:
        """Return the file's document with the sections that disappeared, as they were.

        Entries that now exist in another file are omitted, because they were moved there.
        """
        kind = one.kind.name
        good = self._good[kind]
        kept = {}
        for section in gone:
            value = good.data[section]
            names = value if isinstance(value, Mapping) else {}
            known = others.setdefault(
                (kind, section),
                {name: _entries(self._good, kind, section, name) for name in names},
            )
            now = {one.kind.name: one.document for one in documents}
            if isinstance(value, Mapping):
                value = {
                    name: entry
                    for name, entry in value.items()
                    if not _was_moved(_entries(now, kind, section, name), known.get(name))
                }
            kept[section] = value
        lines = {path: line for path, line in good.lines.items() if path[:1] and path[0] in kept}
        data = {**(one.document.data or {}), **kept}
        raw = replace(one.document, data=data, lines={**one.document.lines, **lines}, exists=True)
        return replace(one, raw=raw)


def _entry(document: Document, section: str, name: str) -> Any:
    entries = document.data.get(section) if isinstance(document.data, Mapping) else None
    return entries.get(name) if isinstance(entries, Mapping) else None


def has_configuration(settings: Settings) -> bool:
    """Whether any of the files exists."""
    return any(found is not None for found in files_of(settings).fingerprint())


def _entries(documents: Mapping[str, Document], kind: str, section: str, name: str) -> tuple[Any, ...]:
    """Return the definitions of an entry in the other files."""
    return tuple(_entry(document, section, name) for key, document in documents.items() if key != kind)


def _was_moved(now: tuple[Any, ...], before: tuple[Any, ...] | None) -> bool:
    """Whether another file defines an entry since it disappeared from its own file."""
    return now != before and any(entry is not None for entry in now)


def _kept_in(
    one: ConfigDocument, whole: ConfigDocument, gone: list[str], documents: list[ConfigDocument]
) -> list[Kept]:
    """Return the configuration that is in effect only because missing sections are retained."""
    by_kind = {other.kind.name: other.document for other in documents}
    found: dict[str, list[str]] = {}
    for section in gone:
        value = whole.document.data[section]
        names = [section]
        if isinstance(value, Mapping):
            names = [
                f"{section}.{name}"
                for name, entry in value.items()
                if entry not in _entries(by_kind, one.kind.name, section, name)
            ]
        if names:
            found[section] = names
    file, data = str(one.raw.file), one.document.data or {}
    if one.raw.data is None and found:
        return [Kept(file, None, one.raw.exists, tuple(name for names in found.values() for name in names))]
    return [Kept(file, section, section in data, tuple(names)) for section, names in found.items()]

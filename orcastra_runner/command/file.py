# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command file: a YAML list of commands, which is read again when it changes, and never written.

An invalid entry is reported with its line; the others are run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import ConfigFiles
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import (
    KeyPath,
    describe,
    one_of,
    suggest,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner.command.table import COMMANDS, Command, suggest_command
from orcastra_runner.settings import UsageError

# All of them are recorded in the saved state, where space is limited.
MAX_ENTRIES = 100
MAX_ID_CHARACTERS = 64

# Characters that Swarm and Linux allow in service names, host names and IDs.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of the file. ``key`` identifies it; ``expires`` is in seconds since the epoch."""

    key: str
    command: Command
    argument: str | None
    id: str | None
    expires: float | None
    line: int | None

    @property
    def words(self) -> str:
        return self.command.words(self.argument)

    def has_expired(self, now: float) -> bool:
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class Content:
    """The content of the file. ``is_known``: the file was read, so that ``entries`` are complete."""

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_known: bool = False


class CommandFile:
    """The command file as last read. ``known`` are the keys of all entries that it ever had."""

    def __init__(self, path: Path | Callable[[], Path]) -> None:
        """``path`` may be a function that finds the path and raises ConfigError if there are several."""
        self._locate: Callable[[], Path] = path if callable(path) else lambda: path
        self.path = self._locate()
        self.content: Content | None = None
        self.known: set[str] = set()
        self._used: object = None
        self._pending: object = None

    def refresh(self, *, at_once: bool = False) -> bool:
        """Read the file if it has changed. Returns whether it was read.

        A change is read only if two consecutive calls find the same content, because the file may still be
        being written; ``at_once`` skips that delay. Never raises because of the content.
        """
        try:
            self.path = self._locate()
        except ConfigError as error:
            is_new = self._used != error.problems
            self._used = error.problems
            self.content = Content(problems=error.problems)
            return is_new
        found = ConfigFiles(swarm=self.path).fingerprint()
        is_settled, self._pending = found == self._pending, found
        if (self.content is not None and found == self._used) or not (is_settled or at_once):
            return False
        is_there = any(part is not None for part in found)
        if not is_there:
            # A file that disappears counts as empty; one that never existed may not be mounted yet.
            self.content = Content(is_known=bool(self.content and (self.content.is_known or self.known)))
        else:
            self.content = parse(*read_file(self.path))
        self._used = found
        self.known.update(entry.key for entry in self.content.entries)
        return True


def parse(document: Document, problems: Iterable[Problem] = ()) -> Content:
    """Parse the commands in a document; ``problems`` are the errors found while reading it."""
    problems = list(problems)
    wrong = {_INDEX.match(problem.key) for problem in problems}
    if None in wrong or (document.data is None and problems):
        return Content(problems=tuple(problems))
    if document.data is None:
        return Content(is_known=True)
    if not isinstance(document.data, list):
        problem = document.problem((), "a list of commands", describe(document.data))
        return Content(problems=(*problems, problem))
    unread = {int(match[1]) for match in wrong if match is not None}
    reader = _Reader(document, problems)
    entries = []
    for index in range(min(len(document.data), MAX_ENTRIES)):
        entry = None if index in unread else reader.entry(index)
        if entry is not None:
            entries.append(entry)
    if len(document.data) > MAX_ENTRIES:
        reader.report((MAX_ENTRIES,), f"at most {MAX_ENTRIES} commands", str(len(document.data)))
    return Content(tuple(entries), tuple(reader.problems), is_known=True)


def parse_words(name: str, argument: str | None, id_: str | None) -> tuple[Command, str | None]:
    """Return the command given on the command line, and its argument.

    Raises UsageError if it is not valid.
    """
    if id_ is not None and not is_good_id(id_):
        raise UsageError(f"--id: expected {ID_EXPECTED}, found {describe(id_)}")
    bare = name.partition(":")[0].strip()
    if bare not in COMMANDS:
        hint = suggest_command(bare) or "."
        raise UsageError(
            f"expected a command, found {describe(bare)}{hint} `orcastra help command` lists all commands"
        )
    noun = COMMANDS[bare].argument
    if noun is not None and not (argument or name.partition(":")[2].strip()):
        usage = f"orcastra command {bare} {noun.upper()}"
        raise UsageError(f"{bare}: expected the name of a {noun}, found nothing (usage: `{usage}`)")
    text = name if argument is None else f"{name}:{argument}"
    content = parse(Document([text]))
    for problem in content.problems:
        raise UsageError(f"expected {problem.expected}, found {problem.found}")
    (entry,) = content.entries
    return entry.command, entry.argument


@dataclass
class _Reader:
    """Parses the entries one by one, and keeps track of IDs and identical entries."""

    document: Document
    problems: list[Problem]
    _ids: dict[str, int] = field(default_factory=dict)
    _equals: dict[str, int] = field(default_factory=dict)

    def report(self, path: KeyPath, expected: str, found: str) -> None:
        self.problems.append(self.document.problem(path, expected, found))

    def entry(self, index: int) -> Entry | None:
        """Return the entry at ``index``; None if it is not valid, which is reported."""
        before = len(self.problems)
        value = self.document.data[index]
        if isinstance(value, str):
            text: Any = value
            options: Mapping[str, Any] = {}
        elif isinstance(value, Mapping):
            text, options = value.get("command"), value
            if "command" not in value:
                self._report_missing_command(index, value)
                return None
        else:
            self.report((index,), "a command such as relabel_all or restart_service:NAME", describe(value))
            return None
        path: KeyPath = (index, "command") if options else (index,)
        command, argument = self._command(path, text)
        if command is None:
            return None
        argument = self._argument(index, command, argument, options)
        id_ = self._id(index, options)
        expires = self._expires(index, options)
        allowed = ["command", *([command.argument] if command.argument else []), "id", "expires"]
        for key in options:
            if key not in allowed:
                self.report((index, key), one_of(allowed), f"{describe(key)}{suggest(key, allowed)}")
        if len(self.problems) > before:
            return None
        key = f"id:{id_}" if id_ is not None else self._hash(command, argument, expires)
        return Entry(key, command, argument, id_, expires, self.document.line((index,)))

    def _report_missing_command(self, index: int, value: Mapping[str, Any]) -> None:
        for name in value:
            if name in COMMANDS:
                written = COMMANDS[name].usage.replace(":", ": ")
                found = f"'{written}', which is a mapping (remove the space to make it a command)"
                self.report((index,), f"'{COMMANDS[name].usage}', or the key command", found)
                return
        self.report((index, "command"), one_of(COMMANDS), "nothing")

    def _command(self, path: KeyPath, text: Any) -> tuple[Command | None, str | None]:
        if not isinstance(text, str):
            self.report(path, "the name of a command", describe(text))
            return None, None
        name, colon, argument = (part.strip() for part in text.partition(":"))
        if name not in COMMANDS:
            self.report(path, one_of(COMMANDS), f"{describe(name)}{suggest_command(name)}")
            return None, None
        return COMMANDS[name], argument if colon else None

    def _argument(
        self, index: int, command: Command, written: str | None, options: Mapping[str, Any]
    ) -> str | None:
        if command.argument is None:
            if written is not None:
                self.report((index,), f"{command.name} without an argument", describe(written))
            return None
        expected = f"the name of a {command.argument}"
        if command.argument not in options:
            if written is None or not _NAME.fullmatch(written):
                found = "nothing" if not written else describe(written)
                self.report((index,), f"{command.usage} with {expected}", found)
            return written
        value = options[command.argument]
        if written is not None:
            self.report((index, command.argument), f"the {command.argument} once", "it twice")
        elif not isinstance(value, str) or not _NAME.fullmatch(value):
            self.report((index, command.argument), expected, describe(value))
        else:
            return value
        return None

    def _id(self, index: int, options: Mapping[str, Any]) -> str | None:
        if "id" not in options:
            return None
        value = options["id"]
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not is_good_id(text):
            self.report((index, "id"), ID_EXPECTED, describe(value))
            return None
        if text in self._ids:
            self.report((index, "id"), "a unique id", f"the id of line {self._ids[text]}")
            return None
        self._ids[text] = self.document.line((index, "id")) or 0
        return str(text)

    def _expires(self, index: int, options: Mapping[str, Any]) -> float | None:
        if "expires" not in options:
            return None
        value = options["expires"]
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, OverflowError):
            self.report((index, "expires"), "a time such as 2026-01-31T18:00:00Z", describe(value))
            return None

    def _hash(self, command: Command, argument: str | None, expires: float | None) -> str:
        text = json.dumps([command.name, argument, expires])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._equals[digest] = self._equals.get(digest, 0) + 1
        return f"{digest}#{self._equals[digest]}"


ID_EXPECTED = f"a unique text of at most {MAX_ID_CHARACTERS} characters"


def is_good_id(value: object) -> bool:
    """Whether ``value`` can be the ``id`` of a command."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_ID_CHARACTERS
        and value.isprintable()
        and value == value.strip()
    )

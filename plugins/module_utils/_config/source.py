# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one YAML file into plain data, and record the line of every value.

PyYAML parses and composes the file. Only the last step, from its nodes to data, is done here, because
``yaml.safe_load`` has no line numbers, accepts duplicate keys, and does not read ``010``, ``12:30`` and
``2024-01-01`` as the text that the user wrote.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
import stat
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._model.errors import MAX_PROBLEMS, OrcastraError, Problem, ProblemCode
from .document import Document
from .words import KeyPath, describe, dotted, shorten
from .yaml_errors import explain
from .yaml_limits import (
    MAX_BYTES,
    MAX_DEPTH,
    TooMuch,
    check_length,
    check_limits,
    check_number,
    counting_loader,
    too_deep,
)

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"

# The plain scalars that are not strings. Only the usual notation of numbers counts; everything else is a
# string, exactly as written.
_SCALARS = (
    (
        "bool",
        r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$",
        "yntfoYNTFO",
    ),
    ("int", r"-?(?:0|[1-9][0-9]{0,30})$", "-0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"(?:~|null|Null|NULL|)$", ("~", "n", "N", "")),
    ("merge", r"<<$", "<"),
)

_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}

_CONSTRUCT: dict[str, Callable[[str], Any]] = {
    f"{_TAG}str": str,
    f"{_TAG}bool": lambda text: _BOOLEANS[text.lower()],
    f"{_TAG}int": int,
    f"{_TAG}float": float,
    f"{_TAG}null": lambda _text: None,
    f"{_TAG}merge": str,
}


def read_file(path: Path) -> tuple[Document, list[Problem]]:
    """Read a YAML file. Its data is None if the file is absent, blank or cannot be read.

    Never raises for the content of the file: all problems are returned. Raises OrcastraError if PyYAML is
    missing.
    """
    if YAML_IMPORT_ERROR is not None:
        raise OrcastraError("reading the configuration requires the Python library PyYAML")
    empty = Document(None, str(path))
    try:
        text, problem = _read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return replace(empty, exists=False), []
    except OSError as error:
        found = error.strerror or str(error)
        return empty, [Problem("", "a readable file", found, str(path), code="unreadable")]
    if problem is not None:
        return empty, [problem]
    try:
        check_limits(text)
        root = _compose(text)
    except TooMuch as error:
        return empty, [_too_large(path, error)]
    except yaml.YAMLError as error:
        line, found = explain(error, text)
        return empty, [Problem("", "valid YAML", found, str(path), line, "invalid_yaml")]
    except RecursionError:
        return empty, [_too_large(path, too_deep(None))]
    if root is None:
        return empty, []
    builder = _Builder(str(path))
    try:
        data = builder.build(root, (), 0)
    except _RefusedError as error:
        return empty, [*builder.problems, error.problem]
    except TooMuch as error:
        return empty, [*builder.problems, _too_large(path, error)]
    except RecursionError:
        # a long chain of merge keys
        return empty, [*builder.problems, _too_large(path, too_deep(None))]
    if data == {} and root.value:
        # only extensions: unlike `{}`, this does not mean an empty configuration
        data = None
    return Document(data, str(path), builder.lines), builder.problems


def _too_large(path: Path, error: TooMuch) -> Problem:
    return Problem("", str(error), "more", str(path), error.line, "too_large")


def _read_text(path: Path) -> tuple[str, Problem | None]:
    # Opening a pipe or a device could block forever.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        found = "a directory" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        return "", Problem("", "a file", found, str(path), code="unreadable")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        expected = f"a file of at most {MAX_BYTES // 1024} KiB"
        return "", Problem("", expected, "a larger one", str(path), code="too_large")
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the invalid byte 0x{content[error.start]:02x}"
        return "", Problem("", "UTF-8 text", found, str(path), line, "unreadable")


def _compose(text: str) -> Any:
    loader = counting_loader(text)
    try:
        loader.yaml_implicit_resolvers = {}
        for name, pattern, first in _SCALARS:
            for character in first:
                resolvers = loader.yaml_implicit_resolvers.setdefault(character, [])
                resolvers.append((_TAG + name, re.compile(pattern)))
        return loader.get_single_node()
    finally:
        loader.dispose()


class _RefusedError(Exception):
    """The whole file is rejected because of ``problem``."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Builder:
    """Turns PyYAML's nodes into plain data. An alias is the same node again, so nodes may form a cycle."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._reported: set[int] = set()
        self._values = 0

    def build(self, node: Any, path: KeyPath, depth: int) -> Any:
        """The data of ``node``, which is at ``path``; None if it is rejected."""
        self.lines.setdefault(path, _line(node))
        self._count(node)
        if depth > MAX_DEPTH:
            raise too_deep(_line(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        kind = "map" if isinstance(node, yaml.MappingNode) else "seq"
        if node.tag != _TAG + kind:
            self._report_tag(node, path)
            return None
        self._enter(node, path)
        try:
            if kind == "seq":
                return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
            return self._mapping(node, path, depth)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Any, path: KeyPath, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, (key_node, value_node) in self._entries(node, path).items():
            # Top-level extensions only define anchors, and are read at each alias.
            if not path and key.startswith("x-"):
                continue
            key_path = (*path, key)
            self.lines[key_path] = _line(key_node)
            data[key] = self.build(value_node, key_path, depth + 1)
        return data

    def _entries(self, node: Any, path: KeyPath) -> dict[str, tuple[Any, Any]]:
        """The keys of a mapping with their nodes.

        Its own keys take precedence over merged ones, and earlier merges over later ones. Source: the YAML
        merge key type (https://yaml.org/type/merge.html).
        """
        own: dict[str, tuple[Any, Any]] = {}
        merged: dict[str, tuple[Any, Any]] = {}
        merge_key: Any = None
        for key_node, value_node in node.value:
            self._count(key_node)
            if key_node.tag == _MERGE:
                if merge_key is not None:
                    self._report_duplicate(key_node, merge_key, path)
                    continue
                merge_key = key_node
                for entries in self._merges(value_node, path):
                    for key, nodes in entries.items():
                        merged.setdefault(key, nodes)
                continue
            name = self._key(key_node, path)
            if name in own:
                self._report_duplicate(key_node, own[name][0], path)
            elif name is not None:
                own[name] = (key_node, value_node)
        return {**merged, **own}

    def _merges(self, node: Any, path: KeyPath) -> list[dict[str, tuple[Any, Any]]]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = []
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                expected = "an alias of a mapping, or a list of such aliases"
                self._report(source, (*path, "<<"), expected, _kind(source), "wrong_type")
                continue
            self._enter(source, path)
            try:
                found.append(self._entries(source, path))
            finally:
                self._open.discard(id(source))
        return found

    def _key(self, node: Any, path: KeyPath) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            name = self._scalar(node, path)
            if isinstance(name, str):
                return name
            if id(node) not in self._reported:
                found = f"{describe(name)} (quote it: {shorten(node.value)})"
                self._report(node, path, "a string as the key", found, "wrong_type")
        else:
            self._report(node, path, "a string as the key", _kind(node), "wrong_type")
        return None

    def _scalar(self, node: Any, path: KeyPath) -> Any:
        if node.tag not in _CONSTRUCT:
            self._report_tag(node, path)
            return None
        check_length(node.value, _line(node))
        try:
            return _CONSTRUCT[node.tag](node.value)
        except (KeyError, ValueError):
            expected = f"a valid value for the tag {_tag_name(node.tag)}"
            self._report(node, path, expected, shorten(node.value), "invalid_value")
            return None

    def _enter(self, node: Any, path: KeyPath) -> None:
        if id(node) in self._open:
            expected, found = "an alias without recursion", "one that contains itself"
            raise _RefusedError(Problem(dotted(path), expected, found, self.file, _line(node), "cycle"))
        self._open.add(id(node))

    def _count(self, node: Any) -> None:
        # A few lines of nested aliases can expand to billions of values.
        self._values += 1
        check_number(self._values, _line(node))

    def _report(self, node: Any, path: KeyPath, expected: str, found: str, code: ProblemCode) -> None:
        # Aliases can lead to the same problem many times.
        if id(node) not in self._reported:
            self._reported.add(id(node))
            problem = Problem(dotted(path), expected, found, self.file, _line(node), code)
            if len(self.problems) >= MAX_PROBLEMS:
                limit = f"at most {MAX_PROBLEMS} problems"
                raise _RefusedError(Problem("", limit, "more", self.file, code="too_many_problems"))
            self.problems.append(problem)

    def _report_tag(self, node: Any, path: KeyPath) -> None:
        found = f"the tag {_tag_name(node.tag)}"
        if node.tag in ("!vault", "!vault-encrypted"):
            found += ", which only Ansible can decrypt; this file needs no secrets"
        self._report(node, path, "a plain value", found, "wrong_type")

    def _report_duplicate(self, node: Any, first: Any, path: KeyPath) -> None:
        found = f"it again (first on line {_line(first)})"
        self._report(node, (*path, node.value), "each key once", found, "duplicate")


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _kind(node: Any) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shorten(node.value) if node.value else "nothing"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _tag_name(tag: str) -> str:
    shown = f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag
    return shorten(shown).strip("'")

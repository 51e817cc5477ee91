# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one YAML file into plain data, keeping the line of every value.

PyYAML parses and composes; only the last step, from its nodes to data, is done here, because a safe load
knows no lines, takes duplicate keys, and reads ``010``, ``12:30`` and ``2024-01-01`` as something else
than what was written.
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

from .._model.errors import MAX_PROBLEMS, OrcastraError, Problem
from .document import Document
from .words import KeyPath, describe, dotted, shorten
from .yaml_errors import in_plain_words
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

# Which plain words are no text. Numbers only as people write them: everything else stays as it stands in
# the file.
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

    Never raises for what is in the file: all problems are returned. Raises OrcastraError where PyYAML is
    missing.
    """
    if YAML_IMPORT_ERROR is not None:
        raise OrcastraError("the Python library PyYAML is needed to read the configuration")
    empty = Document(None, str(path))
    try:
        text, problem = _read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return replace(empty, exists=False), []
    except OSError as error:
        return empty, [Problem("", "a file that can be read", error.strerror or str(error), str(path))]
    if problem is not None:
        return empty, [problem]
    try:
        check_limits(text)
        root = _compose(text)
    except TooMuch as error:
        return empty, [Problem("", str(error), "more", str(path), error.line)]
    except yaml.YAMLError as error:
        line, found = in_plain_words(error, text)
        return empty, [Problem("", "valid YAML", found, str(path), line)]
    except RecursionError:
        return empty, [Problem("", str(too_deep(None)), "more", str(path))]
    if root is None:
        return empty, []
    builder = _Builder(str(path))
    try:
        data = builder.build(root, (), 0)
    except _RefusedError as error:
        return empty, [*builder.problems, error.problem]
    except TooMuch as error:
        return empty, [*builder.problems, Problem("", str(error), "more", str(path), error.line)]
    except RecursionError:
        # a long chain of merge keys
        return empty, [*builder.problems, Problem("", str(too_deep(None)), "more", str(path))]
    if data == {} and root.value:
        # nothing but extensions: unlike `{}`, that doesn't say "nothing"
        data = None
    return Document(data, str(path), builder.lines), builder.problems


def _read_text(path: Path) -> tuple[str, Problem | None]:
    # Opening a pipe or a device could wait for ever.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        found = "a directory" if stat.S_ISDIR(status.st_mode) else "something else (a pipe or a device)"
        return "", Problem("", "a file", found, str(path))
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return "", Problem("", f"a file of at most {MAX_BYTES // 1024} KiB", "a larger one", str(path))
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"a byte that is not UTF-8 (0x{content[error.start]:02x})"
        return "", Problem("", "text in UTF-8", found, str(path), line)


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
    """The whole file is refused, for ``problem``."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Builder:
    """Makes plain data of PyYAML's nodes. An alias is the same node again, so nodes may form a circle."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._told: set[int] = set()
        self._values = 0

    def build(self, node: Any, path: KeyPath, depth: int) -> Any:
        """The data of ``node``, which stands at ``path``; None for what is refused."""
        self.lines.setdefault(path, _line(node))
        self._count(node)
        if depth > MAX_DEPTH:
            raise too_deep(_line(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        kind = "map" if isinstance(node, yaml.MappingNode) else "seq"
        if node.tag != _TAG + kind:
            self._tell_tag(node, path)
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
            # Extensions at the top are there for their anchors: they are read where an alias uses them.
            if not path and key.startswith("x-"):
                continue
            key_path = (*path, key)
            self.lines[key_path] = _line(key_node)
            data[key] = self.build(value_node, key_path, depth + 1)
        return data

    def _entries(self, node: Any, path: KeyPath) -> dict[str, tuple[Any, Any]]:
        """The keys of a mapping with their nodes; its own win over merged ones, earlier merges over later."""
        own: dict[str, tuple[Any, Any]] = {}
        merged: dict[str, tuple[Any, Any]] = {}
        merge_key: Any = None
        for key_node, value_node in node.value:
            self._count(key_node)
            if key_node.tag == _MERGE:
                if merge_key is not None:
                    self._tell_duplicate(key_node, merge_key, path)
                    continue
                merge_key = key_node
                for entries in self._merges(value_node, path):
                    for key, nodes in entries.items():
                        merged.setdefault(key, nodes)
                continue
            name = self._key(key_node, path)
            if name in own:
                self._tell_duplicate(key_node, own[name][0], path)
            elif name is not None:
                own[name] = (key_node, value_node)
        return {**merged, **own}

    def _merges(self, node: Any, path: KeyPath) -> list[dict[str, tuple[Any, Any]]]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = []
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self._tell(source, (*path, "<<"), "an alias of a mapping, or a list of them", _kind(source))
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
            if id(node) not in self._told:
                found = f"{describe(name)} (put it in quotes: {shorten(node.value)})"
                self._tell(node, path, "text as a key", found)
        else:
            self._tell(node, path, "text as a key", _kind(node))
        return None

    def _scalar(self, node: Any, path: KeyPath) -> Any:
        if node.tag not in _CONSTRUCT:
            self._tell_tag(node, path)
            return None
        check_length(node.value, _line(node))
        try:
            return _CONSTRUCT[node.tag](node.value)
        except (KeyError, ValueError):
            self._tell(node, path, f"a value for the tag {_tag_name(node.tag)}", shorten(node.value))
            return None

    def _enter(self, node: Any, path: KeyPath) -> None:
        if id(node) in self._open:
            found = "one that contains itself"
            raise _RefusedError(Problem(dotted(path), "an alias with an end", found, self.file, _line(node)))
        self._open.add(id(node))

    def _count(self, node: Any) -> None:
        # A few lines of aliases of aliases can stand for billions of values.
        self._values += 1
        check_number(self._values, _line(node))

    def _tell(self, node: Any, path: KeyPath, expected: str, found: str) -> None:
        # Through aliases the same mistake can be met many times.
        if id(node) not in self._told:
            self._told.add(id(node))
            problem = Problem(dotted(path), expected, found, self.file, _line(node))
            if len(self.problems) >= MAX_PROBLEMS:
                raise _RefusedError(Problem("", f"at most {MAX_PROBLEMS} mistakes", "more", self.file))
            self.problems.append(problem)

    def _tell_tag(self, node: Any, path: KeyPath) -> None:
        found = f"the tag {_tag_name(node.tag)}"
        if node.tag in ("!vault", "!vault-encrypted"):
            found += ", which only Ansible can decrypt; nothing in this file needs to be secret"
        self._tell(node, path, "a plain value", found)

    def _tell_duplicate(self, node: Any, first: Any, path: KeyPath) -> None:
        found = f"it again (first in line {_line(first)})"
        self._tell(node, (*path, node.value), "each key once", found)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _kind(node: Any) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shorten(node.value) if node.value else "nothing"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _tag_name(tag: str) -> str:
    shown = f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag
    return shorten(shown).strip("'")

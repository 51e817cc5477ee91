# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge the documents of a configuration.

The separate files take precedence over swarm.yml. ``leader``, ``advertise_addr``, ``managers`` and each key
of ``options``, ``storage`` and ``swarm`` come from the last document that sets them. Each entry of ``nodes``
and ``dependencies`` comes as a whole from the last document that contains it: entries are never merged.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._model.errors import Problem, ProblemCode
from .document import Document
from .words import KeyPath

_SCALARS = ("leader", "advertise_addr", "managers")
_MAPPINGS = ("options", "storage", "swarm", "nodes", "dependencies")


@dataclass
class Merged:
    """The merged configuration, without values that were rejected.

    A rejected item of a list becomes the empty string, so that the others keep their positions. ``sources``
    maps the path of an entry to its document. ``node_names`` includes the names of rejected entries.
    """

    leader: str | None = None
    advertise_addr: str | None = None
    managers: int | None = None
    swarm: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    storage: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)
    dependencies: dict[str, Any] = field(default_factory=dict)
    sources: dict[KeyPath, Document] = field(default_factory=dict)
    node_names: dict[str, None] = field(default_factory=dict)

    def _source(self, path: KeyPath) -> Document:
        return self.sources[path[:2] if path[0] in _MAPPINGS else path[:1]]

    def place(self, path: KeyPath) -> str:
        """The location of the value at ``path``."""
        return self._source(path).place(path)

    def problem(
        self, path: KeyPath, expected: str, found: str, code: ProblemCode = "invalid_value"
    ) -> Problem:
        """Create a problem with the value at ``path``."""
        return self._source(path).problem(path, expected, found, code)


def merge(documents: Iterable[tuple[Document, Collection[KeyPath]]]) -> Merged:
    """Merge documents in ascending order of precedence, each with the paths that have a problem."""
    merged = Merged()
    for document, refused in documents:
        if isinstance(document.data, Mapping):
            _merge_one(merged, document, refused)
    return merged


def _merge_one(merged: Merged, document: Document, refused: Collection[KeyPath]) -> None:
    for part in _SCALARS:
        value = document.data.get(part)
        if value is not None and (part,) not in refused:
            setattr(merged, part, value)
            merged.sources[part,] = document
    for part in _MAPPINGS:
        entries = document.data.get(part)
        if not isinstance(entries, Mapping) or (part,) in refused:
            continue
        target: dict[str, Any] = getattr(merged, part)
        for name, entry in entries.items():
            if part == "nodes":
                merged.node_names[name] = None
            if part in ("options", "storage", "swarm") and entry is None:
                continue
            merged.sources[part, name] = document
            inside = [path[2:] for path in refused if path[:2] == (part, name)]
            if () in inside:
                target.pop(name, None)
            else:
                target[name] = _without(entry, inside)


def _without(entry: Any, refused: Collection[KeyPath]) -> Any:
    """The entry without its rejected values, so that the rest can still be checked."""
    if not refused:
        return entry
    entry = copy.deepcopy(entry)
    for path in refused:
        *parents, last = path
        parent: Any = entry
        for key in parents:
            parent = parent[key]
        if isinstance(parent, list) and isinstance(last, int):
            parent[last] = ""
        else:
            parent.pop(last, None)
    return entry

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warn about node labels that Swarm accepts but that no placement constraint can match.

Swarm accepts any text as the key and value of a label. In a constraint, ``node.labels.KEY==VALUE``, it
accepts far fewer characters. It ignores a constraint with other characters or rejects the service, so such a
label has no effect. Source: swarmkit, ``manager/constraint/constraint.go``.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .._model.errors import Problem
from .merge import Merged
from .words import KeyPath, describe

# Prefixes that belong in a constraint and not in the label itself.
_PREFIXES = ("node.labels.", "node.label.", "engine.labels.", "labels.", "node.")
_RESERVED = "orcastra."
# Go's \s is ASCII only
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_IN_VALUE = re.compile(r"[^A-Za-z0-9:\-_ \t\n\f\r.*()?+\[\]\\^$|/]")


def label_warnings(merged: Merged) -> list[Problem]:
    """A warning for each configured label that no constraint can match."""
    found: list[Problem] = []
    for name, entry in merged.nodes.items():
        labels: Any = (entry or {}).get("labels") or ()
        is_list = isinstance(labels, list)
        for position, key in enumerate(labels):
            if not isinstance(key, str) or not key:
                continue
            path: KeyPath = ("nodes", name, "labels", position if is_list else key)
            value = None if is_list else labels[key]
            for expected, shown in (*_about_key(key, is_list=is_list), *_about_value(value, is_list=is_list)):
                found.append(merged.problem(path, expected, shown, "unmatchable_label"))
    return found


def _about_key(key: str, *, is_list: bool) -> Iterator[tuple[str, str]]:
    """The expected and the found value, at most once: only the first mistake is reported."""
    lower = key.lower()
    for prefix in _PREFIXES:
        if lower.startswith(prefix) and len(key) > len(prefix):
            hint = " (engine labels are set in daemon.json)" if prefix[0] == "e" else ""
            found = f"{describe(key)}{hint}; did you mean {describe(key[len(prefix) :])}?"
            yield f"a label without the prefix '{prefix}', which belongs in constraints only", found
            return
    if lower.startswith(_RESERVED):
        yield f"a label without the prefix '{_RESERVED}', which is reserved for Orcastra", describe(key)
        return
    wrong = _characters(_NOT_IN_KEY, key)
    if not wrong:
        return
    name, colon, value = key.partition(":")
    if colon and is_list and name and not _NOT_IN_KEY.search(name):
        suggestion = f"; did you mean {name}: {value.strip() or 'true'} (in a mapping)?"
    else:
        plain = re.sub(r"[^A-Za-z0-9_.-]+", ".", key).strip(".-")
        suggestion = f"; did you mean {describe(plain)}?" if plain and key.isascii() else ""
    yield (
        "a label of letters, digits, '_', '.' and '-' (constraints cannot match any other)",
        f"{describe(key)}, which contains {wrong}{suggestion}",
    )


def _about_value(value: object, *, is_list: bool) -> Iterator[tuple[str, str]]:
    if is_list or isinstance(value, (bool, int)):
        return
    text = "" if value is None else str(value)
    if not text.strip():
        yield "a value (constraints cannot match an empty one)", f"{describe(text)}; did you mean true?"
        return
    if text != text.strip():
        yield "a value without leading or trailing spaces (constraints cannot match them)", describe(text)
        return
    wrong = _characters(_NOT_IN_VALUE, text)
    if wrong:
        expected = (
            "a value of letters, digits, spaces and :-_.*()?+[]\\^$|/ (constraints cannot match any other)"
        )
        yield expected, f"{describe(text)}, which contains {wrong}"


def _characters(wrong: re.Pattern[str], text: str) -> str:
    """The invalid characters, each once; empty if there are none."""
    found = list(dict.fromkeys(wrong.findall(text)))
    shown = ", ".join(describe(character) for character in found[:5])
    return f"{shown} …" if len(found) > 5 else shown

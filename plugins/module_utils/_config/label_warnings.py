# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels that Swarm takes, but that no placement constraint can ask for.

Swarm takes any text as the key and the value of a label. In ``node.labels.KEY==VALUE`` it takes far less, and
ignores such a constraint or refuses the service: the label does not do what it looks like.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .._model.errors import Problem
from .merge import Merged
from .words import KeyPath, describe

# How constraints name what is no node label, or a node label with its prefix.
_PREFIXES = ("node.labels.", "node.label.", "engine.labels.", "labels.", "node.")
_RESERVED = "orcastra."
# Go's \s is ASCII only
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_IN_VALUE = re.compile(r"[^A-Za-z0-9:\-_ \t\n\f\r.*()?+\[\]\\^$|/]")


def label_warnings(merged: Merged) -> list[Problem]:
    """What the user has to look at, for each label that does not do what it looks like."""
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
                found.append(merged.problem(path, expected, shown))
    return found


def _about_key(key: str, *, is_list: bool) -> Iterator[tuple[str, str]]:
    """What was expected and found instead, at most once: the first mistake is the one to mend."""
    lower = key.lower()
    for prefix in _PREFIXES:
        if lower.startswith(prefix) and len(key) > len(prefix):
            what = "a label of the engine, which stands in its daemon.json" if prefix[0] == "e" else ""
            found = (
                f"{describe(key)}{f' ({what})' if what else ''}; did you mean {describe(key[len(prefix) :])}?"
            )
            yield f"a label without '{prefix}', which constraints put before it", found
            return
    if lower.startswith(_RESERVED):
        yield (
            f"a label that does not begin with '{_RESERVED}', which Orcastra keeps for itself",
            describe(key),
        )
        return
    wrong = _characters(_NOT_IN_KEY, key)
    if not wrong:
        return
    name, colon, value = key.partition(":")
    if colon and is_list and name and not _NOT_IN_KEY.search(name):
        suggestion = f"; did you mean {name}: {value.strip() or 'true'}, in a mapping?"
    else:
        plain = re.sub(r"[^A-Za-z0-9_.-]+", ".", key).strip(".-")
        suggestion = f"; did you mean {describe(plain)}?" if plain and key.isascii() else ""
    yield (
        "a label of letters, digits, '_', '.' and '-', as no constraint can ask for another",
        f"{describe(key)}, with {wrong}{suggestion}",
    )


def _about_value(value: object, *, is_list: bool) -> Iterator[tuple[str, str]]:
    if is_list or isinstance(value, (bool, int)):
        return
    text = "" if value is None else str(value)
    if not text.strip():
        yield "a value, as no constraint can ask for an empty one", f"{describe(text)}; did you mean true?"
        return
    if text != text.strip():
        yield "a value without blanks around it, as no constraint can ask for them", describe(text)
        return
    wrong = _characters(_NOT_IN_VALUE, text)
    if wrong:
        expected = (
            "a value of letters, digits, blanks and :-_.*()?+[]\\^$|/, as no constraint can ask for another"
        )
        yield expected, f"{describe(text)}, with {wrong}"


def _characters(wrong: re.Pattern[str], text: str) -> str:
    """The characters that are not allowed, each once; empty for none."""
    found = list(dict.fromkeys(wrong.findall(text)))
    shown = ", ".join(describe(character) for character in found[:5])
    return f"{shown} …" if len(found) > 5 else shown

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Path patterns: expand their braces, and check whether they may match names of a certain form."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Union

from ..._model.compat import TypeAlias
from ..._model.reasons import Reason

MAX_EXPANSIONS = 100

# a form of names: the possible characters at each position
Form: TypeAlias = Sequence[Collection[str]]
_STAR = object()
# the characters, and whether the set is negated
_Token = Union[object, "tuple[frozenset[str], bool]"]


class BraceError(ValueError):
    """Invalid braces. ``expected`` is the rule that they break."""

    def __init__(self, expected: Reason) -> None:
        super().__init__(str(expected))
        self.expected = expected


def expand_braces(pattern: str) -> list[str]:
    """Expand ``/srv/{a,b}/x`` to ``/srv/a/x`` and ``/srv/b/x``, like a shell. Raises BraceError."""
    found = _expand(pattern)
    if any("{" in one or "}" in one for one in found):
        raise BraceError(Reason("braces_in_pairs"))
    return list(dict.fromkeys(found))


def _expand(pattern: str) -> list[str]:
    start = pattern.find("{")
    if start < 0:
        return [pattern]
    depth, commas = 0, []
    for place in range(start, len(pattern)):
        character = pattern[place]
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == "," and depth == 1:
            commas.append(place)
        if depth == 0:
            break
    if depth or not commas:
        raise BraceError(Reason("braces_in_pairs"))
    edges = [start, *commas, place]
    words = [pattern[left + 1 : right] for left, right in zip(edges, edges[1:])]
    found: list[str] = []
    for word in words:
        found += _expand(f"{pattern[:start]}{word}{pattern[place + 1 :]}")
        if len(found) > MAX_EXPANSIONS:
            raise BraceError(Reason("braces_expand_to_few", most=MAX_EXPANSIONS))
    return found


def has_wildcard(text: str) -> bool:
    return any(character in text for character in "*?[")


def form_of(name: str) -> Form:
    """Return the form that only ``name`` has."""
    return [frozenset(character) for character in name]


def may_match(pattern: str, form: Form) -> bool:
    """Return whether a pattern with wildcards may match a name of the form."""
    places = {0}
    tokens = _tokens(pattern)
    for token in tokens:
        if token is _STAR:
            places = set(range(min(places), len(form) + 1)) if places else set()
        else:
            places = {at + 1 for at in places if at < len(form) and _fits(token, form[at])}
    return len(form) in places


def _fits(token: _Token, allowed: Collection[str]) -> bool:
    characters, is_negated = token  # type: ignore[misc]
    return any((character in characters) != is_negated for character in allowed)


def _tokens(pattern: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            found.append(_STAR)
        elif character == "?":
            found.append((frozenset(), True))
        elif character == "[" and (end := _end_of_set(pattern, at)) is not None:
            found.append(_set(pattern[at:end]))
            at = end + 1
        else:
            found.append((frozenset(character), False))
    return found


def _end_of_set(pattern: str, start: int) -> int | None:
    at = start
    if pattern[at : at + 1] in ("!", "^"):
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    # [[:digit:]] contains brackets
    while at < len(pattern):
        if pattern.startswith("[:", at) and (end := pattern.find(":]", at + 2)) >= 0:
            at = end + 2
            continue
        if pattern[at] == "]":
            return at
        at += 1
    return None


_CLASSES = {
    "[:digit:]": "0123456789",
    "[:xdigit:]": "0123456789abcdefABCDEF",
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:alpha:]": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:alnum:]": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
}


def _set(text: str) -> tuple[frozenset[str], bool]:
    is_negated = text.startswith(("!", "^"))
    if is_negated:
        text = text[1:]
    characters: set[str] = set()
    for name, members in _CLASSES.items():
        if name in text:
            characters |= set(members)
            text = text.replace(name, "")
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            characters |= {chr(code) for code in range(ord(text[at]), min(ord(text[at + 2]), 0x2FF) + 1)}
            at += 3
        else:
            characters.add(text[at])
            at += 1
    return frozenset(characters), is_negated

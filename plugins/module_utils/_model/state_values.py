# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read values of a saved state that may be damaged: what is returned is in its sane range.

All of these raise Damaged with what was expected; never with the value, which may be of any size.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

# 9999-12-31T23:59:59Z, the last moment that has a date
MAX_TIME = 253_402_300_799.0
# Clocks of two managers may differ by so much; a time further ahead than that is none.
MAX_SKEW_SECONDS = 60.0
# Nobody scales a service further that is to be moved; a damaged number must not do it.
MAX_REPLICAS = 100_000
MAX_COUNT = 1_000_000_000
MAX_BYTES_OF_MEMORY = 2**60
MAX_ITEMS = 10_000
MAX_KEY_CHARACTERS = 1024
MAX_TEXT_CHARACTERS = 65_536
_MAX_DIGITS = 20


class Damaged(ValueError):
    """A value is not what it has to be; the text says what was expected."""


class Entries(dict):  # type: ignore[type-arg]
    """A mapping of JSON, which knows the keys that it was given more than once."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.repeated: set[str] = set()
        for key, value in pairs:
            if key in self:
                self.repeated.add(key)
            self[key] = value


def parse(text: Any) -> Entries:
    """A mapping from JSON. Raises Damaged for anything else, however large or deep."""
    if not isinstance(text, str):
        raise Damaged("expected text")
    try:
        data = json.loads(
            text, object_pairs_hook=Entries, parse_int=_parse_int, parse_constant=lambda _text: math.nan
        )
    except RecursionError:
        raise Damaged("expected JSON of a few levels, found a deeper one") from None
    except ValueError as error:
        raise Damaged(f"expected JSON: {str(error)[:100]}") from None
    if not isinstance(data, Entries):
        raise Damaged("expected a mapping")
    return data


class Reader:
    """Reads the values of one entry. ``ahead``: names of those that were future times, read as ``now``."""

    def __init__(self, now: float | None = None) -> None:
        """``now`` is in seconds since the epoch; without it no time is too late."""
        self.now = now
        self.ahead: list[str] = []

    def moment(self, value: Any, name: str = "") -> float:
        """Seconds since the epoch, between 1970 and 9999.

        All times of a state are past ones. One that is clearly not would count as fresh until then, and keep
        moves and attempts waiting.
        """
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # NaN is in no range
        if not is_number or not 0 <= value <= MAX_TIME:
            raise Damaged(f"{_head(name)}expected a time between 1970 and 9999")
        if self.now is not None and value > self.now + MAX_SKEW_SECONDS:
            self.ahead.append(name)
            return self.now
        return float(value)

    def optional_moment(self, value: Any, name: str) -> float | None:
        return None if value is None else self.moment(value, name)


def check_key(key: Any) -> str:
    """The key of an entry, or another name."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_CHARACTERS or not _is_encodable(key):
        raise Damaged(f"expected a name of 1 to {MAX_KEY_CHARACTERS} characters")
    return key


def mapping(value: Any) -> Entries:
    if not isinstance(value, Entries):
        raise Damaged("expected a mapping")
    if value.repeated:
        raise Damaged("expected each key once")
    return value


def required(entry: Mapping[str, Any], name: str) -> Any:
    if name not in entry:
        raise Damaged(f"{name}: expected a value, found nothing")
    return entry[name]


def text(value: Any, name: str = "") -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS or not _is_encodable(value):
        raise Damaged(f"{_head(name)}expected text of at most {MAX_TEXT_CHARACTERS} characters")
    return value


def one_of(value: Any, name: str, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise Damaged(f"{name}: expected {', '.join(known[:-1])} or {known[-1]}")
    return value


def count(value: Any, name: str, most: int = MAX_COUNT) -> int:
    """A whole number from 0 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Damaged(f"{name}: expected a whole number from 0 to {most}")
    return value


def flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise Damaged(f"{name}: expected true or false")
    return value


def items(value: Any, name: str = "") -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise Damaged(f"{_head(name)}expected a list of at most {MAX_ITEMS} items")
    return value


def names(value: Any, name: str = "") -> tuple[str, ...]:
    """A list of names, in its order."""
    return tuple(check_key(item) for item in items(value, name))


def _head(name: str) -> str:
    return f"{name}: " if name else ""


def _parse_int(digits: str) -> float:
    """A number of that many digits is in no range, and takes long to read."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def _is_encodable(value: str) -> bool:
    """Whether it has no lone surrogates, which no file and no reply can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read values of a saved state that may be damaged. All returned values are within their valid range.

All functions raise Damaged with the expected value, and never with the found one, which may be of any size.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

# 9999-12-31T23:59:59Z, the last moment that has a date
MAX_TIME = 253_402_300_799.0
# The maximum difference between the clocks of two managers; a time further in the future is invalid.
MAX_SKEW_SECONDS = 60.0
# More replicas than any service that is moved; a damaged number must not scale a service beyond this.
MAX_REPLICAS = 100_000
MAX_COUNT = 1_000_000_000
MAX_BYTES_OF_MEMORY = 2**60
MAX_ITEMS = 10_000
MAX_KEY_CHARACTERS = 1024
MAX_TEXT_CHARACTERS = 65_536
_MAX_DIGITS = 20


class Damaged(ValueError):
    """A value is invalid. The text is the expected value."""


class Entries(dict):  # type: ignore[type-arg]
    """A JSON object that records its duplicate keys."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.repeated: set[str] = set()
        for key, value in pairs:
            if key in self:
                self.repeated.add(key)
            self[key] = value


def parse(text: Any) -> Entries:
    """Parse a JSON object. Raises Damaged for anything else, however large or deeply nested."""
    if not isinstance(text, str):
        raise Damaged("expected a string")
    try:
        data = json.loads(
            text, object_pairs_hook=Entries, parse_int=_parse_int, parse_constant=lambda _text: math.nan
        )
    except RecursionError:
        raise Damaged("expected JSON, found too many nested levels") from None
    except ValueError as error:
        raise Damaged(f"expected JSON: {str(error)[:100]}") from None
    if not isinstance(data, Entries):
        raise Damaged("expected a mapping")
    return data


class Reader:
    """Reads the values of one entry. ``ahead`` has the names of future times, which are read as ``now``."""

    def __init__(self, now: float | None = None) -> None:
        """``now`` is in seconds since the epoch; if it is None, future times are allowed."""
        self.now = now
        self.ahead: list[str] = []

    def moment(self, value: Any, name: str = "") -> float:
        """Seconds since the epoch, between 1970 and 9999.

        All times in a state are in the past. A time far in the future would count as recent until then, and
        delay moves and attempts.
        """
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # NaN is outside of any range
        if not is_number or not 0 <= value <= MAX_TIME:
            raise Damaged(f"{_head(name)}expected a time between 1970 and 9999")
        if self.now is not None and value > self.now + MAX_SKEW_SECONDS:
            self.ahead.append(name)
            return self.now
        return float(value)

    def optional_moment(self, value: Any, name: str) -> float | None:
        return None if value is None else self.moment(value, name)


def check_key(key: Any) -> str:
    """Check the key of an entry, or another name."""
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
        raise Damaged(f"{_head(name)}expected a string of at most {MAX_TEXT_CHARACTERS} characters")
    return value


def one_of(value: Any, name: str, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise Damaged(f"{name}: expected {', '.join(known[:-1])} or {known[-1]}")
    return value


def count(value: Any, name: str, most: int = MAX_COUNT) -> int:
    """An integer from 0 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Damaged(f"{name}: expected an integer from 0 to {most}")
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
    """A list of names, in their order."""
    return tuple(check_key(item) for item in items(value, name))


def _head(name: str) -> str:
    return f"{name}: " if name else ""


def _parse_int(digits: str) -> float:
    """Read an integer. One with too many digits is outside of any range, and would take long to convert."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf


def _is_encodable(value: str) -> bool:
    """Whether the text has no lone surrogates, which no file and no reply can contain."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

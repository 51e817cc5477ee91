# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exclusion patterns: their matches, and those that are probably mistakes.

Patterns are shell patterns. docker-gc used regular expressions, so a pattern that looks like one is tried as
both: a match of either form is kept.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from ..._model.reasons import Reason

_ID = re.compile(r"(sha256:)?([0-9a-f]{6,64})\*?")
_DIGEST_PATTERN = re.compile(r"sha256:[0-9a-f*?\[\]!-]+")
# characters without a meaning in shell patterns
_REGEX_SIGNS = re.compile(r"\.[*+?]|\\.|^\^|\$$|[()|]|\][*+?{]|\{\d")


class Exclusions:
    """The patterns of one option; ``option`` is its name in messages.

    It records which patterns matched, so that ``warnings`` and ``notes`` can report those that never did.
    """

    def __init__(self, option: str, patterns: Iterable[str]) -> None:
        self._option = option
        cleaned = (text.strip().strip("'\"").strip() for text in patterns)
        self._patterns = [_Pattern(text) for text in dict.fromkeys(cleaned) if text]

    def match(self, names: Iterable[str], ids: Iterable[str] = ()) -> bool:
        """Return whether a pattern matches one of the ``names``, or is a prefix of one of the ``ids``.

        ``ids`` are hex digits, with or without ``sha256:``.
        """
        known, digits = set(names), {one.rpartition(":")[2] for one in ids}
        # evaluate every pattern, because each records whether it ever matched
        found = [pattern.match(known, digits) for pattern in self._patterns]
        return any(found)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """Return warnings about patterns that look like regular expressions and match nothing as shell
        patterns."""
        return tuple(
            Reason("pattern_is_regex", option=self._option, pattern=pattern.text)
            if pattern.matched
            else Reason("pattern_is_regex_without_match", option=self._option, pattern=pattern.text)
            for pattern in self._patterns
            if pattern.is_regex and not pattern.matched_as_glob
        )

    @property
    def notes(self) -> tuple[Reason, ...]:
        """Return notes on patterns that match nothing."""
        return tuple(
            Reason("pattern_without_match", option=self._option, pattern=pattern.text)
            for pattern in self._patterns
            if not pattern.matched and not pattern.is_regex
        )


class _Pattern:
    def __init__(self, text: str) -> None:
        self.text = text
        self.matched = False
        self.matched_as_glob = False
        self.is_regex = bool(_REGEX_SIGNS.search(text))
        self._glob = re.compile(translate(text))
        found = _ID.fullmatch(text.lower())
        self._id_start = found[2] if found else None
        self._id_glob = re.compile(translate(text[7:])) if _DIGEST_PATTERN.fullmatch(text) else None
        self._regex = None
        if self.is_regex:
            try:
                self._regex = re.compile(text)
                is_anchored = text.startswith("^") or text.endswith("$")
                self._find = self._regex.search if is_anchored else self._regex.fullmatch
            except (re.error, RecursionError, OverflowError):
                self._regex = None

    def match(self, names: set[str], digits: set[str]) -> bool:
        glob = any(self._glob.match(name) for name in names)
        if self._id_start is not None:
            glob = glob or any(number.startswith(self._id_start) for number in digits)
        if self._id_glob is not None:
            glob = glob or any(self._id_glob.match(number) for number in digits)
        regex = self._regex is not None and any(self._find(name) for name in names)
        self.matched_as_glob |= glob
        self.matched |= glob or regex
        return glob or regex

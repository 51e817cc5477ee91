# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits for YAML files, and a fast check of them.

PyYAML's pure Python parser reads about ten thousand values per second, so 1 MiB of commas would take half a
minute. If libyaml is available, it counts first, fifty times as fast. The loader always counts.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

try:
    import yaml
except ImportError:
    HAS_LIBYAML = False
else:
    HAS_LIBYAML = bool(yaml.__with_libyaml__)

MAX_BYTES = 1024 * 1024
# An alias counts as the values it expands to. A thousand nodes with ten labels each have about 30,000 values.
MAX_VALUES = 50_000
MAX_DEPTH = 50
MAX_CHARACTERS = 65_536
MAX_LINES = 100_000


class TooMuch(Exception):
    """The file exceeds a limit. The text is the expected value; ``line`` is 1-based."""

    def __init__(self, expected: str, line: int | None) -> None:
        super().__init__(expected)
        self.line = line


def too_deep(line: int | None) -> TooMuch:
    return TooMuch(f"at most {MAX_DEPTH} nested lists and mappings", line)


def check_number(values: int, line: int) -> None:
    """Raise TooMuch if there are more values than allowed."""
    if values > MAX_VALUES:
        raise TooMuch(f"at most {MAX_VALUES} values, with aliases expanded", line)


def check_limits(text: str) -> None:
    """Count the values in the file without storing them. Raises TooMuch.

    Ignores syntax errors: the loader reports them with more detail.
    """
    if HAS_LIBYAML:
        _count_events(text)
    if len(text.splitlines()) > MAX_LINES:
        raise TooMuch(f"at most {MAX_LINES} lines", MAX_LINES)


def _count_events(text: str) -> None:
    values = depth = documents = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent, yaml.CollectionStartEvent)):
                values += 1
                check_number(values, _line(event))
            if isinstance(event, yaml.ScalarEvent):
                check_length(event.value, _line(event))
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH + 1:
                    raise too_deep(_line(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    return
    except (yaml.YAMLError, RecursionError):
        return


def check_length(value: str, line: int) -> None:
    """Raise TooMuch if a string is longer than any configuration needs."""
    if len(value) > MAX_CHARACTERS:
        raise TooMuch(f"a string of at most {MAX_CHARACTERS} characters", line)


def counting_loader(text: str) -> Any:
    """PyYAML's loader, which raises TooMuch while composing. The C loader has no depth limit."""
    return _loader_class()(text)


def _loader_class() -> Any:
    class Loader(yaml.SafeLoader):
        values = 0
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            line = _line(self.peek_event())  # type: ignore[no-untyped-call]
            self.values += 1
            check_number(self.values, line)
            self.depth += 1
            if self.depth > MAX_DEPTH + 2:
                raise too_deep(line)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    return Loader


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse a few metrics of Prometheus' text format, chunk by chunk as a page arrives.

The root user of a host controls its page. So only one line is held in memory, the number of samples and the
length of lines are limited, and lines of other metrics are not parsed. Source:
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from .._model.compat import dataclass

MAX_LINE_BYTES = 8 * 1024
# An engine runs at most about a thousand containers, with one such line each.
MAX_SAMPLES = 20_000
# An error message shows this many characters of a line.
_MAX_SHOWN = 100

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# A label name and its value; newer servers quote names that are not ASCII.
_LABEL = re.compile(
    r'[ \t]*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"([^"\\]*(?:\\.[^"\\]*)*)")[ \t]*='
    r'[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*(?=([,}]))'
)
_END = re.compile(r"[ \t]*\}")
_NUMBER = r"[-+]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|(?i:nan|inf|infinity))"
# The rest of a line after the labels. OpenMetrics may add an exemplar, which is ignored.
_REST = re.compile(rf"[ \t]*({_NUMBER})(?:[ \t]+([-+]?[0-9]+(?:\.[0-9]*)?))?[ \t]*(?:#[ \t]*\{{.*)?")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n"}
_OPEN_METRICS = "application/openmetrics-text"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample. ``timestamp`` is in seconds since the epoch, or None if the sample is current."""

    name: str
    labels: Mapping[str, str]
    value: float
    timestamp: float | None = None


class SampleParser:
    """Parses the samples of the metrics ``names`` from a page with the given content type.

    ``too_long`` is the number of lines of these metrics that are longer than MAX_LINE_BYTES and ignored.
    """

    def __init__(self, names: Collection[str], content_type: str = "") -> None:
        self.too_long = 0
        known = "|".join(map(re.escape, names))
        # The search is fast, because all matches begin with the same character.
        self._pattern = re.compile(rf"\n[ \t]*(?:{known})[{{ \t][^\n]*".encode())
        self._in_seconds = content_type.partition(";")[0].strip().lower() == _OPEN_METRICS
        self._rest = b"\n"  # the incomplete last line, with the newline before it
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[Sample]:
        """The samples whose lines end in the next chunk. Raises ValueError for an invalid line."""
        block = self._rest + chunk
        end = block.rfind(b"\n")
        for line in self._pattern.finditer(block, 0, max(0, end)):
            yield from self._parse(line[0][1:])
        self._rest = block[end:] if end >= 0 else b""
        if len(self._rest) > MAX_LINE_BYTES + 1:
            # The line is already too long; the rest of it must not be parsed as a line.
            self.too_long += self._pattern.match(self._rest) is not None
            self._rest = b""

    def close(self) -> None:
        """End of the page. Raises ValueError if the last sample is truncated: it may have lost digits."""
        if self._pattern.match(self._rest):
            raise ValueError("a page with a truncated last line")

    def _parse(self, line: bytes) -> Iterator[Sample]:
        self._number += 1
        if self._number > MAX_SAMPLES:
            raise ValueError(f"more than {MAX_SAMPLES} memory samples")
        if len(line) > MAX_LINE_BYTES:
            self.too_long += 1
            return
        try:
            yield parse_sample(line.decode(), in_seconds=self._in_seconds)
        except ValueError as error:
            shown = line[:_MAX_SHOWN].decode(errors="replace")
            raise ValueError(f"a line that is not in Prometheus' text format: {shown!r}") from error


def parse_sample(line: str, *, in_seconds: bool = False) -> Sample:
    """Parse a line. Raises ValueError for an invalid one.

    The timestamp is in milliseconds or, if ``in_seconds`` is True as in OpenMetrics, in seconds.
    """
    line = line.strip(" \t\r")
    name = _NAME.match(line)
    if name is None:
        raise ValueError("no name")
    labels, position = _labels(line, name.end())
    rest = _REST.fullmatch(line, position)
    if rest is None or (position == name.end() and line[position] not in " \t"):
        raise ValueError("no value")
    timestamp = None if rest[2] is None else float(rest[2]) / (1 if in_seconds else 1000)
    return Sample(name[0], labels, float(rest[1]), timestamp)


def _labels(line: str, position: int) -> tuple[dict[str, str], int]:
    """The labels that start at ``position``, if there are any, and the position after them."""
    while line[position : position + 1] in (" ", "\t"):
        position += 1
    labels: dict[str, str] = {}
    if line[position : position + 1] != "{":
        return labels, position
    position += 1
    while (end := _END.match(line, position)) is None:
        label = _LABEL.match(line, position)
        if label is None:
            raise ValueError("no label")
        name = label[1] or _unescaped(label[2])
        if name in labels:
            raise ValueError("a duplicate label")
        labels[name] = _unescaped(label[3])
        position = label.end() + (label[4] == ",")
    return labels, end.end()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    if match[1] not in _ESCAPED:
        raise ValueError("an unknown escape")
    return _ESCAPED[match[1]]

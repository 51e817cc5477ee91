# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse Prometheus' text format, piece by piece as a page arrives, and only the samples of a few metrics.

A page comes from whoever is root on a host. So no more of it is held than one line, lines and samples are
limited, and of the many lines about something else none is parsed.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from .._model.compat import dataclass

MAX_LINE_BYTES = 8 * 1024
# The engine itself runs a thousand containers at most, with one such line each.
MAX_SAMPLES = 20_000
# An error message shows this much of a line.
_MAX_SHOWN = 100

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# A name and its value; newer servers put names beyond ASCII in quotes.
_LABEL = re.compile(
    r'[ \t]*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"([^"\\]*(?:\\.[^"\\]*)*)")[ \t]*='
    r'[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*(?=([,}]))'
)
_END = re.compile(r"[ \t]*\}")
_NUMBER = r"[-+]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|(?i:nan|inf|infinity))"
# What follows the labels. OpenMetrics may add an exemplar, which is about something else.
_REST = re.compile(rf"[ \t]*({_NUMBER})(?:[ \t]+([-+]?[0-9]+(?:\.[0-9]*)?))?[ \t]*(?:#[ \t]*\{{.*)?")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n"}
_OPEN_METRICS = "application/openmetrics-text"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample. ``timestamp``, in seconds since the epoch, is None if the sample is of this very moment."""

    name: str
    labels: Mapping[str, str]
    value: float
    timestamp: float | None = None


class SampleParser:
    """Parses the samples of the metrics ``names``. ``content_type``: what the server says the page is.

    ``too_long`` counts the lines about these metrics that are longer than MAX_LINE_BYTES; they don't count.
    """

    def __init__(self, names: Collection[str], content_type: str = "") -> None:
        self.too_long = 0
        known = "|".join(map(re.escape, names))
        # A search for such a line is quick, because it begins with a character that is the same for all.
        self._wanted = re.compile(rf"\n[ \t]*(?:{known})[{{ \t][^\n]*".encode())
        self._in_seconds = content_type.partition(";")[0].strip().lower() == _OPEN_METRICS
        self._rest = b"\n"  # a line whose end hasn't come, with the end of the one before it
        self._number = 0

    def feed(self, chunk: bytes) -> Iterator[Sample]:
        """The samples whose lines end in the next piece of the page. Raises ValueError for a wrong one."""
        block = self._rest + chunk
        end = block.rfind(b"\n")
        for line in self._wanted.finditer(block, 0, max(0, end)):
            yield from self._parse(line[0][1:])
        self._rest = block[end:] if end >= 0 else b""
        if len(self._rest) > MAX_LINE_BYTES + 1:
            # The end of the line isn't worth waiting for; what still comes of it is no line of its own.
            self.too_long += self._wanted.match(self._rest) is not None
            self._rest = b""

    def close(self) -> None:
        """Nothing more comes. Raises ValueError if a sample has no end: it may have lost digits."""
        if self._wanted.match(self._rest):
            raise ValueError("a page whose last line is cut off")

    def _parse(self, line: bytes) -> Iterator[Sample]:
        self._number += 1
        if self._number > MAX_SAMPLES:
            raise ValueError(f"more than {MAX_SAMPLES} samples about memory")
        if len(line) > MAX_LINE_BYTES:
            self.too_long += 1
            return
        try:
            yield parse_sample(line.decode(), in_seconds=self._in_seconds)
        except ValueError as error:
            shown = line[:_MAX_SHOWN].decode(errors="replace")
            raise ValueError(f"something that is not in Prometheus' text format: {shown!r}") from error


def parse_sample(line: str, *, in_seconds: bool = False) -> Sample:
    """The sample in a line. ``in_seconds``: its timestamp is, as in OpenMetrics, else it is in milliseconds.

    Raises ValueError for a line that isn't in the format.
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
    """The labels that begin at ``position``, if there are any, and where they end."""
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
            raise ValueError("one label twice")
        labels[name] = _unescaped(label[3])
        position = label.end() + (label[4] == ",")
    return labels, end.end()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    if match[1] not in _ESCAPED:
        raise ValueError("an escape that isn't known")
    return _ESCAPED[match[1]]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Query a Prometheus server for the same samples that the endpoints themselves provide."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from .exposition import Sample
from .samples import (
    CADVISOR,
    CADVISOR_TASK,
    NODE_ARC,
    NODE_ARC_MIN,
    NODE_AVAILABLE,
    NODE_TOTAL,
    VOLUME,
    SampleCollector,
    Samples,
    cadvisor_max_age,
)

# The label with the target of a scrape, and the labels that may contain its node.
INSTANCE = "instance"
NODE_LABELS = ("node_id", "node", "nodename", "hostname", "host")

# A range selector returns the samples as scraped, with their timestamps, and none that are too old. An
# instant selector returns values of up to five minutes ago as if they were current. Source:
# https://prometheus.io/docs/prometheus/latest/querying/basics/
_SELECTORS = (
    f'{{__name__=~"{NODE_TOTAL}|{NODE_AVAILABLE}|{NODE_ARC}|{NODE_ARC_MIN}"}}',
    f'{{__name__=~"orcastra_container_memory_.*|{VOLUME}"}}',
)
_CADVISOR_SELECTOR = f'{CADVISOR}{{{CADVISOR_TASK}!=""}}'


def query_urls(server: str, max_age: float) -> tuple[str, ...]:
    """The URLs of the HTTP API (``/api/v1/query``) for all memory samples of the last ``max_age`` seconds."""
    ranges = dict.fromkeys(_SELECTORS, max_age) | {_CADVISOR_SELECTOR: cadvisor_max_age(max_age)}
    queries = [f"{selector}[{max(1, round(seconds))}s]" for selector, seconds in ranges.items()]
    return tuple(f"{server.rstrip('/')}/api/v1/query?{urlencode({'query': query})}" for query in queries)


# A server returns all tasks of the swarm at once; with cAdvisor's labels, each takes up to 1 KB.
MAX_BYTES = 64 * 1024 * 1024
MAX_SERIES = 50_000
# A series has the samples of the last minutes; there is little data between series.
_MAX_SERIES_BYTES = 1024 * 1024
_MAX_AROUND_BYTES = 64 * 1024
# A quote inside a string is escaped, so this cannot be a part of a string.
_RESULT = re.compile(r'"result"\s*:\s*\[')
_SPACE = re.compile(r"[\s,]*")
_INVALID = "a reply that is not from Prometheus"


class ReplyReader:
    """Reads the reply of a server in chunks, and keeps the newest sample of each series.

    Only series of nodes and ``tasks`` are kept. It never holds more than one series in memory.
    """

    def __init__(self, tasks: Collection[str], _content_type: str = "") -> None:
        self._kept = SampleCollector(tasks, tasks, (INSTANCE, *NODE_LABELS))
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._before: str | None = None  # the reply before the first series, once it is complete
        self._is_behind = False
        self._number = 0
        self._least = 0

    def feed(self, chunk: bytes) -> None:
        """Read the next chunk. Raises ValueError for an invalid reply."""
        try:
            self._text += self._decode.decode(chunk)
            self._read()
        except (UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise ValueError("something that is not JSON") from error

    def close(self) -> Samples:
        """The samples. Raises ValueError for an invalid or truncated reply."""
        if not self._is_behind:
            self._least = 0
            self.feed(b"")
        whole = f"{self._before}{self._text}" if self._is_behind else self._text
        try:
            reply = json.loads(whole)
        except (ValueError, RecursionError) as error:
            raise ValueError("something that is not JSON") from error
        if not self._is_behind or not isinstance(reply, dict) or reply.get("status") != "success":
            raise ValueError(_INVALID)
        return self._kept.result()

    def _read(self) -> None:
        if self._before is None:
            begin = _RESULT.search(self._text)
            if begin is not None:
                self._before, self._text = self._text[: begin.end()], self._text[begin.end() :]
        if self._before is not None and not self._is_behind:
            self._read_series()
        if (self._before is None or self._is_behind) and len(self._text) > _MAX_AROUND_BYTES:
            raise ValueError(_INVALID)

    def _read_series(self) -> None:
        # retry an incomplete series only after its size has doubled
        if len(self._text) < self._least:
            return
        position = 0
        while True:
            position = _end(_SPACE, self._text, position)
            if self._text.startswith("]", position):
                self._is_behind = True
                break
            try:
                series, position = self._scan(self._text, position)
            except ValueError:
                break
            self._number += 1
            if self._number > MAX_SERIES:
                raise ValueError(f"more than {MAX_SERIES} series")
            self._kept.add(_newest(series))
        self._text = self._text[position:]
        self._least = 2 * len(self._text)
        if not self._is_behind and len(self._text) > _MAX_SERIES_BYTES:
            raise ValueError(_INVALID)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _newest(series: Any) -> Sample:
    try:
        labels = {str(name): str(value) for name, value in series["metric"].items()}
        timestamp, value = series["values"][-1]
        return Sample(labels.pop("__name__"), labels, float(value), float(timestamp))
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise ValueError(_INVALID) from error

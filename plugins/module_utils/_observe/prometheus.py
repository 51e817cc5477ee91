# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a Prometheus server for the samples that the endpoints themselves would give."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from .exposition import Sample
from .samples import CADVISOR, CADVISOR_TASK, NODE_AVAILABLE, NODE_TOTAL, Kept, Samples, cadvisor_max_age

# The label that names the target of a scrape, and those that may name its node.
INSTANCE = "instance"
NODE_LABELS = ("node_id", "node", "nodename", "hostname", "host")

# The range makes it hand out the samples as they were scraped, with their own times, and none that is too
# old; a plain instant query answers with values of up to five minutes ago as if they were of now.
_SELECTORS = (
    f'{{__name__=~"{NODE_TOTAL}|{NODE_AVAILABLE}"}}',
    '{__name__=~"orcastra_container_memory_.*"}',
)
_CADVISOR_SELECTOR = f'{CADVISOR}{{{CADVISOR_TASK}!=""}}'


def query_urls(server: str, max_age: float) -> tuple[str, ...]:
    """The URLs of the HTTP API that give all samples about memory of the last ``max_age`` seconds."""
    ranges = dict.fromkeys(_SELECTORS, max_age) | {_CADVISOR_SELECTOR: cadvisor_max_age(max_age)}
    queries = [f"{selector}[{max(1, round(seconds))}s]" for selector, seconds in ranges.items()]
    return tuple(f"{server.rstrip('/')}/api/v1/query?{urlencode({'query': query})}" for query in queries)


# A server tells of all tasks of the swarm at once; with cAdvisor's labels that is up to 1 KB for each.
MAX_BYTES = 64 * 1024 * 1024
MAX_SERIES = 50_000
# One series has the samples of the last minutes; between the series there is next to nothing.
_MAX_SERIES_BYTES = 1024 * 1024
_MAX_AROUND_BYTES = 64 * 1024
# A quote in a text has a backslash in front of it, so this can't be part of one.
_RESULT = re.compile(r'"result"\s*:\s*\[')
_SPACE = re.compile(r"[\s,]*")
_ANOTHER = "another reply than Prometheus gives"


class ReplyReader:
    """Reads the reply of a server in pieces: the newest sample of each series about nodes and ``tasks``.

    No more of it is held than one series.
    """

    def __init__(self, tasks: Collection[str], _content_type: str = "") -> None:
        self._kept = Kept(tasks, tasks, (INSTANCE, *NODE_LABELS))
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._before: str | None = None  # what came before the series, once they begin
        self._is_behind = False
        self._number = 0
        self._least = 0

    def feed(self, chunk: bytes) -> None:
        """Take in the next piece. Raises ValueError for another reply."""
        try:
            self._text += self._decode.decode(chunk)
            self._read()
        except (UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise ValueError("something that is not JSON") from error

    def close(self) -> Samples:
        """The samples. Raises ValueError for another reply, or one that isn't complete."""
        if not self._is_behind:
            self._least = 0
            self.feed(b"")
        whole = f"{self._before}{self._text}" if self._is_behind else self._text
        try:
            reply = json.loads(whole)
        except (ValueError, RecursionError) as error:
            raise ValueError("something that is not JSON") from error
        if not self._is_behind or not isinstance(reply, dict) or reply.get("status") != "success":
            raise ValueError(_ANOTHER)
        return self._kept.result()

    def _read(self) -> None:
        if self._before is None:
            begin = _RESULT.search(self._text)
            if begin is not None:
                self._before, self._text = self._text[: begin.end()], self._text[begin.end() :]
        if self._before is not None and not self._is_behind:
            self._read_series()
        if (self._before is None or self._is_behind) and len(self._text) > _MAX_AROUND_BYTES:
            raise ValueError(_ANOTHER)

    def _read_series(self) -> None:
        # what wasn't complete isn't tried again before there is twice as much of it
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
            raise ValueError(_ANOTHER)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()


def _newest(series: Any) -> Sample:
    try:
        labels = {str(name): str(value) for name, value in series["metric"].items()}
        timestamp, value = series["values"][-1]
        return Sample(labels.pop("__name__"), labels, float(value), float(timestamp))
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise ValueError(_ANOTHER) from error

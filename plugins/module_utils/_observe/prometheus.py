# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a Prometheus server for the samples that the endpoints themselves would give."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    CADVISOR,
    CADVISOR_TASK,
    NODE_AVAILABLE,
    NODE_TOTAL,
    Sample,
    cadvisor_max_age,
)

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


def parse_reply(body: bytes) -> tuple[Sample, ...]:
    """The newest sample of each series. Raises ValueError for another reply."""
    try:
        reply = json.loads(body)
    except ValueError as error:
        raise ValueError("something that is not JSON") from error
    if not isinstance(reply, dict) or reply.get("status") != "success":
        raise ValueError("another reply than Prometheus gives")
    try:
        return tuple(_newest(series) for series in reply["data"]["result"])
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError("another reply than Prometheus gives") from error


def _newest(series: Any) -> Sample:
    labels = {str(name): str(value) for name, value in series["metric"].items()}
    timestamp, value = series["values"][-1]
    return Sample(labels.pop("__name__"), labels, float(value), float(timestamp))

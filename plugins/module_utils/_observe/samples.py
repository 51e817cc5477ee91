# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What endpoints say about memory: samples in Prometheus' text format, and what they mean.

Known are the node exporter's own metrics, those of our role ``memory_metrics`` that it hands on from its
textfile collector, and cAdvisor's. All sizes are bytes, all times are seconds since the epoch.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import math
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import field

from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass

try:
    import prometheus_client.parser
except ImportError:
    PROMETHEUS_CLIENT_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    PROMETHEUS_CLIENT_IMPORT_ERROR = None

NODE_TOTAL = "node_memory_MemTotal_bytes"
NODE_AVAILABLE = "node_memory_MemAvailable_bytes"
NODE_CLOCK = "node_time_seconds"
NODE_NAME = "node_uname_info"
CONTAINER = "orcastra_container_memory_bytes"
CONTAINER_TIME = "orcastra_container_memory_timestamp_seconds"
CONTAINER_INTERVAL = "orcastra_container_memory_interval_seconds"
CADVISOR = "container_memory_working_set_bytes"
CADVISOR_TASK = "container_label_com_docker_swarm_task_id"
CADVISOR_SERVICE = "container_label_com_docker_swarm_service_id"

# cAdvisor looks only so rarely at a container that hardly changes: --max_housekeeping_interval
CADVISOR_SECONDS = 60.0
# so much of what is wrong with a page is told
_MAX_REASON = 100

_PREFIXES = tuple(
    prefix.encode()
    for prefix in ("node_memory_Mem", NODE_CLOCK, NODE_NAME, "orcastra_container_memory_", CADVISOR)
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample. ``timestamp`` is None where it is of this very moment."""

    name: str
    labels: Mapping[str, str]
    value: float
    timestamp: float | None = None


@dataclass(frozen=True)
class Page:
    """What one endpoint says. ``tasks``: task ID → (service ID, bytes).

    ``clock`` is the host's own clock, where it was told. ``stale`` says in words which samples are too old.
    ``names``: the IDs of the nodes whose tasks the textfile is about, and the name that the host goes by.
    """

    total: int | None = None
    available: int | None = None
    clock: float | None = None
    tasks: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    stale: str | None = None
    names: frozenset[str] = frozenset()


def parse_text(body: bytes) -> tuple[Sample, ...]:
    """The samples about memory in a page. Raises ValueError where they are not in the format.

    Of the many other samples of such a page none is parsed: that costs most of the time.
    """
    *whole, rest = body.split(b"\n")
    if rest.startswith(_PREFIXES):
        # each line has an end; without it a number may have lost digits
        raise ValueError("a page whose last line is cut off")
    lines = [line for line in whole if line.startswith(_PREFIXES)]
    try:
        text = b"\n".join([*lines, b""]).decode()
        families = list(prometheus_client.parser.text_string_to_metric_families(text))
    except (ValueError, KeyError, IndexError) as error:
        reason = f"{error}"[:_MAX_REASON]
        raise ValueError(f"something that is not in Prometheus' text format: {reason}") from error
    return tuple(
        Sample(sample.name, sample.labels, float(sample.value), _seconds(sample.timestamp))
        for family in families
        for sample in family.samples
    )


def _seconds(timestamp: object) -> float | None:
    return None if timestamp is None else float(timestamp)  # type: ignore[arg-type]


def cadvisor_max_age(max_age: float) -> float:
    """How old samples of cAdvisor may be, in seconds, where others may be ``max_age`` seconds old."""
    return max(max_age, 2 * CADVISOR_SECONDS)


def read_page(samples: Iterable[Sample], received: float, max_age: float, age: float = 0.0) -> Page:
    """What the samples of one endpoint mean that came ``age`` seconds ago.

    ``received`` is the time of that on the clock that explicit timestamps are of, as far as it is known; the
    host's own clock, where the page tells it, is taken for what the textfile says. ``max_age`` is in seconds;
    a textfile that is written more rarely than that allows may be as old as two of its own intervals, and so
    may be what cAdvisor says.
    """
    latest: dict[str, float] = {}
    containers: list[Sample] = []
    cadvisor: list[Sample] = []
    names: set[str] = set()
    limits = {CADVISOR: cadvisor_max_age(max_age)}
    old = ahead = 0.0
    now = received + age
    for sample in samples:
        if not math.isfinite(sample.value):
            continue
        limit = limits.get(sample.name, max_age)
        if sample.timestamp is not None and abs(now - sample.timestamp) > limit:
            # of a clock that is far ahead it cannot be said how old its samples are
            old, ahead = (limit, ahead) if sample.timestamp < now else (old, limit)
        elif sample.name == NODE_NAME:
            names.add(sample.labels.get("nodename", ""))
        elif sample.name == CONTAINER:
            containers.append(sample)
            names.add(sample.labels.get("node_id", ""))
        elif sample.name == CADVISOR:
            cadvisor.append(sample)
        else:
            latest[sample.name] = sample.value
    # without numbers that change each time: what is said again is news to nobody
    stale = [f"samples are older than {old:g} s"] if old else []
    stale += [f"samples are of more than {ahead:g} s from now: a clock is wrong"] if ahead else []
    tasks = {}
    clock = latest.get(NODE_CLOCK)
    if containers:
        written = (now if clock is None else clock + age) - latest.get(CONTAINER_TIME, -math.inf)
        limit = max(max_age, 2 * latest.get(CONTAINER_INTERVAL, 0))
        if abs(written) <= limit:
            tasks = _tasks(containers, "task_id", "service_id")
        elif math.isinf(written):
            stale.append("the memory of its tasks has no time")
        else:
            stale.append(f"the memory of its tasks is older than {limit:g} s")
    tasks = {**_tasks(cadvisor, CADVISOR_TASK, CADVISOR_SERVICE), **tasks}
    return Page(
        _size(latest, NODE_TOTAL),
        _size(latest, NODE_AVAILABLE),
        clock,
        tasks,
        "; ".join(stale) or None,
        frozenset(names - {""}),
    )


def _tasks(samples: Iterable[Sample], task_label: str, service_label: str) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for sample in samples:
        task_id = sample.labels.get(task_label)
        if task_id and sample.value >= 0:
            found[task_id] = (sample.labels.get(service_label, ""), int(sample.value))
    return found


def _size(values: Mapping[str, float], name: str) -> int | None:
    value = values.get(name)
    return int(value) if value is not None and value >= 0 else None

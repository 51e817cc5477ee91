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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field

from .._model.compat import dataclass
from .exposition import Sample, SampleParser

NODE_TOTAL = "node_memory_MemTotal_bytes"
NODE_AVAILABLE = "node_memory_MemAvailable_bytes"
NODE_CLOCK = "node_time_seconds"
NODE_NAME = "node_uname_info"
CONTAINER = "orcastra_container_memory_bytes"
CONTAINER_TIME = "orcastra_container_memory_timestamp_seconds"
CONTAINER_INTERVAL = "orcastra_container_memory_interval_seconds"
CADVISOR = "container_memory_working_set_bytes"
CADVISOR_TASK = "container_label_com_docker_swarm_task_id"

# cAdvisor looks only so rarely at a container that hardly changes: --max_housekeeping_interval
CADVISOR_SECONDS = 60.0
# No host has more, and what is calculated with it stays a number that everything can show.
MAX_SIZE_BYTES = 2**53
# However rarely it says that it is written, a textfile counts for two of these.
_MAX_INTERVAL_SECONDS = 3600.0

NAMES = (
    NODE_TOTAL,
    NODE_AVAILABLE,
    NODE_CLOCK,
    NODE_NAME,
    CONTAINER,
    CONTAINER_TIME,
    CONTAINER_INTERVAL,
    CADVISOR,
)
# The label that names the task, by the metric.
_TASK_LABELS = {CONTAINER: "task_id", CADVISOR: CADVISOR_TASK}
# By the metric, the label that names the node it is about.
_NODE_LABELS = {CONTAINER: "node_id", NODE_NAME: "nodename"}
# IDs, host names and addresses are shorter; a page doesn't name more nodes than this.
_MAX_LABEL_LENGTH = 256
_MAX_NAMES = 16


@dataclass(frozen=True, slots=True)
class Samples:
    """What an endpoint tells of memory.

    ``foreign`` counts the samples of tasks on other nodes, ``too_long`` the lines that were too long to
    be read. ``names``: the IDs of the nodes whose tasks it tells of, and the name that the host goes by.
    """

    samples: tuple[Sample, ...] = ()
    foreign: int = 0
    too_long: int = 0
    names: frozenset[str] = frozenset()


class Kept:
    """Collects samples: those of ``tasks`` alone, and the last of each series, with the labels that matter.

    ``all_tasks`` are those of the whole swarm. ``series``: the labels that tell series apart, besides the one
    that names the task. What is kept is bounded by what runs in the swarm, whatever the endpoint says.
    """

    def __init__(
        self, tasks: Collection[str], all_tasks: Collection[str], series: Collection[str] = ()
    ) -> None:
        self._tasks = tasks
        self._all_tasks = all_tasks
        self._series = tuple(series)
        self._samples: dict[tuple[str, ...], Sample] = {}
        self._foreign = 0
        self._names: set[str] = set()

    def add(self, sample: Sample) -> None:
        name = _label(sample, _NODE_LABELS.get(sample.name))
        if name and len(self._names) < _MAX_NAMES:
            self._names.add(name)
        task_label = _TASK_LABELS.get(sample.name)
        task_id = task_of(sample)
        if task_label is not None and task_id not in self._tasks:
            # without a task, it is a control group of something else; other tasks are over
            self._foreign += task_id in self._all_tasks
            return
        labels = {label: value for label in self._series if (value := _label(sample, label))}
        key = (sample.name, task_id, *labels.values())
        if task_label is not None:
            labels[task_label] = task_id
        self._samples[key] = Sample(sample.name, labels, sample.value, sample.timestamp)

    def result(self, too_long: int = 0) -> Samples:
        return Samples(tuple(self._samples.values()), self._foreign, too_long, frozenset(self._names))


def task_of(sample: Sample) -> str:
    """The ID of the task that a sample is about; nothing if it is about something else."""
    return _label(sample, _TASK_LABELS.get(sample.name))


def _label(sample: Sample, name: str | None) -> str:
    value = "" if name is None else sample.labels.get(name, "")
    return value if len(value) <= _MAX_LABEL_LENGTH else ""


class TextReader:
    """Reads a page of samples in pieces, of an endpoint that speaks for ``tasks``, some of ``all_tasks``."""

    def __init__(self, tasks: Collection[str], all_tasks: Collection[str], content_type: str = "") -> None:
        self._parser = SampleParser(NAMES, content_type)
        self._kept = Kept(tasks, all_tasks)

    def feed(self, chunk: bytes) -> None:
        """Take in the next piece. Raises ValueError if it isn't in the format."""
        for sample in self._parser.feed(chunk):
            self._kept.add(sample)

    def close(self) -> Samples:
        """The samples about memory. Raises ValueError if the page is cut off."""
        self._parser.close()
        return self._kept.result(self._parser.too_long)


@dataclass(frozen=True)
class Page:
    """What one endpoint says. ``tasks``: task ID → bytes.

    ``clock`` is the host's own clock, if the page has it. ``stale`` says which samples are too old.
    """

    total: int | None = None
    available: int | None = None
    clock: float | None = None
    tasks: Mapping[str, int] = field(default_factory=dict)
    stale: str | None = None


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
        elif sample.name == CONTAINER:
            containers.append(sample)
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
        limit = max(max_age, 2 * min(latest.get(CONTAINER_INTERVAL, 0), _MAX_INTERVAL_SECONDS))
        if abs(written) <= limit:
            tasks = _tasks(containers)
        elif math.isinf(written):
            stale.append("the memory of its tasks has no time")
        else:
            stale.append(f"the memory of its tasks is older than {limit:g} s")
    tasks = {**_tasks(cadvisor), **tasks}
    total, available = _size(latest.get(NODE_TOTAL)), _size(latest.get(NODE_AVAILABLE))
    return Page(total, available, clock, tasks, "; ".join(stale) or None)


def _tasks(samples: Iterable[Sample]) -> dict[str, int]:
    found = {task_of(sample): _size(sample.value) for sample in samples}
    return {task_id: size for task_id, size in found.items() if task_id and size is not None}


def _size(value: float | None) -> int | None:
    return int(value) if value is not None and 0 <= value <= MAX_SIZE_BYTES else None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interpret memory samples in Prometheus' text format.

Supports the metrics of the node exporter, those that the role ``memory_metrics`` writes for its textfile
collector, and those of cAdvisor. All sizes are in bytes, all times in seconds since the epoch.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field

from .._model.compat import dataclass
from .._model.mount import ObservedVolume
from .._model.reasons import Reason
from .exposition import Sample, SampleParser

NODE_TOTAL = "node_memory_MemTotal_bytes"
NODE_AVAILABLE = "node_memory_MemAvailable_bytes"
NODE_CLOCK = "node_time_seconds"
NODE_NAME = "node_uname_info"
CONTAINER = "orcastra_container_memory_bytes"
CONTAINER_TIME = "orcastra_container_memory_timestamp_seconds"
CONTAINER_INTERVAL = "orcastra_container_memory_interval_seconds"
VOLUME = "orcastra_volume_info"
NODE_ARC = "node_zfs_arc_size"
NODE_ARC_MIN = "node_zfs_arc_c_min"
CADVISOR = "container_memory_working_set_bytes"
CADVISOR_TASK = "container_label_com_docker_swarm_task_id"

# the longest interval of cAdvisor for a container that hardly changes: --max_housekeeping_interval
CADVISOR_SECONDS = 60.0
# No host has more memory, and results stay exact in floating point.
MAX_SIZE_BYTES = 2**53
# The longest interval that a textfile may declare; its samples are valid for two intervals.
_MAX_INTERVAL_SECONDS = 3600.0

NAMES = (
    NODE_TOTAL,
    NODE_AVAILABLE,
    NODE_CLOCK,
    NODE_NAME,
    CONTAINER,
    CONTAINER_TIME,
    CONTAINER_INTERVAL,
    VOLUME,
    NODE_ARC,
    NODE_ARC_MIN,
    CADVISOR,
)
# metric → the label with the task ID
_TASK_LABELS = {CONTAINER: "task_id", CADVISOR: CADVISOR_TASK}
# metric → the label with the node ID or name
_NODE_LABELS = {CONTAINER: "node_id", VOLUME: "node_id", NODE_NAME: "nodename"}
# IDs, host names and addresses are shorter, and a page is about fewer nodes.
_MAX_LABEL_LENGTH = 256
_MAX_NAMES = 16
# metric → its labels that are kept; the publisher lists as many volumes of a node
_KEPT_LABELS = {VOLUME: ("node_id", "volume", "driver", "type", "device", "o", "options")}
_MAX_VOLUMES = 500
_MAX_NODES = 1000


@dataclass(frozen=True, slots=True)
class Samples:
    """The memory samples of an endpoint.

    ``foreign`` is the number of samples of tasks on other nodes; ``too_long`` is the number of lines that
    were too long. ``names`` are the IDs of the nodes of its tasks, and the host name that it reports.
    """

    samples: tuple[Sample, ...] = ()
    foreign: int = 0
    too_long: int = 0
    names: frozenset[str] = frozenset()


class SampleCollector:
    """Collects the last sample of each series of ``tasks`` and of the node, with the relevant labels only.

    ``all_tasks`` are the tasks of the whole swarm. ``series`` are the labels that distinguish series, besides
    the task ID. The number of tasks limits the memory used, whatever the endpoint sends.
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
        self._volumes: dict[str, int] = {}

    def add(self, sample: Sample) -> None:
        name = _label(sample, _NODE_LABELS.get(sample.name))
        if name and len(self._names) < _MAX_NAMES:
            self._names.add(name)
        task_label = _TASK_LABELS.get(sample.name)
        task_id = task_of(sample)
        if task_label is not None and task_id not in self._tasks:
            # without a task ID, it is another control group; unknown tasks have ended
            self._foreign += task_id in self._all_tasks
            return
        kept = (*self._series, *_KEPT_LABELS.get(sample.name, ()))
        labels = {label: value for label in kept if (value := _label(sample, label))}
        key = (sample.name, task_id, *labels.values())
        if task_label is not None:
            labels[task_label] = task_id
        if sample.name == VOLUME and key not in self._samples:
            node_id = labels.get("node_id", "")
            self._volumes[node_id] = self._volumes.get(node_id, 0) + 1
            if self._volumes[node_id] > _MAX_VOLUMES or len(self._volumes) > _MAX_NODES:
                return
        self._samples[key] = Sample(sample.name, labels, sample.value, sample.timestamp)

    def result(self, too_long: int = 0) -> Samples:
        return Samples(tuple(self._samples.values()), self._foreign, too_long, frozenset(self._names))


def task_of(sample: Sample) -> str:
    """The ID of the task that a sample is about, or "" if it is about something else."""
    return _label(sample, _TASK_LABELS.get(sample.name))


def _label(sample: Sample, name: str | None) -> str:
    value = "" if name is None else sample.labels.get(name, "")
    return value if len(value) <= _MAX_LABEL_LENGTH else ""


class TextReader:
    """Reads the page of an endpoint in chunks. It provides samples of ``tasks``, some of ``all_tasks``."""

    def __init__(self, tasks: Collection[str], all_tasks: Collection[str], content_type: str = "") -> None:
        self._parser = SampleParser(NAMES, content_type)
        self._kept = SampleCollector(tasks, all_tasks)

    def feed(self, chunk: bytes) -> None:
        """Read the next chunk. Raises ValueError if the format is invalid."""
        for sample in self._parser.feed(chunk):
            self._kept.add(sample)

    def close(self) -> Samples:
        """The memory samples. Raises ValueError if the page is truncated."""
        self._parser.close()
        return self._kept.result(self._parser.too_long)


@dataclass(frozen=True)
class Page:
    """The memory that one endpoint reports. ``tasks``: task ID → bytes.

    ``clock`` is the time of the host's own clock, if the page has it. ``stale`` is why samples are not used.
    ``volumes``: node ID → volume → what the page says about it.
    """

    total: int | None = None
    available: int | None = None
    clock: float | None = None
    tasks: Mapping[str, int] = field(default_factory=dict)
    stale: tuple[Reason, ...] = ()
    volumes: Mapping[str, Mapping[str, ObservedVolume]] = field(default_factory=dict)


def cadvisor_max_age(max_age: float) -> float:
    """The maximum age of cAdvisor's samples in seconds, if that of all others is ``max_age`` seconds."""
    return max(max_age, 2 * CADVISOR_SECONDS)


def read_page(samples: Iterable[Sample], received: float, max_age: float, age: float = 0.0) -> Page:
    """Interpret the samples of one endpoint, which were received ``age`` seconds ago.

    ``received`` is the time of receipt on the clock of the explicit timestamps, if it is known. Timestamps in
    the textfile are compared with the host's own clock, if the page has it. Samples may be ``max_age``
    seconds old; those of a textfile may be as old as two of its intervals, and those of cAdvisor as two of
    its intervals.
    """
    latest: dict[str, float] = {}
    containers: list[Sample] = []
    cadvisor: list[Sample] = []
    volumes: list[Sample] = []
    limits = {CADVISOR: cadvisor_max_age(max_age)}
    old = ahead = 0.0
    now = received + age
    for sample in samples:
        if not math.isfinite(sample.value):
            continue
        limit = limits.get(sample.name, max_age)
        if sample.timestamp is not None and abs(now - sample.timestamp) > limit:
            # if a clock is far ahead, the age of its samples is unknown
            old, ahead = (limit, ahead) if sample.timestamp < now else (old, limit)
        elif sample.name == CONTAINER:
            containers.append(sample)
        elif sample.name == CADVISOR:
            cadvisor.append(sample)
        elif sample.name == VOLUME:
            volumes.append(sample)
        else:
            latest[sample.name] = sample.value
    # without the actual ages, so that repeated messages are identical
    stale = [Reason("samples_outdated", limit=old)] if old else []
    stale += [Reason("samples_in_future", limit=ahead)] if ahead else []
    tasks = {}
    found: dict[str, dict[str, ObservedVolume]] = {}
    clock = latest.get(NODE_CLOCK)
    if containers or volumes:
        written = (now if clock is None else clock + age) - latest.get(CONTAINER_TIME, -math.inf)
        limit = max(max_age, 2 * min(latest.get(CONTAINER_INTERVAL, 0), _MAX_INTERVAL_SECONDS))
        if abs(written) <= limit:
            tasks, found = _tasks(containers), _volumes(volumes)
        elif math.isinf(written):
            stale.append(Reason("task_memory_undated"))
        else:
            stale.append(Reason("task_memory_outdated", limit=limit))
    tasks = {**_tasks(cadvisor), **tasks}
    total, available = _size(latest.get(NODE_TOTAL)), _size(latest.get(NODE_AVAILABLE))
    if available is not None and total is not None:
        available = min(total, available + _reclaimable_cache(latest))
    return Page(total, available, clock, tasks, tuple(stale), found)


def _reclaimable_cache(latest: Mapping[str, float]) -> int:
    """The memory that ZFS returns if others need it: its cache (ARC) above its minimum size.

    The kernel does not count it in ``MemAvailable``. Source: openzfs.github.io, ``zfs_arc_min``.
    """
    size, least = _size(latest.get(NODE_ARC)), _size(latest.get(NODE_ARC_MIN))
    # without the minimum, it is unknown how much of the cache stays
    return 0 if size is None or least is None else max(0, size - least)


def _volumes(samples: Iterable[Sample]) -> dict[str, dict[str, ObservedVolume]]:
    found: dict[str, dict[str, ObservedVolume]] = {}
    doubtful: set[tuple[str, str]] = set()
    for sample in samples:
        labels = sample.labels
        node_id, name, driver = (labels.get(label, "") for label in ("node_id", "volume", "driver"))
        if sample.value != 1 or not (node_id and name and driver):
            continue
        options = {key: labels[key] for key in ("type", "device", "o") if key in labels}
        volume = ObservedVolume(driver, options, labels.get("options", ""))
        if found.setdefault(node_id, {}).setdefault(name, volume) != volume:
            doubtful.add((node_id, name))
    for node_id, name in doubtful:
        del found[node_id][name]
    return found


def _tasks(samples: Iterable[Sample]) -> dict[str, int]:
    found = {task_of(sample): _size(sample.value) for sample in samples}
    return {task_id: size for task_id, size in found.items() if task_id and size is not None}


def _size(value: float | None) -> int | None:
    return int(value) if value is not None and 0 <= value <= MAX_SIZE_BYTES else None

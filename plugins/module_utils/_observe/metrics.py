# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the memory of the swarm: query all endpoints, and combine their answers."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from .._model.memory import Memory, NodeMemory
from .._model.mount import ObservedVolume
from .._model.reasons import Reason
from .._model.rules import MetricSources
from .._model.snapshot import Node, SwarmSnapshot
from .attribution import attribute_samples
from .endpoints import Endpoints, find_endpoints, unknown_names
from .exposition import MAX_LINE_BYTES
from .prometheus import MAX_BYTES, ReplyReader, query_urls
from .samples import Page, Samples, TextReader, read_page
from .scrape import Answer, Question, ask_all
from .strain import StrainMeter


@dataclass
class _Findings:
    """The results so far. The first value of a node or task is kept. ``now``: seconds since the epoch."""

    strain: StrainMeter
    now: float
    nodes: dict[str, NodeMemory] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    problems: list[Reason] = field(default_factory=list)
    volumes: dict[str, Mapping[str, ObservedVolume]] = field(default_factory=dict)

    def add_tasks(self, tasks: Mapping[str, int]) -> None:
        for task_id, size in tasks.items():
            self.tasks.setdefault(task_id, size)

    def add_volumes(self, node: Node, page: Page) -> None:
        """Add the volumes of the node. What the page says about other nodes is ignored."""
        if node.id in page.volumes:
            self.volumes.setdefault(node.id, page.volumes[node.id])

    def add_node(self, node: Node, host: str, page: Page) -> bool:
        """Add the memory of the node's host. Returns False if the page does not have it."""
        if not page.total or page.available is None:
            return False
        available = min(page.available, page.total)
        if node.id not in self.nodes:
            is_strained = self.strain.is_strained(node.id, page, self.now)
            self.nodes[node.id] = NodeMemory(host, page.total, available, is_strained=is_strained)
            if is_strained:
                self.problems.append(Reason("node_waits_for_memory", node=node.hostname))
        return True


class Meter:
    """Measures repeatedly. For an endpoint that fails, uses its last answer until it is too old.

    Not safe for concurrent calls of ``measure``.
    """

    def __init__(self) -> None:
        self._last: dict[str, Answer] = {}
        self._strain = StrainMeter()

    def measure(self, snapshot: SwarmSnapshot, sources: MetricSources) -> Memory:
        """Measure once; see the function ``measure``."""
        return _measure(snapshot, sources, self._with_last, self._strain)

    def _with_last(self, answers: Mapping[str, Answer], sources: MetricSources) -> dict[str, Answer]:
        now = time.time()
        found = {}
        for url, answer in answers.items():
            last = self._last.get(url)
            if answer.problem is not None and last is not None:
                age = now - last.received
                if 0 <= age <= sources.max_age_seconds:
                    found[url] = replace(last, problem=answer.problem, age=age)
                    continue
            found[url] = answer
        # drop the answers of endpoints that are no longer used
        self._last = {
            url: answer if answer.problem is None else self._last[url]
            for url, answer in answers.items()
            if answer.problem is None or url in self._last
        }
        return found


def measure(snapshot: SwarmSnapshot, sources: MetricSources) -> Memory:
    """Measure once, within ``sources.timeout_seconds``. Raises OrcastraError if ``ca_path`` is invalid."""
    return _measure(snapshot, sources, lambda answers, _sources: answers, StrainMeter())


def _measure(
    snapshot: SwarmSnapshot,
    sources: MetricSources,
    complete: Callable[[Mapping[str, Answer], MetricSources], Mapping[str, Answer]],
    strain: StrainMeter,
) -> Memory:
    """``complete`` receives the answers, and returns those to use. ``strain`` knows earlier pages, if any."""
    endpoints = find_endpoints(snapshot, sources)
    owners = _Owners(snapshot, endpoints)
    server: Mapping[str, Mapping[str, str]] = {}
    if sources.prometheus_url:
        login = sources.headers.get(sources.prometheus_url, {})
        server = dict.fromkeys(query_urls(sources.prometheus_url, sources.max_age_seconds), login)
    pages = {url: entry.headers.get(url, {}) for entry in reversed(endpoints) for url in entry.tasks}
    asked = ask_all(
        [
            *(
                Question(url, partial(TextReader, owners.tasks_at(url), owners.all_tasks), headers=headers)
                for url, headers in pages.items()
            ),
            *(
                Question(url, partial(ReplyReader, owners.all_tasks), MAX_BYTES, headers)
                for url, headers in server.items()
            ),
        ],
        timeout_seconds=sources.timeout_seconds,
        ca_path=sources.ca_path,
        validate_certs=sources.validate_certs,
        use_proxy=sources.use_proxy,
    )
    answers = complete(asked, sources)
    unknown = unknown_names(snapshot, sources)
    found = _Findings(
        strain, time.time(), problems=[Reason("metrics_name_unknown", key=key) for key in unknown]
    )
    for entry in endpoints:
        _add_direct(found, entry, owners, answers, sources)
    if sources.prometheus_url:
        _add_server(found, endpoints, owners, [answers[url] for url in server], sources)
    else:
        found.problems += [
            Reason(
                "exporter_not_configured",
                node=entry.node.hostname,
                host=entry.host if entry.is_mapped else None,
            )
            for entry in endpoints
            if entry.memory is None
        ]
    return _memory(snapshot, found, sources)


class _Owners:
    """The nodes and tasks for which each endpoint may provide samples."""

    def __init__(self, snapshot: SwarmSnapshot, endpoints: Iterable[Endpoints]) -> None:
        self._hostname_of = {node.id: node.hostname for node in snapshot.nodes}
        self._hostnames = {node.hostname for node in snapshot.nodes}
        self.node_of = {task.id: task.node_id for task in snapshot.tasks if task.node_id}
        self.all_tasks = frozenset(self.node_of)
        self._tasks_on: dict[str, set[str]] = {}
        for task_id, node_id in self.node_of.items():
            self._tasks_on.setdefault(node_id, set()).add(task_id)
        # nodes with the same exporter are on one host, which may have the name of any of them
        self._meant: dict[str, set[str]] = {}
        self._nodes_at: dict[str, set[str]] = {}
        for entry in endpoints:
            if entry.memory is not None:
                self._meant.setdefault(entry.memory, set()).add(entry.node.hostname)
            for url in entry.tasks:
                self._nodes_at.setdefault(url, set()).add(entry.node.id)

    def tasks_at(self, url: str) -> frozenset[str]:
        """The tasks on the nodes whose endpoint is ``url``."""
        return frozenset().union(*(self._tasks_on.get(node_id, ()) for node_id in self._nodes_at[url]))

    def other(self, entry: Endpoints, samples: Samples) -> str | None:
        """The host name of the node that a page is about, if it is not the expected one."""
        if entry.is_mapped or entry.memory is None:
            return None
        names = {self._hostname_of.get(name, name) for name in samples.names} & self._hostnames
        return min(names) if names and not names & self._meant[entry.memory] else None


def _add_direct(
    found: _Findings,
    entry: Endpoints,
    owners: _Owners,
    answers: Mapping[str, Answer],
    sources: MetricSources,
) -> None:
    offset = 0.0
    for url in entry.tasks:
        answer = answers[url]
        where = {"node": entry.node.hostname, "url": _shown(url)}
        if answer.problem is not None and answer.value is not None:
            reason = Reason("endpoint_failed_using_last_answer", **where, problem=answer.problem)
            found.problems.append(reason)
        elif answer.problem is not None:
            found.problems.append(Reason("endpoint_failed", **where, problem=answer.problem))
        if answer.value is None:
            continue
        answered: Samples = answer.value
        page = read_page(answered.samples, answer.received + offset, sources.max_age_seconds, answer.age)
        if page.clock is not None:
            # all endpoints of a host have the same clock
            offset = page.clock - answer.received
        if url == entry.memory:
            other = owners.other(entry, answered)
            if other is not None:
                found.problems.append(Reason("exporter_of_other_node", **where, other=other))
            elif not found.add_node(entry.node, entry.host, page):
                found.problems.append(Reason("exporter_without_memory", **where))
        found.add_tasks(page.tasks)
        found.add_volumes(entry.node, page)
        if page.stale:
            found.problems.append(Reason("endpoint_samples_unusable", **where, reasons=page.stale))
        if answered.foreign:
            found.problems.append(Reason("endpoint_tasks_foreign", **where))
        if answered.too_long:
            found.problems.append(Reason("endpoint_lines_too_long", **where, limit=MAX_LINE_BYTES))


def _add_server(
    found: _Findings,
    endpoints: Iterable[Endpoints],
    owners: _Owners,
    answers: Iterable[Answer],
    sources: MetricSources,
) -> None:
    """Add the memory that a Prometheus server reports."""
    server = _shown(sources.prometheus_url or "")
    problems = dict.fromkeys(answer.problem for answer in answers if answer.problem is not None)
    found.problems += [Reason("server_failed", server=server, problem=problem) for problem in problems]
    memory = attribute_samples(server, endpoints, owners.node_of, answers, sources.max_age_seconds)
    found.add_tasks(memory.tasks)
    found.problems += memory.problems
    for entry in endpoints:
        if entry.node.id in memory.volumes:
            found.volumes.setdefault(entry.node.id, memory.volumes[entry.node.id])
        if entry.node.id in found.nodes:
            continue
        page = memory.nodes.get(entry.node.id)
        if page is None or not found.add_node(entry.node, entry.host, page):
            found.problems.append(Reason("server_without_node", node=entry.node.hostname, server=server))


def _shown(url: str) -> str:
    """The URL for messages, without its query, which may contain secrets."""
    path, mark, _query = url.partition("?")
    return f"{path}{mark}{'…' if mark else ''}"


def _memory(snapshot: SwarmSnapshot, found: _Findings, sources: MetricSources) -> Memory:
    tasks = {
        task.id: found.tasks[task.id] for task in snapshot.tasks if task.should_run and task.id in found.tasks
    }
    sizes: dict[str, list[int]] = {}
    for task in snapshot.tasks:
        if task.id in found.tasks:
            sizes.setdefault(task.service_id, []).append(found.tasks[task.id])
    services = {
        service.id: sum(sizes[service.id]) // len(sizes[service.id])
        for service in snapshot.services
        if service.id in sizes
    }
    if sources.is_optional and not (found.nodes or found.tasks or found.volumes):
        return Memory()
    problems = list(found.problems)
    if not found.tasks and any(task.is_running for task in snapshot.tasks):
        problems.append(Reason("task_memory_unknown"))
    return Memory(
        nodes=found.nodes, tasks=tasks, services=services, problems=tuple(problems), volumes=found.volumes
    )

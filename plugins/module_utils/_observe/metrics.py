# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the memory of the swarm: ask all endpoints, and put together what they say."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.endpoints import (
    Endpoints,
    find_endpoints,
    unknown_names,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.prometheus import (
    parse_reply,
    query_urls,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    PROMETHEUS_CLIENT_IMPORT_ERROR,
    Page,
    Sample,
    parse_text,
    read_page,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.scrape import (
    Answer,
    Question,
    ask_all,
)

# A server tells of all tasks of the swarm at once; with cAdvisor's labels that is up to 1 KB for each.
MAX_SERVER_BYTES = 64 * 1024 * 1024
# Labels of a server's series that may name the node, besides the address in `instance`.
_NODE_LABELS = ("node_id", "node", "nodename", "hostname", "host")


@dataclass
class _Findings:
    """What is known so far; what comes first counts."""

    nodes: dict[str, NodeMemory] = field(default_factory=dict)
    tasks: dict[str, tuple[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_tasks(self, tasks: Mapping[str, tuple[str, int]]) -> None:
        for task_id, entry in tasks.items():
            self.tasks.setdefault(task_id, entry)

    def add_node(self, node: Node, host: str, page: Page) -> bool:
        """Whether the page tells the memory of the node's host."""
        if not page.total or page.available is None:
            return False
        available = min(page.available, page.total)
        self.nodes.setdefault(node.id, NodeMemory(host, page.total, available))
        return True


class Meter:
    """Measures again and again. An endpoint that fails counts with its last answer, until that is too old.

    One ``measure`` at a time.
    """

    def __init__(self) -> None:
        self._last: dict[str, Answer] = {}

    def measure(self, picture: Picture, sources: MetricSources) -> Memory:
        """Measure once; see the function ``measure``."""
        return _measure(picture, sources, self._with_last)

    def _with_last(self, answers: Mapping[str, Answer], sources: MetricSources) -> dict[str, Answer]:
        now = time.time()
        found = {}
        for url, answer in answers.items():
            last = self._last.get(url)
            if answer.problem is not None and last is not None:
                age = now - last.received
                if 0 <= age <= sources.max_age_seconds:
                    text = f"{answer.problem}; its answer from before counts"
                    found[url] = replace(last, problem=text, age=age)
                    continue
            found[url] = answer
        # what nobody asks any more is forgotten
        self._last = {
            url: answer if answer.problem is None else self._last[url]
            for url, answer in answers.items()
            if answer.problem is None or url in self._last
        }
        return found


def measure(picture: Picture, sources: MetricSources) -> Memory:
    """Measure once. Takes ``sources.timeout_seconds`` at the most.

    Raises OrcastraError where nothing can be asked at all: a library is missing, or ``ca_path`` is wrong.
    """
    return _measure(picture, sources, lambda answers, _sources: answers)


def _measure(
    picture: Picture,
    sources: MetricSources,
    complete: Callable[[Mapping[str, Answer], MetricSources], Mapping[str, Answer]],
) -> Memory:
    """``complete`` gets what was answered, and returns what counts."""
    if PROMETHEUS_CLIENT_IMPORT_ERROR is not None:
        raise OrcastraError("the Python library prometheus_client is needed to read metrics")
    endpoints = find_endpoints(picture, sources)
    server = query_urls(sources.prometheus_url, sources.max_age_seconds) if sources.prometheus_url else ()
    pages = dict.fromkeys(url for entry in endpoints for url in entry.tasks)
    asked = ask_all(
        [
            *(Question(url, parse_text) for url in pages),
            *(Question(url, parse_reply, MAX_SERVER_BYTES) for url in server),
        ],
        timeout_seconds=sources.timeout_seconds,
        ca_path=sources.ca_path,
        validate_certs=sources.validate_certs,
        use_proxy=sources.use_proxy,
    )
    answers = complete(asked, sources)
    found = _Findings(problems=list(unknown_names(picture, sources)))
    owners = _Owners(picture, endpoints)
    for entry in endpoints:
        _add_direct(found, entry, owners, answers, sources)
    if sources.prometheus_url:
        _add_server(found, endpoints, [answers[url] for url in server], sources)
    else:
        found.problems += [
            f"node {entry.node.hostname}: no node exporter is named for {_whose(entry)}"
            for entry in endpoints
            if entry.memory is None
        ]
    return _memory(picture, found)


class _Owners:
    """Whose exporter it is that answers."""

    def __init__(self, picture: Picture, endpoints: Iterable[Endpoints]) -> None:
        self.hostname_of = {node.id: node.hostname for node in picture.nodes}
        self.hostnames = {node.hostname for node in picture.nodes}
        # nodes that name the same exporter are on one host, which may go by the name of any
        self.meant: dict[str, set[str]] = {}
        for entry in endpoints:
            if entry.memory is not None:
                self.meant.setdefault(entry.memory, set()).add(entry.node.hostname)

    def other(self, entry: Endpoints, page: Page) -> str | None:
        """The host name of the node that the page is about, if it is not the one that it was asked for."""
        if entry.is_mapped or entry.memory is None:
            return None
        names = {self.hostname_of.get(name, name) for name in page.names} & self.hostnames
        return min(names) if names and not names & self.meant[entry.memory] else None


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
        where = f"node {entry.node.hostname}: {url}"
        if answer.problem is not None:
            found.problems.append(f"{where}: {answer.problem}")
        if answer.value is None:
            continue
        page = read_page(answer.value, answer.received + offset, sources.max_age_seconds, answer.age)
        if page.clock is not None:
            # a clock that is wrong is wrong for all endpoints of the host
            offset = page.clock - answer.received
        if url == entry.memory:
            other = owners.other(entry, page)
            if other is not None:
                found.problems.append(f"{where}: expected the exporter of this node, found that of {other}")
            elif not found.add_node(entry.node, entry.host, page):
                text = "expected the metrics of a node exporter, found none of memory"
                found.problems.append(f"{where}: {text}")
        found.add_tasks(page.tasks)
        if page.stale is not None:
            found.problems.append(f"{where}: {page.stale}")


def _add_server(
    found: _Findings, endpoints: Iterable[Endpoints], answers: Iterable[Answer], sources: MetricSources
) -> None:
    """What a Prometheus server knows. Its samples carry times of one clock: its own."""
    problems = []
    age = 0.0
    by_instance: dict[str, list[Sample]] = {}
    for answer in answers:
        if answer.problem is not None:
            problems.append(answer.problem)
        age = max(age, answer.age)
        for sample in answer.value or ():
            by_instance.setdefault(sample.labels.get("instance", ""), []).append(sample)
    found.problems += [f"{sources.prometheus_url}: {problem}" for problem in dict.fromkeys(problems)]
    by_name: dict[str, Page] = {}
    for instance, samples in by_instance.items():
        now = max(sample.timestamp or 0.0 for sample in samples)
        page = read_page(samples, now, sources.max_age_seconds, age)
        found.add_tasks(page.tasks)
        if page.stale is not None:
            found.problems.append(f"{sources.prometheus_url}: instance {instance}: {page.stale}")
        if page.total is not None:
            names = [samples[0].labels.get(label, "") for label in _NODE_LABELS]
            for name in (_host_of(instance), *names):
                by_name.setdefault(name, page)
    for entry in endpoints:
        if entry.node.id in found.nodes:
            continue
        mapped = (entry.host,) if entry.host != entry.node.hostname else ()
        names = [*mapped, entry.node.id, entry.node.hostname, entry.node.address]
        known = next((by_name[name] for name in names if name and name in by_name), None)
        if known is None or not found.add_node(entry.node, entry.host, known):
            found.problems.append(
                f"node {entry.node.hostname}: {sources.prometheus_url} knows no memory of it"
            )


def _whose(entry: Endpoints) -> str:
    return f"its host {entry.host}" if entry.is_mapped else "it"


def _host_of(instance: str) -> str:
    """The host of ``10.0.0.11:9100``, ``[fd00::11]:9100`` or just a name."""
    host, colon, port = instance.rpartition(":")
    return (host if colon and port.isdigit() else instance).strip("[]")


def _memory(picture: Picture, found: _Findings) -> Memory:
    tasks = {
        task.id: found.tasks[task.id][1]
        for task in picture.tasks
        if task.is_wanted and task.id in found.tasks
    }
    sizes: dict[str, list[int]] = {}
    service_of = {task.id: task.service_id for task in picture.tasks}
    for task_id, (service_id, size) in found.tasks.items():
        sizes.setdefault(service_id or service_of.get(task_id, ""), []).append(size)
    services = {
        service.id: sum(sizes[service.id]) // len(sizes[service.id])
        for service in picture.services
        if service.id in sizes
    }
    problems = list(found.problems)
    if not found.tasks and any(task.is_running for task in picture.tasks):
        problems.append(
            "no endpoint tells the memory of tasks (role memory_metrics, cAdvisor); reservations count"
        )
    return Memory(nodes=found.nodes, tasks=tasks, services=services, problems=tuple(problems))

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Prometheus server tells of memory, and which node each part of it is about.

The label ``instance`` is the server's own word: the address at which it has asked an exporter. All other
labels may come from that exporter. So an instance that has a node's name or address speaks for that node
alone. One that goes by another name, such as an address in an overlay network, speaks for the one node that
its labels, or else its tasks, point to; it never counts against what a node's own instance says.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .endpoints import Endpoints
from .exposition import Sample
from .prometheus import INSTANCE, NODE_LABELS
from .samples import CADVISOR, Page, read_page, task_of
from .scrape import Answer


@dataclass
class Told:
    """``nodes``: node ID → the page about it. ``tasks``: task ID → bytes."""

    nodes: dict[str, Page] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class _Instance:
    """``nodes`` are those that it speaks for; ``is_known``: because of its name or address."""

    name: str
    page: Page
    nodes: frozenset[str]
    is_known: bool


def read_told(
    endpoints: Iterable[Endpoints],
    node_of: Mapping[str, str],
    answers: Iterable[Answer],
    max_age: float,
) -> Told:
    """Put together what the ``answers`` say. ``node_of``: task ID → the node that it is on."""
    endpoints = tuple(endpoints)
    told = Told()
    age = 0.0
    by_instance: dict[str, list[Sample]] = {}
    for answer in answers:
        age = max(age, answer.age)
        for sample in answer.value.samples if answer.value is not None else ():
            by_instance.setdefault(sample.labels.get(INSTANCE, ""), []).append(sample)
    places = _Places(endpoints)
    instances = []
    for name, samples in by_instance.items():
        # all times are of one clock: the server's
        now = max(sample.timestamp or 0.0 for sample in samples)
        page = read_page(samples, now, max_age, age)
        if page.stale is not None:
            told.problems.append(f"instance {name}: {page.stale}")
        nodes = places.named(host_of(name))
        instance = _Instance(name, page, nodes, is_known=bool(nodes))
        if not nodes:
            instance.nodes = places.pointed_at(samples, node_of)
        instances.append(instance)
    _add_nodes(told, endpoints, instances)
    _add_tasks(told, node_of, instances, by_instance)
    return told


class _Places:
    """The nodes by their names."""

    def __init__(self, endpoints: Collection[Endpoints]) -> None:
        nodes: dict[str, set[str]] = {}
        shared = Counter(entry.node.hostname for entry in endpoints)
        for entry in endpoints:
            names = {entry.host, entry.node.id, entry.node.address}
            if shared[entry.node.hostname] == 1:
                names.add(entry.node.hostname)
            for name in names - {""}:
                nodes.setdefault(name, set()).add(entry.node.id)
        self._nodes = {name: frozenset(found) for name, found in nodes.items()}

    def named(self, name: str) -> frozenset[str]:
        return self._nodes.get(name, frozenset())

    def pointed_at(self, samples: Iterable[Sample], node_of: Mapping[str, str]) -> frozenset[str]:
        """The nodes that all labels agree on, or else the one that all tasks are on; else none."""
        samples = tuple(samples)
        labelled = {
            self.named(sample.labels.get(label, "")) for sample in samples for label in NODE_LABELS
        } - {frozenset()}
        if not labelled:
            labelled = {frozenset({node_of[task]}) for task in map(task_of, samples) if task in node_of}
        return next(iter(labelled)) if len(labelled) == 1 else frozenset()


def _add_nodes(told: Told, endpoints: Iterable[Endpoints], instances: Iterable[_Instance]) -> None:
    for entry in endpoints:
        speaking = [one for one in instances if one.page.total is not None and entry.node.id in one.nodes]
        # of a virtual machine, its host's memory counts before its own
        named = [one for one in speaking if one.is_known and host_of(one.name) == entry.host]
        known = named or [one for one in speaking if one.is_known]
        if known:
            told.nodes[entry.node.id] = known[0].page
        elif len(speaking) == 1:
            told.nodes[entry.node.id] = speaking[0].page
        elif speaking:
            names = ", ".join(sorted(one.name for one in speaking))
            told.problems.append(f"instances {names} all claim to be node {entry.node.hostname}: none counts")


def _add_tasks(
    told: Told,
    node_of: Mapping[str, str],
    instances: Iterable[_Instance],
    by_instance: Mapping[str, Iterable[Sample]],
) -> None:
    """The figures of a node's own instances come first, and the textfile's before cAdvisor's."""
    intent_edits: dict[tuple[str, bool], list[_Instance]] = {}
    for instance in instances:
        if not instance.nodes:
            if instance.page.tasks:
                told.problems.append(
                    f"instance {instance.name}: its node is not known, so its tasks do not count"
                )
            continue
        is_foreign = False
        metrics = {task_of(sample): sample.name == CADVISOR for sample in by_instance[instance.name]}
        for task_id in instance.page.tasks:
            if node_of.get(task_id) in instance.nodes:
                intent_edits.setdefault((task_id, metrics[task_id]), []).append(instance)
            else:
                is_foreign = True
        if is_foreign:
            told.problems.append(
                f"instance {instance.name}: it names tasks of other nodes, which do not count"
            )
    disputed: set[str] = set()
    for (task_id, _is_cadvisor), claiming in sorted(
        intent_edits.items(), key=lambda item: (not any(one.is_known for one in item[1]), item[0][1])
    ):
        known = [one for one in claiming if one.is_known]
        if known or len(claiming) == 1:
            told.tasks.setdefault(task_id, (known or claiming)[0].page.tasks[task_id])
        elif task_id not in told.tasks:
            disputed.add(", ".join(sorted(one.name for one in claiming)))
    told.problems += [f"instances {names} name the same tasks: none counts" for names in sorted(disputed)]


def host_of(instance: str) -> str:
    """The host of ``10.0.0.11:9100``, ``[fd00::11]:9100`` or just a name."""
    host, colon, port = instance.rpartition(":")
    return (host if colon and port.isdigit() else instance).strip("[]")

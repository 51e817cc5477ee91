# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attribute the memory samples of a Prometheus server to nodes.

The server itself sets the label ``instance``: the address at which it has scraped an exporter. All other
labels may come from that exporter. So an instance with the name or address of a node provides samples for
that node only. An instance with another name, such as an address in an overlay network, provides samples for
the one node that its labels, or otherwise its tasks, belong to; it never overrides the node's own instance.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .._model.mount import ObservedVolume
from .._model.reasons import Reason
from .endpoints import Endpoints
from .exposition import Sample
from .prometheus import INSTANCE, NODE_LABELS
from .samples import CADVISOR, Page, read_page, task_of
from .scrape import Answer


@dataclass
class ServerMemory:
    """The memory that ``server`` reports. ``nodes``: node ID → its page. ``tasks``: task ID → bytes."""

    server: str
    nodes: dict[str, Page] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    problems: list[Reason] = field(default_factory=list)
    volumes: dict[str, Mapping[str, ObservedVolume]] = field(default_factory=dict)

    def report(self, reason: Reason) -> None:
        """Add a problem."""
        self.problems.append(reason)


@dataclass
class _Instance:
    """An instance. ``nodes`` are the nodes it provides samples for; ``is_known``: by its name or address."""

    name: str
    page: Page
    nodes: frozenset[str]
    is_known: bool


def attribute_samples(
    server: str,
    endpoints: Iterable[Endpoints],
    node_of: Mapping[str, str],
    answers: Iterable[Answer],
    max_age: float,
) -> ServerMemory:
    """Combine the ``answers`` of ``server``. ``node_of``: task ID → node ID; ``max_age``: seconds."""
    endpoints = tuple(endpoints)
    memory = ServerMemory(server)
    age = 0.0
    by_instance: dict[str, list[Sample]] = {}
    for answer in answers:
        age = max(age, answer.age)
        for sample in answer.value.samples if answer.value is not None else ():
            by_instance.setdefault(sample.labels.get(INSTANCE, ""), []).append(sample)
    places = _Places(endpoints)
    instances = []
    for name, samples in by_instance.items():
        # all timestamps come from one clock: that of the server
        now = max(sample.timestamp or 0.0 for sample in samples)
        page = read_page(samples, now, max_age, age)
        if page.stale:
            memory.report(
                Reason("instance_samples_unusable", server=server, instance=name, reasons=page.stale)
            )
        nodes = places.named(host_of(name))
        instance = _Instance(name, page, nodes, is_known=bool(nodes))
        if not nodes:
            instance.nodes = places.implied_by(samples, node_of)
        instances.append(instance)
    _add_nodes(memory, endpoints, instances)
    _add_tasks(memory, node_of, instances, by_instance)
    _add_volumes(memory, instances)
    return memory


class _Places:
    """The nodes by their names and addresses."""

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

    def implied_by(self, samples: Iterable[Sample], node_of: Mapping[str, str]) -> frozenset[str]:
        """The nodes that all labels agree on, or otherwise the one that runs all tasks, or otherwise none."""
        samples = tuple(samples)
        labelled = {
            self.named(sample.labels.get(label, "")) for sample in samples for label in NODE_LABELS
        } - {frozenset()}
        if not labelled:
            labelled = {frozenset({node_of[task]}) for task in map(task_of, samples) if task in node_of}
        return next(iter(labelled)) if len(labelled) == 1 else frozenset()


def _add_nodes(memory: ServerMemory, endpoints: Iterable[Endpoints], instances: Iterable[_Instance]) -> None:
    for entry in endpoints:
        speaking = [one for one in instances if one.page.total is not None and entry.node.id in one.nodes]
        # for a virtual machine, the memory of its host takes precedence
        named = [one for one in speaking if one.is_known and host_of(one.name) == entry.host]
        known = named or [one for one in speaking if one.is_known]
        if known:
            memory.nodes[entry.node.id] = known[0].page
        elif len(speaking) == 1:
            memory.nodes[entry.node.id] = speaking[0].page
        elif speaking:
            memory.report(
                Reason(
                    "instances_claim_node",
                    server=memory.server,
                    instances=sorted(one.name for one in speaking),
                    node=entry.node.hostname,
                )
            )


def _add_volumes(memory: ServerMemory, instances: Iterable[_Instance]) -> None:
    """Add the volumes of nodes from their own instances. Without a known one, several must not disagree."""
    for known in (True, False):
        claims: dict[str, list[Mapping[str, ObservedVolume]]] = {}
        for one in instances:
            for node_id in one.nodes & one.page.volumes.keys() if one.is_known is known else ():
                claims.setdefault(node_id, []).append(one.page.volumes[node_id])
        for node_id, reports in claims.items():
            if all(report == reports[0] for report in reports):
                memory.volumes.setdefault(node_id, reports[0])


def _add_tasks(
    memory: ServerMemory,
    node_of: Mapping[str, str],
    instances: Iterable[_Instance],
    by_instance: Mapping[str, Iterable[Sample]],
) -> None:
    """A node's own instances take precedence, and then the textfile over cAdvisor."""
    claims: dict[tuple[str, bool], list[_Instance]] = {}
    for instance in instances:
        if not instance.nodes:
            if instance.page.tasks:
                memory.report(Reason("instance_without_node", server=memory.server, instance=instance.name))
            continue
        is_foreign = False
        metrics = {task_of(sample): sample.name == CADVISOR for sample in by_instance[instance.name]}
        for task_id in instance.page.tasks:
            if node_of.get(task_id) in instance.nodes:
                claims.setdefault((task_id, metrics[task_id]), []).append(instance)
            else:
                is_foreign = True
        if is_foreign:
            memory.report(Reason("instance_tasks_foreign", server=memory.server, instance=instance.name))
    disputed: set[tuple[str, ...]] = set()
    for (task_id, _is_cadvisor), claiming in sorted(
        claims.items(), key=lambda item: (not any(one.is_known for one in item[1]), item[0][1])
    ):
        known = [one for one in claiming if one.is_known]
        if known or len(claiming) == 1:
            memory.tasks.setdefault(task_id, (known or claiming)[0].page.tasks[task_id])
        elif task_id not in memory.tasks:
            disputed.add(tuple(sorted(one.name for one in claiming)))
    for names in sorted(disputed):
        memory.report(Reason("instances_claim_tasks", server=memory.server, instances=names))


def host_of(instance: str) -> str:
    """The host of ``10.0.0.11:9100``, ``[fd00::11]:9100`` or just a name."""
    host, colon, port = instance.rpartition(":")
    return (host if colon and port.isdigit() else instance).strip("[]")

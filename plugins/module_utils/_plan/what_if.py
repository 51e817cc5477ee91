# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forecast where services would run if nodes were lost or added.

Swarm replaces the tasks of a lost node in no fixed order, and breaks ties at random. So the simulation
repeats the same loss in different orders: results that all runs share are certain, the others are possible.
Followers go with their anchor. A new node gets waiting tasks and its tasks of global services; everything
else stays where it runs until memory is balanced.

Another run without a loss shows which tasks have no node today: only the differences are due to the loss. A
task that has long been waiting despite a suitable node waits for something that the snapshot does not show.
It keeps waiting unless a node is added.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .._model.forecast import Fate, Forecast, HostForecast, NewNode
from .._model.memory import Memory, NodeMemory
from .._model.mount import NO_SHARED_STORAGE, StorageRules, residence_of
from .._model.reasons import Reason
from .._model.snapshot import Node, Service, SwarmSnapshot, Task
from .anchors.anchor import ANCHOR_VALUE
from .anchors.groups import AnchorGroup, followed_labels
from .rebalance.units import task_memory
from .relocation.status import ALIVE
from .scheduling.managed import constraints_without_labels, requires_label, user_constraints
from .scheduling.scheduler import Scheduler
from .shortages import JOBS, PENDING_SECONDS

# the number of simulated orders, and that in a large swarm
RUNS = 12
LARGE_NODES = 50
LARGE_RUNS = 4
# modes whose tasks belong to their nodes
BY_NODE = ("global", "global-job")


def what_if(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    now: float,
    *,
    lose: Sequence[Node] = (),
    add: Sequence[NewNode] = (),
    storage: StorageRules = NO_SHARED_STORAGE,
) -> Forecast:
    """Forecast what happens if the nodes ``lose`` are lost and the nodes ``add`` join.

    ``now`` is in seconds since the epoch. Without ``memory``, the forecast does not say whether the tasks
    fit.
    """
    today = _Simulation(snapshot, groups, memory, now, storage=storage)
    if not add:
        return today.lose(lose, ())
    snapshot, memory = _with_new_nodes(snapshot, memory, add)
    return _Simulation(snapshot, groups, memory, now, today, storage=storage).lose(
        lose, tuple(new.hostname for new in add)
    )


def lose_any(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    now: float,
    *,
    storage: StorageRules = NO_SHARED_STORAGE,
) -> tuple[Forecast, ...]:
    """Forecast the loss of each host that is up, one by one. Nodes of one physical host are lost together."""
    play = _Simulation(snapshot, groups, memory, now, storage=storage)
    together: dict[str, list[Node]] = {}
    for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id)):
        if node.is_ready:
            sample = memory.nodes.get(node.id)
            together.setdefault(f"host {sample.host}" if sample else node.id, []).append(node)
    return tuple(play.lose(nodes, ()) for nodes in together.values())


class _Simulation:
    """Simulate losses on one snapshot."""

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        groups: tuple[AnchorGroup, ...],
        memory: Memory,
        now: float,
        today: _Simulation | None = None,
        *,
        storage: StorageRules = NO_SHARED_STORAGE,
    ) -> None:
        """``today``: the snapshot without the added nodes."""
        self.snapshot = snapshot
        self.memory = memory
        self.storage = storage
        self.samples = sorted(memory.nodes.items())
        self.hosts: dict[tuple[str, int, int], HostForecast] = {}
        self.scheduler = Scheduler(snapshot, now)
        self.runs = RUNS if len(snapshot.nodes) <= LARGE_NODES else LARGE_RUNS
        self.labels = followed_labels(groups)
        self.anchors: dict[str, list[Service]] = {}
        self.label_of: dict[str, str] = {}
        for group in groups:
            for follower in group.followers:
                if group.place.service is not None:
                    self.anchors.setdefault(follower.service.id, []).append(group.place.service)
                    self.label_of[group.place.service.id] = group.dependency.label
        self.constraints = {service.id: self._constraints(service) for service in snapshot.services}
        self.jobs: dict[str, list[Task]] = {}
        self.pending: list[Task] = []
        for task in snapshot.tasks:
            self._take_in(task)
        # the added nodes, for tasks that wait for an unknown reason
        self.new: frozenset[str] = frozenset()
        if today is not None:
            self.new = frozenset(self.scheduler.nodes) - today.scheduler.nodes.keys()
        self.stuck: frozenset[str] = frozenset() if today is None else today.stuck
        self.waiting: Counter[str] = Counter() if today is None else today.waiting
        if today is None:
            self._simulate_now(now)

    def _take_in(self, task: Task) -> None:
        """Record a task that waits for a node, or of a job, which uses resources while it runs."""
        service = self.snapshot.service_by_id.get(task.service_id)
        if service is None or service.replicas == 0:
            return
        is_job = service.mode in JOBS and task.desired_state == "complete"
        if not is_job and not task.should_run:
            return
        if task.state == "pending" and not task.node_id:
            self.pending.append(task)
        elif is_job and task.state in ALIVE and task.node_id in self.scheduler.nodes:
            self.jobs.setdefault(task.node_id, []).append(task)
            self.scheduler.put(service, task.node_id)

    def _simulate_now(self, now: float) -> None:
        """Find the tasks that have no node in the present state."""
        if not self.pending:
            return
        tasks = [(task, self.snapshot.service_by_id[task.service_id]) for task in self.pending]
        runs = [self._run(tasks, set(), number) for number in range(self.runs)]
        has_changed = any(now - node.updated < PENDING_SECONDS for node in self.snapshot.nodes)
        self.stuck = frozenset(
            task.id
            for task in self.pending
            if task.created and now - task.created >= PENDING_SECONDS and not has_changed
            if any(run[task.id] for run in runs)
        )
        for service_id in {task.service_id for task in self.pending}:
            ids = [task.id for task in self.pending if task.service_id == service_id]
            # in the worst case, as for a loss
            self.waiting[service_id] = max(
                sum(run[id_] is None or id_ in self.stuck for id_ in ids) for run in runs
            )

    def lose(self, nodes: Sequence[Node], added: tuple[str, ...]) -> Forecast:
        lost = {node.id for node in nodes}
        tasks: list[tuple[Task, Service]] = []
        gone: list[tuple[Task, Service]] = []
        ended: set[str] = set()
        on_lost = [
            task
            for node_id in sorted(lost)
            for task in (*self.snapshot.wanted_by_node.get(node_id, ()), *self.jobs.get(node_id, ()))
        ]
        for task in (*self.pending, *on_lost):
            service = self.snapshot.service_by_id.get(task.service_id)
            if service is None or service.replicas == 0:
                continue
            if service.mode in BY_NODE:
                if task.state != "pending":
                    ended.add(service.name)
            elif task.node_id and service.restart_condition == "none":
                gone.append((task, service))
            else:
                tasks.append((task, service))
        tasks.sort(key=lambda pair: (pair[1].name, pair[0].slot or 0, pair[0].id))
        runs = [self._run(tasks, lost, number) for number in range(self.runs if tasks else 1)]
        return Forecast(
            lost=tuple(sorted({node.hostname for node in nodes})),
            down=tuple(sorted({node.hostname for node in nodes if node.is_down})),
            added=added,
            fates=self._fates(tasks, gone, runs, lost),
            ended=tuple(sorted(ended)),
            begun=tuple(sorted({service.name for service, _node in self._globals(added)})),
            hosts=self._hosts(tasks, runs, lost, added),
            quorum=self._quorum(lost),
            unknown=self._unknown(tasks, runs),
        )

    def _unknown(
        self, tasks: list[tuple[Task, Service]], runs: list[dict[str, str | None]]
    ) -> tuple[str, ...]:
        """Return the moving services whose memory use is unknown."""
        going = [(task, service) for task, service in tasks if any(run[task.id] for run in runs)]
        return tuple(sorted({s.name for task, s in going if task_memory(self.memory, task, s) is None}))

    # one run

    def _run(self, tasks: list[tuple[Task, Service]], lost: set[str], number: int) -> dict[str, str | None]:
        """Simulate one order. Returns task ID → ID of its new node, None if it stays pending."""
        scheduler = self.scheduler
        for task, service in tasks:
            if task.node_id:
                scheduler.take(service, task.node_id)
        went: dict[str, str | None] = {}
        for turn, (task, service) in enumerate(self._order(tasks, number)):
            only = self._only(service)
            constraints = self.constraints[service.id]
            if task.id in self.stuck:
                only = self.new if only is None else only & self.new
            node = scheduler.choice(service, constraints, number + turn, only=only, without=lost)
            went[task.id] = node.id if node is not None else None
            if node is not None:
                scheduler.put(service, node.id)
        for task, service in tasks:
            node_id = went[task.id]
            if node_id is not None:
                scheduler.take(service, node_id)
            if task.node_id:
                scheduler.put(service, task.node_id)
        return _lost_first(tasks, went)

    def _only(self, service: Service) -> frozenset[str] | None:
        """Return the IDs of the nodes to which its anchors bind a service; None if it is free.

        It runs where all of them run. If they are on different nodes, it follows the first one, and those
        whose labels the user's constraints require.
        """
        places: list[frozenset[str]] = []
        binding: list[frozenset[str]] = []
        for anchor in self.anchors.get(service.id, ()):
            label = self.label_of[anchor.id]
            place = self.scheduler.places(anchor)
            if not any(task.should_run for task in self.snapshot.tasks_of(anchor)):
                # it has finished, or is scaled to 0: its label stays where it is
                place = frozenset(n.id for n in self.snapshot.nodes if n.labels.get(label) == ANCHOR_VALUE)
                if not place:
                    continue
            if not binding or requires_label(user_constraints(service), label):
                binding.append(place)
            places.append(place)
        if not places:
            return None
        return frozenset.intersection(*places) or frozenset.intersection(*binding)

    def _order(self, tasks: list[tuple[Task, Service]], number: int) -> list[tuple[Task, Service]]:
        """Return one order of events: anchors before their followers, then by restart delay."""
        start = number * len(tasks) // self.runs
        order = [*tasks[start:], *tasks[:start]]
        if number % 2:
            order.reverse()
        return sorted(
            order, key=lambda pair: (self._depth(pair[1], ()), bool(pair[0].node_id), _delay(pair[1]))
        )

    def _depth(self, service: Service, below: tuple[str, ...]) -> int:
        """Return how many anchors are above a service."""
        if service.id in below:
            return 0  # a cycle, which the configuration refuses
        anchors = self.anchors.get(service.id, ())
        return max((1 + self._depth(anchor, (*below, service.id)) for anchor in anchors), default=0)

    def _constraints(self, service: Service) -> tuple[str, ...]:
        """Return the constraints without those on anchor labels, which move with the anchors."""
        return constraints_without_labels(service, self.labels.get(service.id, ()))

    # results

    def _fates(
        self,
        tasks: list[tuple[Task, Service]],
        gone: list[tuple[Task, Service]],
        runs: list[dict[str, str | None]],
        lost: set[str],
    ) -> tuple[Fate, ...]:
        """Return the fates of all affected services. ``gone``: tasks that Swarm does not replace."""
        together: dict[tuple[str, str], list[Task]] = {}
        for task, service in tasks:
            together.setdefault((service.id, task.node_id or ""), []).append(task)
        fates = []
        for (service_id, node_id), members in together.items():
            service = self.snapshot.service_by_id[service_id]
            to = {run[task.id] for run in runs for task in members} - {None}
            unplaced = max(sum(run[task.id] is None for task in members) for run in runs)
            anchors = self.anchors.get(service_id, ())
            fates.append(
                Fate(
                    service=service.name,
                    node=self._hostname(node_id),
                    count=len(members),
                    to=tuple(sorted(self._hostname(found or "") for found in to)),
                    unplaced=unplaced,
                    obstacles=self._why_nowhere(service, lost) if unplaced else (),
                    waiting=0 if node_id else self.waiting[service_id],
                    anchor=", ".join(anchor.name for anchor in anchors) or None,
                    data=self._data(service, node_id) if node_id else (),
                )
            )
        counts = Counter((service.name, task.node_id or "") for task, service in gone)
        for (name, node_id), count in counts.items():
            data = self._data(self.snapshot.service_by_name[name], node_id)
            node = self._hostname(node_id)
            fates.append(Fate(name, node, count, (), unplaced=count, data=data, is_replaced=False))
        return tuple(sorted(fates, key=lambda fate: (fate.service, fate.node)))

    def _data(self, service: Service, node_id: str) -> tuple[str, ...]:
        """Return the volumes and host paths that stay behind on the node."""
        observed = self.memory.volumes.get(node_id, {})
        return tuple(
            mount.name
            for mount in service.mounts
            if not mount.read_only and residence_of(mount, self.storage, service.stack, observed).is_tied
        )

    def _why_nowhere(self, service: Service, lost: set[str]) -> tuple[Reason, ...]:
        """Return for each remaining node what keeps the service off it in the present state."""
        anchors = self.anchors.get(service.id, ())
        found = []
        for node in sorted(self.snapshot.nodes, key=lambda node: node.hostname):
            if node.id in lost or not node.is_ready:
                continue
            reasons: tuple[Reason, ...]
            reasons = self.scheduler.obstacles(service, node, self.constraints[service.id])
            if not reasons and anchors:
                reasons = (Reason("anchor_goes_elsewhere", anchors=[anchor.name for anchor in anchors]),)
            if not reasons:
                reasons = (Reason("no_room_left_there"),)
            found.append(Reason("no_place_on_node", node=node.hostname, reasons=reasons))
        return tuple(found)

    def _hosts(
        self,
        tasks: list[tuple[Task, Service]],
        runs: list[dict[str, str | None]],
        lost: set[str],
        added: tuple[str, ...],
    ) -> tuple[HostForecast, ...]:
        host_of = {node_id: sample.host for node_id, sample in self.memory.nodes.items()}
        gone = {host_of[node_id] for node_id in lost if node_id in host_of}
        samples: dict[str, NodeMemory] = {}
        for node_id, sample in self.samples:
            # a host remains while one of its nodes does
            if node_id not in lost and node_id in self.scheduler.nodes:
                samples.setdefault(sample.host, sample)
        begun = self._globals(added)
        changes: list[dict[str, int]] = []
        for run in runs:
            comes: dict[str, int] = {}
            for task, service in tasks:
                used, to = task_memory(self.memory, task, service) or 0, run[task.id]
                if to is not None and to in host_of:
                    comes[host_of[to]] = comes.get(host_of[to], 0) + used
                # if only a part of a host is lost, the memory of the departed tasks is free again
                if task.node_id and host_of.get(task.node_id) in gone & samples.keys():
                    comes[host_of[task.node_id]] = comes.get(host_of[task.node_id], 0) - used
            for service, node in begun:
                comes[host_of[node.id]] = comes.get(host_of[node.id], 0) + self._typical(service)
            changes.append(comes)
        touched = set().union(*changes)
        return tuple(
            self._host(host, sample, [run.get(host, 0) for run in changes] if host in touched else [0])
            for host, sample in sorted(samples.items())
            if sample.total_bytes
        )

    def _host(self, host: str, sample: NodeMemory, changes: list[int]) -> HostForecast:
        """Return the forecast of a host. ``changes``: how much its memory use would grow in each run."""
        key = (host, min(changes), max(changes))
        # in a large swarm, most hosts do not change if another one is lost
        if key not in self.hosts:
            self.hosts[key] = HostForecast(
                name=host,
                total_bytes=sample.total_bytes,
                before=sample.pressure,
                least=(sample.used_bytes + min(changes)) / sample.total_bytes,
                most=(sample.used_bytes + max(changes)) / sample.total_bytes,
            )
        return self.hosts[key]

    def _globals(self, added: tuple[str, ...]) -> list[tuple[Service, Node]]:
        """Return the tasks of global services that start on the new nodes."""
        new = [self.snapshot.node_by_id[_new_id(hostname)] for hostname in added]
        return [
            (service, node)
            for service in self.snapshot.services
            if service.mode == "global"
            for node in new
            if not self.scheduler.obstacles(service, node, self.constraints[service.id])
        ]

    def _typical(self, service: Service) -> int:
        """Return the average memory use of a task of the service; 0 if unknown."""
        known = [
            used
            for task in self.snapshot.tasks_of(service)
            if task.should_run and (used := task_memory(self.memory, task, service)) is not None
        ]
        return sum(known) // len(known) if known else 0

    def _quorum(self, lost: Iterable[str]) -> Reason | None:
        lost = set(lost)
        managers = [node for node in self.snapshot.nodes if node.role == "manager"]
        alive = [node for node in managers if node.is_ready and node.reachability in (None, "reachable")]
        left = [node for node in alive if node.id not in lost]
        needed = len(managers) // 2 + 1
        if len(left) >= needed or len(left) == len(alive) or len(alive) < needed:
            return None
        return Reason("majority_lost", left=len(left), managers=len(managers), needed=needed)

    def _hostname(self, node_id: str) -> str:
        node = self.snapshot.node_by_id.get(node_id)
        return node.hostname if node is not None else ""


def _delay(service: Service) -> float:
    return service.restart_delay_seconds


def _lost_first(tasks: list[tuple[Task, Service]], went: dict[str, str | None]) -> dict[str, str | None]:
    """Return the same result, with the nodes of each service given to its lost tasks first, then to waiting
    ones.

    Tasks of a service are interchangeable: nothing is worse than before if as many tasks have a node.
    """
    waiting = {service.id for task, service in tasks if not task.node_id}
    for service_id in waiting & {service.id for task, service in tasks if task.node_id}:
        ids = [task.id for task, service in tasks if service.id == service_id and task.node_id]
        ids += [task.id for task, service in tasks if service.id == service_id and not task.node_id]
        places = sorted((went[id_] for id_ in ids), key=lambda place: place is None)
        went |= zip(ids, places)
    return went


def _new_id(hostname: str) -> str:
    return f"(new) {hostname}"


def _with_new_nodes(
    snapshot: SwarmSnapshot, memory: Memory, add: Sequence[NewNode]
) -> tuple[SwarmSnapshot, Memory]:
    nodes, samples = list(snapshot.nodes), dict(memory.nodes)
    for new in add:
        like = new.like or Node(id="", hostname="")
        node_id = _new_id(new.hostname)
        nodes.append(
            replace(
                like,
                id=node_id,
                hostname=new.hostname,
                role="worker",
                availability="active",
                state="ready",
                labels=new.labels,
                memory_bytes=new.memory_bytes,
                leader=False,
                reachability=None,
            )
        )
        samples[node_id] = NodeMemory(new.hostname, new.memory_bytes, new.memory_bytes)
    return replace(snapshot, nodes=tuple(nodes)), replace(memory, nodes=samples)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select the tasks that move to spread replicas and tasks.

The units and their refusals are those of balancing, and so are the saved moves: neither undoes the other's
moves. In addition, a move must not leave data behind, must not open a gap that balancing would close, and
needs a target that has been unchanged for a while.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from ..._model.memory import Memory
from ..._model.mount import StorageRules, residence_of
from ..._model.reasons import Reason
from ..._model.rules import GB, SpreadRules
from ..._model.snapshot import Node, Service, SwarmSnapshot
from ..rebalance.hosts import Host
from ..rebalance.search import gap_bytes
from ..rebalance.targets import MAX_EXCLUDED, TargetFinder
from ..rebalance.units import SHORT, MoveUnit
from ..scheduling.constraints import platform_allows, violated
from ..scheduling.managed import move_off, move_to, user_constraints
from ..scheduling.scheduler import Scheduler, label_value
from .layout import NODES, TASKS, Change, Layout, by_tasks

ALLOW_LABEL = "orchestration.spread"

# What forbids balancing, and is decided here again: a small service needs no measurement to be spread, and no
# label lets spreading leave data behind.
_NOT_FINAL = ("memory_use_unknown", "volume_stays", "host_path_stays")

# how many pairs of nodes with uneven numbers of tasks are judged in one cycle
JUDGED_PAIRS = 200


@dataclass(frozen=True)
class SpreadMove:
    """A move to begin. ``unit``: the tasks that move. ``stays``: how many others of the service stay there.

    ``rejected``: better moves that are not possible, with their reasons.
    """

    unit: MoveUnit
    target: Node
    constraints: tuple[str, ...]
    change: Change
    stays: int = 0
    rejected: tuple[Reason, ...] = ()


@dataclass
class Findings:
    """The moves to begin, and why nothing else moves."""

    moves: list[SpreadMove] = field(default_factory=list)
    refusals: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    unit: MoveUnit
    target: Node
    change: Change
    stays: int

    @property
    def rank(self) -> tuple[int, int, bool, int, str, str, str]:
        """Wide gaps first, then services that start a new copy before they stop the old one."""
        unit = self.unit
        stops_first = unit.lead.update_order != "start-first"
        size = (unit.memory_bytes or 0, unit.name)
        return (self.change.level, self.change.weight, stops_first, *size, unit.node.id, self.target.hostname)


class SpreadSelector:
    """The decisions of one cycle.

    ``units``: those of balancing. ``host_of``: node ID → the measured host, for nodes that can take part in
    balancing. ``targets``: finds what forbids a move, saved moves included. ``now``: seconds since the epoch.
    """

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        units: Iterable[MoveUnit],
        host_of: dict[str, Host],
        memory: Memory,
        targets: TargetFinder,
        rules: SpreadRules,
        storage: StorageRules,
        now: float,
    ) -> None:
        self.snapshot = snapshot
        self.rules = rules
        self.now = now
        self._units = tuple(units)
        self._host_of = host_of
        self._memory = memory
        self._targets = targets
        self._storage = storage
        self._layout = Layout(snapshot, rules.topology)
        self._refused: dict[tuple[str, str], Reason | None] = {}
        self._eligible: dict[tuple[str, str], bool] = {}
        self._scheduler = Scheduler(snapshot, now)
        self._active = tuple(
            node for node in snapshot.nodes if node.is_ready and node.availability == "active"
        )

    def select(
        self, most: int, busy_services: Collection[str] = (), busy_nodes: Collection[str] = ()
    ) -> Findings:
        """Return at most ``most`` moves, no two of one service, and none of or between the busy ones.

        ``busy_services``, ``busy_nodes``: IDs of those that balancing moves in this cycle.
        """
        found = Findings()
        services, nodes = set(busy_services), set(busy_nodes)
        while len(found.moves) < most:
            move = self._best(services, nodes, found.refusals)
            if move is None:
                break
            found.moves.append(replace(move, rejected=tuple(dict.fromkeys(found.refusals))))
            found.refusals.clear()
            services.add(move.unit.lead.id)
            for service_id, count in _counts(move.unit).items():
                self._layout.move(service_id, move.unit.node.id, move.target.id, count)
                service = self.snapshot.service_by_id[service_id]
                for _task in range(count):
                    self._scheduler.take(service, move.unit.node.id)
                    self._scheduler.put(service, move.target.id)
        found.refusals = list(dict.fromkeys(found.refusals))
        return found

    def _best(self, services: set[str], nodes: set[str], refusals: list[Reason]) -> SpreadMove | None:
        for candidate in self._candidates(services, nodes):
            unit = candidate.unit
            whole = self._unit_refusal(unit)
            if whole is not None:
                refusals.append(
                    Reason("unit_not_moved", unit=unit.title, node=unit.node.hostname, reasons=[whole])
                )
                continue
            refused = self._refusal(candidate)
            constraints: tuple[str, ...] = ()
            if refused is None:
                constraints, refused = self._steer(candidate)
            host = candidate.target.hostname
            if refused is not None:
                reason = Reason("target_refused", host=host, reason=refused)
                refusals.append(
                    Reason("unit_not_moved", unit=unit.title, node=unit.node.hostname, reasons=[reason])
                )
                continue
            unsettled = self._unsettled(candidate.target)
            if unsettled is not None:
                # after another move now, a second one to this node might follow
                refusals.insert(0, Reason("target_refused", host=host, reason=unsettled))
                return None
            return SpreadMove(unit, candidate.target, constraints, candidate.change, candidate.stays)
        return None

    def _candidates(self, services: set[str], nodes: set[str]) -> Iterator[_Candidate]:
        units = [
            unit
            for unit in self._units
            if unit.lead.id not in services and unit.node.id not in nodes and unit.node in self._active
        ]
        targets = [node for node in self._active if node.id not in nodes]
        yield from sorted(self._by_service(units, targets), key=lambda found: found.rank)
        if self.rules.even_tasks:
            yield from self._by_tasks(units, targets)

    def _by_service(self, units: list[MoveUnit], targets: list[Node]) -> Iterator[_Candidate]:
        """Yield the moves that spread the replicas of one service."""
        for unit in units:
            # a group moves as a whole, so only its number of tasks counts
            if len(unit.members) > 1 or not self._layout.is_uneven(unit.lead):
                continue
            one, stays = self._one_task(unit)
            for target in targets:
                change = self._layout.change(unit.lead, unit.node, target)
                if change is not None and change.spreads and self._is_eligible(unit.lead, target):
                    yield _Candidate(one, target, change, stays)

    def _by_tasks(self, units: list[MoveUnit], targets: list[Node]) -> Iterator[_Candidate]:
        """Yield the moves that even out the number of tasks without harming the spread of a service."""
        on: dict[str, list[MoveUnit]] = {}
        for unit in units:
            on.setdefault(unit.node.id, []).append(unit)
        for source, target in islice(by_tasks(self._layout, targets), JUDGED_PAIRS):
            found = []
            for unit in on.get(source.id, ()):
                one, stays = self._one_task(unit) if len(unit.members) == 1 else (unit, 0)
                own = self._layout.change(unit.lead, source, target) if len(unit.members) == 1 else None
                change = self._layout.task_change(unit.lead, source, target, len(one.tasks))
                if (
                    own is None
                    and change is not None
                    and change.spreads
                    and self._is_eligible(unit.lead, target)
                ):
                    found.append(_Candidate(one, target, change, stays))
            yield from sorted(found, key=lambda candidate: candidate.rank)

    def _one_task(self, unit: MoveUnit) -> tuple[MoveUnit, int]:
        """Return one task of the unit as a unit, and how many stay."""
        count = len(unit.tasks)
        if count == 1:
            return unit, 0
        memory = None if unit.memory_bytes is None else unit.memory_bytes // count
        return replace(unit, tasks=unit.tasks[:1], memory_bytes=memory), count - 1

    def _is_eligible(self, service: Service, node: Node) -> bool:
        """Return whether constraints and platform ever allow the service on the node."""
        key = (service.id, node.id)
        if key not in self._eligible:
            allowed = platform_allows(service.platforms, node)
            self._eligible[key] = allowed and not violated(user_constraints(service), node)
        return self._eligible[key]

    # what forbids a move

    def _refusal(self, candidate: _Candidate) -> Reason | None:
        unit, target = candidate.unit, candidate.target
        blocked = self._targets.blocked(unit, target, returns=self._may_return(candidate))
        return self._memory_refusal(unit, target) or next(iter(blocked), None)

    def _unit_refusal(self, unit: MoveUnit) -> Reason | None:
        key = (unit.lead.id, unit.node.id)
        if key not in self._refused:
            self._refused[key] = self._why_not(unit)
        return self._refused[key]

    def _why_not(self, unit: MoveUnit) -> Reason | None:
        forbidden = unit.forbidden
        if forbidden is not None and forbidden.code not in _NOT_FINAL:
            return forbidden
        if unit.preferred:
            return Reason("preferred_node_decides")
        observed = {name: reported.volume for name, reported in unit.volumes.items()}
        for member in unit.members:
            if member.labels.get(ALLOW_LABEL, "").strip().lower() == "false":
                return Reason("rebalance_label_false", label=ALLOW_LABEL)
            for mount in member.mounts:
                # a user who allows balancing to leave data behind has not allowed this
                if residence_of(mount, self._storage, member.stack, observed).is_tied:
                    return Reason("spread_leaves_data", target=mount.target)
        return forbidden if forbidden is not None and forbidden.code != "memory_use_unknown" else None

    def _unsettled(self, node: Node) -> Reason | None:
        age = self.now - node.updated
        if age < self.rules.settle_seconds:
            return Reason("node_not_settled", ago=max(age, 0.0), needed=self.rules.settle_seconds)
        return None

    def _memory_refusal(self, unit: MoveUnit, target: Node) -> Reason | None:
        """Return the reason if the target has no memory for the unit, or balancing would move it back."""
        if not self._memory.nodes:
            return None
        source, goal = self._host_of.get(unit.node.id), self._host_of.get(target.id)
        if source is None or goal is None:
            return Reason("node_unmeasured")
        if source is goal:
            return None
        used = unit.memory_bytes or 0
        after = goal.used_bytes + used
        if after >= SHORT * goal.total_bytes:
            return Reason("target_short_of_memory", share=round(after / goal.total_bytes, 2))
        gap = gap_bytes(after, goal.total_bytes, source.used_bytes - used, source.total_bytes)
        limit = max(
            unit.rules.memory_difference_bytes - unit.rules.rebalance_buffer_bytes,
            unit.rules.memory_difference_bytes / 2,
        )
        # round, because measurements are noisy and a note that reads the same is not repeated
        shown = round(gap / GB, 1) * GB
        return Reason("memory_gap_would_open", gap=shown, limit=limit) if gap >= limit > 0 else None

    def _may_return(self, candidate: _Candidate) -> bool:
        """Return whether the service may return to a node that it has left.

        It may if Swarm has since started a task of it here, such as after the loss of a node, and its
        replicas are uneven because of that. Balancing never makes them uneven.
        """
        last = candidate.unit.relocations[-1].at if candidate.unit.relocations else 0.0
        service = candidate.unit.lead
        is_own = candidate.change.level < len(self._layout.levels(service))
        return is_own and any(
            task.should_run and task.node_id == candidate.unit.node.id and task.created > last
            for task in self.snapshot.tasks_of(service)
        )

    # how the task gets there

    def _steer(self, candidate: _Candidate) -> tuple[tuple[str, ...], Reason | None]:
        """Return the constraints that leave Swarm no choice but the target, or why there are none."""
        unit, target, service = candidate.unit, candidate.target, candidate.unit.lead
        if service.replicas == 1:
            return (move_to(target.id),), None
        moves = [move_off(unit.node.id)]
        self._scheduler.take(service, unit.node.id)
        try:
            while len(moves) <= MAX_EXCLUDED:
                choices = self._scheduler.choices(service, (*user_constraints(service), *moves))
                others = [node for node in choices if node.id != target.id]
                if not others and choices:
                    return tuple(moves), None
                places = self._scheduler.places(service)
                if not choices or any(node.id in places for node in others):
                    node = others[0].hostname if others else target.hostname
                    return (), Reason("swarm_prefers_node", node=node)
                moves += [move_off(node.id) for node in others]
            return (), Reason("swarm_prefers_many_nodes")
        finally:
            self._scheduler.put(service, unit.node.id)


def why(move: SpreadMove) -> tuple[Reason, ...]:
    """Return why a move was chosen."""
    change, source, target = move.change, move.unit.node, move.target
    where = {"source": source.hostname, "target": target.hostname}
    counts = {"here": change.source, "there": change.target}
    service = move.unit.lead
    reasons = []
    if change.key == NODES:
        reasons.append(Reason("replicas_uneven", service=service.name, **where, **counts))
    elif change.key != TASKS:
        here, there = label_value(source, change.key), label_value(target, change.key)
        values = {"label": change.key, "here_value": here, "there_value": there}
        reasons.append(Reason("topology_uneven", service=service.name, **values, **counts))
    else:
        reasons.append(Reason("tasks_uneven", **where, **counts))
    if move.stays:
        reasons.append(Reason("others_stay", count=move.stays, node=source.hostname))
    if len(move.constraints) > 1:
        reasons.append(Reason("nodes_excluded", count=len(move.constraints) - 1, node=target.hostname))
    return tuple(reasons)


def _counts(unit: MoveUnit) -> dict[str, int]:
    counts: dict[str, int] = {}
    for task in unit.tasks:
        counts[task.service_id] = counts.get(task.service_id, 0) + 1
    return counts

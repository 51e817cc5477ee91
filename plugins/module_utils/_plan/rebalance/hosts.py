# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The physical hosts of a swarm, their memory pressure, and what forbids moves from and to them."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..._model.memory import Memory, NodeMemory
from ..._model.reasons import Reason
from ..._model.rules import RebalanceRules
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import SetPressure, State
from .moves import balancing_moves
from .search import Item, Refusal, gap_bytes, refusal
from .units import SHORT, MoveUnit

# how many times the usual gap a move needs that reverses the direction of moves for a host within a day
HYSTERESIS = 4.0
HYSTERESIS_SECONDS = 24 * 3600.0
# for this long after a move, the samples of its hosts may still be older than the move
SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Host:
    """A physical host and its nodes that can take part.

    ``used_bytes`` includes the expected growth of tasks that have just arrived. ``busy``: why nothing moves
    from or to it in this cycle, or None. ``received_recently``, ``gave_recently``: whether we have moved a
    unit to it, or off it, within the last day.
    """

    name: str
    total_bytes: int
    used_bytes: int
    nodes: tuple[Node, ...]
    busy: Reason | None = None
    received_recently: bool = False
    gave_recently: bool = False

    @property
    def pressure(self) -> float:
        """The share of the memory in use, from 0 to 1 (more if growth is expected)."""
        return self.used_bytes / self.total_bytes

    def hysteresis(self, target: Host) -> float:
        """Return how many times the usual gap a move to ``target`` needs.

        A host that first receives a unit and then gives one away, or the other way round, indicates noise,
        unless it is really short of memory.
        """
        if self.pressure >= SHORT:
            return 1.0
        return (HYSTERESIS if self.received_recently else 1.0) * (HYSTERESIS if target.gave_recently else 1.0)

    def gap_to(self, other: Host) -> float:
        """Return the gap in bytes, as defined by ``_plan.rebalance.search``."""
        return gap_bytes(self.used_bytes, self.total_bytes, other.used_bytes, other.total_bytes)

    def refusal(self, item: Item, target: Host) -> Refusal | None:
        """Return why a move of ``item`` to ``target`` is not worthwhile, or None."""
        return refusal(
            item,
            self.used_bytes,
            self.total_bytes,
            target.used_bytes,
            target.total_bytes,
            self.hysteresis(target),
        )


def find_hosts(
    snapshot: SwarmSnapshot,
    memory: Memory,
    unusable: Collection[str],
    units: Iterable[MoveUnit],
    state: State,
    now: float,
) -> tuple[Host, ...]:
    """Return the measured hosts that have a ready and active node, by descending pressure.

    ``unusable``: the IDs of ``unusable_nodes``.
    """
    nodes: dict[str, list[Node]] = {}
    total: dict[str, int] = {}
    used: dict[str, int] = {}
    for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id)):
        sample = memory.nodes.get(node.id)
        if sample is None or node.id in unusable:
            continue
        nodes.setdefault(sample.host, []).append(node)
        # the nodes of one host share its sample; if the samples differ, the highest one counts
        sample_used = used_memory(sample)
        if sample_used >= used.get(sample.host, 0):
            used[sample.host], total[sample.host] = sample_used, sample.total_bytes
    for unit in units:
        sample = memory.nodes.get(unit.node.id)
        if sample is not None and sample.host in used:
            used[sample.host] += unit.growth_bytes
    busy = _busy(memory, state, now)
    received, gave = _involved_recently(memory, state, now)
    found = [
        Host(
            name=name,
            total_bytes=total[name],
            used_bytes=used[name],
            nodes=tuple(nodes[name]),
            busy=busy.get(name),
            received_recently=name in received,
            gave_recently=name in gave,
        )
        for name in nodes
    ]
    return tuple(sorted(found, key=lambda host: (-host.pressure, host.name)))


def used_memory(sample: NodeMemory) -> int:
    """Return the bytes in use on a host. If processes wait for memory there, it counts as short of memory."""
    return (
        max(sample.used_bytes, int(SHORT * sample.total_bytes)) if sample.is_strained else sample.used_bytes
    )


def unusable_nodes(snapshot: SwarmSnapshot, memory: Memory) -> dict[str, Reason]:
    """Return node ID → why nothing moves from or to the node, for the nodes that can't take part."""
    found: dict[str, Reason] = {}
    for node in snapshot.nodes:
        sample = memory.nodes.get(node.id)
        if not node.is_ready:
            found[node.id] = Reason("node_state_unusable", state=node.state)
        elif node.availability != "active":
            found[node.id] = Reason("node_availability_unusable", availability=node.availability)
        elif sample is None or sample.total_bytes <= 0:
            found[node.id] = Reason("node_unmeasured")
    return found


def pressure_edits(
    hosts: tuple[Host, ...], rules: RebalanceRules, state: State, now: float
) -> tuple[SetPressure, ...]:
    """Return the edits to the saved times since when hosts have been far above the one with the least
    pressure.

    The gap only ends when it has shrunk by more than the smallest buffer, because measurements are noisy.
    """
    all_rules = (rules.default, *rules.services.values())
    begins = min(limits.memory_difference_bytes for limits in all_rules)
    buffer = min(limits.rebalance_buffer_bytes for limits in all_rules)
    ends = max(begins - buffer, begins / 2)
    changes: dict[str, float | None] = {}
    by_name = {host.name: host for host in hosts}
    for name in sorted(by_name.keys() | state.pressure.keys()):
        host = by_name.get(name)
        gap = host.gap_to(hosts[-1]) if host is not None else 0.0
        if name in state.pressure:
            if host is None or gap < ends or gap <= 0:
                changes[name] = None
        elif gap >= begins and gap > 0:
            changes[name] = now
    return (SetPressure(changes),) if changes else ()


def _busy(memory: Memory, state: State, now: float) -> Mapping[str, Reason]:
    """Return host → why its pressure is about to change."""
    busy: dict[str, Reason] = {}

    def mark(node_id: str, reason: Reason) -> None:
        sample = memory.nodes.get(node_id)
        if sample is not None:
            busy.setdefault(sample.host, reason)

    for move in balancing_moves(state).values():
        for node_id in (move.source, *move.nodes):
            mark(node_id, Reason("host_in_move"))
    for relocations in state.relocations.values():
        for made in relocations:
            if now - made.at < SETTLE_SECONDS:
                mark(made.source, Reason("host_just_in_move"))
                mark(made.target, Reason("host_just_in_move"))
    return busy


def _involved_recently(memory: Memory, state: State, now: float) -> tuple[set[str], set[str]]:
    """Return the hosts that received a unit, and those that gave one away, within the last day."""
    received: set[str] = set()
    gave: set[str] = set()
    for relocations in state.relocations.values():
        for made in relocations:
            if made.failed is None and now - made.at < HYSTERESIS_SECONDS:
                for node_id, hosts in ((made.target, received), (made.source, gave)):
                    sample = memory.nodes.get(node_id)
                    if sample is not None:
                        hosts.add(sample.host)
    return received, gave

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select the moves of this cycle, and record each decision with its facts.

``explanation`` renders these records, so no decision is repeated to explain it.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..._model.memory import Memory
from ..._model.reasons import Reason
from ..._model.rules import RebalanceRules
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import SetAhead, State, apply_edits
from ..anchors.groups import AnchorGroup, followed_labels
from ..spread.layout import Layout
from .hosts import Host, find_hosts, pressure_edits, unusable_nodes
from .search import FEW_HOSTS, Item, Limits, Refusal, Search
from .targets import TargetFinder
from .units import MoveUnit, find_units

# how many of the hosts with the least pressure are judged as targets: if none of them is worthwhile, no host
# is
JUDGED_TARGETS = 3


@dataclass(frozen=True)
class TargetVerdict:
    """The verdict on one host as the target of a unit.

    The move is possible if the host isn't ``busy``, there is no ``refusal``, and a ``node`` can take the
    unit. ``obstacles``: why no node can.
    """

    host: Host
    busy: Reason | None = None
    refusal: Refusal | None = None
    node: Node | None = None
    obstacles: tuple[Reason, ...] = ()

    @property
    def is_possible(self) -> bool:
        return self.node is not None


@dataclass(frozen=True)
class Verdict:
    """The verdict on a unit.

    ``refused``: why it can't move at all to balance memory; then there are no ``targets``. ``source``: None
    if its node can't take part. ``elapsed_seconds``: how long the pressure on the source has lasted.
    """

    unit: MoveUnit
    source: Host | None
    refused: Reason | None
    elapsed_seconds: float
    has_lasted: bool
    targets: tuple[TargetVerdict, ...] = ()

    @property
    def best_target(self) -> TargetVerdict | None:
        """The host with the least pressure to which the unit could move."""
        return next((target for target in self.targets if target.is_possible), None)


@dataclass(frozen=True)
class MemoryChoice:
    """A move to reduce a gap. ``following``: how many moves the search has planned after it.

    ``was_planned``: whether an earlier cycle planned it as one of those.
    """

    source: Host
    target: Host
    elapsed_seconds: float
    following: int
    was_planned: bool


@dataclass(frozen=True)
class PreferenceChoice:
    """A move to a preferred node. ``after``: the host's pressure with the unit. ``worst``: the highest of all
    hosts."""

    target: Host
    after: float
    worst: float


@dataclass(frozen=True)
class Chosen:
    """A move to begin, and its constraints."""

    unit: MoveUnit
    target: Node
    constraints: tuple[str, ...]
    choice: MemoryChoice | PreferenceChoice


class MoveSelector:
    """The decisions of one cycle. The arguments are those of ``plan_rebalance``."""

    def __init__(
        self,
        snapshot: SwarmSnapshot,
        groups: tuple[AnchorGroup, ...],
        memory: Memory,
        rules: RebalanceRules,
        state: State,
        now: float,
    ) -> None:
        self.snapshot = snapshot
        self.rules = rules
        self.now = now
        self.unusable = unusable_nodes(snapshot, memory)
        self.units = find_units(snapshot, groups, memory, rules, state, now)
        self.hosts = find_hosts(snapshot, memory, self.unusable, self.units, state, now)
        self.pressure_edits = pressure_edits(self.hosts, rules, state, now)
        self.since = apply_edits(state, self.pressure_edits).pressure
        layout = Layout(snapshot, rules.spread.topology) if rules.spread is not None else None
        self.targets = TargetFinder(snapshot, followed_labels(groups), now, memory.volumes, layout)
        self.host_of = {node.id: host for host in self.hosts for node in host.nodes}
        # unit → its preferred node, and why it doesn't move there
        self.refused_preferences: dict[str, tuple[Node, Reason]] = {}
        self._refused = {_key(unit): self._refusal(unit) for unit in self.units}
        self._verdicts: dict[str, Verdict] = {}
        self._target_verdicts: dict[tuple[str, str], TargetVerdict] = {}
        self._planned_before = state.ahead
        # the plan of this cycle's search, and the earlier plan for hosts that are busy now
        self._planned = self._planned_of_busy_hosts()

    # selecting

    def select(self, most: int) -> tuple[Chosen, ...]:
        """Return at most ``most`` moves, no two of one service or host: for memory first, then for
        preferences."""
        chosen: list[Chosen] = []
        if most > 0:
            chosen += self._by_memory(most)
        if len(chosen) < most:
            chosen += self._by_preference(most - len(chosen), chosen)
        return tuple(chosen)

    def _by_memory(self, most: int) -> list[Chosen]:
        free = [host for host in self.hosts if host.busy is None]
        if len(free) < 2 or not any(self.has_lasted(host) for host in free):
            return []
        search, units = self.search(free)
        chosen: list[Chosen] = []
        touched: set[str] = set()
        taken: set[str] = set()
        moves = [
            (units[move.item], free[move.target])
            for move in search.best_moves(self._still_planned(units, free))
        ]
        for unit, target in moves:
            node = self._node_on(unit, target)
            if node is not None:
                self._planned[_key(unit)] = node.id
        for unit, target in moves:
            source = self.host_of[unit.node.id]
            # in this order, because a move may depend on the moves before it
            node = self._judge_target(unit, source, target).node
            if node is None or not self.has_lasted(source):
                continue
            # two moves of one service would conflict: both change its constraints
            if touched & {source.name, target.name} or unit.name in taken:
                continue
            touched |= {source.name, target.name}
            taken.add(unit.name)
            choice = MemoryChoice(
                source=source,
                target=target,
                elapsed_seconds=self.elapsed_seconds(source),
                following=len(moves) - 1,
                was_planned=self._planned_before.get(_key(unit)) == node.id,
            )
            chosen.append(self._chosen(unit, node, choice))
            if len(chosen) == most:
                break
        return chosen

    def _still_planned(self, units: Sequence[MoveUnit], hosts: Sequence[Host]) -> dict[int, int]:
        """Return the earlier planned moves that are still possible: index of the unit → index of the host."""
        index = {node.id: number for number, host in enumerate(hosts) for node in host.nodes}
        found: dict[int, int] = {}
        for number, unit in enumerate(units):
            target = index.get(self._planned_before.get(_key(unit), ""))
            if target is not None and self._node_on(unit, hosts[target]) is not None:
                found[number] = target
        return found

    def _planned_of_busy_hosts(self) -> dict[str, str]:
        """Return the earlier planned moves whose hosts are busy in this cycle."""
        kept = {}
        for key, target in self._planned_before.items():
            pair = (self.host_of.get(key.partition("/")[2]), self.host_of.get(target))
            if None not in pair and any(host is not None and host.busy is not None for host in pair):
                kept[key] = target
        return kept

    def planned_edit(self, chosen: Sequence[Chosen]) -> SetAhead:
        """Return the edit with the moves that remain planned after the chosen ones begin."""
        done = {_key(picked.unit) for picked in chosen}
        return SetAhead({key: target for key, target in self._planned.items() if key not in done})

    def search(self, hosts: Sequence[Host], limits: Limits | None = None) -> tuple[Search, list[MoveUnit]]:
        """Return the search among these hosts, and the units that its items represent."""
        index = {host.name: number for number, host in enumerate(hosts)}
        units: list[MoveUnit] = []
        items: list[Item] = []
        for unit in self.units:
            host = self.host_of.get(unit.node.id)
            if host is None or host.name not in index or self._refused[_key(unit)] is not None:
                continue
            units.append(unit)
            items.append(_item(unit, index[host.name]))
        search = Search(
            [host.total_bytes for host in hosts],
            [host.used_bytes for host in hosts],
            items,
            lambda item, target: self._node_on(units[item], hosts[target]) is not None,
            limits or _limits(len(hosts)),
            lambda source, target: hosts[source].hysteresis(hosts[target]),
        )
        return search, units

    def _by_preference(self, most: int, begun: Sequence[Chosen]) -> list[Chosen]:
        chosen: list[Chosen] = []
        taken = {picked.unit.name for picked in begun}
        touched = {
            self.host_of[node.id].name for picked in begun for node in (picked.unit.node, picked.target)
        }
        for unit in self.units:
            if len(chosen) == most or not unit.preferred or unit.name in taken:
                continue
            node = self._preferred_node(unit)
            if node is None:
                continue
            names = {self.host_of[unit.node.id].name, self.host_of[node.id].name}
            if touched & names:
                continue
            touched |= names
            taken.add(unit.name)
            choice = PreferenceChoice(self.host_of[node.id], self._after(unit, node), self.hosts[0].pressure)
            chosen.append(self._chosen(unit, node, choice))
        return chosen

    def _chosen(self, unit: MoveUnit, node: Node, choice: MemoryChoice | PreferenceChoice) -> Chosen:
        return Chosen(unit, node, self.targets.route(unit, node).constraints, choice)

    # judging

    def elapsed_seconds(self, host: Host) -> float:
        """Return how long the host has been far above the one with the least pressure."""
        return self.now - self.since.get(host.name, self.now)

    def has_lasted(self, host: Host) -> bool:
        """Return whether that is long enough."""
        return host.name in self.since and self.elapsed_seconds(host) >= self.rules.sustained_seconds

    def verdict(self, unit: MoveUnit) -> Verdict:
        """Return the verdict on a unit with regard to memory."""
        key = _key(unit)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(unit)
        return self._verdicts[key]

    def verdicts_on(self, host: Host) -> Iterator[Verdict]:
        """Return the verdicts on the units of one host, large units first."""
        units = [unit for unit in self.units if self.host_of.get(unit.node.id) is host]
        units.sort(key=lambda unit: (-(unit.memory_bytes or 0), unit.name))
        return map(self.verdict, units)

    def verdicts(self) -> Iterator[Verdict]:
        """Return the verdicts on all units, by descending pressure of the host, then by size."""
        rank = {host.name: number for number, host in enumerate(self.hosts)}

        def order(unit: MoveUnit) -> tuple[int, int, str]:
            host = self.host_of.get(unit.node.id)
            return rank.get(host.name if host else "", len(rank)), -(unit.memory_bytes or 0), unit.name

        return map(self.verdict, sorted(self.units, key=order))

    def _judge(self, unit: MoveUnit) -> Verdict:
        source, refused = self.host_of.get(unit.node.id), self._refused[_key(unit)]
        if source is None or refused is not None:
            return Verdict(unit, source, refused, elapsed_seconds=0.0, has_lasted=False)
        lowest = reversed(self.hosts[-JUDGED_TARGETS:])
        return Verdict(
            unit,
            source,
            None,
            elapsed_seconds=self.elapsed_seconds(source),
            has_lasted=self.has_lasted(source),
            targets=tuple(self._judge_target(unit, source, host) for host in lowest if host is not source),
        )

    def _refusal(self, unit: MoveUnit) -> Reason | None:
        """Return why a unit can't move to any host to balance memory, or None."""
        source = self.host_of.get(unit.node.id)
        if source is None:
            return self.unusable[unit.node.id]
        if unit.forbidden is not None:
            return unit.forbidden
        if unit.node in unit.preferred:
            return Reason("on_preferred_node", node=unit.node.hostname)
        return (
            None if source.busy is None else Reason("host_left_alone", host=source.name, reason=source.busy)
        )

    def _judge_target(self, unit: MoveUnit, source: Host, target: Host) -> TargetVerdict:
        key = (_key(unit), target.name)
        if key not in self._target_verdicts:
            self._target_verdicts[key] = self._target_verdict(unit, source, target)
        return self._target_verdicts[key]

    def _target_verdict(self, unit: MoveUnit, source: Host, target: Host) -> TargetVerdict:
        if target.busy is not None:
            return TargetVerdict(target, busy=target.busy)
        refusal = source.refusal(_item(unit), target)
        if refusal is not None:
            return TargetVerdict(target, refusal=refusal)
        node = self._node_on(unit, target)
        if node is None:
            return TargetVerdict(target, obstacles=self.targets.route(unit, target.nodes[0]).obstacles)
        return TargetVerdict(target, node=node)

    def _node_on(self, unit: MoveUnit, host: Host) -> Node | None:
        """Return a node of the host that can take the unit."""
        return next((node for node in host.nodes if self.targets.route(unit, node).is_open), None)

    def _preferred_node(self, unit: MoveUnit) -> Node | None:
        """Return the preferred node to which the unit can move now."""
        if unit.forbidden is not None:
            return None
        source = self.host_of.get(unit.node.id)
        for node in unit.preferred:
            if source is None:
                refused: Reason | None = self.unusable[unit.node.id]
            elif source.busy is not None:
                refused = Reason("host_left_alone", host=source.name, reason=source.busy)
            else:
                refused = self._preference_refusal(unit, node)
            if refused is None:
                return node
            self.refused_preferences[_key(unit)] = (node, refused)
        return None

    def preference_refusal(self, unit: MoveUnit) -> tuple[Node, Reason] | None:
        """Return the preferred node of the unit and why it doesn't move there; None if that was not
        considered."""
        return self.refused_preferences.get(_key(unit))

    def _preference_refusal(self, unit: MoveUnit, node: Node) -> Reason | None:
        tasks = self.snapshot.tasks_of(unit.lead)
        if any(task.should_run and task.node_id == node.id for task in tasks):
            return Reason("preferred_node_has_task")
        host = self.host_of.get(node.id)
        if host is None:
            return self.unusable[node.id]
        if host.busy is not None:
            return host.busy
        route = self.targets.route(unit, node)
        if not route.is_open:
            return route.obstacles[0]
        if self._after(unit, node) > self.hosts[0].pressure:
            return Reason("would_be_worst_pressure")
        return None

    def _after(self, unit: MoveUnit, node: Node) -> float:
        """Return the pressure on the node's host with the unit on it."""
        host = self.host_of[node.id]
        arrives = 0 if host is self.host_of.get(unit.node.id) else unit.memory_bytes or 0
        return (host.used_bytes + arrives) / host.total_bytes


def _key(unit: MoveUnit) -> str:
    """Return the key of a unit in ``State.ahead``."""
    return f"{unit.lead.id}/{unit.node.id}"


def _item(unit: MoveUnit, host: int = 0) -> Item:
    """Return the unit in numbers. ``host`` is an index."""
    return Item(
        host=host,
        memory=unit.memory_bytes or 0,
        difference=unit.rules.memory_difference_bytes,
        buffer=unit.rules.rebalance_buffer_bytes,
    )


def _limits(hosts: int) -> Limits:
    """Return the limits for this many hosts. With many, the search is less deep: only its first moves matter
    now.

    With few hosts, the result is refined, so the search keeps fewer sequences.
    """
    if hosts <= FEW_HOSTS:
        return Limits(width=8, branches=12, each=1)
    return Limits() if hosts <= 50 else Limits(width=4, depth=6)

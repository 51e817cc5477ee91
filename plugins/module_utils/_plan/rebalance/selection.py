# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose what moves in this cycle, and say why, and why not the others."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..._model.memory import Memory
from ..._model.rules import GB, MB, RebalanceRules
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import SetAhead, State, apply_edits
from ..anchors.groups import AnchorGroup, followed_labels
from .hosts import (
    Host,
    find_hosts,
    pressure_edits,
    why_not_usable,
)
from .search import (
    FEW_HOSTS,
    Item,
    Limits,
    Search,
)
from .targets import Targets
from .units import Unit, find_units

CHOSEN = "chosen"
POSSIBLE = "possible"
REJECTED = "rejected"


@dataclass(frozen=True)
class Candidate:
    """A unit and what was decided on it. ``verdict``: CHOSEN, POSSIBLE (another is better) or REJECTED."""

    title: str
    node: str
    memory_bytes: int | None
    verdict: str
    reason: str

    def __str__(self) -> str:
        return f"{self.title} on {self.node}: {self.reason}"


@dataclass(frozen=True)
class Chosen:
    """A move that is to be begun, by which constraints, and why."""

    unit: Unit
    target: Node
    constraints: tuple[str, ...]
    why: tuple[str, ...]


class Choice:
    """The decisions of one cycle; the arguments are those of ``plan_rebalance``."""

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
        self.memory = memory
        self.rules = rules
        self.now = now
        self.units = find_units(snapshot, groups, memory, rules, state, now)
        self.hosts = find_hosts(snapshot, memory, self.units, state, now)
        self.pressure_edits = pressure_edits(self.hosts, rules, state, now)
        self.since = apply_edits(state, self.pressure_edits).pressure
        self.targets = Targets(snapshot, followed_labels(groups), now)
        self.host_of = {node.id: host for host in self.hosts for node in host.nodes}
        self.begun = state.ahead
        # what the search of this cycle wants, with what an earlier one wanted of hosts that are busy now
        self.ahead = self._of_busy_hosts()

    # choosing

    def choose(self, most: int) -> tuple[Chosen, ...]:
        """At most so many moves, no two of one service or of one host: memory first, then preferences."""
        chosen: list[Chosen] = []
        if most > 0:
            chosen += self._by_memory(most)
        if len(chosen) < most:
            chosen += self._by_preference(most - len(chosen), chosen)
        return tuple(chosen)

    def _by_memory(self, most: int) -> list[Chosen]:
        free = [host for host in self.hosts if host.busy is None]
        if len(free) < 2 or not any(self._has_lasted(host) for host in free):
            return []
        search, units = self.search(free)
        chosen: list[Chosen] = []
        touched: set[int] = set()
        taken: set[str] = set()
        moves = search.best_moves(self._ahead(units, free))
        nodes = [self._node_on(units[move.item], free[move.target]) for move in moves]
        for move, node in zip(moves, nodes):
            if node is not None:
                self.ahead[_key(units[move.item])] = node.id
        for move, node in zip(moves, nodes):
            unit, item = units[move.item], search.items[move.item]
            source, target = free[item.host], free[move.target]
            # in their order: a later move of the sequence may rest on the ones before it
            now_worth = source.refusal(item, target)
            if node is None or now_worth is not None or not self._has_lasted(source):
                continue
            # two moves of one service would be in each other's way: both are written into its constraints
            if touched & {item.host, move.target} or unit.name in taken:
                continue
            touched |= {item.host, move.target}
            taken.add(unit.name)
            why = self._why_memory(unit, source, target, len(moves) - 1)
            if self.begun.get(_key(unit)) == node.id:
                why = (*why, "planned so with the move before it, and nothing much better has turned up")
            chosen.append(self._chosen(unit, node, why))
            if len(chosen) == most:
                break
        return chosen

    def _ahead(self, units: Sequence[Unit], hosts: Sequence[Host]) -> dict[int, int]:
        """What is remembered to be ahead of us, as far as it can still be done: index of the unit → host."""
        index = {node.id: number for number, host in enumerate(hosts) for node in host.nodes}
        found: dict[int, int] = {}
        for number, unit in enumerate(units):
            target = index.get(self.begun.get(_key(unit), ""))
            if target is not None and self._node_on(unit, hosts[target]) is not None:
                found[number] = target
        return found

    def _of_busy_hosts(self) -> dict[str, str]:
        """What is remembered to be ahead of hosts that are left alone in this cycle."""
        kept = {}
        for key, target in self.begun.items():
            pair = (self.host_of.get(key.partition("/")[2]), self.host_of.get(target))
            if None not in pair and any(host is not None and host.busy is not None for host in pair):
                kept[key] = target
        return kept

    def edit_ahead(self, chosen: Sequence[Chosen]) -> SetAhead:
        """What is ahead once the chosen moves have been begun."""
        done = {_key(picked.unit) for picked in chosen}
        return SetAhead({key: target for key, target in self.ahead.items() if key not in done})

    def search(self, hosts: Sequence[Host], limits: Limits | None = None) -> tuple[Search, list[Unit]]:
        """The search among these hosts, and the units that its items stand for."""
        index = {host.name: number for number, host in enumerate(hosts)}
        units: list[Unit] = []
        items: list[Item] = []
        for unit in self.units:
            host = self.host_of.get(unit.node.id)
            if host is None or host.name not in index or self._never(unit) is not None:
                continue
            rules = unit.rules
            units.append(unit)
            items.append(
                Item(
                    host=index[host.name],
                    memory=unit.memory_bytes or 0,
                    difference=rules.memory_difference_bytes,
                    buffer=rules.rebalance_buffer_bytes,
                )
            )
        search = Search(
            [host.total_bytes for host in hosts],
            [host.used_bytes for host in hosts],
            items,
            lambda item, target: self._node_on(units[item], hosts[target]) is not None,
            limits or _limits(len(hosts)),
            lambda source, target: hosts[source].caution(hosts[target]),
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
            if self._preference_refused(unit) is not None:
                continue
            node = self._preferred_node(unit)
            source = self.host_of[unit.node.id]
            if node is None or touched & {source.name, self.host_of[node.id].name}:
                continue
            touched |= {source.name, self.host_of[node.id].name}
            taken = taken | {unit.name}
            after, worst = _percent(self._after(unit, node)), _percent(self.hosts[0].pressure)
            why = (
                f"{node.hostname} is its preferred node, and it runs on {unit.node.hostname}",
                f"predicted {after} on {self.host_of[node.id].name}, not above the worst pressure ({worst})",
            )
            chosen.append(self._chosen(unit, node, why))
        return chosen

    def _chosen(self, unit: Unit, node: Node, why: tuple[str, ...]) -> Chosen:
        constraints = self.targets.way(unit, node).constraints
        if len(constraints) > 1:
            why = (
                *why,
                f"{len(constraints) - 1} more nodes are excluded, so that Swarm takes {node.hostname}",
            )
        return Chosen(unit, node, constraints, why)

    # judging

    def _has_lasted(self, host: Host) -> bool:
        since = self.since.get(host.name)
        return since is not None and self.now - since >= self.rules.sustained_seconds

    def _never(self, unit: Unit) -> str | None:
        """Why a unit may not be moved for the sake of memory, wherever to."""
        if unit.forbidden is not None:
            return unit.forbidden
        if unit.node in unit.preferred:
            return f"{unit.node.hostname} is its preferred node"
        return None

    def _node_on(self, unit: Unit, host: Host) -> Node | None:
        """A node of the host that the unit can go to."""
        for node in host.nodes:
            if self.targets.way(unit, node).is_open:
                return node
        return None

    def _preferred_node(self, unit: Unit) -> Node | None:
        for node in unit.preferred:
            if self._refused_at(unit, node) is None:
                return node
        return None

    def _preference_refused(self, unit: Unit) -> str | None:
        """Why a unit is not brought to its preferred node, or None."""
        if unit.forbidden is not None:
            return unit.forbidden
        source = self.host_of.get(unit.node.id)
        if source is None:
            return f"{why_not_usable(unit.node, self.memory)}"
        if source.busy is not None:
            return f"{source.name}: {source.busy}"
        reasons = []
        for node in unit.preferred:
            reason = self._refused_at(unit, node)
            if reason is None:
                return None
            reasons.append(f"{node.hostname}: {reason}")
        return "; ".join(reasons)

    def _refused_at(self, unit: Unit, node: Node) -> str | None:
        tasks = self.snapshot.tasks_of(unit.lead)
        if any(task.should_run and task.node_id == node.id for task in tasks):
            return "it is there already"
        host = self.host_of.get(node.id)
        if host is None:
            return why_not_usable(node, self.memory)
        if host.busy is not None:
            return host.busy
        way = self.targets.way(unit, node)
        if not way.is_open:
            return "; ".join(way.obstacles)
        if self._after(unit, node) > self.hosts[0].pressure:
            return "it would raise the worst pressure"
        return None

    def _after(self, unit: Unit, node: Node) -> float:
        """The pressure on the node's host with the unit there."""
        host = self.host_of[node.id]
        comes = 0 if host is self.host_of.get(unit.node.id) else unit.memory_bytes or 0
        return (host.used_bytes + comes) / host.total_bytes

    # explaining

    def candidates(self, chosen: tuple[Chosen, ...]) -> tuple[Candidate, ...]:
        """All units with the verdict on each, those on the hosts with most pressure first."""
        picked = {(one.unit.lead.id, one.unit.node.id): one for one in chosen}
        rank = {host.name: number for number, host in enumerate(self.hosts)}

        def order(unit: Unit) -> tuple[int, int, str]:
            host = self.host_of.get(unit.node.id)
            return rank.get(host.name if host else "", len(rank)), -(unit.memory_bytes or 0), unit.name

        return tuple(
            self._candidate(unit, picked.get((unit.lead.id, unit.node.id)))
            for unit in sorted(self.units, key=order)
        )

    def alternatives(self, picked: Chosen, most: int) -> tuple[str, ...]:
        """What else on the same host could have been moved, and why it is not."""
        source = self.host_of[picked.unit.node.id]
        found = [
            candidate
            for candidate in self._on(source)
            if candidate.title != picked.unit.title or candidate.node != picked.unit.node.hostname
        ]
        return tuple(str(candidate) for candidate in found[:most])

    def why_nothing(self, most: int) -> list[str]:
        """In words, why nothing moves although there is a gap; nothing where there is none."""
        if not self.hosts or not any(host.name in self.since for host in self.hosts):
            return []
        worst = next(host for host in self.hosts if host.name in self.since)
        lowest = self.hosts[-1]
        text = self._gap_in_words(worst, lowest)
        if worst.busy is not None:
            return [f"{text}; nothing moves: {worst.busy}"]
        if not self._has_lasted(worst):
            return [f"{text}; nothing moves before it has lasted {self.rules.sustained_seconds / 60:.0f} min"]
        reasons = [str(candidate) for candidate in self._on(worst)[:most]]
        return [f"{text}, and nothing can be done about it", *reasons]

    def _on(self, host: Host) -> list[Candidate]:
        units = [unit for unit in self.units if self.host_of.get(unit.node.id) is host]
        units.sort(key=lambda unit: (-(unit.memory_bytes or 0), unit.name))
        return [self._candidate(unit, None) for unit in units[:50]]

    def _candidate(self, unit: Unit, picked: Chosen | None) -> Candidate:
        verdict, reason = REJECTED, ""
        if picked is not None:
            verdict, reason = CHOSEN, f"moves to {picked.target.hostname}"
        else:
            reason = self._refusal(unit)
            if not reason:
                verdict, reason = POSSIBLE, self._possibility(unit)
        return Candidate(unit.title, unit.node.hostname, unit.memory_bytes, verdict, reason)

    def _refusal(self, unit: Unit) -> str:
        """Why a unit is not moved for the sake of memory; empty where it could be."""
        never = self._never(unit)
        source = self.host_of.get(unit.node.id)
        if source is None:
            return f"{why_not_usable(unit.node, self.memory)}"
        if never is not None:
            return never
        if source.busy is not None:
            return f"{source.name}: {source.busy}"
        reasons: list[str] = []
        # the lowest hosts say it all: if those are not worth it, none is
        for target in reversed(self.hosts[-3:]):
            if target is source:
                continue
            reason = self._refusal_at(unit, source, target)
            if reason is None:
                return "" if self._has_lasted(source) else "the gap has not lasted for long enough"
            reasons.append(f"to {target.name}: {reason}")
        return "; ".join(reasons) or "there is no other host"

    def _possibility(self, unit: Unit) -> str:
        source = self.host_of[unit.node.id]
        for target in reversed(self.hosts[-3:]):
            if target is not source and self._refusal_at(unit, source, target) is None:
                return (
                    f"could go to {target.name} ({self._predicted(unit, source, target)}); another is better"
                )
        return "could be moved; another is better"

    def _predicted(self, unit: Unit, source: Host, target: Host) -> str:
        used = unit.memory_bytes or 0
        after = _percent((source.used_bytes - used) / source.total_bytes)
        target_after = _percent((target.used_bytes + used) / target.total_bytes)
        return f"predicted {after} on {source.name}, {target_after} on {target.name}"

    def _refusal_at(self, unit: Unit, source: Host, target: Host) -> str | None:
        if target.busy is not None:
            return target.busy
        limits, used = unit.rules, unit.memory_bytes or 0
        item = Item(0, used, limits.memory_difference_bytes, limits.rebalance_buffer_bytes)
        refused = source.refusal(item, target)
        if refused is not None and refused[0] == "difference" and refused[1] <= 0:
            return "it has no less pressure"
        if refused is not None and refused[0] == "difference":
            desired = _size(source.needed_gap(item, target))
            return f"the gap is {_size(refused[1])}, less than {desired}"
        if refused is not None and refused[1] <= 0:
            return f"with its {_size(used)} the gap would only change sides"
        if refused is not None:
            desired = _size(limits.rebalance_buffer_bytes)
            return f"with its {_size(used)} the pair would be {_size(refused[1])} better, less than {desired}"
        if self._node_on(unit, target) is None:
            ways = [self.targets.way(unit, node).obstacles for node in target.nodes]
            return "; ".join(ways[0])
        return None

    def _why_memory(self, unit: Unit, source: Host, target: Host, more: int) -> tuple[str, ...]:
        predicted = f"it uses {_size(unit.memory_bytes or 0)}: {self._predicted(unit, source, target)}"
        why = [self._gap_in_words(source, target), predicted]
        if more > 0:
            why.append(f"best as the first of {more + 1} moves; the others are looked at again after it")
        return tuple(why)

    def _gap_in_words(self, source: Host, target: Host) -> str:
        since = self.since.get(source.name, self.now)
        return (
            f"{source.name} has {_percent(source.pressure)} of its memory in use, {target.name} "
            f"{_percent(target.pressure)}: a gap of {_size(source.gap_to(target))}, "
            f"for {(self.now - since) / 60:.0f} min"
        )


def _key(unit: Unit) -> str:
    """How a unit is named in ``State.ahead``."""
    return f"{unit.lead.id}/{unit.node.id}"


def _limits(hosts: int) -> Limits:
    """With many hosts the search looks less far ahead: no more than its first moves count in this cycle.

    With few, what it finds is refined, so that it need not look at many sequences.
    """
    if hosts <= FEW_HOSTS:
        return Limits(width=8, branches=12, each=1)
    return Limits() if hosts <= 50 else Limits(width=4, depth=6)


def _size(number: float) -> str:
    """Bytes, for people: small clusters have limits below a GiB, too."""
    return f"{number / GB:.1f} GiB" if number >= GB / 2 else f"{number / MB:.0f} MiB"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"

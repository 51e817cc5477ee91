# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the moves that balance memory best, in numbers only.

Pressure is the part of a host's memory that is in use. The gap between two hosts is twice what would have to
move to make their pressures equal: with hosts of one size, the difference of what they have in use.

A beam search over sequences of moves (P. S. Ow, T. E. Morton: Filtered beam search in scheduling, 1988): each
round extends the best sequences by their best moves. Every single move makes its pair of hosts better by
itself; looking further ahead finds those sequences in which a move that is second best at first makes room
for a better one, as in a swap. Of the sequences that end about as well, the shortest is taken. Host pairs
are limited to those with the most and the least pressure, scores are updated by what a move changes, and
whether a move is possible is asked last, so that the time hardly grows with the size of the swarm.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

# of the smaller one of two hosts, this much of a gap is enough, however cautious we are
CAUTION_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be moved. ``host`` is an index into the hosts, memory is in bytes.

    ``difference``: the gap that a move of it needs at least; ``buffer``: by how much the gap must shrink.
    """

    host: int
    memory: int
    difference: int
    buffer: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the search goes; ``close`` is the difference of scores that is not worth a further move."""

    width: int = 12
    depth: int = 24
    hosts: int = 12
    branches: int = 12
    close: float = 0.002


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the result: indexes of item and host."""

    item: int
    target: int


@dataclass(frozen=True, slots=True)
class _Node:
    """A sequence of moves and what comes of it. ``used`` has the hosts that it changes."""

    score: float
    squares: float
    used: Mapping[int, int] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()


def gap_bytes(used: int, total: int, other_used: int, other_total: int) -> float:
    """The gap between two hosts, negative where the other one has more pressure."""
    if not total or not other_total:
        return 0.0
    return (used / total - other_used / other_total) * 2 * total * other_total / (total + other_total)


def needed_gap(difference: int, total: int, target_total: int, caution: float) -> float:
    """The gap that a move needs: ``caution`` times the usual one, but only up to a part of the hosts."""
    return min(difference * caution, max(difference, CAUTION_SHARE * min(total, target_total)))


def refusal(
    item: Item, used: int, total: int, target_used: int, target_total: int, caution: float = 1.0
) -> tuple[str, float] | None:
    """Why a move is not worth it: ``difference`` with the gap, ``buffer`` with what it gains; or None.

    ``caution``: see ``needed_gap``.
    """
    gap = gap_bytes(used, total, target_used, target_total)
    if gap < needed_gap(item.difference, total, target_total, caution) or gap <= 0:
        return "difference", gap
    gain = gap - abs(gap - 2 * item.memory)
    # the pair's worst pressure has to sink, whatever the sizes of the hosts
    sinks = (target_used + item.memory) / target_total < used / total
    if gain < item.buffer or gain <= 0 or not sinks:
        return "buffer", gain
    return None


class Search:
    """One search. ``total`` and ``used``: bytes of each host; ``is_open``: may this item go to that host?

    ``caution``: how many times the usual gap a move from one host to another needs.
    """

    def __init__(
        self,
        total: Sequence[int],
        used: Sequence[int],
        items: Sequence[Item],
        is_open: Callable[[int, int], bool],
        limits: Limits | None = None,
        caution: Callable[[int, int], float] = lambda _source, _target: 1.0,
    ) -> None:
        self.total = total
        self.used = used
        self.items = items
        self.is_open = is_open
        self.limits = limits or Limits()
        self.caution = caution
        self.mean = sum(used) / sum(total) if total else 0.0
        self.order = sorted(range(len(total)), key=lambda host: -used[host] / total[host])
        self.items_of: dict[int, list[int]] = {}
        for index, item in enumerate(items):
            self.items_of.setdefault(item.host, []).append(index)
        # what is too small to be worth a move anywhere is not looked at again and again
        for indexes in self.items_of.values():
            indexes.sort(key=lambda index: -items[index].memory)

    def best_moves(self) -> tuple[Move, ...]:
        """The best sequence found; none where no move is worth it."""
        squares = sum((u / t - self.mean) ** 2 for u, t in zip(self.used, self.total, strict=True))
        start = _Node(self._score({}, squares), squares)
        ends = [start]
        beam = [start]
        for _round in range(self.limits.depth):
            found: dict[frozenset[Move], _Node] = {}
            for node in beam:
                for child in self._children(node):
                    found.setdefault(frozenset(child.moves), child)
            if not found:
                break
            beam = sorted(found.values(), key=_rank)[: self.limits.width]
            ends.append(beam[0])
        best = min(node.score for node in ends)
        return next(node.moves for node in ends if node.score <= best + self.limits.close)

    def change_alone(self, move: Move) -> tuple[float, int]:
        """How much better a move alone makes it (the less the better), and the item, to break ties."""
        item = self.items[move.item]
        used, other = self.used[item.host], self.used[move.target]
        before = self._square(item.host, used) + self._square(move.target, other)
        after = self._square(item.host, used - item.memory) + self._square(move.target, other + item.memory)
        return after - before, move.item

    def _score(self, used: Mapping[int, int], squares: float) -> float:
        """The worst pressure plus the standard deviation, from the pressure of all memory together."""
        worst = max((used[host] / self.total[host] for host in used), default=0.0)
        for host in self.order:
            if host not in used:
                worst = max(worst, self.used[host] / self.total[host])
                break
        return worst + sqrt(max(squares, 0.0) / len(self.total))

    def _children(self, node: _Node) -> list[_Node]:
        """The best continuations, of which each is possible."""
        moved = {move.item for move in node.moves}
        candidates: list[tuple[float, int, int, float]] = []
        sources = self._extremes(node, self.order)
        targets = self._extremes(node, self.order[::-1])
        for source in sources:
            total, used = self.total[source], node.used.get(source, self.used[source])
            for target in targets:
                other_total, other_used = self.total[target], node.used.get(target, self.used[target])
                if source == target or used * other_total <= other_used * total:
                    continue
                caution = self.caution(source, target)
                before = self._square(source, used) + self._square(target, other_used)
                for index in self.items_of.get(source, ()):
                    item = self.items[index]
                    if index in moved or refusal(item, used, total, other_used, other_total, caution):
                        continue
                    after = self._square(source, used - item.memory)
                    after += self._square(target, other_used + item.memory)
                    candidates.append((after - before, index, target, node.squares + after - before))
        candidates.sort()
        children: list[_Node] = []
        for _change, index, target, squares in candidates:
            if len(children) >= self.limits.branches:
                break
            if self.is_open(index, target):
                children.append(self._child(node, index, target, squares))
        return children

    def _child(self, node: _Node, index: int, target: int, squares: float) -> _Node:
        item = self.items[index]
        used = dict(node.used)
        used[item.host] = used.get(item.host, self.used[item.host]) - item.memory
        used[target] = used.get(target, self.used[target]) + item.memory
        return _Node(self._score(used, squares), squares, used, (*node.moves, Move(index, target)))

    def _square(self, host: int, used: int) -> float:
        return (used / self.total[host] - self.mean) ** 2

    def _extremes(self, node: _Node, order: Sequence[int]) -> list[int]:
        """The first hosts of ``order``, with those that the sequence changes in any case."""
        return list(dict.fromkeys([*order[: self.limits.hosts], *node.used]))


def _rank(node: _Node) -> tuple[float, tuple[tuple[int, int], ...]]:
    return node.score, tuple((move.item, move.target) for move in node.moves)

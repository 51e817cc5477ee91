# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the moves that balance memory best. Works on numbers only.

Pressure is the share of a host's memory that is in use. The gap between two hosts is twice the memory that
must move to equalize their pressures. For hosts of one size, it is the difference of their memory in use.

A beam search over sequences of moves (P. S. Ow, T. E. Morton: Filtered beam search in scheduling, 1988): each
round extends the best sequences by their best moves. Every single move relieves the fuller one of its two
hosts. Looking ahead finds sequences in which a move that is second best at first makes room for a better one,
as in a swap. Of sequences with similar results, the shortest wins. The search only considers the hosts with
the most and the least pressure, updates scores incrementally, and checks last whether a move is possible, so
its time hardly grows with the size of the swarm.

With few hosts, ``refine`` then searches for a better assignment, or one with fewer moves. It is used if it
has an order in which each move is worthwhile by itself.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from enum import Enum
from math import sqrt
from typing import NamedTuple

from ..._model.compat import dataclass
from .refine import EVENNESS, Refinement

# a gap of this share of the smaller host is always enough, whatever the hysteresis
HYSTERESIS_SHARE = 0.4
# up to this many hosts, differences of scores are comparable
FEW_HOSTS = 12
# the previous plan is kept unless another score is better by this much
KEPT = 0.004


@dataclass(frozen=True, slots=True)
class Item:
    """An item that can move. ``host`` is an index into the hosts; memory is in bytes.

    ``difference``: the least gap for a move. ``buffer``: by how much the gap must shrink.
    """

    host: int
    memory: int
    difference: int
    buffer: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the search. ``width``: sequences kept in each round, but at least ``each`` per first
    move.

    ``close``: the difference of scores that is not worth another move, with few hosts. ``refined``: how many
    sequences are refined. ``orders``: how many partial orders are tried for each refined assignment.
    """

    width: int = 12
    depth: int = 24
    hosts: int = 12
    branches: int = 12
    each: int = 0
    close: float = 0.005
    refined: int = 6
    orders: int = 200


@dataclass(frozen=True, slots=True)
class ItemMove:
    """One move of the result: indexes of item and host."""

    item: int
    target: int


@dataclass(frozen=True, slots=True)
class _Node:
    """A sequence of moves and its result. ``used``: the memory in use on the hosts that it changes."""

    score: float
    squares: float
    used: Mapping[int, int] = field(default_factory=dict)
    moves: tuple[ItemMove, ...] = ()


def gap_bytes(used: int, total: int, other_used: int, other_total: int) -> float:
    """Return the gap between two hosts; negative if the other one has more pressure."""
    if not total or not other_total:
        return 0.0
    return (used / total - other_used / other_total) * _pair_bytes(total, other_total)


def _pair_bytes(total: int, other_total: int) -> float:
    """Return the factor from a difference of pressures to bytes: the harmonic mean of the two sizes."""
    return 2 * total * other_total / (total + other_total)


def needed_gap(difference: int, total: int, target_total: int, hysteresis: float) -> float:
    """Return the gap that a move needs: ``hysteresis`` times the usual one, up to a share of the smaller
    host."""
    return min(difference * hysteresis, max(difference, HYSTERESIS_SHARE * min(total, target_total)))


class RefusalKind(Enum):
    """The kinds of reasons why a move is not worthwhile."""

    NO_GAP = "no gap"
    SMALL_GAP = "small gap"
    REVERSES_GAP = "reverses the gap"
    SMALL_GAIN = "small gain"


class Refusal(NamedTuple):
    """Why a move is not worthwhile: the gap or gain that was found, and the needed one, in bytes."""

    kind: RefusalKind
    found: float
    needed: float


def refusal(
    item: Item, used: int, total: int, target_used: int, target_total: int, hysteresis: float = 1.0
) -> Refusal | None:
    """Return why a move is not worthwhile, or None. ``hysteresis``: see ``needed_gap``."""
    gap = gap_bytes(used, total, target_used, target_total)
    needed = needed_gap(item.difference, total, target_total, hysteresis)
    if gap <= 0:
        return Refusal(RefusalKind.NO_GAP, gap, needed)
    if gap < needed:
        return Refusal(RefusalKind.SMALL_GAP, gap, needed)
    worst = max((used - item.memory) / total, (target_used + item.memory) / target_total)
    # for hosts of one size, the gap shrinks by twice the relief of the fuller one
    gain = 2 * (used / total - worst) * _pair_bytes(total, target_total)
    if gain <= 0:
        return Refusal(RefusalKind.REVERSES_GAP, gain, item.buffer)
    if gain < item.buffer:
        return Refusal(RefusalKind.SMALL_GAIN, gain, item.buffer)
    return None


class Search:
    """One search. ``total`` and ``used``: bytes of each host. ``is_open``: whether an item may move to a
    host.

    ``hysteresis``: how many times the usual gap a move from one host to another needs.
    """

    def __init__(
        self,
        total: Sequence[int],
        used: Sequence[int],
        items: Sequence[Item],
        is_open: Callable[[int, int], bool],
        limits: Limits | None = None,
        hysteresis: Callable[[int, int], float] = lambda _source, _target: 1.0,
    ) -> None:
        self.total = total
        self.used = used
        self.items = items
        self.is_open = is_open
        self.limits = limits or Limits()
        self.hysteresis = hysteresis
        self.mean = sum(used) / sum(total) if total else 0.0
        self.order = sorted(range(len(total)), key=lambda host: -used[host] / total[host])
        self._pairs: dict[tuple[int, int, int, int], list[tuple[float, int, int]]] = {}
        self.items_of: dict[int, list[int]] = {}
        for index, item in enumerate(items):
            self.items_of.setdefault(item.host, []).append(index)
        # large items first
        for indexes in self.items_of.values():
            indexes.sort(key=lambda index: -items[index].memory)
        self._least_difference = {
            host: min(items[index].difference for index in indexes) for host, indexes in self.items_of.items()
        }

    def best_moves(self, ahead: Mapping[int, int] | None = None) -> tuple[ItemMove, ...]:
        """Return the best sequence found; empty if no move is worthwhile.

        ``ahead``: item → host, the remaining moves of an earlier search. With few hosts they are kept unless
        another result is clearly better.
        """
        squares = sum((u / t - self.mean) ** 2 for u, t in zip(self.used, self.total))
        start = _Node(self._score({}, squares), squares)
        ends = [start]
        beam = [start]
        for _round in range(self.limits.depth):
            found: dict[frozenset[ItemMove], _Node] = {}
            for node in beam:
                for child in self._children(node):
                    found.setdefault(frozenset(child.moves), child)
            if not found:
                break
            beam = self._keep(found.values())
            ends.append(beam[0])
        if len(ends) == 1:
            # without a worthwhile first move, no order of moves is worthwhile
            return ()
        best = min(node.score for node in ends)
        # the effect of one move is smaller in a larger swarm
        close = self.limits.close * min(1.0, FEW_HOSTS / len(self.total)) if self.total else 0.0
        found_moves = next(node.moves for node in ends if node.score <= best + close)
        return self._refined(ends, found_moves, ahead or {}) if len(self.total) <= FEW_HOSTS else found_moves

    def _refined(
        self, ends: Sequence[_Node], found: tuple[ItemMove, ...], ahead: Mapping[int, int]
    ) -> tuple[ItemMove, ...]:
        """Return a sequence with a better result, or a similar one with fewer moves, if there is one."""
        if not self.items:
            return found
        refinement = Refinement(
            self.total,
            self.used,
            [item.host for item in self.items],
            [item.memory for item in self.items],
            self.is_open,
        )
        least = refinement.cost({move.item: move.target for move in found})
        starts = sorted(ends, key=lambda node: refinement.cost({m.item: m.target for m in node.moves}))
        assignments = [{move.item: move.target for move in node.moves} for node in starts]
        assignments = assignments[: self.limits.refined]
        if ahead:
            assignments.insert(0, dict(ahead))
            kept, cost = self._ordered(ahead), refinement.cost(ahead) - KEPT
            if kept is not None and cost < least:
                found, least = kept, cost
        for moved in refinement.candidates(assignments):
            if refinement.cost(moved) >= least - 1e-9:
                break
            ordered = self._ordered(moved)
            if ordered is not None:
                return ordered
        return found

    def _ordered(self, moved: Mapping[int, int]) -> tuple[ItemMove, ...] | None:
        """Return an order of the moves in which each is worthwhile by itself; None if none was found.

        The move with the largest gain goes first. If that fails, others are tried, up to the limits.
        """
        tried = 0
        dead: set[frozenset[int]] = set()

        def complete(used: list[int], left: frozenset[int]) -> tuple[ItemMove, ...] | None:
            nonlocal tried
            if not left:
                return ()
            tried += 1
            if tried > self.limits.orders or left in dead:
                return None
            for index in self._worth_now(used, moved, left):
                after, item, target = list(used), self.items[index], moved[index]
                after[item.host] -= item.memory
                after[target] += item.memory
                later = complete(after, left - {index})
                if later is not None:
                    return (ItemMove(index, target), *later)
            dead.add(left)
            return None

        return complete(list(self.used), frozenset(moved))

    def _worth_now(self, used: Sequence[int], moved: Mapping[int, int], left: Iterable[int]) -> list[int]:
        """Return the remaining items whose move is worthwhile now, best first."""
        ways: list[tuple[float, int]] = []
        for index in left:
            item, target = self.items[index], moved[index]
            source, total = item.host, self.total
            hysteresis = self.hysteresis(source, target)
            if refusal(item, used[source], total[source], used[target], total[target], hysteresis) is None:
                before = self._square(source, used[source]) + self._square(target, used[target])
                after = self._square(source, used[source] - item.memory)
                after += self._square(target, used[target] + item.memory)
                ways.append((after - before, index))
        return [index for _change, index in sorted(ways)]

    def _keep(self, found: Iterable[_Node]) -> list[_Node]:
        """Return the best sequences and the best few for each first move, best first.

        A large item that must move first worsens the score until others have followed. Without reserved
        places, such sequences would soon be dropped.
        """
        ranked = sorted(found, key=_rank)
        kept, of_first = [], Counter[ItemMove]()
        for number, node in enumerate(ranked):
            first = node.moves[0]
            if number < self.limits.width or of_first[first] < self.limits.each:
                of_first[first] += 1
                kept.append(node)
        return kept

    def _score(self, used: Mapping[int, int], squares: float) -> float:
        """Return the score: the highest pressure plus a weighted standard deviation from the mean
        pressure."""
        worst = max((used[host] / self.total[host] for host in used), default=0.0)
        for host in self.order:
            if host not in used:
                worst = max(worst, self.used[host] / self.total[host])
                break
        return worst + EVENNESS * sqrt(max(squares, 0.0) / len(self.total))

    def _children(self, node: _Node) -> list[_Node]:
        """Return the best possible continuations."""
        moved = {move.item for move in node.moves}
        candidates: list[tuple[float, int, int]] = []
        sources = self._extremes(node, self.order)
        targets = self._extremes(node, self.order[::-1])
        for source in sources:
            used = node.used.get(source, self.used[source])
            for target in targets:
                if source != target:
                    found = self._worth(source, used, target, node.used.get(target, self.used[target]))
                    candidates += [candidate for candidate in found if candidate[1] not in moved]
        candidates.sort()
        children: list[_Node] = []
        for change, index, target in candidates:
            if len(children) >= self.limits.branches:
                break
            if self.is_open(index, target):
                children.append(self._child(node, index, target, node.squares + change))
        return children

    def _worth(self, source: int, used: int, target: int, other_used: int) -> list[tuple[float, int, int]]:
        """Return change of the squares, item and target of each worthwhile move between two hosts."""
        # cached, because most sequences do not change most pairs of hosts
        key = (source, used, target, other_used)
        if key not in self._pairs:
            total, other_total = self.total[source], self.total[target]
            found = []
            hysteresis = self.hysteresis(source, target)
            gap = gap_bytes(used, total, other_used, other_total)
            if gap > 0 and gap >= needed_gap(
                self._least_difference.get(source, 0), total, other_total, hysteresis
            ):
                before = self._square(source, used) + self._square(target, other_used)
                for index in self.items_of.get(source, ()):
                    item = self.items[index]
                    if refusal(item, used, total, other_used, other_total, hysteresis) is None:
                        after = self._square(source, used - item.memory)
                        after += self._square(target, other_used + item.memory)
                        found.append((after - before, index, target))
            self._pairs[key] = found
        return self._pairs[key]

    def _child(self, node: _Node, index: int, target: int, squares: float) -> _Node:
        item = self.items[index]
        used = dict(node.used)
        used[item.host] = used.get(item.host, self.used[item.host]) - item.memory
        used[target] = used.get(target, self.used[target]) + item.memory
        return _Node(self._score(used, squares), squares, used, (*node.moves, ItemMove(index, target)))

    def _square(self, host: int, used: int) -> float:
        return (used / self.total[host] - self.mean) ** 2

    def _extremes(self, node: _Node, order: Sequence[int]) -> list[int]:
        """Return the first hosts of ``order`` and all hosts that the sequence changes."""
        return list(dict.fromkeys([*order[: self.limits.hosts], *node.used]))


def _rank(node: _Node) -> tuple[float, tuple[tuple[int, int], ...]]:
    return node.score, tuple((move.item, move.target) for move in node.moves)

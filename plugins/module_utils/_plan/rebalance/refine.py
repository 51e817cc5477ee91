# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refine an assignment of items to hosts: a similar or better balance with fewer moves. Works on numbers
only.

A local search over assignments, which only say where each item ends. A step moves one item, swaps two, or
drops one or two moves in favour of another. The expensive kinds of steps are tried only if the cheap ones
find no improvement (P. Hansen, N. Mladenović: Variable neighborhood search, 2001). The cost of an assignment
is its score plus a price for each item that moves. An assignment is useful only if its moves have a valid
order.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from math import sqrt

from ..._model.compat import dataclass

# the weight of the standard deviation relative to the highest pressure
EVENNESS = 0.4
# the score that a move must be worth, with few hosts
PRICE = 0.002
# swaps are tried only if a step examines at most this many pairs
MAX_SWAPS = 8000
# replacing two moves by one is tried only if a step examines at most about this many assignments
MAX_NEIGHBOURS = 4000
# the maximum numbers of steps, of examined assignments, and of local optima to continue from
MAX_STEPS = 30
MAX_EXAMINED = 100_000
MAX_KICKED = 10
# the expensive changes are skipped if the cost of a kicked assignment exceeds the best one by more than this
NEAR = 0.01

# items and their new hosts
Change = tuple[tuple[int, int], ...]


# An assignment that is one change away: the change, the source and target host, the bytes that move between
# them, and by how many the number of moves grows. Plain tuples: millions of them are built in one search.
Neighbour = tuple[Change, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Position:
    """An assignment in numbers: the pressure on each host, the hosts by descending pressure, and the rest."""

    pressure: tuple[float, ...]
    order: tuple[int, ...]
    squares: float
    moves: int


class Refinement:
    """The assignments of one search. ``home``: the host of each item; ``memory``: its bytes.

    ``total`` and ``used``: bytes of each host; ``is_open``: may this item go to that host? An assignment maps
    the items that move to their hosts.
    """

    def __init__(
        self,
        total: Sequence[int],
        used: Sequence[int],
        home: Sequence[int],
        memory: Sequence[int],
        is_open: Callable[[int, int], bool],
    ) -> None:
        self.total = total
        self.used = used
        self.home = home
        self.memory = memory
        self.examined = 0
        self._known_shifts: dict[tuple[int, int], list[Neighbour]] = {}
        self.mean = sum(used) / sum(total) if sum(total) else 0.0
        self.open = [
            [host for host in range(len(total)) if host != home[item] and is_open(item, host)]
            for item in range(len(home))
        ]

    def cost(self, moved: Mapping[int, int]) -> float:
        """Return the cost of an assignment: its score and the price of its moves."""
        at = self._position(moved)
        return self._cost(at.pressure[at.order[0]], at.squares, at.moves)

    def candidates(self, starts: Iterable[Mapping[int, int]]) -> list[dict[int, int]]:
        """Return assignments that no single step improves (local optima), best first.

        The search continues from the local optima reached from ``starts``: an item of the fullest host is
        placed on another host and fixed there, and all the others are rearranged.
        """
        found: dict[frozenset[tuple[int, int]], dict[int, int]] = {}

        def add(moved: dict[int, int]) -> None:
            found.setdefault(frozenset(moved.items()), moved)

        for start in starts:
            add(self.improve(start))
        done: set[frozenset[tuple[int, int]]] = set()
        while self.examined < MAX_EXAMINED:
            ends = [one for one in found if one not in done]
            if not ends or len(done) == MAX_KICKED:
                break
            best = min(ends, key=lambda one: self.cost(found[one]))
            done.add(best)
            near = self.cost(found[best]) + NEAR
            for item, host in self._kicks(found[best]):
                kicked = self.improve({**found[best], item: host}, item, kinds=2)
                add(self.improve(kicked, item) if self.cost(kicked) < near else kicked)
                if self.examined >= MAX_EXAMINED:
                    break
        return sorted(found.values(), key=lambda moved: (self.cost(moved), sorted(moved.items())))

    def _kicks(self, moved: Mapping[int, int]) -> list[tuple[int, int]]:
        """Return the items to place on other hosts: those of the fullest host, then those that move, large
        first."""
        fullest = self._position(moved).order[0]
        place = [moved.get(item, home) for item, home in enumerate(self.home)]
        there = [item for item, host in enumerate(place) if host == fullest]
        others = [item for item in moved if place[item] != fullest]
        return [
            (item, host)
            for items in (there, others)
            for item in sorted(items, key=lambda item: (-self.memory[item], item))
            for host in (*self.open[item], self.home[item])
            if host != place[item]
        ]

    def improve(
        self, moved: Mapping[int, int], fixed: int | None = None, kinds: int | None = None
    ) -> dict[int, int]:
        """Return the local optimum reached from this assignment. The item ``fixed`` stays where it is.

        ``kinds``: try only this many kinds of changes, the cheapest first.
        """
        best = dict(moved)
        for _step in range(MAX_STEPS):
            found = self._best_change(best, fixed, kinds)
            if found is None:
                break
            self._change(best, found)
        return best

    def _change(self, moved: dict[int, int], change: Change) -> None:
        for item, host in change:
            if host == self.home[item]:
                moved.pop(item, None)
            else:
                moved[item] = host

    def _best_change(self, moved: Mapping[int, int], fixed: int | None, kinds: int | None) -> Change | None:
        """Return the best change of the first kind that lowers the cost; None if no kind does."""
        start = self._position(moved)
        least = self._cost(start.pressure[start.order[0]], start.squares, start.moves) - 1e-9
        for kind in islice(self._neighbours(moved, fixed), kinds):
            found = None
            for given_up, neighbours in kind:
                at = self._position(self._without(moved, given_up)) if given_up else start
                least, change = self._best_neighbour(at, neighbours, given_up, least)
                found = change or found
            if found is not None or self.examined >= MAX_EXAMINED:
                return found
        return None

    def _without(self, moved: Mapping[int, int], given_up: Change) -> dict[int, int]:
        left = dict(moved)
        self._change(left, given_up)
        return left

    def _neighbours(
        self, moved: Mapping[int, int], fixed: int | None
    ) -> Iterator[Iterable[tuple[Change, Sequence[Neighbour]]]]:
        """Yield the kinds of changes, cheap ones first, while the number of changes is acceptable.

        Each kind consists of pairs: the moves that are given up, and the neighbours after that.
        """
        shifts = self._shifts(moved, fixed)
        yield [((), shifts)]
        # if there are many items, most are small and fit without a swap
        if len(self.home) ** 2 <= 2 * MAX_SWAPS:
            yield [((), self._swaps(moved, fixed))]
        back = [(item, self.home[item]) for item in moved if item != fixed]
        for given_up in (1, 2):
            if len(back) ** given_up * len(shifts) > MAX_NEIGHBOURS * given_up:
                return
            yield ((some, self._others(shifts, some)) for some in combinations(back, given_up))

    def _others(self, shifts: Sequence[Neighbour], given_up: Change) -> list[Neighbour]:
        """Return the shifts of items that are not given up."""
        items = {item for item, _host in given_up}
        return [shift for shift in shifts if shift[0][0][0] not in items]

    def _shifts(self, moved: Mapping[int, int], fixed: int | None) -> list[Neighbour]:
        """Return the moves of one item to another host, or back."""
        found: list[Neighbour] = []
        for item, home in enumerate(self.home):
            if item != fixed:
                found += self._shifts_of(item, moved.get(item, home))
        return found

    def _shifts_of(self, item: int, place: int) -> list[Neighbour]:
        # computed once, because they never change and are needed often
        key = (item, place)
        if key not in self._known_shifts:
            home, memory = self.home[item], self.memory[item]
            self._known_shifts[key] = [
                (((item, host),), place, host, memory, (host != home) - (place != home))
                for host in (*self.open[item], home)
                if host != place
            ]
        return self._known_shifts[key]

    def _swaps(self, moved: Mapping[int, int], fixed: int | None) -> list[Neighbour]:
        """Return the swaps of two items."""
        found: list[Neighbour] = []
        home, memory = self.home, self.memory
        place = [moved.get(item, host) for item, host in enumerate(home)]
        may = [{*hosts, host} for hosts, host in zip(self.open, home)]
        for one, source in enumerate(place):
            if one == fixed:
                continue
            for other in range(one + 1, len(place)):
                target = place[other]
                if source == target or target not in may[one] or source not in may[other] or other == fixed:
                    continue
                more = (target != home[one]) - (source != home[one])
                more += (source != home[other]) - (target != home[other])
                change = ((one, target), (other, source))
                found.append((change, source, target, memory[one] - memory[other], more))
        return found

    def _best_neighbour(
        self, at: _Position, neighbours: Sequence[Neighbour], given_up: Change, least: float
    ) -> tuple[float, Change | None]:
        """Return the change with the lowest cost, if that is below ``least``, including the moves that are
        given up.

        This is the hot loop. It only computes the two hosts that a change touches, and skips a change early
        if an untouched host alone costs too much.
        """
        found = None
        pressure, total, twice_mean = at.pressure, self.total, 2 * self.mean
        hosts, squares_before = len(total), at.squares
        # a change touches two hosts, so one of the three fullest stays as it is
        first, second, third = (*at.order, -1, -1, -1)[:3]
        worst_first, worst_second, worst_third = (
            pressure[host] if host >= 0 else 0.0 for host in (first, second, third)
        )
        for change, source, target, memory, more in neighbours:
            if first not in (source, target):
                worst = worst_first
            elif second not in (source, target):
                worst = worst_second
            else:
                worst = worst_third
            price = PRICE * (at.moves + more)
            if worst + price >= least:
                continue
            source_before, target_before = pressure[source], pressure[target]
            source_after = source_before - memory / total[source]
            target_after = target_before + memory / total[target]
            worst = max(worst, source_after, target_after)
            if worst + price >= least:
                continue
            # update the sum of squares by a difference of squares for each of the two hosts
            squares = squares_before + (source_after - source_before) * (
                source_after + source_before - twice_mean
            )
            squares += (target_after - target_before) * (target_after + target_before - twice_mean)
            cost = worst + EVENNESS * sqrt(max(squares, 0.0) / hosts) + price
            if cost < least:
                least, found = cost, (*given_up, *change)
        self.examined += len(neighbours)
        return least, found

    def _position(self, moved: Mapping[int, int]) -> _Position:
        used = list(self.used)
        for item, host in moved.items():
            used[self.home[item]] -= self.memory[item]
            used[host] += self.memory[item]
        pressure = tuple(one / total for one, total in zip(used, self.total))
        order = tuple(sorted(range(len(pressure)), key=lambda host: (-pressure[host], host)))
        return _Position(pressure, order, sum((one - self.mean) ** 2 for one in pressure), len(moved))

    def _unevenness(self, squares: float) -> float:
        return EVENNESS * sqrt(max(squares, 0.0) / len(self.total))

    def _cost(self, worst: float, squares: float, moves: int) -> float:
        return worst + self._unevenness(squares) + PRICE * moves

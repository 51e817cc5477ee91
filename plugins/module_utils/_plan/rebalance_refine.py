# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reach about as good a balance with fewer moves, in numbers only.

A local search over assignments: where each item ends, however it gets there. A step gives one item another
host, lets two change places, or gives up one or two moves for another one. What counts is the score, and a
price for each item that is not where it was. An assignment is of use only where it has an order.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import sqrt

# what the standard deviation counts, compared with the worst pressure
EVENNESS = 0.4
# the score that a move must be worth, with few hosts
PRICE = 0.002
# two items change places where one step then looks at no more pairs than this
MAX_SWAPS = 8000
# two moves for one are tried where one step then looks at no more assignments than about this
MAX_NEIGHBOURS = 4000
# so many steps down at most, and so many assignments in all; so many ends are gone on from
MAX_STEPS = 30
MAX_LOOKED = 30_000
MAX_KICKED = 3

# items and their new hosts
Change = tuple[tuple[int, int], ...]


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
        self.looked = 0
        self.mean = sum(used) / sum(total) if sum(total) else 0.0
        self.open = [
            [host for host in range(len(total)) if host != home[item] and is_open(item, host)]
            for item in range(len(home))
        ]

    def cost(self, moved: Mapping[int, int]) -> float:
        """What counts of an assignment: the score, and the price of its moves."""
        pressure = self._pressure(moved)
        return self._cost(pressure, self._squares(pressure), len(moved))

    def candidates(self, starts: Iterable[Mapping[int, int]]) -> list[dict[int, int]]:
        """Assignments that are better than all that is one step away, the best ones first.

        From where the ways down from ``starts`` end, another way is tried: an item of what is then the
        fullest host is put elsewhere, and stays there, while all the others are arranged anew.
        """
        found: dict[frozenset[tuple[int, int]], dict[int, int]] = {}

        def add(moved: dict[int, int]) -> None:
            found.setdefault(frozenset(moved.items()), moved)

        for start in starts:
            add(self.improve(start))
        done: set[frozenset[tuple[int, int]]] = set()
        while self.looked < MAX_LOOKED:
            ends = [one for one in found if one not in done]
            if not ends or len(done) == MAX_KICKED:
                break
            best = min(ends, key=lambda one: self.cost(found[one]))
            done.add(best)
            for item, host in self._kicks(found[best]):
                add(self.improve({**found[best], item: host}, item))
                if self.looked >= MAX_LOOKED:
                    break
        return sorted(found.values(), key=lambda moved: (self.cost(moved), sorted(moved.items())))

    def _kicks(self, moved: Mapping[int, int]) -> list[tuple[int, int]]:
        pressure = self._pressure(moved)
        fullest = pressure.index(max(pressure))
        there = [item for item, home in enumerate(self.home) if moved.get(item, home) == fullest]
        there.sort(key=lambda item: -self.memory[item])
        return [(item, host) for item in there for host in self.open[item] if host != fullest]

    def improve(self, moved: Mapping[int, int], fixed: int | None = None) -> dict[int, int]:
        """The assignment at the end of the way down from this one; the item ``fixed`` stays where it is."""
        best = dict(moved)
        for _step in range(MAX_STEPS):
            pressure = self._pressure(best)
            squares = self._squares(pressure)
            least, found = self._cost(pressure, squares, len(best)) - 1e-9, None
            for change in self._changes(best):
                if self.looked >= MAX_LOOKED:
                    return best
                if fixed is not None and any(item == fixed for item, _host in change):
                    continue
                cost = self._changed(pressure, squares, best, change)
                if cost < least:
                    least, found = cost, change
            if found is None:
                break
            for item, host in found:
                if host == self.home[item]:
                    best.pop(item, None)
                else:
                    best[item] = host
        return best

    def _changes(self, moved: Mapping[int, int]) -> Iterator[Change]:
        """Items and their new hosts: everything that is one step away, as far as that is not too much."""
        items = range(len(self.home))
        shifts = [
            (item, host)
            for item in items
            for host in (*self.open[item], self.home[item])
            if host != moved.get(item, self.home[item])
        ]
        yield from ((shift,) for shift in shifts)
        # many items are small ones, of which each finds its room without another
        if len(self.home) ** 2 <= 2 * MAX_SWAPS:
            yield from self._swaps(moved)
        back = [(item, self.home[item]) for item in moved]
        for given_up in (1, 2):
            if len(back) ** given_up * len(shifts) > MAX_NEIGHBOURS * given_up:
                return
            for some in combinations(back, given_up):
                names = {item for item, _host in some}
                yield from ((*some, shift) for shift in shifts if shift[0] not in names)

    def _swaps(self, moved: Mapping[int, int]) -> Iterable[Change]:
        place = [moved.get(item, home) for item, home in enumerate(self.home)]
        for one, other in combinations(range(len(self.home)), 2):
            to, back = place[other], place[one]
            if to != back and self._may(one, to) and self._may(other, back):
                yield (one, to), (other, back)

    def _may(self, item: int, host: int) -> bool:
        return host == self.home[item] or host in self.open[item]

    def _pressure(self, moved: Mapping[int, int]) -> list[float]:
        used = list(self.used)
        for item, host in moved.items():
            used[self.home[item]] -= self.memory[item]
            used[host] += self.memory[item]
        return [one / total for one, total in zip(used, self.total, strict=True)]

    def _changed(
        self, pressure: Sequence[float], squares: float, moved: Mapping[int, int], change: Change
    ) -> float:
        """The cost after a change. It is asked for very often: only what the change touches is worked out."""
        self.looked += 1
        after, count = list(pressure), len(moved)
        touched = set()
        for item, host in change:
            home, memory = self.home[item], self.memory[item]
            place = moved.get(item, home)
            after[place] -= memory / self.total[place]
            after[host] += memory / self.total[host]
            touched |= {place, host}
            count += (host != home) - (place != home)
        for one in touched:
            squares += (after[one] - self.mean) ** 2 - (pressure[one] - self.mean) ** 2
        return self._cost(after, squares, count)

    def _squares(self, pressure: Iterable[float]) -> float:
        return sum((one - self.mean) ** 2 for one in pressure)

    def _cost(self, pressure: Sequence[float], squares: float, moves: int) -> float:
        return max(pressure) + EVENNESS * sqrt(max(squares, 0.0) / len(pressure)) + PRICE * moves

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import GB
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.search import (
    Item,
    RefusalKind,
    Search,
    gap_bytes,
    needed_gap,
    refusal,
)


@pytest.mark.parametrize(
    ("used", "total", "other_used", "other_total", "gap"),
    [(10, 16, 4, 16, 6), (4, 16, 10, 16, -6), (32, 64, 4, 8, 0), (12, 16, 0, 48, 18)],
)
def test_gap_is_twice_the_memory_to_move(
    used: int, total: int, other_used: int, other_total: int, gap: float
) -> None:
    assert gap_bytes(used, total, other_used, other_total) == pytest.approx(gap)
    half = gap / 2
    assert (used - half) / total == pytest.approx((other_used + half) / other_total)


@pytest.mark.parametrize(
    ("memory", "difference", "buffer", "hysteresis", "reason"),
    [
        (4, 8, 4, 1.0, None),
        (4, 13, 4, 1.0, RefusalKind.SMALL_GAP),
        (4, 4, 4, 1.9, None),
        (4, 8, 9, 1.0, RefusalKind.SMALL_GAIN),
        (11, 8, 4, 1.0, RefusalKind.SMALL_GAIN),
        (12, 0, 0, 1.0, RefusalKind.REVERSES_GAP),
    ],
)
def test_refusal_respects_thresholds(
    memory: int, difference: int, buffer: int, hysteresis: float, reason: RefusalKind | None
) -> None:
    found = refusal(Item(0, memory, difference, buffer), 14, 16, 2, 16, hysteresis)

    assert (None if found is None else found.kind) is reason


@pytest.mark.parametrize("used", [2, 8])
def test_refusal_of_a_host_with_higher_pressure(used: int) -> None:
    found = refusal(Item(0, 1, 0, 0), used, 16, 8, 16)

    assert found is not None
    assert (found.kind, found.found) == (RefusalKind.NO_GAP, used - 8)


@pytest.mark.parametrize(
    ("difference", "hysteresis", "needed"), [(2, 1, 2), (2, 4, 6.4), (2, 3, 6), (9, 4, 9)]
)
def test_hysteresis_is_limited(difference: int, hysteresis: float, needed: float) -> None:
    assert needed_gap(difference, 64, 16, hysteresis) == pytest.approx(needed)


def test_refusal_requires_relief_of_the_fuller_host() -> None:
    """To half of a host of 8, 6 is as much as 24 to one of 32."""
    assert refusal(Item(0, 6, 0, 0), 24, 32, 2, 8) is not None
    assert refusal(Item(0, 3, 0, 0), 24, 32, 2, 8) is None


def test_large_item_may_reverse_the_gap_for_a_large_gain() -> None:
    """Of 32, 29 are in use; with 22 of them on the other one, that has 55 of 64."""
    assert refusal(Item(0, 22, 0, 2), 29, 32, 33, 64) is None
    assert refusal(Item(0, 22, 0, 2), 29, 32, 39, 64) is not None


def moves(
    used: list[int], items: list[tuple[int, int]], closed: frozenset[tuple[int, int]] = frozenset()
) -> set:
    search = Search(
        [16] * len(used),
        used,
        [Item(host, memory, 1, 1) for host, memory in items],
        lambda item, host: (item, host) not in closed,
    )
    return {(move.item, move.target) for move in search.best_moves()}


def test_search_prefers_one_move_to_two() -> None:
    assert moves([12, 4], [(0, 2), (0, 2), (0, 4)]) == {(2, 1)}


def test_search_finds_a_swap_through_a_large_move() -> None:
    """7 moves over and 3 moves back: no other moves make 12 and 4 equal."""
    assert moves([12, 4], [(0, 7), (1, 3)]) == {(0, 1), (1, 0)}


def test_search_avoids_impossible_moves() -> None:
    assert moves([12, 4, 4], [(0, 5), (0, 4)], frozenset({(0, 1), (1, 1), (0, 2)})) == {(1, 2)}


def test_search_reaches_the_same_balance_with_fewer_moves() -> None:
    """Four moves also lead to 21 on each host, and are found first."""
    used = [34, 7, 22]
    items = [(1, 1), (0, 10), (1, 2), (0, 2), (0, 14), (0, 4), (2, 7), (2, 11)]

    assert refined(used, items) == (3, [21, 21, 21])


def refined(used: list[int], items: list[tuple[int, int]]) -> tuple[int, list[int]]:
    """The number of moves and their result. Each move must be worthwhile by itself, in this order."""
    known = [Item(host, memory, 1, 1) for host, memory in items]
    after = list(used)
    found = Search([64] * len(used), used, known, lambda _item, _host: True).best_moves()
    for move in found:
        item = known[move.item]
        assert refusal(item, after[item.host], 64, after[move.target], 64) is None
        after[item.host] -= item.memory
        after[move.target] += item.memory
    return len(found), after


def test_search_rejects_an_assignment_without_an_order() -> None:
    """Hysteresis between two hosts rules out the best result for them, but not for the others."""
    used, items = [34, 10, 12], [Item(0, 8, 1, 1), Item(0, 7, 1, 1)]
    open_search = Search([64] * 3, used, items, lambda _item, _host: True)
    careful = Search(
        [64] * 3,
        used,
        items,
        lambda _item, _host: True,
        hysteresis=lambda _source, target: 99.0 if target == 1 else 1.0,
    )

    assert {move.target for move in open_search.best_moves()} == {1, 2}
    assert {move.target for move in careful.best_moves()} == {2}


def test_search_rejects_a_swap_through_a_worse_state() -> None:
    """7 for 5 would do; but 7 first makes 13 of 8, and 5 first 15 of 10."""
    assert moves([10, 8], [(0, 7), (1, 6)]) == set()


def test_large_sizes_are_exact() -> None:
    search = Search([64 * GB] * 2, [40 * GB, 8 * GB], [Item(0, 16 * GB, GB, GB)], lambda _i, _h: True)

    assert len(search.best_moves()) == 1


def test_search_keeps_the_earlier_plan_unless_clearly_worse() -> None:
    """Of 16 on each host, 12 and 4 are in use: 4 would go over, and any of the two items would do."""
    items = [Item(0, 4, 1, 1), Item(0, 4, 1, 1), Item(0, 3, 1, 1), Item(0, 1, 1, 1)]

    def first(ahead: dict[int, int] | None) -> int:
        moves = Search([16, 16], [12, 4], items, lambda _item, _target: True).best_moves(ahead)
        assert len(moves) == 1
        return moves[0].item

    assert first(None) == first({}) == first({0: 1}) == 0
    assert first({1: 1}) == 1
    assert first({3: 1}) == 0

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from itertools import product

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance import refine as rebalance_refine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.refine import Refinement


def refinement(
    used: list[int], items: list[tuple[int, int]], closed: frozenset[tuple[int, int]] = frozenset()
) -> Refinement:
    return Refinement(
        [16] * len(used),
        used,
        [host for host, _memory in items],
        [memory for _host, memory in items],
        lambda item, host: (item, host) not in closed,
    )


def test_swap_is_one_step() -> None:
    """7 and 3 swap hosts: neither of them would move alone."""
    assert refinement([12, 4], [(0, 7), (1, 3)]).improve({}) == {0: 1, 1: 0}


def test_two_moves_are_replaced_by_an_equivalent_one() -> None:
    assert refinement([12, 4], [(0, 2), (0, 2), (0, 4)]).improve({0: 1, 1: 1}) == {2: 1}


def test_move_with_a_negligible_gain_is_dropped() -> None:
    found = Refinement([1600, 1600], [801, 799], [0], [1], lambda _item, _host: True)

    assert found.improve({0: 1}) == {}


def test_forbidden_hosts_are_respected() -> None:
    closed = frozenset({(0, 1), (1, 1), (0, 2)})

    assert refinement([12, 4, 4], [(0, 5), (0, 4)], closed).improve({}) == {1: 2}


def test_fixed_item_stays() -> None:
    assert refinement([12, 4], [(0, 4)]).improve({}, 0) == {}


@pytest.mark.parametrize("seed", range(12))
def test_refinement_is_close_to_the_optimum(seed: int) -> None:
    rng = random.Random(seed)
    items = [(rng.randrange(3), rng.randint(1, 40)) for _ in range(7)]
    used = [10 + sum(memory for host, memory in items if host == place) for place in range(3)]
    home = [host for host, _memory in items]
    found = Refinement([160, 160, 320], used, home, [memory for _host, memory in items], lambda _i, _h: True)

    best = min(
        found.cost({item: host for item, host in enumerate(places) if host != home[item]})
        for places in product(range(3), repeat=len(items))
    )

    assert found.cost(found.candidates([{}])[0]) <= best + rebalance_refine.PRICE


def test_refinement_examines_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalance_refine, "MAX_EXAMINED", 100)
    rng = random.Random(1)
    items = [(0, rng.randint(1, 9)) for _ in range(30)]
    used = [sum(memory for _host, memory in items), 0, 0]
    found = Refinement([400] * 3, used, [0] * 30, [memory for _host, memory in items], lambda _i, _h: True)

    assert found.candidates([{}, {}, {}])
    # the step that exceeds the limit is still finished
    assert found.examined < 100 + rebalance_refine.MAX_STEPS * 2000

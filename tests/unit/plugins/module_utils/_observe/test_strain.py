# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    Page,
    TextReader,
    read_page,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.strain import StrainMeter

START = 1_700_000_000.0


def judge(*pages: dict[str, Any], seconds: float = 60) -> list[bool]:
    meter = StrainMeter()
    return [meter.is_strained("n", Page(**page), START + seconds * i) for i, page in enumerate(pages)]


def test_average_of_the_kernel_needs_one_page() -> None:
    assert judge({"waiting_share": 0.1}) == [True]
    assert judge({"waiting_share": 0.09}) == [False]
    assert judge({}) == [False]


def test_counters_need_two_pages() -> None:
    assert judge({"waiting_seconds": 500}, {"waiting_seconds": 506}) == [False, True]
    assert judge({"waiting_seconds": 500}, {"waiting_seconds": 505}) == [False, False]


def test_swap_counts_in_both_directions() -> None:
    before = {"pages_in": 0.0, "pages_out": 0.0}
    assert judge(before, {"pages_in": 16_000.0, "pages_out": 16_000.0}) == [False, True]
    assert judge(before, {"pages_in": 0.0, "pages_out": 10.0**9}) == [False, False]
    assert judge(before, {"pages_in": 10.0**9, "pages_out": 0.0}) == [False, False]


def test_counters_of_a_host_that_has_started_again_do_not_count() -> None:
    assert judge({"waiting_seconds": 500}, {"waiting_seconds": 400}, {"waiting_seconds": 406}) == [
        False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [-60, 0, 5, 601])
def test_pages_too_close_or_too_far_apart_are_not_compared(seconds: float) -> None:
    assert judge({"waiting_seconds": 0}, {"waiting_seconds": 10_000}, seconds=seconds) == [False, False]


def test_frequent_pages_are_compared_over_a_longer_time() -> None:
    rising = [{"waiting_seconds": 2.0 * i} for i in range(20)]
    found = judge(*rising, seconds=10)
    assert found[:5] == [False] * 5
    assert all(found[5:])


def test_each_node_has_its_own_counters() -> None:
    meter = StrainMeter()
    meter.is_strained("a", Page(waiting_seconds=0), START)
    assert not meter.is_strained("b", Page(waiting_seconds=1000), START + 60)


def test_old_textfile_does_not_count() -> None:
    text = "orcastra_memory_waiting_ratio 0.5\norcastra_container_memory_timestamp_seconds {}\n"

    def share(written: int) -> float | None:
        reader = TextReader((), ())
        reader.feed(text.format(written).encode())
        return read_page(reader.close().samples, 1000, 60).waiting_share

    assert share(980) == 0.5
    assert share(900) is None

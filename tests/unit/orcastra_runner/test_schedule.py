# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Intervals and backoff, with a clock that the test moves."""

from __future__ import annotations

import pytest

from orcastra_runner.schedule import Schedule, retry_delay


def middle() -> float:
    """No jitter."""
    return 0.5


def make() -> Schedule:
    schedule = Schedule(jitter=middle)
    schedule.add("labels", 60, due=0)
    schedule.add("resync", 600, due=600)
    return schedule


def test_due_after_the_interval() -> None:
    schedule = make()
    assert schedule.due(0) == ["labels"]
    assert schedule.seconds_to_next(0) == 0
    schedule.succeeded("labels", 3)
    assert schedule.due(62) == []
    assert schedule.seconds_to_next(62) == 1
    assert schedule.due(63) == ["labels"]
    assert schedule.due(600) == ["labels", "resync"]


def test_failed_backs_off_one_job_only() -> None:
    schedule = make()
    delays = [schedule.failed("labels", 0) for _ in range(9)]
    assert delays == [5, 10, 20, 40, 80, 160, 240, 240, 240]
    assert schedule.failures("labels") == 9
    assert schedule.seconds_to_next(0) == 240
    assert schedule.due(600) == ["labels", "resync"]


def test_succeeded_resets_the_backoff() -> None:
    schedule = make()
    schedule.failed("labels", 0)
    schedule.failed("labels", 5)
    schedule.succeeded("labels", 15)
    assert schedule.failures("labels") == 0
    assert schedule.due(74) == []
    assert schedule.due(75) == ["labels"]
    assert schedule.failed("labels", 75) == 5


def test_trigger_makes_one_or_all_due() -> None:
    schedule = make()
    schedule.succeeded("labels", 0)
    schedule.trigger(10, "resync")
    assert schedule.due(10) == ["resync"]
    schedule.trigger(11)
    assert schedule.due(11) == ["labels", "resync"]


def test_failed_keeps_jitter_within_a_fifth() -> None:
    low, high = Schedule(jitter=lambda: 0.0), Schedule(jitter=lambda: 1.0)
    for schedule in (low, high):
        schedule.add("labels", 60, due=0)
    assert low.failed("labels", 0) == pytest.approx(4)
    assert high.failed("labels", 0) == pytest.approx(6)


@pytest.mark.parametrize(
    ("interval", "first", "last"),
    [(1, 1, 4), (2, 2, 8), (60, 5, 240), (300, 5, 300), (3600, 5, 3600)],
)
def test_retry_delay_stays_between_its_limits(interval: float, first: float, last: float) -> None:
    assert retry_delay(1, interval) == first
    assert retry_delay(1000, interval) == last


def test_hasten_shortens_interval_and_backoff() -> None:
    schedule = make()
    schedule.succeeded("labels", 0)
    schedule.hasten("labels", 20)
    assert schedule.due(20) == ["labels"]
    for _ in range(5):
        schedule.failed("labels", 100)
    schedule.hasten("labels", 100.5)
    assert (schedule.due(109), schedule.due(110)) == ([], ["labels"])
    schedule.hasten("labels", 130)
    assert schedule.due(110) == ["labels"]


def test_hasten_never_delays_a_job() -> None:
    schedule = make()
    assert schedule.failed("labels", 0) == 5
    schedule.hasten("labels", 1)
    assert schedule.due(5) == ["labels"]


def test_due_is_empty_without_jobs() -> None:
    assert Schedule().due(0) == []
    assert Schedule().seconds_to_next(5) == 0

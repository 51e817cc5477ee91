# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages that stay true are not logged again and again."""

from __future__ import annotations

import pytest

from orcastra_runner.dedup import OnceFilter, ProblemLog
from tests.unit.orcastra_runner.conftest import Clock, Log


def test_fresh_returns_messages_once_until_they_disappear() -> None:
    news = OnceFilter()
    assert news.fresh("notes", ["a", "b", "a"]) == ["a", "b"]
    assert news.fresh("notes", ["b", "a"]) == []
    assert news.fresh("warnings", ["a"]) == ["a"]
    assert news.fresh("notes", ["b"]) == []
    assert news.fresh("notes", ["a", "b"]) == ["a"]


def test_problem_log_logs_a_problem_once_and_then_every_ten_minutes(logged: Log, clock: Clock) -> None:
    problems = ProblemLog(clock)
    for _ in range(120):
        problems.report("engine", "no answer")
        clock.now += 10
    assert [entry["event"] for entry in logged.entries] == ["problem", "problem persists"]
    assert (logged.entries[0]["topic"], logged.entries[0]["message"]) == ("engine", "no answer")
    assert (logged.entries[1]["summary"], logged.entries[1]["since"]) == ("no answer", "600s")
    assert logged.entries[1]["times"] == 61


def test_problem_log_logs_another_text(logged: Log, clock: Clock) -> None:
    problems = ProblemLog(clock)
    problems.report("engine", "no answer")
    problems.report("engine", "a worker", warning=True)
    problems.report("job", "no answer")
    assert logged.sentences == ["error no answer", "warning a worker", "error no answer"]


def test_problem_log_logs_the_end_only_if_there_was_a_problem(logged: Log, clock: Clock) -> None:
    problems = ProblemLog(clock)
    problems.resolved("engine")
    assert not logged.entries
    problems.report("engine", "no answer")
    clock.now += 42
    problems.resolved("engine")
    problems.resolved("engine")
    assert logged.sentences == ["error no answer", "info problem resolved: engine"]
    assert logged.entries[-1]["after"] == "42s"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("web: next restart in 2 s", "web: next restart in 10 s"),
        ("web: next restart in 2 s", "web waits for its update"),
        ("a task failed: container 3f2a9c0d1e4b", "a task failed: container 0d1e4b3f2a9c"),
        ("waits since 2026-01-01T10:00:00Z", "waits since 2026-01-01T10:00:05Z"),
    ],
)
def test_lasting_returns_alternating_messages_once_each(clock: Clock, first: str, second: str) -> None:
    news = OnceFilter(clock)
    returned = []
    for number in range(40):
        returned += news.lasting("notes", [(first, second)[number % 2]])
        clock.now += 3
    assert len(returned) == len(set(returned)) <= 2


@pytest.mark.parametrize("seconds", [1, 30, 300], ids=["events", "polling", "rare polling"])
def test_lasting_returns_a_message_again_after_an_absence(clock: Clock, seconds: int) -> None:
    news = OnceFilter(clock)
    assert news.lasting("notes", ["a", "b"]) == ["a", "b"]
    for _ in range(100):
        clock.now += seconds
        assert news.lasting("notes", ["a", "b"]) == []
    # absent for a minute, and for several observations
    for _ in range(max(5, 61 // seconds + 1)):
        clock.now += seconds
        assert news.lasting("notes", ["a"]) == []
    assert news.lasting("notes", ["a", "b"]) == ["b"]
    assert news.lasting("warnings", ["a"]) == ["a"]


def test_lasting_returns_messages_with_other_numbers(clock: Clock) -> None:
    news = OnceFilter(clock)
    assert news.lasting("notes", ["2 of 3 tasks run"]) == ["2 of 3 tasks run"]
    assert news.lasting("notes", ["1 of 3 tasks run"]) == ["1 of 3 tasks run"]

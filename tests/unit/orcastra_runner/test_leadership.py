# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A standby instance asks whether its engine is the leader, and wakes the loop once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineTimeout,
    EngineUnreachable,
)
from orcastra_runner.leadership import LeaderWatch

LEADS = {"ManagerStatus": {"Leader": True}}
FOLLOWS = {"ManagerStatus": {"Reachability": "reachable"}}


class Manager:
    """An engine that gives these responses one after the other, and repeats the last one."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.connections = 0
        self.closed = 0
        self.woken = threading.Semaphore(0)
        self._once = threading.Condition()

    def connect(self) -> Any:
        self.connections += 1
        return self

    def close(self) -> None:
        self.closed += 1

    def get_node(self, node_id: str) -> dict[str, Any]:
        with self._once:
            self.asked.append(node_id)
            self._once.notify_all()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_asked(self, times: int) -> None:
        with self._once:
            assert self._once.wait_for(lambda: len(self.asked) >= times, 10)


@pytest.fixture
def watch() -> Iterator[Callable[[Manager], LeaderWatch]]:
    started: list[LeaderWatch] = []

    def start(manager: Manager) -> LeaderWatch:
        started.append(LeaderWatch(manager.connect, manager.woken.release, 0.001))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_leader_watch_wakes_once_and_then_rests(watch: Callable[[Manager], LeaderWatch]) -> None:
    manager = Manager(FOLLOWS, FOLLOWS, LEADS)
    leader_watch = watch(manager)
    leader_watch.stand_by("id-bravo")
    assert manager.woken.acquire(timeout=10)
    assert manager.asked == ["id-bravo"] * 3
    assert not manager.woken.acquire(timeout=0.1)
    assert len(manager.asked) == 3

    # the loop has observed that it isn't the leader (any longer)
    leader_watch.stand_by("id-bravo")
    assert manager.woken.acquire(timeout=10)
    assert (len(manager.asked), manager.connections) == (4, 1)


def test_leader_watch_asks_nothing_while_it_rests(watch: Callable[[Manager], LeaderWatch]) -> None:
    manager = Manager(FOLLOWS)
    leader_watch = watch(manager)
    leader_watch.stand_by("id-bravo")
    manager.wait_asked(2)
    leader_watch.rest()
    # one request may be in progress
    assert not manager.woken.acquire(timeout=0.05)
    asked = len(manager.asked)
    assert not manager.woken.acquire(timeout=0.1)
    assert len(manager.asked) == asked


@pytest.mark.parametrize("error", [EngineTimeout("late"), EngineUnreachable("gone"), ValueError("odd")])
def test_leader_watch_reconnects_after_an_error(
    watch: Callable[[Manager], LeaderWatch], error: Exception
) -> None:
    manager = Manager(error, error, LEADS)
    watch(manager).stand_by("id-bravo")
    assert manager.woken.acquire(timeout=10)
    assert (len(manager.asked), manager.connections) == (3, 3)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watching: what wakes the loop, and that nothing ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NotFound,
)
from orcastra_runner import watch
from orcastra_runner.watch import Watcher
from tests.lab.wait import wait_until

PATIENCE_SECONDS = 10.0


@dataclass
class FakeEngine:
    """An engine whose events and tasks the test decides on. An exception breaks the stream of events."""

    events_to_come: list[dict[str, Any] | Exception] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    missing: bool = False
    asked_for: list[list[str]] = field(default_factory=list)
    connections: int = 0
    unreachable: int = 0
    quiet: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> Any:
        if self.unreachable:
            self.unreachable -= 1
            raise EngineUnreachable("nobody there")
        self.connections += 1
        return self

    def close(self) -> None:
        pass

    def events(self, types: Any, since: float, idle_seconds: float) -> Iterator[dict[str, Any]]:
        while self.events_to_come:
            event = self.events_to_come.pop(0)
            if isinstance(event, Exception):
                raise event
            yield event
        self.quiet.wait(PATIENCE_SECONDS)

    def list_tasks(self, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        self.asked_for.append(filters["service"])
        if self.missing:
            self.missing = False
            raise NotFound("service gone not found")
        return list(self.tasks)


class Wakes:
    """Counts how often the loop was woken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1

    def wait_for(self, condition: Callable[[], bool]) -> None:
        wait_until(condition, PATIENCE_SECONDS, "the watcher to get there", interval=0.005)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def watcher(engine: FakeEngine, wakes: Wakes) -> Iterator[Watcher]:
    watcher = Watcher(engine.connect, wakes, poll_seconds=0.001)
    yield watcher
    watcher.stop()
    engine.quiet.set()


def task(task_id: str, state: str = "running", node_id: str = "n1") -> dict[str, Any]:
    return {"ID": task_id, "NodeID": node_id, "Status": {"State": state}}


def test_each_connection_wakes_the_loop_once(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 2)
    assert engine.connections == 2


def test_an_event_wakes_the_loop(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    engine.events_to_come = [{"Type": "node", "Action": "update", "timeNano": 5}]
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 3)


def test_a_broken_stream_is_opened_again(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    engine.unreachable = 3
    engine.events_to_come = [EngineUnreachable("reset by peer"), ValueError("half a line"), {"Type": "node"}]
    watcher.start()
    # three connections of the stream, one of the tasks, and the event
    wakes.wait_for(lambda: wakes.count == 5)
    assert engine.connections == 4


def test_a_task_that_moves_wakes_the_loop_and_one_that_stays_does_not(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.tasks = [task("t1")]
    watcher.follow(frozenset({"s2", "s1"}))
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 2 and len(engine.asked_for) > 0)
    asked = len(engine.asked_for)
    wakes.wait_for(lambda: len(engine.asked_for) >= asked + 5)
    assert wakes.count == 2
    assert engine.asked_for[0] == ["s1", "s2"]

    engine.tasks = [task("t1", node_id="n2")]
    wakes.wait_for(lambda: wakes.count == 3)
    engine.tasks = [task("t1", "failed", node_id="n2")]
    wakes.wait_for(lambda: wakes.count == 4)


def test_other_services_to_follow_are_no_news_by_themselves(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.tasks = [task("t1")]
    watcher.follow(frozenset({"s1"}))
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 2 and len(engine.asked_for) > 1)
    engine.tasks = [task("t2")]
    watcher.follow(frozenset({"s2"}))
    wakes.wait_for(lambda: engine.asked_for[-1] == ["s2"])
    asked = len(engine.asked_for)
    wakes.wait_for(lambda: len(engine.asked_for) >= asked + 5)
    # the change of tasks may have been seen with the old services once, never with the new ones
    assert wakes.count <= 3


def test_a_service_that_is_gone_wakes_the_loop_and_is_not_asked_for_again(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.missing = True
    watcher.follow(frozenset({"gone"}))
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 3)
    assert engine.asked_for == [["gone"]]


def test_nothing_is_asked_while_it_is_not_on_us_to_act(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 2)
    assert engine.asked_for == []

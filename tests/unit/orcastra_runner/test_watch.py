# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher: what wakes the loop, that it misses no change, and that it survives errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineError,
    EngineUnreachable,
    NotFound,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner import watch
from orcastra_runner.watch import Watcher
from tests.lab.wait import wait_until
from tests.support.builders import node, service, snapshot, task

TIMEOUT_SECONDS = 10.0
ENGINE_TIME = 5000.0


@dataclass
class FakeEngine:
    """An engine whose events and swarm the test decides on. An exception breaks the stream of events.

    ``before_answer`` is called before each request is answered, with its name: a test can wait in it.
    """

    swarm: SwarmSnapshot = field(default_factory=SwarmSnapshot)
    events_to_come: list[dict[str, Any] | Exception] = field(default_factory=list)
    missing: bool = False
    errors: list[Exception] = field(default_factory=list)
    asked_for: list[list[str]] = field(default_factory=list)
    began_at: list[float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    unreachable: int = 0
    quiet: threading.Event = field(default_factory=threading.Event)
    before_answer: Callable[[str], None] = lambda _name: None

    def connect(self) -> Any:
        if self.unreachable:
            self.unreachable -= 1
            raise EngineUnreachable("no answer")
        self.connections += 1
        return self

    def close(self) -> None:
        pass

    def info(self) -> dict[str, Any]:
        return {"SystemTime": "1970-01-01T01:23:20Z"}

    def events(
        self, types: Any, since: float, idle_seconds: float, on_open: Callable[[], None]
    ) -> Iterator[dict[str, Any]]:
        self.began_at.append(since)
        on_open()
        while self.events_to_come:
            event = self.events_to_come.pop(0)
            if isinstance(event, Exception):
                raise event
            yield event
        self.quiet.wait(TIMEOUT_SECONDS)

    def list_nodes(self) -> list[dict[str, Any]]:
        return self._versions("nodes")

    def list_services(self) -> list[dict[str, Any]]:
        return self._versions("services")

    def _versions(self, kind: str) -> list[dict[str, Any]]:
        found = [{"ID": one.id, "Version": {"Index": one.version}} for one in getattr(self.swarm, kind)]
        self._answer(kind)
        return found

    def list_tasks(self, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        found = [
            {"ID": one.id, "NodeID": one.node_id or "", "Status": {"State": one.state}}
            for one in self.swarm.tasks
            if one.service_id in filters["service"] and one.desired_state in filters["desired-state"]
        ]
        self._answer("tasks")
        self.asked_for.append(filters["service"])
        if self.errors:
            raise self.errors.pop(0)
        if self.missing:
            self.missing = False
            raise NotFound("service gone not found")
        return found

    def _answer(self, name: str) -> None:
        self.asked.append(name)
        self.before_answer(name)

    def wait_for_polls(self, number: int = 5) -> None:
        """Wait for this many more polls of tasks."""
        before = len(self.asked_for)
        wait_until(lambda: len(self.asked_for) >= before + number, TIMEOUT_SECONDS, "polls", interval=0.005)


class Wakes:
    """Counts how often the loop was woken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1

    def wait_for(self, condition: Callable[[], bool]) -> None:
        wait_until(condition, TIMEOUT_SECONDS, "the watcher to get there", interval=0.005)


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


def seen(swarm: SwarmSnapshot, engine_time: float = ENGINE_TIME) -> Observation:
    """Return the loop's observation of a swarm."""
    return Observation(swarm, State(), (), "id-a", "cluster", 5, engine_time)


def ids(*names: str) -> frozenset[str]:
    return frozenset(f"id-{name}" for name in names)


SHOP = snapshot(node("a", version=3), service("db", version=7), service("app", version=8), task("db", "a"))
BOTH = ids("db", "app")


def with_tasks(*tasks: Any) -> SwarmSnapshot:
    return replace(SHOP, tasks=tasks)


# Changes between the loop's observation and the watcher's first response.
CHANGES = {
    "a task has come": with_tasks(*SHOP.tasks, task("app", "a")),
    "a task is gone": with_tasks(),
    "a task is on another node": with_tasks(replace(SHOP.tasks[0], node_id="id-b")),
    "a task waits for a node": with_tasks(replace(SHOP.tasks[0], node_id=None, state="pending")),
    "a task has got further": with_tasks(replace(SHOP.tasks[0], state="starting")),
    "a task has failed": with_tasks(replace(SHOP.tasks[0], state="failed", desired_state="shutdown")),
    "a task was replaced": with_tasks(replace(SHOP.tasks[0], id="another")),
    "a task is about to start": with_tasks(replace(SHOP.tasks[0], id="another", desired_state="ready")),
    "a node has changed": replace(SHOP, nodes=(node("a", version=4),)),
    "a node has come": replace(SHOP, nodes=(*SHOP.nodes, node("b", version=9))),
    "a node is gone": replace(SHOP, nodes=()),
    "a service has changed": replace(SHOP, services=(service("db", version=9), SHOP.services[1])),
    "a service has come": replace(SHOP, services=(*SHOP.services, service("new", version=9))),
    "a service is gone": replace(SHOP, services=SHOP.services[1:]),
    "a service has another ID": replace(SHOP, services=(service("db", id="x", version=9), SHOP.services[1])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_watcher_notices_changes_between_observation_and_start(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes, change: str
) -> None:
    watcher.follow(seen(SHOP), BOTH)
    engine.swarm = CHANGES[change]
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 1)
    engine.wait_for_polls()
    assert wakes.count == 1


@pytest.mark.parametrize("change", [change for change in CHANGES if change.startswith("a task")])
def test_watcher_notices_changes_before_the_first_poll_of_other_services(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes, change: str
) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP), ids("other"))
    watcher.start()
    engine.wait_for_polls()
    assert wakes.count == 0
    engine.swarm = CHANGES[change]
    watcher.follow(seen(SHOP), BOTH)
    wakes.wait_for(lambda: wakes.count == 1)


@pytest.mark.parametrize("change", CHANGES)
def test_watcher_ignores_unchanged_objects(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes, change: str
) -> None:
    engine.swarm = CHANGES[change]
    watcher.follow(seen(engine.swarm), BOTH)
    watcher.start()
    engine.wait_for_polls()
    assert wakes.count == 0
    # two lists when the stream opens, then one request per poll
    assert sorted(engine.asked[:3]) == ["nodes", "services", "tasks"]
    assert set(engine.asked[3:]) == {"tasks"}


def test_watcher_of_a_new_active_instance_misses_nothing(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP), frozenset())
    watcher.start()
    wakes.wait_for(lambda: "services" in engine.asked)
    watcher.follow(seen(SHOP), BOTH)
    engine.swarm = CHANGES["a task is gone"]
    wakes.wait_for(lambda: wakes.count == 1)


def test_watcher_discards_responses_older_than_the_observation(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "tasks" and not asked.is_set():
            asked.set()
            answer.wait(TIMEOUT_SECONDS)

    engine.swarm, engine.before_answer = SHOP, wait
    watcher.follow(seen(SHOP), BOTH)
    watcher.start()
    assert asked.wait(TIMEOUT_SECONDS)
    # the loop observes a newer swarm than the poll in progress
    engine.swarm = CHANGES["a task is on another node"]
    watcher.follow(seen(engine.swarm), BOTH)
    answer.set()
    engine.wait_for_polls()
    assert wakes.count == 0
    engine.swarm = SHOP
    wakes.wait_for(lambda: wakes.count == 1)


def test_watcher_survives_a_late_notice_of_a_removal(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "tasks" and not asked.is_set():
            asked.set()
            answer.wait(TIMEOUT_SECONDS)

    engine.swarm, engine.before_answer, engine.missing = SHOP, wait, True
    watcher.follow(seen(SHOP), ids("gone"))
    watcher.start()
    assert asked.wait(TIMEOUT_SECONDS)
    watcher.follow(seen(SHOP), BOTH)
    answer.set()
    engine.wait_for_polls()
    assert wakes.count == 0
    assert engine.asked_for[-1] == sorted(BOTH)


@pytest.mark.parametrize("change", [change for change in CHANGES if not change.startswith("a task")])
def test_watcher_notices_changes_before_the_stream_despite_an_observation(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes, change: str
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "nodes" and not asked.is_set():
            asked.set()
            answer.wait(TIMEOUT_SECONDS)

    engine.before_answer = wait
    engine.swarm = CHANGES[change]
    watcher.follow(seen(CHANGES[change]), frozenset())
    watcher.start()
    assert asked.wait(TIMEOUT_SECONDS)
    # this observation began before the stream, and ends only now
    watcher.follow(seen(SHOP), frozenset())
    answer.set()
    wakes.wait_for(lambda: wakes.count == 1)


def test_watcher_requests_an_observation_after_one_that_began_before_the_stream(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    watcher.start()
    wakes.wait_for(lambda: bool(engine.began_at))
    assert wakes.count == 0
    watcher.follow(seen(SHOP), BOTH)
    assert wakes.count == 1
    watcher.follow(seen(SHOP), BOTH)
    assert wakes.count == 1


def test_watcher_requests_an_observation_on_a_manager_again(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP), BOTH)
    watcher.start()
    engine.wait_for_polls()
    watcher.rest()
    watcher.follow(seen(SHOP), BOTH)
    assert wakes.count == 1


def test_watcher_starts_the_stream_before_the_observation(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP, engine_time=9000.0), BOTH)
    watcher.start()
    wakes.wait_for(lambda: bool(engine.began_at))
    assert engine.began_at == [9000.0 - watch.MARGIN_SECONDS]


@pytest.mark.parametrize("known", [False, True], ids=["before the first look", "without a time in it"])
def test_watcher_asks_the_engine_for_its_time_without_observation(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes, known: bool
) -> None:
    if known:
        watcher.follow(seen(engine.swarm, engine_time=0.0), BOTH)
    watcher.start()
    wakes.wait_for(lambda: bool(engine.began_at))
    assert engine.began_at == [ENGINE_TIME - watch.MARGIN_SECONDS]


def test_watcher_wakes_the_loop_for_an_event(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    engine.events_to_come = [{"Type": "node", "Action": "update", "timeNano": 5}]
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 1)


def test_watcher_resumes_a_broken_stream(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    engine.unreachable = 3
    event = {"Type": "node", "timeNano": 6_000_000_000_123}
    engine.events_to_come = [event, EngineUnreachable("reset by peer"), ValueError("half a line"), event]
    watcher.start()
    wakes.wait_for(lambda: len(engine.began_at) == 3 and not engine.events_to_come)
    first, second, third = engine.began_at
    assert first < 6000
    assert 6000.000000123 < second < 6000.000001
    assert third == second


def test_watcher_wakes_the_loop_after_reconnecting(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.unreachable = 5
    watcher.start()
    wakes.wait_for(lambda: engine.connections == 2)
    # both threads, unless one of them had all of the failures
    wakes.wait_for(lambda: wakes.count in (1, 2))


def test_watcher_wakes_the_loop_once_for_each_change(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP), BOTH)
    watcher.start()
    engine.wait_for_polls()
    assert wakes.count == 0
    assert engine.asked_for[0] == sorted(BOTH)
    for number, change in enumerate(("a task is on another node", "a task is gone", "a task has come"), 1):
        engine.swarm = CHANGES[change]
        wakes.wait_for(lambda number=number: wakes.count == number)  # type: ignore[misc]
        engine.wait_for_polls()
        assert wakes.count == number


def test_watcher_stops_polling_a_removed_service(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    engine.missing = True
    watcher.follow(seen(engine.swarm), ids("gone"))
    watcher.start()
    wakes.wait_for(lambda: wakes.count == 1)
    assert engine.asked_for == [["id-gone"]]


def test_watcher_notices_changes_during_failed_polls(
    watcher: Watcher, engine: FakeEngine, wakes: Wakes
) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP), BOTH)
    watcher.start()
    engine.wait_for_polls()
    engine.errors = [EngineError("HTTP 500"), EngineUnreachable("reset by peer"), ValueError("no JSON")]
    wakes.wait_for(lambda: not engine.errors)
    engine.wait_for_polls()
    reconnected = wakes.count
    engine.swarm = CHANGES["a task is gone"]
    wakes.wait_for(lambda: wakes.count == reconnected + 1)


def test_watcher_polls_no_tasks_on_standby(watcher: Watcher, engine: FakeEngine, wakes: Wakes) -> None:
    engine.swarm = SHOP
    watcher.follow(seen(SHOP), frozenset())
    watcher.start()
    wakes.wait_for(lambda: "services" in engine.asked)
    assert engine.asked_for == []
    assert wakes.count == 0

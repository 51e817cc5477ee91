# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Followers follow frequent moves of an anchor immediately, but not flapping anchors, and failing followers
wait."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import MISPLACED
from tests.sim import Sim, swarm
from tests.sim.objects import State
from tests.unit.sim.controller import Controller
from tests.unit.sim.test_relocation import Copies, spec

SECOND = 1_000_000_000
VOLUME = [{"Type": "volume", "Source": "data", "Target": "/data"}]
WORKERS = ("delta", "echo", "foxtrot")
# Swarm's defaults
MONITOR = {"Parallelism": 1, "Monitor": 5 * SECOND}
DATA = {"dependencies": {"db": {"services": ["app", "files"]}}}
# a cycle each second, like event mode during changes
INTERVAL = 1.0


class Shop:
    """A database with a stateless and a stateful follower, and the controllers."""

    def __init__(self, sim: Sim, data: dict[str, Any] = DATA) -> None:
        self.sim = sim
        self.controller = Controller(sim, data)
        self.watch = Copies(sim)
        self.warnings: set[str] = set()
        self.moves: list[float] = []
        # the host on which "files" ends soon after its start
        self.fails_on = ("", 0.0)

    def move_anchor(self, target: str, name: str = "db") -> None:
        self.change(name, TaskTemplate=spec(name, f"node.hostname=={target}")["TaskTemplate"])

    def change(self, name: str, **parts: Any) -> None:
        service = self.sim.service(name)
        query = {"version": str(service.version)}
        assert self.sim._api._writes.update_service(service.id, query, {**service.spec.raw, **parts})

    def cycle(self) -> None:
        before = len(self.controller.steps)
        plan = self.controller.cycle()
        self.warnings |= set(plan.warnings if plan is not None else ())
        if any(step.startswith("move files") for step in self.controller.steps[before:]):
            self.moves.append(self.sim.now)

    def until(self, condition: Any, seconds: float = 120.0) -> float:
        """Cycle until the condition is true. Returns the elapsed seconds, in tenths."""
        start = self.sim.now
        next_cycle = 0.0
        while not condition():
            assert self.sim.now - start < seconds, (
                self.sim.where("db"),
                self.sim.where("app"),
                self.sim.where("files"),
                self.controller.steps[-5:],
                self.controller.errors,
            )
            if self.sim.now - start >= next_cycle:
                self.cycle()
                next_cycle += INTERVAL
            self.sim.advance(0.1)
            self.watch()
            self.fail()
        return self.sim.now - start

    def run(self, seconds: float) -> None:
        end = self.sim.now + seconds
        self.until(lambda: self.sim.now >= end, seconds + 1)

    def fail(self) -> None:
        hostname, seconds = self.fails_on
        for task in self.sim.tasks("files"):
            node = self.sim.store.nodes.get(task.node_id)
            runs = task.state == State.RUNNING and self.sim.now - task.timestamp >= seconds
            if node is not None and node.hostname == hostname and runs:
                self.sim.kill("files", hostname, exit_code=1)

    def are_at(self, target: str) -> bool:
        return self.sim.where("app") == [target] * 2 and self.sim.where("files") == [target]

    @property
    def attempts(self) -> dict[str, Any]:
        assert self.controller.seen is not None
        names = {one.id: one.spec.name for one in self.sim.store.services.values()}
        return {names[key]: tried for key, tried in self.controller.seen.state.attempts.items()}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with swarm(workers=WORKERS) as sim:
        delta = sim.node("delta")
        sim.place(spec("db", "node.hostname==delta"), [delta])
        sim.place({**spec("app"), "UpdateConfig": MONITOR}, [delta, delta])
        sim.place({**spec("files", Mounts=VOLUME), "UpdateConfig": MONITOR}, [delta])
        shop = Shop(sim)
        shop.run(10)
        yield shop
        shop.controller.close()


def test_followers_follow_ten_moves_in_a_row(shop: Shop) -> None:
    times = []
    for target in islice(cycle(["echo", "foxtrot", "delta"]), 10):
        shop.move_anchor(target)
        shop.until(lambda target=target: shop.sim.where("db") == [target])  # type: ignore[misc]
        times.append(shop.until(lambda target=target: shop.are_at(target)))  # type: ignore[misc]
    assert max(times) <= 5, times
    assert shop.watch.most["files"] == 1
    shop.run(15)
    assert shop.attempts == {}
    assert shop.warnings == set()
    assert shop.controller.errors == []


@pytest.mark.parametrize(
    ("targets", "seconds"), [(("echo", "delta"), 1.0), (("echo", "foxtrot", "delta"), 2.5)]
)
def test_flapping_anchor_slows_its_followers(shop: Shop, targets: tuple[str, ...], seconds: float) -> None:
    """The anchor moves again before its followers arrive, or as soon as they have, for two minutes."""
    start = shop.sim.now
    for target in islice(cycle(targets), int(120 / seconds)):
        shop.move_anchor(target)
        shop.run(seconds)
    # up to twelve moves at once if they arrive in between, then one a minute
    assert len(shop.moves) <= 13 + (shop.sim.now - start) / 60
    late = [moment for moment in shop.moves if moment - start > 60]
    assert len(late) <= (shop.sim.now - start) / 60
    assert len(shop.warnings) == 1

    (place,) = shop.sim.where("db")
    assert shop.until(lambda: shop.are_at(place)) <= 40
    shop.run(15)
    assert shop.attempts == {}
    assert shop.watch.most["files"] == 1
    assert shop.controller.errors == []


def test_evicted_followers_wait_for_a_flapping_anchor(shop: Shop) -> None:
    shop.controller.desired = Controller(shop.sim, {"dependencies": {"db": ["app"]}}).desired
    shop.run(10)
    before = {task.id for task in shop.sim.tasks("app", desired=False)}
    for target in islice(cycle(["echo", "foxtrot", "delta"]), 45):
        shop.move_anchor(target)
        shop.run(2)
    # a dozen moves at most, then one a minute, of two tasks each
    started = {task.id for task in shop.sim.tasks("app", desired=False)} - before
    assert len(started) <= 2 * (13 + 2)
    assert len(shop.warnings) == 1
    (place,) = shop.sim.where("db")
    shop.until(lambda: shop.sim.where("app") == [place] * 2, 45)


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_follower_that_fails_on_arrival_moves_more_slowly(shop: Shop, seconds: float) -> None:
    """Swarm rolls back each move. Running for a second is no success."""
    data = {
        "dependencies": {
            "db": {**DATA["dependencies"]["db"], "manage_constraint": False, "retry_intervals": [2, 10, 60]}
        }
    }
    shop.controller.desired = Controller(shop.sim, data).desired
    shop.run(8)
    shop.change("files", UpdateConfig={**MONITOR, "FailureAction": "rollback"})
    shop.run(3)
    shop.fails_on = ("echo", seconds)
    shop.move_anchor("echo")
    shop.run(200)
    gaps = [later - earlier for earlier, later in itertools.pairwise(shop.moves)]
    assert all(gap >= pause for gap, pause in zip(gaps, (2, 10, 60), strict=True)), gaps
    assert shop.attempts["files"].count == 4
    assert shop.attempts["files"].reason == MISPLACED

    # given up after the last interval
    assert shop.attempts["files"].given_up is not None

    # and healthy again as soon as it runs on its anchor's node
    shop.fails_on = ("", 0.0)
    (place,) = shop.sim.where("files")
    shop.move_anchor(place)
    shop.until(lambda: shop.are_at(place))
    shop.run(10)
    assert shop.attempts == {}
    shop.move_anchor("foxtrot")
    shop.until(lambda: shop.sim.where("db") == ["foxtrot"])
    assert shop.until(lambda: shop.are_at("foxtrot")) <= 5


def test_follower_that_a_user_keeps_moving_away_returns_once_a_minute(shop: Shop) -> None:
    def carry_away() -> None:
        for constraints in (["node.hostname==foxtrot"], []):
            template = {**shop.sim.service("files").spec.raw["TaskTemplate"]}
            shop.change("files", TaskTemplate={**template, "Placement": {"Constraints": constraints}})
            shop.sim.wait_until(lambda: shop.sim.where("files") == ["foxtrot"])
            shop.sim.advance(6)

    for _ in range(7):
        carry_away()
        assert shop.until(lambda: shop.are_at("delta")) <= 5
        shop.run(10)
    carry_away()
    assert 30 <= shop.until(lambda: shop.are_at("delta")) <= 65

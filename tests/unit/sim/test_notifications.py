# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notifications on a simulated swarm that loses its leader again and again, at every point of a delivery."""

from __future__ import annotations

import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import (
    ClaimNotices,
    ConfirmNotices,
    NoteProblem,
    NoteSolved,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State, StateEdit
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import (
    observe,
    observe_state,
)
from orcastra_runner.notify.notifier import Notifier, NotifyRules
from orcastra_runner.notify.targets import Letter, Target, parse_targets, send_to_all
from orcastra_runner.status import StatusStore
from tests.sim import Sim, swarm
from tests.support.inbox import Inbox, Line, inbox, pattern
from tests.support.runner_process import running

MANAGERS = ("alpha", "bravo", "charlie")
WORKERS = ("delta", "echo", "foxtrot")
LOSSES = 20
SECRET = "S3CRET"
# the moments at which instances are lost: at rest, or before or after a step of a delivery
POINTS = ("at rest", "before save", "after save", "after claim", "after send", "after confirm")
CODES = {
    "notify_node_lost": "node",
    "notify_node_back": "node",
    "notify_service_short": "service",
    "notify_service_complete": "service",
}
KINDS: dict[str, type | tuple[type, ...]] = {
    "save": (NoteProblem, NoteSolved),
    "claim": ClaimNotices,
    "confirm": ConfirmNotices,
}


class Lost(BaseException):
    """The process of an instance ends here."""


class Instance:
    """The process of one manager, which may be lost at ``point``."""

    def __init__(self, sim: Sim, hostname: str, targets: Sequence[Target]) -> None:
        self.sim = sim
        self.hostname = hostname
        self.point: str | None = None
        self.status = StatusStore(clock=lambda: sim.now, monotonic=lambda: sim.now)
        self.notifier = Notifier(
            targets,
            NotifyRules(interval=20),
            self.status,
            send=self.send,
            clock=lambda: sim.now,
            monotonic=lambda: sim.now,
        )
        self._engine: Engine | None = None

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def turn(self) -> None:
        """Do what the loop and the background job do: observe, and notify."""
        try:
            if self._engine is None:
                self._engine = connect(
                    ConnectionOptions(docker_host=self.sim.docker_host(self.hostname), timeout=5)
                )
            seen = observe(self._engine)
            self.status.observed(seen, 0.0)
            self.status.decided("", leads=seen.is_leader, acts=seen.is_leader)
            if self.notifier.has_work():
                with lost_in_writes(self):
                    self.notifier.round(self._engine)
        except OrcastraError:
            self.close()

    def send(self, letters: Sequence[tuple[Target, Letter]]) -> dict[Target, str | None]:
        results = send_to_all(letters)
        self.reach("after send")
        return results

    def reach(self, point: str) -> None:
        if self.point == point:
            raise Lost


@contextmanager
def lost_in_writes(instance: Instance) -> Iterator[None]:
    """Make the instance's writes end its process at its point."""
    update = StateStore.update

    def traced(self: StateStore, edits: Sequence[StateEdit]) -> bool:
        kind = next((name for name, types in KINDS.items() if isinstance(edits[0], types)), "")
        instance.reach(f"before {kind}")
        written = update(self, edits)
        instance.reach(f"after {kind}")
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StateStore, "update", traced)
        yield


class World:
    """The swarm, its instances, the receiver, and the notifications that it must receive in the end."""

    def __init__(self, sim: Sim, receiver: Inbox, seed: int) -> None:
        self.sim = sim
        self.receiver = receiver
        self.chance = random.Random(seed)
        self.targets, problems = parse_targets("NOTIFY_URLS", receiver.url)
        assert not problems
        self.instances = {name: Instance(sim, name, self.targets) for name in MANAGERS}
        self.expected: Counter[tuple[str, str]] = Counter()
        self.lost_at: Counter[str] = Counter()

    def run_until(self, condition: Callable[[], bool], seconds: float = 300.0) -> None:
        """Let all instances work until ``condition``. An instance at its point is lost, with its host."""
        end = self.sim.now + seconds
        while not condition():
            assert self.sim.now < end, f"waited {seconds:g} simulated seconds"
            for instance in list(self.instances.values()):
                try:
                    instance.turn()
                except Lost:
                    self.lose(instance)
            self.sim.advance(2)

    def lose(self, instance: Instance) -> None:
        self.lost_at[instance.point or "at rest"] += 1
        instance.close()
        del self.instances[instance.hostname]
        self.sim.crash(instance.hostname)

    def leader(self) -> Instance | None:
        node = self.sim.cluster.leader
        return None if node is None else self.instances.get(node.hostname)

    def toggle_worker(self) -> None:
        """Let a worker crash, or boot one that has crashed."""
        name = self.chance.choice(WORKERS)
        if self.sim.node(name).up:
            self.sim.crash(name)
        else:
            self.sim.boot(name)

    def is_noted(self) -> bool:
        """Whether all problems that hold are noted, and no others."""
        if self.leader() is None:
            return False
        nodes = self.sim.store.nodes.values()
        if any(node.state != ("ready" if node.up else "down") for node in nodes):
            return False
        down = {f"node/{node.id}" for node in nodes if not node.up}
        short = set() if self.sim.node(WORKERS[0]).up else {"short/web"}
        return set(self.state().notified) == down | short

    def state(self) -> State:
        leader = self.leader()
        assert leader is not None
        with closing(connect(ConnectionOptions(docker_host=self.sim.docker_host(leader.hostname)))) as engine:
            return observe_state(engine)

    def is_delivered(self) -> bool:
        return self.leader() is not None and not self.state().outbox


def events_of(sim: Sim) -> Counter[tuple[str, str]]:
    """Count the losses and returns of nodes from now on, in the simulated managers' own store."""
    states = {node.id: node.state for node in sim.store.nodes.values()}
    found: Counter[tuple[str, str]] = Counter()
    down: set[str] = set()

    def watch(*_arguments: object) -> None:
        for node in sim.store.nodes.values():
            if node.state == states[node.id]:
                continue
            states[node.id] = node.state
            if node.state == "down":
                down.add(node.id)
                found["notify_node_lost", node.hostname] += 1
            elif node.state == "ready" and node.id in down:
                down.discard(node.id)
                found["notify_node_back", node.hostname] += 1

    sim.store.watch_nodes(watch)
    return found


def code_of(line: Line) -> tuple[str, str]:
    """The code of a notification, and the name of its node or service."""
    for code, name in CODES.items():
        match = re.fullmatch(pattern(code), line.text)
        if match:
            return code, match[name]
    raise AssertionError(line)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_leader_losses_neither_lose_nor_double_notifications(seed: int) -> None:
    now = time.time() - 1_000_000  # simulated time runs faster, and no time may be in the future
    with swarm(MANAGERS, WORKERS, heartbeat_seconds=2, seed=seed, now=now) as sim, inbox() as receiver:
        template = {
            "ContainerSpec": {"Image": "x"},
            "Placement": {"Constraints": [f"node.hostname=={WORKERS[0]}"]},
        }
        sim.place({"Name": "web", "TaskTemplate": template}, [sim.node(WORKERS[0])])
        happened = events_of(sim)
        world = World(sim, receiver, seed)
        world.run_until(world.is_noted)
        points = [POINTS[number % len(POINTS)] for number in range(LOSSES)]
        world.chance.shuffle(points)
        for number, point in enumerate(points, start=1):
            world.run_until(lambda: world.leader() is not None)
            leader = world.leader()
            assert leader is not None
            leader.point = point
            world.toggle_worker()
            if point == "at rest":
                sim.advance(world.chance.uniform(0, 20))
                world.lose(leader)
            world.run_until(lambda number=number: world.lost_at.total() == number)
            world.run_until(world.is_noted)
            sim.boot(leader.hostname)
            world.instances[leader.hostname] = Instance(sim, leader.hostname, world.targets)
            world.run_until(world.is_noted)
        world.run_until(world.is_delivered)
        for instance in world.instances.values():
            instance.close()
        # web can only run on the first worker
        happened["notify_service_short", "web"] = happened["notify_node_lost", WORKERS[0]]
        happened["notify_service_complete", "web"] = happened["notify_node_back", WORKERS[0]]

    lines = receiver.lines()
    received = Counter((*code_of(line), line.time) for line in lines)
    unmarked = Counter((*code_of(line), line.time) for line in lines if not line.may_repeat)
    kinds = Counter((unmarked[key], times - unmarked[key]) for key, times in received.items())
    sys.stdout.write(
        f"{world.lost_at.total()} leader losses {dict(world.lost_at)}; {happened.total()} events, "
        f"{len(received)} received: {kinds[1, 0]} once, {kinds[0, 1]} once and {kinds[1, 1]} twice, marked\n"
    )
    assert world.lost_at == Counter(points)
    assert happened["notify_service_short", "web"] > 1
    # none is lost, and none is invented
    assert Counter((code, name) for code, name, _time in received) == happened
    # none is doubled, except those that were sent but not confirmed, which have a mark
    assert set(unmarked.values()) == {1}
    assert set(received.values()) == {1, 2}


def test_runner_reports_a_lost_node_without_a_secret(sim: Sim, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: {}\n")
    with inbox() as receiver:
        (tmp_path / "urls").write_text(f"{receiver.url}/good\n{receiver.url}/{SECRET}\n")
        receiver.statuses[f"/{SECRET}"] = 403
        settings = {
            "NOTIFY_URLS_FILE": str(tmp_path / "urls"),
            "RELABEL_TIME": "1",
            "STACK_NAME": "",
            "DEBUG": "true",
        }
        with sim.real_time(), running(tmp_path, sim.docker_host(), **settings) as loop:
            loop.wait_for("acting")
            sim.crash("charlie")
            loop.wait_for("notification sent")
            loop.end(signal.SIGTERM)
            (line,) = receiver.lines("/good")
        assert code_of(line) == ("notify_node_lost", "charlie")
        assert SECRET not in str(loop.entries)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import ClaimCommand, CommandRecord
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NotAManager,
)
from orcastra_runner.local.mod_requests import NO_MANAGER, TIMEOUT_SECONDS, ModRequestsJob
from orcastra_runner.status import StatusStore
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.served import observation


class Manager:
    """The engine of a manager: configs, and its name. ``fault`` is raised by each request."""

    def __init__(self, name: str = "alpha") -> None:
        self.name = name
        self.configs: list[dict[str, Any]] = []
        self.fault: Exception | None = None
        self.requests = 0
        self.is_closed = False

    def _ask(self) -> None:
        self.requests += 1
        if self.fault is not None:
            raise self.fault

    def info(self) -> dict[str, Any]:
        return {"Name": self.name}

    def find_config(self, _name: str) -> dict[str, Any] | None:
        self._ask()
        return self.configs[0] if self.configs else None

    def create_config(self, spec: dict[str, Any]) -> str:
        self.configs.append({"ID": "c", "Version": {"Index": 1}, "Spec": spec})
        return "c"

    def get_config(self, _config_id: str) -> dict[str, Any]:
        return self.configs[0]

    def update_config(self, _config_id: str, version: int, spec: dict[str, Any]) -> None:
        self.configs[0] = {"ID": "c", "Version": {"Index": version + 1}, "Spec": spec}

    def close(self) -> None:
        self.is_closed = True


class Node:
    """A node's job. ``refreshed`` counts."""

    def __init__(
        self, engine: Any, clock: Clock, manager: Any = None, status: StatusStore | None = None
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.refreshed = 0
        connect = None if manager is None else lambda: manager
        self.job = ModRequestsJob(60, self.refresh, connect, status or StatusStore(), clock)

    def refresh(self) -> None:
        self.refreshed += 1

    def check(self) -> int:
        """Wait until the job checks. Returns the number of refreshes since then."""
        before = self.refreshed
        self.clock.now += self.job.seconds_to_next()
        self.job.run(self.engine)
        return self.refreshed - before


def claim(manager: Any, key: str, command: str = "refresh_mods", **more: Any) -> None:
    record = CommandRecord(command, "file", "alpha", "other", 5.0)
    StateStore(manager).update([ClaimCommand(key, replace(record, **more))])


def worker() -> Manager:
    found = Manager("wrk")
    found.fault = NotAManager("no manager")
    return found


def test_mod_requests_job_handles_each_request_once(clock: Clock, logged: Log) -> None:
    manager = Manager()
    claim(manager, "id:before")
    node = Node(manager, clock)
    assert node.check() == 0
    assert node.job.seconds_to_next() == 60
    claim(manager, "id:other", "relabel_all")
    assert node.check() == 0
    claim(manager, "id:a")
    assert [node.check(), node.check()] == [1, 0]
    # the entry of the file was forgotten, and requested again with the same key
    claim(manager, "file:1", started=6.0)
    assert node.check() == 1
    manager.configs.clear()
    claim(manager, "file:1", started=7.0)
    assert [node.check(), node.check()] == [1, 0]


def test_mod_requests_job_makes_one_request_without_news(clock: Clock) -> None:
    manager = Manager()
    node = Node(manager, clock)
    node.check()
    asked = manager.requests
    node.check()
    assert manager.requests == asked + 1


def test_mod_requests_job_ignores_requests_of_its_own_process(clock: Clock) -> None:
    manager, status = Manager(), StatusStore()
    node = Node(manager, clock, status=status)
    status.observed(observation(), 0.1)
    status.decided("acting", leads=True, acts=True)
    node.check()
    claim(manager, "id:a")
    assert node.check() == 0
    # another process runs a command from the shell, maybe on another host
    claim(manager, "id:b", source="shell")
    assert node.check() == 1
    status.decided("standing by", leads=False, acts=False)
    claim(manager, "id:c")
    assert node.check() == 1


def test_mod_requests_job_on_a_worker_asks_a_manager(clock: Clock, logged: Log) -> None:
    manager = Manager()
    node = Node(worker(), clock, manager)
    node.check()
    claim(manager, "id:a")
    assert node.check() == 1
    assert not manager.is_closed
    manager.fault = EngineUnreachable("gone")
    with pytest.raises(EngineUnreachable):
        node.check()
    assert manager.is_closed
    manager.fault = None
    claim(manager, "id:b")
    assert node.check() == 1


@pytest.mark.parametrize("is_worker", [False, True])
def test_mod_requests_job_passes_a_request_on(clock: Clock, is_worker: bool) -> None:
    manager = Manager()
    asked = Node(worker(), clock, manager) if is_worker else Node(manager, clock)
    other = Node(manager, clock)
    asked.check()
    other.check()
    asked.job.ask()
    assert asked.job.woken.is_set()
    assert (asked.refreshed, asked.job.seconds_to_next()) == (1, 0)
    assert [asked.check(), asked.check()] == [0, 0]
    assert [other.check(), other.check()] == [1, 0]


def test_mod_requests_job_on_a_worker_without_manager_warns(clock: Clock, logged: Log) -> None:
    node = Node(worker(), clock)
    node.check()
    assert not logged.sentences
    node.job.ask()
    node.check()
    assert node.refreshed == 1
    assert logged.sentences == [f"warning mods refreshed on this node only: {NO_MANAGER}"]
    assert node.job.seconds_to_next() == 60


def test_mod_requests_job_retries_while_the_manager_is_down(clock: Clock, logged: Log) -> None:
    manager = Manager()
    node, other = Node(manager, clock), Node(manager, clock)
    other.check()
    node.job.ask()
    manager.fault = EngineUnreachable("gone")
    for _attempt in range(2):
        with pytest.raises(EngineUnreachable):
            node.check()
    manager.fault = None
    node.check()
    assert other.check() == 1
    node.job.ask()
    manager.fault = EngineUnreachable("gone")
    clock.now += TIMEOUT_SECONDS + 1
    with pytest.raises(EngineUnreachable):
        node.check()
    assert logged.sentences[-1] == "warning mods refreshed on this node only: gone"
    manager.fault = None
    node.check()
    assert other.check() == 0

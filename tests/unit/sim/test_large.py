# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orcastra on a thousand nodes and twenty thousand tasks. For times, see ``tests/bench``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sim import Sim, State
from tests.sim.large import configuration, large_swarm
from tests.unit.sim.controller import Controller

NODES = 1_000
TASKS = 20_000


@pytest.fixture(scope="module")
def large() -> Iterator[Sim]:
    with large_swarm(NODES, TASKS) as sim:
        yield sim


def test_observe_takes_five_requests(large: Sim) -> None:
    controller = Controller(large, configuration(TASKS), "node-0000")
    plan = controller.plan()
    assert controller.seen is not None
    assert controller.seen.requests == 5
    assert len(controller.seen.snapshot.nodes) == NODES
    assert len(controller.seen.snapshot.tasks) == TASKS
    assert all(task.is_running for task in controller.seen.snapshot.tasks)
    assert plan is not None
    assert plan.steps == ()
    controller.close()


def test_idle_controller_only_reads() -> None:
    """Ten cycles make five requests each, on one connection, without a write."""
    with large_swarm(100, 2_000) as sim:
        controller = Controller(sim, configuration(2_000), "node-0000")
        controller.cycle()
        writes = sim.store.writes
        sim.requests.clear()
        for _ in range(10):
            controller.cycle()
            sim.advance(60)
        assert [path for _node, _method, path in sim.requests] == [
            "/info", "/configs/orcastra.state", "/nodes", "/services", "/tasks",
        ] * 10  # fmt: skip
        assert {method for _node, method, _path in sim.requests} == {"GET"}
        assert sim.store.writes == writes
        assert controller.errors == []
        controller.close()


def test_lost_node_in_a_large_swarm(large: Sim) -> None:
    """Only the tasks of the lost node move."""
    lost = large.node("node-0500")
    there = {task.id for task in large.store.tasks_of_node[lost.id].values()}
    free = [task for task in there if not large.store.tasks[task].spec.constraints]
    before = {task.id for task in large.store.tasks.values() if task.state == State.RUNNING}
    large.crash("node-0500")
    large.wait_until(lambda: lost.state == "down", 30)
    large.advance(15)
    desired = [task for task in large.store.tasks.values() if task.desired == State.RUNNING]
    assert before - {task.id for task in desired} == there
    running = [task for task in desired if task.state == State.RUNNING]
    assert len(running) >= TASKS - len(there) + len(free)

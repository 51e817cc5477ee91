# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The history of actions in the saved state, while leaders are lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from orcastra_runner.history import saved_actions
from tests.behaviour.world import Swarm
from tests.sim import Sim
from tests.unit.sim.controller import Controller

LOSSES = 6
CONFIG = {
    "nodes": {name: {"labels": []} for name in ("alpha", "bravo", "charlie")},
    "dependencies": {"db": {"services": ["app"]}},
}


@pytest.fixture
def controllers(sim: Sim) -> Iterator[dict[str, Controller]]:
    found = {name: Controller(sim, CONFIG, name) for name in ("alpha", "bravo", "charlie")}
    yield found
    for controller in found.values():
        controller.close()


def test_history_has_each_action_once_after_lost_leaders(
    sim: Sim, swarm: Swarm, controllers: dict[str, Controller]
) -> None:
    swarm.run("db")
    swarm.run("app")

    def settle() -> Controller:
        """Run the instances of all managers until the leader has nothing to do."""
        for _cycle in range(200):
            plans = [(controller, controller.cycle()) for controller in controllers.values()]
            resting = [controller for controller, plan in plans if plan is not None and plan.is_empty]
            if resting and sim.where("app") == sim.where("db"):
                return resting[0]
            sim.advance(2)
        pytest.fail("the swarm does not settle")

    settle()
    for _loss in range(LOSSES):
        leader = sim.cluster.leader
        assert leader is not None
        sim.crash(leader.hostname)
        settle()
        sim.boot(leader.hostname)
        sim.wait_until(lambda: all(node.state == "ready" for node in sim.store.nodes.values()), 60)
        acting = settle()

        done = Counter(step for controller in controllers.values() for step in controller.steps)
        assert acting.seen is not None
        saved = Counter(action.summary for action in saved_actions(acting.seen.state))
        assert done
        assert saved == done

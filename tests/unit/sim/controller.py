# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orcastra's own cycle on a simulated swarm: observe, plan, carry out, in simulated time.

It does the same as the runner's loop, in process and with the simulated clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.state_repair import plan_state_repair
from tests.sim import Sim

TIMEOUT_SECONDS = 5
Watch = Callable[[], None]


class Controller:
    """One instance on the manager ``hostname``. Like the runner, it is active while that manager leads."""

    def __init__(self, sim: Sim, data: Mapping[str, Any], hostname: str = "alpha") -> None:
        self.sim = sim
        self.desired = parse_config(data, stack_name="")
        self.hostname = hostname
        self.errors: list[str] = []
        self.steps: list[str] = []
        self.seen: Observation | None = None
        self._engine: Engine | None = None

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def cycle(self) -> Plan | None:
        """Run one cycle. Returns None if it failed or the instance is on standby; the next cycle retries."""
        try:
            plan = self.plan()
            if plan is None or plan.is_empty:
                return plan
            outcome = carry_out(self._open(), plan)
        except OrcastraError as error:
            self.errors.append(str(error))
            self.close()
            return None
        self.steps += [result.step.summary for result in outcome.results if result.changed]
        self.errors += [str(result.error) for result in outcome.failures]
        return plan

    def plan(self) -> Plan | None:
        self.seen = seen = observe(self._open())
        if not seen.is_leader:
            return None
        return plan_state_repair(seen.damage) + plan_anchors(
            seen.snapshot, self.desired, seen.state, self.sim.now, static_labels=True
        )

    def _open(self) -> Engine:
        if self._engine is None:
            options = ConnectionOptions(
                docker_host=self.sim.docker_host(self.hostname), timeout=TIMEOUT_SECONDS
            )
            self._engine = connect(options)
        return self._engine


def run(
    sim: Sim,
    controllers: list[Controller],
    seconds: float,
    each: Watch,
    *,
    interval: float = 1.0,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Let the controllers cycle every ``interval``, at most for so many seconds, until ``until`` is true.

    ``each`` is called every tenth of a second.
    """
    end = sim.now + seconds
    while sim.now < end and not until():
        for controller in controllers:
            controller.cycle()
        for _ in range(round(interval * 10)):
            sim.advance(0.1)
            each()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process of the runner: commands, followers and labels, and balancing, in simulated time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import Outcome
from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    MetricSources,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.restarts import (
    plan_requested_restarts,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.state_repair import plan_state_repair
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.job import CommandJob
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.jobs import Work
from orcastra_runner.swarm import Swarm
from tests.faults.scenario import Scenario

RULES = RebalanceRules(
    default=ServiceRules(memory_difference_bytes=GB // 10, rebalance_buffer_bytes=GB // 100),
    sustained_seconds=0,
)


class Process:
    """One process on the manager ``hostname``. A new one has nothing but the saved state and the files."""

    def __init__(self, scenario: Scenario, hostname: str, commands: Path, runs: Counter[str]) -> None:
        self.scenario, self.sim, self.hostname = scenario, scenario.sim, hostname
        self.runs = runs
        self.errors: list[str] = []
        self.unexplained: list[str] = []
        self.steps: list[str] = []
        self.swarm = Swarm(self._connect)
        self.work = Work(self.swarm, self._desired(), self._run_playbook)
        file = CommandFile(commands)
        file.refresh(at_once=True)
        self.job = CommandJob(60, file, lambda: self.sim.now, monotonic=lambda: self.sim.now)

    def cycle(self, *, balance: bool) -> bool | None:
        """Run one cycle. Returns whether nothing was left to do; None on standby and after an error."""
        self.swarm.invalidate()
        self.work.desired = self._desired()
        try:
            if not self.swarm.observe().is_leader:
                return None
            self.job.run(self.work)
            plans = [self._anchors()]
            self._act(plans[0])
            if balance:
                plans.append(self._balance())
                self._act(plans[1])
        except OrcastraError as error:
            self.errors.append(str(error))
            self.swarm.close()
            return None
        return all(plan.is_empty for plan in plans)

    def close(self) -> None:
        self.swarm.close()

    def _desired(self) -> Any:
        return parse_config(self.scenario.data, stack_name="")

    def _connect(self) -> Any:
        return connect(ConnectionOptions(docker_host=self.sim.docker_host(self.hostname), timeout=10))

    def _anchors(self) -> Plan:
        seen = self.swarm.observe()
        return plan_state_repair(seen.damage) + plan_anchors(
            seen.snapshot, self.work.desired, seen.state, self.sim.now, static_labels=True
        )

    def _balance(self) -> Plan:
        seen = self.swarm.observe()
        port = self.sim.docker_host("alpha").rpartition(":")[2]
        sources = MetricSources(node_exporter_url=f"http://{{address}}:{port}/metrics")
        memory = measure(seen.snapshot, sources)
        groups = resolve_anchor_groups(seen.snapshot, self.work.desired)
        return plan_rebalance(seen.snapshot, groups, memory, RULES, seen.state, self.sim.now)

    def _act(self, plan: Plan) -> Outcome | None:
        if plan.is_empty:
            return None
        for step in plan.steps:
            if not step.why or not all(reason.text for reason in step.why):
                self.unexplained.append(step.summary)
        outcome = self.swarm.carry_out(plan)
        self.steps += [one.step.summary for one in outcome.results if one.changed]
        self.errors += [str(one.error) for one in outcome.failures]
        self.swarm.invalidate()
        return outcome

    def _run_playbook(
        self, name: str, variables: Mapping[str, Any] = {}, /, *, check: bool = False
    ) -> PlaybookResult:
        """Do what the playbook of ``restart_service`` does, in this process."""
        self.runs["restart_service"] += 1
        self.swarm.invalidate()
        seen = self.swarm.observe()
        outcome = self._act(plan_requested_restarts(seen.snapshot, ["other"], "", seen.state))
        failed = outcome is not None and bool(outcome.failures)
        return PlaybookResult(name, "failed" if failed else "successful", 1.0)

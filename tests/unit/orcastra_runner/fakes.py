# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A swarm in memory behind a fake ``observe``, and a playbook that carries out the plan."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner import swarm as swarm_module
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.jobs import Work
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import Swarm, plan_all
from tests.support.builders import node, service, snapshot, task


class FakeEngine:
    """Counts how often it was closed, and records its timeouts."""

    def __init__(self, settings: dict[str, Any], *, is_local: bool = True) -> None:
        self.settings = settings
        self.is_local = is_local
        self.closed = 0
        self.patience: list[float] = []

    def impatient(self, seconds: float) -> AbstractContextManager[None]:
        self.patience.append(seconds)
        return nullcontext()

    def get_cluster(self) -> dict[str, Any]:
        return self.settings

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeSwarm:
    """Nodes and services in memory. ``errors`` are raised by the next observations; None lets one succeed.

    ``settings`` is what the engine says of the swarm as such.
    """

    snapshot: SwarmSnapshot
    settings: dict[str, Any] = field(default_factory=dict)
    state: State = field(default_factory=State)
    damage: tuple[str, ...] = ()
    local: str = "alpha"
    is_local: bool = True
    errors: list[Exception | None] = field(default_factory=list)
    observations: int = 0
    engines: list[FakeEngine] = field(default_factory=list)
    playbooks: list[str] = field(default_factory=list)
    results: list[PlaybookResult | Exception] = field(default_factory=list)

    def connect(self) -> Any:
        self.engines.append(FakeEngine(self.settings, is_local=self.is_local))
        return self.engines[-1]

    def observe(self, _engine: Any) -> Observation:
        self.observations += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return Observation(
            snapshot=self.snapshot,
            state=self.state,
            damage=self.damage,
            local_node_id=f"id-{self.local}",
            cluster_id="cluster",
            requests=5,
        )

    def lead(self, name: str | None) -> None:
        """Make a node the leader."""
        self.change_nodes(lambda one: replace(one, leader=one.hostname == name))

    def label(self, name: str, **labels: str) -> None:
        """Give a node exactly these labels, without Orcastra."""
        self.change_nodes(lambda one: replace(one, labels=labels) if one.hostname == name else one)

    def change_nodes(self, change: Any) -> None:
        self.snapshot = replace(self.snapshot, nodes=tuple(change(one) for one in self.snapshot.nodes))

    def labels_of(self, name: str) -> dict[str, str]:
        (found,) = self.snapshot.nodes_by_hostname[name]
        return dict(found.labels)

    def run_playbook(self, name: str, desired: DesiredState) -> PlaybookResult:
        """Do the work of the real playbook, or return the next one of ``results``."""
        self.playbooks.append(name)
        if self.results:
            result = self.results.pop(0)
            if isinstance(result, Exception):
                raise result
            return result
        plan = plan_all(self.observe(None), desired)
        self.observations -= 1
        self.state = apply_edits(
            self.state, [*plan.remember, *(edit for s in plan.steps for edit in s.intent_edits)]
        )
        self.damage = ()
        for step in plan.steps:
            if isinstance(step, LabelNode):
                changed = step.changed(step.labels)
                self.label(step.hostname, **changed)
            self.state = apply_edits(self.state, step.commit_edits)
        steps = tuple(step.to_result() for step in plan.steps)
        done = TaskResult("Keep labels right", "localhost", ok=True, changed=not plan.is_empty, plan=steps)
        return PlaybookResult(name, "successful", 0.1, tasks=(done,))


def three_nodes() -> FakeSwarm:
    """alpha is the leader, bravo and charlie are managers; the service shop_db runs on bravo."""
    return FakeSwarm(
        snapshot(
            node("alpha", role="manager", leader=True),
            node("bravo", role="manager"),
            node("charlie", role="manager"),
            service("shop_db"),
            task("shop_db", "bravo"),
        )
    )


def work_on(
    fake: FakeSwarm, desired: DesiredState, monkeypatch: pytest.MonkeyPatch, *, dry_run: bool = False
) -> Work:
    """Return the environment of jobs, with the fake."""
    monkeypatch.setattr(swarm_module, "observe", fake.observe)
    status = StatusStore(dry_run=dry_run)
    work = Work(
        swarm=Swarm(fake.connect, on_observed=status.observed),
        desired=desired,
        run_playbook=lambda name: fake.run_playbook(name, work.desired),
        dry_run=dry_run,
        status=status,
    )
    return work


def failed(playbook: str, message: str) -> PlaybookResult:
    """A playbook whose only task failed."""
    task_result = TaskResult("Keep labels right", "localhost", ok=False, changed=False, message=message)
    return PlaybookResult(playbook, "failed", 1.0, tasks=(task_result,))

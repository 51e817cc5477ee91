# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small unbalanced swarm whose parts a test can replace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import ObservedVolume
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import GB, RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.explanation import Candidate
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import (
    decide_moves,
    plan_rebalance,
)
from tests.support.builders import desired, node, service, snapshot, task

NOW = 1_700_000_000.0
LONG_AGO = NOW - 3600


def samples(**used: float) -> dict[str, NodeMemory]:
    """Node name → GB in use of 16."""
    return {f"id-{name}": NodeMemory(name, 16 * GB, int((16 - number) * GB)) for name, number in used.items()}


def the_step(plan: Plan) -> PlaceService:
    """The one step of a plan."""
    assert len(plan.steps) == 1, plan
    step = plan.steps[0]
    assert isinstance(step, PlaceService)
    return step


@dataclass
class Case:
    """A swarm with ``big`` (6 GB) and nothing else on alpha, and an empty beta; parts of it are replaced."""

    service: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Any, ...] = ()
    beta: dict[str, Any] = field(default_factory=dict)
    alpha: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, NodeMemory] = field(default_factory=lambda: samples(alpha=12, beta=1))
    memory: dict[str, int] = field(default_factory=lambda: {"id-big": 6 * GB})
    rules: RebalanceRules = field(default_factory=RebalanceRules)
    state: State = field(default_factory=lambda: State(pressure={"alpha": LONG_AGO}))
    desired: DesiredState = field(default_factory=desired)
    volumes: dict[str, dict[str, ObservedVolume]] = field(default_factory=dict)

    def snapshot(self) -> SwarmSnapshot:
        return snapshot(
            node("alpha", **self.alpha),
            node("beta", **self.beta),
            replace(service("big"), **self.service),
            task("big", "alpha"),
            *self.parts,
        )

    def plan(self, now: float = NOW) -> Plan:
        seen, measured = self.snapshot(), Memory(nodes=self.nodes, services=self.memory, volumes=self.volumes)
        return plan_rebalance(
            seen, resolve_anchor_groups(seen, self.desired), measured, self.rules, self.state, now
        )

    def candidate(self, title: str = "big") -> Candidate:
        """The verdict on one unit."""
        seen, measured = self.snapshot(), Memory(nodes=self.nodes, services=self.memory, volumes=self.volumes)
        found = decide_moves(
            seen, resolve_anchor_groups(seen, self.desired), measured, self.rules, self.state, NOW
        ).candidates()
        return next(one for one in found if one.title == title)

    def verdict(self, title: str = "big") -> tuple[str, list[Reason]]:
        """The verdict on one unit, and all its reasons, nested ones included."""
        candidate = self.candidate(title)
        return candidate.verdict, list(flatten(candidate.reasons))


def flatten(reasons: Iterable[object]) -> Iterator[Reason]:
    """All reasons, and those in their parameters."""
    for reason in reasons:
        if isinstance(reason, Reason):
            yield reason
            yield from flatten(reason.params.values())
        elif isinstance(reason, tuple):
            yield from flatten(reason)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra plan --explain SERVICE``: why a service is where it is, and what would move it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Step
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import no_requested_service
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import find_service, without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import shortages
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.whereabouts import (
    RUNS,
    Place,
    Whereabouts,
    explain_service,
)
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural
from orcastra_runner.rebalance import RebalanceFile, plan_balancing
from orcastra_runner.report import step_lines, to_text
from orcastra_runner.settings import Settings, UsageError
from orcastra_runner.shortages import shortages_data
from orcastra_runner.swarm import plan_all


@dataclass(frozen=True)
class Explanation:
    """The whereabouts of a service, its pending steps, and its shortage of tasks if there is one."""

    where: Whereabouts
    steps: tuple[Step, ...]
    short: tuple[Shortage, ...]

    def to_data(self) -> dict[str, Any]:
        return {
            **self.where.to_data(),
            "plan": [step.to_result() for step in self.steps],
            "short_of_tasks": shortages_data(self.short),
        }

    def to_text(self) -> str:
        """Return the explanation as text."""
        where = self.where
        places = [place for place in where.places if place.tasks]
        on = ", ".join(f"{place.node} ×{place.tasks}" if place.tasks > 1 else place.node for place in places)
        lines = [f"{where.service} {f'runs on {on}' if on else 'has no task on any node'}"]
        lines += [f"  {reason}" for reason in where.why]
        lines += [f"  short of tasks: {one.text}" for one in self.short]
        lines += ["", "Nodes:"]
        width = max((len(place.node) for place in where.places), default=0)
        lines += [line for place in where.places for line in _place(place, width)]
        if where.moves:
            lines += ["", "What would move it:", *(f"  {reason}" for reason in where.moves)]
        if where.balancing:
            lines += ["", "Memory balancing:", *(f"  {one.verdict}: {one}" for one in where.balancing)]
        lines += ["", "Pending changes:" if self.steps else "No changes of this service are pending."]
        lines += step_lines(step.to_result() for step in self.steps)
        return to_text(lines)


def explain(
    settings: Settings, seen: Observation, desired: DesiredState, rebalance_file: RebalanceFile, name: str
) -> Explanation:
    """Explain a service, by its name with or without the stack. Raises UsageError if there is none."""
    snapshot = without_doubtful(seen.snapshot, desired)
    service = requested_service(snapshot, name, settings.stack_name)
    balancing = plan_balancing(seen, desired, rebalance_file.in_effect)
    sources = rebalance_file.rebalance.sources
    memory = measure(snapshot, sources) if rebalance_file.is_present else Memory()
    plan = plan_all(seen, desired, settings.max_mismatch_duration) + balancing.plan
    now = seen.engine_time or time.time()
    where = explain_service(
        snapshot,
        service,
        resolve_anchor_groups(snapshot, desired),
        memory,
        now,
        storage=desired.storage,
        candidates=balancing.candidates(),
    )
    steps = tuple(step for step in plan.steps if step.target == f"service {service.name}")
    short = tuple(one for one in shortages(seen.snapshot, now) if one.service == service.name)
    return Explanation(where, steps, short)


def requested_service(snapshot: SwarmSnapshot, name: str, stack: str) -> Service:
    """Return the service with this name or ID. Raises UsageError, with a suggestion, if there is none."""
    service = snapshot.service_by_id.get(name) or find_service(snapshot, name, stack)
    if service is None:
        raise UsageError(f"--explain {name}: {no_requested_service(snapshot, name, stack)}")
    return service


def _place(place: Place, width: int) -> list[str]:
    tasks = f" {plural(place.tasks, 'task')}" if place.status == RUNS else ""
    first = f"  {place.node:<{width}}  {place.status}{tasks}"
    return [first, *(f"  {'':<{width}}    {reason}" for reason in place.reasons)]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor and its follower, and what a plan does to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from tests.support.builders import desired, node, service, snapshot, task

NOW = 1_000_000.0
HELD = "node.labels.db==true"
TO_BRAVO = "node.id==id-bravo"
VOLUME = (Mount("volume", "data", "/data"),)
CONFIG = desired(anchors={"db": ("app",)})


def with_option(**fields: Any) -> DesiredState:
    return DesiredState(dependencies={"db": replace(CONFIG.dependencies["db"], **fields)})


def swarm(
    app: Service, *more: Node | Service | Task, anchor_on: str = "bravo", app_on: str | None = "alpha"
) -> SwarmSnapshot:
    """The anchor runs on one node, its follower on another, and the label is where the follower is."""
    parts: list[Node | Service | Task] = [
        node("alpha", labels={"db": "true"}),
        node("bravo"),
        node("charlie"),
        service("shop_db"),
        task("shop_db", anchor_on),
        app,
    ]
    if app_on is not None:
        parts.append(task("shop_app", app_on))
    replaced = {part.id for part in more}
    return snapshot(*[part for part in parts if part.id not in replaced], *more)


def plan(
    seen: SwarmSnapshot, config: DesiredState = CONFIG, state: State | None = None, now: float = NOW
) -> Plan:
    return plan_anchors(seen, config, state or State(), now)


def labels(found: Plan) -> dict[str, dict[str, str | None]]:
    steps = [step for step in found.steps if isinstance(step, LabelNode)]
    return {step.hostname: {change.key: change.after for change in step.changes} for step in steps}


def placed(found: Plan) -> PlaceService:
    """The only step on a service."""
    (step,) = (step for step in found.steps if not isinstance(step, LabelNode))
    assert isinstance(step, PlaceService)
    return step


def writes_to_services(found: Plan) -> list[str]:
    return [step.summary for step in found.steps if not isinstance(step, LabelNode)]


def remembered(found: Plan, state: State | None = None) -> State:
    """The state once everything in the plan has succeeded."""
    edits = [*found.remember]
    for step in found.steps:
        edits += [*step.intent_edits, *step.commit_edits]
    return apply_edits(state or State(), edits)

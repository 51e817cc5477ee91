# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Heal one node: observe, plan, act, notify. For the module and the runner."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._model.node import NodeView, ServicesInUse
from .._model.reasons import Reason
from .._model.service_steps import ServiceStep
from .._model.snapshot import SwarmSnapshot
from .._model.steps import Plan
from .._observe.engine import Engine
from .._observe.errors import OtherSwarm
from .._observe.node import unhealthy_ids, view_containers, view_node
from .._observe.observation import observe
from .._plan.autoheal import Ended, HealPlan, HealRules, plan_autoheal
from .executor import StepResult, carry_out
from .node_store import Busy, NodeStore
from .webhook import notify_all


@dataclass(frozen=True)
class Healing:
    """The findings and the results. ``results`` is empty if nothing was carried out.

    ``unhealthy`` are the IDs of all containers that the engine reports as unhealthy.
    """

    unhealthy: frozenset[str] = frozenset()
    heal: HealPlan = field(default_factory=HealPlan)
    results: tuple[StepResult, ...] = ()
    warnings: tuple[Reason, ...] = ()

    @property
    def changed(self) -> bool:
        return any(result.changed for result in self.results)

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(result.error for result in self.results if result.error is not None)


def heal_node(
    engine: Engine,
    rules: HealRules,
    folder: Path,
    *,
    connect_manager: Callable[[], Engine] | None = None,
    use: ServicesInUse | None = None,
    ended_elsewhere: Iterable[Ended] = (),
    webhook_url: str | None = None,
    dry_run: bool = False,
    settled: Collection[str] = frozenset(),
) -> Healing:
    """Heal the containers of ``engine``. A healthy node costs one request.

    ``connect_manager`` returns a manager's engine if the node is a worker; ``use`` describes the services for
    a node without a manager. ``ended_elsewhere`` lists tasks that other nodes could not judge, ``settled``
    containers that need no check. ``dry_run``: only plan, without writing or notifying. Raises OrcastraError.
    """
    ended_elsewhere = tuple(ended_elsewhere)
    unhealthy = unhealthy_ids(engine)
    ids = unhealthy - frozenset(settled)
    if not ids and not ended_elsewhere:
        return Healing(unhealthy)
    view = replace(view_node(engine), containers=view_containers(engine, ids))
    manager = engine if view.is_manager else None
    if manager is None and connect_manager is not None and _needs_swarm(view, ended_elsewhere):
        manager = connect_manager()
    snapshot = (
        _look_at_swarm(manager, view) if manager is not None and _needs_swarm(view, ended_elsewhere) else None
    )
    stop_grace = dict(use.stop_grace) if use is not None else {}
    if snapshot is not None:
        stop_grace |= {service.id: service.stop_grace_seconds for service in snapshot.services}
    store = NodeStore(folder, view.engine_id)
    if dry_run:
        state, damage = store.read()
        heal = plan_autoheal(view, rules, state, snapshot, stop_grace, ended_elsewhere)
        return Healing(unhealthy, heal, warnings=() if damage is None else (damage,))
    try:
        with store.alone("autoheal"):
            state, damage = store.read()
            heal = plan_autoheal(view, rules, state, snapshot, stop_grace, ended_elsewhere)
            results = _carry_out(engine, manager, heal.plan, store)
    except Busy as busy:
        return Healing(unhealthy, HealPlan(plan=Plan(notes=(busy.reason,))))
    warnings: list[Reason] = [] if damage is None else [damage]
    if webhook_url:
        warnings += [
            Reason("webhook_failed", problem=problem)
            for problem in notify_all(webhook_url, _messages(view, heal, results))
        ]
    return Healing(unhealthy, heal, results, tuple(warnings))


def _needs_swarm(view: NodeView, ended_elsewhere: tuple[Ended, ...]) -> bool:
    return bool(ended_elsewhere) or any(container.is_task for container in view.containers)


def _look_at_swarm(manager: Engine, view: NodeView) -> SwarmSnapshot:
    snapshot = observe(manager).snapshot
    if view.node_id not in snapshot.node_by_id:
        raise OtherSwarm(view.hostname)
    return snapshot


def _carry_out(
    engine: Engine, manager: Engine | None, plan: Plan, store: NodeStore
) -> tuple[StepResult, ...]:
    """Handle containers first, then services, through a manager."""
    local = tuple(step for step in plan.steps if not isinstance(step, ServiceStep))
    services = tuple(step for step in plan.steps if isinstance(step, ServiceStep))
    results: tuple[StepResult, ...] = ()
    if local or plan.remember:
        results += carry_out(engine, replace(plan, steps=local), store).results
    if services and manager is not None:
        results += carry_out(manager, Plan(steps=services), store).results
    return results


def _messages(view: NodeView, heal: HealPlan, results: tuple[StepResult, ...]) -> list[dict[str, Any]]:
    """Return the webhook messages; chat programs show their ``text``."""
    messages: list[dict[str, Any]] = []
    for result in results:
        step = result.step
        if result.skipped is not None:
            continue
        failed = "" if result.error is None else f" failed: {result.error}"
        messages.append(
            {
                "text": f"{view.hostname}: {step.summary}{failed} ({'; '.join(map(str, step.why))})",
                "event": "failed" if failed else "healed",
                "node": view.hostname,
                "action": step.action,
                "target": step.target,
                "why": [str(reason) for reason in step.why],
                "reasons": [reason.to_data() for reason in step.why],
            }
        )
    for reason in heal.given_up:
        messages.append(
            {
                "text": f"{view.hostname}: {reason}",
                "event": "given_up",
                "node": view.hostname,
                "reasons": [reason.to_data()],
            }
        )
    for ended in heal.for_manager:
        reason = Reason("ended_needs_manager", service=ended.service, exit_code=ended.exit_code)
        messages.append(
            {
                "text": f"{view.hostname}: {reason}",
                "event": "for_manager",
                "node": view.hostname,
                "reasons": [reason.to_data()],
                "target": f"service {ended.service}",
            }
        )
    return messages

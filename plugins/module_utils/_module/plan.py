# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared code of modules that observe, plan and apply."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._apply.election import ElectionPatience
from .._apply.executor import Outcome, carry_out
from .._model.errors import OrcastraError
from .._model.steps import Plan
from .._observe.engine import Engine
from .._observe.observation import Observation, observe
from .._plan.state_repair import plan_state_repair
from .entry import run


def run_plan(
    module: AnsibleModule, planner: Callable[[Observation], Plan], details: Mapping[str, Any] | None = None
) -> None:
    """Observe, plan and, unless in check mode, apply. Then exit the module with the plan as its result.

    ``details`` are added to the result. The planner may fill them.
    """
    run_engine_plan(module, lambda _engine, seen: planner(seen), lambda _engine: details or {})


def run_engine_plan(
    module: AnsibleModule,
    planner: Callable[[Engine, Observation], Plan],
    finish: Callable[[Engine], Mapping[str, Any]],
) -> None:
    """Like ``run_plan``, with a planner that may read more from the engine, and a final function.

    ``finish`` is called at the end, also in check mode. Its return value is added to the result.
    """

    def action(engine: Engine) -> dict[str, Any]:
        patience = ElectionPatience()
        seen = patience.call(lambda: observe(engine))
        plan = plan_state_repair(seen.damage) + planner(engine, seen)
        return execute(module, engine, plan, finish, patience)

    run(module, action)


def execute(
    module: AnsibleModule,
    engine: Engine,
    plan: Plan,
    finish: Callable[[Engine], Mapping[str, Any]],
    patience: ElectionPatience | None = None,
) -> dict[str, Any]:
    """Apply a plan, unless in check mode. Returns the result, or fails the module if a step fails."""
    for warning in plan.warnings:
        module.warn(str(warning))
    result: dict[str, Any] = {
        "changed": bool(plan.steps),
        "plan": [step.to_result() for step in plan.steps],
        "notes": [note.to_data() for note in plan.notes],
        "warning_reasons": [warning.to_data() for warning in plan.warnings],
        "diff": plan.diff(),
    }
    if plan.requeue_after is not None:
        result["requeue_after"] = plan.requeue_after
    if not module.check_mode and not plan.is_empty:
        outcome = carry_out(engine, plan, patience=patience)
        result["changed"] = outcome.changed
        if outcome.failures:
            module.fail_json(msg=failure_message(outcome), **result)
    try:
        result |= finish(engine)
    except OrcastraError as error:
        module.fail_json(msg=str(error), **result)
    return result


def finish_plan(module: AnsibleModule, done: Plan) -> dict[str, Any]:
    """The result of a module that has already applied its plan. Reports the warnings."""
    warnings = list(dict.fromkeys(done.warnings))
    for warning in warnings:
        module.warn(str(warning))
    return {
        "changed": bool(done.steps),
        "plan": [step.to_result() for step in done.steps],
        "notes": [note.to_data() for note in dict.fromkeys(done.notes)],
        "warning_reasons": [warning.to_data() for warning in warnings],
        "diff": done.diff(),
    }


def failure_message(outcome: Outcome) -> str:
    """The errors, and the number of steps that succeeded."""
    failures = "; ".join(str(result.error) for result in outcome.failures)
    done = len(outcome.results) - len(outcome.failures)
    return f"{failures} ({done} of {len(outcome.results)} steps succeeded)"

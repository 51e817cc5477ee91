# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that look after one node."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._apply.executor import Outcome, StepResult
from .._apply.node_store import DEFAULT_FOLDER
from .._model.node import ServicesInUse
from .._model.reasons import Reason
from .._model.steps import Plan
from .._observe.connection import ConnectionOptions, connect
from .._observe.engine import Engine
from .entry import run
from .plan import failure_message

# the options of modules that look after one node
NODE_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "manager_host": {"type": "str"},
    "services_in_use": {
        "type": "dict",
        "options": {
            "images": {"type": "list", "elements": "str", "default": []},
            "volumes": {"type": "list", "elements": "str", "default": []},
            "stop_grace": {"type": "dict", "default": {}},
        },
    },
    "state_dir": {"type": "path", "default": DEFAULT_FOLDER},
}


def run_on_node(
    module: AnsibleModule, action: Callable[[Engine, Callable[[], Engine] | None], dict[str, Any]]
) -> None:
    """The same for one node: ``action`` gets its engine, and what connects to ``manager_host``."""

    def act(engine: Engine) -> dict[str, Any]:
        host = module.params["manager_host"]
        if not host:
            return action(engine, None)
        options = replace(ConnectionOptions.from_parameters(module.params), docker_host=host)
        with ExitStack() as stack:
            return action(engine, lambda: stack.enter_context(closing(connect(options))))

    run(module, act)


def finish_node(
    module: AnsibleModule,
    plan: Plan,
    results: tuple[StepResult, ...],
    warnings: tuple[Reason, ...],
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """The result of a module that looks after one node. Ends the module where a step failed."""
    for warning in (*plan.warnings, *warnings):
        module.warn(str(warning))
    skipped = [result.step for result in results if result.skipped is not None]
    steps = tuple(step for step in plan.steps if step not in skipped)
    outcome = Outcome(results)
    result: dict[str, Any] = {
        "changed": outcome.changed if results else bool(steps) and module.check_mode,
        "plan": [step.to_result() for step in steps],
        "notes": [note.to_data() for note in plan.notes],
        "warning_reasons": [warning.to_data() for warning in (*plan.warnings, *warnings)],
        "diff": Plan(steps=steps).diff(),
        **details,
    }
    if outcome.failures:
        module.fail_json(msg=failure_message(outcome), **result)
    return result


def services_in_use_from(module: AnsibleModule) -> ServicesInUse | None:
    """What the module was told of the services. Ends the module where it is wrong."""
    told = module.params["services_in_use"]
    if told is None:
        return None
    try:
        stop_grace = {service_id: float(seconds) for service_id, seconds in told["stop_grace"].items()}
    except (TypeError, ValueError) as error:
        module.fail_json(
            msg=f"services_in_use.stop_grace: expected seconds for the ID of each service: {error}"
        )
    return ServicesInUse(frozenset(told["images"]), frozenset(told["volumes"]), stop_grace)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared code of modules that manage one node."""

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

# the options of modules that manage one node
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
    """Like ``run``, for one node: ``action`` gets its engine, and a function that connects to a manager.

    The function is None if ``manager_host`` is not set.
    """

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
    """The result of a module that manages one node. Fails the module if a step failed."""
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
    """The parameter ``services_in_use``. Fails the module if it is invalid."""
    given = module.params["services_in_use"]
    if given is None:
        return None
    try:
        stop_grace = {service_id: float(seconds) for service_id, seconds in given["stop_grace"].items()}
    except (TypeError, ValueError) as error:
        module.fail_json(
            msg=f"services_in_use.stop_grace: expected a mapping of service IDs to seconds: {error}"
        )
    return ServicesInUse(frozenset(given["images"]), frozenset(given["volumes"]), stop_grace)

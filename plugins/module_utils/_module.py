# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules share: the argument spec, the way from parameters to a plan, and the result."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import (
    Outcome,
    StepResult,
    carry_out,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.node_store import DEFAULT_FOLDER
from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import build_wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import JSONSCHEMA_IMPORT_ERROR
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node import SwarmUse
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    CONNECTION_ARGUMENT_SPEC,
    DOCKER_IMPORT_ERROR,
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.mending import plan_mending

# the options of modules that look after one node
NODE_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "manager_host": {"type": "str"},
    "swarm_use": {
        "type": "dict",
        "options": {
            "images": {"type": "list", "elements": "str", "default": []},
            "volumes": {"type": "list", "elements": "str", "default": []},
            "stop_grace": {"type": "dict", "default": {}},
        },
    },
    "state_dir": {"type": "path", "default": DEFAULT_FOLDER},
}

# the options that hold the user's configuration, as in swarm.yml
CONFIGURATION_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "nodes": {"type": "dict", "default": {}},
    "dependencies": {"type": "dict", "default": {}},
    "stack_name": {"type": "str", "default": ""},
    "label_prefix": {"type": "str", "default": ""},
}

# those that say who is in the swarm, and how it is set up
MEMBERSHIP_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "nodes": {"type": "dict", "default": {}},
    "leader": {"type": "str"},
    "advertise_addr": {"type": "str"},
    "managers": {"type": "int"},
    "swarm": {"type": "dict", "default": {}},
}


def create_module(argument_spec: dict[str, dict[str, Any]] | None = None) -> AnsibleModule:
    """An AnsibleModule with the connection options and ``argument_spec``; ends it if a library is missing."""
    module = AnsibleModule(
        argument_spec={**CONNECTION_ARGUMENT_SPEC, **(argument_spec or {})},
        supports_check_mode=True,
    )
    for library, import_error in (("docker", DOCKER_IMPORT_ERROR), ("jsonschema", JSONSCHEMA_IMPORT_ERROR)):
        if import_error is not None:
            module.fail_json(msg=missing_required_lib(library), exception=import_error)
    return module


def wanted_from(module: AnsibleModule, nodes: Mapping[str, Any] | None = None, **options: bool) -> Wanted:
    """The configuration in the module's parameters. Ends the module where it is wrong.

    ``nodes``: those of the configuration, where the parameter of this name is something else.
    """
    data = {
        "nodes": module.params["nodes"] if nodes is None else nodes,
        "dependencies": module.params.get("dependencies"),
        "leader": module.params.get("leader") or None,
        "advertise_addr": module.params.get("advertise_addr") or None,
        "managers": module.params.get("managers"),
        "swarm": module.params.get("swarm"),
        "options": options,
    }
    try:
        wanted = build_wanted(
            data,
            stack_name=module.params.get("stack_name", ""),
            label_prefix=module.params.get("label_prefix", ""),
            restart_dependents=module.params.get("restart_dependents", False),
        )
    except ConfigError as error:
        module.fail_json(msg=str(error))
    return wanted


def run(module: AnsibleModule, action: Callable[[Engine], dict[str, Any]]) -> None:
    """Connect, let ``action`` make the result, and end the module; our own errors become its message."""
    try:
        engine = connect(ConnectionOptions.from_parameters(module.params))
        try:
            result = action(engine)
        finally:
            engine.close()
    except OrcastraError as error:
        name = module.params.get("name")
        said = str(error)
        module.fail_json(msg=f"{name}: {said}" if name and not said.startswith(f"{name}: ") else said)
    module.exit_json(**result)


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
    warnings: tuple[str, ...],
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """The result of a module that looks after one node. Ends the module where a step failed."""
    for warning in (*plan.warnings, *warnings):
        module.warn(warning)
    skipped = [result.step for result in results if result.skipped is not None]
    steps = tuple(step for step in plan.steps if step not in skipped)
    outcome = Outcome(results)
    result: dict[str, Any] = {
        "changed": outcome.changed if results else bool(steps) and module.check_mode,
        "plan": [step.to_result() for step in steps],
        "notes": list(plan.notes),
        "diff": Plan(steps=steps).diff(),
        **details,
    }
    if outcome.failures:
        module.fail_json(msg=_failure_message(outcome), **result)
    return result


def check_least(module: AnsibleModule, **least: int) -> None:
    """End the module where one of its parameters is less than it may be."""
    for name, number in least.items():
        if module.params[name] < number:
            module.fail_json(msg=f"{name}: expected at least {number}, found {module.params[name]}")


def swarm_use_from(module: AnsibleModule) -> SwarmUse | None:
    """What the module was told of the services. Ends the module where it is wrong."""
    told = module.params["swarm_use"]
    if told is None:
        return None
    try:
        stop_grace = {service_id: float(seconds) for service_id, seconds in told["stop_grace"].items()}
    except (TypeError, ValueError) as error:
        module.fail_json(msg=f"swarm_use.stop_grace: expected seconds for the ID of each service: {error}")
    return SwarmUse(frozenset(told["images"]), frozenset(told["volumes"]), stop_grace)


def run_plan(
    module: AnsibleModule, planner: Callable[[Observation], Plan], details: Mapping[str, Any] | None = None
) -> None:
    """Observe, plan and, outside check mode, apply; then end the module with the plan as its result.

    ``details`` are added to the result, with what the planner has put into them.
    """
    run_engine_plan(module, lambda _engine, seen: planner(seen), lambda _engine: details or {})


def run_engine_plan(
    module: AnsibleModule,
    planner: Callable[[Engine, Observation], Plan],
    finish: Callable[[Engine], Mapping[str, Any]],
) -> None:
    """The same with a planner that reads more from the engine, and something to ``finish`` with.

    ``finish`` is called at the end, in check mode too; what it returns is added to the result.
    """

    def action(engine: Engine) -> dict[str, Any]:
        seen = observe(engine)
        return execute(module, engine, plan_mending(seen.damage) + planner(engine, seen), finish)

    run(module, action)


def execute(
    module: AnsibleModule, engine: Engine, plan: Plan, finish: Callable[[Engine], Mapping[str, Any]]
) -> dict[str, Any]:
    """Carry a plan out, outside check mode, and return the module's result. Ends it where a step fails."""
    for warning in plan.warnings:
        module.warn(warning)
    result: dict[str, Any] = {
        "changed": bool(plan.steps),
        "plan": [step.to_result() for step in plan.steps],
        "notes": list(plan.notes),
        "diff": plan.diff(),
    }
    if plan.again_seconds is not None:
        result["again_seconds"] = plan.again_seconds
    if not module.check_mode and not plan.is_empty:
        outcome = carry_out(engine, plan)
        result["changed"] = outcome.changed
        if outcome.failures:
            module.fail_json(msg=_failure_message(outcome), **result)
    try:
        result |= finish(engine)
    except OrcastraError as error:
        module.fail_json(msg=str(error), **result)
    return result


def finish_plan(module: AnsibleModule, done: Plan) -> dict[str, Any]:
    """The result of a module that has carried out its plan by and by; its warnings are told."""
    for warning in dict.fromkeys(done.warnings):
        module.warn(warning)
    return {
        "changed": bool(done.steps),
        "plan": [step.to_result() for step in done.steps],
        "notes": list(dict.fromkeys(done.notes)),
        "diff": done.diff(),
    }


def _failure_message(outcome: Outcome) -> str:
    failures = "; ".join(str(result.error) for result in outcome.failures)
    done = len(outcome.results) - len(outcome.failures)
    return f"{failures} ({done} of {len(outcome.results)} steps succeeded)"

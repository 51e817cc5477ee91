# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a plan: claims into the state, the steps, then what they settled into the state."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatchmethod

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.write import (
    Change,
    change_node,
    change_service,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.deploy_steps import (
    ConvergeService,
    CreateService,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    RestartService,
    ScaleService,
    ServiceStep,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import (
    LabelNode,
    MendState,
    Plan,
    Step,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine, Json
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NotFound,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.parse import parse_service


@dataclass(frozen=True)
class StepResult:
    """What became of a step. ``error`` is None where it succeeded, ``changed`` whether it wrote."""

    step: Step
    changed: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Outcome:
    results: tuple[StepResult, ...]

    @property
    def changed(self) -> bool:
        return any(result.changed for result in self.results)

    @property
    def failures(self) -> tuple[StepResult, ...]:
        return tuple(result for result in self.results if result.error is not None)


def carry_out(engine: Engine, plan: Plan) -> Outcome:
    """Carry out every step of ``plan``. One that fails does not stop the others.

    Raises OrcastraError where the state cannot be written or the engine is lost: then the rest is left
    for the next run, which plans from what it finds.
    """
    store = StateStore(engine)
    claims = (*plan.remember, *(edit for step in plan.steps for edit in step.claims))
    if claims:
        store.update(claims)
    executor = _Executor(engine, store)
    results = tuple(executor.try_step(step) for step in plan.steps)
    settles = [edit for result in results if result.error is None for edit in result.step.settles]
    if settles:
        store.update(settles)
    return Outcome(results)


class _Executor:
    """Knows how each kind of step is carried out."""

    def __init__(self, engine: Engine, store: StateStore) -> None:
        self._engine = engine
        self._store = store

    def try_step(self, step: Step) -> StepResult:
        try:
            return StepResult(step, changed=self._perform(step))
        except EngineUnreachable:
            raise
        except OrcastraError as error:
            return StepResult(step, error=f"{step.target}: {error}")

    @singledispatchmethod
    def _perform(self, step: Step) -> bool:
        """Carry out the step. Returns whether anything was written."""
        raise TypeError(f"no way to carry out a step of type {type(step).__name__}")

    @_perform.register
    def _label_node(self, step: LabelNode) -> bool:
        def change(spec: Json) -> Json:
            return {**spec, "Labels": step.changed(spec.get("Labels") or {})}

        try:
            return change_node(self._engine, step.node_id, change)
        except NotFound:
            raise OrcastraError("it left the swarm after the plan was made; nothing was changed") from None

    @_perform.register
    def _place_service(self, step: PlaceService) -> bool:
        def change(spec: Json) -> Json:
            placement = spec["TaskTemplate"].setdefault("Placement", {})
            placement["Constraints"] = step.changed(tuple(placement.get("Constraints") or ()))
            if step.replicas is not None:
                spec["Mode"]["Replicated"]["Replicas"] = step.replicas
            return spec

        return self._change_service(step, change)

    @_perform.register
    def _scale_service(self, step: ScaleService) -> bool:
        def change(spec: Json) -> Json:
            spec["Mode"]["Replicated"]["Replicas"] = step.replicas
            return spec

        return self._change_service(step, change)

    @_perform.register
    def _restart_service(self, step: RestartService) -> bool:
        def change(spec: Json) -> Json:
            # from what was seen, so that two controllers restart it once
            spec["TaskTemplate"]["ForceUpdate"] = max(
                spec["TaskTemplate"].get("ForceUpdate", 0), step.force_update + 1
            )
            return spec

        return self._change_service(step, change)

    @_perform.register
    def _create_service(self, step: CreateService) -> bool:
        self._engine.create_service(dict(step.spec))
        return True

    @_perform.register
    def _converge_service(self, step: ConvergeService) -> bool:
        return self._change_service(step, step.changed)

    def _change_service(self, step: ServiceStep, change: Change) -> bool:
        def check(service: Json) -> None:
            if parse_service(service).is_updating and not step.while_updating:
                raise OrcastraError("somebody has begun to update it since the plan was made; left for later")

        try:
            return change_service(self._engine, step.service_id, change, check)
        except NotFound:
            raise OrcastraError("it was removed after the plan was made; nothing was changed") from None

    @_perform.register
    def _mend_state(self, _step: MendState) -> bool:
        # the first write to a damaged object mends it, and a claim may have been that write
        self._store.update(())
        return True

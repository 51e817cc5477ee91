# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a plan: save the claims, carry out the steps, then save the edits that go with them."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any, Protocol

from .._model.deploy_steps import ConvergeService, CreateService
from .._model.errors import OrcastraError
from .._model.history import AddActions, save_action
from .._model.member_steps import MemberStep, NodeStep, UpdateSwarm
from .._model.node_steps import (
    HealContainer,
    RemoveContainer,
    RemoveImage,
    RemoveVolume,
    RestartContainer,
    StopContainer,
)
from .._model.ownership import has_placement
from .._model.service_steps import (
    PlaceService,
    RestartService,
    ResumeUpdate,
    RollBack,
    ScaleService,
    ServiceStep,
)
from .._model.steps import LabelNode, Plan, RepairState, Step
from .._observe.engine import Engine, Json
from .._observe.errors import Conflict, EngineUnreachable, LateConsensus, NotFound
from .._observe.node import parse_container
from .._observe.parse import parse_service
from .election import ElectionPatience
from .membership import change_membership
from .state_store import StateStore
from .write import Change, change_node, change_service, read_modify_write, retry_conflicts


class Store(Protocol):
    """A store for edits: the saved state of the swarm or of a node."""

    def update(self, edits: Iterable[Any]) -> bool: ...


@dataclass(frozen=True)
class StepResult:
    """The result of a step. ``error`` is None on success; ``changed`` is True if the step wrote anything.

    ``skipped`` is the reason why the step was no longer needed. ``freed`` is an upper bound in bytes.
    """

    step: Step
    changed: bool = False
    error: str | None = None
    skipped: str | None = None
    freed: int = 0


class Skip(Exception):
    """Raised by a step that is no longer needed."""


@dataclass(frozen=True)
class Outcome:
    results: tuple[StepResult, ...]

    @property
    def changed(self) -> bool:
        return any(result.changed for result in self.results)

    @property
    def failures(self) -> tuple[StepResult, ...]:
        return tuple(result for result in self.results if result.error is not None)


def carry_out(
    engine: Engine, plan: Plan, store: Store | None = None, patience: ElectionPatience | None = None
) -> Outcome:
    """Carry out every step of ``plan``. A failed step does not stop the others.

    ``store`` saves the edits; the default is the saved state of the swarm. Without ``patience``, a step
    fails at once if the managers are electing a leader.

    Raises OrcastraError if the state can't be written or the engine is lost. The next run then plans the
    remaining steps from a new observation.
    """
    target: Store = StateStore(engine) if store is None else store
    intent_edits = (*plan.remember, *(edit for step in plan.steps for edit in step.intent_edits))
    if intent_edits:
        target.update(intent_edits)
    executor = _Executor(engine, target, patience or ElectionPatience(0))
    results = tuple(executor.try_step(step) for step in plan.steps)
    commit_edits = [edit for result in results if result.error is None for edit in result.step.commit_edits]
    history = _history(results) if store is None else []
    if commit_edits:
        target.update([*commit_edits, *history])
    elif history:
        # the steps are done: a missing record, for example after the demotion of this manager, is no failure
        with contextlib.suppress(OrcastraError):
            target.update(history)
    return Outcome(results)


def _history(results: Iterable[StepResult]) -> list[AddActions]:
    """Return the edit that records the changes to the swarm, for ``orcastra history``."""
    now = time.time()
    actions = tuple(
        save_action(result.step, now, result.error)
        for result in results
        if (result.changed or result.error is not None) and _belongs_to_swarm(result.step)
    )
    return [AddActions(actions)] if actions else []


def _belongs_to_swarm(step: Step) -> bool:
    """Whether a manager carries out the step. A host joins or leaves without access to the saved state."""
    return isinstance(step, NodeStep) or not isinstance(step, (MemberStep, RepairState))


class _Executor:
    """Carries out each kind of step."""

    def __init__(self, engine: Engine, store: Store, patience: ElectionPatience) -> None:
        self._engine = engine
        self._store = store
        self._freed = 0
        self._patience = patience

    def try_step(self, step: Step) -> StepResult:
        self._freed = 0
        is_unsure = False

        def attempt() -> bool:
            nonlocal is_unsure
            try:
                # if an earlier attempt has changed it after all, there is nothing left to write
                return self._perform(step) or is_unsure
            except LateConsensus:
                is_unsure = True
                raise

        try:
            changed = self._patience.call(attempt)
            return StepResult(step, changed=changed, freed=self._freed)
        except EngineUnreachable:
            raise
        except Skip as skip:
            return StepResult(step, skipped=f"{step.target}: {skip}")
        except OrcastraError as error:
            return StepResult(step, error=f"{step.target}: {error}")

    @singledispatchmethod
    def _perform(self, step: Step) -> bool:
        """Carry out the step. Returns whether anything was written."""
        raise TypeError(f"can't carry out a step of type {type(step).__name__}")

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
        was_bare = False

        def change(spec: Json) -> Json:
            nonlocal was_bare
            was_bare = bool(step.add) and not has_placement(spec)
            if was_bare:
                # in a write of its own, so that a rollback of the next write returns to this one
                return {**spec, "TaskTemplate": {**spec["TaskTemplate"], "Placement": {}}}
            return step.change_spec(spec)

        changed = self._change_service(step, change)
        return self._change_service(step, change) if was_bare else changed

    @_perform.register
    def _scale_service(self, step: ScaleService) -> bool:
        return self._change_service(step, step.change_spec)

    @_perform.register
    def _restart_service(self, step: RestartService) -> bool:
        def change(spec: Json) -> Json:
            # counted from the observed value, so that two controllers restart it only once
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

    @_perform.register
    def _resume_update(self, step: ResumeUpdate) -> bool:
        # any write resumes the update, but read_modify_write would skip one without a change
        return self._change_paused(step, self._engine.update_service)

    @_perform.register
    def _roll_back(self, step: RollBack) -> bool:
        return self._change_paused(step, self._engine.roll_back_service)

    def _change_paused(self, step: ServiceStep, write: Callable[[str, int, Json], None]) -> bool:
        """Write the service's own spec, if its update is still paused. Returns whether it was written."""

        def attempt() -> bool:
            try:
                service = self._engine.get_service(step.service_id)
            except NotFound:
                raise OrcastraError("it was removed after the plan was made; nothing was changed") from None
            if parse_service(service).update_state != "paused":
                return False
            write(step.service_id, service["Version"]["Index"], service["Spec"])
            return True

        return retry_conflicts(attempt)

    @_perform.register
    def _member(self, step: MemberStep) -> bool:
        return change_membership(step, self._engine)

    @_perform.register
    def _update_swarm(self, step: UpdateSwarm) -> bool:
        return read_modify_write(self._engine.get_cluster, self._engine.update_swarm, step.changed)

    def _change_service(self, step: ServiceStep, change: Change) -> bool:
        def check(service: Json) -> None:
            if parse_service(service).is_updating and not step.while_updating:
                raise OrcastraError("another update has started since the plan was made; trying again later")

        try:
            return change_service(self._engine, step.service_id, change, check)
        except NotFound:
            raise OrcastraError("it was removed after the plan was made; nothing was changed") from None

    @_perform.register
    def _mend_state(self, _step: RepairState) -> bool:
        # the first write repairs a damaged object, and a claim may already have done that
        self._store.update(())
        return True

    @_perform.register
    def _stop_container(self, step: StopContainer) -> bool:
        self._check_unhealthy(step)
        self._engine.stop_container(step.container_id, step.timeout_seconds)
        return True

    @_perform.register
    def _restart_container(self, step: RestartContainer) -> bool:
        self._check_unhealthy(step)
        self._engine.restart_container(step.container_id, step.timeout_seconds)
        return True

    def _check_unhealthy(self, step: HealContainer) -> None:
        """Raise Skip if the container has recovered or been restarted since the plan was made."""
        try:
            container = parse_container(self._engine.get_container(step.container_id))
        except NotFound:
            raise Skip("it is gone") from None
        if container.state != "running" or container.started != step.started:
            raise Skip("the container was already restarted")
        if container.health is None or container.health.status != "unhealthy":
            raise Skip("the container recovered on its own")

    @_perform.register
    def _remove_container(self, step: RemoveContainer) -> bool:
        with _skipping():
            raw = self._engine.get_container(step.container_id, size=True)
            # force would also remove a container that was started in the meantime
            if parse_container(raw).state not in ("exited", "dead", "created"):
                raise Skip("it has been started in the meantime")
            self._engine.delete_container(step.container_id, volumes=step.all_volumes, force=step.force)
        self._freed = raw.get("SizeRw") or 0
        for name in () if step.all_volumes else step.volumes:
            # a volume that another container now uses stays
            with contextlib.suppress(NotFound, Conflict):
                self._engine.delete_volume(name)
        return True

    @_perform.register
    def _remove_image(self, step: RemoveImage) -> bool:
        for number, reference in enumerate(step.references):
            # removing the last tag of a repository also removes its digests
            with contextlib.suppress(NotFound) if number else _skipping():
                self._engine.delete_image(reference)
        self._freed = step.size
        return True

    @_perform.register
    def _remove_volume(self, step: RemoveVolume) -> bool:
        with _skipping():
            self._engine.delete_volume(step.name)
        return True


@contextlib.contextmanager
def _skipping() -> Iterator[None]:
    """Skip an object that is gone, in use or already being removed."""
    try:
        yield
    except NotFound:
        raise Skip("it is gone") from None
    except Conflict as error:
        raise Skip(f"it is in use: {error}") from None

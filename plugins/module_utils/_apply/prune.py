# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prune one node: observe, plan, remove, count. For the module and the runner."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._model.node import NodeView, ServicesInUse
from .._model.node_steps import RemoveContainer, RemoveImage, RemoveVolume
from .._model.reasons import Reason
from .._model.steps import Plan, Step
from .._observe.engine import Engine
from .._observe.errors import EngineError, NotFound, OtherSwarm
from .._observe.node import services_in_use, view_storage
from .._plan.prune.plan import PruneRules, plan_prune
from ..messages.formatting import format_bytes, plural
from .executor import StepResult, carry_out
from .node_store import Busy, NodeStore


@dataclass(frozen=True)
class Freed:
    """How much was removed. ``size`` is in bytes.

    ``is_exact``: every size was measured. Engines before 23.0 can't measure images, which count as if they
    shared no layers. Volumes count only if the engine reports their size.
    """

    containers: int = 0
    images: int = 0
    volumes: int = 0
    size: int = 0
    is_exact: bool = True

    def to_result(self) -> dict[str, Any]:
        return {
            "containers": self.containers,
            "images": self.images,
            "volumes": self.volumes,
            "bytes": self.size,
            "exact": self.is_exact,
        }

    def __str__(self) -> str:
        about = "" if self.is_exact else "about "
        return (
            f"{plural(self.containers, 'container')}, {plural(self.images, 'image')} and "
            f"{plural(self.volumes, 'volume')}, {about}{format_bytes(self.size)}"
        )


@dataclass(frozen=True)
class Removed:
    """The names of the removed objects. An image counts once for each of its names."""

    containers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def to_result(self) -> dict[str, list[str]]:
        return {
            "containers": list(self.containers),
            "images": list(self.images),
            "volumes": list(self.volumes),
        }


@dataclass(frozen=True)
class Pruning:
    """The plan and its results. ``results`` is empty if nothing was carried out.

    In that case, ``removed`` lists the objects that would be removed.
    """

    plan: Plan = field(default_factory=Plan)
    results: tuple[StepResult, ...] = ()
    warnings: tuple[Reason, ...] = ()
    freed: Freed = Freed()
    removed: Removed = Removed()

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(result.error for result in self.results if result.error is not None)

    @property
    def kept(self) -> tuple[str, ...]:
        """The steps that were skipped because they were no longer needed."""
        return tuple(result.skipped for result in self.results if result.skipped is not None)


def prune_node(
    engine: Engine,
    rules: PruneRules,
    folder: Path,
    *,
    connect_manager: Callable[[], Engine] | None = None,
    use: ServicesInUse | None = None,
    dry_run: bool = False,
    remember: bool = True,
) -> Pruning:
    """Remove everything that the rules allow, one object after the other.

    ``connect_manager`` returns a manager's engine if the node is a worker; ``use`` are further images and
    volumes of services. ``dry_run``: remove nothing; the saved state still records when each object was
    first seen, unless ``remember`` is False. Raises OrcastraError.
    """
    view = view_storage(engine)
    use = _all_use(view, engine, connect_manager, use)
    store = NodeStore(folder, view.engine_id)
    state, damage = store.read()
    warnings = () if damage is None else (damage,)
    if dry_run:
        plan = plan_prune(view, rules, state, use)
        if remember and plan.remember:
            store.update(plan.remember)  # type: ignore[arg-type]
        return Pruning(plan, warnings=warnings, removed=_names(plan.steps))
    try:
        with store.alone("prune"):
            plan = plan_prune(view, rules, state, use)
            if plan.is_empty:
                return Pruning(plan, warnings=warnings)
            return _carry_out(engine, plan, store, warnings)
    except Busy as busy:
        return Pruning(Plan(notes=(busy.reason,)))


def _carry_out(engine: Engine, plan: Plan, store: NodeStore, warnings: tuple[Reason, ...]) -> Pruning:
    if not plan.steps:
        carry_out(engine, plan, store)
        return Pruning(plan, (), warnings)
    has_volumes = bool(_names(plan.steps).volumes)
    # measuring makes the engine read all volumes, so do it only if one of them is removed
    sizes = _volume_sizes(engine) if has_volumes else {}
    before = engine.image_layers_size()
    results = carry_out(engine, plan, store).results
    after = engine.image_layers_size()
    removed = _names(result.step for result in results if result.changed)
    if has_volumes:
        # the engine silently removes a volume with its container, or keeps it
        there = {raw["Name"] for raw in engine.list_volumes()}
        removed = replace(removed, volumes=tuple(name for name in removed.volumes if name not in there))
    return Pruning(plan, results, warnings, _sum_up(results, removed, sizes, before, after), removed)


def _volume_sizes(engine: Engine) -> dict[str, int]:
    try:
        return engine.volume_sizes()
    except EngineError:
        # the engine is busy or slow, or a proxy refuses: a missing size is no failure
        return {}


def _names(steps: Iterable[Step]) -> Removed:
    containers: list[str] = []
    images: list[str] = []
    volumes: list[str] = []
    for step in steps:
        if isinstance(step, RemoveContainer):
            containers.append(step.title)
            volumes += step.volumes
        elif isinstance(step, RemoveImage):
            images += step.references
        elif isinstance(step, RemoveVolume):
            volumes.append(step.name)
    return Removed(tuple(containers), tuple(images), tuple(dict.fromkeys(volumes)))


def _all_use(
    view: NodeView, engine: Engine, connect_manager: Callable[[], Engine] | None, given: ServicesInUse | None
) -> ServicesInUse | None:
    """The images and volumes that services use, from a manager and from the caller; None if unknown."""
    seen = None
    if view.is_manager:
        seen = services_in_use(engine)
    elif connect_manager is not None and view.swarm_state != "inactive":
        manager = connect_manager()
        try:
            manager.get_node(view.node_id)
        except NotFound:
            raise OtherSwarm(view.hostname) from None
        seen = services_in_use(manager)
    if seen is None or given is None:
        return seen or given
    return ServicesInUse(images=seen.images | given.images, volumes=seen.volumes | given.volumes)


def _sum_up(
    results: tuple[StepResult, ...],
    removed: Removed,
    sizes: Mapping[str, int],
    before: int | None,
    after: int | None,
) -> Freed:
    done = [result for result in results if result.changed]
    images = [result for result in done if isinstance(result.step, RemoveImage)]
    containers = [result for result in done if isinstance(result.step, RemoveContainer)]
    size = sum(result.freed for result in containers) + sum(sizes.get(name, 0) for name in removed.volumes)
    is_exact = all(name in sizes for name in removed.volumes)
    if before is not None and after is not None:
        size += max(0, before - after)
    else:
        size += sum(result.freed for result in images)
        is_exact = is_exact and not images
    return Freed(
        containers=len(containers),
        images=len(images),
        volumes=len(removed.volumes),
        size=size,
        is_exact=is_exact,
    )

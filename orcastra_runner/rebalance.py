# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory balancing and spreading in the loop: the file with the rules, and the job."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import (
    extract_secrets,
    rebalance_of,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources, Rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import Meter, measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.explanation import Candidate
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.moves import plan_moves_under_way
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import (
    decide_moves,
    plan_rebalance,
    preview_spread,
)
from orcastra_runner.dedup import OnceFilter, log_messages
from orcastra_runner.jobs import Work, log_steps, report_outcome, run_and_report
from orcastra_runner.kept import KeptFile
from orcastra_runner.log import get_logger

REBALANCE_PLAYBOOK = "orcastra.swarm.rebalance"

# how long the loop waits for a measurement at a time; most take less
TIMEOUT_SECONDS = 0.5

log = get_logger()


class RebalanceFile:
    """``rebalance_config.yml``. ``rebalance`` and the variables of the playbooks are always valid.

    Without the file, nothing is balanced: ``is_present`` shows whether there is one. If the file disappears,
    its last content stays in effect.
    """

    def __init__(self, path: Path | Callable[[], Path], clock: Callable[[], float] = time.monotonic) -> None:
        """Read and validate the file. Raises ConfigError with all errors.

        ``path`` may be a function that finds the path; ``clock`` returns monotonic seconds.
        """
        self._file: KeptFile[_Rules] = KeptFile(path if callable(path) else lambda: path, _rules_of, clock)
        self.accept_removals = self._file.accept_removals
        self._logged: tuple[object, ...] = self._state()

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def is_blank(self) -> bool:
        return self._file.is_blank

    @property
    def rebalance(self) -> Rebalance:
        return Rebalance() if self._file.value is None else self._file.value.rebalance

    @property
    def data(self) -> Mapping[str, Any]:
        return {} if self._file.value is None else self._file.value.data

    @property
    def is_present(self) -> bool:
        return self._file.value is not None

    @property
    def in_effect(self) -> Rebalance | None:
        """The rules in effect, None without any."""
        return self.rebalance if self.is_present else None

    def extra_vars(self) -> dict[str, Any]:
        """Return the variables for the playbooks, with the secrets in a separate one.

        Raises OrcastraError.
        """
        data, variables = extract_secrets(self.data, os.environ)
        return {"orcastra_rebalance": data, "orcastra_rebalance_variables": variables}

    @property
    def problem(self) -> str | None:
        """The problem with the current file because of which the previous rules stay in effect."""
        if self._file.refused:
            return "; ".join(map(str, self._file.refused))
        return None if self._file.kept is None else str(self._file.kept)

    def refresh(self) -> None:
        """Reload the file if it has changed and is valid, and log the result."""
        self._file.refresh()
        before, self._logged = self._logged, self._state()
        value, kept, refused = self._logged
        if refused and refused != before[2]:
            for problem in self._file.refused:
                log.error("configuration rejected", summary=str(problem))
            log.error(
                "keeping the previous configuration", file=str(self.path), problems=len(self._file.refused)
            )
        if kept is not None and kept != before[1]:
            log.warning("configuration missing", summary=str(kept))
        if value != before[0]:
            log.info("configuration changed", file=str(self.path))
        elif not (refused or kept) and (before[1] or before[2]):
            log.info("configuration restored", file=str(self.path))

    def _state(self) -> tuple[object, ...]:
        return self._file.value, self._file.kept, self._file.refused


@dataclass(frozen=True)
class _Rules:
    rebalance: Rebalance
    data: Mapping[str, Any]


def _rules_of(document: Document, problems: list[Problem]) -> _Rules:
    return _Rules(rebalance_of(document, problems, os.environ), document.data or {})


@dataclass(frozen=True)
class Balancing:
    """A plan for memory. ``candidates`` returns all possible moves, with the verdict on each."""

    plan: Plan
    candidates: Callable[[], tuple[Candidate, ...]] = tuple


def plan_balancing(seen: Observation, desired: DesiredState, rebalance: Rebalance | None) -> Balancing:
    """Measure and plan once. Without ``rebalance``, only moves in progress are completed.

    Raises OrcastraError if nothing can be measured.
    """
    snapshot = without_doubtful(seen.snapshot, desired)
    groups, now = resolve_anchor_groups(snapshot, desired), time.time()
    rules = replace((rebalance or Rebalance()).rules, storage=desired.storage)
    if rebalance is None:
        hints = Plan(notes=preview_spread(snapshot, groups, Memory(), rules, seen.state, now))
        return Balancing(plan_moves_under_way(snapshot, groups, seen.state, now) + hints)
    memory = measure(snapshot, rebalance.sources)
    found = decide_moves(snapshot, groups, memory, rules, seen.state, now)
    notes = () if found.plan.steps else preview_spread(snapshot, groups, memory, rules, seen.state, now)
    return Balancing(Plan(warnings=memory.problems) + found.plan + Plan(notes=notes), found.candidates)


class RebalanceJob:
    """Measures, plans, and starts and completes moves.

    It acts through the playbook or, ``in_process``, through the executor that the playbook's module uses.
    """

    name = "rebalance"
    starts_late = False
    # events don't indicate changes of memory
    follows_events = False

    def __init__(self, file: RebalanceFile, *, in_process: bool = False) -> None:
        self.requeue_after: float | None = None
        self._file = file
        self._in_process = in_process
        self._once = OnceFilter()
        self._measuring = _Measuring()
        self._last_messages = Plan()

    @property
    def interval(self) -> float:
        return self._file.rebalance.interval_seconds

    def run(self, work: Work) -> bool:
        self._file.refresh()
        work.status.problem("rebalance configuration", self._file.problem)
        seen = work.swarm.observe()
        snapshot = without_doubtful(seen.snapshot, work.desired)
        memory = None
        if self._file.is_present:
            memory = self._measuring.result(snapshot, self._file.rebalance.sources)
        plan = self._plan(snapshot, seen, work, memory)
        self.requeue_after = plan.requeue_after
        if self._file.is_present and memory is None:
            self.requeue_after = TIMEOUT_SECONDS
        if work.dry_run:
            return bool(plan.steps)
        # Saving since when a host is short of memory is not worth a playbook, and the playbook needs a
        # measurement.
        if plan.steps and memory is not None and not self._in_process:
            run_and_report(work, self.name, REBALANCE_PLAYBOOK, planned=plan)
        elif not plan.is_empty:
            report_outcome(work, self.name, work.swarm.carry_out(plan))
        if not plan.is_empty:
            work.swarm.invalidate()
        return bool(plan.steps)

    def _plan(self, snapshot: SwarmSnapshot, seen: Observation, work: Work, memory: Memory | None) -> Plan:
        """Return the plan: moves in progress are completed in any case; without ``memory``, none are
        started.
        """
        groups = resolve_anchor_groups(snapshot, work.desired)
        rules = replace(self._file.rebalance.rules, storage=work.desired.storage)
        if memory is None:
            plan = plan_moves_under_way(snapshot, groups, seen.state, time.time())
            if not self._file.is_present:
                self._last_messages = Plan()
            # until the measurement is complete, the last messages stay valid
            plan = self._last_messages + plan
        else:
            plan = plan_rebalance(snapshot, groups, memory, rules, seen.state, time.time())
            plan = Plan(warnings=memory.problems) + plan
            self._last_messages = Plan(warnings=plan.warnings, notes=plan.notes)
            work.status.measured(memory)
        work.status.planned(self.name, plan)
        log_messages(self._once, plan.warnings, plan.notes)
        log_steps(self._once, plan, at_once=self._in_process and not work.dry_run)
        return plan


class _Measuring:
    """Measures in its own thread, so that endpoints that hang don't block the other jobs."""

    def __init__(self) -> None:
        self._future: Future[Memory] | None = None
        self._meter = Meter()

    def result(self, snapshot: SwarmSnapshot, sources: MetricSources) -> Memory | None:
        """Return the current measurement, or None if it isn't complete yet. Raises its errors."""
        if self._future is None:
            self._future = Future()
            arguments = (self._future, self._meter, snapshot, sources)
            # a daemon thread, because it holds no resources
            threading.Thread(target=_measure, args=arguments, daemon=True).start()
        try:
            memory = self._future.result(timeout=TIMEOUT_SECONDS)
        except TimeoutError:
            if not self._future.done():
                return None
            self._future = None
            raise
        except BaseException:
            self._future = None
            raise
        self._future = None
        return memory


def _measure(future: Future[Memory], meter: Meter, snapshot: SwarmSnapshot, sources: MetricSources) -> None:
    started = time.perf_counter()
    try:
        memory = meter.measure(snapshot, sources)
    except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
        future.set_exception(error)
        return
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    log.debug("measured memory", nodes=len(memory.nodes), tasks=len(memory.tasks), ms=milliseconds)
    future.set_result(memory)

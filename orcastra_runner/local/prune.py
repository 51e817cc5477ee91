# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prunes unused objects of the node, on the schedule in GC_CRON, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import Pruning, prune_node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import (
    ANONYMOUS,
    DEFAULT_EXCLUDE_LABEL,
    NAMED,
    NONE,
    PruneRules,
)
from orcastra_runner.cron import Cron
from orcastra_runner.dedup import OnceFilter, log_messages
from orcastra_runner.jobs import step_fields
from orcastra_runner.log import get_logger
from orcastra_runner.settings import Settings
from orcastra_runner.status import StatusStore

# Longest backoff after a failed run.
INTERVAL_SECONDS = 300.0
# Logged at the start, to reassure users who keep data in such containers.
KEEPS = "containers of docker run, docker create and Compose, and their volumes (GC_PLAIN_CONTAINERS=true)"

log = get_logger()


def prune_rules(settings: Settings) -> PruneRules:
    """Return the rules for pruning in the settings."""
    volumes = ANONYMOUS if settings.gc_clean_up_volumes else NONE
    return PruneRules(
        grace=settings.gc_grace_period_seconds,
        plain_containers=settings.gc_plain_containers,
        keep_images=settings.gc_minimum_images_to_save,
        multiple_repositories=settings.gc_force_image_removal,
        force_containers=settings.gc_force_container_removal,
        volumes=NAMED if settings.gc_named_volumes else volumes,
        exclude_labels=settings.gc_exclude_labels or (DEFAULT_EXCLUDE_LABEL,),
        exclude_containers=settings.gc_exclude_containers,
        exclude_images=settings.gc_exclude_images,
        exclude_volumes=settings.gc_exclude_volumes,
    )


def describe(rules: PruneRules) -> str:
    """Return a short description of the objects that these rules remove."""
    containers = "stopped containers" if rules.plain_containers else "stopped containers of Swarm tasks"
    if rules.volumes != NONE:
        containers += " with their anonymous volumes"
    found = [containers, "unused images"]
    if rules.volumes == NAMED:
        found.append("unused named volumes" if rules.plain_containers else "unused named volumes of stacks")
    elif rules.volumes == ANONYMOUS and rules.plain_containers:
        found.append("unused anonymous volumes")
    return ", ".join(found)


class PruneJob:
    """Runs at the times of a cron expression."""

    name = "prune"
    interval = INTERVAL_SECONDS

    def __init__(
        self,
        settings: Settings,
        connect_manager: Callable[[], Engine] | None,
        clock: Callable[[], float] = time.time,
        status: StatusStore | None = None,
    ) -> None:
        """``connect_manager`` connects a worker to a manager; None if none is configured.

        ``clock`` returns seconds since the epoch. Raises ConfigError if the time zone is unknown.
        """
        self.woken = threading.Event()
        self._cron = Cron(settings.gc_cron)
        self._rules = prune_rules(settings)
        self._folder: Path = settings.state_dir
        self._only_plan = settings.dry_run
        self._dry_run = settings.dry_run or settings.gc_dry_run
        self._connect_manager = connect_manager
        self._status = status or StatusStore()
        self._clock = clock
        self._due = self._cron.next_after(clock())
        self._once = OnceFilter()
        log.info(
            "next prune scheduled",
            summary=self._cron.shown(self._due),
            removes=describe(self._rules),
            keeps=None if self._rules.plain_containers else KEEPS,
        )

    def seconds_to_next(self) -> float:
        return max(0.0, self._due - self._clock())

    def run(self, engine: Engine) -> None:
        started = time.monotonic()
        with ExitStack() as stack:
            connect = self._connect_manager
            pruning = prune_node(
                engine,
                self._rules,
                self._folder,
                connect_manager=None if connect is None else lambda: stack.enter_context(closing(connect())),
                dry_run=self._dry_run,
                remember=not self._only_plan,
            )
        self._due = self._cron.next_after(self._clock())
        self._status.metrics.pruned(pruning)
        self._report(pruning, time.monotonic() - started)

    def _report(self, pruning: Pruning, seconds: float) -> None:
        log_messages(self._once, (*pruning.plan.warnings, *pruning.warnings), pruning.plan.notes)
        if self._dry_run:
            for step in pruning.plan.steps:
                log.info("would be pruned", **step_fields(step))
        for result in pruning.results:
            self._status.stepped(self.name, result)
            if result.skipped is not None:
                log.info("kept", summary=result.skipped)
            elif result.error is not None:
                log.error("prune failed", summary=result.step.summary, error=result.error)
            else:
                log.info("pruned", **step_fields(result.step))
        values = {"seconds": round(seconds, 1), "next": self._cron.shown(self._due)}
        if self._dry_run:
            log.info("prune dry run finished", steps=len(pruning.plan.steps), **values)
        else:
            log.info("prune finished", summary=str(pruning.freed), **values)

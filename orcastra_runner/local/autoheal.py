# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Heals the node's unhealthy containers in this process. If there are none, a check is a single request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import Healing, heal_node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import HealRules
from orcastra_runner.dedup import OnceFilter, log_messages
from orcastra_runner.jobs import log_steps, step_fields
from orcastra_runner.log import get_logger
from orcastra_runner.settings import Settings
from orcastra_runner.status import StatusStore

log = get_logger()


def heal_rules(settings: Settings) -> HealRules:
    """Return the rules for healing in the settings."""
    return HealRules(
        grace=settings.autoheal_grace_period,
        label=settings.autoheal_container_label,
        stop_timeout=settings.autoheal_default_stop_timeout,
        backoff=settings.autoheal_backoff,
        attempts=settings.autoheal_max_attempts,
        window=settings.autoheal_window,
    )


class AutohealJob:
    """Checks the containers every ``interval`` seconds."""

    name = "autoheal"

    def __init__(
        self,
        settings: Settings,
        connect_manager: Callable[[], Engine] | None,
        clock: Callable[[], float] = time.monotonic,
        status: StatusStore | None = None,
    ) -> None:
        """``connect_manager`` connects a worker to a manager; None if none is configured."""
        self.woken = threading.Event()
        self.interval = settings.autoheal_interval_seconds
        self._rules = heal_rules(settings)
        self._folder: Path = settings.state_dir
        self._webhook_url = settings.webhook_url
        self._dry_run = settings.dry_run
        self._connect_manager = connect_manager
        self._status = status or StatusStore()
        self._clock = clock
        self._due = clock() + settings.autoheal_start_period
        self._settled: frozenset[str] = frozenset()
        self._once = OnceFilter()

    def seconds_to_next(self) -> float:
        return max(0.0, self._due - self._clock())

    def run(self, engine: Engine) -> None:
        with ExitStack() as stack:
            healing = heal_node(
                engine,
                self._rules,
                self._folder,
                connect_manager=self._manager_in(stack),
                webhook_url=self._webhook_url,
                dry_run=self._dry_run,
                settled=self._settled,
            )
        # forget containers that no longer exist
        self._settled = (self._settled & healing.unhealthy) | healing.heal.settled
        self._due = self._clock() + self.interval
        self._status.metrics.healed(healing)
        self._report(healing)
        if healing.errors:
            raise OrcastraError("; ".join(healing.errors))

    def _manager_in(self, stack: ExitStack) -> Callable[[], Engine] | None:
        connect = self._connect_manager
        if connect is None:
            return None
        return lambda: stack.enter_context(closing(connect()))

    def _report(self, healing: Healing) -> None:
        plan = healing.heal.plan
        log_messages(self._once, (*plan.warnings, *healing.warnings), plan.notes)
        self._status.gave_up_healing(healing.heal.given_up)
        for ended in healing.heal.for_manager:
            log.warning(
                "unhealthy task ended",
                summary="only a manager knows whether Swarm replaces it",
                service=ended.service,
                exit_code=ended.exit_code,
            )
        if self._dry_run:
            log_steps(self._once, plan, at_once=False)
        for result in healing.results:
            self._status.stepped(self.name, result)
            if result.skipped is not None:
                log.info("skipped", summary=result.skipped)
            elif result.error is None:
                log.info("done", **step_fields(result.step))

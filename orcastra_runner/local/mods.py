# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refreshes the node's mods every MOD_MANAGER_REFRESH_INTERVAL_MINUTES, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mod_discovery import discover_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mod_progress import ModProgress
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Refreshing, refresh_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from orcastra_runner.dedup import OnceFilter, log_messages
from orcastra_runner.jobs import log_steps, step_fields
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.log import get_logger
from orcastra_runner.settings import Settings
from orcastra_runner.status import StatusStore

log = get_logger()


class ModsJob:
    """Refreshes the mods at the start and every ``interval`` seconds."""

    name = "mods"

    def __init__(
        self,
        settings: Settings,
        connect_manager: Callable[[], Engine] | None,
        clock: Callable[[], float] = time.monotonic,
        status: StatusStore | None = None,
        file: ModsFile | None = None,
    ) -> None:
        """``connect_manager`` connects a worker to a manager; None if none is configured.

        ``file`` is by default the mods file that ``settings`` name.
        """
        self.woken = threading.Event()
        self._asked = threading.Event()
        self.interval = settings.mod_manager_refresh_interval_minutes * 60
        self._file = file or ModsFile(settings.mod_manager_config)
        self._dest: Path = settings.mod_manager_dest
        self._dry_run = settings.dry_run
        self._connect_manager = connect_manager
        self._status = status or StatusStore()
        self._clock = clock
        self._due = clock()
        self._once = OnceFilter()

    def ask(self) -> None:
        """Make a refresh due now, even if one is already in progress. Thread-safe."""
        self._asked.set()
        self.woken.set()

    def seconds_to_next(self) -> float:
        return 0.0 if self._asked.is_set() else max(0.0, self._due - self._clock())

    def run(self, engine: Engine) -> None:
        self._asked.clear()
        rules = self._file.rules()
        self._status.problem("mods configuration", self._file.problem)
        with ExitStack() as stack:
            connect = self._connect_manager
            found = discover_mods(
                engine,
                rules,
                None if connect is None else lambda: stack.enter_context(closing(connect())),
            )
        progress = ModProgress(lambda title, size: log.info("downloading", summary=title, size=size))
        done = refresh_mods(rules, self._dest, found, check=self._dry_run, progress=progress.tell)
        self._due = self._clock() + self.interval
        if done.busy:
            log.info("mods refresh skipped", summary=done.plan.notes[0])
            return
        self._status.refreshed(done)
        self._report(done)
        if done.failures:
            raise OrcastraError("; ".join(done.failures))

    def _report(self, done: Refreshing) -> None:
        log_messages(self._once, (*done.warnings, *done.tolerated), done.plan.notes)
        if self._dry_run:
            log_steps(self._once, done.plan, at_once=False)
        for result in done.results:
            self._status.stepped(self.name, result)
            if result.changed:
                log.info("done", **step_fields(result.step))
        if done.stored or done.removed:
            log.info("mods refreshed", downloaded=done.stored, removed=done.removed)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have all instances refresh the mods of their nodes when one of them is asked to.

The command ``refresh_mods`` is remembered in the swarm like any other, so each instance only has to look
there now and then: one request, to its own engine or, on a worker, to the manager that
ORCASTRA_MANAGER_HOST names. An instance that is asked over HTTP and does not act enters the request itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    ClaimCommand,
    CommandRecord,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotAManager
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe_state
from orcastra_runner.command.table import REFRESH_MODS
from orcastra_runner.log import get_logger
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import node_name

# A request that no manager has heard of by then is not passed on any more.
PATIENCE_SECONDS = 300.0
NO_MANAGER = "the others hear of it through a manager, and ORCASTRA_MANAGER_HOST names none"
MESSAGE = "each instance refreshes the mods of its own node"

log = get_logger()


class ModRequestsJob:
    """Looks every ``interval`` seconds whether somebody has asked for fresh mods since the last look."""

    name = "mod_requests"

    def __init__(
        self,
        interval: float,
        refresh: Callable[[], None],
        connect_manager: Callable[[], Engine] | None,
        status: StatusStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``refresh`` makes the refresh of our own node due at once.

        ``connect_manager`` connects to a manager for a node that is none; None where none was named.
        """
        self.interval = interval
        self.woken = threading.Event()
        # what the instance that acts refreshes over SSH, besides
        self.refresh_hosts: Callable[[], None] = lambda: None
        self._refresh = refresh
        self._connect_manager = connect_manager
        self._manager: Engine | None = None
        self._status = status
        self._clock = clock
        self._due = clock()
        self._known: frozenset[tuple[str, float]] | None = None
        self._asked_at: float | None = None
        self._instance = uuid4().hex[:8]

    def ask(self) -> None:
        """Refresh our own node at once, and have the other instances do so. May be called from any thread."""
        self._refresh()
        self._asked_at = self._clock()
        self.woken.set()

    def seconds_to_next(self) -> float:
        return 0.0 if self._asked_at is not None else max(0.0, self._due - self._clock())

    def run(self, engine: Engine) -> None:
        try:
            try:
                self._exchange(self._manager or engine, engine)
            except NotAManager:
                if self._connect_manager is None:
                    self._give_up(NO_MANAGER)
                else:
                    self._close()
                    self._manager = self._connect_manager()
                    self._exchange(self._manager, engine)
        except OrcastraError as error:
            self._close()
            if self._asked_at is not None and self._clock() - self._asked_at > PATIENCE_SECONDS:
                self._give_up(str(error))
            raise
        self._due = self._clock() + self.interval

    def _exchange(self, manager: Engine, engine: Engine) -> None:
        """Tell the swarm what we were asked for, and hear what others were."""
        asked_at = self._asked_at
        if asked_at is not None:
            self._pass_on(manager, str(engine.info().get("Name", "")))
            if self._asked_at == asked_at:
                self._asked_at = None
        found = {
            (key, record.started): record
            for key, record in observe_state(manager).commands.items()
            if record.command == REFRESH_MODS
        }
        known, self._known = self._known, frozenset(found)
        if known is None:
            return  # it was asked for before we came, and we begin with a refresh
        new = [record for what, record in found.items() if what not in known]
        if new:
            self.refresh_hosts()
        fresh = [record for record in new if not self._is_done(record)]
        if fresh:
            log.info("mods refresh requested", node=fresh[0].by)
            self._refresh()

    def _is_done(self, record: CommandRecord) -> bool:
        """Whether our own node is refreshed anyhow: by this process."""
        if record.instance == self._instance:
            return True
        view = self._status.view()
        if not view.acts or view.seen is None or record.source == "shell":
            return False
        return record.by == node_name(view.seen)

    def _pass_on(self, manager: Engine, node: str) -> None:
        now = time.time()
        record = CommandRecord(
            REFRESH_MODS, "http", node, self._instance, now, status=DONE, message=MESSAGE, finished=now
        )
        StateStore(manager).update([ClaimCommand(f"id:http-{uuid4().hex[:12]}", record)])

    def _give_up(self, reason: str) -> None:
        if self._asked_at is not None:
            self._asked_at = None
            log.warning("mods refreshed on this node only", summary=reason)

    def _close(self) -> None:
        if self._manager is not None:
            manager, self._manager = self._manager, None
            manager.close()

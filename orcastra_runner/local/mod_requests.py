# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes all instances refresh the mods of their nodes when one of them is asked to.

The command ``refresh_mods`` is recorded in the saved state like any other, so each instance only polls that:
one request, to its own engine or, on a worker, to the manager in ORCASTRA_MANAGER_HOST. A standby instance
that is asked over HTTP records the command itself.
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

# A request that could not be passed to a manager within this time is dropped.
TIMEOUT_SECONDS = 300.0
NO_MANAGER = "passing the request on needs a manager; set ORCASTRA_MANAGER_HOST"
MESSAGE = "each instance refreshes the mods of its own node"

log = get_logger()


class ModRequestsJob:
    """Checks every ``interval`` seconds whether another instance was asked to refresh mods."""

    name = "mod_requests"

    def __init__(
        self,
        interval: float,
        refresh: Callable[[], None],
        connect_manager: Callable[[], Engine] | None,
        status: StatusStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``refresh`` makes the refresh of this node due at once.

        ``connect_manager`` connects a worker to a manager; None if none is configured.
        """
        self.interval = interval
        self.woken = threading.Event()
        # refreshes the remote hosts over SSH, if this instance is active
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
        """Refresh the mods of this node at once, and pass the request to the other instances. Thread-safe."""
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
            if self._asked_at is not None and self._clock() - self._asked_at > TIMEOUT_SECONDS:
                self._give_up(str(error))
            raise
        self._due = self._clock() + self.interval

    def _exchange(self, manager: Engine, engine: Engine) -> None:
        """Record our own request in the saved state, and read those of others."""
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
            return  # older requests don't matter, because an instance starts with a refresh
        new = [record for what, record in found.items() if what not in known]
        if new:
            self.refresh_hosts()
        fresh = [record for record in new if not self._is_done(record)]
        if fresh:
            log.info("mods refresh requested", node=fresh[0].by)
            self._refresh()

    def _is_done(self, record: CommandRecord) -> bool:
        """Whether this process refreshes its node for the request anyway."""
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

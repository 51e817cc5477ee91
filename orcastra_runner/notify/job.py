# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The background job that notifies. It has its own thread, so a slow service delays nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NotAManager,
)
from orcastra_runner.log import get_logger
from orcastra_runner.notify.facts import NOTIFY
from orcastra_runner.notify.notifier import Notifier
from orcastra_runner.status import StatusStore

# Interval of the check for new problems and events, which makes no request if there are none.
CHECK_SECONDS = 5.0

log = get_logger()


class NotifyJob:
    """Runs a round of the notifier as soon as there is something to do."""

    name = NOTIFY
    interval = CHECK_SECONDS

    def __init__(
        self,
        notifier: Notifier,
        status: StatusStore,
        connect: Callable[[], Engine],
        connect_manager: Callable[[], Engine] | None = None,
    ) -> None:
        """``connect`` connects to this node's engine; ``connect_manager`` connects a worker to a manager."""
        self.woken = threading.Event()
        self._notifier = notifier
        self._status = status
        self._connect = connect
        self._connect_manager = connect_manager
        self._engine: Engine | None = None
        self._has_warned = False

    def seconds_to_next(self) -> float:
        return 0.0 if self._notifier.has_work() else CHECK_SECONDS

    def run_once(self) -> None:
        """Notify at the end of a single cycle, whose result does not depend on that."""
        try:
            if self._notifier.has_work():
                self.run()
        except OrcastraError as error:
            log.warning("notifications not sent", error=str(error))
        finally:
            self.close()

    def run(self) -> None:
        is_kept = self._engine is not None
        try:
            self._round()
        except EngineUnreachable:
            # the engine may have closed an idle connection
            self.close()
            if not is_kept:
                raise
            self._round()

    def close(self) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.close()

    def _round(self) -> None:
        if self._engine is None:
            self._engine = self._connect()
        try:
            self._notifier.round(self._engine)
        except NotAManager:
            if self._connect_manager is None:
                self._drop()
                return
            self._notifier.hostname = str(self._engine.info().get("Name") or "")
            self.close()
            self._engine = self._connect_manager()
            self._notifier.round(self._engine)

    def _drop(self) -> None:
        """Remove the events of a worker that can't save them."""
        self._status.events.discard(self._status.events.waiting())
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "notifications disabled",
                summary="this node is a worker and can't reach the saved state; set ORCASTRA_MANAGER_HOST",
            )

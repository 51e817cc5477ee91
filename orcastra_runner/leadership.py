# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Standby: asks this node's engine every second whether it is the leader now, and wakes the loop when it is.

The loop observes far less often, and its requests may hang: while the managers have no leader, an engine
delays its answers, by 20 seconds and more for requests that were sent before the leader was lost. This
thread therefore has its own connection with a short timeout. The active instance asks nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from orcastra_runner.log import get_logger

ASK_SECONDS = 1.0
# timeout of each request; a late one is repeated
TIMEOUT_SECONDS = 2

log = get_logger()


class LeaderWatch:
    """Wakes the loop once when the node of a standby instance becomes the leader."""

    def __init__(
        self, connect: Callable[[], Engine], wake: Callable[[], None], ask_seconds: float = ASK_SECONDS
    ) -> None:
        """``connect`` returns an engine with a timeout of TIMEOUT_SECONDS."""
        self._connect = connect
        self._wake = wake
        self._ask_seconds = ask_seconds
        self._node_id: str | None = None
        self._changed = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread. It ends with the process, or soon after ``stop``."""
        threading.Thread(target=self._run, name="watch-leader", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        self._changed.set()

    def stand_by(self, node_id: str) -> None:
        """Start asking whether this node, which is that of our own engine, is the leader."""
        self._node_id = node_id
        self._changed.set()

    def rest(self) -> None:
        """Stop asking: this instance is active, or its engine is not a manager's."""
        self._node_id = None

    def _run(self) -> None:
        engine: Engine | None = None
        while not self._ended.is_set():
            node_id = self._node_id
            if node_id is None:
                self._changed.wait()
                self._changed.clear()
                continue
            try:
                if engine is None:
                    engine = self._connect()
                leads = bool((engine.get_node(node_id).get("ManagerStatus") or {}).get("Leader"))
            except OrcastraError as error:
                log.debug("could not determine the swarm leader", error=str(error))
                leads = False
                if engine is not None:
                    engine.close()
                    engine = None
            except Exception as error:  # noqa: BLE001 - the end of this thread would delay a takeover unnoticed
                log.warning("could not determine the swarm leader", error=f"{type(error).__name__}: {error}")
                leads, engine = False, None
            if leads and self._node_id == node_id:
                # the loop decides whether to continue, after its own observation
                self._node_id = None
                self._wake()
                continue
            self._ended.wait(self._ask_seconds)
        if engine is not None:
            engine.close()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warns about containers whose log file may fill the node's disk.

The files belong to the engine, so none is changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import shortened
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.node import view_logs
from orcastra_runner.log import get_logger

DAY_SECONDS = 86400.0

log = get_logger()


class LogsJob:
    """Checks at the start and once a day."""

    name = "logs"
    interval = DAY_SECONDS

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.woken = threading.Event()
        self._clock = clock
        self._due = clock()

    def seconds_to_next(self) -> float:
        return max(0.0, self._due - self._clock())

    def run(self, engine: Engine) -> None:
        unlimited = sorted(found.container for found in view_logs(engine) if found.is_unlimited)
        self._due = self._clock() + self.interval
        if unlimited:
            log.warning(
                "log files without a size limit",
                summary=shortened(unlimited),
                hint="set max-size in log-opts of the engine's daemon.json",
            )

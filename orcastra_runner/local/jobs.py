# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs for the instance's own node, which need a connection to its engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineUnreachable


class LocalJob(Protocol):
    """A background job that needs the node's engine."""

    name: str
    interval: float
    woken: threading.Event

    def seconds_to_next(self) -> float:
        """Return the time until the job is due; 0 if it is."""

    def run(self, engine: Engine) -> None:
        """Run the job with a connection to the node's engine. Raises OrcastraError if it fails."""


class EngineJob:
    """Runs a local job with an engine connection that stays open between runs."""

    def __init__(self, job: LocalJob, connect: Callable[[], Engine]) -> None:
        self.name = job.name
        self.woken = job.woken
        self._job = job
        self._connect = connect
        self._engine: Engine | None = None

    @property
    def interval(self) -> float:
        return self._job.interval

    def seconds_to_next(self) -> float:
        return self._job.seconds_to_next()

    def run(self) -> None:
        is_kept = self._engine is not None
        try:
            self._run()
        except EngineUnreachable:
            # the engine may have closed an idle connection
            self.close()
            if not is_kept:
                raise
            self._run()
        except OrcastraError:
            raise
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.close()

    def _run(self) -> None:
        if self._engine is None:
            self._engine = self._connect()
        self._job.run(self._engine)

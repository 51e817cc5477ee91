# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each instance does for its own node, whoever leads: each job in a thread of its own, beside the loop.

The loop is the leader's and may be busy with a move; a job here may take minutes. Neither waits for
the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineUnreachable
from orcastra_runner.dedup import ProblemLog
from orcastra_runner.log import get_logger
from orcastra_runner.schedule import retry_delay
from orcastra_runner.status import StatusStore

# A clock that is put right, or a machine that slept, is noticed after this long.
LONGEST_WAIT_SECONDS = 60.0
# How long the end waits for all jobs: what it has begun is written down before it is begun.
PATIENCE_SECONDS = 3.0

log = get_logger()


class LocalJob(Protocol):
    """Something that is done for one node. ``interval``: about how many seconds are between two runs.

    ``woken`` is to be set when ``seconds_to_next`` has become less; whoever waits for it clears it.
    """

    name: str
    interval: float
    woken: threading.Event

    def seconds_to_next(self) -> float:
        """How long it is not due; 0 if it is."""

    def run(self, engine: Engine) -> None:
        """Do it, with a connection to the node's engine. Raises OrcastraError where it cannot be done."""


class LocalJobs:
    """Runs the jobs until ``stop`` is called."""

    def __init__(
        self, jobs: Sequence[LocalJob], connect: Callable[[], Engine], status: StatusStore | None = None
    ) -> None:
        self._stopped = threading.Event()
        self._jobs = jobs
        status = status or StatusStore()
        self._threads = [
            # daemons: one that waits for its engine must not keep the process from ending
            threading.Thread(
                target=_Worker(job, connect, self._stopped, status).work,
                name=f"local {job.name}",
                daemon=True,
            )
            for job in jobs
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait a few seconds for what is under way."""
        self._stopped.set()
        for job in self._jobs:
            job.woken.set()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


class _Worker:
    def __init__(
        self, job: LocalJob, connect: Callable[[], Engine], stopped: threading.Event, status: StatusStore
    ) -> None:
        self._job = job
        self._connect = connect
        self._stopped = stopped
        self._engine: Engine | None = None
        self._status = status
        self._problems = ProblemLog(on_change=status.problem)
        self._topic = f"job {job.name}"

    def work(self) -> None:
        failures = 0
        while not self._wait(min(LONGEST_WAIT_SECONDS, self._job.seconds_to_next())):
            if self._job.seconds_to_next() > 0:
                continue
            started = time.monotonic()
            self._status.job_began(self._job.name, self._job.interval)
            succeeded = self._try_to_run()
            self._status.job_ended(self._job.name, time.monotonic() - started, ok=succeeded)
            if succeeded:
                failures = 0
            else:
                failures += 1
                self._wait(retry_delay(failures, self._job.interval))
        self._close()

    def _wait(self, seconds: float) -> bool:
        """Wait, unless the job is woken. Returns whether we are to end."""
        if not self._stopped.is_set():
            self._job.woken.wait(seconds)
            self._job.woken.clear()
        return self._stopped.is_set()

    def _try_to_run(self) -> bool:
        is_kept = self._engine is not None
        try:
            try:
                self._run()
            except EngineUnreachable:
                # the engine may have closed a connection from before
                self._close()
                if not is_kept:
                    raise
                self._run()
        except OrcastraError as error:
            self._problems.report(self._topic, str(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            self._close()
            self._problems.report(self._topic, f"unexpected {type(error).__name__}: {error}")
            return False
        self._problems.resolved(self._topic)
        return True

    def _run(self) -> None:
        if self._engine is None:
            self._engine = self._connect()
        self._job.run(self._engine)

    def _close(self) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.close()

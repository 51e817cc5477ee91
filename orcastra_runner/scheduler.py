# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scheduler: runs the jobs of the loop one after the other, and each background job in its own thread.

A failed job is logged once, shown in the status and the metrics, and retried with backoff; it never stops
another job. The loop may be busy with a move, and a background job such as pruning may take minutes; neither
waits for the other.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from orcastra_runner.dedup import ProblemLog
from orcastra_runner.jobs import AlreadyReported, Stopped
from orcastra_runner.log import get_logger
from orcastra_runner.schedule import Schedule
from orcastra_runner.status import StatusStore

# A corrected clock or a suspended host is noticed after this time at the latest.
LONGEST_WAIT_SECONDS = 60.0
# How long the shutdown waits for all background jobs, which record their actions before they start them.
TIMEOUT_SECONDS = 3.0

log = get_logger()


class BackgroundJob(Protocol):
    """A job with its own thread. ``interval``: the approximate seconds between two runs.

    Set ``woken`` when ``seconds_to_next`` has decreased; the scheduler clears it.
    """

    name: str
    woken: threading.Event

    @property
    def interval(self) -> float: ...

    def seconds_to_next(self) -> float:
        """Return the time until the job is due; 0 if it is."""

    def run(self) -> None:
        """Run the job. Raises OrcastraError if it fails."""

    def close(self) -> None:
        """Release resources; called at the end, in the same thread."""


class Scheduler:
    """Runs jobs until ``stop`` is called. ``schedule`` has their due times, ``problems`` logs failures."""

    def __init__(
        self, status: StatusStore, clock: Callable[[], float] = time.monotonic, *, debug: bool = False
    ) -> None:
        self.schedule = Schedule()
        self.problems = ProblemLog(clock, status.problem)
        self._status = status
        self._clock = clock
        self._debug = debug
        self._jobs: list[BackgroundJob] = []
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def run(self, name: str, interval: float, job: Callable[[], bool | None]) -> bool | None:
        """Run one job now. Returns whether it had anything to do; None if it failed, which was reported."""
        started = self._clock()
        self._status.job_began(name, interval)
        acted = self._try_to_run(name, job)
        seconds = self._clock() - started
        self._status.job_ended(name, seconds, ok=acted is not None, acted=bool(acted))
        return acted

    def start(self, jobs: Sequence[BackgroundJob]) -> None:
        """Run these jobs in the background."""
        self._jobs += jobs
        for job in jobs:
            self.schedule.add(job.name, job.interval, self._clock(), in_loop=False)
            # a daemon thread, because one that waits for its engine must not delay the shutdown
            thread = threading.Thread(target=self._work, args=(job,), name=f"job {job.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def sync(self) -> None:
        """Make all jobs of the loop due now, and retry the background jobs that have failed."""
        self.schedule.trigger(self._clock())
        for job in self._jobs:
            job.woken.set()

    def stop(self) -> None:
        """Start no more background jobs, and wait a few seconds for the running ones."""
        self._stopped.set()
        for job in self._jobs:
            job.woken.set()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, job: BackgroundJob) -> None:
        while not self._wait(job, min(LONGEST_WAIT_SECONDS, job.seconds_to_next())):
            if job.seconds_to_next() > 0:
                continue
            if self.run(job.name, job.interval, job.run) is not None:
                self.schedule.succeeded(job.name, self._clock(), job.interval)
                continue
            delay = self.schedule.failed(job.name, self._clock())
            log.debug("retry scheduled", job=job.name, seconds=round(delay, 1))
            self._wait(job, delay)
        job.close()

    def _wait(self, job: BackgroundJob, seconds: float) -> bool:
        """Wait until the time has passed or the job is woken. Returns whether the scheduler is stopping."""
        if not self._stopped.is_set():
            job.woken.wait(seconds)
            job.woken.clear()
        return self._stopped.is_set()

    def _try_to_run(self, name: str, job: Callable[[], bool | None]) -> bool | None:
        topic = f"job {name}"
        try:
            acted = bool(job())
        except Stopped as error:
            log.warning("job stopped", job=name, summary=str(error))
            return None
        except AlreadyReported:
            return None
        except OrcastraError as error:
            self.report(topic, str(error))
            return None
        except Exception as error:  # noqa: BLE001 - an error in one job must not stop the others
            self.report(topic, f"unexpected {type(error).__name__}: {error}")
            return None
        self.problems.resolved(topic)
        return acted

    def report(self, topic: str, text: str, *, warning: bool = False) -> None:
        """Report a problem, with the traceback of the current exception in debug mode."""
        details = traceback.format_exc() if self._debug else None
        self.problems.report(topic, text, warning=warning, traceback=details)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scheduler: background jobs run in their own threads, are retried, reported and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineUnreachable
from orcastra_runner import scheduler as scheduler_module
from orcastra_runner.local.jobs import EngineJob
from orcastra_runner.scheduler import Scheduler
from orcastra_runner.status import StatusStore
from tests.lab.wait import wait_until
from tests.unit.orcastra_runner.conftest import Log

SECONDS = 10


class Job:
    """Due once for each of ``results``; errors among them are raised."""

    name = "test"
    interval = 0.01

    def __init__(self, *results: Any) -> None:
        self.results = list(results)
        self.engines: list[Any] = []
        self.done = threading.Event()
        self.woken = threading.Event()

    def seconds_to_next(self) -> float:
        return 0 if self.results else 60

    def run(self, engine: Engine) -> None:
        self.engines.append(engine)
        result = self.results.pop(0)
        if not self.results:
            self.done.set()
        if isinstance(result, Exception):
            raise result
        if isinstance(result, threading.Event):
            result.wait(SECONDS)


class FakeEngine:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def connector(made: list[FakeEngine]) -> Callable[[], Any]:
    def connect() -> FakeEngine:
        made.append(FakeEngine())
        return made[-1]

    return connect


def started(*jobs: Job, made: list[FakeEngine] | None = None) -> Scheduler:
    scheduler = Scheduler(StatusStore())
    scheduler.start([EngineJob(job, connector([] if made is None else made)) for job in jobs])
    return scheduler


def test_engine_job_keeps_its_connection_until_closed(logged: Log) -> None:
    made: list[FakeEngine] = []
    job = Job(None, None, None)
    jobs = started(job, made=made)
    assert job.done.wait(SECONDS)
    jobs.stop()
    assert job.engines == made * 3
    assert made[0].is_closed
    assert not logged.sentences


def test_engine_job_reconnects_at_once(logged: Log) -> None:
    made: list[FakeEngine] = []
    job = Job(None, EngineUnreachable("gone"), None)
    jobs = started(job, made=made)
    assert job.done.wait(SECONDS)
    jobs.stop()
    assert len(made) == 2
    assert made[0].is_closed
    assert not logged.sentences


def test_scheduler_reports_and_retries_failed_jobs(logged: Log) -> None:
    job = Job(ValueError("odd"), EngineUnreachable("gone"), None)
    jobs = started(job)
    assert job.done.wait(SECONDS)
    jobs.stop()
    assert logged.sentences == [
        "error unexpected ValueError: odd",
        "error gone",
        "info problem resolved: job test",
    ]
    assert {entry["topic"] for entry in logged.entries if entry["event"] == "problem"} == {"job test"}


def test_scheduler_does_not_wait_for_a_job_that_hangs(monkeypatch: Any, logged: Log) -> None:
    monkeypatch.setattr(scheduler_module, "TIMEOUT_SECONDS", 0.1)
    hung = threading.Event()
    slow, quick = Job(hung, None), Job(None)
    quick.name = "quick"
    jobs = started(slow, quick)
    assert quick.done.wait(SECONDS)
    began = time.monotonic()
    jobs.stop()
    assert time.monotonic() - began < SECONDS / 2
    hung.set()


def test_scheduler_without_jobs_stops() -> None:
    jobs = started()
    jobs.stop()


def test_scheduler_shows_failures_of_background_jobs(logged: Log) -> None:
    status = StatusStore()
    scheduler = Scheduler(status)
    job = Job(ValueError("odd"))
    scheduler.start([EngineJob(job, connector([]))])
    assert job.done.wait(SECONDS)
    wait_until(lambda: status.view().jobs["test"].failures == 1, SECONDS, "the failure", interval=0.01)
    assert status.view().problems["job test"].text == "unexpected ValueError: odd"
    scheduler.stop()


def test_scheduler_sync_retries_failed_jobs_at_once(logged: Log) -> None:
    job = Job(ValueError("odd"), None)
    job.interval = 3600  # so the pause is far longer than the test
    scheduler = started(job)
    wait_until(lambda: len(job.engines) == 1, SECONDS, "the first run", interval=0.01)
    wait_until(lambda: bool(logged.entries), SECONDS, "the report", interval=0.01)
    while not job.done.wait(0.05):
        scheduler.sync()
    assert len(job.engines) == 2
    scheduler.stop()

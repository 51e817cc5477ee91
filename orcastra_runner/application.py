# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The composition root: creates and connects the parts of one process from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from enum import Enum
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    connect,
    options_from_environment,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from orcastra_runner.api_token import configured_token, own_token
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.job import CommandJob
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.command.table import has_limit
from orcastra_runner.configuration import Configuration
from orcastra_runner.execute import PlaybookResult, PlaybookRunner
from orcastra_runner.files import Files
from orcastra_runner.heal import HealJob
from orcastra_runner.heartbeat import Heartbeat
from orcastra_runner.jobs import Job, ResyncJob, RunPlaybook, Stopped, SyncJob, Work
from orcastra_runner.leadership import TIMEOUT_SECONDS, LeaderWatch
from orcastra_runner.local.autoheal import AutohealJob
from orcastra_runner.local.handover import HandoverJob
from orcastra_runner.local.jobs import EngineJob, LocalJob
from orcastra_runner.local.logs import LogsJob
from orcastra_runner.local.mod_requests import ModRequestsJob
from orcastra_runner.local.mods import ModsJob
from orcastra_runner.local.prune import PruneJob
from orcastra_runner.log import get_logger
from orcastra_runner.loop import Loop
from orcastra_runner.notify.job import NotifyJob
from orcastra_runner.notify.notifier import Notifier, NotifyRules
from orcastra_runner.notify.targets import configured_targets
from orcastra_runner.places import command_path
from orcastra_runner.progress import NO_PROGRESS
from orcastra_runner.rebalance import RebalanceJob
from orcastra_runner.remote_hosts import MODS, RemoteHosts, RemoteJob
from orcastra_runner.scheduler import BackgroundJob, Scheduler
from orcastra_runner.settings import Settings, UsageError
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import Swarm
from orcastra_runner.watch import Watcher

log = get_logger()


class Ending(Enum):
    """The outcome of a run. ``STANDBY``: another instance is active, so the single cycle did nothing."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STANDBY = "standby"


class Application:
    """The parts of one process. Use it in a ``with`` statement, which closes them at the end."""

    def __init__(
        self,
        settings: Settings,
        files: Files,
        heartbeat: Heartbeat | None = None,
        signals: Signals | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """Raises UsageError if the variables of the engine connection are not valid.

        ``heartbeat`` is for ``orcastra healthcheck``; None if this process runs no loop. ``signals``:
        those of the application before this one, so that none gets lost. ``read_only``: only ``show`` the
        swarm.
        """
        self.settings = settings
        self.files = files
        self.connect = connector()
        self.connect_manager = connector(settings.manager_host) if settings.manager_host else None
        self.signals = Signals() if signals is None else signals
        self.status = StatusStore(
            dry_run=settings.dry_run, read_only=read_only, peers=settings.peers, heartbeat=heartbeat
        )
        self.scheduler = Scheduler(self.status, debug=settings.debug)
        self.requests = CommandRequests()
        self.progress = NO_PROGRESS
        self._stack = ExitStack()
        self._stack.callback(files.mods.close)
        if heartbeat is not None:
            self._stack.callback(heartbeat.close)

    def __enter__(self) -> Application:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def run(self, configuration: Configuration) -> Ending:
        """Loop until a signal ends it, or run one cycle."""
        self.signals.install()
        self.status.heartbeat()
        command_file = CommandFile(partial(command_path, self.settings))
        if self.settings.run_once:
            notify = self._notify_job(())
            command_file.refresh(at_once=True)
            loop = self._loop(self.jobs(command_file), self.work(), configuration, command_file)
            succeeded = loop.run_once()
            if notify is not None:
                notify.run_once()
            return (
                Ending.STANDBY if loop.left_to_another else Ending.SUCCEEDED if succeeded else Ending.FAILED
            )
        work = self.work()
        watcher, leader_watch = self._watcher(), self._leader_watch()
        self._start_background_jobs()
        self._loop(self.jobs(command_file), work, configuration, command_file, watcher, leader_watch).run()
        return Ending.SUCCEEDED

    def show(self, configuration: Configuration, is_over: Callable[[], bool]) -> None:
        """Observe the swarm for the page and change nothing, until ``is_over`` or a signal ends it."""
        self.signals.install()
        self.status.heartbeat()
        work = self.work()
        work.dry_run = True
        watcher, leader_watch = self._watcher(), self._leader_watch()
        if self.settings.listen is not None:
            self._serve(self.settings.listen, None)
        jobs = [SyncJob(self.settings.relabel_time, self.settings.max_mismatch_duration)]
        loop = self._loop(jobs, work, configuration, None, watcher, leader_watch, is_over)
        loop.run()

    def work(self) -> Work:
        """Return the environment of jobs and commands."""
        files, settings = self.files, self.settings
        swarm = Swarm(self.connect, guard=self.signals.interruptible, on_observed=self.status.observed)
        self._stack.enter_context(closing(swarm))
        playbooks = self._playbooks()

        def should_stop() -> bool:
            self.status.heartbeat()
            self.progress.tick()
            return self.signals.out_of_time()

        def run_playbook(
            name: str, variables: Mapping[str, Any] = MappingProxyType({}), /, *, check: bool = False
        ) -> PlaybookResult:
            self._refuse_if_stopping(name)
            rebalance = files.rebalance.extra_vars()
            values = {**files.extra_vars(name, work.desired, settings), **rebalance, **variables}
            return playbooks.run(name, values, should_stop, check=check)

        work = Work(
            swarm=swarm,
            desired=files.desired,
            run_playbook=run_playbook,
            dry_run=settings.dry_run,
            run_on_hosts=None,
            status=self.status,
            accept_removals=lambda: self._accept_removals(work),
        )
        if settings.inventory is not None:
            work.run_on_hosts = self.on_hosts(playbooks, should_stop)
        return work

    def on_hosts(self, playbooks: PlaybookRunner, should_stop: Callable[[], bool]) -> RunPlaybook:
        """Return a function that runs playbooks on the hosts of the user's inventory."""

        def run(
            name: str, variables: Mapping[str, Any] = MappingProxyType({}), /, *, check: bool = False
        ) -> PlaybookResult:
            self._refuse_if_stopping(name)
            values = {**self.files.extra_vars(name, self.files.desired, self.settings), **variables}
            # the playbook and the inventory choose the hosts
            del values["orcastra_hosts"]
            inventory, limit = self.settings.inventory, has_limit(name)
            return playbooks.run(name, values, should_stop, inventory, has_limit=limit, check=check)

        return run

    def jobs(self, command_file: CommandFile) -> list[Job]:
        """Return the jobs of the loop."""
        settings = self.settings
        # without polling, only events and the resync interval trigger observations
        interval = settings.relabel_time if settings.polling_mode else settings.resync_interval
        sync = SyncJob(interval, settings.max_mismatch_duration, in_process=settings.event_mode)
        jobs: list[Job] = [
            CommandJob(interval, command_file, requests=self.requests),
            sync,
            RebalanceJob(self.files.rebalance, in_process=settings.event_mode),
            HealJob(settings.loop_interval, at_once=settings.run_once),
        ]
        if not settings.dry_run:
            jobs.append(ResyncJob(settings.resync_interval, sync if settings.event_mode else None))
        return jobs

    def local_jobs(self) -> list[LocalJob]:
        """Return the jobs that each instance runs for its own node."""
        settings = self.settings
        jobs: list[LocalJob] = [LogsJob()]
        if settings.autoheal_interval_seconds > 0:
            jobs.append(AutohealJob(settings, self.connect_manager, status=self.status))
        if settings.prunes:
            jobs.append(PruneJob(settings, self.connect_manager, status=self.status))
        if settings.mod_manager_refresh_interval_minutes > 0:
            mods = ModsJob(settings, self.connect_manager, status=self.status, file=self.files.mods)
            requests = ModRequestsJob(settings.relabel_time, mods.ask, self.connect_manager, self.status)
            jobs += [mods, requests]
        handover = self._handover()
        return jobs if handover is None else [*jobs, handover]

    def _loop(
        self,
        jobs: Sequence[Job],
        work: Work,
        configuration: Configuration,
        command_file: CommandFile | None,
        watcher: Watcher | None = None,
        leader_watch: LeaderWatch | None = None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> Loop:
        return Loop(
            jobs,
            work,
            configuration,
            self.signals,
            acts_anywhere=self.settings.acts_anywhere,
            debug=self.settings.debug,
            watcher=watcher,
            command_file=command_file,
            leader_watch=leader_watch,
            once_wait_seconds=self.settings.once_wait,
            scheduler=self.scheduler,
            is_over=is_over,
        )

    def _watcher(self) -> Watcher | None:
        if not self.settings.event_mode:
            return None
        watcher = Watcher(self.connect, self.signals.event, self.settings.event_poll_interval)
        watcher.start()
        self._stack.callback(watcher.stop)
        return watcher

    def _leader_watch(self) -> LeaderWatch | None:
        if self.settings.acts_anywhere:
            return None
        watch = LeaderWatch(connector(timeout=TIMEOUT_SECONDS), self.signals.lead)
        watch.start()
        self._stack.callback(watch.stop)
        return watch

    def _start_background_jobs(self) -> None:
        local, remote = self.local_jobs(), self.remote_jobs()
        requests = next((job for job in local if isinstance(job, ModRequestsJob)), None)
        mods = next((job for job in remote if job.name == f"remote_{MODS}"), None)
        if requests is not None and mods is not None:
            requests.refresh_hosts = mods.ask
        if self.settings.listen is not None:
            self._serve(self.settings.listen, None if requests is None else requests.ask)
        jobs: list[BackgroundJob] = [*(EngineJob(job, self.connect) for job in local), *remote]
        notify = self._notify_job([job.name for job in local])
        if notify is not None:
            jobs.append(notify)
        self._stack.callback(self.scheduler.stop)
        self.scheduler.start(jobs)

    def remote_jobs(self) -> list[RemoteJob]:
        """Return the jobs for hosts that run no instance of their own."""
        settings = self.settings
        if settings.remote_hosts is None or settings.inventory is None or settings.dry_run:
            return []
        hosts = RemoteHosts(
            settings,
            settings.remote_hosts,
            settings.inventory,
            self._playbooks("hosts"),
            self.status,
            lambda: self.signals.stop_requested,
            mods_file=self.files.mods,
        )
        return hosts.jobs()

    def _notify_job(self, local_jobs: Sequence[str]) -> NotifyJob | None:
        """Return the job that notifies; None without a target, and in a dry run, which saves nothing."""
        settings = self.settings
        targets = configured_targets(settings)
        if not targets:
            return None
        if settings.dry_run:
            log.warning("notifications disabled", summary="a dry run sends no notifications")
            return None
        rules = NotifyRules(settings.notify_level, settings.notify_moves, settings.notify_interval)
        problems = self.scheduler.problems
        notifier = Notifier(targets, rules, self.status, problems, local_jobs=local_jobs)
        self.status.events.is_on = True
        return NotifyJob(notifier, self.status, self.connect, self.connect_manager)

    def _handover(self) -> HandoverJob | None:
        """Return the job that reboots the hosts of other instances; None without an inventory."""
        if self.settings.inventory is None or self.settings.dry_run:
            return None
        # a runner of its own, because the loop may run a playbook at the same time
        run = self.on_hosts(self._playbooks(), lambda: self.signals.stop_requested)
        return HandoverJob(run, self.connect, self.connect_manager, self.status)

    def _serve(self, address: tuple[str | None, int], ask_for_mods: Callable[[], None] | None) -> None:
        """Serve the page, the API and the metrics over HTTP."""
        # imported here because aiohttp costs time and memory, and a single cycle doesn't need it
        from orcastra_runner.web.guard import Guard  # noqa: PLC0415
        from orcastra_runner.web.server import WebServer  # noqa: PLC0415
        from orcastra_runner.web.site import Site  # noqa: PLC0415

        token = configured_token(self.settings) or own_token(self.settings.state_dir)
        guard = Guard(token, self.settings.http_hosts)
        server = WebServer(Site(self.status, self.signals, self.requests, guard, ask_for_mods), *address)
        if server.start():
            self._stack.callback(server.stop)

    def _playbooks(self, subfolder: str = "") -> PlaybookRunner:
        """Return a new runner of playbooks, which keeps its artifacts in ``subfolder`` of the artifacts
        folder.

        Runners that work at the same time need different folders: each deletes old runs from its own, and
        would count the other's runs, even one in progress.
        """
        folder = self.settings.artifacts_dir
        runner = PlaybookRunner(
            timeout=self.settings.playbook_timeout,
            artifacts_dir=None if folder is None else folder / subfolder,
            keep=self.settings.keep_artifacts,
            on_line=lambda line: log.debug("ansible output", line=line),
            on_task=self.progress.wait_for,
        )
        return self._stack.enter_context(closing(runner))

    def _accept_removals(self, work: Work) -> tuple[str, ...]:
        kept = self.files.accept_removals()
        work.desired = self.files.desired
        self.status.configured(work.desired)
        return kept

    def _refuse_if_stopping(self, playbook: str) -> None:
        if self.signals.stop_requested:
            raise Stopped(f"playbook {playbook} was not started: Orcastra was asked to stop")


def connector(docker_host: str | None = None, timeout: int | None = None) -> Callable[[], Engine]:
    """Return a function that connects to the engine that ``DOCKER_HOST`` and related variables name.

    Raises UsageError. ``docker_host`` replaces ``DOCKER_HOST``; ``timeout`` is an upper limit for the
    request timeout, in seconds.
    """
    try:
        options = options_from_environment()
    except OrcastraError as error:
        raise UsageError(str(error)) from error
    if docker_host is not None:
        options = replace(options, docker_host=docker_host)
    if timeout is not None:
        options = replace(options, timeout=min(timeout, options.timeout))
    return partial(connect, options)

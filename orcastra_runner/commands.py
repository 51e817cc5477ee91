# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the commands of the command line do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    ConfigError,
    OrcastraError,
    Problem,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    AlreadyClaimed,
    CommandRecord,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import one_line
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    connect,
    options_from_environment,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotAManager
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import shortages
from orcastra_runner import log
from orcastra_runner.api_token import configured_token, own_token
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.handover import wait_until_taken
from orcastra_runner.command.job import CommandJob
from orcastra_runner.command.rehearsal import rehearse, remembered
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.command.results import file_data
from orcastra_runner.command.run import CommandRunner
from orcastra_runner.command.table import Command, has_limit
from orcastra_runner.configuration import Configuration, has_configuration
from orcastra_runner.execute import PlaybookResult, PlaybookRunner
from orcastra_runner.files import Files
from orcastra_runner.heal import HealJob, plan_healing
from orcastra_runner.jobs import Job, ResyncJob, RunPlaybook, Stopped, SyncJob, Work
from orcastra_runner.leadership import PATIENCE_SECONDS, LeaderWatch
from orcastra_runner.local.autoheal import AutohealJob
from orcastra_runner.local.handover import HandoverJob
from orcastra_runner.local.jobs import LocalJob, LocalJobs
from orcastra_runner.local.logs import LogsJob
from orcastra_runner.local.mod_requests import ModRequestsJob
from orcastra_runner.local.mods import ModsJob
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.local.prune import PruneJob
from orcastra_runner.loop import Loop
from orcastra_runner.places import command_path, rebalance_path
from orcastra_runner.preflight import load, other_files, warnings
from orcastra_runner.rebalance import RebalanceFile, RebalanceJob, plan_balancing
from orcastra_runner.remote_hosts import RemoteHostsJob
from orcastra_runner.report import (
    count,
    plan_data,
    plan_text,
    status_data,
    status_text,
    to_json,
    to_text,
)
from orcastra_runner.service_report import services_data
from orcastra_runner.settings import Settings, UsageError
from orcastra_runner.signals import Signals, StopNow
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import Swarm, plan_all
from orcastra_runner.version import __version__
from orcastra_runner.watch import Watcher
from orcastra_runner.what_if import forecast_data, forecast_text, forecasts

logger = log.get_logger()


class Ending(Enum):
    """How a run has ended. ``STOOD_BY``: its one cycle was left to another instance."""

    WELL = "well"
    FAILED = "failed"
    STOOD_BY = "stood by"


def run(settings: Settings) -> Ending:
    """Loop, or do one cycle. Raises ConfigError for a bad configuration."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = load(settings)
    _warn(settings, configuration, rebalance_file)
    connector = _connector()
    signals = Signals()
    signals.install()
    command_file = CommandFile(partial(command_path, settings))
    if settings.run_once:
        command_file.refresh(at_once=True)
    token = configured_token(settings)
    status = StatusStore(dry_run=settings.dry_run)
    requests = CommandRequests()
    with ExitStack() as stack:
        mods_file = ModsFile(settings.mod_manager_config)
        stack.callback(mods_file.close)
        files = Files(configuration, rebalance_file, mods_file)
        work = stack.enter_context(_working(settings, files, connector, signals, status))
        watcher = None
        if settings.event_mode and not settings.run_once:
            watcher = Watcher(connector, signals.event, settings.event_poll_interval)
            watcher.start()
            stack.callback(watcher.stop)
        leader_watch = None
        if not settings.run_once:
            if not settings.acts_anywhere:
                leader_watch = LeaderWatch(_connector(patience=PATIENCE_SECONDS), signals.lead)
                leader_watch.start()
                stack.callback(leader_watch.stop)
            hosts = None
            if settings.remote_hosts is not None and settings.inventory is not None and not settings.dry_run:
                hosts = RemoteHostsJob(
                    settings,
                    settings.remote_hosts,
                    settings.inventory,
                    stack.enter_context(closing(_playbook_runner(settings, "hosts"))),
                    status,
                    lambda: signals.stop_requested,
                    mods_file=mods_file,
                )
            local = _local_jobs(settings, status, hosts, mods_file)
            if settings.listen is not None:
                stack.callback(_serve(settings, settings.listen, token, status, signals, requests, local))
            local += _handovers(settings, files, signals, status, stack)
            local_jobs = LocalJobs(local, connector, status)
            local_jobs.start()
            stack.callback(local_jobs.stop)
        loop = Loop(
            _jobs(settings, command_file, rebalance_file, requests),
            work,
            configuration,
            signals,
            acts_anywhere=settings.acts_anywhere,
            debug=settings.debug,
            watcher=watcher,
            command_file=command_file,
            leader_watch=leader_watch,
            once_wait_seconds=settings.once_wait,
        )
        if settings.run_once:
            is_well = loop.run_once()
            return Ending.STOOD_BY if loop.stood_by else Ending.WELL if is_well else Ending.FAILED
        loop.run()
    return Ending.WELL


def show_plan(settings: Settings, *, as_json: bool, explain: bool = False) -> bool:
    """Print what would be done now. Returns whether that is anything.

    ``explain``: also every possible move to balance memory, and why it is not made.
    """
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = load(settings)
    desired, has_inventory = configuration.desired, settings.inventory is not None
    with closing(Swarm(_connector())) as swarm:
        seen = swarm.observe()
        healing = plan_healing(swarm, seen, desired, has_inventory=has_inventory)
    balancing = plan_balancing(seen, desired, rebalance_file.in_force)
    plan = plan_all(seen, desired, settings.max_mismatch_duration) + balancing.plan + healing
    candidates = balancing.candidates if explain else None
    short = shortages(seen.snapshot, seen.engine_time or time.time())
    if as_json:
        _print(to_json(plan_data(plan, candidates, short)))
    else:
        _print(plan_text(plan, candidates, short))
    return not plan.is_empty


def show_forecast(settings: Settings, lose: Sequence[str], add: Sequence[str], *, as_json: bool) -> bool:
    """Print what would happen if nodes were lost or added. Returns whether everything would find a place."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = load(settings)
    with closing(Swarm(_connector())) as swarm:
        snapshot = without_doubtful(swarm.observe().snapshot, configuration.desired)
    memory = measure(snapshot, rebalance_file.rebalance.sources)
    found = forecasts(snapshot, configuration.desired, memory, lose, add)
    data = forecast_data(found, memory)
    _print(to_json(data) if as_json else forecast_text(found, memory))
    return bool(data["survives"])


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Print who leads, the nodes, the services and what is remembered. Needs no configuration."""
    log.configure(settings.log_format, debug=settings.debug)
    with closing(Swarm(_connector())) as swarm:
        seen = swarm.observe()
        status = status_data(seen, acts_anywhere=settings.acts_anywhere)
    short = shortages(seen.snapshot, seen.engine_time or time.time())
    status["service_list"] = services_data(seen, short)
    command_file = CommandFile(partial(command_path, settings))
    command_file.refresh(at_once=True)
    if command_file.content is not None and (command_file.content.is_known or command_file.content.problems):
        status["commands"]["file"] = str(command_file.path)
        status["commands"]["file_results"] = file_data(command_file.content, seen.state, time.time())
    _print(to_json(status) if as_json else status_text(status))


def run_command(settings: Settings, command: Command, argument: str | None, id_: str | None) -> bool:
    """Carry out a command now, whoever leads. Prints the result, returns whether it is a good one.

    With an id it is carried out once only, however often and from wherever it is asked for.
    """
    log.configure(settings.log_format, debug=settings.debug)
    files = _files_for(settings, command)
    words = command.words(argument)
    signals = Signals()
    signals.install()
    key = f"id:{id_}" if id_ is not None else f"shell:{uuid4().hex[:12]}"
    runner = CommandRunner("shell")
    result: CommandRecord | None = None
    with closing(files.mods), _working(settings, files, _connector(), signals) as work:
        if settings.dry_run:
            return _rehearse_command(work, command, argument, id_)
        try:
            try:
                result = runner.run(work, key, command, argument)
            except NotAManager:
                if not command.makes_swarm:
                    raise
                result = runner.run_unrecorded(work, command, argument)
            if result.is_running:
                _say(f"{words}: {result.message}")
                result = wait_until_taken(work, key, signals.pause) or result
        except AlreadyClaimed as error:
            found = error.record
            if found.command != words:
                raise UsageError(f"the id {id_!r} was used for {found.command}; nothing was done") from error
            _say(f"{words}: {found.status} before, not repeated: {found.message or 'it has no result yet'}")
            return found.status == DONE
        except StopNow:
            if result is not None:
                raise Stopped(f"{words}: we were asked to stop; `orcastra status` shows the result") from None
            raise Stopped(f"{words} was not begun: we were asked to stop") from None
    if result.is_running:
        # this is the host that goes down: nothing is to be gained by waiting for the end
        _say(f"{words}: {result.message}; `orcastra status` shows the result")
        return True
    _say(f"{words}: {result.status}: {result.message}")
    return result.status == DONE


def _rehearse_command(work: Work, command: Command, argument: str | None, id_: str | None) -> bool:
    """Print what the command would do. Returns whether it would succeed, as far as that can be known."""
    before = remembered(work, id_)
    if before is not None:
        _say(f"{command.words(argument)}: {before.status} before, and not repeated; nothing was done")
        return True
    found = rehearse(work, command, argument)
    _print(to_text(found.lines(command.words(argument))))
    return found.problem is None


def check_configuration(settings: Settings, problems: Sequence[Problem] = ()) -> None:
    """Print what the configuration holds. Raises ConfigError with everything that is wrong with it.

    ``problems`` are those of the variables.
    """
    found = list(problems)
    configuration = rebalance_file = None
    try:
        configuration, rebalance_file = load(settings)
    except ConfigError as error:
        found += error.problems
    others, wrong, warned = other_files(settings)
    found += wrong
    if found or configuration is None or rebalance_file is None:
        raise ConfigError(found)
    present = configuration.present()
    if rebalance_file.is_present:
        present.append(rebalance_file.path)
    for problem in [*warnings(settings, configuration, rebalance_file), *warned]:
        sys.stderr.write(f"orcastra: warning: {problem}\n")
    desired = configuration.desired
    _say(
        f"The configuration is valid: {count(len(desired.nodes), 'node')} and "
        f"{count(len(desired.dependencies), 'dependency')} in {', '.join(map(str, [*present, *others]))}"
    )


def show_schema() -> None:
    """Print the JSON Schema of ``swarm.yml``."""
    _print(to_json(SCHEMA))


def _connector(docker_host: str | None = None, patience: int | None = None) -> Callable[[], Engine]:
    """Return what connects to the engine that ``DOCKER_HOST`` and its kin name. Raises UsageError.

    ``docker_host``: another one, in the same way. ``patience``: wait for answers at most so many seconds.
    """
    try:
        options = options_from_environment()
    except OrcastraError as error:
        raise UsageError(str(error)) from error
    if docker_host is not None:
        options = replace(options, docker_host=docker_host)
    if patience is not None:
        options = replace(options, timeout=min(patience, options.timeout))
    return partial(connect, options)


@contextmanager
def _working(
    settings: Settings,
    files: Files,
    connector: Callable[[], Engine],
    signals: Signals,
    status: StatusStore | None = None,
) -> Iterator[Work]:
    """What jobs and commands work with; it is closed at the end."""
    status = status or StatusStore()
    with ExitStack() as stack:
        swarm = stack.enter_context(
            closing(Swarm(connector, guard=signals.interruptible, on_observed=status.observed))
        )
        playbooks = stack.enter_context(closing(_playbook_runner(settings)))

        def should_stop() -> bool:
            status.heartbeat()
            return signals.out_of_time()

        def run_playbook(
            name: str, variables: Mapping[str, Any] = MappingProxyType({}), /, *, check: bool = False
        ) -> PlaybookResult:
            if signals.stop_requested:
                raise Stopped(f"playbook {name} was not started because we were asked to stop")
            rebalance = files.rebalance.extra_vars()
            values = {**files.extra_vars(name, work.desired, settings), **rebalance, **variables}
            return playbooks.run(name, values, should_stop, check=check)

        work = Work(
            swarm=swarm,
            desired=files.desired,
            run_playbook=run_playbook,
            dry_run=settings.dry_run,
            run_on_hosts=None,
            status=status,
            accept_removals=lambda: _accept_removals(files, work),
        )
        if settings.inventory is not None:
            work.run_on_hosts = _on_hosts(settings, files, playbooks, signals, should_stop)
        yield work


def _accept_removals(files: Files, work: Work) -> tuple[str, ...]:
    kept = files.accept_removals()
    work.desired = files.desired
    work.status.configured(work.desired)
    return kept


def _files_for(settings: Settings, command: Command) -> Files:
    """The files as a command of the shell needs them. Raises ConfigError."""
    mods = ModsFile(settings.mod_manager_config)
    if command.accepts_removals:
        # it is what confirms that a file is missing on purpose
        configuration = Configuration(settings, may_be_missing=True)
        return Files(configuration, RebalanceFile(partial(rebalance_path, settings)), mods)
    # a node is looked up there, too: any node can go by any name, and its address tells them apart
    if command.needs_configuration or (command.argument == "node" and has_configuration(settings)):
        return Files(*load(settings), mods)
    return Files(None, RebalanceFile(partial(rebalance_path, settings)), mods)


def _playbook_runner(settings: Settings, subfolder: str = "") -> PlaybookRunner:
    """``subfolder``: of the artifacts, where another one runs playbooks at the same time.

    Else each would count the other's runs among those that it keeps, even one that is under way.
    """
    folder = settings.artifacts_dir
    return PlaybookRunner(
        timeout=settings.playbook_timeout,
        artifacts_dir=None if folder is None else folder / subfolder,
        keep=settings.keep_artifacts,
        on_line=lambda line: logger.debug("ansible output", line=line),
    )


def _on_hosts(
    settings: Settings,
    files: Files,
    playbooks: PlaybookRunner,
    signals: Signals,
    should_stop: Callable[[], bool],
) -> RunPlaybook:
    """What runs playbooks on the hosts of the user's inventory."""

    def run(
        name: str, variables: Mapping[str, Any] = MappingProxyType({}), /, *, check: bool = False
    ) -> PlaybookResult:
        if signals.stop_requested:
            raise Stopped(f"playbook {name} was not started because we were asked to stop")
        values = {**files.extra_vars(name, files.desired, settings), **variables}
        # which hosts: that is up to the playbook and the inventory
        del values["orcastra_hosts"]
        limit = has_limit(name)
        return playbooks.run(name, values, should_stop, settings.inventory, has_limit=limit, check=check)

    return run


def _serve(
    settings: Settings,
    address: tuple[str | None, int],
    token: bytes | None,
    status: StatusStore,
    signals: Signals,
    requests: CommandRequests,
    local: Sequence[LocalJob],
) -> Callable[[], None]:
    """Serve page, API and metrics over HTTP. Returns what ends it."""
    # aiohttp takes time and memory that one cycle by itself never needs
    from orcastra_runner.web.guard import Guard  # noqa: PLC0415
    from orcastra_runner.web.server import WebServer  # noqa: PLC0415
    from orcastra_runner.web.site import Site  # noqa: PLC0415

    guard = Guard(token or own_token(settings.state_dir), settings.http_hosts)
    ask_for_mods = next((job.ask for job in local if isinstance(job, ModRequestsJob)), None)
    site = Site(status, signals, requests, guard, ask_for_mods)
    server = WebServer(site, *address)
    return server.stop if server.start() else lambda: None


def _jobs(
    settings: Settings, command_file: CommandFile, rebalance_file: RebalanceFile, requests: CommandRequests
) -> list[Job]:
    # without polling, a look now and then is all that is made without an event
    interval = settings.relabel_time if settings.polling_mode else settings.resync_interval
    sync = SyncJob(interval, settings.max_mismatch_duration, in_process=settings.event_mode)
    jobs: list[Job] = [
        CommandJob(interval, command_file, requests=requests),
        sync,
        RebalanceJob(rebalance_file, in_process=settings.event_mode),
        HealJob(settings.loop_interval, at_once=settings.run_once),
    ]
    if not settings.dry_run:
        jobs.append(ResyncJob(settings.resync_interval, sync if settings.event_mode else None))
    return jobs


def _local_jobs(
    settings: Settings,
    status: StatusStore | None = None,
    hosts: RemoteHostsJob | None = None,
    mods_file: ModsFile | None = None,
) -> list[LocalJob]:
    """The jobs that each instance does for its own node, and ``hosts``, which it does for others."""
    status = status or StatusStore()
    connect_manager = _connector(settings.manager_host) if settings.manager_host else None
    jobs: list[LocalJob] = [LogsJob()]
    if hosts is not None:
        jobs.append(hosts)
    if settings.autoheal_interval_seconds > 0:
        jobs.append(AutohealJob(settings, connect_manager, status=status))
    if settings.prunes:
        jobs.append(PruneJob(settings, connect_manager, status=status))
    if settings.mod_manager_refresh_interval_minutes > 0:
        mods = ModsJob(settings, connect_manager, status=status, file=mods_file)
        requests = ModRequestsJob(settings.relabel_time, mods.ask, connect_manager, status)
        if hosts is not None:
            requests.refresh_hosts = hosts.ask_for_mods
        jobs += [mods, requests]
    return jobs


def _handovers(
    settings: Settings,
    files: Files,
    signals: Signals,
    status: StatusStore,
    stack: ExitStack,
) -> list[LocalJob]:
    """The job that takes what other instances may not do themselves; without an inventory there is none."""
    if settings.inventory is None or settings.dry_run:
        return []
    # beside the loop, which may have a playbook of its own to run meanwhile
    playbooks = stack.enter_context(closing(_playbook_runner(settings)))
    run = _on_hosts(settings, files, playbooks, signals, lambda: signals.stop_requested)
    connect_manager = _connector(settings.manager_host) if settings.manager_host else None
    return [HandoverJob(run, _connector(), connect_manager, status)]


def _warn(settings: Settings, configuration: Configuration, rebalance_file: RebalanceFile) -> None:
    """Log at the start what is worth knowing of how we were started."""
    modes = []
    if settings.polling_mode:
        modes.append(f"reconciling every {settings.relabel_time:g} s")
    if settings.event_mode:
        modes.append("on events" if modes else "reconciling on events")
    mode = "one cycle" if settings.run_once else " and ".join(modes)
    files = [str(path) for path in configuration.present()]
    if settings.dry_run:
        mode += ", plan only"
    logger.info("orcastra started", what=mode, version=__version__, files=files)
    for problem in warnings(settings, configuration, rebalance_file):
        logger.warning("configuration warning", what=str(problem))


def _say(sentence: str) -> None:
    _print(one_line(sentence))


def _print(text: str) -> None:
    # of what got past the renderers, nothing reaches the terminal either; it is the same for what did not
    sys.stdout.write(f"{to_text(text.split(chr(10)))}\n")
    sys.stdout.flush()

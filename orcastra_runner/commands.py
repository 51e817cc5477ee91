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
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    AlreadyClaimed,
    CommandRecord,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import one_line
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    connect,
    options_from_environment,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotAManager
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import without_doubtful
from orcastra_runner import log
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.handover import wait_until_taken
from orcastra_runner.command.job import CommandJob
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.command.results import file_data
from orcastra_runner.command.run import CommandRunner
from orcastra_runner.command.table import Command, has_limit
from orcastra_runner.configuration import Configuration, has_configuration
from orcastra_runner.execute import PlaybookResult, PlaybookRunner
from orcastra_runner.extra_vars import extra_vars
from orcastra_runner.heal import HealJob, plan_healing
from orcastra_runner.jobs import Job, ResyncJob, RunPlaybook, Stopped, SyncJob, Work
from orcastra_runner.leadership import PATIENCE_SECONDS, LeaderWatch
from orcastra_runner.local.autoheal import AutohealJob
from orcastra_runner.local.handover import HandoverJob
from orcastra_runner.local.hosts import HostsJob
from orcastra_runner.local.jobs import LocalJob, LocalJobs
from orcastra_runner.local.logs import LogsJob
from orcastra_runner.local.mod_requests import ModRequestsJob
from orcastra_runner.local.mods import ModsJob
from orcastra_runner.local.prune import PruneJob
from orcastra_runner.loop import Loop
from orcastra_runner.rebalance import RebalanceFile, RebalanceJob, plan_balancing
from orcastra_runner.records import Records
from orcastra_runner.report import (
    count,
    plan_data,
    plan_text,
    status_data,
    status_text,
    to_json,
    to_text,
)
from orcastra_runner.settings import Settings, UsageError, unknown_variables
from orcastra_runner.signals import Signals, StopNow
from orcastra_runner.swarm import Swarm, plan_all
from orcastra_runner.version import __version__
from orcastra_runner.watch import Watcher
from orcastra_runner.what_if import forecast_data, forecast_text, forecasts

logger = log.get_logger()


def run(settings: Settings) -> bool:
    """Loop, or do one cycle. Returns whether it went well. Raises ConfigError for a bad configuration."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration = Configuration(settings)
    _warn(settings, configuration)
    connector = _connector()
    signals = Signals()
    signals.install()
    command_file = CommandFile(settings.command_path)
    rebalance_file = RebalanceFile(settings.rebalance_path)
    if settings.run_once:
        command_file.refresh(at_once=True)
    token = settings.read_token()
    records = Records(dry_run=settings.dry_run)
    requests = CommandRequests()
    with ExitStack() as stack:
        work = stack.enter_context(
            _working(settings, configuration.wanted, connector, signals, rebalance_file, records)
        )
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
            if settings.care_hosts is not None and settings.inventory is not None and not settings.dry_run:
                hosts = HostsJob(
                    settings,
                    settings.care_hosts,
                    settings.inventory,
                    stack.enter_context(closing(_playbook_runner(settings, "hosts"))),
                    records,
                    lambda: signals.stop_requested,
                )
            local = _local_jobs(settings, records, hosts)
            if settings.listen is not None:
                stack.callback(_serve(settings, settings.listen, token, records, signals, requests, local))
            local += _handovers(settings, lambda: configuration.wanted, signals, records, stack)
            local_jobs = LocalJobs(local, connector, records)
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
        )
        if settings.run_once:
            return loop.run_once()
        loop.run()
    return True


def show_plan(settings: Settings, *, as_json: bool, why: bool = False) -> bool:
    """Print what would be done now. Returns whether that is anything.

    ``why``: also everything that could be moved to balance memory, and why it is not.
    """
    log.configure(settings.log_format, debug=settings.debug)
    configuration = Configuration(settings)
    rebalance_file = RebalanceFile(settings.rebalance_path)
    wanted, has_inventory = configuration.wanted, settings.inventory is not None
    with closing(Swarm(_connector())) as swarm:
        seen = swarm.see()
        healing = plan_healing(swarm, seen, wanted, has_inventory=has_inventory)
    balancing = plan_balancing(seen, wanted, rebalance_file.in_force)
    plan = plan_all(seen, wanted, settings.max_mismatch_duration) + balancing.plan + healing
    candidates = balancing.candidates if why else None
    if as_json:
        _print(to_json(plan_data(plan, candidates)))
    else:
        _print(plan_text(plan, candidates))
    return not plan.is_empty


def show_forecast(settings: Settings, lose: Sequence[str], add: Sequence[str], *, as_json: bool) -> bool:
    """Print what would happen if nodes were lost or added. Returns whether everything would find a place."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration = Configuration(settings)
    rebalance_file = RebalanceFile(settings.rebalance_path)
    with closing(Swarm(_connector())) as swarm:
        picture = without_doubtful(swarm.see().picture, configuration.wanted)
    memory = measure(picture, rebalance_file.rebalance.sources)
    found = forecasts(picture, configuration.wanted, memory, lose, add)
    data = forecast_data(found, memory)
    _print(to_json(data) if as_json else forecast_text(found, memory))
    return bool(data["survives"])


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Print who leads, the nodes and what is remembered. Needs no configuration."""
    log.configure(settings.log_format, debug=settings.debug)
    with closing(Swarm(_connector())) as swarm:
        seen = swarm.see()
        status = status_data(seen, acts_anywhere=settings.acts_anywhere)
    command_file = CommandFile(settings.command_path)
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
    wanted = _wanted_for(settings, command)
    words = command.words(argument)
    if settings.dry_run:
        _say(f"{words}: would be run; nothing was done")
        return True
    signals = Signals()
    signals.install()
    rebalance_file = RebalanceFile(settings.rebalance_path)
    key = f"id:{id_}" if id_ is not None else f"shell:{uuid4().hex[:12]}"
    runner = CommandRunner("shell")
    result: CommandRecord | None = None
    with _working(settings, wanted, _connector(), signals, rebalance_file) as work:
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


def _wanted_for(settings: Settings, command: Command) -> Wanted:
    """The configuration, or nothing where a command can do without. Raises ConfigError.

    One that is given a node looks up there which address it has: any node can go by any name.
    """
    if command.needs_configuration or (command.argument == "node" and has_configuration(settings)):
        return Configuration(settings).wanted
    return Wanted()


def check_configuration(settings: Settings) -> None:
    """Print what the configuration holds. Raises ConfigError with everything that is wrong with it."""
    configuration = Configuration(settings)
    wanted = configuration.wanted
    present = configuration.present()
    rebalance_file = RebalanceFile(settings.rebalance_path)
    if rebalance_file.is_present:
        present.append(rebalance_file.path)
    files = ", ".join(str(path) for path in present)
    for warning in wanted.warnings:
        _say(f"warning: {warning}")
    _say(
        f"The configuration is valid: {count(len(wanted.nodes), 'node')} and "
        f"{count(len(wanted.dependencies), 'dependency')} in {files}"
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
    wanted: Wanted,
    connector: Callable[[], Engine],
    signals: Signals,
    rebalance_file: RebalanceFile,
    records: Records | None = None,
) -> Iterator[Work]:
    """What jobs and commands work with; it is closed at the end."""
    records = records or Records()
    with ExitStack() as stack:
        swarm = stack.enter_context(
            closing(Swarm(connector, guard=signals.interruptible, on_look=records.saw))
        )
        playbooks = stack.enter_context(closing(_playbook_runner(settings)))

        def should_stop() -> bool:
            records.beat()
            return signals.out_of_time()

        def run_playbook(name: str, variables: Mapping[str, Any] = MappingProxyType({}), /) -> PlaybookResult:
            if signals.stop_requested:
                raise Stopped(f"playbook {name} was not started because we were asked to stop")
            rebalance = {"orcastra_rebalance": dict(rebalance_file.data)}
            values = {**extra_vars(work.wanted, settings), **rebalance, **variables}
            return playbooks.run(name, values, should_stop)

        work = Work(
            swarm=swarm,
            wanted=wanted,
            run_playbook=run_playbook,
            dry_run=settings.dry_run,
            run_on_hosts=None,
            records=records,
        )
        if settings.inventory is not None:
            work.run_on_hosts = _on_hosts(settings, lambda: work.wanted, playbooks, signals, should_stop)
        yield work


def _playbook_runner(settings: Settings, subfolder: str = "") -> PlaybookRunner:
    """``subfolder``: of the artifacts, where another one runs playbooks at the same time.

    Else each would count the other's runs among those that it keeps, even one that is under way.
    """
    folder = settings.artifacts_dir
    return PlaybookRunner(
        timeout=settings.playbook_timeout,
        artifacts_dir=None if folder is None else folder / subfolder,
        keep=settings.keep_artifacts,
        on_line=lambda line: logger.debug("ansible", line=line),
    )


def _on_hosts(
    settings: Settings,
    wanted: Callable[[], Wanted],
    playbooks: PlaybookRunner,
    signals: Signals,
    should_stop: Callable[[], bool],
) -> RunPlaybook:
    """What runs playbooks on the hosts of the user's inventory."""

    def run(name: str, variables: Mapping[str, Any] = MappingProxyType({}), /) -> PlaybookResult:
        if signals.stop_requested:
            raise Stopped(f"playbook {name} was not started because we were asked to stop")
        values = {**extra_vars(wanted(), settings), **variables}
        # which hosts: that is up to the playbook and the inventory
        del values["orcastra_hosts"]
        return playbooks.run(name, values, should_stop, settings.inventory, has_limit=has_limit(name))

    return run


def _serve(
    settings: Settings,
    address: tuple[str | None, int],
    token: str | None,
    records: Records,
    signals: Signals,
    requests: CommandRequests,
    local: Sequence[LocalJob],
) -> Callable[[], None]:
    """Serve page, API and metrics over HTTP. Returns what ends it."""
    # aiohttp takes time and memory that one cycle by itself never needs
    from orcastra_runner.web.guard import Guard  # noqa: PLC0415
    from orcastra_runner.web.server import WebServer  # noqa: PLC0415
    from orcastra_runner.web.site import Site  # noqa: PLC0415

    guard = Guard(token, settings.http_hosts)
    ask_for_mods = next((job.ask for job in local if isinstance(job, ModRequestsJob)), None)
    site = Site(records, signals, requests, guard, ask_for_mods)
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
    settings: Settings, records: Records | None = None, hosts: HostsJob | None = None
) -> list[LocalJob]:
    """The jobs that each instance does for its own node, and ``hosts``, which it does for others."""
    records = records or Records()
    connect_manager = _connector(settings.manager_host) if settings.manager_host else None
    jobs: list[LocalJob] = [LogsJob()]
    if hosts is not None:
        jobs.append(hosts)
    if settings.autoheal_interval_seconds > 0:
        jobs.append(AutohealJob(settings, connect_manager, records=records))
    if settings.prunes:
        jobs.append(PruneJob(settings, connect_manager, records=records))
    if settings.mod_manager_refresh_interval_minutes > 0:
        mods = ModsJob(settings, connect_manager, records=records)
        requests = ModRequestsJob(settings.relabel_time, mods.ask, connect_manager, records)
        if hosts is not None:
            requests.refresh_hosts = hosts.ask_for_mods
        jobs += [mods, requests]
    return jobs


def _handovers(
    settings: Settings,
    wanted: Callable[[], Wanted],
    signals: Signals,
    records: Records,
    stack: ExitStack,
) -> list[LocalJob]:
    """The job that takes what other instances may not do themselves; without an inventory there is none."""
    if settings.inventory is None or settings.dry_run:
        return []
    # beside the loop, which may have a playbook of its own to run meanwhile
    playbooks = stack.enter_context(closing(_playbook_runner(settings)))
    run = _on_hosts(settings, wanted, playbooks, signals, lambda: signals.stop_requested)
    connect_manager = _connector(settings.manager_host) if settings.manager_host else None
    return [HandoverJob(run, _connector(), connect_manager, records)]


def _warn(settings: Settings, configuration: Configuration) -> None:
    """Log at the start what is worth knowing of how we were started."""
    modes = []
    if settings.polling_mode:
        modes.append(f"a look every {settings.relabel_time:g} s")
    if settings.event_mode:
        modes.append("a look at each event")
    mode = "one cycle" if settings.run_once else " and ".join(modes)
    files = [str(path) for path in configuration.present()]
    if settings.dry_run:
        mode += ", plan only"
    logger.info("Orcastra starts", what=mode, version=__version__, files=files)
    for name in configuration.absent():
        logger.warning("a variable names a file that is not there; nothing is read from it", what=name)
    for name in unknown_variables():
        logger.warning("no such setting (`orcastra run --help` lists all of them)", what=name)


def _say(sentence: str) -> None:
    _print(one_line(sentence))


def _print(text: str) -> None:
    # of what got past the renderers, nothing reaches the terminal either; it is the same for what did not
    sys.stdout.write(f"{to_text(text.split(chr(10)))}\n")
    sys.stdout.flush()

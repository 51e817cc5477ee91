# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    AlreadyClaimed,
    CommandRecord,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import one_line, printable
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import NotAManager
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import shortages
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.starter import plan_starter
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural
from orcastra_runner import history, log
from orcastra_runner.application import Application, Ending, connector
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.handover import wait_until_taken
from orcastra_runner.command.rehearsal import rehearse, saved_record
from orcastra_runner.command.results import file_data
from orcastra_runner.command.run import CommandRunner
from orcastra_runner.command.table import Command
from orcastra_runner.configuration import Configuration, has_configuration
from orcastra_runner.doctor import doctor_data, doctor_text, examine, failures
from orcastra_runner.explain import explain
from orcastra_runner.files import Files
from orcastra_runner.heal import plan_healing
from orcastra_runner.heartbeat import Heartbeat
from orcastra_runner.jobs import Stopped, Work
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.places import command_path, rebalance_path
from orcastra_runner.preflight import lacks_configuration, load, other_files, warnings
from orcastra_runner.progress import Progress
from orcastra_runner.read_only import is_unconfigured, show_until_configured
from orcastra_runner.rebalance import RebalanceFile, plan_balancing
from orcastra_runner.report import plan_data, plan_text, status_data, status_text, to_json, to_text
from orcastra_runner.service_report import services_data
from orcastra_runner.service_table import table_data, table_text
from orcastra_runner.settings import DEFAULT_CONFIG_DIR, Settings, UsageError
from orcastra_runner.signals import Signals, StopNow
from orcastra_runner.starter import existing_files, render, write_starter
from orcastra_runner.swarm import Swarm, plan_all
from orcastra_runner.terminal import terminal_of
from orcastra_runner.version import __version__
from orcastra_runner.what_if import forecast_data, forecast_text, forecasts

logger = log.get_logger()


def run(settings: Settings) -> Ending:
    """Run the loop, or one cycle. Without a configuration, only show the swarm until there is one.

    Raises ConfigError if the configuration is not valid.
    """
    log.configure(settings.log_format, debug=settings.debug)
    signals = Signals()
    if is_unconfigured(settings):
        found = show_until_configured(settings, signals)
        if found is None:
            return Ending.SUCCEEDED
        configuration, rebalance_file = found
    else:
        configuration, rebalance_file = load(settings)
    _warn(settings, configuration, rebalance_file)
    files = Files(configuration, rebalance_file, ModsFile(settings.mod_manager_config))
    with Application(settings, files, Heartbeat(settings.state_dir), signals) as application:
        return application.run(configuration)


def show_plan(settings: Settings, *, as_json: bool, explain: bool = False) -> bool:
    """Print the pending changes. Returns whether there are any.

    ``explain``: also print every candidate for a memory-balancing move, with the verdict on it.
    """
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = _load_or_none(settings)
    desired, has_inventory = configuration.desired, settings.inventory is not None
    with closing(Swarm(connector())) as swarm:
        seen = swarm.observe()
        healing = plan_healing(swarm, seen, desired, has_inventory=has_inventory)
    balancing = plan_balancing(seen, desired, rebalance_file.in_effect)
    plan = plan_all(seen, desired, settings.max_mismatch_duration) + balancing.plan + healing
    candidates = balancing.candidates() if explain else None
    short = shortages(seen.snapshot, seen.engine_time or time.time())
    if as_json:
        _print(to_json(plan_data(plan, candidates, short)))
    else:
        _show(plan_text(plan, candidates, short))
    return not plan.is_empty


def show_explanation(settings: Settings, name: str, *, as_json: bool) -> None:
    """Print why a service is where it is, and what would move it. Raises UsageError for an unknown name."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = _load_or_none(settings)
    with closing(Swarm(connector())) as swarm:
        seen = swarm.observe()
    found = explain(settings, seen, configuration.desired, rebalance_file, name)
    if as_json:
        _print(to_json(found.to_data()))
    else:
        _show(found.to_text())


def show_services(settings: Settings, *, as_json: bool) -> None:
    """Print a table of the services. Needs no configuration, but shows anchors and memory with one."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = _load_or_none(settings, quiet=True)
    with closing(Swarm(connector())) as swarm:
        seen = swarm.observe()
    is_measured = rebalance_file.is_present
    memory = measure(seen.snapshot, rebalance_file.rebalance.sources) if is_measured else Memory()
    services = table_data(seen, configuration.desired, memory)
    if as_json:
        _print(to_json({"services": services}))
    else:
        _show(table_text(services))


def show_forecast(settings: Settings, lose: Sequence[str], add: Sequence[str], *, as_json: bool) -> bool:
    """Print the forecast for lost or added nodes. Returns whether every task would have a suitable node."""
    log.configure(settings.log_format, debug=settings.debug)
    configuration, rebalance_file = _load_or_none(settings)
    with closing(Swarm(connector())) as swarm:
        snapshot = without_doubtful(swarm.observe().snapshot, configuration.desired)
    memory = measure(snapshot, rebalance_file.rebalance.sources)
    found = forecasts(snapshot, configuration.desired, memory, lose, add)
    data = forecast_data(found, memory)
    if as_json:
        _print(to_json(data))
    else:
        _show(forecast_text(found, memory))
    return bool(data["survives"])


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Print the leader, the nodes, the services and the saved state. Needs no configuration."""
    log.configure(settings.log_format, debug=settings.debug)
    with closing(Swarm(connector())) as swarm:
        seen = swarm.observe()
        status = status_data(seen, acts_anywhere=settings.acts_anywhere)
    short = shortages(seen.snapshot, seen.engine_time or time.time())
    status["service_list"] = services_data(seen, short)
    command_file = CommandFile(partial(command_path, settings))
    command_file.refresh(at_once=True)
    if command_file.content is not None and (command_file.content.is_known or command_file.content.problems):
        status["commands"]["file"] = str(command_file.path)
        status["commands"]["file_results"] = file_data(command_file.content, seen.state, time.time())
    if as_json:
        _print(to_json(status))
    else:
        _show(status_text(status))


def show_history(settings: Settings, wanted: history.Filter, *, as_json: bool) -> None:
    """Print recent actions of all instances; needs no configuration. Raises UsageError for unknown names."""
    log.configure(settings.log_format, debug=settings.debug)
    with closing(Swarm(connector())) as swarm:
        found = history.choose(swarm.observe(), wanted)
    if as_json:
        _print(to_json(history.actions_data(found)))
    else:
        _show(history.actions_text(found))


def run_command(settings: Settings, command: Command, argument: str | None, id_: str | None) -> bool:
    """Run a command now, whichever node is the leader. Prints the result. Returns whether it succeeded.

    With an ID, the command runs only once, however often and from wherever it is requested.
    """
    log.configure(settings.log_format, debug=settings.debug)
    files = _files_for(settings, command)
    words = command.words(argument)
    key = f"id:{id_}" if id_ is not None else f"shell:{uuid4().hex[:12]}"
    runner = CommandRunner("shell")
    result: CommandRecord | None = None
    with Application(settings, files) as application:
        application.signals.install()
        application.progress = Progress(lambda line: _note(f"{words}: {line}"))
        work = application.work()
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
                result = _wait_for_another_instance(application, work, key) or result
        except AlreadyClaimed as error:
            found = error.record
            if found.command != words:
                raise UsageError(f"the id {id_!r} was used for {found.command}; nothing was done") from error
            _say(
                f"{words}: already {found.status}, not repeated: {found.message or 'there is no result yet'}"
            )
            return found.status == DONE
        except StopNow:
            if result is not None:
                raise Stopped(f"{words}: interrupted; `orcastra status` shows the result") from None
            raise Stopped(f"{words}: not started: Orcastra was asked to stop") from None
    if result.is_running:
        # this host is about to reboot, so waiting for the result is pointless
        _say(f"{words}: {result.message}; `orcastra status` shows the result")
        return True
    _say(f"{words}: {result.status}: {result.message}")
    return result.status == DONE


def _wait_for_another_instance(application: Application, work: Work, key: str) -> CommandRecord | None:
    progress = application.progress
    progress.wait_for("another instance to take the reboot")

    def pause(seconds: float) -> None:
        progress.tick()
        application.signals.pause(seconds)

    try:
        return wait_until_taken(work, key, pause)
    finally:
        progress.wait_for(None)


def _rehearse_command(work: Work, command: Command, argument: str | None, id_: str | None) -> bool:
    """Print the steps of the command. Returns whether it would succeed, as far as check mode can predict."""
    before = saved_record(work, id_)
    if before is not None:
        _say(f"{command.words(argument)}: already {before.status}, not repeated")
        return True
    found = rehearse(work, command, argument)
    _show(to_text(found.lines(command.words(argument))))
    return found.problem is None


def check_configuration(settings: Settings, problems: Sequence[Problem] = (), *, live: bool = False) -> None:
    """Print a summary of the configuration. Raises ConfigError with all errors in it.

    ``problems`` are the errors in environment variables. ``live``: also warn about names that the swarm
    doesn't have, which may raise the errors of the engine.
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
        _complain(str(problem))
    desired = configuration.desired
    _say(
        f"The configuration is valid: {plural(len(desired.nodes), 'node')} and "
        f"{plural(len(desired.dependencies), 'dependency')} in {', '.join(map(str, [*present, *others]))}"
    )
    if live:
        _compare_with_swarm(settings, desired, rebalance_file)


def _compare_with_swarm(settings: Settings, desired: DesiredState, rebalance_file: RebalanceFile) -> None:
    log.configure(settings.log_format, debug=settings.debug)
    with closing(Swarm(connector())) as swarm:
        seen = swarm.observe()
    plan = plan_all(seen, desired, settings.max_mismatch_duration)
    plan += plan_balancing(seen, desired, rebalance_file.in_effect).plan
    known = {str(problem) for problem in desired.warnings}
    found = [str(warning) for warning in plan.warnings if str(warning) not in known]
    for warning in found:
        _complain(warning)
    if found:
        _say(f"Compared with the swarm: {plural(len(found), 'warning')}")
    else:
        _say("Compared with the swarm: all nodes and services in the configuration exist")


def show_doctor(settings: Settings, problems: Sequence[Problem], *, as_json: bool) -> bool:
    """Print whether all prerequisites are met. Returns whether no check failed.

    ``problems`` are the errors in environment variables.
    """
    log.configure(settings.log_format, debug=settings.debug)
    sections = examine(settings, problems)
    if as_json:
        _print(to_json(doctor_data(sections)))
    else:
        _show(doctor_text(sections))
    return failures(sections) == 0


def write_configuration(settings: Settings, output: str | None) -> None:
    """Write a ``swarm.yml`` for the current swarm, or print it if ``output`` is ``-``.

    Raises ConfigError if a configuration already exists, OrcastraError if the file can't be written, and
    the errors of the engine.
    """
    log.configure(settings.log_format, debug=settings.debug)
    path = None if output == "-" else Path(output) if output else settings.config_dir / "swarm.yml"
    if output is None:
        present = existing_files(settings.config_dir)
        if present:
            expected = f"no configuration in {settings.config_dir}, because init never overwrites one"
            found = f"{', '.join(one.name for one in present)} (--output writes to another file)"
            raise ConfigError([Problem(key="", expected=expected, found=found)])
    with closing(Swarm(connector())) as swarm:
        seen = swarm.observe()
        networks = swarm.networks()
    starter = plan_starter(seen.snapshot, seen.state, networks)
    text = render(starter, time.strftime("%Y-%m-%d", time.gmtime(seen.engine_time or time.time())))
    if path is None:
        sys.stdout.write(text)
        return
    desired = write_starter(text, path)
    proposed = f" and {plural(len(starter.proposals), 'proposed anchor')}" if starter.proposals else ""
    _say(f"Wrote {path}: {plural(len(desired.nodes), 'node')}{proposed}. It changes nothing yet.")
    where = "" if path.parent == Path(DEFAULT_CONFIG_DIR) else f" --config {path.parent}"
    _say(f"Next: edit it, then run `orcastra plan{where}` to see what your changes would do.")


def show_schema() -> None:
    """Print the JSON Schema of ``swarm.yml``."""
    _print(to_json(SCHEMA))


def _load_or_none(settings: Settings, *, quiet: bool = False) -> tuple[Configuration, RebalanceFile]:
    """Return the configuration of a command that only shows something; if there is none, an empty one.

    ``quiet``: don't warn about that.
    """
    if not lacks_configuration(settings):
        return load(settings)
    if quiet:
        return load(settings, may_be_missing=True)
    _complain(
        f"there is no configuration in {settings.config_dir}, so this shows the swarm without one. "
        "Next step: run `orcastra init` to write a swarm.yml"
    )
    return load(settings, may_be_missing=True)


def _files_for(settings: Settings, command: Command) -> Files:
    """Return the files that a command from the shell needs. Raises ConfigError."""
    mods = ModsFile(settings.mod_manager_config)
    if command.accepts_removals:
        # the command confirms that a file is missing on purpose
        configuration = Configuration(settings, may_be_missing=True)
        return Files(configuration, RebalanceFile(partial(rebalance_path, settings)), mods)
    # A node can claim any host name; the configured address identifies the right one.
    if command.needs_configuration or (command.argument == "node" and has_configuration(settings)):
        return Files(*load(settings), mods)
    return Files(None, RebalanceFile(partial(rebalance_path, settings)), mods)


def _warn(settings: Settings, configuration: Configuration, rebalance_file: RebalanceFile) -> None:
    """Log how this instance was started, and what may be unintended in its configuration."""
    modes = []
    if settings.polling_mode:
        modes.append(f"reconciling every {settings.relabel_time:g} s")
    if settings.event_mode:
        modes.append("on events" if modes else "reconciling on events")
    mode = "one cycle" if settings.run_once else " and ".join(modes)
    files = [str(path) for path in configuration.present()]
    if settings.dry_run:
        mode += " (dry run)"
    logger.info("orcastra started", summary=mode, version=__version__, files=files)
    for problem in warnings(settings, configuration, rebalance_file):
        logger.warning("configuration warning", summary=str(problem))


def _say(message: str) -> None:
    _show(one_line(message))


def _note(message: str) -> None:
    """Print a line about the progress to the standard error stream, apart from the result."""
    sys.stderr.write(f"{terminal_of(sys.stderr).lay_out([(one_line(message), 'dim')])}\n")
    sys.stderr.flush()


def _complain(warning: str) -> None:
    """Print a warning for people to the standard error stream."""
    line = one_line(f"orcastra: warning: {warning}")
    sys.stderr.write(f"{terminal_of(sys.stderr).show(line)}\n")


def _show(text: str) -> None:
    """Print text for people, as wide and as colorful as the terminal allows."""
    terminal = terminal_of(sys.stdout)
    sys.stdout.write("".join(f"{terminal.show(printable(line))}\n" for line in text.split("\n")))
    sys.stdout.flush()


def _print(text: str) -> None:
    # escapes again, in case a renderer missed something; escaping twice makes no difference
    sys.stdout.write(f"{to_text(text.split(chr(10)))}\n")
    sys.stdout.flush()

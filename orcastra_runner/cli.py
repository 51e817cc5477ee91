# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: options, exit codes and error messages.

Exit codes: 0 success, 1 failure (possibly partial), 2 invalid configuration or usage. With
``--detailed-exitcode`` also 3, changes are pending, and 4, another instance is active.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import one_line, printable
from orcastra_runner.command.table import commands_help
from orcastra_runner.hints import CONNECTION_ERRORS, DOCTOR_HINT
from orcastra_runner.settings import Settings, UsageError, collect_settings, variables_help
from orcastra_runner.terminal import terminal_of
from orcastra_runner.version import __version__

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CHANGES = 3
EXIT_STANDBY = 4

SHELLS = ("bash", "zsh", "fish")

# argparse's messages for unknown names; the quotes differ between releases of Python
_NO_OPTION = "unrecognized arguments: "
_NO_CHOICE = re.compile(r"invalid choice: '?(?P<found>[^']*?)'? \(choose from (?P<known>.*)\)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in ``arguments``, by default those of the process. Returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = build_parser()
    if given[:1] == ["help"]:
        return _help(parser, given[1:])
    if not given:
        parser.print_help(sys.stderr)
        parser.exit(EXIT_USAGE)
    options = parser.parse_args(given)
    debug = getattr(options, "debug", False)
    try:
        settings, problems = collect_settings()
        settings = apply_options(settings, options)
        if problems and not getattr(options, "collects_problems", False):
            raise ConfigError(problems)  # noqa: TRY301 - reported like any other configuration error
        options.problems = problems
        debug = settings.debug
        code: int = options.command(settings, options)
    except ConfigError as error:
        return _fail(EXIT_USAGE, [str(problem) for problem in error.problems], debug=debug)
    except UsageError as error:
        return _fail(EXIT_USAGE, [str(error)], debug=debug)
    except OrcastraError as error:
        hint = [DOCTOR_HINT] if isinstance(error, CONNECTION_ERRORS) else []
        return _fail(EXIT_FAILED, [str(error), *hint], debug=debug)
    except BrokenPipeError:  # `orcastra status | head`
        sys.stderr.close()
        return EXIT_FAILED
    except KeyboardInterrupt:
        return _fail(EXIT_FAILED, ["interrupted"], debug=debug)
    except Exception as error:  # noqa: BLE001 - users get a message, not a traceback
        text = f"unexpected {type(error).__name__}: {error} (set DEBUG=true for a traceback)"
        return _fail(EXIT_FAILED, [text], debug=debug)
    return code


def apply_options(settings: Settings, options: argparse.Namespace) -> Settings:
    """Return the settings with the options of the command line applied."""
    changes: dict[str, Any] = {}
    if options.config is not None:
        changes |= {"config_dir": options.config}
        changes |= dict.fromkeys(
            ("swarm_file", "dependencies_file", "nodes_file", "command_file", "rebalance_config")
        )
    for flag, field in (("once", "run_once"), ("check", "dry_run"), ("debug", "debug")):
        if getattr(options, flag, False):
            changes[field] = True
    if getattr(options, "log_format", None):
        changes["log_format"] = options.log_format
    return replace(settings, **changes)


class Parser(argparse.ArgumentParser):
    """A parser that suggests similar names for unknown ones."""

    def error(self, message: str) -> NoReturn:
        """Exit with the error, and a suggestion if a similar name exists."""
        wrong = _NO_CHOICE.search(message)
        if wrong is not None:
            known = [name.strip().strip("'") for name in wrong["known"].split(",")]
            message += _did_you_mean(wrong["found"], known)
        elif message.startswith(_NO_OPTION):
            option = message.removeprefix(_NO_OPTION).split()[0].partition("=")[0]
            message += _did_you_mean(option, _options(self))
        super().error(message)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import closest  # noqa: PLC0415

    matches = closest(name, known)
    return f"; did you mean {' or '.join(matches)}?" if matches else ""


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the long options of a parser and of its commands."""
    found = set()
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way
        found |= {text for text in action.option_strings if text.startswith("--")}
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for child in action.choices.values():
                found |= _options(child)
    return found


def build_parser() -> argparse.ArgumentParser:
    """Return the parser. It stores the function of the chosen command in ``command``."""
    parser = Parser(
        prog="orcastra",
        description="Keeps a Docker Swarm in its desired state.",
        epilog="Run `orcastra help COMMAND` for the options of a command, and `orcastra help environment` "
        "for all settings. "
        "Exit codes: 0 success, 1 failure (possibly partial), 2 invalid configuration or usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"orcastra {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_reconciliation(commands)
    _add_views(commands)
    _add_actions(commands)
    _add_configuration(commands)
    about = commands.add_parser("help", help="show the help of a command, or `environment` for all settings")
    about.add_argument("topic", nargs="*", metavar="COMMAND|environment")
    return parser


def _add_reconciliation(commands: Any) -> None:
    run = _add(commands, "run", "run the reconciliation loop")
    run.add_argument("--once", action="store_true", help="run one complete cycle, then exit")
    run.add_argument("--check", action="store_true", help="plan only, change nothing")
    run.add_argument("--log-format", choices=("text", "json"), help="format of the log (default: text)")
    run.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help=f"with --once, exit with {EXIT_STANDBY} if another instance is active",
    )
    run.set_defaults(command=_run)

    plan = _add(commands, "plan", "show pending changes, the reason for each, and the alternatives rejected")
    _add_format(plan)
    plan.add_argument(
        "--explain",
        nargs="?",
        const=True,
        default=False,
        metavar="SERVICE",
        help="explain why this service is on its nodes, and what would move it; without SERVICE, also list "
        "every candidate for a memory-balancing move, with the verdict and its reason",
    )
    plan.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help=f"exit with {EXIT_CHANGES} if changes are pending",
    )
    plan.set_defaults(command=_plan)


def _add_views(commands: Any) -> None:
    what_if = _add(commands, "what-if", "show where tasks would run if nodes were lost or added")
    what_if.add_argument(
        "--lose",
        action="append",
        default=[],
        metavar="NODE|any",
        help="remove this node (repeatable); any: remove each host in turn",
    )
    what_if.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="NODE:MEMORY",
        help="add a node with this much memory, such as wrk-d:16GB (repeatable)",
    )
    _add_format(what_if)
    what_if.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help=f"exit with {EXIT_CHANGES} if tasks would have no suitable node or not enough memory",
    )
    what_if.set_defaults(command=_what_if)

    status = _add(commands, "status", "show the leader, the nodes, the services and the saved state")
    status.add_argument("--services", action="store_true", help="show only a table of the services")
    _add_format(status)
    status.set_defaults(command=_status)

    past = _add(commands, "history", "show recent changes to the swarm, and the reason for each")
    past.add_argument("--since", metavar="DURATION", help="only changes of this last time, such as 30m or 2h")
    past.add_argument("--service", metavar="NAME", help="only changes that concern this service")
    past.add_argument("--node", metavar="NAME", help="only changes that concern this node")
    past.add_argument(
        "--limit", type=int, default=50, metavar="N", help="show at most N changes (default: %(default)s)"
    )
    _add_format(past)
    past.set_defaults(command=_history)


def _add_actions(commands: Any) -> None:
    command = _add(commands, "command", "run a command now, without the command file")
    command.add_argument("name", metavar="NAME", help="one of the commands below")
    command.add_argument(
        "argument", metavar="SERVICE|NODE", nargs="?", help="the service or node to run the command on"
    )
    command.add_argument("--id", metavar="ID", help="run the command only once for this ID")
    command.add_argument("--check", action="store_true", help="list the steps without running them")
    command.epilog = f"{commands_help()}\n\n{command.epilog}"
    command.set_defaults(command=_command)

    notify = _add(commands, "notify", "list the targets of notifications, or send a test message to each")
    notify.add_argument(
        "--test",
        action="store_true",
        help=f"send a test message to each target; exit with {EXIT_FAILED} if one fails",
    )
    _add_format(notify)
    notify.set_defaults(command=_notify)

    health = _add(commands, "healthcheck", "check whether the instance on this host is alive")
    health.set_defaults(command=_healthcheck)


def _add_configuration(commands: Any) -> None:
    init = _add(commands, "init", "write a swarm.yml that describes the current swarm")
    init.add_argument(
        "--output",
        metavar="FILE",
        help="file to write, or - to print it (default: swarm.yml in the configuration folder)",
    )
    init.set_defaults(command=_init)

    doctor = _add(commands, "doctor", "check all prerequisites, and show how to fix the missing ones")
    _add_format(doctor)
    doctor.set_defaults(command=_doctor, collects_problems=True)

    completion = commands.add_parser(
        "completion", help="print a script that makes your shell complete commands and options"
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell to print the script for")
    completion.set_defaults(command=_completion, config=None, collects_problems=True)

    config = commands.add_parser("config", help="check the configuration, or print its schema")
    parts = config.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = _add(parts, "check", "check the configuration and list all errors")
    check.add_argument(
        "--live",
        action="store_true",
        help="also compare the names of nodes and services with the swarm",
    )
    check.set_defaults(command=_config_check, collects_problems=True)
    schema = _add(parts, "schema", "print the JSON Schema of swarm.yml, for use in editors")
    schema.set_defaults(command=_config_schema)


def _help(parser: argparse.ArgumentParser, topic: Sequence[str]) -> int:
    """Show the help of a command, or of all settings. Returns the exit code."""
    if list(topic) == ["environment"]:
        sys.stdout.write(f"{variables_help()}\n")
        return EXIT_OK
    # `help command restart_service` shows the help of `command`, which describes all of them
    shown = topic[:1] if topic[:1] == ["command"] else topic
    parser.parse_args([*shown, "--help"])
    return EXIT_OK


def _add(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog="You can also set options with environment variables; see `orcastra help environment`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="DIR",
        help="folder with swarm.yml, or dependencies.yml and nodes.yml; overrides the variables for files",
    )
    parser.add_argument("--debug", action="store_true", help="log debug messages and tracebacks")
    return parser


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="output format (default: text)"
    )


# Each command imports its modules when it runs, so that `orcastra --help` loads neither the Docker SDK nor
# Ansible.


def _run(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.application import Ending  # noqa: PLC0415
    from orcastra_runner.commands import run  # noqa: PLC0415

    ending = run(settings)
    if ending is Ending.STANDBY:
        return EXIT_STANDBY if options.detailed_exitcode else EXIT_OK
    return EXIT_OK if ending is Ending.SUCCEEDED else EXIT_FAILED


def _plan(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import show_explanation, show_plan  # noqa: PLC0415

    if isinstance(options.explain, str):
        if options.detailed_exitcode:
            raise UsageError("plan: expected either --explain SERVICE or --detailed-exitcode, found both")
        show_explanation(settings, options.explain, as_json=options.format == "json")
        return EXIT_OK
    has_steps = show_plan(settings, as_json=options.format == "json", explain=options.explain)
    return EXIT_CHANGES if has_steps and options.detailed_exitcode else EXIT_OK


def _what_if(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import show_forecast  # noqa: PLC0415

    if not options.lose and not options.add:
        raise UsageError("what-if: expected --lose or --add")
    survives = show_forecast(settings, options.lose, options.add, as_json=options.format == "json")
    return EXIT_OK if survives or not options.detailed_exitcode else EXIT_CHANGES


def _status(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import show_services, show_status  # noqa: PLC0415

    if options.services:
        show_services(settings, as_json=options.format == "json")
        return EXIT_OK
    show_status(settings, as_json=options.format == "json")
    return EXIT_OK


def _history(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import show_history  # noqa: PLC0415
    from orcastra_runner.history import Filter, parse_duration  # noqa: PLC0415

    if options.limit < 1:
        raise UsageError(f"--limit: expected at least 1, found {options.limit}")
    since = 0.0 if options.since is None else time.time() - parse_duration(options.since)
    wanted = Filter(since, options.service, options.node, options.limit)
    show_history(settings, wanted, as_json=options.format == "json")
    return EXIT_OK


def _command(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.command.file import parse_words  # noqa: PLC0415
    from orcastra_runner.commands import run_command  # noqa: PLC0415

    command, argument = parse_words(options.name, options.argument, options.id)
    return EXIT_OK if run_command(settings, command, argument, options.id) else EXIT_FAILED


def _notify(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.notify.trial import show_targets, test_targets  # noqa: PLC0415

    show = test_targets if options.test else show_targets
    return EXIT_OK if show(settings, as_json=options.format == "json") else EXIT_FAILED


def _healthcheck(_settings: Settings, _options: argparse.Namespace) -> int:
    from orcastra_runner import healthcheck  # noqa: PLC0415

    return healthcheck.main()


def _config_check(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import check_configuration  # noqa: PLC0415

    check_configuration(settings, options.problems, live=options.live)
    return EXIT_OK


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import show_doctor  # noqa: PLC0415

    is_well = show_doctor(settings, options.problems, as_json=options.format == "json")
    return EXIT_OK if is_well else EXIT_FAILED


def _completion(_settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.completion import completion_script  # noqa: PLC0415

    sys.stdout.write(completion_script(build_parser(), options.shell))
    return EXIT_OK


def _init(settings: Settings, options: argparse.Namespace) -> int:
    from orcastra_runner.commands import write_configuration  # noqa: PLC0415

    write_configuration(settings, options.output)
    return EXIT_OK


def _config_schema(_settings: Settings, _options: argparse.Namespace) -> int:
    from orcastra_runner.commands import show_schema  # noqa: PLC0415

    show_schema()
    return EXIT_OK


def _fail(code: int, messages: Sequence[str], *, debug: bool) -> int:
    terminal = terminal_of(sys.stderr)
    for message in messages:
        sys.stderr.write(f"{terminal.show(f'orcastra: {one_line(message)}')}\n")
    if debug:
        sys.stderr.writelines(f"{printable(line)}\n" for line in traceback.format_exc().splitlines())
    return code

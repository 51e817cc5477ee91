# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference pages of the command line and of commands, from the parser and the table of commands."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator

from orcastra_runner.cli import build_parser
from orcastra_runner.command.table import COMMANDS
from tools.docs.markdown import code, escape, page, sentence, table

INTRODUCTION = """\
Settings that are not options come from [environment variables](environment.md). The codes that the commands
return are in [Exit codes](exit-codes.md)."""
COMMANDS_INTRODUCTION = """\
Run a command from the shell with `orcastra command NAME`, put it into the command file, or send it to
[`POST /commands`](http.md#post-commands)."""


def command_line() -> str:
    os.environ["COLUMNS"] = "100"  # argparse folds the usage at the width of the terminal
    return page("Command line", INTRODUCTION, *sections(build_parser()))


def sections(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the section of a parser, then the sections of its commands."""
    yield f"## {parser.prog}"
    # without "usage: ", and the same width in the other lines
    usage = re.sub(r"^.{7}", "", parser.format_usage(), flags=re.MULTILINE).rstrip()
    yield f"```text\n{usage}\n```"
    if parser.description:
        yield escape(parser.description)
    commands: dict[str, argparse.ArgumentParser] = {}
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            commands.update(action.choices)
        elif not isinstance(action, argparse._HelpAction):
            rows.append([code(_spelling(action)), escape(sentence(action.help or ""))])
    if rows:
        yield table(["Argument", "Meaning"], rows)
    for command in commands.values():
        yield from sections(command)


def _spelling(action: argparse.Action) -> str:
    choices = ",".join(map(str, action.choices or ()))
    value = action.metavar or (f"{{{choices}}}" if choices else action.dest)
    name = ", ".join(action.option_strings)
    if not name:
        return str(value)
    return name if action.nargs == 0 else f"{name} {value}"


def commands() -> str:
    rows = [
        [
            code(command.name),
            code(command.argument or ""),
            escape(sentence(command.help)),
            "over SSH" if command.on_hosts else "on the active instance",
        ]
        for command in COMMANDS.values()
    ]
    return page("Commands", COMMANDS_INTRODUCTION, table(["Command", "Argument", "Effect", "Runs"], rows))

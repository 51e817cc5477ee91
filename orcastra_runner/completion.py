# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra completion``: a script that makes a shell complete commands, options, files and folders."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

from orcastra_runner.command.table import COMMANDS

# options whose value is a path, by their destination
_PATHS = {"config": shtab.DIRECTORY, "output": shtab.FILE}


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for a shell. ``parser`` must be a new one, because it is changed."""
    for action in _actions(parser):
        if action.option_strings and action.dest in _PATHS:
            action.complete = _PATHS[action.dest]  # type: ignore[attr-defined]
        if action.dest == "name" and not action.option_strings:
            action.choices = list(COMMANDS)
    return f"{shtab.complete(parser, shell).rstrip()}\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the actions of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for child in action.choices.values():
                yield from _actions(child)

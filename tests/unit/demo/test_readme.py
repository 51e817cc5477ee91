# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README says of variables, configuration, commands and files is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from orcastra_runner.cli import build_parser
from orcastra_runner.settings import VARIABLES
from tests.lab.__main__ import _parser as lab_parser

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """The arguments of each command line in the README that starts with this program."""
    lines = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
    lines += re.findall(r"^\| `(orcastra [^`]*)`", README, re.MULTILINE)
    pattern = re.compile(rf"\s*(?:[$#] )?(?:[A-Z_]+=\S+ )*(?:\S*/)?{re.escape(program)}(?: (.*))?")
    return [
        shlex.split(match[1] or "", comments=True) for line in lines if (match := pattern.fullmatch(line))
    ]


def test_each_variable_has_its_row() -> None:
    rows = re.findall(r"^\| `[A-Z_]+` \|.*\|$", README, re.MULTILINE)
    defaults = {
        variable.name: f"`{variable.shown_default}`" if variable.shown_default else "–"
        for variable in VARIABLES
    }
    assert rows == [
        f"| `{variable.name}` | {defaults[variable.name]} | {variable.help} |" for variable in VARIABLES
    ]


def test_the_configurations_are_valid(tmp_path: Path) -> None:
    found = [text for kind, text in BLOCKS if kind == "yaml" and "nodes" in (yaml.safe_load(text) or {})]
    assert len(found) >= 3
    for text in found:
        (tmp_path / "swarm.yml").write_text(text, encoding="utf-8")
        assert load_configuration(ConfigFiles.in_directory(tmp_path), stack_name="apps").nodes


def test_the_commands_of_the_runner_exist() -> None:
    found = commands("orcastra")
    assert len(found) > 8
    for arguments in found:
        if arguments[-1:] == ["&"]:
            arguments.pop()
        build_parser().parse_args(arguments)


def test_the_commands_of_the_lab_exist() -> None:
    found = commands("python -m tests.lab")
    assert len(found) > 4
    for arguments in found:
        lab_parser().parse_args(arguments)


def test_the_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    found = {arguments[0] for arguments in commands("make")} | set(re.findall(r"`make ([a-z-]+)`", README))
    assert len(found) > 6
    assert found <= targets


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_linked_files_exist(target: str) -> None:
    assert (ROOT / target).is_file()

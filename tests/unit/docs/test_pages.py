# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands and configurations in README.md, SECURITY.md and docs/ are correct."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from orcastra_runner.cli import build_parser
from tests.lab.__main__ import _parser as lab_parser

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXEMPT = "<!-- not checked:"

Block = tuple[str, str, str]


def blocks(page: Path) -> list[Block]:
    """The comment before each code block of a page, its language and its text."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"(<!--[^\n]*-->)?\n *```(\w+)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [(comment, kind, body) for comment, kind, body in found]


BLOCKS = {page.relative_to(ROOT).as_posix(): blocks(page) for page in PAGES}
LINES = [
    line
    for found in BLOCKS.values()
    for comment, kind, body in found
    if kind == "console" and not comment.startswith(EXEMPT)
    for line in body.splitlines()
]


def commands(program: str) -> list[list[str]]:
    """The arguments of each command line that starts with this program."""
    pattern = re.compile(rf"\s*[$#] (?:[A-Z_]+=\S+ )*(?:\S*/)?{re.escape(program)}(?: (.*))?")
    return [
        shlex.split(match[1] or "", comments=True) for line in LINES if (match := pattern.fullmatch(line))
    ]


def test_configurations_are_valid(tmp_path: Path) -> None:
    found = [
        body
        for page in ("README.md", "docs/getting-started.md", "docs/running/control-node.md")
        for _comment, kind, body in BLOCKS[page]
        if kind == "yaml" and "nodes" in (yaml.safe_load(body) or {})
    ]
    assert len(found) >= 3
    for text in found:
        (tmp_path / "swarm.yml").write_text(text, encoding="utf-8")
        assert load_configuration(ConfigFiles.in_directory(tmp_path), stack_name="apps").nodes


def test_commands_of_runner_exist() -> None:
    found = commands("orcastra")
    assert len(found) > 20
    for arguments in found:
        if arguments[-1:] == ["&"]:
            arguments.pop()
        try:
            build_parser().parse_args(arguments)
        except SystemExit as ended:
            # --help ends with 0
            assert ended.code == 0, arguments  # noqa: PT017 - several lines are checked


def test_commands_of_lab_exist() -> None:
    found = commands("python -m tests.lab")
    assert len(found) >= 4
    for arguments in found:
        lab_parser().parse_args(arguments)


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    found = {arguments[0] for arguments in commands("make")}
    assert {"demo", "demo-down", "test", "build"} <= found
    assert found <= targets


def test_playbooks_exist() -> None:
    found = {arguments[0] for arguments in commands("ansible-playbook")}
    assert len(found) > 3
    names = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert {name.removeprefix("orcastra.swarm.") for name in found if "/" not in name} <= names

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages in the troubleshooting tables of the guides are messages of Orcastra."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.documents import ROOT

GUIDES = sorted(ROOT.glob("docs/guides/*.md"))
_FIELD = re.compile(r"\{[^{}]*\}")
_JOINTS = re.compile(r"…|(?<=\bexpected )|, (?=found\b)")


def quoted(path: Path) -> list[str]:
    """The messages in the first column of tables whose heading is ``Message``."""
    text = path.read_text(encoding="utf-8")
    tables = re.findall(r"^\| Message \|.*\n\|[-|]+\n((?:\|.*\n?)+)", text, re.MULTILINE)
    cells = [row.split(" | ")[0] for table in tables for row in table.splitlines()]
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


@cache
def printed() -> str:
    """All text that Orcastra can print, one string per line, without the values in it."""
    found = [text for path in _sources() for text in _strings(path)]
    found += [path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/tasks/*.yml")]
    return "\n".join(_FIELD.sub("…", text) for text in found)


def _sources() -> Iterator[Path]:
    yield from (ROOT / "plugins").rglob("*.py")
    yield from (ROOT / "orcastra_runner").rglob("*.py")


def _strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guide_quotes_messages_that_exist(path: Path) -> None:
    parts = [part.strip(" :;,.") for message in quoted(path) for part in _JOINTS.split(message)]
    missing = [part for part in parts if len(part) > 3 and part not in printed()]
    assert missing == []


def test_guides_quote_messages() -> None:
    assert sum(len(quoted(path)) for path in GUIDES) > 25

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages that the troubleshooting page quotes are the ones that Orcastra prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/operations/troubleshooting.md").read_text(encoding="utf-8")
SYMPTOMS = re.findall(r"^\| (?!Symptom|-)(.*?) \| .* \| .* \|$", PAGE, re.MULTILINE)
MESSAGES = [message for symptom in SYMPTOMS for message in re.findall(r"`([^`]+)`", symptom)]
# names that appear in a symptom without being a message
NAMES = {"POST /commands", "state_dir", "id"}
_FIELD = re.compile(r"\{[^{}]*\}")
# values, and the words that join the parts of an error about the configuration
_JOINT = re.compile(r" ?… ?|(?:\S+: )?\bexpected |, found ")


def _strings(path: Path) -> Iterator[str]:
    """The string literals of a Python file, with `…` for each value that is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _FIELD.sub("…", node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield "".join(parts)


@cache
def printed() -> str:
    """Everything that Orcastra can print."""
    found = [
        text
        for folder in ("plugins", "orcastra_runner")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in _strings(path)
    ]
    for pattern in ("roles/*/tasks/*.yml", "playbooks/*.yml", "container/*"):
        found += [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern))]
    return "\n".join(found)


def test_page_lists_many_symptoms() -> None:
    assert len(SYMPTOMS) >= 25
    assert len(MESSAGES) >= 25


@pytest.mark.parametrize("message", sorted({*MESSAGES} - NAMES))
def test_page_quotes_real_messages(message: str) -> None:
    missing = [part for part in _JOINT.split(message) if len(part) > 3 and part not in printed()]
    assert missing == []

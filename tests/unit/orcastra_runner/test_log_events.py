# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log events are constant; the data is in their fields."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import orcastra_runner

FOLDER = Path(orcastra_runner.__file__).parent
LEVELS = {"debug", "info", "warning", "error"}


def is_log(node: ast.expr) -> bool:
    """Whether it is the logger: ``log``, ``logger`` or ``get_logger()``."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "get_logger"
    return isinstance(node, ast.Name) and node.id in ("log", "logger")


def dynamic_events(source: str) -> Iterator[int]:
    """Yield the lines whose event is not a constant in lower case."""
    tree = ast.parse(source)
    good = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
            event = node.args[0].value
            if isinstance(event, str) and event == event.lower() and not set(event) & set(":;{}"):
                good.add(id(node.func))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in LEVELS and is_log(node.value):
            if id(node) not in good:
                yield node.lineno


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_events_are_constant(path: Path) -> None:
    assert list(dynamic_events(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "log.info(role)",
        "log.info(str(error))",
        'log.warning(f"job {name} failed")',
        'log.info("done" if done else "failed")',
        'log.error("failed: " + text)',
        'log.info("{} failed".format(name))',
        'log.info("%s failed", name)',
        "write = log.error if failed else log.info",
        "get_logger().warning(first_line(text))",
        'log.info("A sentence")',
        'log.info("moved: a service")',
        'log.info(event="moved")',
    ],
)
def test_dynamic_events_finds_them(source: str) -> None:
    assert set(dynamic_events(source)) == {1}


def test_dynamic_events_accepts_constants_with_fields() -> None:
    assert list(dynamic_events('log.info("service moved", summary=step.summary, **fields)')) == []

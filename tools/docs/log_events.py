# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference page of log events, from the calls of the logger in the runner's code."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tools.docs.markdown import code, page, table

RUNNER = Path(__file__).resolve().parents[2] / "orcastra_runner"
LEVELS = ("debug", "info", "warning", "error")
INTRODUCTION = """\
Each line of the log has a constant event, which you can search for, and fields with the details. With
`ORCASTRA_LOG_FORMAT=json`, the event is in the field `event` and the level in `level`. Events about steps
also have fields such as `action`, `target` and `why`. The level `debug` is logged only with `DEBUG=true`."""


def log_events() -> str:
    levels: dict[str, set[str]] = defaultdict(set)
    fields: dict[str, set[str]] = defaultdict(set)
    for event, level, names in calls():
        levels[event].add(level)
        fields[event] |= names
    rows = [
        [
            code(event),
            ", ".join(level for level in LEVELS if level in levels[event]),
            ", ".join(code(name) for name in sorted(fields[event])) or "–",
        ]
        for event in sorted(levels)
    ]
    return page("Log events", INTRODUCTION, table(["Event", "Level", "Fields"], rows))


def calls() -> Iterator[tuple[str, str, set[str]]]:
    """Yield event, level and names of fields of each call of the logger."""
    for path in sorted(RUNNER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and _is_logger(node.func.value)
                and isinstance(node.args[0], ast.Constant)
            ):
                names = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                yield str(node.args[0].value), node.func.attr, names


def _is_logger(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "get_logger"
    return isinstance(node, ast.Name) and node.id in ("log", "logger")

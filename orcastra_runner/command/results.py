# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of commands: for the results file next to the command file, and for ``orcastra status``."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import (
    iso_time,
    record_data,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable
from orcastra_runner.command.file import Content, Entry
from orcastra_runner.log import get_logger

# statuses of an entry of the file, in addition to those of a record
WAITING = "waiting"
EXPIRED = "expired"
MALFORMED = "malformed"

log = get_logger()


def entry_data(entry: Entry, state: State, now: float) -> dict[str, Any]:
    """Return the result of an entry of the file, as plain data."""
    place: dict[str, Any] = {"line": entry.line} if entry.line is not None else {}
    place |= {"id": entry.id} if entry.id is not None else {}
    record = state.commands.get(entry.key)
    if record is None:
        status = EXPIRED if entry.has_expired(now) else WAITING
        result: dict[str, Any] = {"command": entry.words, "status": status}
        if status == EXPIRED and entry.expires is not None:
            result["message"] = f"not run: expired at {iso_time(entry.expires)}"
    elif record.command != entry.words:
        message = f"not run: the id {entry.id!r} was used for {record.command} at {iso_time(record.started)}"
        result = {"command": entry.words, "status": MALFORMED, "message": message}
    else:
        result = record_data(record)
    return {"command": result.pop("command"), **place, **result}


def file_data(content: Content, state: State, now: float) -> list[dict[str, Any]]:
    """Return the results of all entries of the file, in its order, followed by the errors in it."""
    results = [entry_data(entry, state, now) for entry in content.entries]
    for problem in content.problems:
        place = {"line": problem.line} if problem.line is not None else {}
        results.append({**place, "status": MALFORMED, "message": str(problem)})
    return results


def status_lines(commands: Mapping[str, Any]) -> list[str]:
    """Return the commands of the status as text; an empty list if there are none.

    ``commands`` has ``results`` and, if there is a command file, ``file_results``.
    """
    lines = [_line(result) for result in commands["results"]]
    pending = [
        result
        for result in commands.get("file_results", ())
        if result["status"] in (WAITING, EXPIRED, MALFORMED)
    ]
    lines += [_line(result) for result in pending]
    return ["", "Commands:", *lines] if lines else []


def write_results(command_file: Path, results: list[dict[str, Any]]) -> None:
    """Write the results next to the command file, atomically, unless they are unchanged.

    Raises OSError if that fails.
    """
    path = results_path(command_file)
    head = f"# Results of the commands in {command_file.name}; Orcastra writes this file and never reads it\n"
    text = head + yaml.safe_dump(
        [_shown(result) for result in results], sort_keys=False, allow_unicode=True, width=110
    )
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8") == text:
            return
    mode = command_file.stat().st_mode & 0o666 if command_file.exists() else 0o644
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _shown(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result for a file that people read in a terminal."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in result.items()}


def results_path(command_file: Path) -> Path:
    """Return ``swarm-orch.command.results.yml`` for ``swarm-orch.command.yml``."""
    stem = command_file.name.removesuffix(".yml").removesuffix(".yaml")
    return command_file.with_name(f"{stem}.results.yml")


def _line(result: Mapping[str, Any]) -> str:
    parts = [str(result["command"])] if "command" in result else []
    if "id" in result:
        parts.append(f"(id {result['id']})")
    head = f"{' '.join(parts)}: " if parts else ""
    moment = result.get("finished_at") or result.get("started_at")
    when = f" at {moment} on {result['by']}" if moment else ""
    message = f": {result['message']}" if "message" in result else ""
    return f"  {head}{result['status']}{when}{message}"

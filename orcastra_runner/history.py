# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recent actions of all instances, from the saved state: for the API and ``orcastra history``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model import history
from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import iso_time
from ansible_collections.orcastra.swarm.plugins.module_utils._model.history import SavedAction, in_order
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import RUNNING, CommandRecord, State
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import closest
from orcastra_runner.report import to_text
from orcastra_runner.settings import UsageError
from orcastra_runner.status import Action, command_summary

COMMAND = "command"
# An instance knows of an action of its playbooks only at the end of the playbook.
SAME_SECONDS = 600.0

_DURATION = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Filter:
    """Which actions to show. ``since`` is in seconds since the epoch; ``limit`` is the largest number."""

    since: float = 0.0
    service: str | None = None
    node: str | None = None
    limit: int = 50


def parse_duration(text: str) -> float:
    """Return the seconds of ``90s``, ``30m``, ``2h`` or ``7d``. Raises UsageError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--since: expected a duration such as 30m, 2h or 7d, found {text}")
    return float(match["number"]) * _UNIT_SECONDS[match["unit"]]


def saved_actions(state: State) -> list[SavedAction]:
    """Return the saved actions and the finished commands, newest first."""
    commands = [_command(record) for record in state.commands.values() if record.status != RUNNING]
    return in_order([*state.actions.values(), *commands])


def _command(record: CommandRecord) -> SavedAction:
    return SavedAction(
        at=record.started if record.finished is None else record.finished,
        action=COMMAND,
        target=record.command.partition(" ")[2],
        summary=command_summary(record),
        result=record.status,
        why=(Reason("command_requested", source=record.source),),
        error="" if record.status == history.DONE else record.message,
    )


def choose(seen: Observation, wanted: Filter) -> list[SavedAction]:
    """Return the saved actions that pass the filter. Raises UsageError for an unknown name."""
    found = saved_actions(seen.state)
    for option, name, known in (
        ("--service", wanted.service, [service.name for service in seen.snapshot.services]),
        ("--node", wanted.node, [node.hostname for node in seen.snapshot.nodes]),
    ):
        if name is not None:
            found = [action for action in found if _mentions(action, name)]
            if not found and name not in known:
                raise UsageError(f"{option}: {_unknown(name, known)}")
    return [action for action in found if action.at >= wanted.since][: wanted.limit]


def _mentions(action: SavedAction, name: str) -> bool:
    """Whether the action is about this service or node."""
    return (
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", f"{action.target} {action.summary}") is not None
    )


def _unknown(name: str, known: Iterable[str]) -> str:
    matches = closest(name, known)
    hint = f"; did you mean {' or '.join(matches)}?" if matches else ""
    return f"expected a name in the swarm or in the history, found {name}{hint}"


def actions_data(actions: Iterable[SavedAction]) -> dict[str, Any]:
    """Return actions as plain data."""
    return {
        "actions": [
            {
                "ended_at": iso_time(action.at),
                "action": action.action,
                "target": action.target,
                "summary": action.summary,
                "result": action.result,
                "why": [reason.to_data() for reason in action.why],
                "error": action.error or None,
            }
            for action in actions
        ]
    }


def actions_text(actions: Sequence[SavedAction]) -> str:
    """Return actions as text, one line each and a line for each reason."""
    if not actions:
        return "No actions are recorded."
    lines = []
    for action in actions:
        lines.append(f"{iso_time(action.at)}  {action.result:<6}  {action.summary}")
        lines += [f"       reason: {reason}" for reason in action.why]
        lines += [f"       error: {action.error}"] if action.error else []
    return to_text(lines)


def unknown_to(own: Iterable[Action], saved: Iterable[SavedAction]) -> list[SavedAction]:
    """Return the saved actions that are not among an instance's ``own``."""
    left = [action for action in own if action.summary]
    others = []
    for action in saved:
        match = next((one for one in left if _is_same(one, action)), None)
        if match is None:
            others.append(action)
        else:
            left.remove(match)
    return others


def _is_same(own: Action, saved: SavedAction) -> bool:
    summaries = (own.summary[: history.MAX_CHARACTERS], saved.summary[: history.MAX_CHARACTERS])
    return (
        summaries[0] == summaries[1]
        and own.result == saved.result
        and abs(own.ended_at - saved.at) <= SAME_SECONDS
    )

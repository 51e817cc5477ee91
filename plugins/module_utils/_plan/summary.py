# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Summarize the results of modules: for the last task of a playbook, and for waits until moves have ended.

This works with results as the roles register them, because it runs on the control node.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._model.compat import dataclass
from .._model.reasons import text_of
from .._model.text import printable

# how many similar lines to show; the results contain all of them
MAX_LINES = 10

NOTHING = "Nothing to change."
# with warnings, because something may need a change
NOTHING_DONE = "Nothing was changed."
MORE_TO_DO = "run the playbook again to finish the moves, or wait for them with orcastra_wait=true"

EVICTION = "Swarm is moving tasks from nodes that have lost a label"

# notes on moves that are under way, in the results of all planners
MOVING = frozenset(
    {
        "leader_forgot",
        "leader_unheard",
        "move_continues_later",
        "move_stops_service",
        "move_under_way",
        "move_waits_for_old_task",
        "move_waits_for_update",
        "move_watched",
        "orphan_waits_for_update",
    }
)
# notes that hold until a move has ended
UNTIL_MOVED = frozenset({"anchor_label_kept"})
# notes on moves that begin later
DUE = frozenset({"misplaced_until_retry", "misplaced_until_stopped", "misplaced_until_updated"})
# notes on other things that the next runs do
LATER = frozenset(
    {
        "constraints_wait_for_tasks",
        "constraints_wait_for_update",
        "record_removed_later",
        "restart_waits",
    }
)
# steps that are complete as soon as they are applied
COMPLETE = frozenset({"repair_state", "restart_service"})

# the results of the roles that can wait for moves
MOVERS = ("anchors_result", "rebalance_result")


@dataclass(frozen=True, slots=True)
class Part:
    """A role's part of the summary.

    ``variables``: those in which it registers results, in order; the value can be a list of results.
    ``by_host``: whether the lines need the name of the host. Other results are those of the acting host, or
    name the host themselves.
    """

    title: str
    variables: tuple[str, ...]
    by_host: bool = False


PARTS: Mapping[str, Part] = {
    "anchors": Part("Anchors and followers", ("anchors_result", "anchors_cycles")),
    "autoheal": Part("Containers", ("autoheal_result", "autoheal_restarted"), by_host=True),
    "heal": Part(
        "Membership and settings",
        ("heal_unlocked", "heal_step", "heal_joined", "heal_result", "heal_labels"),
    ),
    "label_sync": Part("Node labels", ("label_sync_result",)),
    "log_rotate": Part("Log files", ("log_rotate_result",), by_host=True),
    "mods": Part("Mods", ("mods_result",), by_host=True),
    "node_drain": Part("Availability", ("node_drain_result",)),
    "node_exporter": Part("Node exporter", ("node_exporter_result",)),
    "prune": Part("Containers, images and volumes", ("prune_result",), by_host=True),
    "rebalance": Part("Memory balance", ("rebalance_result", "rebalance_cycles")),
    "remove_labels": Part("Constraints and labels", ("remove_labels_constraints", "remove_labels_result")),
    "service_restart": Part("Services", ("service_restart_result",)),
}


def summarize(
    variables: Mapping[str, Mapping[str, Any]],
    roles: Sequence[str],
    hosts: Sequence[str],
    missing: Sequence[str] = (),
    *,
    check_mode: bool = False,
) -> list[str]:
    """Return the lines of the summary. Raises KeyError for an unknown role.

    ``variables``: host → its variables, for each of ``hosts``. ``missing``: the hosts that have dropped out.
    """
    found = {role: _lines(variables, PARTS[role], hosts, check_mode) for role in roles}
    ran = [role for role in roles if any(_results(variables[host], PARTS[role].variables) for host in hosts)]
    lines: list[str] = []
    seen: set[_Line] = set()
    for role, part_lines in found.items():
        # all of these roles report the moves under way: only the last one knows how they went
        new = [line for line in part_lines if line not in seen and (role == ran[-1] or not line.is_moving)]
        seen.update(new)
        if new:
            lines += [f"{PARTS[role].title}:", *_shown(new)]
    if all(line.is_quiet for line in seen):
        lines.insert(0, NOTHING_DONE if any(line.kind == "Warning" for line in seen) else NOTHING)
    if missing:
        lines.append(f"Without {', '.join(missing)}: unreachable, failed or skipped; see the output above")
    return lines


def pending_moves(result: Mapping[str, Any]) -> list[str]:
    """Return what still moves after a run of a module, as text; empty if all moves have ended.

    A step only begins, continues or ends a move. Only the next run knows how it went.
    """
    if result.get("requeue_after") is None:
        return []
    begun = [str(step["summary"]) for step in result.get("plan") or () if step["action"] not in COMPLETE]
    notes = _reasons(result, "notes")
    under_way = [text for code, text in notes if code in MOVING | DUE]
    if not begun and not under_way and not any(code in LATER for code, _text in notes):
        # only evictions have neither a step nor a note
        under_way = [EVICTION]
    return list(dict.fromkeys(begun + under_way))


@dataclass(frozen=True, slots=True)
class _Line:
    kind: str
    host: str
    text: str
    is_moving: bool = False

    @property
    def is_quiet(self) -> bool:
        return self.kind in ("Not changed", "Warning")

    def __str__(self) -> str:
        return f"{self.kind}{' on ' + self.host if self.host else ''}: {self.text}"


def _lines(
    variables: Mapping[str, Mapping[str, Any]], part: Part, hosts: Iterable[str], check_mode: bool
) -> list[_Line]:
    """Return the lines of one part, changes first. Each line occurs once."""
    found: list[_Line] = []
    for host in hosts:
        results = _results(variables[host], part.variables)
        last = dict(results)
        name = host if part.by_host else ""
        for variable, result in results:
            # of several runs of a module, only the notes of the last one are current
            found += _of_result(result, name, check_mode, is_last=result is last[variable])
        has_waited = any(variables[host].get(name.replace("_result", "_cycles")) for name in last)
        if (
            not check_mode
            and not has_waited
            and any(pending_moves(last[name]) for name in MOVERS if name in last)
        ):
            found.append(_Line("Pending", "", MORE_TO_DO, is_moving=True))
    return sorted(dict.fromkeys(found), key=lambda line: _ORDER.index(line.kind))


_ORDER = ("Changed", "Would change", "Failed", "Pending", "Not changed", "Warning")


def _of_result(result: Mapping[str, Any], host: str, check_mode: bool, *, is_last: bool) -> Iterable[_Line]:
    if result.get("unreachable"):
        return
    if result.get("failed"):
        yield _Line("Failed", host, printable(str(result.get("msg") or "no reason given")))
        return
    done = "Would change" if check_mode else "Changed"
    if result.get("changed") and "plan" not in result:
        # the module that manages one file
        yield _Line(done, host, printable(f"write {result.get('path', 'a file')}"))
    for step in result.get("plan") or ():
        why = "; ".join(text for _code, text in _reasons(step, "why"))
        yield _Line(done, host, f"{step['summary']}. Reason: {why}" if why else str(step["summary"]))
    for _code, text in _reasons(result, "warning_reasons"):
        yield _Line("Warning", host, text)
    if not is_last:
        return
    for code, text in _reasons(result, "notes"):
        kind = "Pending" if code in MOVING | DUE | LATER else "Not changed"
        yield _Line(kind, host, text, is_moving=code in MOVING | UNTIL_MOVED)


def _results(variables: Mapping[str, Any], names: Iterable[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the results and their variables, without the results of skipped and censored tasks."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name in names:
        value = variables.get(name)
        for result in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(result, Mapping) and not result.get("skipped") and "censored" not in result:
                # the cycles of a wait continue the first result
                found.append((name.replace("_cycles", "_result"), result))
    return found


def _reasons(data: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    """Return code and text of each reason."""
    found = data.get(key) or ()
    return [(str(one.get("code", "")) if isinstance(one, Mapping) else "", text_of(one)) for one in found]


def _shown(lines: Sequence[_Line]) -> list[str]:
    """Return the lines as text. Of each kind and host, only the first ones."""
    shown: list[str] = []
    counts: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line.kind, line.host)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MAX_LINES:
            shown.append(f"- {line}")
    for (kind, host), count in counts.items():
        if count > MAX_LINES:
            place = f" on {host}" if host else ""
            shown.append(f"- {kind}{place}: {count - MAX_LINES} more; -v shows all of them")
    return shown

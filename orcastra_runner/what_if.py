# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra what-if``: forecasts where tasks would run if nodes were lost or added, from a live snapshot."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.forecast import (
    Fate,
    Forecast,
    HostForecast,
    NewNode,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import find_nodes, node_hint
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.what_if import lose_any, what_if
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import (
    format_bytes,
    join,
    plural,
)
from orcastra_runner.report import to_text
from orcastra_runner.settings import UsageError

ANY = "any"
GIB = 1024**3

_NEW_NODE = re.compile(
    r"(?P<name>[\w.-]+):(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[kmgt]?)(?:i?b)?", re.IGNORECASE
)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def forecasts(
    snapshot: SwarmSnapshot, desired: DesiredState, memory: Memory, lose: Sequence[str], add: Sequence[str]
) -> tuple[Forecast, ...]:
    """Return the forecasts for the options of the command line: one, or with ``any`` one for each host.

    Raises UsageError for an unknown node, or a new node that is not written as ``NODE:MEMORY``.
    """
    groups = resolve_anchor_groups(snapshot, desired)
    now = time.time()
    if ANY in lose:
        if len(lose) > 1 or add:
            raise UsageError("--lose any: expected no other --lose or --add")
        return lose_any(snapshot, groups, memory, now, storage=desired.storage)
    like = next((node for node in snapshot.nodes if node.is_ready), None)
    new = [_new_node(text, like, snapshot) for text in add]
    for number, node in enumerate(new):
        if node.hostname in {other.hostname for other in new[:number]}:
            raise UsageError(f"--add {add[number]}: expected each name once")
    lost = _nodes(snapshot, desired, lose)
    return (what_if(snapshot, groups, memory, now, lose=lost, add=new, storage=desired.storage),)


def _nodes(snapshot: SwarmSnapshot, desired: DesiredState, names: Iterable[str]) -> list[Node]:
    found = []
    for name in dict.fromkeys(names):
        namesakes = find_nodes(snapshot, name, desired)
        if not namesakes:
            known = ", ".join(sorted(snapshot.nodes_by_hostname))
            hint = node_hint(snapshot, name)
            raise UsageError(f"--lose {name}: expected any, or a node of this swarm ({known}){hint}")
        # a node that rejoined the swarm leaves its old entry behind
        found += [node for node in namesakes if node.is_ready] or list(namesakes)
    return found


def _new_node(text: str, like: Node | None, snapshot: SwarmSnapshot) -> NewNode:
    match = _NEW_NODE.fullmatch(text)
    if match is None or not float(match["number"]):
        raise UsageError(f"--add {text}: expected a name and its memory, such as wrk-d:16GB")
    name = match["name"]
    if any(node.is_ready for node in snapshot.nodes_by_hostname.get(name, ())):
        raise UsageError(f"--add {text}: the swarm already has a node {name}")
    size = int(float(match["number"]) * _UNITS[match["unit"].lower()])
    return NewNode(hostname=name, memory_bytes=size, like=like)


def forecast_data(found: Sequence[Forecast], memory: Memory) -> dict[str, Any]:
    """Return the forecasts as plain data."""
    return {
        "survives": all(forecast.is_survived for forecast in found),
        "memory_is_known": bool(memory.nodes),
        "problems": list(map(str, memory.problems)),
        "forecasts": [
            {
                "survives": forecast.is_survived,
                "worse": sorted({fate.service for fate in forecast.worse}),
                "better": sorted({fate.service for fate in forecast.better}),
                "waiting": list(forecast.waiting),
                **forecast.to_data(),
            }
            for forecast in found
        ],
    }


def forecast_text(found: Sequence[Forecast], memory: Memory) -> str:
    """Return the forecasts as text."""
    lines: list[str] = []
    for forecast in found:
        lines += [*_lines(forecast), ""]
    if len(found) > 1:
        weak = [", ".join(forecast.lost) for forecast in found if not forecast.is_survived]
        verdict = f"No, not {join(weak, 'or')}" if weak else "Yes"
        lines.append(f"Can this swarm lose any one host? {verdict}.")
    waiting = sorted({service for forecast in found for service in forecast.waiting})
    if waiting:
        lines.append(f"Already pending: {', '.join(waiting)}.")
    if not memory.nodes:
        lines.append("No memory measurements are available, so the forecast can't consider memory.")
    lines += [f"warning: {problem}" for problem in memory.problems]
    return to_text(lines).rstrip()


def _lines(forecast: Forecast) -> list[str]:
    parts = [
        f"{_names(names)} {done}"
        for names, done in ((forecast.lost, "lost"), (forecast.added, "added"))
        if names
    ]
    down = f" ({_names(forecast.down)} already down)" if forecast.down else ""
    lines = [f"If {' and '.join(parts) or 'nothing changes'}{down}:"]
    # tasks that are already pending are listed only if that changes, or if a new node could change it
    shown = [fate for fate in forecast.fates if fate.to or fate.is_worse or forecast.added]
    lines += [f"  {_fate(fate)}" for fate in shown]
    for fate in shown:
        lines += [f"    {fate.service} cannot run on {why}" for why in fate.obstacles]
    lines += [
        f"  {fate.service}: data left behind on {fate.node}: {', '.join(fate.data)}"
        for fate in forecast.fates
        if fate.data
    ]
    if forecast.begun:
        lines.append(f"  also starts there: {', '.join(forecast.begun)}")
    if forecast.ended:
        lines.append(f"  ends there: {', '.join(forecast.ended)}")
    lines += [f"  {_host(host)}" for host in forecast.hosts]
    if forecast.unknown and forecast.hosts:
        lines.append(f"  memory unknown, not counted: {', '.join(forecast.unknown)}")
    if forecast.quorum:
        lines.append(f"  QUORUM LOST: {forecast.quorum}.")
        lines.append("  Swarm makes these changes only after a majority is back.")
    lines.append(f"  => {_verdict(forecast)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _fate(fate: Fate) -> str:
    details = [plural(fate.count, "task")] if fate.count > 1 else []
    details += ["pending"] if not fate.node else []
    name = f"{fate.service} ({', '.join(details)})" if details else fate.service
    if not fate.is_replaced:
        return f"{name} is not replaced: its restart_policy.condition is none"
    follows = f", following {fate.anchor}" if fate.anchor else ""
    if not fate.to:
        return f"{name} {'has' if fate.is_worse else 'still has'} no suitable node{follows}"
    places = " or ".join(fate.to) if not fate.is_certain else " and ".join(fate.to)
    may = "may still have" if fate.waiting else "may have"
    lost = f", {fate.unplaced} of {fate.count} {may} no suitable node" if fate.unplaced else ""
    return f"{name} {'moves to' if fate.node else 'starts on'} {places}{follows}{lost}"


def _host(host: HostForecast) -> str:
    least, most = round(host.least * 100), round(host.most * 100)
    then = f"{least}%" if least == most else f"{least}% to {most}%"
    full = " - NOT ENOUGH MEMORY" if host.is_overfull else ""
    before = f"{round(host.before * 100)}% of {format_bytes(host.total_bytes)}"
    return f"memory of {host.name}: {before}, then {then}{full}"


def _verdict(forecast: Forecast) -> str:
    """Return a short summary of the difference from today."""
    waiting = len(forecast.waiting)
    already = f" ({plural(waiting, 'service')} already pending)" if waiting else ""
    if not forecast.is_survived:
        parts = [
            f"no suitable node for {fate.service}" if fate.is_replaced else f"{fate.service} is not replaced"
            for fate in forecast.worse
        ]
        parts += [f"{host.name} may not have enough memory" for host in forecast.overfull]
        parts += ["no majority of managers"] if forecast.quorum else []
        return f"{'; '.join(dict.fromkeys(parts))}{already}"
    if forecast.better:
        names = sorted({fate.service for fate in forecast.better})
        still = sum(fate.unplaced > 0 for fate in forecast.fates if fate.waiting)
        rest = f" ({plural(still, 'service')} still pending)" if still else ""
        return f"better than now: a suitable node for {', '.join(names)}{rest}"
    if waiting:
        return f"no worse than now{already}"
    return "every task has a suitable node" if forecast.fates else "nothing moves"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan and the status, as text for people and as data for ``--format json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import (
    commands_data,
    iso_time,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import text_of
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import STATE_NAME
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable, printable_json
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.explanation import Candidate
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural
from orcastra_runner import follower_report, service_report, shortages
from orcastra_runner.command import results as command_results
from orcastra_runner.swarm import leader_of, node_name


def to_text(lines: Iterable[str]) -> str:
    """Return lines for people as one text, with line breaks and terminal controls inside a line escaped.

    All output of a command passes through here or ``to_json``, because names, labels and errors come from
    untrusted sources.
    """
    return "\n".join(map(printable, lines))


def to_json(data: Any) -> str:
    """Return data as JSON for people and machines."""
    return printable_json(json.dumps(data, indent=2, ensure_ascii=False))


def counts(seen: Observation) -> dict[str, int]:
    """Return the number of nodes, services and running tasks."""
    snapshot = seen.snapshot
    ready = sum(node.is_ready for node in snapshot.nodes)
    running = sum(task.is_running for task in snapshot.tasks)
    nodes, services = len(snapshot.nodes), len(snapshot.services)
    return {"nodes": nodes, "ready_nodes": ready, "services": services, "running_tasks": running}


def plan_data(
    plan: Plan, candidates: Iterable[Candidate] | None = None, short: Sequence[Shortage] = ()
) -> dict[str, Any]:
    """Return the plan in the format of a module's result, and the ``candidates`` for moves if given.

    ``short``: the services that are short of tasks. Lasting shortages are also warnings, new ones are notes.
    """
    data: dict[str, Any] = {
        "headline": headline(plan, short),
        "plan": [step.to_result() for step in plan.steps],
        "warnings": [one.to_data() for one in (*plan.warnings, *shortages.warnings(short))],
        "notes": [one.to_data() for one in (*plan.notes, *shortages.notes(short))],
        "short_of_tasks": shortages.shortages_data(short),
    }
    return data if candidates is None else {**data, "candidates": [one.to_data() for one in candidates]}


def headline(plan: Plan, short: Sequence[Shortage]) -> str:
    """Return a one-line summary of the plan, which mentions missing tasks even if no changes are needed."""
    also = f"; {shortages.counted(short)}" if short else ""
    if plan.steps:
        return f"{plural(len(plan.steps), 'change')} pending{also}"
    if plan.remember:
        return f"No changes to the swarm; only the saved state needs updating{also}"
    return f"No changes needed: {shortages.headline(short)}"


def plan_text(
    plan: Plan, candidates: Iterable[Candidate] | None = None, short: Sequence[Shortage] = ()
) -> str:
    """Return the plan as text, and the ``candidates`` for moves if given.

    ``short``: the services that are short of tasks.
    """
    lines: list[str] = [f"{headline(plan, short)}{':' if plan.steps else '.'}"]
    if plan.steps:
        lines += step_lines(step.to_result() for step in plan.steps)
    lines += [f"warning: {warning}" for warning in (*plan.warnings, *shortages.warnings(short))]
    lines += [f"note: {note}" for note in (*plan.notes, *shortages.notes(short))]
    if candidates is not None:
        found = [f"  {one.verdict}: {one}" for one in candidates]
        lines += ["Candidates for memory balancing:", *found] if found else []
        lines += (
            [] if found else ["No candidates for memory balancing: it is not configured, or nothing runs."]
        )
    return to_text(lines)


def step_lines(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the steps of a module's result as text."""
    lines: list[str] = []
    for number, step in enumerate(steps, start=1):
        lines.append(f"{number:>3}. {step['summary']}")
        lines += [f"       reason: {text_of(reason)}" for reason in step.get("why") or ()]
        lines += [f"       rejected: {text_of(reason)}" for reason in step.get("why_not") or ()]
    return lines


def status_data(seen: Observation, *, acts_anywhere: bool) -> dict[str, Any]:
    """Return the leader, the nodes, the saved state, and whether an instance on this node is active."""
    snapshot = seen.snapshot
    running = {node.id: 0 for node in snapshot.nodes}
    for task in snapshot.tasks:
        if task.is_running and task.node_id in running:
            running[task.node_id] += 1
    nodes = [
        {
            "hostname": node.hostname,
            "id": node.id,
            "role": node.role,
            "leader": node.leader,
            "state": node.state,
            "availability": node.availability,
            "availability_set_at": _availability_set_at(seen, node),
            "running_tasks": running[node.id],
            "labels": dict(sorted(node.labels.items())),
            "owned_labels": sorted(seen.state.owned_labels.get(node.id, ())),
        }
        for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id))
    ]
    gone = {
        node_id: sorted(keys)
        for node_id, keys in sorted(seen.state.owned_labels.items())
        if node_id not in snapshot.node_by_id
    }
    return {
        "cluster_id": seen.cluster_id,
        "node": node_name(seen),
        "leader": leader_of(seen),
        "acts": acts_anywhere or seen.is_leader,
        "services": len(snapshot.services),
        "nodes": nodes,
        "moves": follower_report.moves_data(seen),
        "attempts": follower_report.attempts_data(seen),
        "commands": {"results": commands_data(seen.state)},
        "state": {
            "name": STATE_NAME,
            "damage": list(seen.damage),
            "owned_labels_of_lost_nodes": gone,
            "unknown_sections": sorted(seen.state.other_sections),
        },
    }


def _availability_set_at(seen: Observation, node: Node) -> str | None:
    """Return when a module or command drained or paused the node; None if it is active or others did that."""
    at = seen.state.asked_availability.get(node.id)
    return None if at is None or node.availability == "active" else iso_time(at)


def status_text(status: dict[str, Any]) -> str:
    """Return the result of ``status_data`` as text."""
    leader = status["leader"] or "none"
    if status["node"] == status["leader"]:
        leader += " (this node)"
    role = "active" if status["acts"] else "standby"
    lines = [
        f"Leader:    {leader}",
        f"Instance:  {role} on node {status['node']}",
        f"Swarm:     {plural(len(status['nodes']), 'node')}, {plural(status['services'], 'service')}",
        "",
        "Nodes:",
    ]
    width = max((len(printable(node["hostname"])) for node in status["nodes"]), default=0)
    for node in status["nodes"]:
        role = "leader" if node["leader"] else node["role"]
        tasks = plural(node["running_tasks"], "task")
        availability = node["availability"]
        if node["availability_set_at"]:
            availability += f" (since {node['availability_set_at']})"
        lines.append(
            f"  {printable(node['hostname']):<{width}}  {role:<7}  {node['state']}, {availability}, {tasks}"
        )
        lines += [f"  {'':<{width}}  {label}" for label in _labels(node)]
    lines += service_report.lines(status.get("service_list", ()))
    lines += follower_report.lines(status["moves"], status["attempts"])
    lines += command_results.status_lines(status["commands"])
    lines += ["", *_state_lines(status["state"])]
    return to_text(lines)


def _labels(node: dict[str, Any]) -> list[str]:
    """Return the labels of a node as text: first Orcastra's, then those of others."""
    owned = [f"{key}={value}" for key, value in node["labels"].items() if key in node["owned_labels"]]
    others = [f"{key}={value}" for key, value in node["labels"].items() if key not in node["owned_labels"]]
    missing = [key for key in node["owned_labels"] if key not in node["labels"]]
    lines = [f"set by Orcastra: {', '.join(owned)}"] if owned else []
    lines += [f"set by Orcastra, but missing: {', '.join(missing)}"] if missing else []
    return lines + ([f"set by others: {', '.join(others)}"] if others else [])


def _state_lines(state: dict[str, Any]) -> list[str]:
    damage = [f"  damaged: {text}" for text in state["damage"]]
    gone = [
        f"  labels of node {node_id}, which has left the swarm: {', '.join(keys)}"
        for node_id, keys in state["owned_labels_of_lost_nodes"].items()
    ]
    unknown = [f"  {key}: written by another release, left unchanged" for key in state["unknown_sections"]]
    details = damage + gone + unknown
    verdict = "damaged; the next cycle resets the damaged part" if damage else "ok"
    return [f"Saved state ({state['name']}): {verdict}", *details]

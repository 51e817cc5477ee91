# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's JSON documents, made from the status. docs/reference/http.md describes their fields."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import (
    commands_data,
    iso_time,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Task
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.anchor import AnchorPlacement
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.backoff import wait_seconds
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import (
    AnchorGroup,
    resolve_anchor_groups,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import find_service, without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.verdict import Verdict, judge
from orcastra_runner import follower_report
from orcastra_runner.history import saved_actions, unknown_to
from orcastra_runner.report import plan_data, status_data, verdict_data
from orcastra_runner.service_report import add_memory, services_data
from orcastra_runner.status import JobState, StatusStore, View
from orcastra_runner.version import __version__
from orcastra_runner.web.peers import peers_data
from orcastra_runner.what_if import forecast_data, forecast_text, forecasts

# smaller documents are not compressed
COMPRESSED_BYTES = 1024


def state_data(view: View) -> dict[str, Any]:
    """Return the whole status except the plan and the history."""
    seen = view.seen
    data: dict[str, Any] = {
        "instance": {
            "version": __version__,
            "started_at": _iso(view.started_at),
            "role": view.role,
            "acts": view.acts,
            "dry_run": view.dry_run,
            "read_only": view.read_only,
            "peers": peers_data(view.peers, view.seen),
        },
        "observed_at": _iso(view.observed_at),
        "swarm": None,
        "mods": {
            "refreshed_at": _iso(view.refreshed_at),
            "mods": [mod.to_result() for mod in view.mods],
        },
        "jobs": [_job(job) for job in view.jobs.values()],
        "errors": [
            {"topic": problem.topic, "text": problem.text, "since": _iso(problem.since)}
            for problem in view.problems.values()
        ],
    }
    return data if seen is None else {**data, **_swarm_data(view, seen)}


def plans_data(view: View) -> dict[str, Any]:
    """Return the last plans of all jobs as one list of steps, which is empty on a standby instance.

    The services that are short of tasks are those of the last observation, on a standby instance too.
    """
    parts = {job: plan_data(plan) for job, plan in view.plans.items()}
    whole = plan_data(sum(view.plans.values(), Plan()), short=view.short)
    return {
        "dry_run": view.dry_run,
        "acts": view.acts,
        "headline": _headline(view, whole["headline"]),
        "verdict": verdict_data(_verdict(view)),
        "steps": [{"job": job, **step} for job, part in parts.items() for step in part["plan"]],
        "warnings": whole["warnings"],
        "notes": whole["notes"],
        "short_of_tasks": whole["short_of_tasks"],
    }


def _verdict(view: View) -> Verdict:
    plan = sum(view.plans.values(), Plan()) if view.acts and view.plans else None
    snapshot, state = (view.seen.snapshot, view.seen.state) if view.seen is not None else (None, State())
    now = view.observed_at or 0.0
    return judge(snapshot, plan, view.short, state, now, is_configured=not view.read_only)


def _headline(view: View, planned: str) -> str:
    if not view.acts:
        return "This instance is on standby and does not plan"
    if view.read_only:
        return "There is no configuration to compare the swarm with. Next step: orcastra init"
    return planned if view.plans else "No plan yet"


def history_data(view: View) -> dict[str, Any]:
    """Return this instance's actions since its start, and the saved ones of all instances, newest first."""
    own: list[dict[str, Any]] = [
        {
            "ended_at": _iso(action.ended_at),
            "job": action.job,
            "summary": action.summary,
            "result": action.result,
            "why": list(action.why),
            "why_not": list(action.why_not),
            "error": action.error,
        }
        for action in view.history
    ]
    saved = saved_actions(view.seen.state) if view.seen is not None else []
    others = [
        {
            "ended_at": _iso(action.at),
            "job": None,
            "summary": action.summary,
            "result": action.result,
            "why": [reason.to_data() for reason in action.why],
            "why_not": [],
            "error": action.error or None,
        }
        for action in unknown_to(view.history, saved)
    ]
    actions = sorted([*own, *others], key=lambda action: str(action["ended_at"]), reverse=True)
    return {"since": _iso(view.started_at), "actions": actions}


DOCUMENTS: Mapping[str, Callable[[View], dict[str, Any]]] = {
    "state": state_data,
    "plan": plans_data,
    "history": history_data,
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document ready to be sent; ``compressed`` is None if that isn't worth it."""

    version: int
    etag: str
    body: bytes
    compressed: bytes | None


class Documents:
    """Builds a document again only if the status has changed."""

    def __init__(self, status: StatusStore) -> None:
        self._status = status
        self._lock = threading.Lock()
        self._made: dict[str, Document] = {}

    def get(self, name: str) -> Document:
        with self._lock:
            view = self._status.view()
            made = self._made.get(name)
            if made is None or made.version != view.version:
                made = self._made[name] = _document(view.version, DOCUMENTS[name](view))
            return made


def _document(version: int, data: dict[str, Any]) -> Document:
    return prepare(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), version)


def prepare(body: bytes, version: int = 0, level: int = 1) -> Document:
    """Return a document with this content. ``level``: from 1, fast, to 9, small."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    compressed = gzip.compress(body, level, mtime=0) if len(body) > COMPRESSED_BYTES else None
    return Document(version, etag, body, compressed)


def _swarm_data(view: View, seen: Observation) -> dict[str, Any]:
    status = status_data(seen, acts_anywhere=False)
    nodes = status["nodes"]
    for node in nodes:
        node["memory"] = _memory(view.memory, node["id"])
    return {
        "swarm": {
            "cluster_id": seen.cluster_id,
            "node": status["node"],
            "leader": status["leader"],
            "services": len(seen.snapshot.services),
            "running_tasks": sum(task.is_running for task in seen.snapshot.tasks),
        },
        "nodes": nodes,
        "measured_at": _iso(view.measured_at),
        "groups": [_group(seen, group) for group in resolve_anchor_groups(seen.snapshot, view.desired)],
        "services": add_memory(services_data(seen, view.short), seen, view.memory or Memory()),
        "moves": status["moves"],
        "attempts": _attempts(seen, view.desired),
        "relocations": _relocations(seen),
        "commands": commands_data(seen.state),
        "damage": status["state"]["damage"],
    }


def what_if_data(view: View, lose: list[str]) -> dict[str, Any] | None:
    """What would happen if nodes were lost, as data and as text; None before the first observation.

    Raises UsageError for a name that no node has.
    """
    if view.seen is None:
        return None
    snapshot = without_doubtful(view.seen.snapshot, view.desired)
    memory = view.memory or Memory()
    found = forecasts(snapshot, view.desired, memory, lose, [])
    return {**forecast_data(found, memory), "text": forecast_text(found, Memory(nodes=memory.nodes))}


def _memory(memory: Memory | None, node_id: str) -> dict[str, Any] | None:
    found = memory.nodes.get(node_id) if memory is not None else None
    if found is None:
        return None
    return {"host": found.host, "used_bytes": found.used_bytes, "total_bytes": found.total_bytes}


def _anchor_name(place: AnchorPlacement) -> str:
    return place.dependency.anchor if place.service is None else place.service.name


def _group(seen: Observation, group: AnchorGroup) -> dict[str, Any]:
    anchor = group.place.service
    hostnames = [node.hostname for node in seen.snapshot.nodes if node.id in group.place.on]
    note = group.place.warning or group.place.note
    return {
        "anchor": _anchor_name(group.place),
        "exists": anchor is not None,
        "label": group.dependency.label,
        "nodes": sorted(hostnames),
        "note": None if note is None else note.to_data(),
        "followers": [
            {
                "service": follower.service.name,
                "follows": _anchor_name(follower.anchorage.place),
                "in_place": follower.is_in_place,
                "finished": bool(follower.finished.done) and not follower.desired,
                "misplaced": len(follower.misplaced),
                "can_follow": follower.can_follow,
            }
            for follower in group.followers
        ],
        "missing": list(group.missing),
    }


def _attempts(seen: Observation, desired: DesiredState) -> list[dict[str, Any]]:
    """Return the attempts so far; ``next_attempt_at`` is the earliest time of the next one."""
    intervals: dict[str, tuple[float, ...]] = {}
    for dependency in desired.dependencies.values():
        for name in dependency.followers:
            service = find_service(seen.snapshot, name, dependency.stack)
            if service is not None:
                # the first of several anchors decides
                intervals.setdefault(service.name, dependency.retry_intervals)
    pauses = {}
    for service_id, tried in seen.state.attempts.items():
        service = seen.snapshot.service_by_id.get(service_id)
        if service is not None and service.name in intervals and tried.given_up is None:
            pause = wait_seconds(tried, intervals[service.name], tried.last)
            pauses[service.name] = _iso(tried.last + pause)
    return [
        {**entry, "next_attempt_at": pauses.get(entry["service"])}
        for entry in follower_report.attempts_data(seen)
    ]


def _relocations(seen: Observation) -> list[dict[str, Any]]:
    """Return the completed moves of memory balancing, newest first."""
    found = []
    for service_id, moves in seen.state.relocations.items():
        service = seen.snapshot.service_by_id.get(service_id)
        for move in moves:
            found.append(
                {
                    "service": service_id if service is None else service.name,
                    "from": _node(seen, move.source),
                    "to": _node(seen, move.target),
                    "ended_at": _iso(move.at),
                    "memory_bytes": move.memory_bytes,
                    "failed": None if move.failed is None else move.failed.to_data(),
                }
            )
    return sorted(found, key=lambda move: str(move["ended_at"]), reverse=True)


def _job(job: JobState) -> dict[str, Any]:
    return {
        "name": job.name,
        "interval_seconds": job.interval,
        "is_running": job.is_running,
        "started_at": _iso(job.started_at),
        "ended_at": _iso(job.ended_at),
        "seconds": round(job.seconds, 3),
        "failures": job.failures,
    }


def _hostname(seen: Observation, task: Task) -> str:
    return _node(seen, task.node_id or "")


def _node(seen: Observation, node_id: str) -> str:
    node = seen.snapshot.node_by_id.get(node_id)
    return node_id if node is None else node.hostname


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return iso_time(seconds)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until the node exporter's service can be changed, and until every node's exporter answers."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from .._model.errors import OrcastraError
from .._model.rules import MetricSources
from .._model.snapshot import SwarmSnapshot
from .._observe.engine import Engine
from .._observe.metrics import measure
from .._observe.observation import observe
from .._plan.convergence import global_places

POLL_SECONDS = 1.0


def await_update(engine: Engine, name: str, timeout_seconds: float) -> SwarmSnapshot:
    """Wait until a running update of the service has ended or is paused, and return the swarm.

    Raises OrcastraError on timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        snapshot = observe(engine).snapshot
        service = snapshot.service_by_name.get(name)
        if service is None or not service.is_updating or service.is_update_paused:
            return snapshot
        if time.monotonic() > deadline:
            raise OrcastraError(
                f"timed out after {timeout_seconds:g} s waiting for Swarm to finish its update of {name}; "
                "nothing was changed"
            )
        time.sleep(POLL_SECONDS)


def await_exporters(
    engine: Engine,
    name: str,
    url: str,
    timeout_seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Wait until the service runs on each desired node and answers there at ``url``.

    ``url`` contains ``{address}`` or ``{hostname}``; ``headers`` are sent with each request. Returns the host
    names of the nodes. Raises OrcastraError on timeout, with each unhealthy node and the reason.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        snapshot = observe(engine).snapshot
        problems = _missing(snapshot, name)
        is_late = time.monotonic() > deadline
        # a task that keeps failing is running now and then
        if not problems or is_late:
            problems += _silent(snapshot, name, MetricSources(node_exporter_url=url, headers={url: headers}))
        if not problems:
            return tuple(node.hostname for node in global_places(snapshot, snapshot.service_by_name[name]))
        if is_late:
            raise OrcastraError(f"{name} is not healthy after {timeout_seconds:g} s: {'; '.join(problems)}")
        time.sleep(POLL_SECONDS)


def _missing(snapshot: SwarmSnapshot, name: str) -> list[str]:
    """The nodes on which the service doesn't run, with Swarm's reason."""
    service = snapshot.service_by_name.get(name)
    if service is None:
        return ["the service is gone"]
    problems = []
    if service.is_updating:
        state = "under way" if service.update_state == "updating" else service.update_state
        problems.append(f"its update is {state}")
    if service.is_replicated:
        running = sum(task.is_running for task in snapshot.tasks_of(service))
        return problems or ([] if running >= (service.replicas or 0) else [f"only {running} tasks run"])
    for node in global_places(snapshot, service):
        tasks = [task for task in snapshot.tasks_of(service) if task.node_id == node.id]
        if any(task.is_running for task in tasks):
            continue
        failed = [task for task in tasks if task.error]
        said = max(failed, key=lambda task: task.created).error if failed else ""
        problems.append(f"node {node.hostname}: it does not run{f' ({said})' if said else ''}")
    return problems


def _silent(snapshot: SwarmSnapshot, name: str, sources: MetricSources) -> list[str]:
    """The nodes whose exporter runs but doesn't report the node's memory."""
    service = snapshot.service_by_name.get(name)
    if service is None:
        return []
    running = {task.node_id for task in snapshot.tasks_of(service) if task.is_running}
    asked = SwarmSnapshot(
        nodes=tuple(node for node in snapshot.nodes if node.id in running and node.is_ready)
    )
    memory = measure(asked, sources)
    silent = {node.hostname for node in asked.nodes if node.id not in memory.nodes}
    return [str(problem) for problem in memory.problems if problem.params.get("node") in silent]

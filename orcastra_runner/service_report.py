# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services, and whether all of their tasks are running: for the page, the API and ``orcastra status``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import iso_time
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Service
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.units import task_memory
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.finished import finished
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import expected_and_running


def services_data(seen: Observation, short: Iterable[Shortage]) -> list[dict[str, Any]]:
    """Return all services by name; ``short`` are those that are short of tasks."""
    reasons = {one.service: one for one in short}
    services = sorted(seen.snapshot.services, key=lambda service: service.name)
    return [_service(seen, service, reasons.get(service.name)) for service in services]


def add_memory(services: list[dict[str, Any]], seen: Observation, memory: Memory) -> list[dict[str, Any]]:
    """Add the memory of one task of each service, on average, in bytes; None if that isn't known."""
    by_name = seen.snapshot.service_by_name
    for entry in services:
        service = by_name[entry["name"]]
        running = [task for task in seen.snapshot.tasks_of(service) if task.is_running]
        used = [task_memory(memory, task, service) for task in running]
        known = [one for one in used if one]
        entry["memory_bytes"] = sum(known) // len(known) if known else None
    return services


def _service(seen: Observation, service: Service, short: Shortage | None) -> dict[str, Any]:
    expected, running = expected_and_running(seen.snapshot, service)
    over = finished(seen.snapshot, service)
    places: Counter[str] = Counter()
    for task in seen.snapshot.tasks_of(service):
        if task.is_running:
            node = seen.snapshot.node_by_id.get(task.node_id or "")
            places[(task.node_id or "") if node is None else node.hostname] += 1
    return {
        "name": service.name,
        "stack": service.stack,
        "mode": service.mode,
        "expected": expected,
        "running": running,
        "finished": len(over.done),
        "nodes": dict(sorted(places.items())),
        "update": service.update_state,
        "problem": None if short is None else short.text,
        "short_since": None if short is None else iso_time(short.since),
    }


def lines(services: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the services as text; an empty list if there are none."""
    if not services:
        return []
    width = max(len(service["name"]) for service in services)
    found = ["", "Services:"]
    for service in services:
        on = ", ".join(
            f"{name} ×{number}" if number > 1 else name for name, number in service["nodes"].items()
        )
        places = f" on {on}" if on else ""
        over = f", {service['finished']} finished" if service["finished"] else ""
        found.append(
            f"  {service['name']:<{width}}  {service['running']} of {service['expected']}{places}{over}"
        )
        if service["problem"]:
            found.append(f"  {'':<{width}}  {service['problem']}")
    return found

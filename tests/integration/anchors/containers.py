# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actual run times of a service's containers, according to the engines of all hosts.

All hosts of a lab share one clock, so their times can be compared.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tests.lab import Host, Lab
from tests.lab.errors import EngineError

_SERVICE = "com.docker.swarm.service.id"
_TASK = "com.docker.swarm.task.name"


@dataclass(frozen=True)
class Run:
    """One run of a container, in seconds since the epoch. ``ended`` is None while it runs."""

    slot: str
    host: str
    container: str
    started: float
    ended: float | None


def runs(swarm: Lab, service: str) -> list[Run]:
    """Return all containers since the start of each host's engine, in the order of their start.

    The times of removed containers come from the engine's events.
    """
    # filter by ID, because engines also have events for services of earlier tests
    service_id = swarm.leader().api("GET", f"/services/{service}")["ID"]
    found = [
        run
        for host in swarm
        if host.running and not host.is_cut
        for run in _on_host(host, service, service_id)
    ]
    return sorted(found, key=lambda run: run.started)


def overlaps(swarm: Lab, service: str) -> list[str]:
    """Describe each container of a replica that started before its predecessor stopped."""
    found = []
    for later in runs(swarm, service):
        for earlier in runs(swarm, service):
            is_before = earlier.started < later.started and earlier.slot == later.slot
            if is_before and (earlier.ended is None or earlier.ended > later.started):
                gap = "never" if earlier.ended is None else f"{earlier.ended - later.started:.3f} s later"
                found.append(
                    f"{service}.{later.slot} started on {later.host}; the one on {earlier.host} ended {gap}"
                )
    return found


def _on_host(host: Host, service: str, service_id: str) -> list[Run]:
    started: dict[str, float] = {}
    ended: dict[str, float] = {}
    slots: dict[str, str] = {}
    for event in _events(host, service_id):
        container = event["Actor"]["ID"]
        slots[container] = _slot(event["Actor"]["Attributes"], service)
        times = started if event["Action"] == "start" else ended
        times[container] = event["timeNano"] / 1e9
    filters = {"label": [f"{_SERVICE}={service_id}"]}
    for container in host.api("GET", "/containers/json", query={"all": "1", "filters": filters}):
        try:
            state = host.api("GET", f"/containers/{container['Id']}/json")["State"]
        except EngineError as error:
            if error.status != 404:
                raise
            continue
        if state["StartedAt"].startswith("0001-"):
            continue
        slots[container["Id"]] = _slot(container["Labels"], service)
        started[container["Id"]] = _seconds(state["StartedAt"])
        ended.pop(container["Id"], None)
        if not state["Running"]:
            ended[container["Id"]] = _seconds(state["FinishedAt"])
    return [
        Run(slots[container], host.name, container[:12], moment, ended.get(container))
        for container, moment in started.items()
    ]


def _events(host: Host, service_id: str) -> list[dict[str, Any]]:
    """Return the engine's start and stop events of the service's containers."""
    filters = {"type": ["container"], "event": ["start", "die"], "label": [f"{_SERVICE}={service_id}"]}
    query = {"since": "1", "until": f"{time.time():.9f}", "filters": json.dumps(filters)}
    text = host.api("GET", f"/events?{urlencode(query)}")
    if text is None:
        return []
    if isinstance(text, dict):
        return [text]
    return [json.loads(line) for line in text.splitlines() if line]


def _slot(labels: dict[str, str], service: str) -> str:
    """``2`` of ``shop_app.2.m4x…``"""
    return labels[_TASK].removeprefix(f"{service}.").partition(".")[0]


def _seconds(text: str) -> float:
    # Go prints nanoseconds
    whole, _dot, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")

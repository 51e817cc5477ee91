# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swarms for benchmarks: a lab with a given number of nodes and services, and its configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.lab import Lab
from tests.lab.host import Host

IMAGE = "orcastra/app"
STACK = "bench"
MANAGERS = 3
LABELS_PER_NODE = 3
SERVICES_PER_ANCHOR = 5
AT_ONCE = 20
"""Number of services to deploy before waiting for them: larger batches slow each other down."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """The size of a swarm."""

    nodes: int
    services: int

    def __str__(self) -> str:
        return f"{self.nodes} nodes, {self.services} services"

    @classmethod
    def parse(cls, text: str) -> Scale:
        """Parse ``NODES/SERVICES``. Raises ValueError."""
        nodes, services = text.split("/")
        return cls(int(nodes), int(services))


@contextmanager
def empty(nodes: int) -> Iterator[Lab]:
    """Yield a lab with a swarm of ``nodes`` nodes that have the image but no services."""
    hosts = [f"node-{n}" for n in range(1, nodes + 1)]
    with Lab(f"bench-{os.getpid()}", hosts) as lab:
        lab.form_swarm(min(MANAGERS, nodes))
        lab.load_image(IMAGE)
        yield lab


@contextmanager
def swarm(scale: Scale, say: Say) -> Iterator[Lab]:
    """Yield a lab with a swarm of this scale, with one running replica for each service."""
    with empty(scale.nodes) as lab:
        manager = lab.hosts[0]
        for start in range(0, scale.services, AT_ONCE):
            end = min(start + AT_ONCE, scale.services)
            for n in range(start, end):
                host = lab.hosts[n // SERVICES_PER_ANCHOR % len(lab)].name
                manager.api("POST", "/services/create", _service(n, host))
            lab.wait_until(lambda end=end: running_tasks(manager) == end, 600, f"{end} running tasks", 0.5)  # type: ignore[misc]
            say(f"  {end} of {scale.services} services run")
        yield lab


def configuration(lab: Lab, services: int) -> dict[str, Any]:
    """Return a configuration with labels for every node and an anchor for each group of services."""
    labels = [f"label-{n}" for n in range(LABELS_PER_NODE)]
    names = [_name(n) for n in range(services)]
    groups = [names[n : n + SERVICES_PER_ANCHOR] for n in range(0, services, SERVICES_PER_ANCHOR)]
    return {
        "nodes": {host.name: {"ip": host.ip, "labels": labels} for host in lab},
        "dependencies": {group[0]: group[1:] for group in groups if len(group) > 1},
    }


def _name(n: int) -> str:
    return f"service-{n:03}"


def _service(n: int, host: str) -> dict[str, Any]:
    return {
        "Name": f"{STACK}_{_name(n)}",
        "Labels": {"com.docker.stack.namespace": STACK},
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE},
            # followers start on their anchor's node, so no moves are needed
            "Placement": {"Constraints": [f"node.hostname=={host}"]},
            # the host's network needs no setup
            "Networks": [{"Target": "host"}],
            "LogDriver": {"Name": "none"},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
    }


def running_tasks(manager: Host) -> int:
    """Return the number of running tasks."""
    tasks = manager.api("GET", "/tasks", query={"filters": {"desired-state": ["running"]}})
    return sum(task["Status"]["State"] == "running" for task in tasks)

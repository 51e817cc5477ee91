# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large swarms for tests and benchmarks, with followers on their anchors' nodes."""

from __future__ import annotations

from typing import Any

from tests.sim.objects import Json
from tests.sim.sim import Sim

REPLICAS = 4
GROUPS_SHARE = 10
"""Every n-th service is an anchor, and the next one is its follower."""


def large_swarm(nodes: int, tasks: int, **options: Any) -> Sim:
    """Build a swarm with three managers among ``nodes`` and services of four replicas, all co-located."""
    sim = Sim(**options)
    members = [
        sim.add_node(f"node-{number:04}", role="manager" if number < 3 else "worker")
        for number in range(nodes)
    ]
    for number in range(tasks // REPLICAS):
        # followers run on their anchors' nodes
        first = number - 1 if number % GROUPS_SHARE == 1 else number
        places = [members[(first * REPLICAS + replica) % nodes] for replica in range(REPLICAS)]
        sim.place(_spec(number), places)
        if number % GROUPS_SHARE == 0:
            for node in places:
                node.spec["Labels"] = {**node.labels, _name(number): "true"}
                sim.store.touch(node)
    sim.requests.clear()
    return sim


def configuration(tasks: int) -> dict[str, Any]:
    """As in swarm.yml."""
    anchors = range(0, tasks // REPLICAS - 1, GROUPS_SHARE)
    return {"dependencies": {_name(number): [_name(number + 1)] for number in anchors}}


def _name(number: int) -> str:
    return f"service-{number:05}"


def _spec(number: int) -> Json:
    constraints = []
    if number % GROUPS_SHARE == 1:
        constraints.append(f"node.labels.{_name(number - 1)} == true")
    return {
        "Name": _name(number),
        "Labels": {"com.docker.stack.namespace": "large", "team": f"team-{number % 7}"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": f"registry.example/app-{number % 50}:1.2.3@sha256:{number:064x}",
                "Env": [f"KEY_{n}=value-{n}" for n in range(8)],
                "StopGracePeriod": 10_000_000_000,
            },
            "Resources": {"Reservations": {"MemoryBytes": 64 * 1024**2}},
            "Placement": {"Constraints": constraints},
        },
    }

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The label planner alone, on generated snapshots: how its time grows with the swarm."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    NodeConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.plan import plan_labels
from tests.bench.report import Table, load_average, median

SERVICES_PER_NODE = 10
LABELS_PER_NODE = 3
FEW_ANCHORS = 10


def measure(sizes: Sequence[int], repeat: int) -> Table:
    """Time ``plan_labels`` for swarms of these sizes, with all labels correct and with none set."""
    table = Table(
        f"Planner alone: {SERVICES_PER_NODE} services, {LABELS_PER_NODE} labels per node; median of {repeat}",
        [
            "nodes", "services", "anchors", "quiet ms", "all missing ms", "quiet µs/node", "missing µs/node",
            "quiet µs/node, ratio to first",
        ],
    )  # fmt: skip
    before = load_average()
    for anchors_per_node in (0, 1):
        first = 0.0
        for nodes in sizes:
            anchors = nodes if anchors_per_node else min(FEW_ANCHORS, nodes)
            blank, desired = make(nodes, anchors)
            plan = plan_labels(blank, desired, State())
            done = _carried_out(blank, plan)
            if plan_labels(done, desired, State()).steps or len(plan.steps) != nodes:
                raise RuntimeError(
                    "expected one step for each node and then none; the generated snapshots are wrong"
                )
            quiet = _seconds(done, desired, repeat)
            busy = _seconds(blank, desired, repeat)
            first = first or quiet / nodes
            table.rows.append(
                (
                    nodes, nodes * SERVICES_PER_NODE, anchors, quiet * 1e3, busy * 1e3, quiet / nodes * 1e6,
                    busy / nodes * 1e6, quiet / nodes / first,
                )
            )  # fmt: skip
    table.notes.append("A ratio of 1 means that the time grows linearly with the number of nodes.")
    table.load = (before, load_average())
    return table


def make(nodes: int, anchors: int) -> tuple[SwarmSnapshot, DesiredState]:
    """Return a swarm whose nodes have no labels yet, and its desired state."""
    services = nodes * SERVICES_PER_NODE
    snapshot = SwarmSnapshot(
        nodes=tuple(Node(id=f"n{n}", hostname=f"node-{n}") for n in range(nodes)),
        services=tuple(Service(id=f"s{n}", name=f"stack_service-{n}") for n in range(services)),
        tasks=tuple(_task(n, nodes, state) for n in range(services) for state in ("shutdown", "running")),
    )
    labels = {f"label-{n}": "true" for n in range(LABELS_PER_NODE)}
    desired = DesiredState(
        nodes={node.hostname: NodeConfig(node.hostname, labels) for node in snapshot.nodes},
        dependencies={
            f"service-{n}": Dependency(anchor=f"service-{n}", stack="stack", label=f"service-{n}")
            for n in range(anchors)
        },
    )
    return snapshot, desired


def _task(service: int, nodes: int, state: str) -> Task:
    return Task(
        id=f"t{service}-{state}",
        service_id=f"s{service}",
        node_id=f"n{service % nodes}",
        slot=1,
        state=state,
        desired_state=state,
    )


def _carried_out(snapshot: SwarmSnapshot, plan: Plan) -> SwarmSnapshot:
    """Return the snapshot after the plan was applied."""
    labels = {step.target: step.after["labels"] for step in plan.steps}
    return replace(
        snapshot,
        nodes=tuple(replace(node, labels=labels[f"node {node.hostname}"]) for node in snapshot.nodes),
    )


def _seconds(snapshot: SwarmSnapshot, desired: DesiredState, repeat: int) -> float:
    times = []
    for _ in range(repeat):
        # a new snapshot each time, as in a real cycle: its lookup tables are built on first use
        fresh = replace(snapshot)
        started = time.perf_counter()
        plan_labels(fresh, desired, State())
        times.append(time.perf_counter() - started)
    return median(times)

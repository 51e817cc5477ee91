# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locate anchors: decide which nodes carry the label of an anchor, and why."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ..._model.desired import Dependency
from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot, Task
from ..hints import no_service, service_hint
from ..names import find_service
from ..scheduling.finished import finished

ANCHOR_VALUE = "true"


@dataclass(frozen=True)
class AnchorPlacement:
    """The nodes that should carry an anchor's label, with the reason for each.

    ``on``: node ID → why it carries the label. ``elsewhere``: why the other nodes do not. ``note``: why the
    label stays on a node that the anchor has left. ``warning``: a problem that the user must solve. If
    ``settled`` is False, nodes that are up keep the label.
    """

    dependency: Dependency
    service: Service | None
    on: dict[str, Reason]
    elsewhere: Reason | None = None
    settled: bool = True
    note: Reason | None = None
    warning: Reason | None = None


def place_anchor(snapshot: SwarmSnapshot, dependency: Dependency) -> AnchorPlacement:
    """Decide which nodes carry the label of ``dependency``'s anchor.

    These are exactly the nodes where its tasks run, as soon as all of them do. Finished tasks count too,
    because followers may need their data. Until then (the anchor is starting, restarting or scaled to 0, or
    its node was just lost), nodes keep the label: without it, Swarm would stop the followers although the
    anchor may return to the same node. Only a node that is down loses the label as soon as the anchor runs
    elsewhere.
    """
    service = find_service(snapshot, dependency.anchor, dependency.stack)
    if service is None:
        return AnchorPlacement(
            dependency,
            service=None,
            on={},
            settled=False,
            warning=Reason(
                "anchor_not_found",
                anchor=dependency.anchor,
                problem=no_service(snapshot, dependency.anchor, dependency.stack),
                hint=service_hint(snapshot, dependency.anchor, dependency.stack),
            ),
        )
    desired = [task for task in snapshot.tasks_of(service) if task.should_run]
    running = [task for task in desired if _runs_on_ready_node(snapshot, task)]
    on: dict[str, Reason] = {}
    for task in running:
        if task.node_id is not None:
            on[task.node_id] = Reason("anchor_runs_there", anchor=service.name)
    for task in finished(snapshot, service).done:
        node = snapshot.node_by_id.get(task.node_id or "")
        if node is not None and node.is_ready:
            on.setdefault(node.id, Reason("anchor_finished_there", anchor=service.name))
    nodes = sorted(snapshot.node_by_id[node_id].hostname for node_id in on)
    elsewhere: Reason | None = None
    if running:
        elsewhere = Reason("anchor_runs_elsewhere", anchor=service.name, nodes=nodes)
    elif nodes:
        elsewhere = Reason("anchor_finished_elsewhere", anchor=service.name, nodes=nodes)
    if on and len(running) == len(desired):
        return AnchorPlacement(dependency, service=service, on=on, elsewhere=elsewhere)
    return AnchorPlacement(
        dependency,
        service=service,
        on=on,
        elsewhere=elsewhere,
        settled=False,
        note=_why_unsettled(service, dependency.label, desired, running),
    )


def _runs_on_ready_node(snapshot: SwarmSnapshot, task: Task) -> bool:
    node: Node | None = snapshot.node_by_id.get(task.node_id or "")
    return task.is_running and node is not None and node.is_ready


def _why_unsettled(service: Service, label: str, desired: list[Task], running: list[Task]) -> Reason:
    if service.replicas == 0:
        return Reason("anchor_scaled_to_0", anchor=service.name, label=label)
    if not desired:
        return Reason("anchor_has_no_task", anchor=service.name, label=label)
    return Reason(
        "anchor_not_running", anchor=service.name, label=label, running=len(running), desired=len(desired)
    )

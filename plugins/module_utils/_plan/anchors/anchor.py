# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where anchors are: which nodes carry the label of an anchor, and why."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ..._model.desired import Dependency
from ..._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)
from ..hints import no_service, service_hint
from ..names import find_service
from ..scheduling.finished import finished

ANCHOR_VALUE = "true"


@dataclass(frozen=True)
class AnchorPlacement:
    """The nodes that are to carry an anchor's label, with the reason for each.

    ``on``: node ID → why it carries the label. ``elsewhere``: why every other node does not.
    ``note``: why the label is left where the anchor no longer is, if it is; ``warning``: what the user
    has to look at. Where ``settled`` is False, a node that is alive keeps the label it has.
    """

    dependency: Dependency
    service: Service | None
    on: dict[str, str]
    elsewhere: str = ""
    settled: bool = True
    note: str | None = None
    warning: str | None = None


def place_anchor(snapshot: SwarmSnapshot, dependency: Dependency) -> AnchorPlacement:
    """Decide which nodes carry the label of ``dependency``'s anchor.

    Exactly those where its tasks run, once all of them do. A task that has finished counts, too: its
    followers may need what it has left there. Until then (the anchor is starting, restarting,
    scaled to 0, or its node has just been lost) the nodes that have the label keep it: taking it away
    would make Swarm kill the followers although the anchor may come back to the same place. Only a node
    that is down loses it as soon as the anchor runs anywhere else.
    """
    service = find_service(snapshot, dependency.anchor, dependency.stack)
    if service is None:
        missing = no_service(snapshot, dependency.anchor, dependency.stack)
        hint = service_hint(snapshot, dependency.anchor, dependency.stack)
        return AnchorPlacement(
            dependency,
            service=None,
            on={},
            settled=False,
            warning=f"dependencies.{dependency.anchor}: {missing}; its label stays as it is"
            f"{'' if hint is None else f'; {hint}'}",
        )
    desired = [task for task in snapshot.tasks_of(service) if task.should_run]
    running = [task for task in desired if _runs_on_ready_node(snapshot, task)]
    on: dict[str, str] = {}
    for task in running:
        if task.node_id is not None:
            on[task.node_id] = f"{service.name} runs there"
    for task in finished(snapshot, service).done:
        node = snapshot.node_by_id.get(task.node_id or "")
        if node is not None and node.is_ready:
            on.setdefault(node.id, f"{service.name} has finished there")
    names = ", ".join(sorted(snapshot.node_by_id[node_id].hostname for node_id in on))
    elsewhere = f"{service.name} {'runs' if running else 'has finished'} on {names}"
    if on and len(running) == len(desired):
        return AnchorPlacement(dependency, service=service, on=on, elsewhere=elsewhere)
    return AnchorPlacement(
        dependency,
        service=service,
        on=on,
        elsewhere=elsewhere,
        settled=False,
        note=f"{_situation(service, desired, running)}: its label {dependency.label} stays until it runs",
    )


def _runs_on_ready_node(snapshot: SwarmSnapshot, task: Task) -> bool:
    node: Node | None = snapshot.node_by_id.get(task.node_id or "")
    return task.is_running and node is not None and node.is_ready


def _situation(service: Service, desired: list[Task], running: list[Task]) -> str:
    if service.replicas == 0:
        return f"{service.name} is scaled to 0"
    if not desired:
        return f"{service.name} has no task that is to run"
    return f"{len(running)} of {len(desired)} tasks of {service.name} run"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where anchors are: which nodes carry the label of an anchor, and why."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import (
    Node,
    Picture,
    Service,
    Task,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Dependency
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import (
    find_service,
    service_hint,
)

ANCHOR_VALUE = "true"


@dataclass(frozen=True)
class AnchorPlace:
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


def place_anchor(picture: Picture, dependency: Dependency) -> AnchorPlace:
    """Decide which nodes carry the label of ``dependency``'s anchor.

    Exactly those where its tasks run, once all of them do. Until then (the anchor is starting, restarting,
    scaled to 0, or its node has just been lost) the nodes that have the label keep it: taking it away
    would make Swarm kill the followers although the anchor may come back to the same place. Only a node
    that is down loses it as soon as the anchor runs anywhere else.
    """
    service = find_service(picture, dependency.anchor, dependency.stack)
    if service is None:
        name = f"{dependency.stack}_{dependency.anchor}" if dependency.stack else dependency.anchor
        return AnchorPlace(
            dependency,
            service=None,
            on={},
            settled=False,
            warning=f"dependencies.{dependency.anchor}: there is no service {name} in this swarm; "
            f"its label stays as it is{service_hint(picture, dependency.anchor, dependency.stack)}",
        )
    wanted = [task for task in picture.tasks_of(service) if task.is_wanted]
    running = [task for task in wanted if _runs_on_ready_node(picture, task)]
    on: dict[str, str] = {}
    for task in running:
        if task.node_id is not None:
            on[task.node_id] = f"{service.name} runs there"
    names = ", ".join(sorted(picture.node_by_id[node_id].hostname for node_id in on))
    elsewhere = f"{service.name} runs on {names}"
    if running and len(running) == len(wanted):
        return AnchorPlace(dependency, service=service, on=on, elsewhere=elsewhere)
    return AnchorPlace(
        dependency,
        service=service,
        on=on,
        elsewhere=elsewhere,
        settled=False,
        note=f"{_situation(service, wanted, running)}: its label {dependency.label} stays until it runs",
    )


def _runs_on_ready_node(picture: Picture, task: Task) -> bool:
    node: Node | None = picture.node_by_id.get(task.node_id or "")
    return task.is_running and node is not None and node.is_ready


def _situation(service: Service, wanted: list[Task], running: list[Task]) -> str:
    if service.replicas == 0:
        return f"{service.name} is scaled to 0"
    if not wanted:
        return f"{service.name} has no task that is to run"
    return f"{len(running)} of {len(wanted)} tasks of {service.name} run"

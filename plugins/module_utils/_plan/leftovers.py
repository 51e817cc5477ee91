# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take back what Orcastra has left on services that are no followers any more.

A move that the journal holds is ended whatever the policy for removals is. If the configuration is only a
part of the whole, another task may be at it: then it has some time to end the move itself.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Set

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture, Service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    FOLLOW,
    SetAttempts,
    SetMove,
    State,
    StateEdit,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Removals
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import ALIVE
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import ours, ours_to_move
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.moves import MOVING_SECONDS, unseen

# how long a move that another task has begun is left to it
FOREIGN_SECONDS = 60.0


def plan_leftovers(
    picture: Picture,
    state: State,
    followers: Set[str],
    now: float,
    removals: Removals = Removals.ALLOWED,
) -> Plan:
    """Plan what to take off every service whose ID is not in ``followers``, and what to forget.

    ``now`` is in seconds since the epoch. Constraints on labels go only if ``removals`` are allowed.
    """
    steps: list[Step] = []
    notes: list[str] = []
    remember: list[StateEdit] = []
    waits = False
    for service in sorted(picture.services, key=lambda service: service.name):
        move = state.moves.get(service.id)
        if service.id in followers or (move is not None and move.kind != FOLLOW):
            continue  # a move for balance, or off a node, is ended by its own planner
        if removals is Removals.FOREIGN and move is not None and now - move.since < FOREIGN_SECONDS:
            notes.append(f"{service.name} is on its way to {move.anchor}, which isn't configured here")
            continue
        leftovers = ours(service) if removals is Removals.ALLOWED else ours_to_move(service)
        scaled = move is not None and move.replicas is not None and service.replicas == 0
        settles: tuple[StateEdit, ...] = (SetMove(service.id, None),) if move is not None else ()
        hidden = unseen(picture, service, move, now) if move is not None and scaled else None
        if hidden is not None and (hidden.wait or _runs(picture, service)):
            notes.append(f"{service.name} stops; it is started again after that")
            waits = True
            if hidden.move != move:
                remember.append(SetMove(service.id, hidden.move))
        elif leftovers and service.is_updating and not ours_to_move(service):
            notes.append(f"{service.name} loses Orcastra's constraint once its update is over")
        elif leftovers or scaled:
            steps.append(
                PlaceService(
                    service_id=service.id,
                    name=service.name,
                    purpose=f"take what Orcastra has set off {service.name}",
                    constraints=service.constraints,
                    remove=leftovers,
                    replicas=move.replicas if move is not None and scaled else None,
                    why=("it depends on no anchor any more",)
                    if removals is Removals.ALLOWED
                    else ("its anchor is not configured, and its move is not over",),
                    settles=settles,
                    while_updating=True,
                )
            )
        elif move is not None:
            remember.extend(settles)
    for service_id in sorted((state.moves.keys() | state.attempts.keys()) - picture.service_by_id.keys()):
        remember += [SetMove(service_id, None), SetAttempts(service_id, None)]
    again = MOVING_SECONDS if waits else None
    return Plan(steps=tuple(steps), notes=tuple(notes), remember=tuple(remember), again_seconds=again)


def _runs(picture: Picture, service: Service) -> bool:
    """Whether Swarm knows of containers that may run."""
    for task in picture.tasks_of(service):
        node = picture.node_by_id.get(task.node_id or "")
        if task.state in ALIVE and node is not None and not node.is_down:
            return True
    return False

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the way from a node in service to an empty one: pause, let services leave, drain, wait.

Each pass goes by what is seen, so one that was interrupted is taken up where it was.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain import (
    check_spare,
    left_on,
    one_node,
    plan_availability,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import survey
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.surge import (
    departures,
    plan_departure,
    still_leaving,
    surge_failures,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.sync import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.unfinished import plan_unfinished


@dataclass(frozen=True)
class Pass:
    """One pass: what to do now, what is ``left`` to wait for, and which moves have ``failed``, in words."""

    plan: Plan
    left: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    is_over: bool = False


def next_pass(picture: Picture, wanted: Wanted, state: State, name: str, now: float, *, spare: bool) -> Pass:
    """Plan what comes next for the node ``name``. ``now`` is in seconds since the epoch.

    ``spare``: raise OrcastraError where the managers would lose their quorum without it. Raises it, too,
    unless the name means exactly one node.
    """
    node = one_node(picture, name)
    if spare:
        check_spare(picture, node)
    # without the configuration nothing is known of anchors, and what holds their followers is left alone
    following = (
        plan_anchors(picture, wanted, state, now, balancing=True)
        if wanted.dependencies
        else plan_unfinished(picture, (), state, now)
    )
    mine = departures(state, node)
    failures = surge_failures(picture, state, now)
    failed = tuple(text for service_id, text in failures.items() if service_id in mine)
    if failed:
        return Pass(following, failed=failed)
    if node.availability == "drain":
        left = () if node.is_down else left_on(picture, node.id)
        if mine:
            left = (*left, "the moves off it have not ended")
        plan = following + plan_availability(picture, state, name, "drain", now)
        return Pass(plan, left, is_over=not left and not plan.steps)
    groups = survey(picture, wanted)
    # nothing new comes to a paused node while the rest leaves it
    paused = plan_availability(picture, state, name, "pause", now)
    left = still_leaving(picture, groups, state, node)
    if paused.steps or left:
        return Pass(paused + following + plan_departure(picture, groups, state, node, now), left)
    return Pass(following + plan_availability(picture, state, name, "drain", now))


def preview(picture: Picture, wanted: Wanted, state: State, name: str, now: float, *, spare: bool) -> Plan:
    """All passes at once, as far as they can be known before; raises what the first one raises."""
    node = one_node(picture, name)
    if spare:
        check_spare(picture, node)
    moves = Plan()
    if node.availability != "drain":
        moves = plan_departure(picture, survey(picture, wanted), state, node, now)
    return moves + plan_availability(picture, state, name, "drain", now)

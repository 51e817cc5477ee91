# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a whole sync: labels, followers, restarts."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import ServiceStep
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    SetAttempts,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.followers import (
    DEFAULT_GIVE_UP_SECONDS,
    plan_followers,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import survey
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels import plan_labels
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.restarts import plan_restarts
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.surge import plan_surge_ends
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.unrest import watch_anchors, with_unrest


def plan_anchors(
    picture: Picture,
    wanted: Wanted,
    state: State,
    now: float,
    give_up_seconds: float = DEFAULT_GIVE_UP_SECONDS,
    *,
    static_labels: bool = False,
    retry_now: bool = False,
) -> Plan:
    """Plan everything that keeps followers with their anchors; with ``static_labels`` those of nodes, too.

    ``now`` is in seconds since the epoch. The labels come first: they are what the moves rest on. With
    ``retry_now`` all earlier attempts are forgotten: what waits for its next one, or for an anchor to rest,
    or was given up is tried.
    """
    forgotten = Plan()
    if retry_now:
        edits = tuple(SetAttempts(service_id, None) for service_id in sorted(state.attempts))
        forgotten, state = Plan(remember=edits), replace(state, attempts={}, tracks={})
    groups = survey(picture, wanted)
    tracks = watch_anchors(picture, groups, state, now)
    state = apply_edits(state, tracks)
    groups = with_unrest(groups, state, now)
    moves = plan_followers(picture, groups, state, now, give_up_seconds)
    # one write to a service at a time: the next cycle sees what became of it
    busy = frozenset(step.service_id for step in moves.steps if isinstance(step, ServiceStep))
    return (
        forgotten
        + Plan(remember=tracks)
        + plan_labels(picture, wanted, state, groups, static_labels=static_labels)
        + moves
        + plan_surge_ends(picture, state, now)
        + plan_restarts(picture, groups, state, now, give_up_seconds, busy)
    )

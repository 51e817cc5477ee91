# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a whole sync: labels, followers, restarts; and that of the labels alone."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import ServiceStep
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    SetAttempts,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Removals, Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.followers import (
    DEFAULT_GIVE_UP_SECONDS,
    plan_followers,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import survey, watched_services
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels import plan_labels
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import malformed_records
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance_moves import plan_moves_under_way
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.removal import plan_label_removal
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.restarts import plan_restarts
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.surge import plan_surge_ends
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.unfinished import plan_unfinished
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
    balancing: bool = False,
) -> Plan:
    """Plan everything that keeps followers with their anchors; with ``static_labels`` those of nodes, too.

    ``now`` is in seconds since the epoch. The labels come first: they are what the moves rest on. With
    ``retry_now`` all earlier attempts are forgotten: what waits for its next one or for an anchor to rest, or
    was given up is tried. Of services that aren't configured they are kept, unless the configuration is the
    whole one. With ``balancing`` moves for balance are ended, too.
    """
    removals = wanted.dependency_removals
    forgotten = Plan()
    if retry_now:
        ids = set(state.attempts)
        if removals is not Removals.ALLOWED:
            ids &= watched_services(picture, wanted)
        edits = tuple(SetAttempts(service_id, None) for service_id in sorted(ids))
        kept = {service_id: made for service_id, made in state.attempts.items() if service_id not in ids}
        forgotten, state = Plan(remember=edits), replace(state, attempts=kept, tracks={})
    groups = survey(picture, wanted)
    tracks = watch_anchors(picture, groups, state, now)
    state = apply_edits(state, tracks)
    groups = with_unrest(groups, state, now)
    moves = plan_followers(picture, groups, state, now, give_up_seconds, removals)
    # one write to a service at a time: the next cycle sees what became of it
    busy = frozenset(step.service_id for step in moves.steps if isinstance(step, ServiceStep))
    return (
        forgotten
        + Plan(warnings=malformed_records(picture), remember=tracks)
        + plan_labels(picture, wanted, state, groups, static_labels=static_labels)
        + moves
        + plan_surge_ends(picture, state, now)
        + (plan_moves_under_way(picture, groups, state, now) if balancing else Plan())
        + plan_restarts(picture, groups, state, now, give_up_seconds, busy, removals)
    )


def plan_label_sync(picture: Picture, wanted: Wanted, state: State, now: float) -> Plan:
    """Plan all labels; moves that are under way are ended, and none is begun."""
    groups = survey(picture, wanted)
    labels = plan_labels(picture, wanted, state, groups)
    return labels + plan_unfinished(picture, groups, state, now)


def plan_removal(picture: Picture, state: State, now: float, released: Iterable[str] = ()) -> Plan:
    """Plan the removal of all our labels; moves that are under way are ended.

    ``released``: names of services that lose our constraints before that.
    """
    return plan_label_removal(picture, state, released) + plan_unfinished(picture, (), state, now)

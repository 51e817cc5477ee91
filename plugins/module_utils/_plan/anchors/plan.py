# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan a whole sync (labels, followers, restarts), or the labels alone."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..._model.desired import DesiredState, Removals
from ..._model.service_steps import ServiceStep
from ..._model.snapshot import SwarmSnapshot
from ..._model.state import SetAttempts, State, apply_edits
from ..._model.steps import Plan
from ..drain.surge import plan_surge_ends
from ..labels.plan import plan_labels
from ..labels.removal import plan_label_removal
from ..rebalance.moves import plan_moves_under_way
from ..relocation.unfinished import plan_unfinished
from ..scheduling.managed import malformed_records
from .followers import DEFAULT_GIVE_UP_SECONDS, plan_followers
from .groups import resolve_anchor_groups, watched_services
from .restarts import plan_restarts
from .unrest import watch_anchors, with_unrest


def plan_anchors(
    snapshot: SwarmSnapshot,
    desired: DesiredState,
    state: State,
    now: float,
    give_up_seconds: float = DEFAULT_GIVE_UP_SECONDS,
    *,
    static_labels: bool = False,
    retry_now: bool = False,
    balancing: bool = False,
) -> Plan:
    """Plan everything that keeps followers with their anchors, and with ``static_labels`` the nodes' labels.

    ``now`` is in seconds since the epoch. The labels come first, because the moves depend on them.
    ``retry_now`` forgets all earlier attempts, so that services in backoff and those given up are tried now.
    Attempts of services that aren't configured are kept unless the configuration is complete. ``balancing``
    also ends moves for balance.
    """
    removals = desired.dependency_removals
    forgotten = Plan()
    if retry_now:
        ids = set(state.attempts)
        if removals is not Removals.ALLOWED:
            ids &= watched_services(snapshot, desired)
        edits = tuple(SetAttempts(service_id, None) for service_id in sorted(ids))
        kept = {service_id: made for service_id, made in state.attempts.items() if service_id not in ids}
        forgotten, state = Plan(remember=edits), replace(state, attempts=kept, tracks={})
    groups = resolve_anchor_groups(snapshot, desired)
    tracks = watch_anchors(snapshot, groups, state, now)
    state = apply_edits(state, tracks)
    groups = with_unrest(groups, state, now)
    moves = plan_followers(snapshot, groups, state, now, give_up_seconds, removals)
    # one write to a service per cycle: the next cycle sees the result
    busy = frozenset(step.service_id for step in moves.steps if isinstance(step, ServiceStep))
    return (
        forgotten
        + Plan(warnings=malformed_records(snapshot), remember=tracks)
        + plan_labels(snapshot, desired, state, groups, static_labels=static_labels)
        + moves
        + plan_surge_ends(snapshot, state, now)
        + (plan_moves_under_way(snapshot, groups, state, now) if balancing else Plan())
        + plan_restarts(snapshot, groups, state, now, give_up_seconds, busy, removals)
    )


def plan_label_sync(snapshot: SwarmSnapshot, desired: DesiredState, state: State, now: float) -> Plan:
    """Plan all labels, and end the moves that are under way. No move begins."""
    groups = resolve_anchor_groups(snapshot, desired)
    labels = plan_labels(snapshot, desired, state, groups)
    return labels + plan_unfinished(snapshot, groups, state, now)


def plan_removal(snapshot: SwarmSnapshot, state: State, now: float, released: Iterable[str] = ()) -> Plan:
    """Plan the removal of all our labels, and end the moves that are under way.

    ``released``: names of services that lose their managed constraints before that.
    """
    return plan_label_removal(snapshot, state, released) + plan_unfinished(snapshot, (), state, now)

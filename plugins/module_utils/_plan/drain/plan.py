# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan how to empty a node: pause it, let services leave, drain it, wait.

Each pass depends only on the snapshot, so the next one continues an interrupted drain.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ..._model.desired import DesiredState
from ..._model.reasons import Reason
from ..._model.snapshot import SwarmSnapshot
from ..._model.state import State
from ..._model.steps import Plan
from ..anchors.groups import resolve_anchor_groups
from ..anchors.plan import plan_anchors
from ..relocation.unfinished import plan_unfinished
from .availability import check_spare, left_on, one_node, plan_availability
from .surge import departures, plan_departure, still_leaving, surge_failures


@dataclass(frozen=True)
class Pass:
    """One pass: the plan, the tasks ``left`` on the node, and the moves that have ``failed``."""

    plan: Plan
    left: tuple[Reason, ...] = ()
    failed: tuple[Reason, ...] = ()
    is_over: bool = False


def next_pass(
    snapshot: SwarmSnapshot,
    desired: DesiredState,
    state: State,
    name: str,
    now: float,
    *,
    protect_quorum: bool,
) -> Pass:
    """Plan the next pass for the node ``name``. ``now`` is in seconds since the epoch.

    ``protect_quorum``: raise OrcastraError if the managers would lose their quorum without it, and
    unless the name means exactly one node.
    """
    node = one_node(snapshot, name)
    if protect_quorum:
        check_spare(snapshot, node)
    # without the configuration the anchors are unknown, so the constraints of followers are not changed
    following = (
        plan_anchors(snapshot, desired, state, now, balancing=True)
        if desired.dependencies
        else plan_unfinished(snapshot, (), state, now)
    )
    mine = departures(state, node)
    failures = surge_failures(snapshot, state, now)
    failed = tuple(reason for service_id, reason in failures.items() if service_id in mine)
    if failed:
        return Pass(following, failed=failed)
    if node.availability == "drain":
        left = () if node.is_down else left_on(snapshot, node.id)
        if mine:
            left = (*left, Reason("moves_not_ended"))
        plan = following + plan_availability(snapshot, state, name, "drain", now)
        return Pass(plan, left, is_over=not left and not plan.steps)
    groups = resolve_anchor_groups(snapshot, desired)
    # no new task starts on a paused node while the others leave
    paused = plan_availability(snapshot, state, name, "pause", now)
    left = still_leaving(snapshot, groups, state, node)
    if paused.steps or left:
        return Pass(paused + following + plan_departure(snapshot, groups, state, node, now), left)
    return Pass(following + plan_availability(snapshot, state, name, "drain", now))


def preview(
    snapshot: SwarmSnapshot,
    desired: DesiredState,
    state: State,
    name: str,
    now: float,
    *,
    protect_quorum: bool,
) -> Plan:
    """Return all passes as far as they can be predicted. Raises the same errors as the first pass."""
    node = one_node(snapshot, name)
    if protect_quorum:
        check_spare(snapshot, node)
    moves = Plan()
    if node.availability != "drain":
        moves = plan_departure(snapshot, resolve_anchor_groups(snapshot, desired), state, node, now)
    return moves + plan_availability(snapshot, state, name, "drain", now)

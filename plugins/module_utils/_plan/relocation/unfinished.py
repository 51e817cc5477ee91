# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End the moves that are under way, of whatever kind and whoever has begun them; begin none.

Every planner of the swarm includes this, so that no service stays where a move has left it because only a
part of Orcastra is used, or the configuration has changed meanwhile.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.snapshot import SwarmSnapshot
from ..._model.state import State
from ..._model.steps import Plan
from ..anchors.followers import plan_followers
from ..anchors.groups import AnchorGroup
from ..drain.surge import plan_surge_ends
from ..rebalance.moves import plan_moves_under_way


def plan_unfinished(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    state: State,
    now: float,
    *,
    balancing: bool = True,
) -> Plan:
    """Plan how moves end. ``groups`` are the anchors that are known; ``now`` is in seconds since the epoch.

    Without ``balancing``, moves for balance are left to their own planner.
    """
    plan = plan_followers(snapshot, groups, state, now, begin=False)
    plan += plan_surge_ends(snapshot, state, now)
    return plan + plan_moves_under_way(snapshot, groups, state, now) if balancing else plan

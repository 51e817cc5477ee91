# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End all moves that are under way, of any kind and by any instance; begin none.

Every planner includes this, so that no move stays unfinished because only a part of Orcastra is in use or the
configuration has changed.
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
    """Plan the ends of all moves. ``groups``: the known anchors. ``now``: seconds since the epoch.

    Without ``balancing``, moves for balance are left to the rebalance planner.
    """
    plan = plan_followers(snapshot, groups, state, now, begin=False)
    plan += plan_surge_ends(snapshot, state, now)
    return plan + plan_moves_under_way(snapshot, groups, state, now) if balancing else plan

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a service runs where it runs, and what would move it."""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "runs_on_each_node": "it is global: Swarm runs it on each node that its constraints allow",
    "follows_anchors": "it follows {anchors:and}{nodes:after  on }",
    "is_misplaced": "it is misplaced on {nodes:and}; Orcastra moves it as soon as it can",
    "leads_followers": "it is the anchor of {followers:and}",
    "user_constraint": "its constraint {constraint} allows {nodes:and}",
    "managed_constraint": "Orcastra's constraint {constraint} allows {nodes:and}",
    "constraint_met_nowhere": "its constraint {constraint} allows none of the nodes",
    "spread_preference": "Swarm spreads its tasks over the values of {label}",
    "swarm_chose": (
        "Swarm chose among {nodes:and}: the node with the fewest tasks of this service, then with the fewest "
        "tasks of all"
    ),
    "only_suitable_node": "no node other than {nodes:and} is suitable",
    "no_suitable_node": "no node is suitable",
    "node_is_full": "no more than {count:plural task} fit there",
    "follows_when_anchor_moves": "it moves with {anchors:and}",
    "followers_move_along": "a move of it takes {followers:and} along",
    "moves_if_lost": "if {node} is lost or drained, it moves to {to:or}",
    "no_node_if_lost": "if {node} is lost or drained, no node is suitable, and its tasks wait",
    "not_replaced_if_lost": "if {node} is lost, its tasks are not replaced: the restart condition is 'none'",
    "data_left_if_lost": "its data stays on {node}: {data:and}",
    "suitable_without_constraints": "without {constraints:and}, {nodes:and} would be suitable",
}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spreading of replicas and tasks."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "move_to_spread": "move {unit} from {source} to {target}",
    "move_task_to_spread": "move one task of {service} from {source} to {target}",
    # why a move was chosen
    "replicas_uneven": "{source} runs {here:plural task} of {service}, {target} runs {there}",
    "topology_uneven": (
        "nodes with {label}={here_value} run {here:plural task} of {service}, nodes with "
        "{label}={there_value} run {there}"
    ),
    "tasks_uneven": "{source} runs {here:plural task}, {target} runs {there}",
    "others_stay": "one task moves; {count:plural other} on {node} will not be touched",
    # why a task stays
    "preferred_node_decides": "it has a preferred node",
    "spread_leaves_data": "its data at {target} would stay behind",
    "node_not_settled": (
        "the node changed {ago:duration} ago, and takes tasks after {needed:duration} without a change"
    ),
    "target_short_of_memory": "it would use {share:.0%} of its memory",
    "memory_gap_would_open": (
        "it would then use {gap:bytes} more than the other node, and the limit is {limit:bytes}"
    ),
    "would_uneven_replicas": "{there:plural task} of the service already run there, and only {here} here",
    "spread_without_remedy": "replicas or tasks are uneven, and nothing moves: {reasons:by ; }",
    "spread_without_memory": "no node reports its memory, so tasks are spread, and memory is not balanced",
    # the hint
    "spread_would_move": (
        "replicas or tasks are uneven ({reasons:by ; }); with spread: {{}} in rebalance_config.yml, Orcastra "
        "would {move}"
    ),
}

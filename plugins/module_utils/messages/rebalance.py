# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory-aware rebalancing."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

_GAP = (
    "{source} uses {source_share:.0%} of its memory, {target} {target_share:.0%}: "
    "a gap of {gap:bytes} for {seconds:duration}"
)
_PREDICTED = "predicted {source_share:.0%} on {source}, {target_share:.0%} on {target}"
_STAYS = "would stay behind; name the service under services, or set its label {label}=true"

MESSAGES: dict[str, str] = {
    "move_to_balance": "move {unit} from {source} to {target}",
    # why a move was chosen
    "memory_gap": _GAP,
    "memory_predicted": f"it uses {{memory:bytes}}: {_PREDICTED}",
    "first_of_moves": "best as the first of {count:plural move}; the others are reconsidered afterwards",
    "planned_with_last_move": "planned together with the previous move, and no other move is much better now",
    "not_on_preferred_node": "{preferred} is its preferred node, but it runs on {current}",
    "pressure_stays_below_worst": (
        "predicted {share:.0%} on {host}, no more than the highest memory use ({worst:.0%})"
    ),
    "nodes_excluded": "{count:plural node} also excluded, so that Swarm chooses {node}",
    "chosen_to_move": "moves to {node}",
    # why nothing moves
    "gap_on_busy_host": f"{_GAP}; nothing moves: {{reason}}",
    "gap_must_last": f"{_GAP}; nothing moves until it has lasted for {{needed:duration}}",
    "gap_without_remedy": f"{_GAP}, and no move can reduce it",
    "unit_not_moved": "{unit} on {node}: {reasons:by ; }",
    "node_left_out": "node {node}: {reason}; nothing moves to or from it",
    # nodes and hosts
    "node_state_unusable": "the node is {state}",
    "node_availability_unusable": "the node's availability is {availability}",
    "node_unmeasured": "there is no recent measurement of the node's memory",
    "host_left_alone": "{host}: {reason}",
    "host_in_move": "a move to or from it is under way",
    "host_just_in_move": (
        "a service has just moved to or from it, and its memory measurement may be older than the move"
    ),
    # why a unit can't move to any host
    "moves_with_anchor": "it follows {anchors:and} and moves with its anchor",
    "anchor_has_replicas": "it is an anchor with several tasks, and its followers can join only one",
    "follower_not_movable": "{follower}, which follows it: {reason}",
    "follows_other_anchor": "it also follows {anchor}",
    "rebalance_label_false": "its label {label} is false",
    "service_not_replicated": "it is a {mode} service",
    "service_runs_once": "its restart condition is 'none': it runs to completion on its node",
    "volume_stays": f"its volume {{volume}} {_STAYS}",
    "volume_not_on_node": "{node} doesn't report the same volume {volume}",
    "host_path_stays": f"its host path {{path}} {_STAYS}",
    "service_in_update": "Swarm is updating it ({state})",
    "service_in_move": "it is already being moved",
    "service_in_retry": "it is being restarted after a failure",
    "not_all_tasks_running": "not all of its tasks are running",
    "finished_tasks_would_rerun": "some of its tasks have finished, and a move would run them again",
    "not_yet_co_located": "it is not on its anchor's node yet",
    "memory_use_unknown": "its memory use is unknown: it is neither measured nor reserved",
    "on_preferred_node": "{node} is its preferred node",
    "cooling_down": "it moved {ago:duration} ago and can move again in {left:duration}",
    "cooling_down_after_failure": "its move failed {ago:duration} ago; it can move again in {left:duration}",
    # why it can't move to a host
    "no_other_host": "there is no other host",
    "target_refused": "to {host}: {reason}",
    "pressure_not_lower": "its memory use is no lower",
    "gap_too_small": "the gap is {gap:bytes}, less than the required {needed:bytes}",
    "gap_would_reverse": "moving {memory:bytes} would only reverse the gap",
    "gain_too_small": "moving {memory:bytes} would gain {gain:bytes}, less than the required {needed:bytes}",
    "gap_too_recent": "the gap has not lasted long enough",
    "other_move_better": f"it could go to {{target}} ({_PREDICTED}), but another move is better",
    "move_there_failed": "a move to it failed {ago:duration} ago: {error}",
    "moved_off_recently": "it was moved off this node {ago:duration} ago",
    "too_many_tasks_there": (
        "it has room for {most:plural task} of this service, and {present} already run there"
    ),
    "placement_preferences_decide": "its placement preferences decide where its tasks go",
    "swarm_prefers_node": "Swarm would choose {node}, which runs no more of its tasks",
    "swarm_prefers_many_nodes": "Swarm would choose one of many nodes with fewer tasks",
    "preferred_node_refused": "can't go to its preferred node {node}: {reason}",
    "preferred_node_has_task": "one of its tasks already runs there",
    "would_be_worst_pressure": "it would exceed the highest memory use",
    # the configuration
    "rebalance_service_unknown": "services.{name}: {reason}",
    "preferred_node_unknown": "{service}: label {label}: there is no node {node} in this swarm",
    "preferred_node_misspelt": (
        "{service}: label {label}: there is no node {node} in this swarm; did you mean {hint:quoted}?"
    ),
    "preferred_node_ambiguous": (
        "{service}: label {label}: {count} nodes have the host name {node}, so none of them is preferred"
    ),
}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anchors, their followers, and moves."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # places of anchors
    "anchor_not_found": "dependencies.{anchor}: {problem}; its label is not changed{hint:after ; }",
    "anchor_runs_there": "{anchor} runs there",
    "anchor_finished_there": "{anchor} has finished there",
    "anchor_runs_elsewhere": "{anchor} runs on {nodes}",
    "anchor_finished_elsewhere": "{anchor} has finished on {nodes}",
    "anchor_scaled_to_0": (
        "{anchor} is scaled to 0; its label {label} stays where it is until {anchor} runs again"
    ),
    "anchor_has_no_task": (
        "{anchor} has no tasks; its label {label} stays where it is until {anchor} runs again"
    ),
    "anchor_not_running": (
        "{running} of {desired} tasks of {anchor} are running; its label {label} stays where it is until all "
        "of them are"
    ),
    "anchor_keeps_moving": (
        "{anchor} keeps moving; each of its followers moves at most once every {pause:duration} until "
        "{anchor} has stayed on its node for {rest:duration}"
    ),
    # why an anchor's label stays on a node
    "label_kept_during_move": "{service} is being moved",
    "label_required_by_constraint": "{service} runs there, and its constraint requires the label",
    "label_kept_until_finished": "{service} runs to completion there: its restart condition is 'none'",
    "label_kept_until_released": "Swarm could rerun a task of {service}; its constraint is removed first",
    "label_kept_for_stuck_follower": "{service} runs there and cannot run on its anchor's node",
    "label_kept_until_moved": "{service} has not left the node yet",
    # followers
    "follower_not_found": "dependencies.{anchor}: {problem}{hint:after ; }",
    "follower_misplaced": "it depends on {anchors:and} on {anchor_nodes} but runs on {nodes}",
    "follower_cannot_follow": "{service} cannot run with {anchors:and} on {node}: {obstacles:and}",
    "too_few_tasks_fit": "only {fit} of its {replicas} tasks fit on its anchor's nodes",
    "follower_runs_to_its_end": (
        "{service} runs to completion on {nodes}: its restart condition is 'none', so Orcastra does not "
        "start it again on another node"
    ),
    "follower_moved": "move {service} to {nodes}",
    "follower_held": "pin {service} to the node of {anchor}",
    "constraint_missing": "it depends on {anchor} but has no constraint on its label",
    "managed_constraint_removed": "remove Orcastra's constraint from {service}",
    "constraint_not_needed": "{constraints} is no longer needed",
    "constraints_wait_for_update": "{service} gets its constraints after its update (currently {state})",
    "constraints_wait_for_tasks": "{service} gets its constraints when all of its tasks are running",
    "constraint_could_repeat_tasks": (
        "{service} gets no constraint on label {label}: tasks{nodes:after  on } started without it, and "
        "Swarm could rerun them"
    ),
    "constraint_kept_for_tasks": (
        "{service} keeps its constraints: any change of them would make Swarm rerun its finished tasks"
    ),
    "pinned_too_late": "Swarm could rerun tasks that started before {service} had it",
    "anchors_apart": (
        "{service} follows {anchor}, not {others:or}: they run on different nodes, and the first anchor in "
        "the configuration takes precedence"
    ),
    "copy_may_still_run": (
        "{service} ran on {nodes}, which is down. If that host is only cut off from the swarm, the old copy "
        "still runs there, and Orcastra cannot wait for it to stop"
    ),
    "job_not_moved": "{service} is a {mode}, and jobs are not moved",
    # when a misplaced follower is moved
    "misplaced_until_stopped": "{service} is on the wrong node; it moves when its old container has stopped",
    "misplaced_until_retry": "{service} is on the wrong node; next move attempt in {seconds:duration}",
    "misplaced_until_updated": (
        "{service} is on the wrong node; it moves after its update (currently {state})"
    ),
    "misplaced_and_paused": (
        "{service} is on the wrong node (its anchor is {anchor}), and its update is {state}; it moves after "
        "you finish the update (docker service update) or roll it back (docker service rollback)"
    ),
    "move_would_repeat_tasks": "{service} stays on {nodes}: a move would rerun its finished tasks",
    # how it is moved, and the rejected alternatives
    "starts_new_copy_first": (
        "its update order is start-first: Swarm would start the new copy before it stops the old one"
    ),
    "stop_grace_too_long": (
        "it may take {seconds:duration} to stop, and Swarm waits only {swarm_waits:duration} before it "
        "starts a second copy"
    ),
    "constraint_could_overlap": "moving it by a constraint alone: two copies could run at the same time",
    "no_eviction_by_option": "removing the label from its node immediately (evict): relocate is 'ordered'",
    "no_eviction_of_data": (
        "removing the label from its node immediately (evict): it keeps data on its node, so two copies must "
        "not run at the same time"
    ),
    "no_eviction_of_shared_label": (
        "removing the label from its node immediately (evict): another follower with the same label keeps "
        "data on its node"
    ),
    "label_evicts_nothing": (
        "moving only the label: Swarm evicts no tasks from a node with availability {availability}"
    ),
    "label_kept_by_anchor": "moving only the label: node {node} keeps it because its anchor runs there",
    "label_kept": "moving only the label: node {node} keeps it because {why}",
    "no_constraint_on_label": "moving only the label: the service has no constraint on it",
    "no_wait_for_watched_move": (
        "waiting until Swarm has finished monitoring the previous move: the service has arrived, and its "
        "anchor has moved on"
    ),
    # progress and end of a move, of any kind
    "move_ends": "end the move of {service}",
    "move_undone": "undo the move of {service}",
    "service_moved_back": "move {service} back to {nodes}",
    "service_started": "start {service} on {nodes}",
    "service_started_again": "start {service} again",
    "beside_anchor": "it runs on the node of {anchor}",
    "move_arrived": "it has arrived{nodes:after  on }",
    "containers_stopped": "all of its containers have stopped",
    "anchor_moved_on": "{anchor} has moved to another node",
    "earlier_move_failed": "its move failed",
    "move_under_way": "{service} is moving{nodes:after  to }{error:after ; Swarm reports: }",
    "move_watched": "{service} has arrived; its move ends when Swarm has finished monitoring its update",
    "move_waits_for_old_task": "{service} is stopping on {nodes}",
    "move_waits_for_update": "the move of {service} waits for its update ({state})",
    "move_continues_later": (
        "{service} is still moving to the previous node of {anchor}; it follows {anchor} after this update"
    ),
    "move_stops_service": "{service} is stopping; it starts again after that",
    "leader_unheard": "{service} has not started yet: the swarm's new leader has not heard from {nodes}",
    "leader_forgot": (
        "{service} starts after {seconds:duration}: its old containers may still be stopping, and the "
        "swarm's new leader does not know them"
    ),
    "move_failed": "the move of {service}{nodes:after  to } failed: {failure}",
    "move_overdue": "it did not finish within {seconds:duration}{error:after ; Swarm reports: }",
    "move_paused": "Swarm paused its update{error:after : }",
    "move_rolled_back": "Swarm rolled back its update",
    "move_given_up_by_swarm": "Swarm gave up on it on its new node",
    # orphaned constraints
    "orphan_released": "remove Orcastra's settings from {service}",
    "orphan_waits_for_update": "Orcastra's constraint is removed from {service} after its update",
    "follows_no_anchor": "it no longer depends on an anchor",
    "follows_foreign_anchor": "{service} is moving to {anchor}, which is not configured here",
    "journal_entry_lost": "the journal entry of its move is lost",
    "record_removed_later": "Orcastra's record of the move of {service} is removed later",
    "rescaled_by_user": "a user has scaled it since Orcastra scaled it to 0 for the move",
    # restarts and retries
    "misplaced": "it is not on its anchor's node",
    "restart_refused": "{service} can't be restarted while Swarm updates it ({state})",
    "anchor_restarted": "its anchor was restarted",
    "attempts_exhausted": "{count:plural attempt} failed",
    "give_up_time_over": "still failing after {seconds:duration} and {count:plural attempt}",
    "service_given_up": "giving up on {service}: {why}; {problem}",
    "swarm_gave_up_tasks": "Swarm gave up on {missing} of its {replicas} tasks ({state}{error:after : })",
    "exit_code": "exit code {number}",
    "restart_requested": "requested by the user",
    "restart_would_repeat_tasks": (
        "{service}: {problem}; not restarted, because that would rerun {count:plural finished task}"
    ),
    "restart_left_to_update": "{service}: {problem}; not restarted, because its update is {state}",
    "restart_waits": "{service}: {problem}; next restart in {seconds:duration}",
    "restarts_with_anchor": "{anchor} was restarted, and restart_dependents is on",
    "restart_policy_does_not_help": "leaving it to Swarm: its restart policy does not cover this",
    "tasks_failed_for_good": (
        "{service}: {count:plural task} failed ({state}{error:after : }) and will not restart, because the "
        "restart condition is 'none'"
    ),
}

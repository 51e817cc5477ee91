# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drains and reboots of nodes."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "availability_requested": "requested by the user",
    "drains_last_active_node": "node {node}: no other node is ready and active, so its tasks stay pending",
    "node_being_drained": "{node} is being drained",
    "drain_would_stop_first": "its update order is start-first, but Swarm's drain would stop it first",
    "followers_go_along": "{services} must move with it",
    "drain_stops_service": (
        "{service}: no other node can run its tasks from {node}, so the drain stops them and they stay "
        "pending"
    ),
    "drain_ends_task": (
        "{service}: the drain ends its task on {node} for good, because its restart condition is 'none'"
    ),
    "service_moved": "move {service} from {source} to {target}",
    "service_moved_off": "move {service} from {source} to another node",
    "has_not_left": "{service} has not left {node} yet{state:after ; its update is }",
    "has_not_followed": "{service} has not followed {anchor} yet",
    "moves_not_ended": "moves away from it are still under way",
    "task_not_gone": "{service} still has a task there ({state})",
    "task_stopping": "{service} is stopping, which may take {seconds:duration}",
    "handover_no_ready_node": (
        "no other instance could take over: it must run on another manager, and no other node of this swarm "
        "is ready"
    ),
    "handover_refused": "{error}",
    "handover_not_taken": (
        "{hosts} was not rebooted: this instance runs there, and no other instance could take over. To have "
        "it rebooted, run an instance with an ORCASTRA_INVENTORY on another manager"
    ),
    "handover_lost": (
        "{hosts} was handed over to the instance on {instance}, which is gone. It is unknown how far that "
        "run got, and it is not repeated"
    ),
    "node_out_of_service": (
        "node {node} is now out of service ({availability}); to put it back, run `orcastra command "
        "activate_node {node}`"
    ),
    "removed_service_left": "a task of the removed service {service} is still there ({state})",
}

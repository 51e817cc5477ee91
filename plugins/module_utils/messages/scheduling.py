# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scheduling: constraints, tasks, and services that are short of tasks."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "service_short_of_tasks": "{service}: {reasons:by . }",
    "short_of_paused_update": "its update is {state}{message:after : }",
    "tasks_fail": "{count:plural task} failing{nodes:after  on }: {errors:by ; }",
    "tasks_fail_repeatedly": "{count:plural task} failing repeatedly{nodes:after  on }: {errors:by ; }",
    "tasks_end": "{count:plural task} ending{nodes:after  on }: {errors:by ; }",
    "tasks_end_repeatedly": "{count:plural task} ending repeatedly{nodes:after  on }: {errors:by ; }",
    "tasks_rejected": "{count:plural task} rejected{nodes:after  on }: {errors:by ; }",
    "tasks_rejected_repeatedly": "{count:plural task} rejected repeatedly{nodes:after  on }: {errors:by ; }",
    "tasks_wait": "{count:plural task} waiting for a node",
    "tasks_wait_despite_suitable_node": (
        "{count:plural task} waiting for a node although {node} is suitable{said:after ; Swarm reports: }. "
        "Next step: if this persists, run `docker service update --force {service}`"
    ),
    "tasks_wait_for_suitable_node": (
        "{count:plural task} waiting for a node. {unsuitable:by . }{more:after  … }"
    ),
    "nodes_unsuitable": "{nodes}: {obstacles:by ; }",
    "tasks_given_up": "Swarm gave up on {count} of {total:plural task} ({states}: {errors:by ; })",
    "tasks_ran_on_lost_node": "{count:plural task} ran on {nodes:and}, which is down",
    "tasks_ran_on_removed_node": "{count:plural task} ran on a node that has left the swarm",
    "tasks_not_created": "{count:plural task} not created yet",
    "tasks_start": "{count:plural task} starting{nodes:after  on } ({states})",
    "tasks_stop": "{count:plural task} stopping{nodes:after  on } ({states})",
    "target_not_ready": "the node is {state}",
    "target_not_active": "the node's availability is {availability}",
    "constraint_violated": "its constraint {constraint} forbids it",
    "platform_unsupported": "its image is for {platforms}, but the node is {platform}",
    "memory_reserved": (
        "it reserves {reserved:bytes} of memory, but the node has only {unreserved:bytes} unreserved"
    ),
    "cpus_reserved": "it reserves {reserved} CPUs, but the node has only {unreserved} unreserved",
    "port_taken": "{service} already uses port {port}/{protocol} of the node",
    "max_replicas_reached": "it may run at most {maximum:plural task} on one node",
}

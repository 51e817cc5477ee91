# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bootstrap and membership repair: the members and managers of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # hosts whose state is unknown or in doubt
    "host_silent": "it is not a host of this play, or it did not answer",
    "host_not_asked": "{problem}",
    "node_id_shared": (
        "{hosts:and} report the same node ID, {node_id}: they are one host under two names, or one is a copy "
        "of the other's disk"
    ),
    "host_name_shared": "{hosts:and} have the same host name, {hostname}; give each host a unique one",
    "host_at_fault": "{host}: {because}",
    "host_doubted": "{host}: {because}",
    "host_name_differs": (
        "nodes.{name}: expected the host name ({hostname}), found {name}; labels and other changes in the "
        "swarm do not reach this node. Next step: rename the entry, or set orcastra_node_name={hostname}"
    ),
    "host_repaired_by_playbook": "{because}. If it does not come back, Orcastra runs the playbook {playbook}",
    "host_repaired_by_user": (
        "{because}. If this persists, run the playbook {playbook}, or set ORCASTRA_INVENTORY to have "
        "Orcastra run it"
    ),
    "host_not_configured": "{host} is not one of the configured nodes, so it is not changed",
    "node_id_unknown": "{host} reports that it is node {node_id}, but this swarm has no such node",
    "node_claimed_twice": "{hosts:and}: expected a node for each, found node {node_id} for all of them",
    # hosts that have lost their membership, or belong to another swarm
    "manager_dropped": "it has the manager role but is no longer one of the managers",
    "membership_unknown": "it reports that it is node {node_id}, but the swarm has no such node",
    "swarm_managed_by_host": "the swarm {cluster_id}, which it manages",
    "swarm_of_others": "another swarm{managers:after , managed by }",
    "swarm_obscure": "an unknown swarm; its engine reports {state:quoted}{error:after : }",
    "host_in_other_swarm": (
        "{host} belongs to {swarm}; to make it leave that swarm, set orcastra_leave_other_swarm=true"
    ),
    # which hosts manage the swarm
    "manager_not_believed": (
        "it reports that it manages the swarm, but this is not confirmed{others:after ; contradicted by }"
    ),
    "host_claims": "{host} reports that it manages the swarm, confirmed by {votes}",
    "hosts_silent": "no answer from {hosts:and}",
    "hosts_in_swarm": "also in a swarm: {hosts}",
    "no_majority": (
        "the configured managers ({electors}) have no majority on which hosts manage the swarm, so no host "
        "joins or leaves it: {facts:by ; }. Next step: make sure that {needed} of them answer. To name the "
        "swarm, set swarm.cluster_id; to name the hosts that decide, set role: manager"
    ),
    "swarm_contested": "{host}: {because}",
    "membership_blocked": "{host}: {because}",
    # no host manages the swarm
    "managers_locked": "the managers {hosts:and} are locked; unlock them first",
    "no_manager_among_hosts": (
        "none of the hosts that answer manages the swarm, and no new swarm is created because these hosts "
        "are already in one: {hosts}"
    ),
    "swarm_unmanaged": "no host manages the swarm {cluster_id}",
    "no_swarm": "no host is in a swarm; to create one, run the playbook orcastra.swarm.bootstrap",
    "leader_undecided": "no swarm is created: no host can be its leader",
    "leader_not_in_play": "the leader {leader} is not a host of this play",
    "leader_at_fault": "no swarm is created: the leader {leader} can't create it: {because}",
    "managers_silent": "no swarm is created: {hosts:and} did not answer and may already be its managers",
    "quorum_lost": (
        "the swarm has lost its quorum: {count} of its {total} managers are gone ({gone}). Containers keep "
        "running, but nothing can be changed. Next step: bring back {needed} of them. Only if they are lost "
        "for good: run the playbook orcastra.swarm.heal with -e orcastra_force_new_cluster={survivor}"
    ),
    "quorum_lost_somehow": (
        "the swarm has lost its quorum: too few of its managers are online. Containers keep running, but "
        "nothing can be changed. Next step: bring managers back. Only if they are lost for good: run the "
        "playbook orcastra.swarm.heal with -e orcastra_force_new_cluster={survivor}"
    ),
    "survivor_unsuitable": (
        "orcastra_force_new_cluster: expected one of its managers that answer ({hosts}), found {found}; "
        "nothing was changed. {because}"
    ),
    # steps on a host
    "leader_without_swarm": "no host is in a swarm, and this host is the leader",
    "survivor_chosen": "the swarm {cluster_id} has lost its quorum, and {host} was chosen to continue alone",
    "configured_without_swarm": "it is configured but not in a swarm",
    "manager_locked": "the swarm is autolocked, and the engine has restarted",
    "unlock_key_missing": (
        "{host}: its manager is locked and needs the unlock key (orcastra_unlock_key; `docker swarm "
        "unlock-key` shows it on another manager)"
    ),
    "leaving_requested": "orcastra_leave_other_swarm is true, so it leaves any other swarm",
    "absence_requested": "state is absent, so it leaves its swarm",
    "leaving_locked_manager": "{host}: its manager is locked; unlock it, or set force=true to leave anyway",
    "leaving_without_quorum": "{host}: its swarm has no quorum; set force=true to leave anyway",
    "leaving_last_manager": (
        "{host}: it is the last manager; with force=true it leaves, and the swarm ends with all its services"
    ),
    # nodes of the swarm
    "node_missing": "{name} is not in the swarm",
    "promotion_under_way": "node {node} is becoming a manager",
    "manager_configured": "it is configured as a manager",
    "worker_configured": "it is configured as a worker",
    "demotion_waits": "{nodes:and} stays a manager for now: {because:by ; }",
    "managers_even": (
        "the swarm has an even number of managers ({count}); {nodes:and} is not configured, so its role is "
        "not changed"
    ),
    "host_returned": "{host} is back as {node_id}",
    "promotion_risks_quorum": (
        "promoting first: with another dead manager, one more failure could cost the quorum"
    ),
    "stale_entry_waits": (
        "the stale entry {node_id} of node {node} is removed when it has been down for {seconds:duration}"
    ),
    "availability_differs": "{configured} is configured, but its availability is {found}",
    "node_kept_out": (
        "node {node} stays out of service ({availability}), as requested; to put it back, run `orcastra "
        "command activate_node {node}`"
    ),
    # settings of the swarm
    "autolock_turned_on": (
        "from now on, managers are locked whenever their engine starts. Run `docker swarm unlock-key` on a "
        "manager and store the key in a vault as orcastra_unlock_key"
    ),
    "swarm_setting_fixed": (
        "swarm.{key}: expected {expected}, as set when the swarm was created, found {found}; it can't be "
        "changed"
    ),
    "swarm_setting_differs": "{field} is {found}, but {configured} is configured",
    "swarm_setting_missing": "{field} is not set, but {configured} is configured",
    # paused updates
    "update_paused": "the update of {service} is paused{message:after : }",
    "rollback_paused": "the rollback of {service} is paused{message:after : }",
    "update_paused_by_finished_tasks": (
        "the update of {service} is paused only because its tasks finished early; nothing is wrong with it"
    ),
    "update_needs_user": "{because}. Next step: fix the cause, then run `docker service update {service}`",
    "update_needs_user_or_rollback": (
        "{because}. Next step: fix the cause, then run `docker service update {service}`, or run `docker "
        "service rollback {service}`"
    ),
    "resume_requested": "resume was requested",
    "rollback_requested": "rollback was requested",
    "all_tasks_run": "all of its tasks are running now",
    "updated_tasks_missing": "{count:plural task} not running",
    "updated_tasks_fail": "its tasks fail: {error}",
    "rollback_without_failure": "rolling it back: none of its tasks is failing",
    "resume_would_fail": "resuming it: it would fail again",
}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bootstrap and heal: who is a member and a manager of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # hosts that can't be dealt with
    "host_silent": "it is not among the hosts of this play, or did not answer",
    "host_not_asked": "{problem}",
    "node_id_shared": (
        "{hosts:and} say that they are the same node, {node_id}: one host under two names, or a copy of the "
        "other's disk"
    ),
    "host_name_shared": "{hosts:and} have the same host name, {hostname}; each needs its own",
    "host_at_fault": "{host}: {because}",
    "host_doubted": "{host}: {because}",
    "host_name_differs": (
        "nodes.{name}: expected the host name, which is {hostname}; labels and other changes through the "
        "swarm don't find the node as {name}. Next step: rename the entry, or set "
        "orcastra_node_name={hostname}"
    ),
    "host_repaired_by_playbook": "{because}. If it does not come back, Orcastra runs the playbook {playbook}",
    "host_repaired_by_user": (
        "{because}. If this persists, run the playbook {playbook}, or set ORCASTRA_INVENTORY to have "
        "Orcastra run it"
    ),
    "host_not_configured": "{host} is not one of the configured nodes, so it is left alone",
    "node_id_unknown": "{host}: it says that it is node {node_id}, which this swarm does not have",
    "node_claimed_twice": "{hosts:and}: expected a node for each, found node {node_id} for all of them",
    # hosts that have lost their membership, or belong to another swarm
    "manager_dropped": "it has the role of a manager, but isn't one of the managers any more",
    "membership_unknown": "it says that it is node {node_id}, which the swarm does not have",
    "swarm_managed_by_host": "the swarm {cluster_id}, which it manages",
    "swarm_of_others": "another swarm{managers:after , whose managers are the nodes }",
    "swarm_obscure": "an unknown swarm; its engine reports {state:quoted}{error:after : }",
    "host_in_other_swarm": (
        "{host}: belongs to {swarm}; it is left alone unless orcastra_leave_other_swarm=true makes it leave"
    ),
    # which hosts manage the swarm
    "manager_not_believed": (
        "it says that it manages the swarm, but that is not confirmed{others:after ; contradicted by }"
    ),
    "host_claims": "{host} says that it manages the swarm, confirmed by {votes}",
    "hosts_silent": "no answer from {hosts:and}",
    "hosts_in_swarm": "also in a swarm: {hosts}",
    "no_majority": (
        "the configured managers ({electors}) don't agree by majority on who manages the swarm, so no host "
        "joins or leaves it: {facts:by ; }. Next step: make sure that {needed} of them answer; "
        "swarm.cluster_id says which swarm is meant, and role: manager says which hosts decide"
    ),
    "swarm_contested": "{host}: {because}",
    "membership_blocked": "{host}: {because}",
    # no host manages the swarm
    "managers_locked": "the managers {hosts:and} are locked; unlock them first",
    "no_manager_among_hosts": (
        "no host that answers manages the swarm, and no new swarm is made because these hosts are in one: "
        "{hosts}"
    ),
    "swarm_unmanaged": "no host manages the swarm {cluster_id}",
    "no_swarm": "no host is in a swarm; the playbook orcastra.swarm.bootstrap makes one",
    "leader_undecided": "no swarm is made: no host can be its leader",
    "leader_not_in_play": "the leader {leader} is not among the hosts of the play",
    "leader_at_fault": "no swarm is made: the leader {leader} can't make it: {because}",
    "managers_silent": "no swarm is made: {hosts:and} did not answer, and may be the managers of one",
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
    # steps of a host
    "leader_without_swarm": "no host is in a swarm, and it is the leader",
    "survivor_chosen": "the swarm {cluster_id} has lost its quorum, and {host} was chosen to go on alone",
    "configured_without_swarm": "it is configured, and in no swarm",
    "manager_locked": "the swarm is autolocked, and its engine was started",
    "unlock_key_missing": (
        "{host}: its manager is locked and needs the unlock key (orcastra_unlock_key; `docker swarm "
        "unlock-key` shows it on another manager)"
    ),
    "leaving_requested": "orcastra_leave_other_swarm makes it leave any other swarm",
    "absence_requested": "state is absent: it must be in no swarm",
    "leaving_locked_manager": "{host}: its manager is locked; unlock it, or set force=true to leave anyway",
    "leaving_without_quorum": "{host}: its swarm has no quorum; force=true makes it leave anyway",
    "leaving_last_manager": "{host}: it is the last manager; force=true ends the swarm with all its services",
    # nodes of the swarm
    "node_missing": "{name} is not in the swarm",
    "promotion_under_way": "node {node} is becoming a manager",
    "manager_configured": "it must be a manager",
    "worker_configured": "it must be a worker",
    "demotion_waits": "{nodes:and} stays a manager for now: {because:by ; }",
    "managers_even": (
        "the swarm has an even number of managers ({count}): {nodes:and} is not configured, so it is left "
        "alone"
    ),
    "host_returned": "{host} is back as {node_id}",
    "promotion_risks_quorum": (
        "promoting first: with another dead manager, one more failure could cost the quorum"
    ),
    "stale_entry_waits": (
        "the entry {node_id} of node {node} is stale; it is removed once it has been down for "
        "{seconds:duration}"
    ),
    "availability_differs": "{configured} is configured, but its availability is {found}",
    "node_kept_out": (
        "node {node} stays out of service ({availability}), as requested; `orcastra command activate_node "
        "{node}` puts it back"
    ),
    # settings of the swarm
    "autolock_turned_on": (
        "from now on, managers are locked whenever their engine starts: store the key that `docker swarm "
        "unlock-key` shows on a manager in a vault, as orcastra_unlock_key"
    ),
    "swarm_setting_fixed": (
        "swarm.{key}: expected {expected}, which the swarm was made with, found {found}; it can't be changed"
    ),
    "swarm_setting_differs": "{field} is {found}, but {configured} is configured",
    "swarm_setting_missing": "{field} is not set, but {configured} is configured",
    # paused updates
    "update_paused": "the update of {service} is paused{message:after : }",
    "rollback_paused": "the rollback of {service} is paused{message:after : }",
    "update_paused_by_finished_tasks": (
        "the update of {service} is paused because its tasks finished early: nothing is wrong with it"
    ),
    "update_needs_user": "{because}. Next step: fix the cause, then run `docker service update {service}`",
    "update_needs_user_or_rollback": (
        "{because}. Next step: fix the cause, then run `docker service update {service}`, or run `docker "
        "service rollback {service}`"
    ),
    "resume_requested": "resume was requested",
    "rollback_requested": "rollback was requested",
    "all_tasks_run": "all its tasks run now",
    "updated_tasks_missing": "{count:plural task} of it not running",
    "updated_tasks_fail": "its tasks fail: {error}",
    "rollback_without_failure": "rolling it back: none of its tasks fails",
    "resume_would_fail": "resuming it: it would fail again",
}

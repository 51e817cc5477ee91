# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages about metrics: endpoints that do not answer, and samples that are not used."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "metrics_name_unknown": "{key}: no node of this swarm has this host name or ID",
    "task_memory_unknown": (
        "no endpoint reports the memory of tasks (role memory_metrics, cAdvisor); reservations are used"
    ),
    # an endpoint of a node
    "exporter_not_configured": "node {node}: no node exporter is configured{host:after  for its host }",
    "endpoint_failed": "node {node}: {url}: {problem}",
    "endpoint_failed_using_last_answer": "node {node}: {url}: {problem}; its last answer is used",
    "exporter_of_other_node": "node {node}: {url}: expected the exporter of this node, found that of {other}",
    "node_waits_for_memory": (
        "{node}: processes wait for memory, so the node counts as at least 85% full, whatever it reports as "
        "available"
    ),
    "exporter_without_memory": (
        "node {node}: {url}: expected the metrics of a node exporter, found no memory metrics"
    ),
    "endpoint_samples_unusable": "node {node}: {url}: {reasons:by ; }",
    "endpoint_tasks_foreign": "node {node}: {url}: samples of tasks on other nodes are ignored",
    "endpoint_lines_too_long": "node {node}: {url}: lines longer than {limit:bytes} are ignored",
    # a Prometheus server
    "server_failed": "{server}: {problem}",
    "server_without_node": "node {node}: {server} has no memory metrics for it",
    "instance_samples_unusable": "{server}: instance {instance}: {reasons:by ; }",
    "instances_claim_node": "{server}: instances {instances} all claim to be node {node}, and are ignored",
    "instance_without_node": "{server}: instance {instance}: its node is unknown, so its tasks are ignored",
    "instance_tasks_foreign": "{server}: instance {instance}: samples of tasks on other nodes are ignored",
    "instances_claim_tasks": "{server}: instances {instances} report the same tasks, and are ignored",
    # samples that are not used
    "samples_outdated": "samples are older than {limit:.0f} s",
    "samples_in_future": "samples are more than {limit:.0f} s in the future: a clock is wrong",
    "task_memory_undated": "the memory of its tasks has no timestamp",
    "task_memory_outdated": "the memory of its tasks is older than {limit:.0f} s",
}

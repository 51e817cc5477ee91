# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state and the swarm as a whole."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "service_missing": "the swarm has no service {service}",
    "service_mode_fixed": (
        "service {service}: expected mode {expected}, found {found}: Swarm cannot change it; remove the "
        "service first"
    ),
    "change_waits_for_update": "the change to {service} waits until Swarm has finished updating it",
    "field_differs": "{field} differs from the configuration",
    "state_damaged": "label {label}: {problem}",
    "state_labels_invalid": "the labels: expected a mapping",
    "label_owners_unknown": "labels that Orcastra may have set are kept, because the record of them is lost",
    "node_not_ready": "node {node} is {state}",
    "node_not_managing": "node {node} has the manager role but is not one of the managers",
    "manager_not_reachable": "node {node}: its manager is {reachability}",
    "service_missing_on_nodes": "{service} is not running on {nodes:and}",
    "service_tasks_missing": "{service}: {running} of {expected} tasks are running{errors:after ; errors: }",
    "service_updating": "{service} is being updated",
    "engine_problem": "{problem}",
    "command_requested": "requested by {source}",
    # a reason that another release saved
    "saved_reason": "{text}",
}

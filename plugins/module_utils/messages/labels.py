# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node labels."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "label_missing": "{label}={value} is configured for this node but missing",
    "label_differs": "{label}={value} is configured for this node, but its value is {found:quoted}",
    "label_not_configured": "{label} was set by Orcastra and is no longer configured for this node",
    "label_unknown": "{label} is not configured for this node, and prune_unknown_labels is on",
    "label_owned": "{label} was set by Orcastra",
    "anchor_label_missing": "{label}=true is missing: {anchor}",
    "anchor_label_differs": "{label} must be true, but its value is {found:quoted}: {anchor}",
    "anchor_elsewhere": "{label}: {anchor}, not here",
    "anchor_label_kept": "node {node} keeps label {label}: {because}",
    "label_in_use": (
        "node {node} keeps label {label}: a constraint set by Orcastra requires it for {services:and}"
    ),
    "labels_wait_for_node": "node {node} is {state}; its labels are corrected when it returns",
    "service_loses_all_nodes": "{service} requires the label {labels:and}, and no node is left for it",
    "service_loses_nodes": (
        "{service} requires the label {labels:and} and must leave {leaves:and}; it can still run on "
        "{remains:and}"
    ),
    "option_warning": "{key}: expected {expected}, found {found}",
    "configuration_file_warning": "{file}{line:after :}: expected {expected}, found {found}",
    "configuration_warning": "{file}{line:after :}: {key}: expected {expected}, found {found}",
    "and_more": "and {count} more",
    "section_absent": (
        "{section}: the configuration doesn't have this section, so nothing is removed: Orcastra keeps "
        "{kept:and} that it has set. To remove them, write `{section}: {{}}`, run `orcastra command "
        "accept_removals`, or set accept_removals: true"
    ),
    "kept_labels": "{count:plural label} ({labels})",
    "kept_constraints": "the constraints of {count:plural service} ({services})",
    "label_of_node": "{label} on {node}",
    "anchors_absent": (
        "dependencies: the configuration doesn't have this section, so anchors ({labels}) and the services "
        "that follow them are not kept together. If that is intended, write `dependencies: {{}}`"
    ),
}

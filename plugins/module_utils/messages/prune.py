# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "container_ended": "it ended {ago:duration} ago",
    "container_never_started": "it was created {ago:duration} ago and never started",
    "image_unused": "not used by any container on this node or by any service; first seen {ago:duration} ago",
    "newer_images_kept": "the newest {count} of {repositories:and} are kept",
    "volume_unused": "not used by any container for {seconds:duration}",
    "images_kept_use_unknown": (
        "images are kept because the services' use of them is unknown: no manager was asked (manager_host, "
        "ORCASTRA_MANAGER_HOST)"
    ),
    "named_volumes_kept_use_unknown": (
        "named volumes are kept because the services' use of them is unknown: no manager was asked "
        "(manager_host, ORCASTRA_MANAGER_HOST)"
    ),
    "plain_containers_kept": (
        "ended containers that Swarm didn't create are kept, with all their volumes: {count} (to remove "
        "them: plain_containers, GC_PLAIN_CONTAINERS=true)"
    ),
    "volumes_of_unknown_origin_kept": (
        "unused volumes that can't be attributed to a Swarm task are kept: {count} (to remove them: "
        "plain_containers, GC_PLAIN_CONTAINERS=true)"
    ),
    "pattern_without_match": "{option}: {pattern:quoted} matches nothing here",
    "pattern_is_regex": (
        "{option}: expected a shell pattern such as redis:*, found {pattern:quoted}, which only matches as a "
        "regular expression"
    ),
    "pattern_is_regex_without_match": (
        "{option}: expected a shell pattern such as redis:*, found {pattern:quoted}, which looks like a "
        "regular expression but matches nothing as one either"
    ),
    # the state of the node, which pruning and container health repair share
    "node_state_unreadable": "{path} can't be read: {error}",
    "node_state_damaged": "{path} is damaged ({error}); a new file replaces it",
    "node_run_under_way": "another {what} run on this node is under way",
}

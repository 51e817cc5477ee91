# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "verdict_unknown": "Unknown: the swarm has not been observed yet",
    "verdict_not_planned": "Sync status unknown here, because another instance is active",
    "verdict_not_configured": "Not configured: there is nothing to compare the swarm with",
    "verdict_in_sync": "In sync",
    "verdict_out_of_sync": "Out of sync: {changes:plural change} pending",
    "verdict_healthy": "Healthy",
    "verdict_progressing": "Progressing: tasks of {services:and} are starting",
    "verdict_service_short": (
        "Degraded: {service} has run {running} of {expected} tasks for {seconds:duration}: "
        "{reasons:by ; }{more:after  (}"
    ),
    "verdict_more_services": "and {count} more)",
    "verdict_given_up": "Degraded: Orcastra gave up restarting {services:and}",
    "verdict_nodes_not_ready": "Degraded: not ready: {nodes:and}",
}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts of unhealthy containers."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "webhook_failed": "{problem}",
    "unhealthy_for": "unhealthy for {seconds:duration} ({checks:plural check} failed in a row)",
    "task_still_running": "Swarm considers its task running, so it doesn't replace it",
    "forced_update_restarts_all": "a forced update of the service would also restart its healthy tasks",
    "ended_unhealthy_as_success": (
        "its unhealthy task exited with 0, which its restart condition counts as completed"
    ),
    "restart_attempts_exhausted": "its task was unhealthy, and its restart policy allows no more attempts",
    "ended_container_not_replaced": (
        "restarting only the container: it has ended, and Swarm doesn't replace it"
    ),
    "ended_needs_manager": (
        "a task of {service} was unhealthy and exited with {exit_code}; only a manager knows whether Swarm "
        "replaces it"
    ),
    "healing_given_up": (
        "giving up on {subject} after {attempts:plural attempt} within {window:duration}; no more attempts "
        "until it has been healthy for that long"
    ),
    "unhealthy_but_paused": "{container} is unhealthy but paused: no action",
    "ended_unhealthy_runs_once": "{service} ended unhealthy; its restart condition is 'none': no action",
    "ended_unhealthy_in_update": (
        "{service} ended unhealthy during its update: no action until the update ends"
    ),
}

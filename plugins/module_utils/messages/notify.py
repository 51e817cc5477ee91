# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notifications: problems and their ends, events, and the frame of a message."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    # problems, and their ends
    "notify_node_lost": "node {node} is down",
    "notify_node_lost_in_drain": "node {node}, which was drained, is down",
    "notify_node_back": "node {node} is ready again, after {seconds:duration}",
    "notify_node_left": "node {node}, which was down, has left the swarm",
    "notify_service_short": "{service} runs {running} of {expected} tasks: {reasons:by . }",
    "notify_service_complete": "{service} runs all its tasks again, after {seconds:duration}",
    "notify_service_removed": "{service}, which was short of tasks, was removed",
    "notify_given_up": "gave up on {service}: {reason}",
    "notify_given_up_over": "{service} is no longer given up, after {seconds:duration}",
    "notify_job_failing": "the job {job} has failed {failures} times in a row on node {node}{error:after : }",
    "notify_job_recovered": "the job {job} succeeds again, after {seconds:duration}",
    "notify_configuration_rejected": "configuration on node {node}: {problem}",
    "notify_configuration_accepted": "configuration on node {node} valid again, after {seconds:duration}",
    # events
    "notify_moved": "{step} ({why:by ; })",
    "notify_move_failed": "could not {step}: {error}",
    "notify_healed": "healed on node {node}: {step} ({why:by ; })",
    "notify_not_healed": "could not heal on node {node}: {step}: {error}",
    "notify_heal_given_up": "gave up healing on node {node}: {reason}",
    "notify_mod_stored": "a new version of the mod {mod} was downloaded on node {node}",
    "notify_test": "this is a test message from Orcastra on {host}",
    # the frame
    "notify_line": "{level}: {text} ({time})",
    "notify_line_repeated": "{level}: {text} ({time}; may be a repeat)",
    "notify_more": "and {count} more; `orcastra status` shows the state of the swarm",
    "notify_sender": "Sent by Orcastra on node {node}",
    "notify_title": "Orcastra: {text}",
    "notify_title_several": "Orcastra: {problems:plural problem}, {solved} solved, {events:plural event}",
}

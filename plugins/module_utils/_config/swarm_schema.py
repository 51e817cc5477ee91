# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the schema for the settings of the swarm itself."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

# `$` alone also matches before a trailing newline.
_END = r"$(?!\n)"
_ADDRESS = r"^[^\s\x00-\x1f\x7f\ud800-\udfff]+" + _END


def _count(description: str, least: int, most: int = 2**31 - 1) -> Schema:
    return {
        "type": ["integer", "null"],
        "minimum": least,
        "maximum": most,
        "title": f"an integer from {least} to {most}"
        if most < 2**31 - 1
        else f"an integer of {least} or more",
        "description": description,
    }


def _positive(description: str, unit: str) -> Schema:
    return {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": 31_536_000,
        "title": f"a number of {unit} above 0",
        "description": description,
    }


MANAGERS: Schema = {
    "type": ["integer", "null"],
    "enum": [1, 3, 5, 7, None],
    "title": "an odd number of managers (1, 3, 5 or 7)",
    "description": "Number of managers. Default: if any node has `role: manager`, the number of these nodes "
    "and the leader; otherwise 3, or 1 if there are fewer than 3 nodes.",
}

SWARM: Schema = {
    "type": ["object", "null"],
    "title": "a mapping of swarm settings",
    "description": "Settings of the swarm itself. Settings that are not listed keep their values.",
    "properties": {
        "cluster_id": {
            "type": ["string", "null"],
            "pattern": r"^[a-z0-9]+" + _END,
            "title": "a swarm ID",
            "description": "ID of the swarm. Hosts that are in a different swarm are rejected.",
        },
        "listen_addr": {
            "type": ["string", "null"],
            "pattern": _ADDRESS,
            "title": "an IP address or a network interface, with or without a port",
            "description": "Address on which managers listen. Default: 0.0.0.0:2377.",
        },
        "data_path_addr": {
            "type": ["string", "null"],
            "pattern": _ADDRESS,
            "title": "an IP address or a network interface",
            "description": "Address or interface for container traffic. `data_path_addr` of a node takes "
            "precedence.",
        },
        "data_path_port": _count(
            "UDP port for container traffic; used only when the swarm is created. Default: 4789.", 1024, 49151
        ),
        "default_addr_pool": {
            "type": ["array", "null"],
            "minItems": 1,
            "title": "a list of networks such as 10.20.0.0/16",
            "description": "Address pools for overlay networks; used only when the swarm is created.",
            "items": {"type": "string", "title": "a network such as 10.20.0.0/16"},
        },
        "subnet_size": _count(
            "Prefix length of the subnets in these pools; used only when the swarm is created. Default: 24.",
            1,
            29,
        ),
        "autolock": {
            "type": ["boolean", "null"],
            "title": "true or false",
            "description": "Whether managers need the unlock key after their engine restarts.",
        },
        "task_history_limit": _count("Number of old tasks to keep for each slot.", 0),
        "heartbeat_seconds": _positive("Interval between the heartbeats of a node, in seconds.", "seconds"),
        "cert_expiry_days": _positive("Validity period of node certificates, in days.", "days"),
        "snapshot_interval": _count("Number of log entries between two Raft snapshots.", 1),
        "keep_old_snapshots": _count("Number of old Raft snapshots to keep.", 0),
        "log_entries_for_slow_followers": _count("Number of log entries to keep for slow managers.", 0),
        "forget_after_seconds": {
            **_positive(
                "How long the old entry of a host that has rejoined under another ID must be down before it "
                "is "
                "removed, in seconds. Default: 3600.",
                "seconds",
            ),
            "exclusiveMinimum": -1,
            "title": "a number of seconds",
        },
        "paused_updates": {
            "type": ["string", "null"],
            "enum": ["auto", "resume", "rollback", "report", None],
            "title": "auto, resume, rollback or report",
            "description": "How to handle paused updates. `auto` resumes an update if all tasks run, and "
            "otherwise rolls the service back. Default: `auto`, and `report` in the runner's loop.",
        },
    },
    "patternProperties": {"^x-": {"description": "Ignored: for YAML anchors and other tools."}},
    "additionalProperties": False,
}

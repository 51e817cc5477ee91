# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the schema that is about the swarm as such."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

# `$` alone also matches in front of a last line feed.
_END = r"$(?!\n)"
_ADDRESS = r"^[^\s\x00-\x1f\x7f\ud800-\udfff]+" + _END


def _count(description: str, least: int, most: int = 2**31 - 1, unit: str = "") -> Schema:
    return {
        "type": ["integer", "null"],
        "minimum": least,
        "maximum": most,
        "title": f"a whole number{unit} from {least} to {most}"
        if most < 2**31 - 1
        else f"a whole number{unit}, at least {least}",
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
    "title": "an odd number of managers: 1, 3, 5 or 7",
    "description": "How many managers the swarm has. Default: the nodes with `role: manager` and the leader, "
    "where any node has that role, else 3, or 1 where there are fewer than 3 nodes.",
}

SWARM: Schema = {
    "type": ["object", "null"],
    "title": "a mapping of settings of the swarm",
    "description": "How the swarm as such is set up. What isn't named keeps its value.",
    "properties": {
        "cluster_id": {
            "type": ["string", "null"],
            "pattern": r"^[a-z0-9]+" + _END,
            "title": "the ID of a swarm",
            "description": "The ID of the swarm that is meant. Hosts in any other are refused.",
        },
        "listen_addr": {
            "type": ["string", "null"],
            "pattern": _ADDRESS,
            "title": "an IP address or a network interface, with or without a port",
            "description": "Where managers listen. Default: 0.0.0.0:2377.",
        },
        "data_path_addr": {
            "type": ["string", "null"],
            "pattern": _ADDRESS,
            "title": "an IP address or a network interface",
            "description": "The interface for the traffic of containers; a node's own `data_path_addr` wins.",
        },
        "data_path_port": _count(
            "UDP port for the traffic of containers; only when the swarm is made. Default: 4789.", 1024, 49151
        ),
        "default_addr_pool": {
            "type": ["array", "null"],
            "minItems": 1,
            "title": "a list of networks like 10.20.0.0/16",
            "description": "Pools for the subnets of overlay networks; only when the swarm is made.",
            "items": {"type": "string", "title": "a network like 10.20.0.0/16"},
        },
        "subnet_size": _count(
            "Length of the prefix of those subnets; only when the swarm is made. Default: 24.", 1, 29
        ),
        "autolock": {
            "type": ["boolean", "null"],
            "title": "true or false",
            "description": "Managers need the unlock key after their engine was started.",
        },
        "task_history_limit": _count("How many ended tasks of each slot are kept.", 0),
        "heartbeat_seconds": _positive("How often nodes report.", "seconds"),
        "cert_expiry_days": _positive("How long certificates of nodes are valid.", "days"),
        "snapshot_interval": _count("Log entries between two snapshots of the managers' Raft.", 1),
        "keep_old_snapshots": _count("Old snapshots that are kept.", 0),
        "log_entries_for_slow_followers": _count("Log entries that are kept for slow managers.", 0),
        "forget_after_seconds": {
            **_positive(
                "How long an entry has to be down before it is removed, where its host is back under another "
                "ID. Default: 3600.",
                "seconds",
            ),
            "exclusiveMinimum": -1,
            "title": "a number of seconds",
        },
        "paused_updates": {
            "type": ["string", "null"],
            "enum": ["auto", "resume", "rollback", "report", None],
            "title": "auto, resume, rollback or report",
            "description": "What becomes of updates that Swarm has paused. `auto`: they go on where all "
            "tasks run, else the service is rolled back. Default: `auto`; in the runner's loop `report`.",
        },
    },
    "patternProperties": {"^x-": {"description": "Ignored: for anchors of YAML and for other tools."}},
    "additionalProperties": False,
}

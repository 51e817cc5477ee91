# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of the configuration: what swarm.yml and its parts may hold.

The ``title`` of each value is the noun phrase that error messages use for what was expected; the
``description`` is its documentation for users, which editors show.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .swarm_schema import MANAGERS, SWARM

Schema = dict[str, Any]

ALL_PARTS = ("leader", "advertise_addr", "managers", "nodes", "options", "swarm", "dependencies")

# `$` alone also matches in front of a last line feed.
_END = r"$(?!\n)"
_UNPRINTABLE = r"\x00-\x1f\x7f\ud800-\udfff"
_WORD = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*" + _END
_OPTIONAL_WORD = r"^([a-zA-Z0-9][a-zA-Z0-9_.-]*)?" + _END
_LABEL_KEY = rf"^[^\s={_UNPRINTABLE}]+" + _END
_TEXT = rf"^[^{_UNPRINTABLE}]*" + _END

# What tools and people add for themselves, as in Compose files.
EXTENSIONS: Schema = {"^x-": {"description": "Ignored: for anchors of YAML and for other tools."}}

_LABELS: Schema = {
    "type": ["array", "object", "null"],
    "title": "a list of labels, or a mapping of labels to values",
    "description": "Labels of the node. A list sets each label to `true`; a mapping gives the values.",
    "items": {
        "type": "string",
        "pattern": _LABEL_KEY,
        "title": "a label without white space and '='",
    },
    "propertyNames": {"pattern": _LABEL_KEY, "title": "a label without white space and '='"},
    "additionalProperties": {
        "type": ["string", "boolean", "integer", "null"],
        "pattern": _TEXT,
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
        "title": "text, a whole number, or true or false",
        "description": "The value; nothing at all stands for the empty value.",
    },
}

_NODE: Schema = {
    "type": ["object", "null"],
    "title": "a mapping with ip, labels, role or availability",
    "properties": {
        "ip": {
            "type": ["string", "null"],
            "title": "an IP address",
            "description": "Address of the host. A node of this name at another address is not taken for it.",
        },
        "labels": _LABELS,
        "role": {
            "type": ["string", "null"],
            "enum": ["manager", "worker", None],
            "title": "manager or worker",
            "description": "Role of the node in the swarm.",
        },
        "availability": {
            "type": ["string", "null"],
            "enum": ["active", "pause", "drain", None],
            "title": "active, pause or drain",
            "description": "Whether the node takes tasks.",
        },
        "data_path_addr": {
            "type": ["string", "null"],
            "pattern": r"^[^\s\x00-\x1f\x7f\ud800-\udfff]+$(?!\n)",
            "title": "an IP address or a network interface",
            "description": "The interface for the traffic of containers, where it isn't that of `ip`.",
        },
        "swarm_addr": {
            "type": ["string", "null"],
            "title": "an IP address",
            "description": "Where the swarm sees the host, if it isn't `ip`: behind NAT, or with several "
            "interfaces. `docker node inspect` shows it as `ManagerStatus.Addr` or `Status.Addr`.",
        },
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}

_SERVICES: Schema = {
    "type": "array",
    "title": "a list of service names",
    "description": "The followers: services of the anchor's stack that stay where the anchor runs.",
    "items": {
        "type": "string",
        "pattern": _WORD,
        "title": "the name of a service (letters, digits, '_', '-' and '.')",
    },
}

_DEPENDENCY: Schema = {
    "type": ["array", "object"],
    "title": "a list of service names, or a mapping with services",
    "items": _SERVICES["items"],
    "properties": {
        "stack": {
            "type": ["string", "null"],
            "pattern": _OPTIONAL_WORD,
            "title": "the name of a stack (letters, digits, '_', '-' and '.')",
            "description": "Stack of the anchor and its followers. Default: `STACK_NAME`. Empty: none; the "
            "names are full names.",
        },
        "services": _SERVICES,
        "restart_dependents": {
            "type": ["boolean", "null"],
            "title": "true or false",
            "description": "Restart the followers after the anchor. Default: `RESTART_DEPENDENTS`.",
        },
        "retry_intervals": {
            "type": ["array", "null"],
            "minItems": 1,
            "title": "a list of seconds",
            "description": "Seconds to wait before the first, second … restart of a follower that fails or "
            "runs in the wrong place; after the last one it is given up. Default: 2, 10, 60, 300, 900.",
            "items": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 31_536_000,
                "title": "a number of seconds above 0 and up to a year",
            },
        },
        "relocate": {
            "type": ["string", "null"],
            "enum": ["auto", "ordered", "evict", None],
            "title": "auto, ordered or evict",
            "description": "How followers move: `ordered` waits until the old container has stopped, `evict` "
            "does not; `auto` is `ordered` for services that mount a volume or a host path. Default: `auto`.",
        },
        "manage_constraint": {
            "type": ["boolean", "null"],
            "title": "true or false",
            "description": "Give followers the constraint on the anchor's label. Default: true.",
        },
    },
    "required": ["services"],
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": f"a mapping with {', '.join(ALL_PARTS[:-1])} or {ALL_PARTS[-1]}",
    "description": "Orcastra: the nodes of a Docker Swarm, and which services belong together. `{}` or `[]` "
    "means nothing; a file without any data isn't taken for that.",
    "type": ["object", "array", "null"],
    "maxItems": 0,
    "properties": {
        "leader": {
            "type": ["string", "null"],
            "pattern": _WORD,
            "title": "a host name",
            "description": "Host name of the first manager: one of `nodes`, where there are any.",
        },
        "advertise_addr": {
            "type": ["string", "null"],
            "title": "an IP address or a network interface",
            "description": "Where the first manager is reached; with a port where it isn't 2377.",
        },
        "managers": MANAGERS,
        "swarm": SWARM,
        "nodes": {
            "type": ["object", "array", "null"],
            "maxItems": 0,
            "title": "a mapping of host names to nodes",
            "description": "The nodes of the swarm by host name (or node ID). `{}` or `[]` means no nodes; "
            "nothing at all means that they aren't given.",
            "propertyNames": {"pattern": _WORD, "title": "a host name or a node ID"},
            "additionalProperties": _NODE,
        },
        "options": {
            "type": ["object", "null"],
            "title": "a mapping with prune_unknown_labels",
            "description": "What holds for all nodes.",
            "properties": {
                "prune_unknown_labels": {
                    "type": ["boolean", "null"],
                    "title": "true or false",
                    "description": "Remove the labels of configured nodes that are neither configured nor an "
                    "anchor's, whoever has set them. Default: false.",
                },
            },
            "patternProperties": EXTENSIONS,
            "additionalProperties": False,
        },
        "dependencies": {
            "type": ["object", "array", "null"],
            "maxItems": 0,
            "title": "a mapping of anchors to the services that follow them",
            "description": "Anchors, by service name without the stack's prefix, and their followers. `{}` "
            "or `[]` means no anchors; nothing at all means that they aren't given.",
            "propertyNames": {
                "pattern": _WORD,
                "title": "the name of a service (letters, digits, '_', '-' and '.')",
            },
            "additionalProperties": _DEPENDENCY,
        },
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}


def schema_of(parts: Iterable[str]) -> Schema:
    """The schema of a file that may hold only ``parts`` of the configuration."""
    names = list(parts)
    return {
        **SCHEMA,
        "title": f"a mapping with {' or '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}",
        "properties": {name: SCHEMA["properties"][name] for name in names},
    }

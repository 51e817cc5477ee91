# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of the configuration: swarm.yml and its parts.

The ``title`` of each value is a noun phrase: error messages use it as the expected value. The
``description`` is the documentation that editors and the reference show.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .swarm_schema import MANAGERS, SWARM

Schema = dict[str, Any]

ALL_PARTS = ("leader", "advertise_addr", "managers", "nodes", "options", "storage", "swarm", "dependencies")

# `$` alone also matches before a trailing newline.
_END = r"$(?!\n)"
_UNPRINTABLE = r"\x00-\x1f\x7f\ud800-\udfff"
_WORD = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*" + _END
_OPTIONAL_WORD = r"^([a-zA-Z0-9][a-zA-Z0-9_.-]*)?" + _END
_LABEL_KEY = rf"^[^\s={_UNPRINTABLE}]+" + _END
_TEXT = rf"^[^{_UNPRINTABLE}]*" + _END

# As in Compose files, users and other tools can add their own keys.
EXTENSIONS: Schema = {"^x-": {"description": "Ignored: for YAML anchors and other tools."}}

_LABELS: Schema = {
    "type": ["array", "object", "null"],
    "title": "a list of labels, or a mapping of labels to values",
    "description": "Labels of the node. A list sets each label to `true`; a mapping sets the values.",
    "items": {
        "type": "string",
        "pattern": _LABEL_KEY,
        "title": "a label without spaces and '='",
    },
    "propertyNames": {"pattern": _LABEL_KEY, "title": "a label without spaces and '='"},
    "additionalProperties": {
        "type": ["string", "boolean", "integer", "null"],
        "pattern": _TEXT,
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
        "title": "a string, an integer, or true or false",
        "description": "The value of the label; null means an empty value.",
    },
}

_NODE: Schema = {
    "type": ["object", "null"],
    "title": "a mapping with ip, labels, role or availability",
    "properties": {
        "ip": {
            "type": ["string", "null"],
            "title": "an IP address",
            "description": "IP address of the host. A node with this name and another address is ignored.",
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
            "description": "Availability of the node for tasks.",
        },
        "data_path_addr": {
            "type": ["string", "null"],
            "pattern": r"^[^\s\x00-\x1f\x7f\ud800-\udfff]+$(?!\n)",
            "title": "an IP address or a network interface",
            "description": "Address or interface for container traffic, if it differs from `ip`.",
        },
        "swarm_addr": {
            "type": ["string", "null"],
            "title": "an IP address",
            "description": "Address under which the swarm knows the host, if it differs from `ip`: behind "
            "NAT, "
            "or with several interfaces. `docker node inspect` shows it as `ManagerStatus.Addr` or "
            "`Status.Addr`.",
        },
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}

_SERVICES: Schema = {
    "type": "array",
    "title": "a list of service names",
    "description": "The followers: services of the anchor's stack that must run on the anchor's node.",
    "items": {
        "type": "string",
        "pattern": _WORD,
        "title": "a service name (letters, digits, '_', '-' and '.')",
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
            "title": "a stack name (letters, digits, '_', '-' and '.')",
            "description": "Stack of the anchor and its followers. Default: `STACK_NAME`. If it is empty, "
            "the "
            "names are full service names.",
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
            "title": "a list of intervals in seconds",
            "description": "Delays before each restart of a follower that fails or runs on the wrong node, "
            "in "
            "seconds. After the last one, Orcastra gives up. Default: 2, 10, 60, 300, 900.",
            "items": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 31_536_000,
                "title": "a number of seconds above 0, up to one year",
            },
        },
        "relocate": {
            "type": ["string", "null"],
            "enum": ["auto", "ordered", "evict", None],
            "title": "auto, ordered or evict",
            "description": "How followers move. `ordered` waits for the old container to stop, `evict` does "
            "not. `auto` means `ordered` for services that mount a volume or a host path, and `evict` for "
            "all "
            "others. Default: `auto`.",
        },
        "manage_constraint": {
            "type": ["boolean", "null"],
            "title": "true or false",
            "description": "Add the constraint for the anchor's label to followers. Default: true.",
        },
    },
    "required": ["services"],
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": f"a mapping with {', '.join(ALL_PARTS[:-1])} or {ALL_PARTS[-1]}",
    "description": "Orcastra: the nodes of a Docker Swarm, and the services that belong together. `{}` or "
    "`[]` "
    "means an empty configuration; a blank file does not.",
    "type": ["object", "array", "null"],
    "maxItems": 0,
    "properties": {
        "leader": {
            "type": ["string", "null"],
            "pattern": _WORD,
            "title": "a host name",
            "description": "Host name of the first manager. If `nodes` is set, it must be one of them.",
        },
        "advertise_addr": {
            "type": ["string", "null"],
            "title": "an IP address or a network interface",
            "description": "Address of the first manager for the other nodes, with a port if it is not 2377.",
        },
        "managers": MANAGERS,
        "swarm": SWARM,
        "nodes": {
            "type": ["object", "array", "null"],
            "maxItems": 0,
            "title": "a mapping of host names to nodes",
            "description": "The nodes of the swarm by host name (or node ID). `{}` or `[]` means no nodes; "
            "null means that the section is not given.",
            "propertyNames": {"pattern": _WORD, "title": "a host name or a node ID"},
            "additionalProperties": _NODE,
        },
        "options": {
            "type": ["object", "null"],
            "title": "a mapping with prune_unknown_labels",
            "description": "Options for all nodes.",
            "properties": {
                "prune_unknown_labels": {
                    "type": ["boolean", "null"],
                    "title": "true or false",
                    "description": "Remove all labels of configured nodes that are neither configured nor "
                    "the label "
                    "of an anchor, even if another user has set them. Default: false.",
                },
            },
            "patternProperties": EXTENSIONS,
            "additionalProperties": False,
        },
        "storage": {
            "type": ["object", "null"],
            "title": "a mapping with shared_paths or shared_volumes",
            "description": "Storage that all nodes share. It does not tie a service to its node.",
            "properties": {
                "shared_paths": {
                    "type": ["array", "null"],
                    "title": "a list of paths",
                    "description": "Folders that are the same on all nodes, such as a mounted NFS share. "
                    "Everything below them is shared, too.",
                    "items": {
                        "type": "string",
                        "pattern": r"^/[^\x00-\x1f\x7f\ud800-\udfff]*" + _END,
                        "title": "an absolute path",
                    },
                },
                "shared_volumes": {
                    "type": ["array", "null"],
                    "title": "a list of volume names",
                    "description": "Names of volumes with the same data on all nodes, with or without the "
                    "stack prefix. `*` and `?` match any characters, as in `media_*`.",
                    "items": {
                        "type": "string",
                        "pattern": r"^[^\s\x00-\x1f\x7f\ud800-\udfff]+" + _END,
                        "title": "the name of a volume, or a pattern",
                    },
                },
            },
            "patternProperties": EXTENSIONS,
            "additionalProperties": False,
        },
        "dependencies": {
            "type": ["object", "array", "null"],
            "maxItems": 0,
            "title": "a mapping of anchors to the services that follow them",
            "description": "Anchors, by service name without the stack prefix, and their followers. `{}` "
            "or `[]` means no anchors; null means that the section is not given.",
            "propertyNames": {
                "pattern": _WORD,
                "title": "a service name (letters, digits, '_', '-' and '.')",
            },
            "additionalProperties": _DEPENDENCY,
        },
    },
    "patternProperties": EXTENSIONS,
    "additionalProperties": False,
}


def schema_of(parts: Iterable[str]) -> Schema:
    """The schema of a file that may contain only ``parts`` of the configuration."""
    names = list(parts)
    return {
        **SCHEMA,
        "title": f"a mapping with {' or '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}",
        "properties": {name: SCHEMA["properties"][name] for name in names},
    }

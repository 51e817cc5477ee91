# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of ``deploy_node_exporter.yml``: a service in Compose syntax."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

from .compose import (
    CPUS_PATTERN,
    PORT_PATTERN,
    PORTS_PATTERN,
    PROPAGATIONS,
    SIZE_PATTERN,
    SIZE_TITLE,
    VOLUME_PATTERN,
    VOLUME_TITLE,
)
from .durations import DURATION_PATTERN, DURATION_TITLE
from .schema import EXTENSIONS, Schema

_SERVICE_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$(?!\n)"


def _value(kind: str, title: str, **rules: Any) -> Schema:
    return {"type": [kind, "null"], "title": title, **rules}


def _mapping(title: str, properties: dict[str, Any], required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": ["object", "null"],
        "title": title,
        "properties": properties,
        "required": list(required),
        "patternProperties": EXTENSIONS,
        "additionalProperties": False,
    }


def _list(title: str, items: Schema) -> Schema:
    return {"type": ["array", "null"], "title": title, "items": items}


def _one_of(*words: str) -> Schema:
    return _value("string", f"{', '.join(words[:-1])} or {words[-1]}", enum=[*words, None])


_TEXT: Schema = {"type": "string", "title": "a string"}
_PATH: Schema = {"type": "string", "title": "an absolute path", "pattern": r"^/"}
_BOOLEAN = _value("boolean", "true or false")
_PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535, "title": "a port from 1 to 65535"}
_DURATION: Schema = {
    "type": ["string", "number", "null"],
    "pattern": DURATION_PATTERN,
    "minimum": 0,
    "title": DURATION_TITLE,
}
_LABELS: Schema = {
    "type": ["object", "array", "null"],
    "title": "a mapping of labels to values, or a list such as [key=value]",
    "items": {**_TEXT, "title": "a label such as key=value"},
    "additionalProperties": {
        "type": ["string", "boolean", "integer", "null"],
        "title": "a string, an integer, or true or false",
    },
}
_CAPABILITIES = _list(
    "a list of capabilities",
    {**_TEXT, "pattern": r"^[A-Za-z_]+$(?!\n)", "title": "a capability such as SYS_TIME"},
)
_SIZE: Schema = {
    "type": ["string", "integer", "null"],
    "pattern": SIZE_PATTERN,
    "minimum": 0,
    "title": SIZE_TITLE,
}
_CPUS: Schema = {
    "type": ["string", "number", "null"],
    "pattern": CPUS_PATTERN,
    "minimum": 0,
    "title": "a number of CPUs, such as 0.5",
}
_COMMAND: Schema = {
    "type": ["array", "string", "null"],
    "title": "a command, or a list of arguments",
    "items": {**_TEXT, "title": "a string (in quotes)"},
}
_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0, "title": "an integer of 0 or more"}

_UPDATE = _mapping(
    "a mapping with parallelism, delay, order and other update settings",
    {
        "parallelism": _COUNT,
        "delay": _DURATION,
        "failure_action": _one_of("pause", "continue", "rollback"),
        "monitor": _DURATION,
        "max_failure_ratio": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "title": "a number from 0 to 1",
        },
        "order": _one_of("stop-first", "start-first"),
    },
)

EXPORTER_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "description": "Orcastra: the service that runs the node exporter on every node.",
    **_mapping(
        "a mapping with name, image and other service settings",
        {
            "name": _value("string", "a service name", pattern=_SERVICE_NAME),
            "image": _value("string", "an image name", pattern=r"^\S+$(?!\n)"),
            "args": _list("a list of arguments", {**_TEXT, "title": "a string (in quotes)"}),
            "command": _COMMAND,
            "entrypoint": _COMMAND,
            "hostname": _value("string", "a host name", pattern=r"^\S(.*\S)?$(?!\n)"),
            "user": {"type": ["string", "integer", "null"], "title": "a user name or ID"},
            "read_only": _BOOLEAN,
            "cap_add": _CAPABILITIES,
            "cap_drop": _CAPABILITIES,
            "volumes": _list(
                "a list of mounts",
                {
                    **_mapping(
                        "a mapping with source, target and read_only",
                        {
                            "type": _one_of("bind", "volume"),
                            "source": {**_TEXT, "title": "a path on the host, or a volume name"},
                            "target": _PATH,
                            "read_only": _BOOLEAN,
                            "bind": _mapping(
                                "a mapping with propagation", {"propagation": _one_of(*PROPAGATIONS)}
                            ),
                        },
                        required=("source", "target"),
                    ),
                    "type": ["object", "string"],
                    "pattern": VOLUME_PATTERN,
                    "title": f"{VOLUME_TITLE}, or a mapping with source, target and read_only",
                },
            ),
            "environment": {
                **_LABELS,
                "title": "a mapping of variables to values, or a list such as [KEY=value]",
            },
            "mounts": _list(
                "a list of mounts",
                {
                    **_mapping(
                        "a mapping with source, target and read_only",
                        {
                            "type": _one_of("bind", "volume"),
                            "source": {**_TEXT, "title": "a path on the host, or a volume name"},
                            "target": _PATH,
                            "read_only": _BOOLEAN,
                            "propagation": _one_of(*PROPAGATIONS),
                        },
                        required=("source", "target"),
                    ),
                    "type": "object",
                },
            ),
            "networks": _list("a list of networks", {**_TEXT, "title": "a network name"}),
            "ports": _list(
                "a list of ports",
                {
                    **_mapping(
                        "a mapping with published and target",
                        {
                            "published": {
                                **_PORT,
                                # Compose files often quote ports
                                "type": ["integer", "string"],
                                "pattern": PORT_PATTERN,
                            },
                            "target": {**_PORT, "type": ["integer", "string"], "pattern": PORT_PATTERN},
                            "protocol": _one_of("tcp", "udp", "sctp"),
                            "mode": _one_of("host", "ingress"),
                        },
                        required=("target",),
                    ),
                    "type": ["object", "string", "integer"],
                    "pattern": PORTS_PATTERN,
                    "minimum": 1,
                    "maximum": 65535,
                    "title": "a port such as 9100:9100 (without an address), or a mapping with target",
                },
            ),
            "deploy": _mapping(
                "a mapping with mode, placement and other deployment settings",
                {
                    "mode": _one_of("global", "replicated"),
                    "replicas": _COUNT,
                    "endpoint_mode": _one_of("vip", "dnsrr"),
                    "placement": _mapping(
                        "a mapping with constraints, preferences and max_replicas_per_node",
                        {
                            "constraints": _list(
                                "a list of constraints",
                                {**_TEXT, "title": "a constraint such as node.role==worker"},
                            ),
                            "preferences": _list(
                                "a list of preferences",
                                {
                                    **_mapping(
                                        "a preference such as spread: node.labels.zone",
                                        {"spread": {**_TEXT, "title": "a label such as node.labels.zone"}},
                                        required=("spread",),
                                    ),
                                    "type": "object",
                                },
                            ),
                            "max_replicas_per_node": _COUNT,
                        },
                    ),
                    "labels": _LABELS,
                    "restart_policy": _mapping(
                        "a mapping with condition, delay, max_attempts and window",
                        {
                            "condition": _one_of("none", "on-failure", "any"),
                            "delay": _DURATION,
                            "max_attempts": _COUNT,
                            "window": _DURATION,
                        },
                    ),
                    "resources": _mapping(
                        "a mapping with limits and reservations",
                        {
                            "limits": _mapping(
                                "a mapping with cpus, memory and pids",
                                {"cpus": _CPUS, "memory": _SIZE, "pids": _COUNT},
                            ),
                            "reservations": _mapping(
                                "a mapping with cpus and memory", {"cpus": _CPUS, "memory": _SIZE}
                            ),
                        },
                    ),
                    "update_config": _UPDATE,
                    "rollback_config": _UPDATE,
                },
            ),
            "labels": _LABELS,
            "healthcheck": _mapping(
                "a mapping with test, interval, timeout, retries and start_period",
                {
                    "test": {
                        "type": ["array", "string", "null"],
                        "title": "a command, or a list that begins with CMD, CMD-SHELL or NONE",
                        "items": _TEXT,
                    },
                    "interval": _DURATION,
                    "timeout": _DURATION,
                    "retries": _COUNT,
                    "start_period": _DURATION,
                    "disable": _BOOLEAN,
                },
            ),
            "logging": _mapping(
                "a mapping with driver and options",
                {
                    "driver": _value("string", "the name of a logging driver"),
                    "options": {
                        "type": ["object", "null"],
                        "title": "a mapping of options to values",
                        "additionalProperties": {
                            "type": ["string", "integer"],
                            "title": "a string or an integer",
                        },
                    },
                },
            ),
            "stop_grace_period": _DURATION,
            "stop_signal": _value("string", "a signal name", pattern=r"^[A-Z0-9+-]+$(?!\n)"),
            "timezone": _mapping(
                "a mapping with bind_local and env_tz",
                {
                    "bind_local": _BOOLEAN,
                    "env_tz": {
                        "type": ["boolean", "string", "null"],
                        "title": "the name of a time zone, or true for the host's",
                    },
                },
            ),
        },
    ),
}

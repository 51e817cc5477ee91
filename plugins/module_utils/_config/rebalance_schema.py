# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of ``rebalance_config.yml``; titles and descriptions as in ``_config.schema``."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

from .logins import LOGIN, LOGIN_KEYS
from .schema import EXTENSIONS, Schema

_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$(?!\n)"
_HOST = {"pattern": _NAME, "title": "the name of a node or host (letters, digits, '_', '-' and '.')"}


def _number(title: str, description: str, *, least: float = 0, most: float = 1_000_000) -> Schema:
    return {
        "type": ["number", "null"],
        "minimum": least,
        "maximum": most,
        "title": f"{title}, {least:g} to {most:.10g}",
        "description": description,
    }


def _mapping(title: str, description: str, properties: dict[str, Any]) -> Schema:
    return {
        "type": ["object", "null"],
        "title": title,
        "description": description,
        "properties": properties,
        "patternProperties": EXTENSIONS,
        "additionalProperties": False,
    }


def _unseen(title: str, description: str, properties: dict[str, Any]) -> Schema:
    """A mapping that may hold secrets, so that no message shows what is in its place."""
    return {**_mapping(title, description, properties), "writeOnly": True}


def _boolean(description: str) -> Schema:
    return {"type": ["boolean", "null"], "title": "true or false", "description": description}


def _text(title: str, description: str) -> Schema:
    return {"type": ["string", "null"], "title": title, "description": description}


_URL_TEXT = "a URL like http://10.0.0.11:9100/metrics"
_INTERVAL = "a number of seconds"
_INTERVAL_TEXT = "Seconds between two looks at the swarm. Default: 30."

_LIMITS: dict[str, Any] = {
    "cooldown_minutes": _number("a number of minutes", "Rest of a service between two moves. Default: 15."),
    "memory_difference_gb": _number(
        "a number of GB", "How far apart two nodes must be, in GB of 1024³ bytes. Default: 2."
    ),
    "rebalance_buffer_gb": _number(
        "a number of GB", "By how much a move must make the two nodes better. Default: 1."
    ),
}

_ENDPOINTS: Schema = {
    "type": ["object", "null"],
    "title": "a mapping of nodes or hosts to URLs",
    "description": "Node (host name or ID) or physical host → URL of its exporter. If none is named here or "
    "in the other spelling, each node is asked at `metrics.node_exporter_url`.",
    "propertyNames": _HOST,
    "additionalProperties": {
        "type": ["string", "object"],
        "title": "a URL, or a mapping with exporter_url",
        "writeOnly": True,
        "properties": {
            "exporter_url": {"type": "string", "title": _URL_TEXT, "description": "The URL."},
            **LOGIN_KEYS,
        },
        "required": ["exporter_url"],
        "patternProperties": EXTENSIONS,
        "additionalProperties": False,
    },
    "writeOnly": True,
}

_METRICS = _unseen(
    "a mapping with settings of the measurement",
    "How memory is measured.",
    {
        "node_exporter_url": _text(
            "a URL with {address} or {hostname}",
            "Where to ask the nodes that no endpoint is named for. Default: `http://{address}:9100/metrics` "
            "if none is named at all and there is no Prometheus server, else nowhere.",
        ),
        "cadvisor_url": _text(
            "a URL with {address} or {hostname}", "Where to ask each node's cAdvisor. Default: nowhere."
        ),
        "cadvisors": {
            **_ENDPOINTS,
            "title": "a mapping of nodes to URLs",
            "description": "Node (host name or ID) → URL of its cAdvisor, where it differs.",
            "additionalProperties": {
                "type": ["string", "object"],
                "title": "a URL, or a mapping with url",
                "writeOnly": True,
                "properties": {
                    "url": {"type": "string", "title": _URL_TEXT, "description": "The URL."},
                    **LOGIN_KEYS,
                },
                "required": ["url"],
                "patternProperties": EXTENSIONS,
                "additionalProperties": False,
            },
        },
        "node_exporter_auth": {
            **LOGIN,
            "description": "How to log in at all node exporters that have no login of their own.",
        },
        "cadvisor_auth": {
            **LOGIN,
            "description": "How to log in at all cAdvisors that have no login of their own.",
        },
        "prometheus_auth": {**LOGIN, "description": "How to log in at the Prometheus server."},
        "prometheus_url": _text(
            "a URL like http://10.0.0.11:9090",
            "A Prometheus server that scrapes node exporters or cAdvisor. Default: none.",
        ),
        "scrape_interval_seconds": _number(
            _INTERVAL,
            "How often metrics are renewed; a sample older than twice this is none. Default: the interval.",
            least=1,
            most=3600,
        ),
        "timeout_seconds": _number(
            _INTERVAL, "How long all endpoints together may take. Default: 5.", least=0.1, most=60
        ),
        "ca_path": _text("a path", "CA certificates for https instead of the system's."),
        "validate_certs": _boolean("Check certificates. Default: true."),
        "use_proxy": _boolean("Use the proxies that the environment names. Default: false."),
    },
)

REBALANCE_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_unseen(
        "a mapping with default, services, node_exporters or other settings of rebalancing",
        "Orcastra: when and what to move so that memory in use is balanced.",
        {
            "monitor_interval_seconds": _number(_INTERVAL, _INTERVAL_TEXT, least=1, most=86_400),
            "comonitor_interval_seconds": _number(
                _INTERVAL, "Another spelling of monitor_interval_seconds.", least=1, most=86_400
            ),
            "max_moves_per_cycle": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": 100,
                "title": "a whole number, 1 to 100",
                "description": "How many moves may be under way at a time. Default: 1.",
            },
            "default": _mapping(
                "a mapping of limits",
                "The limits of services that have none of their own.",
                {
                    **_LIMITS,
                    "sustained_high_minutes": _number(
                        "a number of minutes", "How long the gap must have lasted. Default: 10."
                    ),
                    "check_interval_seconds": _number(
                        _INTERVAL, "Another spelling of monitor_interval_seconds.", least=1, most=86_400
                    ),
                },
            ),
            "services": {
                "type": ["object", "null"],
                "title": "a mapping of services to their limits",
                "description": "The limits of one service, by its name with or without its stack's prefix. A "
                "service that is named here may be moved although its local volumes stay behind.",
                "propertyNames": {
                    "pattern": _NAME,
                    "title": "the name of a service (letters, digits, '_', '-' and '.')",
                },
                "additionalProperties": _mapping("a mapping of limits", "Its limits.", _LIMITS),
            },
            "node_exporter_nodes": _ENDPOINTS,
            "node_exporters": _ENDPOINTS,
            "node_map": {
                "type": ["object", "null"],
                "title": "a mapping of nodes to physical hosts",
                "description": "Node (a virtual machine) → the physical host whose exporter counts.",
                "propertyNames": _HOST,
                "additionalProperties": {"type": "string", **_HOST},
            },
            "metrics": _METRICS,
        },
    ),
}

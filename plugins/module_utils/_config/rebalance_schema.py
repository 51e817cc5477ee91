# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of ``rebalance_config.yml``, with titles and descriptions as in ``_config.schema``."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from typing import Any

from .logins import LOGIN, LOGIN_KEYS
from .schema import EXTENSIONS, Schema

_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$(?!\n)"
_TOPOLOGY = r"^(node|engine)\.labels\.[a-zA-Z0-9][a-zA-Z0-9_.-]*$(?!\n)"
_HOST = {"pattern": _NAME, "title": "a node or host name (letters, digits, '_', '-' and '.')"}


def _number(title: str, description: str, *, least: float = 0, most: float = 1_000_000) -> Schema:
    return {
        "type": ["number", "null"],
        "minimum": least,
        "maximum": most,
        "title": f"{title} from {least:g} to {most:.10g}",
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


def _secret_mapping(title: str, description: str, properties: dict[str, Any]) -> Schema:
    """A mapping that may contain secrets, so no message shows its value."""
    return {**_mapping(title, description, properties), "writeOnly": True}


def _boolean(description: str) -> Schema:
    return {"type": ["boolean", "null"], "title": "true or false", "description": description}


def _text(title: str, description: str) -> Schema:
    return {"type": ["string", "null"], "title": title, "description": description}


_URL_TEXT = "a URL such as http://10.0.0.11:9100/metrics"
_INTERVAL = "a number of seconds"
_INTERVAL_TEXT = "Interval between two checks of the swarm, in seconds. Default: 30."

_LIMITS: dict[str, Any] = {
    "cooldown_minutes": _number(
        "a number of minutes", "Minimum time between two moves of a service, in minutes. Default: 15."
    ),
    "memory_difference_gb": _number(
        "a number of GiB",
        "Minimum difference between the memory in use on two nodes, in GiB. Default: 2.",
    ),
    "rebalance_buffer_gb": _number(
        "a number of GiB", "Minimum amount by which a move must reduce that difference, in GiB. Default: 1."
    ),
}

_ENDPOINTS: Schema = {
    "type": ["object", "null"],
    "title": "a mapping of nodes or hosts to URLs",
    "description": "The URL of the exporter of each node (host name or ID) or physical host. Nodes without "
    "an entry use `metrics.node_exporter_url`. `node_exporters` and `node_exporter_nodes` mean the same.",
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

_METRICS = _secret_mapping(
    "a mapping of metrics settings",
    "How memory usage is measured.",
    {
        "node_exporter_url": _text(
            "a URL with {address} or {hostname}",
            "URL template for the node exporter of each node without an endpoint of its own. Default: "
            "`http://{address}:9100/metrics` if there are no endpoints and no Prometheus server, otherwise "
            "none.",
        ),
        "cadvisor_url": _text(
            "a URL with {address} or {hostname}", "URL template for the cAdvisor of each node. Default: none."
        ),
        "cadvisors": {
            **_ENDPOINTS,
            "title": "a mapping of nodes to URLs",
            "description": "The URL of the cAdvisor of a node (host name or ID), if it differs.",
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
            "description": "Login for all node exporters without a login of their own.",
        },
        "cadvisor_auth": {
            **LOGIN,
            "description": "Login for all cAdvisors without a login of their own.",
        },
        "prometheus_auth": {**LOGIN, "description": "Login for the Prometheus server."},
        "prometheus_url": _text(
            "a URL such as http://10.0.0.11:9090",
            "A Prometheus server that scrapes node exporters or cAdvisor. Default: none.",
        ),
        "scrape_interval_seconds": _number(
            _INTERVAL,
            "Interval at which metrics are updated, in seconds. Samples older than twice this interval are "
            "ignored. Default: the check interval.",
            least=1,
            most=3600,
        ),
        "timeout_seconds": _number(
            _INTERVAL, "Timeout for all endpoints together, in seconds. Default: 5.", least=0.1, most=60
        ),
        "ca_path": _text("a path", "File with CA certificates for HTTPS. Default: those of the system."),
        "validate_certs": _boolean("Verify TLS certificates. Default: true."),
        "use_proxy": _boolean("Use the proxies from the environment. Default: false."),
    },
)

REBALANCE_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_secret_mapping(
        "a mapping with default, services, node_exporters or other rebalancing settings",
        "Orcastra: when to move services to balance the memory in use.",
        {
            "monitor_interval_seconds": _number(_INTERVAL, _INTERVAL_TEXT, least=1, most=86_400),
            "comonitor_interval_seconds": _number(
                _INTERVAL, "Same as monitor_interval_seconds.", least=1, most=86_400
            ),
            "max_moves_per_cycle": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": 100,
                "title": "an integer from 1 to 100",
                "description": "Maximum number of simultaneous moves. Default: 1.",
            },
            "default": _mapping(
                "a mapping of limits",
                "The limits for services without limits of their own.",
                {
                    **_LIMITS,
                    "sustained_high_minutes": _number(
                        "a number of minutes",
                        "How long the difference must last before a move, in minutes. Default: 10.",
                    ),
                    "check_interval_seconds": _number(
                        _INTERVAL, "Same as monitor_interval_seconds.", least=1, most=86_400
                    ),
                },
            ),
            "services": {
                "type": ["object", "null"],
                "title": "a mapping of services to their limits",
                "description": "The limits of a service, by its name with or without the stack prefix. A "
                "service "
                "listed here may be moved even if its local volumes stay behind.",
                "propertyNames": {
                    "pattern": _NAME,
                    "title": "a service name (letters, digits, '_', '-' and '.')",
                },
                "additionalProperties": _mapping(
                    "a mapping of limits", "The limits of the service.", _LIMITS
                ),
            },
            "spread": {
                **_mapping(
                    "a mapping of spreading options, or true",
                    "Spread the replicas of each service, and the tasks, over the nodes. `{}` or `true` "
                    "uses all defaults. Default: nothing is spread.",
                    {
                        "even_tasks": _boolean(
                            "Also move services off a node that runs at least two tasks more than another. "
                            "Default: true."
                        ),
                        "settle_minutes": _number(
                            "a number of minutes",
                            "How long a node must have been ready and unchanged before tasks move to it, in "
                            "minutes. Default: 2.",
                            most=1440,
                        ),
                        "topology": {
                            "type": ["string", "null"],
                            "pattern": _TOPOLOGY,
                            "title": "a label such as node.labels.zone",
                            "description": "A node or engine label. The replicas of each service are also "
                            "spread over its values. Default: none.",
                        },
                    },
                ),
                "type": ["object", "boolean", "null"],
            },
            "node_exporter_nodes": _ENDPOINTS,
            "node_exporters": _ENDPOINTS,
            "node_map": {
                "type": ["object", "null"],
                "title": "a mapping of nodes to physical hosts",
                "description": "The physical host of a node (a virtual machine), whose exporter is used.",
                "propertyNames": _HOST,
                "additionalProperties": {"type": "string", **_HOST},
            },
            "metrics": _METRICS,
        },
    ),
}

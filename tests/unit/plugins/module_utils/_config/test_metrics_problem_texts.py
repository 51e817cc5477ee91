# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of each problem of the node exporter and of rebalancing, once, as in ``test_problem_texts``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import (
    build_exporter,
    load_exporter,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import build_rebalance
from tests.support.problems import problems_of

EXPORTER = [
    ({"args": 1}, "args: expected a list of arguments, found the number 1"),
    ({"args": [1]}, "args[0]: expected a string (in quotes), found the number 1 (quote it)"),
    (
        {"ports": ["http"]},
        (
            "ports[0]: expected a port such as 9100:9100 (without an address), or a mapping with target, "
            "found 'http'"
        ),
    ),
    ({"ports": [{"target": 0}]}, "ports[0].target: expected a port from 1 to 65535, found the number 0"),
    (
        {"volumes": ["/a"]},
        (
            "volumes[0]: expected a mount such as /proc:/host/proc:ro, or a mapping with source, target "
            "and read_only, found '/a'"
        ),
    ),
    ({"volumes": ["/a:/b:nope"]}, "volumes[0]: expected a known mount option, found 'nope'"),
    ({"mounts": [{"source": "a", "target": "b"}]}, "mounts[0].target: expected an absolute path, found 'b'"),
    (
        {"mounts": [{"source": "./a", "target": "/b"}]},
        "mounts[0].source: expected an absolute path, found './a'",
    ),
    (
        {"mounts": [{"source": "/a", "target": "/b"}] * 2},
        "mounts[1].target: expected each target once, found /b again",
    ),
    ({"command": "it's"}, 'command: expected balanced quotes, found "it\'s"'),
    ({"command": "a", "args": []}, "command: expected either command or args, found both"),
    ({"deploy": {"replicas": 2}}, "deploy.replicas: expected no replicas in global mode, found the number 2"),
    (
        {"deploy": {"resources": {"limits": {"memory": "lots"}}}},
        (
            "deploy.resources.limits.memory: expected a size such as 128M or 1g, or a number of bytes, "
            "found 'lots'"
        ),
    ),
    (
        {"deploy": {"resources": {"limits": {"cpus": "half"}}}},
        "deploy.resources.limits.cpus: expected a number of CPUs, such as 0.5, found 'half'",
    ),
    (
        {"deploy": {"update_config": {"max_failure_ratio": 2}}},
        "deploy.update_config.max_failure_ratio: expected a number from 0 to 1, found the number 2",
    ),
    (
        {"deploy": {"placement": {"preferences": ["spread"]}}},
        (
            "deploy.placement.preferences[0]: expected a preference such as spread: node.labels.zone, "
            "found 'spread'"
        ),
    ),
    (
        {"deploy": {"labels": 1}},
        (
            "deploy.labels: expected a mapping of labels to values, or a list such as [key=value], found "
            "the number 1"
        ),
    ),
    (
        {"stop_grace_period": "soon"},
        "stop_grace_period: expected a duration such as 10s or 1m30s, or a number of seconds, found 'soon'",
    ),
    (
        {"healthcheck": {"retries": -1}},
        "healthcheck.retries: expected an integer of 0 or more, found the number -1",
    ),
    (
        {"timezone": {"env_tz": 3}},
        (
            "timezone.env_tz: expected the name of a time zone, or true for the host's, found the number 3 "
            "(quote it)"
        ),
    ),
    ({"user": []}, "user: expected a user name or ID, found an empty list"),
]

VARIABLES = [
    (
        "${A",
        (
            "1: labels.l: expected a variable such as ${NAME} or ${NAME:-default} (write $$ for a dollar "
            "sign), found '${A'"
        ),
    ),
    ("${NO:?set it}", "1: labels.l: expected the environment variable NO, found none: set it"),
    ("${NO}", "1: labels.l: expected the environment variable NO, found none; ${NO} is kept as it is"),
]

REBALANCE = [
    (
        [],
        (
            "expected a mapping with default, services, node_exporters or other rebalancing settings, "
            "found a list"
        ),
    ),
    ({"default": 1}, "default: expected a mapping of limits, found the number 1"),
    (
        {"default": {"cooldown_minutes": -1}},
        "default.cooldown_minutes: expected a number of minutes from 0 to 1000000, found the number -1",
    ),
    (
        {"default": {"memory_difference_gb": "x"}},
        "default.memory_difference_gb: expected a number of GiB from 0 to 1000000, found 'x'",
    ),
    (
        {"max_moves_per_cycle": 0},
        "max_moves_per_cycle: expected an integer from 1 to 100, found the number 0",
    ),
    (
        {"monitor_interval_seconds": 30, "comonitor_interval_seconds": 31},
        "comonitor_interval_seconds: expected 30, the value of monitor_interval_seconds, found 31",
    ),
    ({"services": []}, "services: expected a mapping of services to their limits, found an empty list"),
    (
        {"services": {"a b": {}}},
        "services.'a b': expected a service name (letters, digits, '_', '-' and '.'), found 'a b'",
    ),
    (
        {"node_map": {"a": "b c"}},
        "node_map.a: expected a node or host name (letters, digits, '_', '-' and '.'), found 'b c'",
    ),
    ({"node_map": []}, "node_map: expected a mapping of nodes to physical hosts, found an empty list"),
    ({"node_exporters": 1}, "node_exporters: expected a mapping of nodes or hosts to URLs, found a number"),
    (
        {"node_exporters": {"a": {}}},
        "node_exporters.a.exporter_url: expected a URL such as http://10.0.0.11:9100/metrics, found nothing",
    ),
    (
        {"node_exporters": {"a": 1}},
        "node_exporters.a: expected a URL, or a mapping with exporter_url, found a number (quote it)",
    ),
    (
        {"node_exporters": {"a": "ftp://x"}},
        "node_exporters.a: expected a URL that starts with http:// or https://, found 'ftp://x'",
    ),
    (
        {"node_exporters": {"a": "http://a b"}},
        (
            "node_exporters.a: expected a URL that starts with http:// or https://, without spaces or "
            "braces, found 'http://a b'"
        ),
    ),
    (
        {"node_exporters": {"a": "http://u:s3cret@h/"}},
        (
            "node_exporters.a: expected a URL without credentials (use a mapping with the URL, username "
            "and password), found one with '@'"
        ),
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://u:s3cret@h/"}}},
        (
            "node_exporters.a.exporter_url: expected a URL without credentials (use the keys username and "
            "password), found one with '@'"
        ),
    ),
    (
        {"metrics": {"node_exporter_url": "http://x/"}},
        (
            "metrics.node_exporter_url: expected a URL that starts with http:// or https:// and contains "
            "{address} or {hostname}, found 'http://x/'"
        ),
    ),
    (
        {"metrics": {"cadvisor_url": "http://u:s3cret@{address}/"}},
        (
            "metrics.cadvisor_url: expected a URL without credentials (use metrics.cadvisor_auth), found "
            "one with '@'"
        ),
    ),
    (
        {"metrics": {"timeout_seconds": 0}},
        "metrics.timeout_seconds: expected a number of seconds from 0.1 to 60, found the number 0",
    ),
    (
        {"metrics": {"cadvisors": {"a": {}}}},
        "metrics.cadvisors.a.url: expected a URL such as http://10.0.0.11:9100/metrics, found nothing",
    ),
    ({"metrics": {"ca_path": 1}}, "metrics.ca_path: expected a path, found the number 1 (quote it)"),
    (
        {"node_exporter_nodes": {"a": "http://a/"}, "node_exporters": {"a": "http://b/"}},
        "node_exporters.a: expected the same URL as node_exporter_nodes.a, found 'http://b/'",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "bearer_token": "s3cret"}, "b": "http://a/"}},
        (
            "node_exporters.b: expected the login of node_exporters.a, which has the same URL, found a "
            "different one"
        ),
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "username": "u"}}},
        "node_exporters.a.password: expected a password for the username, found nothing",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "password": "s3cret"}}},
        "node_exporters.a.username: expected a username for the password, found nothing",
    ),
    (
        {
            "node_exporters": {
                "a": {"exporter_url": "http://a/", "username": "u", "password": "s3cret", "bearer_token": "t"}
            }
        },
        "node_exporters.a.username: expected one login method, found username and bearer_token",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "username": "u:v", "password": "s3cret"}}},
        "node_exporters.a.username: expected a user name without ':', found one with ':'",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "username": "u", "password": "${MISSING}"}}},
        "node_exporters.a.password: expected the environment variable MISSING or MISSING_FILE, found none",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "username": "u", "password": "${no name}"}}},
        "node_exporters.a.password: expected a variable name in ${…}, found 'no name'",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "username": "u", "password": 12345}}},
        "node_exporters.a.password: expected a password, found a number (quote it)",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "username": "u", "password": ["s3cret"]}}},
        "node_exporters.a.password: expected a password, found a list",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "bearer_token": True}}},
        "node_exporters.a.bearer_token: expected a token, found a boolean (quote it)",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "bearer_token": "s3cret\r"}}},
        (
            "node_exporters.a.bearer_token: expected a single line without control characters, found a "
            "control character"
        ),
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "headers": {"Host": "x"}}}},
        "node_exporters.a.headers.Host: expected a header that Orcastra does not set itself, found 'Host'",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "headers": {"a b": "x"}}}},
        "node_exporters.a.headers.'a b': expected a header name, found 'a b'",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "headers": {"X-A": 5}}}},
        "node_exporters.a.headers.X-A: expected a string, found a number (quote it)",
    ),
    (
        {"node_exporters": {"a": {"exporter_url": "http://a/", "headers": "s3cret"}}},
        "node_exporters.a.headers: expected a mapping of headers to values, found a string",
    ),
]


@pytest.mark.parametrize(("data", "text"), EXPORTER)
def test_problem_text_of_exporter(data: Any, text: str) -> None:
    (problem,) = problems_of(lambda: build_exporter(data))
    assert str(problem) == text


@pytest.mark.parametrize(("value", "text"), VARIABLES)
def test_problem_text_of_variables(tmp_path: Path, value: str, text: str) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text(f"labels: {{l: '{value}'}}")
    found = problems_of(lambda: load_exporter(file, {})) or load_exporter(file, {}).warnings
    assert [str(problem).removeprefix(f"{file}:") for problem in found] == [text]


@pytest.mark.parametrize(("data", "text"), REBALANCE)
def test_problem_text_of_rebalance(data: Any, text: str) -> None:
    (problem,) = problems_of(lambda: build_rebalance(data, {}))
    assert str(problem) == text

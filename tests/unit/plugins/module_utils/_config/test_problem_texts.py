# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of each problem of a configuration, once. All other tests compare codes and keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    PROBLEM_CODES,
    Problem,
    ProblemCode,
)
from tests.support.problems import problems_of

SWARM = [
    (
        "text",
        (
            "expected a mapping with leader, advertise_addr, managers, nodes, options, storage, swarm or "
            "dependencies, found 'text'"
        ),
    ),
    (
        {"Nodes": {}},
        (
            "Nodes: expected one of leader, advertise_addr, managers, nodes, options, storage, "
            "swarm, dependencies, found 'Nodes'; did you mean 'nodes'?"
        ),
    ),
    ({"leader": 5}, "leader: expected a host name, found the number 5 (quote it)"),
    ({"leader": "b", "nodes": {"a": None}}, "leader: expected one of the configured nodes, found 'b'"),
    ({"advertise_addr": "a b"}, "advertise_addr: expected an IP address or a network interface, found 'a b'"),
    ({"managers": 2}, "managers: expected an odd number of managers (1, 3, 5 or 7), found the number 2"),
    ({"nodes": ["n"]}, "nodes: expected a mapping of host names to nodes, found the list ['n']"),
    ({"nodes": {"a b": {}}}, "nodes.'a b': expected a host name or a node ID, found 'a b'"),
    ({"nodes": {5: {}}}, "nodes: expected a string as the key, found the number 5"),
    (
        {"nodes": {"n": ["ssd"]}},
        "nodes.n: expected a mapping with ip, labels, role or availability, found the list ['ssd']",
    ),
    ({"nodes": {"n": {"ip": "host-a"}}}, "nodes.n.ip: expected an IP address, found 'host-a'"),
    ({"nodes": {"n": {"swarm_addr": "x"}}}, "nodes.n.swarm_addr: expected an IP address, found 'x'"),
    (
        {"nodes": {"n": {"data_path_addr": "a b"}}},
        "nodes.n.data_path_addr: expected an IP address or a network interface, found 'a b'",
    ),
    (
        {"nodes": {"n": {"labels": "ssd"}}},
        "nodes.n.labels: expected a list of labels, or a mapping of labels to values, found 'ssd'",
    ),
    (
        {"nodes": {"n": {"labels": ["b=c"]}}},
        "nodes.n.labels[0]: expected a label without spaces and '=', found 'b=c'",
    ),
    (
        {"nodes": {"n": {"labels": {"a": 1.5}}}},
        "nodes.n.labels.a: expected a string, an integer, or true or false, found the number 1.5 (quote it)",
    ),
    (
        {"nodes": {"n": {"labels": {"a": 10**70}}}},
        "nodes.n.labels.a: expected at most 60 digits, found a number of more than 60 digits",
    ),
    ({"nodes": {"n": {"role": "boss"}}}, "nodes.n.role: expected manager or worker, found 'boss'"),
    (
        {"nodes": {"n": {"availability": "Drain"}}},
        "nodes.n.availability: expected active, pause or drain, found 'Drain'",
    ),
    (
        {"nodes": {"n": {"lable": []}}},
        (
            "nodes.n.lable: expected one of ip, labels, role, availability, data_path_addr, swarm_addr, "
            "found 'lable'; did you mean 'labels'?"
        ),
    ),
    (
        {"nodes": {"a": {"ip": "10.0.0.1"}, "b": {"ip": "10.0.0.1"}}},
        (
            "nodes.b.ip: expected a different address for each node, found '10.0.0.1', which is also the "
            "address of 'a' (nodes.a.ip)"
        ),
    ),
    (
        {"nodes": {"a": {"role": "manager"}, "b": {"role": "manager"}}},
        "nodes.b.role: expected an odd number of managers (1, 3, 5 or 7), found 2: a, b",
    ),
    (
        {"managers": 1, "nodes": {name: {"role": "manager"} for name in "abc"}},
        "nodes.c.role: expected at most 1 manager (see 'managers'), found 3: a, b, c",
    ),
    (
        {"managers": 3, "nodes": {"a": None, "b": {"role": "worker"}}},
        "managers: expected at most 1, the number of nodes that can be managers, found the number 3",
    ),
    (
        {"leader": "a", "nodes": {"a": {"role": "worker"}}},
        "nodes.a.role: expected manager, the role of the leader, found 'worker'",
    ),
    ({"options": 1}, "options: expected a mapping with prune_unknown_labels, found the number 1"),
    (
        {"options": {"prune_unknown_labels": "true"}},
        "options.prune_unknown_labels: expected true or false, found 'true' (remove the quotes)",
    ),
    ({"swarm": 1}, "swarm: expected a mapping of swarm settings, found the number 1"),
    ({"swarm": {"cluster_id": "A"}}, "swarm.cluster_id: expected a swarm ID, found 'A'"),
    (
        {"swarm": {"listen_addr": ""}},
        "swarm.listen_addr: expected an IP address or a network interface, with or without a port, found ''",
    ),
    (
        {"swarm": {"default_addr_pool": []}},
        "swarm.default_addr_pool: expected a list of networks such as 10.20.0.0/16, found an empty list",
    ),
    (
        {"swarm": {"default_addr_pool": ["10.0.0.1/8"]}},
        "swarm.default_addr_pool[0]: expected a network such as 10.20.0.0/16, found '10.0.0.1/8'",
    ),
    (
        {"swarm": {"subnet_size": 40}},
        "swarm.subnet_size: expected an integer from 1 to 29, found the number 40",
    ),
    (
        {"swarm": {"task_history_limit": -1}},
        "swarm.task_history_limit: expected an integer of 0 or more, found the number -1",
    ),
    (
        {"swarm": {"heartbeat_seconds": 0}},
        "swarm.heartbeat_seconds: expected a number of seconds above 0, found the number 0",
    ),
    (
        {"swarm": {"cert_expiry_days": 0}},
        "swarm.cert_expiry_days: expected a number of days above 0, found the number 0",
    ),
    (
        {"swarm": {"forget_after_seconds": "1h"}},
        "swarm.forget_after_seconds: expected a number of seconds, found '1h'",
    ),
    (
        {"swarm": {"paused_updates": "x"}},
        "swarm.paused_updates: expected auto, resume, rollback or report, found 'x'",
    ),
    (
        {"dependencies": ["db"]},
        "dependencies: expected a mapping of anchors to the services that follow them, found the list ['db']",
    ),
    (
        {"dependencies": {"db": None}},
        "dependencies.db: expected a list of service names, or a mapping with services, found nothing",
    ),
    (
        {"dependencies": {"db": {}}},
        "dependencies.db.services: expected a list of service names, found nothing",
    ),
    (
        {"dependencies": {"a/b": []}},
        "dependencies.a/b: expected a service name (letters, digits, '_', '-' and '.'), found 'a/b'",
    ),
    (
        {"dependencies": {"db": {"services": ["web"], "stack": "a/b"}}},
        "dependencies.db.stack: expected a stack name (letters, digits, '_', '-' and '.'), found 'a/b'",
    ),
    (
        {"dependencies": {"db": {"services": ["web"], "relocate": "fast"}}},
        "dependencies.db.relocate: expected auto, ordered or evict, found 'fast'",
    ),
    (
        {"dependencies": {"db": {"services": ["web"], "retry_intervals": 60}}},
        "dependencies.db.retry_intervals: expected a list of intervals in seconds, found the number 60",
    ),
    (
        {"dependencies": {"db": {"services": ["web"], "retry_intervals": [0]}}},
        (
            "dependencies.db.retry_intervals[0]: expected a number of seconds above 0, up to one year, "
            "found the number 0"
        ),
    ),
    (
        {"dependencies": {"a": ["a"]}},
        "dependencies.a[0]: expected a service other than the anchor, found 'a', the anchor itself",
    ),
    (
        {"dependencies": {"a": ["b", "b"]}},
        "dependencies.a[1]: expected each service once, found 'b' again (first: dependencies.a[0])",
    ),
    (
        {"dependencies": {"a": ["b"], "b": ["a"]}},
        "dependencies.b[0]: expected a chain without a cycle, found the cycle a → b → a",
    ),
    (
        {"dependencies": {"b": {"stack": "apps", "services": []}, "apps_b": {"stack": "", "services": []}}},
        (
            "dependencies.apps_b: expected one entry per anchor, found a second entry for the service "
            "apps_b (first: 'b', dependencies.b)"
        ),
    ),
    (
        {"dependencies": {"a": {"stack": "apps", "services": ["b"]}, "b": ["c"]}},
        (
            "dependencies.b.stack: expected the stack of 'b': 'apps' if it is the service that follows 'a' "
            "(dependencies.a.services[0]), 'main' if it is a different service, found nothing"
        ),
    ),
    (
        {"nodes": {"n": {"labels": ["db"]}}, "dependencies": {"db": ["web"]}},
        (
            "nodes.n.labels[0]: expected a label that no anchor uses, found 'db', the label of the anchor "
            "'db' (dependencies.db)"
        ),
    ),
    ({f"k{number}": 1 for number in range(200)}, "expected at most 100 problems, found more"),
]

LABELS = [
    (
        ["node.labels.db"],
        (
            "nodes.n.labels[0]: expected a label without the prefix 'node.labels.', which belongs in "
            "constraints only, found 'node.labels.db'; did you mean 'db'?"
        ),
    ),
    (
        ["engine.labels.ssd"],
        (
            "nodes.n.labels[0]: expected a label without the prefix 'engine.labels.', which belongs in "
            "constraints only, found 'engine.labels.ssd' (engine labels are set in daemon.json); did you "
            "mean 'ssd'?"
        ),
    ),
    (
        ["orcastra.state"],
        (
            "nodes.n.labels[0]: expected a label without the prefix 'orcastra.', which is reserved for "
            "Orcastra, found 'orcastra.state'"
        ),
    ),
    (
        ["com.example/rack"],
        (
            "nodes.n.labels[0]: expected a label of letters, digits, '_', '.' and '-' (constraints cannot "
            "match any other), found 'com.example/rack', which contains '/'; did you mean "
            "'com.example.rack'?"
        ),
    ),
    (
        ["ssd:true"],
        (
            "nodes.n.labels[0]: expected a label of letters, digits, '_', '.' and '-' (constraints cannot "
            "match any other), found 'ssd:true', which contains ':'; did you mean ssd: true (in a mapping)?"
        ),
    ),
    (
        {"a": ""},
        (
            "nodes.n.labels.a: expected a value (constraints cannot match an empty one), found ''; did you "
            "mean true?"
        ),
    ),
    (
        {"a": " x"},
        (
            "nodes.n.labels.a: expected a value without leading or trailing spaces (constraints cannot "
            "match them), found ' x'"
        ),
    ),
    (
        {"a": "a,b"},
        (
            "nodes.n.labels.a: expected a value of letters, digits, spaces and :-_.*()?+[]\\^$|/ "
            "(constraints cannot match any other), found 'a,b', which contains ','"
        ),
    ),
]

YAML = [
    ("a: 1\na: 3", "2: a: expected each key once, found it again (first on line 1)"),
    ("a: {<<: x}", "1: a.<<: expected an alias of a mapping, or a list of such aliases, found 'x'"),
    ("5: x", "1: expected a string as the key, found the number 5 (quote it: '5')"),
    ("[a]: x", "1: expected a string as the key, found a list"),
    ("a: !foo x", "1: a: expected a plain value, found the tag !foo"),
    (
        "a: !vault x",
        (
            "1: a: expected a plain value, found the tag !vault, which only Ansible can decrypt; this file "
            "needs no secrets"
        ),
    ),
    ("a: !!int x", "1: a: expected a valid value for the tag !!int, found 'x'"),
    ("&a [*a]", "1: [0]: expected an alias without recursion, found one that contains itself"),
    ("[" * 60, "1: expected at most 50 nested lists and mappings, found more"),
    ("- a\n" * 60_000, "50000: expected at most 50000 values, with aliases expanded, found more"),
    ("#\n" * 100_001, "100000: expected at most 100000 lines, found more"),
    ("a" * 70_000, "1: expected a string of at most 65536 characters, found more"),
    ("#" * (1024 * 1024 + 1), "expected a file of at most 1024 KiB, found a larger one"),
    (b"a: \xe4", "1: expected UTF-8 text, found the invalid byte 0xe4"),
    ("a: b\n\tc: d", "2: expected valid YAML, found a tab in the indentation (use spaces)"),
    (
        "a: b: c",
        "1: expected valid YAML, found an unexpected ': ' (check the indentation, or quote the value)",
    ),
    (
        "a: 1\nb\nc: 2",
        (
            "3: expected valid YAML, found a key without ':' after it; it is part of the block that starts "
            "on line 2"
        ),
    ),
    (
        "a: [1, 2\nb: 3",
        (
            "2: expected valid YAML, found a list in [ ] without a ',' or the closing ']'; it is part of "
            "the block that starts on line 1"
        ),
    ),
    (
        "a: {b: 1\nc: 3",
        (
            "2: expected valid YAML, found a mapping in { } without a ',' or the closing '}'; it is part "
            "of the block that starts on line 1"
        ),
    ),
    (
        "a: 'x\nb: 1\n",
        (
            "3: expected valid YAML, found the end of the file inside a quoted string; it is part of the "
            "block that starts on line 1"
        ),
    ),
    (
        "a:\n  b: 1\n c: 2",
        (
            "3: expected valid YAML, found a line with a different indentation than the lines before it; "
            "it is part of the block that starts on line 1"
        ),
    ),
    ("a: *b", "1: expected valid YAML, found an alias (*) without an anchor (&) before it"),
    (
        "a: &x 1\nb: &x 2",
        (
            "2: expected valid YAML, found a second anchor (&) with the same name; it is part of the block "
            "that starts on line 1"
        ),
    ),
    ("a: @b", "1: expected valid YAML, found a value that starts with '@' (quote it)"),
    ("a: %b", "1: expected valid YAML, found a value that starts with '%' (quote it)"),
    ("a: `b", "1: expected valid YAML, found a value that starts with '`' (quote it)"),
    ("a: 1\n---\nb: 2", "2: expected valid YAML, found a second document (after '---')"),
    ('a: "\\q"', "1: expected valid YAML, found an unknown escape (\\) in double quotes"),
    ("a: !x!y z", "1: expected valid YAML, found an unknown tag (!)"),
    ("a: 1\nb: \x07", "2: expected valid YAML, found the unprintable character U+0007"),
    ("a: ]", "1: expected valid YAML, found a missing or incomplete value"),
]


@pytest.mark.parametrize(("data", "text"), SWARM)
def test_problem_text_of_swarm(data: Any, text: str) -> None:
    assert str(problems_of(lambda: parse_config(data, stack_name="main"))[-1]) == text


@pytest.mark.parametrize(("labels", "text"), LABELS)
def test_problem_text_of_labels(labels: Any, text: str) -> None:
    (warning,) = parse_config({"nodes": {"n": {"labels": labels}}}, stack_name="").warnings
    assert str(warning) == text


@pytest.mark.parametrize(("content", "text"), YAML)
def test_problem_text_of_yaml(tmp_path: Path, content: str | bytes, text: str) -> None:
    file = tmp_path / "swarm.yml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    (problem,) = read_file(file)[1]
    assert str(problem).removeprefix(f"{file}:").strip() == text


def test_problem_codes_are_documented() -> None:
    assert set(PROBLEM_CODES) == set(get_args(ProblemCode))
    assert list(PROBLEM_CODES) == sorted(PROBLEM_CODES)
    assert all(re.fullmatch("[a-z_]+", code) for code in PROBLEM_CODES)


def test_problem_to_data() -> None:
    problem = Problem("nodes.a", "a mapping", "nothing", "swarm.yml", 3, "wrong_type")
    assert problem.to_data() == {
        "code": "wrong_type",
        "key": "nodes.a",
        "expected": "a mapping",
        "found": "nothing",
        "file": "swarm.yml",
        "line": 3,
        "text": "swarm.yml:3: nodes.a: expected a mapping, found nothing",
    }

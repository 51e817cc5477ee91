# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain data (a module's parameters) to the checked configuration, and what is refused of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    NodeConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import MAX_PROBLEMS, ConfigError


def problems_of(data: Any, **arguments: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, **{"stack_name": "main", **arguments})
    assert all(problem.file is None and problem.line is None for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def node(**values: Any) -> dict[str, Any]:
    return {"nodes": {"n": values}}


def dependency(**values: Any) -> dict[str, Any]:
    return {"dependencies": {"db": {"services": ["web"], **values}}}


def test_everything_given() -> None:
    desired = parse_config(
        {
            "leader": "n",
            "advertise_addr": "10.0.0.1",
            "nodes": {
                "n": {"ip": "10.0.0.1", "labels": {"a": "b"}, "role": "manager", "availability": "drain"}
            },
            "options": {"prune_unknown_labels": True},
            "dependencies": {
                "db": {
                    "stack": "apps",
                    "services": ["web"],
                    "restart_dependents": False,
                    "retry_intervals": [1, 2.5],
                    "relocate": "evict",
                    "manage_constraint": False,
                }
            },
        },
        stack_name="main",
        label_prefix="at-",
        restart_dependents=True,
    )
    assert desired == DesiredState(
        nodes={"n": NodeConfig("n", {"a": "b"}, "10.0.0.1", "manager", "drain")},
        dependencies={
            "db": Dependency(
                anchor="db",
                stack="apps",
                label="at-db",
                followers=("web",),
                restart_dependents=False,
                retry_intervals=(1.0, 2.5),
                relocate="evict",
                manage_constraint=False,
            )
        },
        leader="n",
        advertise_addr="10.0.0.1",
        prune_unknown_labels=True,
    )


@pytest.mark.parametrize(
    ("data", "absent"),
    [
        ({}, set()),
        ([], set()),
        ({"nodes": {}, "dependencies": {}, "options": {}}, set()),
        ({"nodes": [], "dependencies": []}, set()),
        (None, {"nodes", "dependencies"}),
        (
            dict.fromkeys(("leader", "advertise_addr", "nodes", "options", "dependencies")),
            {"nodes", "dependencies"},
        ),
        ({"options": {"prune_unknown_labels": None}}, {"nodes", "dependencies"}),
        (MappingProxyType({"nodes": MappingProxyType({})}), {"dependencies"}),
    ],
)
def test_nothing_given(data: Any, absent: set[str]) -> None:
    nothing = DesiredState(absent_sections=frozenset(absent)).with_removals()
    assert parse_config(data, stack_name="main") == nothing


def test_none_stands_for_a_key_that_is_not_given() -> None:
    desired = parse_config(
        {
            "nodes": {"n": {"ip": None, "labels": None, "role": None, "availability": None}},
            **dependency(
                stack=None,
                restart_dependents=None,
                retry_intervals=None,
                relocate=None,
                manage_constraint=None,
            ),
        },
        stack_name="main",
    )
    assert desired.nodes == {"n": NodeConfig("n")}
    assert desired.dependencies == {"db": Dependency("db", "main", "db", ("web",))}


def test_an_anchor_without_followers() -> None:
    for entry in ([], {"services": []}):
        desired = parse_config({"dependencies": {"db": entry}}, stack_name="main")
        assert desired.dependencies == {"db": Dependency("db", "main", "db")}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], {}),
        (["ssd", "com.example/zone", "ssd"], {"ssd": "true", "com.example/zone": "true"}),
        (("ssd",), {"ssd": "true"}),
        ({"a": "b c", "e": "", "n": None}, {"a": "b c", "e": "", "n": ""}),
        (
            {"t": True, "f": False, "i": 12, "z": 0, "m": -1},
            {"t": "true", "f": "false", "i": "12", "z": "0", "m": "-1"},
        ),
        ({"u": "größe", "x": "1.10", "x-y": "z"}, {"u": "größe", "x": "1.10", "x-y": "z"}),
    ],
)
def test_labels(labels: Any, expected: dict[str, str]) -> None:
    assert parse_config(node(labels=labels), stack_name="main").nodes["n"].labels == expected


LABEL = "expected a label without white space and '='"
VALUE = "expected text, a whole number, or true or false"
SERVICE = "expected the name of a service (letters, digits, '_', '-' and '.')"
SECONDS = "expected a number of seconds above 0 and up to a year"
STACK = "expected the name of a stack (letters, digits, '_', '-' and '.')"
NODE = "expected a mapping with ip, labels, role or availability"
LABELS = "expected a list of labels, or a mapping of labels to values"
ANCHORS = "expected a mapping of anchors to the services that follow them"
DEPENDENCY = "expected a list of service names, or a mapping with services"
PARTS = "expected one of leader, advertise_addr, managers, nodes, options, swarm, dependencies"
DEPENDENCY_KEYS = (
    "expected one of stack, services, restart_dependents, retry_intervals, relocate, manage_constraint"
)
OTHER = "expected another service than the anchor"
ONCE = "expected each service once"
STATIC = "expected a label that is no anchor's"
QUOTE = "(put it in quotes)"
UNQUOTE = "(leave out the quotes)"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"leader": 5}, f"leader: expected a host name, found the number 5 {QUOTE}"),
        ({"leader": ""}, "leader: expected a host name, found ''"),
        ({"leader": "a b"}, "leader: expected a host name, found 'a b'"),
        ({"leader": "a\n"}, "leader: expected a host name, found 'a\\n'"),
        ({"nodes": ["n"]}, "nodes: expected a mapping of host names to nodes, found the list ['n']"),
        ({"nodes": {"a b": {}}}, "nodes.'a b': expected a host name or a node ID, found 'a b'"),
        ({"nodes": {"": {}}}, "nodes.'': expected a host name or a node ID, found ''"),
        ({"nodes": {5: {}}}, "nodes: expected text as a key, found the number 5"),
        ({"nodes": {"n": ["ssd"]}}, f"nodes.n: {NODE}, found the list ['ssd']"),
        (node(role="leader"), "nodes.n.role: expected manager or worker, found 'leader'"),
        (node(role=1), f"nodes.n.role: expected manager or worker, found the number 1 {QUOTE}"),
        (node(availability="Drain"), "nodes.n.availability: expected active, pause or drain, found 'Drain'"),
        (
            node(IP="10.0.0.1"),
            (
                "nodes.n.IP: expected one of ip, labels, role, availability, data_path_addr, swarm_addr, "
                "found 'IP'"
            ),
        ),
        (node(ip=10.1), f"nodes.n.ip: expected an IP address, found the number 10.1 {QUOTE}"),
        (node(ip="10.0.0.256"), "nodes.n.ip: expected an IP address, found '10.0.0.256'"),
        (node(ip="10.0.0.1/24"), "nodes.n.ip: expected an IP address, found '10.0.0.1/24'"),
        (node(ip="host-a"), "nodes.n.ip: expected an IP address, found 'host-a'"),
        (node(ip=""), "nodes.n.ip: expected an IP address, found ''"),
        (node(labels="ssd"), f"nodes.n.labels: {LABELS}, found 'ssd'"),
        (node(labels=[1]), f"nodes.n.labels[0]: {LABEL}, found the number 1 {QUOTE}"),
        (node(labels=[True]), f"nodes.n.labels[0]: {LABEL}, found true {QUOTE}"),
        (node(labels=[None]), f"nodes.n.labels[0]: {LABEL}, found nothing"),
        (node(labels=[["a"]]), f"nodes.n.labels[0]: {LABEL}, found the list ['a']"),
        (node(labels=["a", "b=c"]), f"nodes.n.labels[1]: {LABEL}, found 'b=c'"),
        (node(labels=[""]), f"nodes.n.labels[0]: {LABEL}, found ''"),
        (node(labels=["a\n"]), f"nodes.n.labels[0]: {LABEL}, found 'a\\n'"),
        (node(labels=["a\ud800"]), f"nodes.n.labels[0]: {LABEL}, found 'a\\ud800'"),
        (node(labels={"a b": "c"}), f"nodes.n.labels.'a b': {LABEL}, found 'a b'"),
        (node(labels={"a": 1.5}), f"nodes.n.labels.a: {VALUE}, found the number 1.5 {QUOTE}"),
        (node(labels={"a": 1.0}), f"nodes.n.labels.a: {VALUE}, found the number 1.0 {QUOTE}"),
        (node(labels={"a": ["b"]}), f"nodes.n.labels.a: {VALUE}, found the list ['b']"),
        (node(labels={"a": {"b": None}}), f"nodes.n.labels.a: {VALUE}, found the mapping {{'b': null}}"),
        (node(labels={"a": "b\nc"}), f"nodes.n.labels.a: {VALUE}, found 'b\\nc'"),
        (
            node(labels={"a": 2**63}),
            f"nodes.n.labels.a: {VALUE}, found the number 9223372036854775808 {QUOTE}",
        ),
        (
            node(labels={"a": 10**5000}),
            "nodes.n.labels.a: expected at most 60 digits, found a number of more than 60 digits",
        ),
        ({"options": {"prune": True}}, "options.prune: expected prune_unknown_labels, found 'prune'"),
        (
            {"options": {"prune_unknown_label": True}},
            (
                "options.prune_unknown_label: expected prune_unknown_labels, found "
                "'prune_unknown_label'; did you mean 'prune_unknown_labels'?"
            ),
        ),
        (
            {"options": {"prune_unknown_labels": "true"}},
            f"options.prune_unknown_labels: expected true or false, found 'true' {UNQUOTE}",
        ),
        (
            {"options": {"prune_unknown_labels": 1}},
            "options.prune_unknown_labels: expected true or false, found the number 1",
        ),
        ({"dependencies": ["db"]}, f"dependencies: {ANCHORS}, found the list ['db']"),
        ({"dependencies": {"db": None}}, f"dependencies.db: {DEPENDENCY}, found nothing"),
        ({"dependencies": {"db": "web"}}, f"dependencies.db: {DEPENDENCY}, found 'web'"),
        (
            {"dependencies": {"db": {}}},
            "dependencies.db.services: expected a list of service names, found nothing",
        ),
        ({"dependencies": {"db": ["-x"]}}, f"dependencies.db[0]: {SERVICE}, found '-x'"),
        ({"dependencies": {"db": ["web", 7]}}, f"dependencies.db[1]: {SERVICE}, found the number 7 {QUOTE}"),
        ({"dependencies": {"a/b": []}}, f"dependencies.a/b: {SERVICE}, found 'a/b'"),
        (
            dependency(services="web"),
            "dependencies.db.services: expected a list of service names, found 'web'",
        ),
        (
            dependency(services=None),
            "dependencies.db.services: expected a list of service names, found nothing",
        ),
        (dependency(services=["web", ""]), f"dependencies.db.services[1]: {SERVICE}, found ''"),
        (
            dependency(service=["web"]),
            f"dependencies.db.service: {DEPENDENCY_KEYS}, found 'service'; did you mean 'services'?",
        ),
        (dependency(stack=7), f"dependencies.db.stack: {STACK}, found the number 7 {QUOTE}"),
        (dependency(stack="a/b"), f"dependencies.db.stack: {STACK}, found 'a/b'"),
        (
            dependency(restart_dependents="no"),
            f"dependencies.db.restart_dependents: expected true or false, found 'no' {UNQUOTE}",
        ),
        (
            dependency(manage_constraint=0),
            "dependencies.db.manage_constraint: expected true or false, found the number 0",
        ),
        (
            dependency(relocate="fast"),
            "dependencies.db.relocate: expected auto, ordered or evict, found 'fast'",
        ),
        (
            dependency(retry_intervals=[]),
            "dependencies.db.retry_intervals: expected a list of seconds, found an empty list",
        ),
        (
            dependency(retry_intervals=60),
            "dependencies.db.retry_intervals: expected a list of seconds, found the number 60",
        ),
        (
            dependency(retry_intervals=[2, 0]),
            f"dependencies.db.retry_intervals[1]: {SECONDS}, found the number 0",
        ),
        (
            dependency(retry_intervals=[-1]),
            f"dependencies.db.retry_intervals[0]: {SECONDS}, found the number -1",
        ),
        (
            dependency(retry_intervals=["60"]),
            f"dependencies.db.retry_intervals[0]: {SECONDS}, found '60' {UNQUOTE}",
        ),
        (dependency(retry_intervals=[True]), f"dependencies.db.retry_intervals[0]: {SECONDS}, found true"),
        (
            dependency(retry_intervals=[float("nan")]),
            f"dependencies.db.retry_intervals[0]: {SECONDS}, found the number nan",
        ),
        (
            dependency(retry_intervals=[float("inf")]),
            f"dependencies.db.retry_intervals[0]: {SECONDS}, found the number inf",
        ),
        (
            dependency(retry_intervals=[10**50]),
            f"dependencies.db.retry_intervals[0]: {SECONDS}, found the number 1{'0' * 50}",
        ),
        ({"Nodes": {}}, f"Nodes: {PARTS}, found 'Nodes'; did you mean 'nodes'?"),
    ],
)
def test_refuses(data: Any, expected: str) -> None:
    assert problems_of(data) == [expected]


@pytest.mark.parametrize("data", ["text", 5, [{"nodes": {}}]])
def test_anything_but_a_mapping(data: Any) -> None:
    (problem,) = problems_of(data)
    assert problem.startswith(
        "expected a mapping with leader, advertise_addr, managers, nodes, options, swarm or dependencies"
    )


@pytest.mark.parametrize("prefix", ["", "orcastra.", "at_", "_", "a-"])
def test_label_prefix(prefix: str) -> None:
    desired = parse_config(dependency(), stack_name="main", label_prefix=prefix)
    assert desired.dependencies["db"].label == f"{prefix}db"


@pytest.mark.parametrize("prefix", ["at/", "a b", "a=", "ä", "a\n"])
def test_label_prefix_that_no_constraint_could_name(prefix: str) -> None:
    assert problems_of({}, label_prefix=prefix) == [
        f"label_prefix: expected letters, digits, '_', '-' and '.', found {prefix!r}"
    ]


def test_wrong_stack_name_comes_with_all_other_problems() -> None:
    assert problems_of({"leader": 5}, stack_name="a b") == [
        "leader: expected a host name, found the number 5 (put it in quotes)",
        "stack_name: expected letters, digits, '_', '-' and '.', a letter or digit first, found 'a b'",
    ]


def test_a_refused_value_hides_nothing_beside_it() -> None:
    assert problems_of(
        {
            "nodes": {
                "a": {"ip": "10.0.0.1", "labels": ["x y", "db"], "role": "boss"},
                "b": {"ip": "10.0.0.1", "id": 1},
            },
            "dependencies": {
                "db": {"services": [1, "db", "web", "web"], "retry_intervals": [0, "x", 1], "extra": 1}
            },
        }
    ) == [
        f"dependencies.db.extra: {DEPENDENCY_KEYS}, found 'extra'",
        f"dependencies.db.retry_intervals[0]: {SECONDS}, found the number 0",
        f"dependencies.db.retry_intervals[1]: {SECONDS}, found 'x'",
        f"dependencies.db.services[0]: {SERVICE}, found the number 1 (put it in quotes)",
        f"dependencies.db.services[1]: {OTHER}, found 'db', the anchor itself",
        f"dependencies.db.services[3]: {ONCE}, found 'web' again (first: dependencies.db.services[2])",
        f"nodes.a.labels[0]: {LABEL}, found 'x y'",
        (
            f"nodes.a.labels[1]: {STATIC}, found 'db', which marks the nodes of the anchor 'db' "
            "(dependencies.db)"
        ),
        "nodes.a.role: expected manager or worker, found 'boss'",
        "nodes.b.id: expected one of ip, labels, role, availability, data_path_addr, swarm_addr, found 'id'",
        (
            "nodes.b.ip: expected an address of its own for each node, found '10.0.0.1', "
            "which is the address of 'a' (nodes.a.ip)"
        ),
    ]


def test_the_data_is_left_as_it_is() -> None:
    data = dependency(retry_intervals=[0], services=["web", 1])
    problems_of(data)
    assert data == dependency(retry_intervals=[0], services=["web", 1])


@pytest.mark.parametrize(
    "value",
    ["v " * 1000, ["v" * 1000] * 1000, {"k" * 1000: ["v"] * 1000}, [[[[["v" * 1000] * 9] * 9] * 9] * 9]],
)
def test_long_values_are_cut(value: Any) -> None:
    for data in ({"leader": value}, {"nodes": {"n": {"role": value}}}):
        (problem,) = problems_of(data)
        assert len(problem) < 160
    (problem,) = problems_of({"nodes": {"n" * 1000: 5}})
    assert len(problem) < 160


def test_data_without_an_end() -> None:
    endless: dict[str, Any] = {}
    endless["n"] = endless
    assert any("at most 50 levels" in problem for problem in problems_of({"nodes": endless}))


@pytest.mark.parametrize(
    "data",
    [
        {f"key{n}": 1 for n in range(5000)},
        {"nodes": {f"n{n}": {"lab": 1} for n in range(5000)}},
        {"nodes": {"a": {"labels": [f"a b{n}" for n in range(5000)]}}},
        {"nodes": {f"n{n}": {"ip": "10.0.0.1"} for n in range(5000)}},
        {"dependencies": {f"d{n}": [f"d{n ^ 1}"] for n in range(5000)}},
        {"dependencies": {"a": ["x"] * 5000}},
    ],
    ids=["keys", "keys of nodes", "labels", "addresses", "cycles", "repeated"],
)
def test_of_thousands_of_mistakes_the_first_are_told(data: Any) -> None:
    problems = problems_of(data)
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1] == f"expected at most {MAX_PROBLEMS} mistakes, found more"


def test_a_long_cycle_is_cut() -> None:
    (problem,) = problems_of({"dependencies": {f"d{n}": [f"d{(n + 1) % 5000}"] for n in range(5000)}})
    assert len(problem) < 500

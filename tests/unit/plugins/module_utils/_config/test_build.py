# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the configuration from plain data (a module's parameters), and reject invalid data."""

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
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import MAX_PROBLEMS, Problem
from tests.support import problems as support
from tests.support.problems import keyed


def problems_of(data: Any, **arguments: Any) -> tuple[Problem, ...]:
    found = support.problems_of(lambda: parse_config(data, **{"stack_name": "main", **arguments}))
    assert found
    assert all(problem.file is None and problem.line is None for problem in found)
    return found


def node(**values: Any) -> dict[str, Any]:
    return {"nodes": {"n": values}}


def dependency(**values: Any) -> dict[str, Any]:
    return {"dependencies": {"db": {"services": ["web"], **values}}}


def test_parse_config_with_all_keys() -> None:
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
def test_parse_config_without_content(data: Any, absent: set[str]) -> None:
    nothing = DesiredState(absent_sections=frozenset(absent)).with_removals()
    assert parse_config(data, stack_name="main") == nothing


def test_parse_config_treats_none_as_absent() -> None:
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


def test_parse_config_accepts_anchor_without_followers() -> None:
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
def test_labels_become_strings(labels: Any, expected: dict[str, str]) -> None:
    assert parse_config(node(labels=labels), stack_name="main").nodes["n"].labels == expected


@pytest.mark.parametrize(
    ("data", "code", "key"),
    [
        ({"leader": 5}, "wrong_type", "leader"),
        ({"leader": ""}, "invalid_value", "leader"),
        ({"leader": "a b"}, "invalid_value", "leader"),
        ({"leader": "a\n"}, "invalid_value", "leader"),
        ({"nodes": ["n"]}, "wrong_type", "nodes"),
        ({"nodes": {"a b": {}}}, "invalid_name", "nodes.'a b'"),
        ({"nodes": {"": {}}}, "invalid_name", "nodes.''"),
        ({"nodes": {5: {}}}, "wrong_type", "nodes"),
        ({"nodes": {"n": ["ssd"]}}, "wrong_type", "nodes.n"),
        (node(role="leader"), "invalid_value", "nodes.n.role"),
        (node(role=1), "wrong_type", "nodes.n.role"),
        (node(availability="Drain"), "invalid_value", "nodes.n.availability"),
        (node(IP="10.0.0.1"), "unknown_key", "nodes.n.IP"),
        (node(ip=10.1), "wrong_type", "nodes.n.ip"),
        (node(ip="10.0.0.256"), "invalid_value", "nodes.n.ip"),
        (node(ip="10.0.0.1/24"), "invalid_value", "nodes.n.ip"),
        (node(ip="host-a"), "invalid_value", "nodes.n.ip"),
        (node(ip=""), "invalid_value", "nodes.n.ip"),
        (node(labels="ssd"), "wrong_type", "nodes.n.labels"),
        (node(labels=[1]), "wrong_type", "nodes.n.labels[0]"),
        (node(labels=[True]), "wrong_type", "nodes.n.labels[0]"),
        (node(labels=[None]), "wrong_type", "nodes.n.labels[0]"),
        (node(labels=[["a"]]), "wrong_type", "nodes.n.labels[0]"),
        (node(labels=["a", "b=c"]), "invalid_value", "nodes.n.labels[1]"),
        (node(labels=[""]), "invalid_value", "nodes.n.labels[0]"),
        (node(labels=["a\n"]), "invalid_value", "nodes.n.labels[0]"),
        (node(labels=["a\ud800"]), "invalid_value", "nodes.n.labels[0]"),
        (node(labels={"a b": "c"}), "invalid_name", "nodes.n.labels.'a b'"),
        (node(labels={"a": 1.5}), "wrong_type", "nodes.n.labels.a"),
        (node(labels={"a": 1.0}), "wrong_type", "nodes.n.labels.a"),
        (node(labels={"a": ["b"]}), "wrong_type", "nodes.n.labels.a"),
        (node(labels={"a": {"b": None}}), "wrong_type", "nodes.n.labels.a"),
        (node(labels={"a": "b\nc"}), "invalid_value", "nodes.n.labels.a"),
        (node(labels={"a": 2**63}), "out_of_range", "nodes.n.labels.a"),
        (node(labels={"a": 10**5000}), "too_large", "nodes.n.labels.a"),
        ({"options": {"prune": True}}, "unknown_key", "options.prune"),
        ({"options": {"prune_unknown_label": True}}, "unknown_key", "options.prune_unknown_label"),
        ({"options": {"prune_unknown_labels": "true"}}, "wrong_type", "options.prune_unknown_labels"),
        ({"options": {"prune_unknown_labels": 1}}, "wrong_type", "options.prune_unknown_labels"),
        ({"dependencies": ["db"]}, "wrong_type", "dependencies"),
        ({"dependencies": {"db": None}}, "wrong_type", "dependencies.db"),
        ({"dependencies": {"db": "web"}}, "wrong_type", "dependencies.db"),
        ({"dependencies": {"db": {}}}, "missing", "dependencies.db.services"),
        ({"dependencies": {"db": ["-x"]}}, "invalid_value", "dependencies.db[0]"),
        ({"dependencies": {"db": ["web", 7]}}, "wrong_type", "dependencies.db[1]"),
        ({"dependencies": {"a/b": []}}, "invalid_name", "dependencies.a/b"),
        (dependency(services="web"), "wrong_type", "dependencies.db.services"),
        (dependency(services=None), "wrong_type", "dependencies.db.services"),
        (dependency(services=["web", ""]), "invalid_value", "dependencies.db.services[1]"),
        (dependency(service=["web"]), "unknown_key", "dependencies.db.service"),
        (dependency(stack=7), "wrong_type", "dependencies.db.stack"),
        (dependency(stack="a/b"), "invalid_value", "dependencies.db.stack"),
        (dependency(restart_dependents="no"), "wrong_type", "dependencies.db.restart_dependents"),
        (dependency(manage_constraint=0), "wrong_type", "dependencies.db.manage_constraint"),
        (dependency(relocate="fast"), "invalid_value", "dependencies.db.relocate"),
        (dependency(retry_intervals=[]), "out_of_range", "dependencies.db.retry_intervals"),
        (dependency(retry_intervals=60), "wrong_type", "dependencies.db.retry_intervals"),
        (dependency(retry_intervals=[2, 0]), "out_of_range", "dependencies.db.retry_intervals[1]"),
        (dependency(retry_intervals=[-1]), "out_of_range", "dependencies.db.retry_intervals[0]"),
        (dependency(retry_intervals=["60"]), "wrong_type", "dependencies.db.retry_intervals[0]"),
        (dependency(retry_intervals=[True]), "wrong_type", "dependencies.db.retry_intervals[0]"),
        (dependency(retry_intervals=[float("nan")]), "wrong_type", "dependencies.db.retry_intervals[0]"),
        (dependency(retry_intervals=[float("inf")]), "out_of_range", "dependencies.db.retry_intervals[0]"),
        (dependency(retry_intervals=[10**50]), "out_of_range", "dependencies.db.retry_intervals[0]"),
        ({"Nodes": {}}, "unknown_key", "Nodes"),
    ],
)
def test_parse_config_rejects(data: Any, code: str, key: str) -> None:
    assert keyed(problems_of(data)) == [(code, key)]


@pytest.mark.parametrize("data", ["text", 5, [{"nodes": {}}]])
def test_parse_config_rejects_anything_but_a_mapping(data: Any) -> None:
    assert keyed(problems_of(data)) == [("wrong_type", "")]


@pytest.mark.parametrize("prefix", ["", "orcastra.", "at_", "_", "a-"])
def test_label_prefix_precedes_anchor_name(prefix: str) -> None:
    desired = parse_config(dependency(), stack_name="main", label_prefix=prefix)
    assert desired.dependencies["db"].label == f"{prefix}db"


@pytest.mark.parametrize("prefix", ["at/", "a b", "a=", "ä", "a\n"])
def test_label_prefix_rejects_characters_that_constraints_cannot_contain(prefix: str) -> None:
    assert keyed(problems_of({}, label_prefix=prefix)) == [("invalid_value", "label_prefix")]


def test_parse_config_reports_arguments_and_data_together() -> None:
    assert keyed(problems_of({"leader": 5}, stack_name="a b")) == [
        ("wrong_type", "leader"),
        ("invalid_value", "stack_name"),
    ]


def test_parse_config_reports_all_problems_at_once() -> None:
    data = {
        "nodes": {
            "a": {"ip": "10.0.0.1", "labels": ["x y", "db"], "role": "boss"},
            "b": {"ip": "10.0.0.1", "id": 1},
        },
        "dependencies": {
            "db": {"services": [1, "db", "web", "web"], "retry_intervals": [0, "x", 1], "extra": 1}
        },
    }

    assert keyed(problems_of(data)) == [
        ("unknown_key", "dependencies.db.extra"),
        ("out_of_range", "dependencies.db.retry_intervals[0]"),
        ("wrong_type", "dependencies.db.retry_intervals[1]"),
        ("wrong_type", "dependencies.db.services[0]"),
        ("cycle", "dependencies.db.services[1]"),
        ("duplicate", "dependencies.db.services[3]"),
        ("invalid_value", "nodes.a.labels[0]"),
        ("conflict", "nodes.a.labels[1]"),
        ("invalid_value", "nodes.a.role"),
        ("unknown_key", "nodes.b.id"),
        ("duplicate", "nodes.b.ip"),
    ]


def test_parse_config_does_not_modify_data() -> None:
    data = dependency(retry_intervals=[0], services=["web", 1])
    problems_of(data)
    assert data == dependency(retry_intervals=[0], services=["web", 1])


@pytest.mark.parametrize(
    "value",
    ["v " * 1000, ["v" * 1000] * 1000, {"k" * 1000: ["v"] * 1000}, [[[[["v" * 1000] * 9] * 9] * 9] * 9]],
)
def test_problem_shortens_long_values(value: Any) -> None:
    for data in ({"leader": value}, {"nodes": {"n": {"role": value}}}, {"nodes": {"n" * 1000: 5}}):
        (problem,) = problems_of(data)
        assert len(str(problem)) < 160


def test_parse_config_rejects_recursive_data() -> None:
    endless: dict[str, Any] = {}
    endless["n"] = endless
    assert "too_large" in {problem.code for problem in problems_of({"nodes": endless})}


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
def test_parse_config_limits_number_of_problems(data: Any) -> None:
    problems = problems_of(data)
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].code == "too_many_problems"


def test_problem_shortens_long_cycles() -> None:
    (problem,) = problems_of({"dependencies": {f"d{n}": [f"d{(n + 1) % 5000}"] for n in range(5000)}})
    assert len(str(problem)) < 500

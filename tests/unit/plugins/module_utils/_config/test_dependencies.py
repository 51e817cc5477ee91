# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks across dependencies: chains, cycles, followers of several anchors, labels."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from tests.support import problems as support
from tests.support.problems import keyed


def problems_of(dependencies: dict[str, Any], **rest: Any) -> tuple[Problem, ...]:
    data = {"dependencies": dependencies, "nodes": rest.pop("nodes", {})}
    return support.problems_of(lambda: parse_config(data, **{"stack_name": "main", **rest}))


def in_stack(stack: str, *services: str) -> dict[str, Any]:
    return {"stack": stack, "services": list(services)}


@pytest.mark.parametrize(
    "dependencies",
    [
        {"a": ["b", "c"], "b": ["d"], "d": ["e"]},
        # the order of the entries does not matter
        {"d": ["e"], "b": ["d"], "a": ["b"]},
        {"a": in_stack("apps", "b"), "b": in_stack("apps", "c")},
        # the default stack, explicit or not
        {"a": in_stack("main", "b"), "b": ["c"]},
        {"a": ["b"], "b": in_stack("main", "c")},
        # the same name in another stack is another service
        {"a": in_stack("apps", "b"), "b": in_stack("main", "a")},
        {"a": in_stack("apps", "a2", "x"), "b": in_stack("main", "x")},
        {"a": in_stack("apps", "b"), "b": in_stack("other", "b2")},
        # no stack: full names
        {"a": in_stack("", "apps_b"), "b": in_stack("apps", "c")},
        # several anchors, one of them under the full name of the service
        {"a": ["x"], "b": ["y", "x"], "c": ["x"]},
        {"a": in_stack("apps", "x"), "b": in_stack("", "apps_x")},
        # several anchors, one of which follows another
        {"a": ["b", "c"], "b": ["c"]},
        {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"]},
    ],
)
def test_dependencies_accept(dependencies: dict[str, Any]) -> None:
    assert problems_of(dependencies) == ()


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        ({"a": ["b"], "b": ["a"]}, {"dependencies.b[0]": "a → b → a"}),
        ({"a": ["x", "b"], "b": ["c"], "c": ["y", "a"]}, {"dependencies.c[1]": "a → b → c → a"}),
        # a cycle starts at its first entry, even if another anchor leads to it
        ({"z": ["a"], "b": ["c"], "c": ["b"], "a": ["d"]}, {"dependencies.c[0]": "b → c → b"}),
        (
            {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]},
            {"dependencies.b[0]": "a → b → a", "dependencies.d[0]": "c → d → c"},
        ),
        (
            {"a": in_stack("apps", "b"), "b": in_stack("apps", "a")},
            {"dependencies.b.services[0]": "a → b → a"},
        ),
        # through one of several anchors
        ({"a": ["x"], "b": ["x"], "x": ["y"], "y": ["b"]}, {"dependencies.y[0]": "b → x → y → b"}),
        (
            {"a": ["x"], "b": ["x"], "x": ["a", "b"]},
            {"dependencies.x[0]": "a → x → a", "dependencies.x[1]": "b → x → b"},
        ),
        # through full names
        (
            {"a": in_stack("", "s_b"), "b": in_stack("s", "c"), "s_c": in_stack("", "a")},
            {"dependencies.s_c.services[0]": "a → b → s_c → a"},
        ),
    ],
)
def test_dependencies_reject_cycles(dependencies: dict[str, Any], expected: dict[str, str]) -> None:
    found = problems_of(dependencies)
    assert {problem.code for problem in found} == {"cycle"}
    assert {problem.key: problem.found.removeprefix("the cycle ") for problem in found} == expected


@pytest.mark.parametrize(
    ("dependencies", "code", "keys"),
    [
        ({"a": ["a"]}, "cycle", ["dependencies.a[0]"]),
        (
            {"a": in_stack("apps", "b", "b", "b")},
            "duplicate",
            ["dependencies.a.services[1]", "dependencies.a.services[2]"],
        ),
        # twice under one of several anchors
        ({"a": ["x"], "b": ["x", "y", "x"]}, "duplicate", ["dependencies.b[2]"]),
        ({"b": in_stack("apps"), "apps_b": in_stack("")}, "duplicate", ["dependencies.apps_b"]),
    ],
)
def test_dependencies_reject_duplicates(dependencies: dict[str, Any], code: str, keys: list[str]) -> None:
    assert keyed(problems_of(dependencies)) == [(code, key) for key in keys]


def test_dependencies_require_stack_of_chain_link() -> None:
    """With the default stack, the anchor would be another service than the follower of the same name."""
    chain: dict[str, Any] = {"a": in_stack("apps", "x", "b"), "b": ["c"]}
    expected = [("missing", "dependencies.b.stack")]
    assert keyed(problems_of(chain)) == expected
    assert keyed(problems_of({**chain, "b": {"services": ["c"], "stack": None}})) == expected
    # reported once, even if it follows two anchors
    assert len(problems_of({**chain, "d": in_stack("other", "b")})) == 1
    assert problems_of({**chain, "b": in_stack("main", "c")}) == ()
    assert problems_of({**chain, "b": in_stack("apps", "c")}) == ()
    assert problems_of(chain, stack_name="apps") == ()


def test_dependencies_reject_static_label_of_anchor() -> None:
    nodes = {
        "n": {"labels": ["ssd", "db"]},
        "m": {"labels": {"db": "x", "at.db": "y"}},
        "o": None,
        "p": {"labels": None},
    }

    assert keyed(problems_of({"db": ["web"]}, nodes=nodes)) == [
        ("conflict", "nodes.m.labels.db"),
        ("conflict", "nodes.n.labels[1]"),
    ]
    # the label matters, not the name of the anchor
    found = problems_of({"db": ["web"]}, nodes=nodes, label_prefix="at.")
    assert keyed(found) == [("conflict", "nodes.m.labels.at.db")]
    assert problems_of({"web": ["api"]}, nodes=nodes) == ()


def test_dependencies_check_long_chains_quickly() -> None:
    started = time.monotonic()
    chain = {f"s{n}": [f"s{n + 1}"] for n in range(5000)}
    assert problems_of(chain) == ()
    (problem,) = problems_of({**chain, "s5000": ["s0"]})
    assert (problem.code, problem.key) == ("cycle", "dependencies.s5000[0]")
    assert time.monotonic() - started < 20

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dependencies mean together: chains, cycles, followers of several anchors, labels."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError


def problems_of(dependencies: dict[str, Any], **rest: Any) -> list[str]:
    data = {"dependencies": dependencies, "nodes": rest.pop("nodes", {})}
    try:
        parse_config(data, **{"stack_name": "main", **rest})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def in_stack(stack: str, *services: str) -> dict[str, Any]:
    return {"stack": stack, "services": list(services)}


@pytest.mark.parametrize(
    "dependencies",
    [
        {"a": ["b", "c"], "b": ["d"], "d": ["e"]},
        # the order of the entries does not matter
        {"d": ["e"], "b": ["d"], "a": ["b"]},
        {"a": in_stack("apps", "b"), "b": in_stack("apps", "c")},
        # the default stack, said or not
        {"a": in_stack("main", "b"), "b": ["c"]},
        {"a": ["b"], "b": in_stack("main", "c")},
        # the same names in other stacks are other services
        {"a": in_stack("apps", "b"), "b": in_stack("main", "a")},
        {"a": in_stack("apps", "a2", "x"), "b": in_stack("main", "x")},
        {"a": in_stack("apps", "b"), "b": in_stack("other", "b2")},
        # no stack: full names
        {"a": in_stack("", "apps_b"), "b": in_stack("apps", "c")},
        # several anchors, also under another name of the same service
        {"a": ["x"], "b": ["y", "x"], "c": ["x"]},
        {"a": in_stack("apps", "x"), "b": in_stack("", "apps_x")},
        # also where one of the anchors follows the other
        {"a": ["b", "c"], "b": ["c"]},
        {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"]},
    ],
)
def test_fine(dependencies: dict[str, Any]) -> None:
    assert problems_of(dependencies) == []


TWICE = "expected one entry for each anchor, found a second one for the service"
CYCLE = "expected a chain with an end, found the cycle"


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        ({"a": ["b"], "b": ["a"]}, [f"dependencies.b[0]: {CYCLE} a → b → a"]),
        ({"a": ["x", "b"], "b": ["c"], "c": ["y", "a"]}, [f"dependencies.c[1]: {CYCLE} a → b → c → a"]),
        # told from the first entry on, whatever hangs on it
        ({"z": ["a"], "b": ["c"], "c": ["b"], "a": ["d"]}, [f"dependencies.c[0]: {CYCLE} b → c → b"]),
        (
            {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]},
            [f"dependencies.b[0]: {CYCLE} a → b → a", f"dependencies.d[0]: {CYCLE} c → d → c"],
        ),
        (
            {"a": in_stack("apps", "b"), "b": in_stack("apps", "a")},
            [f"dependencies.b.services[0]: {CYCLE} a → b → a"],
        ),
        # through one of several anchors
        (
            {"a": ["x"], "b": ["x"], "x": ["y"], "y": ["b"]},
            [f"dependencies.y[0]: {CYCLE} b → x → y → b"],
        ),
        (
            {"a": ["x"], "b": ["x"], "x": ["a", "b"]},
            [f"dependencies.x[0]: {CYCLE} a → x → a", f"dependencies.x[1]: {CYCLE} b → x → b"],
        ),
        # through full names
        (
            {"a": in_stack("", "s_b"), "b": in_stack("s", "c"), "s_c": in_stack("", "a")},
            [f"dependencies.s_c.services[0]: {CYCLE} a → b → s_c → a"],
        ),
    ],
)
def test_cycles(dependencies: dict[str, Any], expected: list[str]) -> None:
    assert sorted(problems_of(dependencies)) == expected


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        (
            {"a": ["a"]},
            ["dependencies.a[0]: expected another service than the anchor, found 'a', the anchor itself"],
        ),
        (
            {"a": in_stack("apps", "b", "b", "b")},
            [
                f"dependencies.a.services[{index}]: expected each service once, found 'b' again "
                "(first: dependencies.a.services[0])"
                for index in (1, 2)
            ],
        ),
        # twice under one of several
        (
            {"a": ["x"], "b": ["x", "y", "x"]},
            ["dependencies.b[2]: expected each service once, found 'x' again (first: dependencies.b[0])"],
        ),
        (
            {"b": in_stack("apps"), "apps_b": in_stack("")},
            [(f"dependencies.apps_b: {TWICE} apps_b (first: 'b', dependencies.b)")],
        ),
    ],
)
def test_followers(dependencies: dict[str, Any], expected: list[str]) -> None:
    assert problems_of(dependencies) == expected


def test_a_link_of_a_chain_has_to_say_its_stack() -> None:
    """Its default would make it another service than the follower of the same name."""
    chain: dict[str, Any] = {"a": in_stack("apps", "x", "b"), "b": ["c"]}
    expected = [
        (
            "dependencies.b.stack: expected the stack of 'b': 'apps' if it is the service that follows 'a' "
            "(dependencies.a.services[1]), 'main' if it is another of that name, found nothing"
        )
    ]
    assert problems_of(chain) == expected
    assert problems_of({**chain, "b": {"services": ["c"], "stack": None}}) == expected
    # told once, even if it follows two anchors
    assert len(problems_of({**chain, "d": in_stack("other", "b")})) == 1
    assert problems_of({**chain, "b": in_stack("main", "c")}) == []
    assert problems_of({**chain, "b": in_stack("apps", "c")}) == []
    assert problems_of(chain, stack_name="apps") == []


def test_labels_of_anchors_are_no_static_labels() -> None:
    nodes = {
        "n": {"labels": ["ssd", "db"]},
        "m": {"labels": {"db": "x", "at.db": "y"}},
        "o": None,
        "p": {"labels": None},
    }
    found = "which marks the nodes of the anchor 'db' (dependencies.db)"
    assert problems_of({"db": ["web"]}, nodes=nodes) == [
        f"nodes.m.labels.db: expected a label that is no anchor's, found 'db', {found}",
        f"nodes.n.labels[1]: expected a label that is no anchor's, found 'db', {found}",
    ]
    # it is the label that counts, not the name
    assert problems_of({"db": ["web"]}, nodes=nodes, label_prefix="at.") == [
        f"nodes.m.labels.at.db: expected a label that is no anchor's, found 'at.db', {found}"
    ]
    assert problems_of({"web": ["api"]}, nodes=nodes) == []


def test_a_long_chain_takes_no_time() -> None:
    started = time.monotonic()
    chain = {f"s{n}": [f"s{n + 1}"] for n in range(5000)}
    assert problems_of(chain) == []
    (problem,) = problems_of({**chain, "s5000": ["s0"]})
    assert problem.startswith(f"dependencies.s5000[0]: {CYCLE} s0 → s1 → ")
    assert time.monotonic() - started < 20

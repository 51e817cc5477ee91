# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import (
    ConstraintError,
    parse_constraint,
    platform_allows,
    violated,
)
from tests.support.builders import node
from tests.support.constraint_cases import CASES, INVALID

ALPHA = node(
    "alpha",
    role="manager",
    address="10.0.0.11",
    os="linux",
    architecture="x86_64",
    labels={"disk": "SSD", "Room": "cellar", "empty": ""},
    engine_labels={"rack": "r1"},
)


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_constraint_matches_like_swarm(expression: str, expected: bool) -> None:
    assert parse_constraint(expression.format(node=ALPHA)).allows(ALPHA) is expected


@pytest.mark.parametrize(("expression", "message"), INVALID)
def test_parse_error_is_the_same_as_swarms(expression: str, message: str) -> None:
    with pytest.raises(ConstraintError) as error:
        parse_constraint(expression)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("node.ip==10.0.0.11", True),
        ("node.ip!=10.0.0.11", False),
        ("node.ip==10.0.0.0/24", True),
        ("node.ip!=10.0.0.0/24", False),
        ("node.ip==10.0.1.0/24", False),
        ("node.ip==nonsense", False),
        ("node.ip!=nonsense", False),
    ],
)
def test_node_ip_matches_addresses_and_networks(expression: str, expected: bool) -> None:
    assert parse_constraint(expression).allows(ALPHA) is expected


def test_violated_returns_each_violated_expression() -> None:
    expressions = ("node.role==manager", "node.labels.disk==hdd", "node.hostname!=alpha")

    assert violated(expressions, ALPHA) == ("node.labels.disk==hdd", "node.hostname!=alpha")


def test_violated_ignores_all_if_one_is_invalid() -> None:
    assert violated(("node.role==worker", "nonsense"), ALPHA) == ()


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ((), True),
        ((("linux", "amd64"),), True),
        ((("linux", "x86_64"),), True),
        ((("", ""),), True),
        ((("linux", "arm64"), ("linux", "amd64")), True),
        ((("linux", "arm64"),), False),
        ((("windows", "amd64"),), False),
    ],
)
def test_platform_allows_matching_images(platforms: tuple[tuple[str, str], ...], expected: bool) -> None:
    assert platform_allows(platforms, ALPHA) is expected

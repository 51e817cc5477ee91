# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swarm as such in the configuration: how many managers, which settings."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import SwarmConfig
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError

ODD = "expected an odd number of managers: 1, 3, 5 or 7, found"


def nodes(**roles: str | None) -> dict[str, Any]:
    return {name: {"role": role} for name, role in roles.items()}


def test_settings() -> None:
    given = {"autolock": True, "default_addr_pool": ["10.20.0.0/16"], "heartbeat_seconds": 2.5, "x-own": 1}
    desired = parse_config({"managers": 3, "swarm": given}, stack_name="")
    assert desired.managers == 3
    expected = SwarmConfig(autolock=True, default_addr_pool=("10.20.0.0/16",), heartbeat_seconds=2.5)
    assert desired.swarm == expected


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"managers": 2}, f"managers: {ODD} the number 2"),
        ({"managers": 9}, f"managers: {ODD} the number 9"),
        ({"nodes": nodes(a="manager", b="manager")}, f"nodes.b.role: {ODD} 2: a, b"),
        ({"leader": "a", "nodes": nodes(a=None, b="manager")}, f"nodes.b.role: {ODD} 2: b, a"),
        (
            {"managers": 1, "nodes": nodes(a="manager", b="manager", c="manager")},
            "nodes.c.role: expected at most 1 managers, as 'managers' says, found 3: a, b, c",
        ),
        (
            {"managers": 3, "nodes": nodes(a=None, b="worker")},
            (
                "managers: expected at most as many managers as there are nodes that may be one (1), "
                "found the number 3"
            ),
        ),
        (
            {"leader": "a", "nodes": nodes(a="worker")},
            "nodes.a.role: expected manager, for the leader, found 'worker'",
        ),
        ({"leader": ["a", "b"]}, "leader: expected a host name, found the list ['a', 'b']"),
        (
            {"swarm": {"default_addr_pool": ["10.0.0.1/8"]}},
            "swarm.default_addr_pool[0]: expected a network like 10.20.0.0/16, found '10.0.0.1/8'",
        ),
        (
            {"swarm": {"subnet_size": 40}},
            "swarm.subnet_size: expected a whole number from 1 to 29, found the number 40",
        ),
    ],
)
def test_what_cannot_be(data: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, stack_name="")
    assert [str(found) for found in caught.value.problems] == [problem]


@pytest.mark.parametrize(
    "data",
    [
        {"nodes": nodes(a="manager", b="worker")},
        {"nodes": nodes(a="worker")},
        {"leader": "a", "nodes": nodes(a=None, b=None)},
        {"managers": 3, "nodes": nodes(a="manager", b="manager", c=None)},
    ],
)
def test_what_can_be(data: dict[str, Any]) -> None:
    parse_config(data, stack_name="")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swarm itself in the configuration: the number of managers, and settings."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import SwarmConfig
from tests.support.problems import keyed, problems_of


def nodes(**roles: str | None) -> dict[str, Any]:
    return {name: {"role": role} for name, role in roles.items()}


def test_build_swarm_with_settings() -> None:
    given = {"autolock": True, "default_addr_pool": ["10.20.0.0/16"], "heartbeat_seconds": 2.5, "x-own": 1}
    desired = parse_config({"managers": 3, "swarm": given}, stack_name="")
    assert desired.managers == 3
    expected = SwarmConfig(autolock=True, default_addr_pool=("10.20.0.0/16",), heartbeat_seconds=2.5)
    assert desired.swarm == expected


@pytest.mark.parametrize(
    ("data", "code", "key"),
    [
        ({"managers": 2}, "invalid_value", "managers"),
        ({"managers": 9}, "invalid_value", "managers"),
        ({"nodes": nodes(a="manager", b="manager")}, "invalid_value", "nodes.b.role"),
        ({"leader": "a", "nodes": nodes(a=None, b="manager")}, "invalid_value", "nodes.b.role"),
        ({"managers": 1, "nodes": nodes(a="manager", b="manager", c="manager")}, "conflict", "nodes.c.role"),
        ({"managers": 3, "nodes": nodes(a=None, b="worker")}, "conflict", "managers"),
        ({"leader": "a", "nodes": nodes(a="worker")}, "conflict", "nodes.a.role"),
        ({"leader": ["a", "b"]}, "wrong_type", "leader"),
        ({"swarm": {"default_addr_pool": ["10.0.0.1/8"]}}, "invalid_value", "swarm.default_addr_pool[0]"),
        ({"swarm": {"subnet_size": 40}}, "out_of_range", "swarm.subnet_size"),
    ],
)
def test_check_managers_rejects(data: dict[str, Any], code: str, key: str) -> None:
    assert keyed(problems_of(lambda: parse_config(data, stack_name=""))) == [(code, key)]


@pytest.mark.parametrize(
    "data",
    [
        {"nodes": nodes(a="manager", b="worker")},
        {"nodes": nodes(a="worker")},
        {"leader": "a", "nodes": nodes(a=None, b=None)},
        {"managers": 3, "nodes": nodes(a="manager", b="manager", c=None)},
    ],
)
def test_check_managers_accepts(data: dict[str, Any]) -> None:
    parse_config(data, stack_name="")

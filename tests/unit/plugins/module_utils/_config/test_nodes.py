# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of nodes that a schema cannot express: their addresses, and the leader."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from tests.support import problems as support
from tests.support.problems import keyed


def problems_of(data: dict[str, Any]) -> tuple[Problem, ...]:
    return support.problems_of(lambda: parse_config(data, stack_name="main"))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "10.0.0.1:2377",
        "fd00::1",
        "[fd00::1]:2377",
        "[fd00::1]",
        "eth0",
        "eth0:2377",
        "enp3s0.10",
        "br-lan",
        "wg0@x",
    ],
)
def test_advertise_addr_accepts(address: str) -> None:
    assert parse_config({"advertise_addr": address}, stack_name="main").advertise_addr == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0",
        "10.0.0.999",
        "10.0.0.1:0",
        "10.0.0.1:70000",
        "10.0.0.1:",
        ":2377",
        "fd00::1::2",
        "[10.0.0]:1",
        "[eth0]",
        "10.0.0.1/24",
        "an interface",
        "longer-than-fifteen",
        "eth0\n",
        "eth0:" + "9" * 5000,
        "\ud800",
    ],
)
def test_advertise_addr_rejects(address: str) -> None:
    (problem,) = problems_of({"advertise_addr": address})
    assert (problem.code, problem.key) == ("invalid_value", "advertise_addr")
    assert len(str(problem)) < 160


def test_build_nodes_rejects_duplicate_address() -> None:
    nodes = {"a": {"ip": "fd00::1"}, "b": {"ip": "10.0.0.1"}, "c": {"ip": "fd00:0::0:1"}}
    assert keyed(problems_of({"nodes": nodes})) == [("duplicate", "nodes.c.ip")]


def test_leader_must_be_a_configured_node() -> None:
    assert parse_config({"leader": "a"}, stack_name="main").leader == "a"
    assert parse_config({"leader": "a", "nodes": {"a": None}}, stack_name="main").leader == "a"
    found = problems_of({"leader": "wrk-a", "nodes": {"mgr-a": None, "wrk-b": None}})
    assert keyed(found) == [("unknown_name", "leader")]
    # a node whose entry is rejected is still a node
    assert keyed(problems_of({"leader": "a", "nodes": {"a": 5, "b": None}})) == [("wrong_type", "nodes.a")]

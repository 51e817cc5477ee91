# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a schema cannot say about nodes: their addresses, and which of them leads."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError


def problems_of(data: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, stack_name="main")
    return [str(problem) for problem in caught.value.problems]


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
def test_advertise_addr(address: str) -> None:
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
def test_wrong_advertise_addr(address: str) -> None:
    (problem,) = problems_of({"advertise_addr": address})
    assert problem.startswith("advertise_addr: expected an IP address or a network interface, found '")
    assert len(problem) < 160


def test_the_same_address_twice() -> None:
    nodes = {"a": {"ip": "fd00::1"}, "b": {"ip": "10.0.0.1"}, "c": {"ip": "fd00:0::0:1"}}
    assert problems_of({"nodes": nodes}) == [
        (
            "nodes.c.ip: expected an address of its own for each node, found 'fd00:0::0:1', "
            "which is the address of 'a' (nodes.a.ip)"
        )
    ]


def test_leader_must_be_one_of_the_nodes() -> None:
    assert parse_config({"leader": "a"}, stack_name="main").leader == "a"
    assert parse_config({"leader": "a", "nodes": {"a": None}}, stack_name="main").leader == "a"
    assert problems_of({"leader": "wrk-a", "nodes": {"mgr-a": None, "wrk-b": None}}) == [
        "leader: expected one of the configured nodes, found 'wrk-a'; did you mean 'wrk-b'?"
    ]
    # a node whose entry is refused is still a node
    problems = problems_of({"leader": "a", "nodes": {"a": 5, "b": None}})
    assert [problem.partition(":")[0] for problem in problems] == ["nodes.a"]

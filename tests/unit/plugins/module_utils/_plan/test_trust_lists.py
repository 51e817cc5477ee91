# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of hosts: merged lists, invalid answers, and the filter for playbooks."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.filter.formation import formation as formation_filter
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import Member
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.formation import plan_formation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.trust import agree, most_common
from tests.support.members import BARE, EVIL, REAL, SILENT, config, liar, listing, manager, swarm_of, worker


def test_lists_are_merged_by_majority() -> None:
    one, two, three = listing("a", "b", workers="c"), listing("a", "b", "x", workers="c"), listing("a", "b")
    agreed = agree([one, two, three])
    assert set(agreed.nodes) == {"id-a", "id-b", "id-c"}
    assert agreed.disputed == frozenset()
    agreed = agree([one, two])
    assert (set(agreed.nodes), agreed.disputed) == ({"id-a", "id-b", "id-c"}, {"id-x"})
    assert agree([]).nodes == {}
    moved = agree([one, listing("a", "b", addr=EVIL)])
    assert [node.manager_addr for node in moved.nodes.values()] == ["", ""]
    assert agree([(*one, *one)]).nodes == agree([one]).nodes


def test_token_of_most_managers_is_used() -> None:
    assert most_common(["x", "y", "x"]) == "x"
    assert most_common(["y", "x", "x"]) == "x"
    assert most_common(["y", "x"]) == "y"
    assert most_common([]) is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        "text",
        [],
        {"control": "yes"},
        {"state": 5},
        {"nodes": {}},
        {"nodes": ["id-a"]},
        {"nodes": [{"id": "x"}]},
        {"nodes": [{"id": "x", "hostname": ["y"]}]},
        {"nodes": [{"id": "x", "hostname": "y", "age_seconds": "old"}]},
        {"nodes": [{"id": "x", "hostname": "y", "age_seconds": float("nan")}]},
        {"nodes": [{"id": "x", "hostname": "y"}] * 10_001},
        {"remote_managers": "id-a"},
        {"remote_managers": [{"NodeID": "x"}]},
        {"hostname": "x" * 5000},
    ],
)
def test_invalid_answer_is_refused(data: Any) -> None:
    member = Member.from_data(data)
    assert member.problem
    members = {**swarm_of("abc"), "w": member}
    assert set(plan_formation(members, config("abc", "w")).via) == set("abc")


def test_answer_is_read_unchanged() -> None:
    for member in swarm_of("abc", "d").values():
        assert Member.from_data(asdict(member)) == member
    assert Member.from_data({"problem": "cannot be reached", "news": 1}) == Member(
        problem="cannot be reached"
    )


def test_filter_agrees_with_the_planner() -> None:
    members = {name: asdict(member) for name, member in {**swarm_of("abc"), "w": liar("w")}.items()}
    nodes = {name: {"role": "worker" if name == "w" else "manager", "labels": ["x"]} for name in members}
    found = formation_filter(members, nodes=nodes, leader="a")
    assert (found["via"], found["acts"], found["cluster_id"]) == (["a", "b", "c"], "a", REAL)
    found = formation_filter({"a": members["a"], "b": {"problem": "x"}}, nodes=nodes)
    assert (found["via"], found["managing"], found["acts"]) == ([], ["a"], "a")
    assert found["trouble"]
    found = formation_filter({"a": members["a"], "w": members["w"]})
    assert not set(found["managing"]) & {"w"}


def test_filter_names_the_hosts_that_need_nothing() -> None:
    def settled(members: dict[str, Member], **options: Any) -> list[str]:
        nodes = {name: {"role": "worker" if name in "dw" else "manager"} for name in "abcd"}
        reports = {name: asdict(member) for name, member in members.items()}
        return formation_filter(reports, nodes=nodes, **options)["settled"]

    members = swarm_of("abc", "d")
    assert settled(members) == ["a", "b", "c", "d"]
    # a host to join, one that reports a problem, one that is locked, and one that is not configured
    assert settled({**members, "d": BARE}) == ["a", "b", "c"]
    assert settled({**members, "c": SILENT}) == ["a", "b", "d"]
    assert settled({**members, "c": Member(state="locked")}) == ["a", "b", "d"]
    assert settled({**members, "w": worker("w", "abc")}) == ["a", "b", "c", "d"]
    # a host of another swarm, and a node under another name than its host's
    other = manager("d", listing("d"), swarm="another")
    assert "d" not in settled({**members, "d": other})
    renamed = replace(members["c"], hostname="other")
    assert "c" not in settled({**members, "c": renamed})
    # without a majority, no manager is settled
    assert settled({"a": members["a"], "b": SILENT, "c": SILENT}) == []

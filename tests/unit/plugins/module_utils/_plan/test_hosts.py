# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import NodeWanted, Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hosts import InventoryHost, merge_hosts
from tests.unit.builders import node


def configured(**nodes: dict[str, Any]) -> Wanted:
    return Wanted(nodes={name: NodeWanted(name, **fields) for name, fields in nodes.items()}, leader="alpha")


def by_name(hosts: tuple[InventoryHost, ...]) -> dict[str, InventoryHost]:
    return {host.name: host for host in hosts}


def test_what_is_configured_meets_what_is_there() -> None:
    wanted = configured(alpha={"ip": "10.0.0.1"}, bravo={}, zulu={"labels": {"a": "1"}, "role": "manager"})
    merged = merge_hosts(
        wanted,
        [
            node("charlie", state="down", address="10.1.0.3"),
            node("alpha", role="manager", leader=True, address="10.1.0.1", labels={"disk": "hdd", "x": ""}),
            node("bravo", state="unknown", address="0.0.0.0"),
        ],
    )
    assert merged.warnings == ()
    assert [host.name for host in merged.hosts] == ["alpha", "bravo", "charlie", "zulu"]
    groups = {host.name: host.groups for host in merged.hosts}
    assert groups == {
        "alpha": (
            "swarm", "managers", "leader", "reachable", "label_disk", "label_disk_hdd", "label_x",
        ),
        "bravo": ("swarm", "workers"),
        "charlie": ("swarm", "workers", "down", "unknown"),
        "zulu": ("swarm", "missing", "label_a", "label_a_1"),
    }  # fmt: skip
    hosts = by_name(merged.hosts)
    # the configured address wins; one that says nothing isn't one
    assert hosts["alpha"].variables["ansible_host"] == hosts["alpha"].variables["swarm_ip"] == "10.0.0.1"
    assert "ansible_host" not in hosts["bravo"].variables
    assert hosts["charlie"].variables["ansible_host"] == "10.1.0.3"
    assert hosts["charlie"].variables["swarm_configured"] is False
    assert (hosts["zulu"].variables["swarm_state"], hosts["zulu"].variables["swarm_role"]) == (
        "missing",
        "manager",
    )
    # all hosts have the same variables, so that templates need not ask
    ours = [{key for key in host.variables if key.startswith("swarm_")} for host in merged.hosts]
    assert all(keys == ours[0] for keys in ours)


def test_roles_are_those_of_the_configuration_while_the_swarm_cannot_be_asked() -> None:
    merged = merge_hosts(configured(alpha={}, bravo={"role": "worker"}, charlie={}), None)
    assert {host.name: host.groups for host in merged.hosts} == {
        "alpha": ("swarm", "managers"),
        "bravo": ("swarm", "workers"),
        "charlie": ("swarm",),
    }


def test_an_entry_left_behind_counts_for_nothing() -> None:
    nodes = [node("bravo", id="old", state="down"), node("bravo", id="new"), node("alpha", id="a")]
    for wanted in (configured(bravo={}), Wanted()):
        merged = merge_hosts(wanted, nodes)
        assert merged.warnings == ()
        assert [(host.name, host.variables["swarm_id"]) for host in merged.hosts] == [
            ("alpha", "a"),
            ("bravo", "new"),
        ]


def test_nodes_that_share_a_name_go_by_their_ids() -> None:
    nodes = [node("bravo", id="one", address="10.0.0.1"), node("bravo", id="two", address="10.0.0.2")]
    for wanted in (configured(bravo={"ip": "10.9.9.9"}), Wanted()):
        merged = merge_hosts(wanted, nodes)
        assert len(merged.warnings) == 1
        assert "2 nodes have this name, so each goes by its ID: one, two" in merged.warnings[0]
        assert {host.name: host.variables["ansible_host"] for host in merged.hosts} == {
            "one": "10.0.0.1",
            "two": "10.0.0.2",
        }
        assert all(host.variables["swarm_configured"] == bool(wanted.nodes) for host in merged.hosts)


def test_a_node_that_is_configured_by_its_id_and_again_by_its_name() -> None:
    merged = merge_hosts(configured(**{"id-bravo": {}, "bravo": {}}), [node("bravo")])
    assert [(host.name, host.variables["swarm_hostname"]) for host in merged.hosts] == [("id-bravo", "bravo")]
    assert merged.warnings == ("nodes.bravo: this is the node id-bravo again, so it is left out",)

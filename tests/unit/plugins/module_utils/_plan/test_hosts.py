# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState, NodeConfig
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import is_printable
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.inventory import InventoryHost, merge_hosts
from tests.support.builders import node


def configured(**nodes: dict[str, Any]) -> DesiredState:
    return DesiredState(
        nodes={name: NodeConfig(name, **fields) for name, fields in nodes.items()}, leader="alpha"
    )


def by_name(hosts: tuple[InventoryHost, ...]) -> dict[str, InventoryHost]:
    return {host.name: host for host in hosts}


def test_hosts_merge_configuration_and_swarm() -> None:
    desired = configured(
        alpha={"ip": "10.0.0.1", "swarm_addr": "10.1.0.1"},
        bravo={},
        zulu={"labels": {"a": "1"}, "role": "manager"},
    )
    merged = merge_hosts(
        desired,
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
    # the configured address wins; an unspecified one is ignored
    assert hosts["alpha"].variables["ansible_host"] == hosts["alpha"].variables["swarm_ip"] == "10.0.0.1"
    assert "ansible_host" not in hosts["bravo"].variables
    assert hosts["charlie"].variables["ansible_host"] == "10.1.0.3"
    assert hosts["charlie"].variables["swarm_configured"] is False
    assert (hosts["zulu"].variables["swarm_state"], hosts["zulu"].variables["swarm_role"]) == (
        "missing",
        "manager",
    )
    # all hosts have the same variables, so that templates need no checks
    ours = [{key for key in host.variables if key.startswith("swarm_")} for host in merged.hosts]
    assert all(keys == ours[0] for keys in ours)


def test_hosts_use_configured_roles_without_the_swarm() -> None:
    merged = merge_hosts(configured(alpha={}, bravo={"role": "worker"}, charlie={}), None)
    assert {host.name: host.groups for host in merged.hosts} == {
        "alpha": ("swarm", "managers"),
        "bravo": ("swarm", "workers"),
        "charlie": ("swarm",),
    }


def test_stale_entry_is_ignored() -> None:
    nodes = [node("bravo", id="old", state="down"), node("bravo", id="new"), node("alpha", id="a")]
    for desired in (configured(bravo={}), DesiredState()):
        merged = merge_hosts(desired, nodes)
        assert merged.warnings == ()
        assert [(host.name, host.variables["swarm_id"]) for host in merged.hosts] == [
            ("alpha", "a"),
            ("bravo", "new"),
        ]


def test_nodes_with_a_shared_name_are_named_by_id() -> None:
    nodes = [node("bravo", id="one", address="10.0.0.1"), node("bravo", id="two", address="10.0.0.2")]
    for desired in (configured(bravo={}), DesiredState()):
        merged = merge_hosts(desired, nodes)
        assert merged.warnings == (
            Reason("hostname_shared", hostname="bravo", count=2, node_ids=["one", "two"]),
        )
        assert {host.name: host.variables["ansible_host"] for host in merged.hosts} == {
            "one": "10.0.0.1",
            "two": "10.0.0.2",
        }
        assert all(host.variables["swarm_configured"] == bool(desired.nodes) for host in merged.hosts)


def test_node_configured_by_id_and_name_appears_once() -> None:
    merged = merge_hosts(configured(**{"id-bravo": {}, "bravo": {}}), [node("bravo")])
    assert [(host.name, host.variables["swarm_hostname"]) for host in merged.hosts] == [("id-bravo", "bravo")]
    assert merged.warnings == (Reason("node_configured_twice", name="bravo", other="id-bravo"),)


UNSAFE = {
    "a template": "{{ lookup('pipe', 'id') }}",
    "a statement": "{% raw %}",
    "other delimiters": "#jinja2:variable_start_string:'[%'",
    "a pattern that excludes": "!managers",
    "a pattern that intersects": "&managers",
    "two patterns": "a:b",
    "more patterns": "a,b",
    "an index": "x[0]",
    "a range": "x[0:9]",
    "a regular expression": "~.*",
    "a wildcard": "*",
    "an option": "-oProxyCommand=id",
    "a path": "../alpha",
    "a folder": "a/b",
    "a user": "root@b",
    "a blank": "a b",
    "a line break": "a\nb",
    "one at the end": "alpha\n",
    "an escape": "a\x1b[31m",
    "a dot first": ".a",
    "a look-alike": "\u0430lpha",
    "full width": "\uff41lpha",
    "zero width": "al\u200bpha",
    "a very long one": "x" * 254,
    "nothing": "",
    "the control node": "localhost",
    "it in capitals": "LocalHost",
    "it with a dot": "localhost.",
    "it with a domain": "localhost.localdomain",
    "a name below it": "x.localhost",
    "its address": "127.0.0.1",
    "its address, shorter": "127.1",
    "its address, as a number": "2130706433",
    "its address, in hex": "0x7f000001",
    "in octal": "0177.0.0.1",
    "another host's address": "10.0.0.99",
    "a group of Ansible's": "all",
    "another one": "ungrouped",
    "our group": "managers",
    "it in capitals, too": "Managers",
    "the group of a label": "label_disk_hdd",
    "a configured name in capitals": "ALPHA",
    "another node's ID": "id-alpha",
}


CODES = {
    "nothing": "hostname_empty",
    "the control node": "hostname_local",
    "it in capitals": "hostname_local",
    "it with a dot": "hostname_local",
    "it with a domain": "hostname_local",
    "a name below it": "hostname_local",
    "its address": "hostname_is_address",
    "its address, shorter": "hostname_is_address",
    "its address, as a number": "hostname_is_address",
    "its address, in hex": "hostname_is_address",
    "in octal": "hostname_is_address",
    "another host's address": "hostname_is_address",
    "a group of Ansible's": "hostname_is_group",
    "another one": "hostname_is_group",
    "our group": "hostname_is_group",
    "it in capitals, too": "hostname_is_group",
    "the group of a label": "hostname_is_group",
    "a configured name in capitals": "hostname_differs_in_case",
    "another node's ID": "hostname_is_node_id",
}


@pytest.mark.parametrize("case", UNSAFE)
def test_unsafe_host_name_is_not_used(case: str) -> None:
    name = UNSAFE[case]
    nodes = [node("alpha", address="10.0.0.1"), node(name, id="id-evil", address="10.0.0.2")]
    merged = merge_hosts(configured(alpha={}), nodes)
    assert [host.name for host in merged.hosts] == ["alpha", "id-evil"]
    assert [host.variables["swarm_id"] for host in merged.hosts] == ["id-alpha", "id-evil"]
    (warning,) = merged.warnings
    assert (warning.code, warning.params["node_id"]) == ("node_named_by_id", "id-evil")
    assert warning.params["because"].code == CODES.get(case, "hostname_unsafe")
    assert all(is_printable(character) for character in str(warning))
    assert len(str(warning)) < 300


@pytest.mark.parametrize(
    "name", ["bravo", "Bravo", "b", "7", "wrk-b.example.com", "wrk_b", "x" * 253, "localhost-1", "10.0.0.2"]
)
def test_safe_host_names_are_used(name: str) -> None:
    own = "0.0.0.7" if name == "7" else "10.0.0.2"
    merged = merge_hosts(DesiredState(), [node(name, id="id-b", address=own)])
    assert [host.name for host in merged.hosts] == [name if name != "7" else "id-b"]


def test_invalid_node_id_is_left_out() -> None:
    merged = merge_hosts(DesiredState(), [node("{{ 1 }}", id="{{ 2 }}"), node("alpha")])
    assert [host.name for host in merged.hosts] == ["alpha"]
    assert merged.warnings == (Reason("node_id_invalid", node_id="{{ 2 }}"),)


def test_node_at_another_address_is_not_the_configured_host() -> None:
    """Then the real host is missing, and the impostor counts as unconfigured."""
    desired = configured(bravo={"ip": "10.0.0.2", "labels": {"a": "1"}})
    merged = merge_hosts(desired, [node("bravo", id="id-evil", address="10.0.0.66")])
    hosts = by_name(merged.hosts)
    assert set(hosts) == {"bravo", "id-evil"}
    assert hosts["bravo"].groups == ("swarm", "missing", "label_a", "label_a_1")
    assert hosts["bravo"].variables["ansible_host"] == "10.0.0.2"
    assert "unknown" in hosts["id-evil"].groups
    assert hosts["id-evil"].variables["ansible_host"] == "10.0.0.66"
    assert hosts["id-evil"].variables["swarm_configured"] is False
    assert len(merged.warnings) == 1
    # the real host returns
    merged = merge_hosts(
        desired,
        [node("bravo", id="id-evil", address="10.0.0.66"), node("bravo", id="id-real", address="10.0.0.2")],
    )
    hosts = by_name(merged.hosts)
    assert hosts["bravo"].variables["swarm_id"] == "id-real"
    assert hosts["id-evil"].variables["swarm_configured"] is False
    # it is down, and the impostor still does not replace it
    merged = merge_hosts(
        desired,
        [
            node("bravo", id="id-evil", address="10.0.0.66"),
            node("bravo", id="id-real", address="10.0.0.2", state="down"),
        ],
    )
    assert by_name(merged.hosts)["bravo"].variables["swarm_id"] == "id-real"
    assert set(by_name(merged.hosts)) == {"bravo", "id-evil"}


def test_hosts_of_other_inventories_are_considered() -> None:
    nodes = [node("other", address="10.0.0.2"), node("same", address="10.0.0.3"), node("third")]
    merged = merge_hosts(
        DesiredState(), nodes, {"other": "10.9.9.9", "same": "10.0.0.3", "third": "", "x": "10.0.0.2"}
    )
    assert [host.name for host in merged.hosts] == ["id-other", "same", "third"]
    (warning,) = merged.warnings
    assert warning.params["because"] == Reason("hostname_of_other_host", hostname="other", address="10.9.9.9")
    assert not any(host.pinned for host in merged.hosts)


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ({"address": "10.0.0.2"}, "10.0.0.2"),
        ({"address": "0.0.0.0", "manager_addr": "10.0.0.2:2377"}, "10.0.0.2"),
        ({"address": "", "manager_addr": "[fd00::2]:2377"}, "fd00::2"),
        ({"address": "::ffff:10.0.0.2"}, "10.0.0.2"),
        ({"address": "127.0.0.1"}, None),
        ({"address": "224.0.0.1"}, None),
        ({"address": "{{ 1 }}"}, None),
        ({"address": "example.com"}, None),
        ({"address": "-oProxyCommand=id"}, None),
    ],
)
def test_host_address_is_valid_or_absent(seen: dict[str, str], shown: str | None) -> None:
    (host,) = merge_hosts(DesiredState(), [node("alpha", **seen)]).hosts
    assert host.variables.get("ansible_host") == shown
    assert host.variables["swarm_ip"] == (shown or "")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identities: a host name alone proves nothing if an address is configured."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.address import parse_address
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState, NodeConfig
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import Member
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources, RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import OwnLabels, State, apply_edits
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.endpoints import find_endpoints
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.availability import one_node
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import service_hint
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.plan import plan_labels
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.plan import (
    Healing,
    needs_hosts,
    plan_heal,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import (
    find_nodes,
    identify,
    identify_all,
    without_doubtful,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from orcastra_runner.settings import UsageError
from orcastra_runner.what_if import forecasts
from tests.support.builders import node, service, snapshot

NOW = 1_000_000.0
IP = "10.0.0.2"
EVIL = "10.0.0.66"


def entry(name: str = "mgr-b", **fields: Any) -> NodeConfig:
    return NodeConfig(name, **fields)


def config(*entries: NodeConfig) -> DesiredState:
    return DesiredState(nodes={one.name: one for one in entries})


def ids(nodes: tuple[Node, ...]) -> list[str]:
    return [one.id for one in nodes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1:2377", "10.0.0.1"),
        ("[fd00::1]:2377", "fd00::1"),
        ("[fd00::1]", "fd00::1"),
        ("FD00:0::1", "fd00::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:2377", "fe80::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("[::ffff:10.0.0.1]:2377", "10.0.0.1"),
        ("wrk-b", None),
        ("wrk-b:2377", None),
        ("10.0.0", None),
        ("10.0.0.256", None),
        ("", None),
        (None, None),
        ("{{ 1 }}", None),
        ("10.0.0.1 ", None),
        ("10.0.0.1\n", None),
    ],
)
def test_addresses_are_normalized_for_comparison(text: str | None, expected: str | None) -> None:
    assert str(parse_address(text)) == str(expected)


@pytest.mark.parametrize(
    ("configured", "seen", "counts"),
    [
        ({"ip": IP}, {"address": IP}, True),
        ({"ip": IP}, {"address": EVIL}, False),
        ({"ip": IP}, {"address": f"::ffff:{IP}"}, True),
        ({"ip": "fd00::2"}, {"address": "FD00:0:0::2"}, True),
        ({"ip": "fd00::2"}, {"address": "fd00::3"}, False),
        ({"ip": "fe80::2%eth0"}, {"address": "fe80::2"}, True),
        # for the leader, Swarm only knows the address for joining
        ({"ip": IP}, {"address": "0.0.0.0", "manager_addr": f"{IP}:2377"}, True),
        ({"ip": IP}, {"address": "0.0.0.0", "manager_addr": f"{EVIL}:2377"}, False),
        ({"ip": IP}, {"address": "::", "manager_addr": f"[::ffff:{IP}]:2377"}, True),
        ({"ip": IP}, {"address": "10.0.1.2", "manager_addr": f"{IP}:2377"}, True),
        # behind NAT
        ({"ip": IP, "swarm_addr": "192.0.2.7"}, {"address": "192.0.2.7"}, True),
        ({"ip": IP, "swarm_addr": "192.0.2.7"}, {"address": IP}, False),
        ({"swarm_addr": "192.0.2.7"}, {"address": "192.0.2.7"}, True),
        ({"swarm_addr": "192.0.2.7"}, {"address": EVIL}, False),
        # nothing to compare
        ({}, {"address": EVIL}, True),
        ({"ip": "mgr-b.example.com"}, {"address": EVIL}, True),
        ({"ip": IP}, {"address": ""}, True),
    ],
)
def test_name_counts_only_at_its_address(
    configured: dict[str, str], seen: dict[str, str], counts: bool
) -> None:
    found = identify(snapshot(node("mgr-b", **seen)), entry(**configured))
    assert bool(found.nodes) == counts
    assert bool(found.impostors) != counts
    assert bool(found.warnings) != counts


def test_address_decides_between_nodes_with_one_name() -> None:
    seen = snapshot(node("mgr-b", id="evil", address=EVIL), node("mgr-b", id="real", address=IP))
    found = identify(seen, entry(ip=IP))
    assert (ids(found.nodes), ids(found.impostors), found.namesakes) == (["real"], ["evil"], ())
    found = identify(seen, entry())
    assert (found.nodes, found.impostors, ids(found.namesakes)) == ((), (), ["evil", "real"])
    assert len(found.warnings) == 1


def test_nodes_with_one_name_and_address_are_ambiguous() -> None:
    seen = snapshot(*(node("mgr-b", id=name, address=IP) for name in ("one", "two")))
    assert ids(identify(seen, entry(ip=IP)).namesakes) == ["one", "two"]


def test_stale_entry_is_no_impostor() -> None:
    old = node("mgr-b", id="old", address="10.0.0.9", state="down")
    now = node("mgr-b", id="now", address=IP)
    found = identify(snapshot(old, now), entry(ip=IP))
    assert (ids(found.nodes), found.doubtful) == (["now"], ())
    # while the host is down, its own entry counts, not another node with its name
    down = node("mgr-b", id="down", address=IP, state="down")
    found = identify(snapshot(down, node("mgr-b", id="evil", address=EVIL)), entry(ip=IP))
    assert (ids(found.nodes), ids(found.impostors)) == (["down"], ["evil"])


def test_node_id_is_never_a_host_name() -> None:
    node_id = "9f2a0c1vmg8tq8k3xvvzt1z9e"
    assert ids(identify(snapshot(node("x", id=node_id, address=EVIL)), entry(node_id, ip=IP)).nodes) == [
        node_id
    ]
    # it has left, and another node uses its ID as a host name
    gone = snapshot(node(node_id, id="evil"))
    assert identify(gone, entry(node_id)).nodes == ()
    assert find_nodes(gone, node_id) == ()
    # while it exists, no other node is found by it
    both = snapshot(node("x", id=node_id), node(node_id, id="evil"))
    assert ids(find_nodes(both, node_id)) == [node_id]


IMPOSTOR = {"name": "mgr-b", "id": "evil", "address": EVIL}


def swarm_with(*others: Node) -> SwarmSnapshot:
    """mgr-b is absent, and a worker uses its name."""
    leader = node("mgr-a", role="manager", reachability="reachable", leader=True, address="10.0.0.1")
    return snapshot(leader, node(**IMPOSTOR), *others)


def test_impostor_keeps_its_labels() -> None:
    desired = config(entry(ip=IP, labels={"ssd": "true"}), entry("mgr-a", ip="10.0.0.1", labels={"a": "b"}))
    evil = node(**IMPOSTOR, labels={"old": "true"})
    state = apply_edits(State(), [OwnLabels("evil", frozenset({"old"}))])
    for prune in (False, True):
        plan = plan_labels(
            snapshot(node("mgr-a", address="10.0.0.1"), evil),
            DesiredState(nodes=desired.nodes, prune_unknown_labels=prune),
            state,
        )
        assert [step.summary for step in plan.steps] == ["set a=b on node mgr-a"]
        assert len(plan.warnings) == 1


def test_namesakes_keep_their_labels() -> None:
    """Otherwise an impostor could cause the removal of its victim's labels."""
    desired = config(entry(labels={"ssd": "true"}))
    nodes = [node("mgr-b", id=name, labels={"old": "1"}) for name in ("one", "two")]
    state = apply_edits(State(), [OwnLabels("one", frozenset({"old"}))])
    plan = plan_labels(snapshot(*nodes), desired, state)
    assert plan.steps == ()
    assert len(plan.warnings) == 1
    # the address decides between them
    nodes = [
        node("mgr-b", id=name, labels={"old": "1"}, address=f"10.0.0.{n}") for n, name in enumerate("ab")
    ]
    plan = plan_labels(snapshot(*nodes), config(entry(ip="10.0.0.1", labels={"ssd": "true"})), State())
    assert [step.node_id for step in plan.steps] == ["b"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", ["manager", None])
def test_impostor_is_never_promoted(role: str | None) -> None:
    desired = config(
        entry("mgr-a", ip="10.0.0.1", role=role), entry(ip=IP, role=role), entry("mgr-c", role=role)
    )
    plan = plan_heal(swarm_with(), desired, Healing(), NOW)
    assert plan.steps == ()
    assert len(plan.warnings) == 1
    (warning,) = plan.warnings
    assert isinstance(warning, Reason)
    assert (warning.code, warning.params["node_id"]) == ("node_at_other_address", "evil")
    # and the real host is still reported as missing
    assert needs_hosts(swarm_with(), desired, NOW) == [
        Reason("node_missing", name=name) for name in ("mgr-b", "mgr-c")
    ]


def test_impostor_is_neither_demoted_nor_drained() -> None:
    evil = node(**IMPOSTOR, role="manager", reachability="reachable")
    seen = snapshot(node("mgr-a", role="manager", reachability="reachable", leader=True), evil)
    desired = config(entry("mgr-a", role="manager"), entry(ip=IP, role="worker", availability="drain"))
    assert plan_heal(seen, desired, Healing(), NOW).steps == ()


def test_impostor_does_not_cause_removal_of_a_stale_entry() -> None:
    down = node("mgr-b", id="down", address=IP, state="down", updated=NOW - 1e6)
    desired = config(entry("mgr-a", ip="10.0.0.1"), entry(ip=IP))
    assert plan_heal(swarm_with(down), desired, Healing(), NOW).steps == ()


@pytest.mark.parametrize("ip", [None, "10.0.0.7"])
def test_host_cannot_impersonate_another(ip: str | None) -> None:
    """It could cause the demotion, drain or removal of that host."""
    managers = [
        node(name, role="manager", reachability="reachable", leader=name == "a", address=f"10.0.1.{n}")
        for n, name in enumerate("abc")
    ]
    down = node("b", id="b-before", address="10.0.1.1", state="down", updated=NOW - 1e6)
    seen = snapshot(*managers, node("liar", address="10.0.0.7"), down)
    desired = config(*(entry(name, role="manager") for name in "abc"), entry("liar", role="worker", ip=ip))
    members = {
        "a": Member(hostname="a", state="active", node_id="id-a"),
        "liar": Member(hostname="liar", state="active", node_id="id-b"),
    }
    plan = plan_heal(seen, desired, Healing(members=members), NOW)
    whats = [step.summary for step in plan.steps]
    assert not any("node b to" in what or "id-b" in what for what in whats), whats
    assert {"node_is_another_host", "node_at_other_address"} & (
        {one.code for one in plan.warnings if isinstance(one, Reason)}
    )


def test_hosts_with_one_node_id_are_refused() -> None:
    seen = snapshot(node("a", role="manager", reachability="reachable"), node("x"))
    desired = config(entry("one", availability="drain"), entry("two", availability="pause"))
    members = {name: Member(hostname=name, state="active", node_id="id-x") for name in ("one", "two")}
    plan = plan_heal(seen, desired, Healing(members=members), NOW)
    assert plan.steps == ()
    assert len(plan.warnings) == 1


def test_goes_by_accepts_usual_spellings() -> None:
    desired = config(entry(ip=IP))
    with pytest.raises(OrcastraError, match="evil"):
        one_node(swarm_with(), "mgr-b", desired)
    assert one_node(swarm_with(node("mgr-b", id="real", address=IP)), "mgr-b", desired).id == "real"
    assert one_node(swarm_with(), "evil", desired).id == "evil"
    with pytest.raises(OrcastraError, match="2 nodes have this host name"):
        one_node(swarm_with(node("mgr-b", id="real")), "mgr-b")
    with pytest.raises(OrcastraError, match=r"there is no node mgr_a in this swarm; did you mean 'mgr-a'\?"):
        one_node(swarm_with(), "mgr_a")
    with pytest.raises(UsageError, match="--lose mgr-b"):
        forecasts(swarm_with(), desired, Memory(), ["mgr-b"], [])
    (found,) = forecasts(swarm_with(node("mgr-b", id="real", address=IP)), desired, Memory(), ["mgr-b"], [])
    assert found.lost == ("mgr-b",)


def test_doubtful_nodes_are_not_measured_or_preferred() -> None:
    sources = MetricSources(node_exporters={"mgr-b": "http://b/"}, node_map={"mgr-b": "host"})
    real = node("mgr-b", id="real", address=IP)
    desired = config(entry(ip=IP))
    found = {one.node.id: one for one in find_endpoints(without_doubtful(swarm_with(real), desired), sources)}
    assert (found["real"].is_mapped, found["evil"].is_mapped) == (True, False)
    # without an address, the name matches neither
    found = {one.node.id: one for one in find_endpoints(swarm_with(real), sources)}
    assert not any(one.is_mapped or one.memory for one in found.values())
    app = service("app", labels={"orchestration.preferred.node": "mgr-b"})
    for seen, warns in (
        (without_doubtful(swarm_with(real, app), desired), False),  # type: ignore[arg-type]
        (without_doubtful(swarm_with(app), desired), True),  # type: ignore[arg-type]
        (swarm_with(real, app), True),  # type: ignore[arg-type]
    ):
        plan = plan_rebalance(seen, (), Memory(), RebalanceRules(), State(), NOW)
        assert any("orchestration.preferred.node" in str(text) for text in plan.warnings) == warns


@pytest.mark.parametrize("name", ["x/../y", "a@evil", "a:1/?", "{{ 1 }}", "a b", "", "-x", "é"])
def test_host_name_cannot_redirect_a_measurement(name: str) -> None:
    sources = MetricSources(node_exporter_url="http://{hostname}:9100/metrics")
    (found,) = find_endpoints(snapshot(node(name, id="n")), sources)
    assert found.memory is None
    (found,) = find_endpoints(snapshot(node("wrk-b.example.com")), sources)
    assert found.memory == "http://wrk-b.example.com:9100/metrics"


@pytest.mark.parametrize(
    ("configured", "fields"),
    [
        ("wrk-b.example.org", {}),
        ("WRK-B", {}),
        ("Wrk-b.Example.Org.", {}),
        ("10.0.0.3", {}),
        ("fd00::3", {"address": "fd00::3"}),
        ("anything", {"ip": "10.0.0.3"}),
        ("wrk-b.example.org", {"ip": "10.0.0.3"}),
    ],
)
def test_host_under_another_name_is_suggested(configured: str, fields: dict[str, str]) -> None:
    address = fields.get("address", "10.0.0.3")
    seen = snapshot(node("wrk-a"), node("wrk-b", address=address))
    desired = config(entry("wrk-a"), entry(configured, ip=fields.get("ip")))
    identity = identify_all(seen, desired).by_name[configured]
    assert identity.alias is not None
    assert identity.alias.hostname == "wrk-b"
    (warning,) = identity.warnings
    assert warning.params["hint"] == Reason("did_you_mean", names=["wrk-b"])
    # it is no reason to repair a host
    assert needs_hosts(seen, desired, NOW) == []
    # and it does not count as that host: nothing is labelled
    plan = plan_labels(seen, config(entry("wrk-a"), entry(configured, labels={"a": "b"})), State())
    assert plan.steps == ()


def test_domain_in_a_host_name_is_ignored() -> None:
    seen = snapshot(node("wrk-b.example.org"))
    assert identify_all(seen, config(entry("wrk-b"))).by_name["wrk-b"].alias is not None


@pytest.mark.parametrize(
    ("name", "fields", "hint"),
    [
        ("wrk-c", {}, ""),  # the only similar name is itself configured
        ("wrkb", {}, ""),
        ("db-1", {}, "db1"),
        ("db1", {"ip": "10.0.0.9"}, None),
        ("db1.example.org", {"ip": "10.0.0.9"}, "db1"),
    ],
)
def test_similar_names_are_only_suggested(name: str, fields: dict[str, str], hint: str | None) -> None:
    seen = snapshot(node("wrk-a"), node("wrk-b"), node("db1", address="10.0.0.4"))
    desired = config(entry("wrk-a"), entry("wrk-b"), entry(name, **fields))
    identity = identify_all(seen, desired).by_name[name]
    assert identity.alias is None
    if hint is not None:
        assert identity.hint == hint
        suggestion = Reason("did_you_mean", names=[hint]) if hint else None
        assert identity.warnings[0].params["hint"] == suggestion
        assert len(needs_hosts(seen, desired, NOW)) == 1


def test_similar_services_are_suggested() -> None:
    seen = snapshot(
        service("apps_search", labels={"com.docker.stack.namespace": "apps"}),
        service("web"),
        service("main_db"),
    )
    other_stack = Reason("did_you_mean_other_stack", name="apps_search", stack="apps")
    assert service_hint(seen, "search", "main") == other_stack
    assert service_hint(seen, "dbs", "main") == Reason("did_you_mean", names=["main_db"])
    assert service_hint(seen, "wed", "") == Reason("did_you_mean", names=["web"])
    assert service_hint(seen, "quite-different", "main") is None


def test_identify_is_fast_in_a_large_swarm() -> None:
    seen = snapshot(
        *(
            node(f"n{number}.example.org", address=f"10.0.{number >> 8}.{number & 255}")
            for number in range(1000)
        )
    )
    desired = config(*(entry(f"n{number}") for number in range(1000)))
    found = identify_all(seen, desired).by_name
    assert all(identity.alias is not None for identity in found.values())

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Membership repair through the API: roles in a safe order, stale entries, settings, paused updates."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    DesiredState,
    NodeConfig,
    SwarmConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import Member
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.managers import choose_managers
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.plan import (
    Healing,
    needs_hosts,
    plan_heal,
)
from tests.support.builders import node, service, snapshot, task

NOW = 1_000_000.0


def manager(name: str, **fields: Any) -> Node:
    defaults = {"role": "manager", "reachability": "reachable", "address": f"ip-{name}"}
    return node(name, **{**defaults, **fields})


def worker(name: str, **fields: Any) -> Node:
    return node(name, **{"address": f"ip-{name}", **fields})


def desired(leader: str | None = None, managers: int | None = None, **roles: str | None) -> DesiredState:
    nodes = {name: NodeConfig(name, role=role) for name, role in roles.items()}
    return DesiredState(nodes=nodes, leader=leader, managers=managers)


def whats(seen: SwarmSnapshot, config: DesiredState, **healing: Any) -> list[str]:
    return [step.summary for step in plan_heal(seen, config, Healing(**healing), NOW).steps]


NONE = {"a": None, "b": None, "c": None}


def test_heal_needs_no_step_for_a_healthy_swarm() -> None:
    seen = snapshot(manager("a", leader=True), manager("b"), manager("c"))
    plan = plan_heal(seen, desired(**NONE), Healing(), NOW)
    assert plan.is_empty
    assert not plan.notes
    assert not plan.warnings


def test_demoted_manager_is_promoted() -> None:
    seen = snapshot(manager("a", leader=True), worker("b"), manager("c"))
    assert whats(seen, desired(**NONE)) == ["promote node b to manager"]


def test_promotions_come_before_demotions_and_the_leader_is_last() -> None:
    seen = snapshot(manager("a", leader=True), manager("b"), manager("c"), worker("d"), worker("e"))
    config = desired(a="worker", b="worker", c="manager", d="manager", e="manager")
    assert whats(seen, config) == [
        "promote node d to manager",
        "promote node e to manager",
        "demote node b to worker",
        "demote node a to worker",
    ]


def test_demotion_waits_for_promotions() -> None:
    seen = snapshot(manager("a", leader=True), manager("b"), manager("c"), worker("d", state="down"))
    plan = plan_heal(seen, desired(a="manager", b="manager", c="worker", d="manager"), Healing(), NOW)
    assert plan.steps == ()
    assert plan.notes == (
        Reason("demotion_waits", nodes=["c"], because=[Reason("node_not_ready", node="d", state="down")]),
    )


def test_dead_manager_is_removed_before_its_host_is_promoted() -> None:
    old = manager("c", id="old", state="down", reachability="unreachable")
    seen = snapshot(manager("a", leader=True), manager("b"), old, worker("c", id="new"))
    members = {"c": Member(hostname="c", state="active", node_id="new")}
    assert whats(seen, desired(**NONE), members=members) == [
        "demote node c to worker",
        "remove the stale entry old of node c",
        "promote node c to manager",
    ]


def test_stale_entry_must_be_old_if_the_host_was_not_asked() -> None:
    def seen(age: float, address: str = "ip-b") -> SwarmSnapshot:
        old = worker("b", id="old", state="down", updated=NOW - age, address=address)
        return snapshot(manager("a"), old, worker("b", id="new"))

    config = desired(leader="a", managers=1, a=None, b=None)
    assert whats(seen(3601), config) == ["remove the stale entry old of node b"]
    young = plan_heal(seen(3599), config, Healing(), NOW)
    assert young.steps == ()
    assert young.notes == (Reason("stale_entry_waits", node_id="old", node="b", seconds=3600.0),)
    # possibly another host with the same name
    assert whats(seen(3601, "ip-z"), config) == []


def test_future_manager_is_awaited() -> None:
    becoming = manager("b", reachability=None, updated=NOW - 10)
    seen = snapshot(manager("a"), becoming, manager("d"))
    config = desired(a="manager", b="manager", d="worker")
    plan = plan_heal(seen, config, Healing(), NOW)
    assert plan.steps == ()
    becomes = Reason("promotion_under_way", node="b")
    assert plan.notes == (becomes, Reason("demotion_waits", nodes=["d"], because=[becomes]))
    assert needs_hosts(seen, config, NOW) == []
    assert needs_hosts(seen, config, NOW + 60) == [Reason("node_not_managing", node="b")]


def test_lost_quorum_is_refused() -> None:
    seen = snapshot(
        manager("a"), manager("b", reachability="unreachable"), manager("c", reachability="unknown")
    )
    with pytest.raises(OrcastraError, match=r"lost its quorum: 2 of its 3 .*orcastra_force_new_cluster=a"):
        plan_heal(seen, desired(**NONE), Healing(), NOW)


def test_unconfigured_nodes_are_not_changed() -> None:
    seen = snapshot(manager("a"), manager("z"))
    plan = plan_heal(seen, desired(a="manager"), Healing(), NOW)
    assert plan.steps == ()
    assert plan.notes[0] == Reason("managers_even", count=2, nodes=["z"])


def test_availability_is_set_only_if_configured() -> None:
    seen = snapshot(manager("a", availability="drain"), worker("b", availability="drain"))
    config = DesiredState(
        nodes={
            "a": NodeConfig("a", role="manager", availability="active"),
            "b": NodeConfig("b", role="worker"),
        }
    )
    assert whats(seen, config) == ["set the availability of node a to active"]
    assert whats(seen, config, kept_drained=frozenset({"id-a"})) == []
    # a reminder for the user
    (note,) = plan_heal(seen, config, Healing(kept_drained=frozenset({"id-a"})), NOW).notes
    assert note == Reason("node_kept_out", node="a", availability="drain")


def test_unconfigured_settings_are_not_changed() -> None:
    swarm = {
        "Spec": {
            "Raft": {"SnapshotInterval": 10000, "ElectionTick": 10},
            "Dispatcher": {"HeartbeatPeriod": 5},
        },
        "SubnetSize": 24,
    }
    config = DesiredState(swarm=SwarmConfig(snapshot_interval=500, subnet_size=26))
    plan = plan_heal(snapshot(manager("a")), config, Healing(swarm=swarm), NOW)
    (step,) = plan.steps
    assert step.summary == "update SnapshotInterval of the swarm"
    assert step.changed(swarm["Spec"]) == {  # type: ignore[attr-defined]
        "Raft": {"SnapshotInterval": 500, "ElectionTick": 10},
        "Dispatcher": {"HeartbeatPeriod": 5},
    }
    assert plan.warnings == (Reason("swarm_setting_fixed", key="subnet_size", expected=24, found=26),)
    done = {**swarm, "Spec": step.changed(swarm["Spec"])}  # type: ignore[attr-defined]
    assert plan_heal(snapshot(manager("a")), config, Healing(swarm=done), NOW).steps == ()


def test_autolock_warns_to_store_the_key() -> None:
    config = DesiredState(swarm=SwarmConfig(autolock=True))
    for lock, why in (
        ({}, "swarm_setting_missing"),
        ({"AutoLockManagers": False}, "swarm_setting_differs"),
        (None, "swarm_setting_missing"),
    ):
        swarm = {"Spec": {"EncryptionConfig": lock}}
        plan = plan_heal(snapshot(manager("a")), config, Healing(swarm=swarm), NOW)
        assert len(plan.steps) == 1
        assert plan.warnings == (Reason("autolock_turned_on"),)
        assert [one.code for one in plan.steps[0].why if isinstance(one, Reason)] == [why]
    swarm = {"Spec": {"EncryptionConfig": {"AutoLockManagers": True}}}
    assert plan_heal(snapshot(manager("a")), config, Healing(swarm=swarm), NOW).warnings == ()


@pytest.mark.parametrize(
    ("way", "runs", "can_roll_back", "expected"),
    [
        ("auto", True, True, "resume_update"),
        ("auto", False, True, "roll_back"),
        ("resume", False, True, "resume_update"),
        ("rollback", True, True, "roll_back"),
        ("report", False, True, None),
        ("auto", True, False, None),
        ("resume", True, False, None),
    ],
)
def test_paused_updates(way: str, runs: bool, can_roll_back: bool, expected: str | None) -> None:
    web = service("web", update_state="paused", can_roll_back=can_roll_back)
    seen = snapshot(manager("a"), web, task("web", "a", state="running" if runs else "rejected"))
    plan = plan_heal(seen, DesiredState(swarm=SwarmConfig(paused_updates=way)), Healing(), NOW)
    assert [step.action for step in plan.steps] == ([expected] if expected else [])
    assert bool(plan.warnings) == (expected is None)


def test_waiting_tasks_are_reported_with_reasons() -> None:
    web = service("web", constraints=("node.labels.disk == ssd",))
    waiting = task("web", None, state="pending", created=NOW - 60)
    seen = snapshot(manager("a"), worker("b", availability="drain"), web, waiting)
    (warning,) = plan_heal(seen, DesiredState(), Healing(), NOW).warnings
    violated = Reason("constraint_violated", constraint="node.labels.disk == ssd")
    drained = Reason("target_not_active", availability="drain")
    assert isinstance(warning, Reason)
    (reason,) = warning.params["reasons"]
    assert (reason.code, reason.params["count"]) == ("tasks_wait_for_suitable_node", 1)
    assert reason.params["unsuitable"] == (
        Reason("nodes_unsuitable", nodes=["a"], obstacles=[violated]),
        Reason("nodes_unsuitable", nodes=["b"], obstacles=[drained, violated]),
    )


@pytest.mark.parametrize("seconds", [1, 60], ids=["only just", "for a minute"])
def test_shortage_allows_swarm_time_to_notice_a_node(seconds: int) -> None:
    web = service("web", constraints=("node.labels.disk == ssd",))
    waiting = task("web", None, state="pending", created=NOW - 600, message="no suitable node")
    labelled = manager("a", labels={"disk": "ssd"}, updated=NOW - seconds)
    warnings = plan_heal(snapshot(labelled, web, waiting), DesiredState(), Healing(), NOW).warnings
    found = [
        (reason.code, reason.params["node"])
        for warning in warnings
        if isinstance(warning, Reason)
        for reason in warning.params["reasons"]
    ]
    assert found == ([] if seconds == 1 else [("tasks_wait_despite_suitable_node", "a")])


def test_choose_managers() -> None:
    names = ("a", "b", "c", "d")
    free = desired(a=None, b=None, c=None, d=None)
    assert choose_managers(free, names, ()) == ("a", "b", "c")
    assert choose_managers(free, names, ("d", "c")) == ("c", "d", "a")
    assert choose_managers(desired("d", a=None, b=None, c=None, d=None), names, ()) == ("d", "a", "b")
    assert choose_managers(desired("d", 1, a=None, b=None, c=None, d=None), names, ()) == ("d",)
    assert choose_managers(desired(b="manager", a=None, c=None, d=None), names, ("a",)) == ("b",)
    assert choose_managers(desired(managers=3, a="worker", b=None, c="manager", d=None), names, ()) == (
        "c",
        "b",
        "d",
    )
    assert choose_managers(desired(a=None, b=None), ("a", "b"), ()) == ("a",)


def test_needs_hosts_lists_problems_of_hosts() -> None:
    seen = snapshot(manager("a"), worker("b", state="down"))
    assert needs_hosts(seen, desired(a=None, b=None, c=None), NOW) == [
        Reason("node_not_ready", node="b", state="down"),
        Reason("node_missing", name="c"),
    ]

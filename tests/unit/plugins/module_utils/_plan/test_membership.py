# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Formation: the configured swarm, lost members, and where a new swarm may be created."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    DesiredState,
    NodeConfig,
    SwarmConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import KnownNode, Member
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, Refused
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.formation import plan_formation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.member import (
    MemberOptions,
    plan_absence,
    plan_member,
)

BARE = Member()
SILENT = Member(problem="nobody answers")
HOSTS = ("a", "b", "c")


def known(*names: str, gone: tuple[str, ...] = (), workers: tuple[str, ...] = ()) -> tuple[KnownNode, ...]:
    managers = tuple(
        KnownNode(
            id=f"id-{name}",
            hostname=name,
            role="manager",
            reachability="unreachable" if name in gone else "reachable",
            manager_addr=f"{name}:2377",
        )
        for name in names
    )
    return managers + tuple(KnownNode(id=f"id-{name}", hostname=name) for name in workers)


def manager(name: str, nodes: tuple[KnownNode, ...], swarm: str = "x") -> Member:
    return Member(
        hostname=name, state="active", node_id=f"id-{name}", control=True, cluster_id=swarm, nodes=nodes,
        remote_managers=tuple(node.id for node in nodes),
    )  # fmt: skip


def worker(name: str, *managers: str) -> Member:
    remote = tuple(f"id-{other}" for other in managers)
    return Member(hostname=name, state="active", node_id=f"id-{name}", remote_managers=remote)


def desired(*names: str, leader: str | None = "a", **swarm: Any) -> DesiredState:
    nodes = {name: NodeConfig(name) for name in names}
    return DesiredState(nodes=nodes, leader=leader, swarm=SwarmConfig(**swarm))


def actions(name: str, members: dict[str, Member], config: DesiredState, **options: Any) -> list[str]:
    force = options.pop("force_new_cluster", "")
    formation = plan_formation(members, config, force_new_cluster=force)
    plan = plan_member(name, members[name], formation, config, MemberOptions(**options))
    return [step.action for step in plan.steps]


def test_swarm_is_created_on_the_leader() -> None:
    members = dict.fromkeys(HOSTS, BARE)
    config = desired(*HOSTS, leader="b")
    assert [actions(name, members, config) for name in HOSTS] == [
        ["join_swarm"],
        ["init_swarm"],
        ["join_swarm"],
    ]


def test_swarm_is_created_despite_one_silent_host() -> None:
    formation = plan_formation({"a": BARE, "b": BARE, "c": SILENT}, desired(*HOSTS))
    assert formation.init_on == "a"
    assert formation.faults == {"c": Reason("host_not_asked", problem="nobody answers")}


@pytest.mark.parametrize(
    ("members", "trouble"),
    [
        (
            {"a": SILENT, "b": BARE, "c": BARE},
            Reason("leader_at_fault", leader="a", because=Reason("host_not_asked", problem="nobody answers")),
        ),
        ({"a": BARE, "b": SILENT, "c": SILENT}, Reason("managers_silent", hosts=["b", "c"])),
        ({"a": BARE}, Reason("managers_silent", hosts=["b", "c"])),
        ({"a": BARE, "b": Member(state="locked"), "c": BARE}, Reason("managers_locked", hosts=["b"])),
        ({"a": BARE, "b": worker("b", "z"), "c": BARE}, Reason("no_manager_among_hosts", hosts=["b"])),
    ],
)
def test_swarm_is_not_created_if_one_may_exist(members: dict[str, Member], trouble: Reason) -> None:
    config = desired(*HOSTS)
    formation = plan_formation(members, config)
    assert formation.init_on == ""
    assert formation.trouble == trouble
    bare = next(name for name, member in members.items() if member == BARE)
    with pytest.raises(Refused) as caught:
        plan_member(bare, BARE, formation, config, MemberOptions())
    assert caught.value.reason == Reason("membership_blocked", host=bare, because=trouble)


def test_swarm_is_not_created_without_permission() -> None:
    formation = plan_formation(dict.fromkeys(HOSTS, BARE), desired(*HOSTS), may_init=False)
    assert formation.trouble == Reason("no_swarm")


def test_wiped_leader_joins_the_others() -> None:
    nodes = known("a", "b", "c", gone=("a",))
    members = {"a": BARE, "b": manager("b", nodes), "c": manager("c", nodes)}
    formation = plan_formation(members, desired(*HOSTS))
    assert (formation.cluster_id, formation.via) == ("x", ("b", "c"))
    assert formation.addresses == ("b:2377", "c:2377")
    assert actions("a", members, desired(*HOSTS)) == ["join_swarm"]


def test_swarm_of_most_hosts_is_the_configured_one() -> None:
    pair = known("b", workers=("c",))
    members = {"a": manager("a", known("a"), "y"), "b": manager("b", pair), "c": worker("c", "b")}
    assert plan_formation(members, desired(*HOSTS)).cluster_id == "x"
    assert plan_formation(members, desired(*HOSTS, cluster_id="y")).cluster_id == "y"
    del members["c"]
    assert plan_formation(members, desired("a", "b")).cluster_id == "y"


def test_host_of_another_swarm_is_refused_without_the_option() -> None:
    members = {"a": manager("a", known("a")), "b": worker("b", "z"), "c": manager("c", known("c"), "y")}
    config = desired(*HOSTS)
    for name, swarm in (
        ("b", Reason("swarm_of_others", managers=["id-z"])),
        ("c", Reason("swarm_managed_by_host", cluster_id="y")),
    ):
        with pytest.raises(Refused) as caught:
            actions(name, members, config)
        assert caught.value.reason == Reason("host_in_other_swarm", host=name, swarm=swarm)
        assert actions(name, members, config, leave_other_swarm=True) == ["leave_swarm", "join_swarm"]


def test_worker_is_not_lost_while_no_manager_answers() -> None:
    members = {"a": SILENT, "b": worker("b", "a"), "c": worker("c", "a")}
    formation = plan_formation(members, desired(*HOSTS))
    plan = plan_member("b", members["b"], formation, desired(*HOSTS), MemberOptions())
    assert plan.steps == ()
    assert plan.notes == (
        Reason(
            "membership_blocked",
            host="b",
            because=Reason("no_manager_among_hosts", hosts=["b", "c"]),
        ),
    )


def test_removed_host_joins_again() -> None:
    members = {"a": manager("a", known("a")), "b": worker("b", "a")}
    assert actions("b", members, desired("a", "b")) == ["leave_swarm", "join_swarm"]
    # without a token it only leaves
    assert actions("b", members, desired("a", "b"), joins=False) == ["leave_swarm"]


def test_dropped_manager_joins_again() -> None:
    left_out = KnownNode(id="id-b", hostname="b", role="manager", age_seconds=61)
    members = {"a": manager("a", (*known("a"), left_out)), "b": worker("b", "a")}
    assert actions("b", members, desired("a", "b")) == ["leave_swarm", "join_swarm"]
    members["a"] = manager("a", (*known("a"), replace(left_out, age_seconds=59)))
    assert actions("b", members, desired("a", "b")) == []
    assert actions("b", members, desired("a", "b"), force_new_cluster="a") == ["leave_swarm", "join_swarm"]


def test_lost_quorum_is_explained_and_forced_only_by_name() -> None:
    nodes = known(*HOSTS, gone=("b", "c"))
    members = {"a": manager("a", nodes), "b": SILENT, "c": SILENT}
    config = desired(*HOSTS)
    with pytest.raises(Refused) as caught:
        actions("a", members, config)
    lost = Reason("quorum_lost", total=3, gone=["b", "c"], count=2, needed=1, survivor="a")
    assert caught.value.reason == Reason("membership_blocked", host="a", because=lost)
    assert "orcastra_force_new_cluster=a" in str(caught.value)
    assert actions("a", members, config, force_new_cluster="a") == ["force_new_cluster"]
    for other in ("b", "nobody"):  # one has left, and the other never existed
        with pytest.raises(Refused) as caught:
            actions("a", members, config, force_new_cluster=other)
        assert caught.value.reason.params["because"] == Reason(
            "survivor_unsuitable", hosts=["a"], found=other, because=lost
        )


def test_indistinguishable_hosts_are_refused() -> None:
    first = worker("a", "z")
    formation = plan_formation({"a": first, "b": replace(first, hostname="b")}, desired("a", "b"))
    assert set(formation.faults) == {"a", "b"}
    assert formation.faults["a"] == Reason("node_id_shared", hosts=["a", "b"], node_id="id-a")
    twins = plan_formation({name: Member(hostname="same") for name in "ab"}, desired("a", "b"))
    assert twins.faults["b"] == Reason("host_name_shared", hosts=["a", "b"], hostname="same")


def test_node_configured_under_another_name_is_reported() -> None:
    members = {"a.example.com": manager("a", known("a"))}
    config = desired("a.example.com", leader=None)
    formation = plan_formation(members, config)
    plan = plan_member("a.example.com", members["a.example.com"], formation, config, MemberOptions())
    (warning,) = plan.warnings
    assert warning == Reason("host_name_differs", name="a.example.com", hostname="a")
    own = desired("a")
    formation = plan_formation({"a": manager("a", known("a"))}, own)
    assert plan_member("a", manager("a", known("a")), formation, own, MemberOptions()).warnings == ()


def test_autolock_of_a_new_swarm_warns_to_store_the_key() -> None:
    for autolock, number in ((True, 1), (False, 0), (None, 0)):
        config = desired("a", autolock=autolock)
        plan = plan_member("a", BARE, plan_formation({"a": BARE}, config), config, MemberOptions())
        assert [step.action for step in plan.steps] == ["init_swarm"]
        assert len(plan.warnings) == number


def test_locked_manager_needs_its_key() -> None:
    members = {"a": Member(state="locked")}
    assert actions("a", members, desired("a"), unlock_key="secret") == ["unlock_swarm"]
    with pytest.raises(Refused) as caught:
        actions("a", members, desired("a"))
    assert caught.value.reason == Reason("unlock_key_missing", host="a")


def test_secrets_are_not_in_representations() -> None:
    members = {"a": manager("a", known("a")), "b": BARE}
    formation = plan_formation(members, desired("a", "b"))
    plan = plan_member("b", BARE, formation, desired("a", "b"), MemberOptions(join_token="secret"))
    locked = plan_member("b", Member(state="locked"), formation, desired("a"), MemberOptions("secret"))
    shown = f"{plan} {plan.diff()} {[step.to_result() for step in (*plan.steps, *locked.steps)]} {locked}"
    assert "secret" not in shown


def test_unconfigured_host_is_not_changed() -> None:
    members = {"a": manager("a", known("a")), "z": BARE}
    assert actions("z", members, desired("a")) == []


def test_host_leaves_if_state_is_absent() -> None:
    assert plan_absence("a", BARE, force=False).steps == ()
    assert plan_absence("a", worker("a", "z"), force=False).steps[0].action == "leave_swarm"
    assert plan_absence("a", manager("a", known("a", "b", "c")), force=False).steps
    for nodes, why in (
        (known("a"), "leaving_last_manager"),
        (known("a", "b", "c", gone=("b", "c")), "leaving_without_quorum"),
    ):
        with pytest.raises(Refused) as caught:
            plan_absence("a", manager("a", nodes), force=False)
        assert caught.value.reason == Reason(why, host="a")
        assert plan_absence("a", manager("a", nodes), force=True).steps

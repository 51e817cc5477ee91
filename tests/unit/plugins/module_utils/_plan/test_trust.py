# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No single report makes a host leave or join a swarm, and no liar gets the secrets of managers."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState, NodeConfig
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.member_steps import JoinSwarm
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import (
    Formation,
    KnownNode,
    Member,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.formation import plan_formation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.member import (
    MemberOptions,
    plan_member,
)
from tests.support.members import (
    BARE,
    EVIL,
    FAKE,
    REAL,
    SILENT,
    config,
    liar,
    listing,
    manager,
    swarm_of,
    worker,
)


def plans(members: dict[str, Member], desired: DesiredState, **options: Any) -> dict[str, list[str]]:
    """The steps of each host, or its error; all may join."""
    formation = plan_formation(members, desired)
    found: dict[str, list[str]] = {}
    for name, member in members.items():
        try:
            plan = plan_member(name, member, formation, desired, MemberOptions(join_token="t", **options))
            found[name] = [step.action for step in plan.steps]
            for step in plan.steps:
                if isinstance(step, JoinSwarm):
                    assert EVIL not in step.addresses
        except OrcastraError:
            found[name] = ["error"]
    return found


def assert_nothing_happens_to(hosts: str, members: dict[str, Member], desired: DesiredState) -> Formation:
    done = plans(members, desired)
    # a message that nothing is changed is fine
    assert {name: done[name] for name in hosts if done[name] not in ([], ["error"])} == {}
    formation = plan_formation(members, desired)
    assert EVIL not in formation.addresses
    assert formation.init_on == ""
    return formation


# workers that lie


@pytest.mark.parametrize("swarm", [REAL, FAKE])
@pytest.mark.parametrize("also", ["", "abc"])
@pytest.mark.parametrize(
    "desired",
    [
        config("abc", "dw"),
        config("abc", "dw", cluster_id=REAL),
        config(free="abcdw"),
        config(free="abcdw", leader="a"),
        config(free="abcd", workers="w"),
        config(free="abcdw", leader="a", cluster_id=REAL),
        DesiredState(),
    ],
    ids=["roles", "roles and ID", "free", "leader", "some roles", "leader and ID", "no configuration"],
)
def test_worker_that_claims_to_manage_is_not_trusted(desired: DesiredState, swarm: str, also: str) -> None:
    members = {**swarm_of("abc", "dw"), "w": liar("w", swarm, also)}
    for order in ("abcdw", "wdcba"):
        hosts = {name: members[name] for name in order}
        formation = assert_nothing_happens_to("abcd", hosts, desired)
        assert set(formation.via) == set("abc")
        assert (formation.cluster_id, formation.trouble) == (REAL, None)
        assert set(formation.addresses) == {"a:2377", "b:2377", "c:2377"}


@pytest.mark.parametrize("away", ["a", "b", "c", "ab", "abc"])
def test_false_claim_fails_while_managers_are_away(away: str) -> None:
    members = {**swarm_of("abc", "dw"), "w": liar("w"), **dict.fromkeys(away, SILENT)}
    formation = assert_nothing_happens_to("abcd", members, config("abc", "dw"))
    assert bool(formation.via) == (len(away) < 2)
    # without configured roles, a liar still needs more votes than the honest hosts
    if len(away) < 3:
        assert_nothing_happens_to("abcd", members, config(free="abcdw", leader="a"))


def test_new_host_does_not_join_a_liar() -> None:
    members = {**swarm_of("abc", "w"), "w": liar("w"), "n": BARE}
    assert plans(members, config("abc", "wn"))["n"] == ["join_swarm"]
    for away in ("ab", "abc"):
        silent = {**members, **dict.fromkeys(away, SILENT)}
        assert plans(silent, config("abc", "wn"))["n"] == ["error"]


def test_liar_does_not_become_the_first_manager() -> None:
    members = {**dict.fromkeys("abc", BARE), "w": liar("w", FAKE)}
    desired = config("abc", "w", leader="a")
    formation = plan_formation(members, desired)
    assert (formation.via, formation.init_on) == ((), "")
    assert plans(members, desired)["a"] == ["error"]


# managers that lie


@pytest.mark.parametrize("who", ["a", "b", "c"])
@pytest.mark.parametrize(
    "desired", [config("abc", "d"), config(free="abcd", leader="a")], ids=["roles", "free"]
)
def test_one_manager_of_three(who: str, desired: DesiredState) -> None:
    members = swarm_of("abc", "d")
    honest = "abcd".replace(who, "")
    for lie in (liar(who), liar(who, also="abc"), liar(who, FAKE), manager(who, listing(who, addr=EVIL))):
        formation = assert_nothing_happens_to(honest, {**members, who: lie}, desired)
        assert set(formation.via) == set("abc") - {who}
        assert set(formation.addresses) <= {f"{name}:2377" for name in "abc"}
        # a host that should join asks the others
        joining = {**members, who: lie, "d": BARE}
        assert plans(joining, desired)["d"] == ["join_swarm"]


def test_one_manager_of_three_while_another_is_away() -> None:
    """Neither of the two remaining hosts is more trustworthy than the other."""
    members = {**swarm_of("abc", "d"), "b": SILENT, "c": liar("c")}
    for desired in (config("abc", "d"), config(free="abcd", leader="a")):
        assert_nothing_happens_to("ad", members, desired)
    desired = config("abc", "d")
    assert plans({**members, "d": BARE}, desired)["d"] == ["error"]


def test_manager_that_omits_others() -> None:
    """They are lost only if most managers do not list them."""
    members = swarm_of("abc", "de")
    members["a"] = manager("a", listing("a", "b", "c"))
    for away in ("", "b", "c"):
        assert_nothing_happens_to("bcde", {**members, **dict.fromkeys(away, SILENT)}, config("abc", "de"))
    for name in "bc":
        members[name] = manager(name, listing("a", "b", "c", workers="e"))
    done = plans(members, config("abc", "de"))
    assert (done["d"], done["e"]) == (["leave_swarm", "join_swarm"], [])


def test_manager_that_denies_another_manager() -> None:
    half = KnownNode("id-d", "d", "manager", age_seconds=9999)
    members = swarm_of("abc", "d")
    members["a"] = manager("a", (*listing("a", "b", "c"), half))
    for away in ("", "b"):
        assert_nothing_happens_to("bcd", {**members, **dict.fromkeys(away, SILENT)}, config("abc", "d"))
    members["b"] = manager("b", (*listing("a", "b", "c"), half))
    assert plans(members, config("abc", "d"))["d"] == ["leave_swarm", "join_swarm"]


@pytest.mark.parametrize("away", ["", "a", "ab", "abc"])
@pytest.mark.parametrize(
    "desired", [config("abcde", "f"), config(free="abcdef", leader="a")], ids=["roles", "free"]
)
def test_two_liars_of_five(away: str, desired: DesiredState) -> None:
    """With two others away, they would be as many as the honest hosts."""
    fakes = listing("d", "e", *(f"x{number}" for number in range(5)), addr=EVIL)
    members = {**swarm_of("abcde", "f"), **{name: manager(name, fakes) for name in "de"}}
    members |= dict.fromkeys(away, SILENT)
    formation = assert_nothing_happens_to("abcf", members, desired)
    assert bool(formation.via) == (not away or (away == "a" and desired.leader == "a"))
    assert not set(formation.via) & set("de")


def test_three_liars_of_five_cannot_be_helped() -> None:
    fakes = listing("c", "d", "e", addr=EVIL)
    members = {**swarm_of("abcde"), **{name: manager(name, fakes) for name in "cde"}}
    assert set(plan_formation(members, config("abcde")).via) == set("cde")


# cases that must keep working


def test_one_configured_manager() -> None:
    members = {**swarm_of("a", "w"), "n": BARE}
    for desired in (config("a", "wn"), replace(config(free="awn", leader="a"), managers=1)):
        assert plans(members, desired) == {"a": [], "w": [], "n": ["join_swarm"]}
        lying = {**members, "w": liar("w")}
        assert plan_formation(lying, desired).via == ("a",)
        assert plans(lying, desired)["n"] == ["join_swarm"]
        assert_nothing_happens_to("w", {**members, "a": SILENT}, desired)


def test_three_managers_with_one_down() -> None:
    for desired in (config("abc", "dn"), config(free="abcdn", leader="a")):
        for away in "abc":
            members = {**swarm_of("abc", "d"), away: SILENT, "n": BARE}
            done = plans(members, desired)
            assert (done["d"], done["n"]) == ([], ["join_swarm"])
            struck_off = {**members, "d": worker("d", "abc")}
            for name in "abc".replace(away, ""):
                struck_off[name] = manager(name, listing("a", "b", "c"))
            assert plans(struck_off, desired)["d"] == ["leave_swarm", "join_swarm"]


@pytest.mark.parametrize("number", [2, 4, 6])
def test_even_numbers_of_managers(number: int) -> None:
    """As during a replacement."""
    names = "abcdef"[:number]
    members = {**swarm_of(names), "n": BARE}
    assert plans(members, config(free=names + "n", leader="a"))["n"] == ["join_swarm"]
    # half of them is no majority
    half = {**members, **dict.fromkeys(names[: number // 2], SILENT)}
    lying = {**half, names[-1]: liar(names[-1])}
    assert_nothing_happens_to(names, lying, config(free=names + "n", leader="a"))


def test_new_swarm_is_trusted() -> None:
    """The first manager is alone, and the others are in no swarm, so no host can confirm it yet."""
    for desired in (config("abc"), config(free="abc", leader="a"), config(free="abcdefg", leader="a")):
        members = dict.fromkeys(desired.nodes, BARE)
        assert plan_formation(members, desired).init_on == "a"
        members = {**members, "a": manager("a", listing("a"))}
        assert set(map(tuple, plans(members, desired).values())) == {(), ("join_swarm",)}
        # one silent host of three could not be the majority of another swarm
        done = plans({**members, "c": SILENT}, desired)
        assert (done["a"], done["b"]) == ([], ["join_swarm"])
        assert plans({**members, "b": SILENT, "c": SILENT}, desired)["a"] == []
    assert plans({"a": members["a"], "b": SILENT, "c": SILENT, "d": BARE}, config("abc", "d"))["d"] == [
        "error"
    ]


def test_future_managers_vote() -> None:
    members = {"a": manager("a", listing("a", workers="bc")), "b": worker("b", "a"), "c": worker("c", "a")}
    formation = plan_formation({**members, "n": BARE}, config("abc", "n"))
    assert (formation.via, formation.managers) == (("a",), ("a", "b", "c"))
    # one was demoted manually and then removed
    members["a"] = manager("a", listing("a", workers="b"))
    assert plans(members, config("abc"))["c"] == ["leave_swarm", "join_swarm"]


def test_managers_configured_as_workers() -> None:
    members = {**swarm_of("ab", "cde"), "n": BARE}
    formation = plan_formation(members, config("cde", "abn"))
    assert set(formation.via) == {"a", "b"}
    assert plans(members, config("cde", "abn"))["n"] == ["join_swarm"]


def test_two_swarms_of_our_own_hosts() -> None:
    two = {
        **{name: manager(name, listing("a", "b", workers="e")) for name in "ab"},
        **{name: manager(name, listing("c", "d"), FAKE) for name in "cd"},
        "e": worker("e", "ab"),
    }
    desired = config(free="abcde", leader="a")
    formation = plan_formation(two, desired)
    assert (formation.cluster_id, set(formation.foreign), formation.lost) == (REAL, {"c", "d"}, {})
    assert plans(two, desired) == {"a": [], "b": [], "c": ["error"], "d": ["error"], "e": []}
    # neither half has a majority: the leader's counts if the user makes the others leave theirs
    del two["e"]
    desired = config("abcd", leader="a")
    formation = plan_formation({**two, "n": BARE}, desired)
    assert (formation.via, formation.lost) == (("a", "b"), {}) or formation.contested
    assert plans(two, desired)["c"] == ["error"]
    assert plans(two, desired, leave_other_swarm=True)["c"] == ["leave_swarm", "join_swarm"]
    # without a leader nothing decides
    assert_nothing_happens_to("abcd", two, config("abcd"))


def test_report_of_the_leader_alone_changes_no_membership() -> None:
    members = {"a": manager("a", listing("a")), "b": manager("b", listing("b"), FAKE), "c": BARE}
    desired = config("abc", leader="a")
    assert plans(members, desired) == {"a": [], "b": ["error"], "c": ["error"]}
    told = plans(members, desired, leave_other_swarm=True)
    assert told == {"a": [], "b": ["leave_swarm", "join_swarm"], "c": ["join_swarm"]}


def test_configured_cluster_id_decides() -> None:
    """It decides which swarm is ours, but not who manages it, because a liar knows it, too."""
    members = {"a": manager("a", listing("a")), "b": manager("b", listing("b"), FAKE), "n": BARE}
    assert plans(members, config(free="abn", leader="b"))["n"] == ["error"]
    assert plans(members, config(free="abn", leader="b", cluster_id=REAL))["n"] == ["join_swarm"]
    members = {**swarm_of("abc"), "w": liar("w", REAL), "n": BARE}
    assert plan_formation(members, config("abc", "wn", cluster_id=REAL)).via == ("a", "b", "c")
    other = {**swarm_of("ab"), "c": manager("c", listing("c"), FAKE), "n": BARE}
    done = plans(other, config("abc", "n", cluster_id=REAL))
    assert (done["c"], done["n"]) == (["error"], ["join_swarm"])
    formation = plan_formation(other, config("abc", "n", cluster_id=FAKE))
    assert formation.via == ()
    assert_nothing_happens_to("abc", other, config("abc", "n", cluster_id=FAKE))


def test_single_manager_continues_with_its_own_swarm() -> None:
    """As with --limit: no host joins or leaves, and the manager does not fail."""
    members = {"a": swarm_of("abc", "d")["a"], "d": worker("d", "abc")}
    desired = config("abc", "d")
    formation = plan_formation(members, desired)
    assert (formation.via, formation.acts, formation.is_contradicted) == ((), "a", False)
    plan = plan_member("a", members["a"], formation, desired, MemberOptions())
    assert plan.steps == ()
    assert len(plan.warnings) == 1
    assert plan_member("d", members["d"], formation, desired, MemberOptions()).steps == ()


def test_chosen_survivor_is_trusted() -> None:
    alone = (*listing("a"), KnownNode("id-b", "b", "manager", "down", "unreachable"))
    members = {"a": manager("a", alone), "b": BARE, "c": SILENT}
    assert plan_formation(members, config("abc")).trouble
    members["a"] = manager("a", listing("a", workers="bc"))
    old = manager("c", ())
    members["c"] = replace(old, remote_managers=("id-a", "id-b", "id-c"), cluster_id="")
    formation = plan_formation(members, config("abc"), force_new_cluster="a")
    assert formation.via == ("a",)


# names


def test_claim_of_another_id_is_at_fault() -> None:
    members = swarm_of("abc", "dw")
    for name in "abcd":
        lying = {**members, "w": replace(members["w"], node_id=f"id-{name}")}
        formation = plan_formation(lying, config("abc", "dw"))
        assert set(formation.faults) == {"w"}
        assert set(formation.via) == set("abc")
    # the real one is away
    formation = plan_formation(
        {**members, "c": SILENT, "w": replace(members["w"], node_id="id-c")}, config("abc", "dw")
    )
    assert set(formation.faults) == {"c", "w"}
    assert formation.managers == ("a", "b", "c")


def test_claim_of_another_name_is_at_fault() -> None:
    members = swarm_of("abc", "dw")
    formation = plan_formation({**members, "w": replace(members["w"], hostname="a")}, config("abc", "dw"))
    assert (set(formation.faults), set(formation.via)) == ({"w"}, set("abc"))


def test_claim_at_another_address_makes_no_future_manager() -> None:
    nodes = (
        *listing("a", "b", "c"),
        KnownNode("id-w", "w", "manager", reachability="reachable", address="10.0.0.66"),
    )
    members = {**{name: manager(name, nodes) for name in "abc"}, "w": manager("w", nodes)}
    desired = replace(config(free="abcw", leader="a"), managers=3)
    at_its_address = {**desired.nodes, "w": NodeConfig("w", ip="10.0.0.9")}
    assert "w" not in plan_formation(members, replace(desired, nodes=at_its_address)).managers


LIES = st.one_of(
    st.just(SILENT),
    st.just(BARE),
    st.builds(
        Member,
        hostname=st.sampled_from("abcdw"),
        state=st.sampled_from(["active", "inactive", "locked", "error", "pending", "x"]),
        node_id=st.sampled_from([f"id-{name}" for name in "abcdwx"]),
        control=st.booleans(),
        cluster_id=st.sampled_from([REAL, FAKE, ""]),
        remote_managers=st.lists(st.sampled_from([f"id-{name}" for name in "abcdwx"])).map(tuple),
        nodes=st.lists(
            st.builds(
                KnownNode,
                id=st.sampled_from([f"id-{name}" for name in "abcdwxyz"]),
                hostname=st.sampled_from("abcdwx"),
                role=st.sampled_from(["manager", "worker"]),
                state=st.sampled_from(["ready", "down"]),
                reachability=st.sampled_from([None, "reachable", "unreachable"]),
                manager_addr=st.just(EVIL),
                age_seconds=st.sampled_from([0.0, 9999.0]),
            ),
            max_size=6,
        ).map(tuple),
    ),
)


@given(st.permutations("abcdw"), LIES, st.sampled_from("abcdw"))
@settings(max_examples=200, deadline=None)
def test_one_liar_cannot_remove_others(order: list[str], lie: Member, who: str) -> None:
    honest = {**swarm_of("abc", "dw"), who: lie}
    members = {name: honest[name] for name in order}
    others = "abcdw".replace(who, "")
    for desired in (
        config("abc", "dw"),
        config(free="abcdw", leader="a"),
        config("abc", "dw", cluster_id=REAL),
    ):
        assert_nothing_happens_to(others, members, desired)


@given(LIES, LIES)
@settings(max_examples=40, deadline=None)
def test_two_liars_of_five_cannot_remove_others(one: Member, two: Member) -> None:
    members = swarm_of("abcde", "f")
    for first, second in permutations("abcde", 2):
        lying = {**members, first: one, second: two}
        honest = "".join(name for name in members if name not in (first, second))
        assert_nothing_happens_to(honest, lying, config("abcde", "f"))

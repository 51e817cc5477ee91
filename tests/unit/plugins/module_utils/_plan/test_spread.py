# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spreading of replicas and tasks: what moves, and what never does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount, ObservedVolume
from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import (
    ONE_TASK_DELAY,
    UPDATE_LABEL,
    limit_update,
    restore_update,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
    SpreadRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    SPREAD,
    AddRelocation,
    Move,
    Relocation,
    SetMove,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import (
    plan_rebalance,
    preview_spread,
)
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.rebalance_case import flatten, the_step

NOW = 1_700_000_000.0
RULES = RebalanceRules(spread=SpreadRules())
LONG_AGO = NOW - 86400


def replicas(name: str, *places: str, **fields: Any) -> tuple[Any, ...]:
    """A service, and one task on each of the places."""
    tasks = (task(name, place, slot=slot, created=LONG_AGO) for slot, place in enumerate(places, start=1))
    return (service(name, replicas=len(places), **fields), *tasks)


def swarm(*parts: Any, nodes: str = "abc") -> SwarmSnapshot:
    return snapshot(*(node(name) for name in nodes), *parts)


def plan(
    seen: SwarmSnapshot,
    rules: RebalanceRules = RULES,
    state: State | None = None,
    memory: Memory | None = None,
    config: DesiredState | None = None,
) -> Plan:
    groups = resolve_anchor_groups(seen, config or desired())
    return plan_rebalance(seen, groups, memory or Memory(), rules, state or State(), NOW)


def refusals(found: Plan) -> set[str]:
    """The codes of all reasons why nothing moves."""
    assert not found.steps
    return set(codes(flatten(found.notes)))


def test_plan_moves_one_of_two_replicas_that_share_a_node() -> None:
    step = the_step(plan(swarm(*replicas("web", "a", "a", "b"))))
    assert step.purpose == Reason("move_task_to_spread", service="web", source="a", target="c")
    assert step.add == ("node.id!=id-a",)
    assert step.one_task
    assert codes(step.why) == ["replicas_uneven", "others_stay"]
    (edit,) = step.intent_edits
    assert edit == SetMove("id-web", Move("", ("id-c",), NOW, kind=SPREAD, source="id-a", stays=1))


def test_plan_moves_nothing_if_replicas_are_spread() -> None:
    found = plan(swarm(*replicas("web", "a", "b", "c", "a")))
    assert found.is_empty


def test_plan_moves_nothing_without_the_section() -> None:
    assert not plan(swarm(*replicas("web", "a", "a")), RebalanceRules()).steps


def test_plan_moves_a_service_if_a_node_runs_two_tasks_more() -> None:
    parts = (*replicas("one", "a"), *replicas("two", "a"))
    step = the_step(plan(swarm(*parts, nodes="ab")))
    assert step.add == ("node.id==id-b",)
    assert not step.one_task
    assert codes(step.why) == ["tasks_uneven"]


def test_plan_ignores_the_number_of_tasks_without_even_tasks() -> None:
    rules = RebalanceRules(spread=SpreadRules(even_tasks=False))
    assert not plan(swarm(*replicas("one", "a"), *replicas("two", "a")), rules).steps


def test_plan_prefers_services_that_start_the_new_copy_first() -> None:
    parts = (*replicas("one", "a"), *replicas("two", "a", update_order="start-first"))
    assert the_step(plan(swarm(*parts, nodes="ab"))).name == "two"


def test_plan_moves_a_replica_that_does_not_share_a_node_without_limiting_the_update() -> None:
    parts = (*replicas("web", "a", "b"), *replicas("db", "a", mounts=(Mount("volume", "data", "/d"),)))
    step = the_step(plan(swarm(*parts)))
    assert (step.name, step.one_task, step.add) == ("web", False, ("node.id!=id-a",))


@pytest.mark.parametrize("is_own_preference", [True, False])
def test_plan_spreads_over_the_values_of_a_label(*, is_own_preference: bool) -> None:
    label = "node.labels.zone"
    fields = {"preferences": (label,)} if is_own_preference else {}
    zones = {"a": "x", "b": "x", "c": "y"}
    nodes = [node(name, labels={"zone": zone}) for name, zone in zones.items()]
    seen = snapshot(*nodes, *replicas("web", "a", "b", **fields))
    rules = RebalanceRules(spread=SpreadRules(topology="" if is_own_preference else label, even_tasks=False))
    step = the_step(plan(seen, rules))
    assert step.purpose.params["target"] == "c"
    assert codes(step.why)[0] == "topology_uneven"
    assert not plan(seen, RebalanceRules(spread=SpreadRules(even_tasks=False))).steps or is_own_preference


def test_plan_excludes_emptier_nodes_that_swarm_would_choose() -> None:
    nodes = [
        node("a", labels={"zone": "x"}),
        node("b", labels={"zone": "x"}),
        node("c", labels={"zone": "x"}),
    ]
    target = node("d", labels={"zone": "y"})
    seen = snapshot(*nodes, target, *replicas("web", "a", "b"), *replicas("other", "d"))
    rules = RebalanceRules(spread=SpreadRules(topology="node.labels.zone", even_tasks=False))
    step = the_step(plan(seen, rules))
    assert step.add == ("node.id!=id-a", "node.id!=id-c")
    assert "nodes_excluded" in codes(step.why)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"labels": {"orchestration.spread": "false"}}, "rebalance_label_false"),
        ({"labels": {"orchestration.rebalance": "false"}}, "rebalance_label_false"),
        ({"labels": {"orchestration.preferred.node": "a"}}, "preferred_node_decides"),
        ({"update_state": "updating"}, "service_in_update"),
        ({"restart_condition": "none"}, "service_runs_once"),
        ({"mounts": (Mount("volume", "data", "/data"),)}, "spread_leaves_data"),
        (
            {
                "mounts": (Mount("volume", "data", "/data"),),
                "labels": {"orchestration.rebalance": "true"},
            },
            "spread_leaves_data",
        ),
        ({"constraints": ("node.hostname==a",)}, None),
        ({"platforms": (("windows", "amd64"),)}, None),
    ],
)
def test_plan_never_moves(fields: dict[str, Any], code: str | None) -> None:
    found = plan(swarm(*replicas("web", "a", "a", **fields)))
    assert not found.steps
    assert code is None or code in refusals(found)


def test_plan_never_moves_global_services() -> None:
    tasks = (task("agent", "a", slot=None), task("agent", "a", slot=None))
    assert not plan(swarm(service("agent", mode="global", replicas=None), *tasks)).steps


def test_plan_respects_reservations() -> None:
    nodes = (node("a", memory_bytes=8 * GB), node("b", memory_bytes=GB))
    seen = snapshot(*nodes, *replicas("web", "a", "a", reserved_memory_bytes=2 * GB))
    assert "memory_reserved" in refusals(plan(seen))


def test_plan_respects_host_ports() -> None:
    other = replicas("other", "b", host_ports=((80, "tcp"),), labels={"orchestration.spread": "false"})
    web = replicas("web", "a", "a", host_ports=((80, "tcp"),))
    assert "port_taken" in refusals(plan(swarm(*web, *other, nodes="ab")))


def test_plan_leaves_followers_with_their_anchor() -> None:
    stack = {"labels": {"com.docker.stack.namespace": "shop"}}
    parts = (*replicas("shop_db", "a", **stack), *replicas("shop_web", "a", "a", **stack))
    rules = RebalanceRules(spread=SpreadRules(even_tasks=False))
    config = desired(anchors={"db": ("web",)})
    assert "moves_with_anchor" in refusals(plan(swarm(*parts), rules, config=config))


def test_plan_waits_until_the_node_has_settled() -> None:
    nodes = (node("a"), node("b", updated=NOW - 60))
    assert "node_not_settled" in refusals(plan(snapshot(*nodes, *replicas("web", "a", "a"))))
    nodes = (node("a"), node("b", updated=NOW - 120))
    assert plan(snapshot(*nodes, *replicas("web", "a", "a"))).steps


@pytest.mark.parametrize("fields", [{"state": "down"}, {"availability": "drain"}, {"availability": "pause"}])
def test_plan_never_moves_to_an_unusable_node(fields: dict[str, Any]) -> None:
    assert not plan(snapshot(node("a"), node("b", **fields), *replicas("web", "a", "a"))).steps


def test_plan_respects_the_cooldown() -> None:
    made = Relocation("id-b", "id-a", NOW - 60, 0)
    state = State(relocations={"id-web": (made,)})
    assert "cooling_down" in refusals(plan(swarm(*replicas("web", "a", "a")), state=state))


def test_plan_never_undoes_a_move() -> None:
    """Neither a move for memory nor one to spread, if no one else has moved the service since."""
    made = Relocation("id-b", "id-a", NOW - 6 * 3600, 0)
    parts = (*replicas("web", "a"), *replicas("db", "a", labels={"orchestration.spread": "false"}))
    state = State(relocations={"id-web": (made,)})
    assert "moved_off_recently" in refusals(plan(swarm(*parts, nodes="ab"), state=state))


def test_plan_brings_a_replica_back_after_the_loss_of_a_node() -> None:
    """It moved from a to b; then a failed and Swarm started its replica on b, too; now a is back."""
    state = State(relocations={"id-web": (Relocation("id-a", "id-b", LONG_AGO, 0),)})
    web = service("web", replicas=2)
    tasks = (task("web", "b", slot=1, created=LONG_AGO - 9), task("web", "b", slot=2, created=NOW - 3600))
    step = the_step(plan(swarm(web, *tasks, nodes="ab"), state=state))
    assert step.purpose.params["target"] == "a"


def test_plan_counts_moves_under_way() -> None:
    move = Move("", ("id-b",), NOW - 5, kind=SPREAD, source="id-a")
    state = State(moves={"id-other": move})
    other = service("other", **ours("node.id==id-b"), update_state="updating")
    parts = (*replicas("web", "a", "a"), other, task("other", "a"))
    assert not plan(swarm(*parts), state=state).steps


def test_plan_moves_several_services_at_once_if_allowed() -> None:
    rules = RebalanceRules(spread=SpreadRules(), max_moves_per_cycle=5)
    parts = (*replicas("one", "a", "a"), *replicas("two", "a", "a"), *replicas("web", "a", "a"))
    found = plan(swarm(*parts, nodes="ab"), rules)
    assert len(found.steps) == 3


@pytest.mark.parametrize(("used", "code"), [(15, "target_short_of_memory"), (11, "memory_gap_would_open")])
def test_plan_leaves_nodes_that_lack_memory(used: int, code: str) -> None:
    nodes = {"id-a": NodeMemory("a", 16 * GB, 6 * GB), "id-b": NodeMemory("b", 16 * GB, (16 - used) * GB)}
    memory = Memory(nodes=nodes, services={"id-web": GB // 2})
    rules = replace(RULES, default=ServiceRules(memory_difference_bytes=2 * GB), sustained_seconds=3600)
    assert code in refusals(plan(swarm(*replicas("web", "a", "a"), nodes="ab"), rules, memory=memory))


def test_plan_leaves_unmeasured_nodes() -> None:
    memory = Memory(nodes={"id-a": NodeMemory("a", 16 * GB, 8 * GB)}, services={"id-web": GB})
    assert "node_unmeasured" in refusals(plan(swarm(*replicas("web", "a", "a"), nodes="ab"), memory=memory))


def test_balancing_does_not_put_replicas_on_one_node() -> None:
    """Memory alone would move the replica on a to b, where one runs already."""
    nodes = {"id-a": NodeMemory("a", 16 * GB, GB), "id-b": NodeMemory("b", 16 * GB, 14 * GB)}
    memory = Memory(nodes=nodes, services={"id-web": 4 * GB})
    parts = replicas("web", "a", "b")
    alone = plan(swarm(*parts, nodes="ab"), replace(RULES, sustained_seconds=0, spread=None), memory=memory)
    assert [step.target for step in alone.steps] == ["service web"]
    both = plan(swarm(*parts, nodes="ab"), replace(RULES, sustained_seconds=0), memory=memory)
    assert "would_uneven_replicas" in refusals(both)


# the end of a move of one task


def moving(*places: str, **fields: Any) -> SwarmSnapshot:
    web = service("web", replicas=len(places), update_state="updating", **ours("node.id!=id-a"), **fields)
    return swarm(web, *(task("web", place, slot=slot) for slot, place in enumerate(places, start=1)))


STATE = State(moves={"id-web": Move("", ("id-c",), NOW - 5, kind=SPREAD, source="id-a", stays=1)})


def test_move_of_one_task_ends_while_swarm_still_updates() -> None:
    step = the_step(plan(moving("a", "c", "b"), state=STATE))
    assert step.remove == ("node.id!=id-a",)
    assert (step.while_updating, step.one_task) == (True, False)
    assert step.commit_edits == (
        SetMove("id-web", None),
        AddRelocation("id-web", Relocation("id-a", "id-c", NOW, 0)),
    )


def test_move_of_one_task_goes_on_while_the_task_has_not_left() -> None:
    found = plan(moving("a", "a", "b"), state=STATE)
    assert not found.steps
    assert codes(found.notes)[0] == "move_under_way"


def test_move_of_one_task_fails_without_going_back() -> None:
    old = replace(STATE.moves["id-web"], since=NOW - 700)
    step = the_step(plan(moving("a", "a", "b"), state=State(moves={"id-web": old})))
    assert (step.remove, step.add) == (("node.id!=id-a",), ())
    after = apply_edits(State(moves={"id-web": old}), step.commit_edits)
    assert not after.moves
    assert after.relocations["id-web"][0].failed is not None


# the hint


def test_preview_names_the_move_that_spreading_would_make() -> None:
    seen = swarm(*replicas("web", "a", "a"))
    (hint,) = preview_spread(seen, (), Memory(), RebalanceRules(), State(), NOW)
    assert hint.code == "spread_would_move"
    assert hint.params["move"].code == "move_task_to_spread"
    assert preview_spread(seen, (), Memory(), RULES, State(), NOW) == ()


# the update settings


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"Parallelism": 2, "Order": "start-first", "MaxFailureRatio": 0.1},
        {"Parallelism": 0, "Delay": 5, "FailureAction": "rollback", "Monitor": 7},
    ],
)
def test_update_settings_are_restored(config: dict[str, Any] | None) -> None:
    spec: dict[str, Any] = {"Labels": {"mine": "1"}}
    if config is not None:
        spec["UpdateConfig"] = config
    before = json.loads(json.dumps(spec))
    limit_update(spec, "id-web")
    assert spec["UpdateConfig"]["Delay"] == ONE_TASK_DELAY
    assert spec["UpdateConfig"]["Parallelism"] == 1
    # what the engine adds
    spec["UpdateConfig"] = {
        "FailureAction": "pause",
        "MaxFailureRatio": 0,
        "Order": "stop-first",
        **spec["UpdateConfig"],
    }
    restore_update(spec, "id-web")
    added = {} if config is None else {"FailureAction": "pause", "MaxFailureRatio": 0, "Order": "stop-first"}
    assert spec.get("UpdateConfig") == (None if config is None else {**added, **config})
    assert spec["Labels"] == before["Labels"]


def test_update_settings_that_the_user_has_changed_are_kept() -> None:
    spec: dict[str, Any] = {}
    limit_update(spec, "id-web")
    spec["UpdateConfig"] = {"Parallelism": 3, "Delay": 0}
    restore_update(spec, "id-web")
    assert spec["UpdateConfig"] == {"Parallelism": 3, "Delay": 0}
    assert UPDATE_LABEL not in spec["Labels"]


def test_update_settings_of_a_copied_spec_are_kept() -> None:
    spec: dict[str, Any] = {}
    limit_update(spec, "id-other")
    copied = json.loads(json.dumps(spec))
    restore_update(copied, "id-web")
    assert copied == spec


NFS = ObservedVolume("local", {"type": "nfs", "o": "addr=nas", "device": ":/media"}, "aa")
EXTERNAL = Mount("volume", "media", "/m")


def test_plan_moves_a_service_to_a_node_with_the_same_external_volume() -> None:
    seen = swarm(
        *replicas("one", "a", mounts=(EXTERNAL,)), *replicas("two", "a", mounts=(EXTERNAL,)), nodes="ab"
    )
    volumes = {"id-a": {"media": NFS}, "id-b": {"media": NFS}}
    assert the_step(plan(seen, memory=Memory(volumes=volumes))).add == ("node.id==id-b",)


@pytest.mark.parametrize(
    ("volumes", "code"),
    [
        ({"id-a": {"media": NFS}}, "volume_not_on_node"),
        ({"id-a": {"media": NFS}, "id-b": {"media": ObservedVolume("rclone")}}, "volume_not_on_node"),
        ({"id-b": {"media": NFS}}, "spread_leaves_data"),
        ({}, "spread_leaves_data"),
    ],
)
def test_plan_keeps_a_service_off_nodes_without_its_external_volume(volumes: Any, code: str) -> None:
    seen = swarm(
        *replicas("one", "a", mounts=(EXTERNAL,)), *replicas("two", "a", mounts=(EXTERNAL,)), nodes="ab"
    )
    assert code in refusals(plan(seen, memory=Memory(volumes=volumes)))


def test_plan_says_once_that_no_memory_is_measured() -> None:
    assert codes(plan(swarm(*replicas("web", "a", "b", "c"))).notes) == ["spread_without_memory"]
    assert "node_left_out" in codes(plan(swarm(*replicas("web", "a")), RebalanceRules()).notes)


def test_plan_moves_nothing_while_the_best_target_settles() -> None:
    """A move between the other nodes would be wasted: the new node receives these tasks soon."""
    nodes = (node("a"), node("b"), node("new", updated=NOW - 30))
    parts = [part for name in ("one", "two", "three", "four") for part in replicas(name, "a")]
    seen = snapshot(*nodes, *parts, *replicas("five", "b"))
    assert "node_not_settled" in refusals(plan(seen))
    settled = snapshot(*nodes[:2], node("new", updated=NOW - 300), *parts, *replicas("five", "b"))
    assert the_step(plan(settled)).add == ("node.id==id-new",)


def test_plan_does_not_wait_for_a_node_to_which_nothing_can_move() -> None:
    parts = [
        part for name in ("one", "two") for part in replicas(name, "a", constraints=("node.hostname!=new",))
    ]
    seen = snapshot(node("a"), node("b"), node("new", updated=NOW - 30), *parts)
    assert the_step(plan(seen)).add == ("node.id==id-b",)

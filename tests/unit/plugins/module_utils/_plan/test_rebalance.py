# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    REBALANCE,
    Attempts,
    Move,
    Relocation,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.explanation import (
    CHOSEN,
    REJECTED,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.rebalance_case import LONG_AGO, NOW, Case, samples, the_step


def test_lasting_gap_moves_a_unit_off_the_fuller_node() -> None:
    step = the_step(Case().plan())

    assert step.summary == "move big from alpha to beta"
    assert step.add == ("node.id==id-beta",)
    assert step.why == (
        Reason(
            "memory_gap",
            source="alpha",
            source_share=0.75,
            target="beta",
            target_share=0.06,
            gap=11 * GB,
            seconds=3600.0,
        ),
        Reason(
            "memory_predicted",
            memory=6 * GB,
            source="alpha",
            source_share=0.38,
            target="beta",
            target_share=0.44,
        ),
    )
    move = apply_edits(State(), step.intent_edits).moves["id-big"]
    assert (move.kind, move.source, move.nodes, move.memory_bytes) == (
        REBALANCE,
        "id-alpha",
        ("id-beta",),
        6 * GB,
    )


LOCAL = Mount("volume", "data", "/data")


def moved(*relocations: Relocation, alpha: float = 12) -> Case:
    """``big`` after these moves. ``alpha``: GB in use on its host."""
    state = State(pressure={"alpha": LONG_AGO}, relocations={"id-big": relocations})
    return Case(nodes=samples(alpha=alpha, beta=1), state=state)


def hop(source: str, target: str, ago: float, failed: str | None = None) -> Relocation:
    return Relocation(f"id-{source}", f"id-{target}", NOW - ago, GB, failed)


DAY = 86400
FULL = 15  # of 16 GB
OFTEN = (hop("w", "x", 3 * DAY), hop("x", "y", 2 * DAY), hop("y", "z", DAY))

FORBIDDEN: dict[str, tuple[Case, Reason | str]] = {
    "label": (
        Case(service={"labels": {"orchestration.rebalance": "false"}}),
        Reason("rebalance_label_false", label="orchestration.rebalance"),
    ),
    "local volume": (
        Case(service={"mounts": (LOCAL,)}),
        Reason("volume_stays", volume="data", label="orchestration.rebalance"),
    ),
    "host path": (
        Case(service={"mounts": (Mount("bind", "/srv", "/x"),)}),
        Reason("host_path_stays", path="/srv", label="orchestration.rebalance"),
    ),
    "updating": (Case(service={"update_state": "updating"}), Reason("service_in_update", state="updating")),
    "paused": (Case(service={"update_state": "paused"}), Reason("service_in_update", state="paused")),
    "constraint": (Case(service={"constraints": ("node.hostname == alpha",)}), "node.hostname == alpha"),
    "platform": (Case(service={"platforms": (("linux", "arm64"),)}), "linux/arm64"),
    "reservation": (Case(service={"reserved_memory_bytes": 9 * GB}, beta={"memory_bytes": 8 * GB}), "9"),
    "port": (
        Case(
            service={"host_ports": ((80, "tcp"),)},
            parts=(service("web", host_ports=((80, "tcp"),)), task("web", "beta")),
        ),
        "80/tcp",
    ),
    "drained target": (Case(beta={"availability": "drain"}), Reason("no_other_host")),
    "paused target": (Case(beta={"availability": "pause"}), Reason("no_other_host")),
    "target is down": (Case(beta={"state": "down"}), Reason("no_other_host")),
    "paused source": (
        Case(alpha={"availability": "pause"}),
        Reason("node_availability_unusable", availability="pause"),
    ),
    "no sample of the target": (Case(nodes=samples(alpha=12)), Reason("no_other_host")),
    "no sample of the source": (Case(nodes=samples(beta=1)), Reason("node_unmeasured")),
    "unknown memory": (Case(memory={}), Reason("memory_use_unknown")),
    "small gap": (
        Case(nodes=samples(alpha=12, beta=10.5)),
        Reason("gap_too_small", gap=1.5 * GB, needed=2 * GB),
    ),
    "no gain": (Case(nodes=samples(alpha=12, beta=6.3)), Reason("gap_would_reverse", memory=6 * GB)),
    "small gain": (
        Case(memory={"id-big": GB // 4}),
        Reason("gain_too_small", memory=GB // 4, gain=GB / 2, needed=GB),
    ),
    "tiny gain": (
        Case(memory={"id-big": GB // 64}),
        Reason("gain_too_small", memory=GB // 64, gain=GB / 32, needed=GB),
    ),
    "not for long": (Case(state=State(pressure={"alpha": NOW - 500})), Reason("gap_too_recent")),
    "already moving": (
        Case(state=State(pressure={"alpha": LONG_AGO}, moves={"id-big": Move("x", (), NOW)})),
        Reason("service_in_move"),
    ),
    "being mended": (
        Case(state=State(pressure={"alpha": LONG_AGO}, attempts={"id-big": Attempts(1, NOW, NOW, "failed")})),
        Reason("service_in_retry"),
    ),
    "not all run": (
        Case(service={"replicas": 2}, parts=(task("big", None, slot=2, state="pending"),)),
        Reason("not_all_tasks_running"),
    ),
    "cooldown": (
        moved(hop("gamma", "alpha", 100)),
        Reason("cooling_down", ago=100.0, left=800.0),
    ),
    "longer cooldown": (
        moved(*OFTEN, hop("z", "alpha", 1200)),
        Reason("cooling_down", ago=1200.0, left=13200.0),
    ),
    "cooldown, memory is short": (
        moved(*OFTEN, hop("z", "alpha", 600), alpha=FULL),
        Reason("cooling_down", ago=600.0, left=300.0),
    ),
    "return": (
        moved(hop("beta", "alpha", DAY)),
        Reason("moved_off_recently", ago=86400.0),
    ),
    "straight back, though it came here by itself": (
        moved(hop("beta", "alpha", DAY), hop("alpha", "gamma", DAY / 2)),
        Reason("moved_off_recently", ago=86400.0),
    ),
    "return within a day, memory is short": (
        moved(hop("beta", "gamma", DAY - 400), hop("gamma", "alpha", DAY / 2), alpha=FULL),
        Reason("moved_off_recently", ago=86000.0),
    ),
    "straight back, memory is short": (
        moved(hop("beta", "alpha", 2 * DAY), alpha=FULL),
        Reason("moved_off_recently", ago=172800.0),
    ),
    "return by way of another, memory is not short": (
        moved(hop("beta", "gamma", 2 * DAY), hop("gamma", "alpha", DAY / 2)),
        Reason("moved_off_recently", ago=172800.0),
    ),
    "failed there": (
        moved(hop("alpha", "beta", 7200, "no room")),
        Reason("move_there_failed", ago=7200.0, error="no room"),
    ),
    "follower": (
        Case(
            service={"name": "shop_big"},
            parts=(service("shop_db"), task("shop_db", "alpha")),
            desired=desired(anchors={"db": ("big",)}),
        ),
        Reason("moves_with_anchor", anchors=["shop_db"]),
    ),
    "one physical host": (
        Case(
            nodes={
                "id-alpha": NodeMemory("metal", 16 * GB, 4 * GB),
                "id-beta": NodeMemory("metal", 16 * GB, 4 * GB),
            },
            state=State(pressure={"metal": LONG_AGO}),
        ),
        Reason("no_other_host"),
    ),
    "preferred here": (
        Case(service={"labels": {"orchestration.preferred.node": "alpha"}}),
        Reason("on_preferred_node", node="alpha"),
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_unit_stays_with_a_reason(name: str) -> None:
    case, expected = FORBIDDEN[name]
    title = case.service.get("name", "big")

    verdict, found = case.verdict(title)

    assert [
        step.summary for step in case.plan().steps if "move" in step.summary and title in step.summary
    ] == []
    assert verdict == REJECTED
    # for reasons of the scheduler, only the fact is compared
    assert expected in (found if isinstance(expected, Reason) else str(case.candidate(title)))


ALLOWED = {
    "volume of another driver": Case(service={"mounts": (Mount("volume", "d", "/d", driver="nfs"),)}),
    "volume, named": Case(
        service={"mounts": (LOCAL,)},
        rules=RebalanceRules(services={"big": ServiceRules(may_leave_data=True)}),
    ),
    "volume, by label": Case(service={"mounts": (LOCAL,), "labels": {"orchestration.rebalance": "true"}}),
    "broken constraint": Case(service={"constraints": ("this is none",)}),
    "memory by reservation": Case(
        service={"reserved_memory_bytes": 5 * GB}, memory={}, beta={"memory_bytes": 8 * GB}
    ),
    "moved often, but memory is short": moved(*OFTEN, hop("z", "alpha", 1200), alpha=FULL),
    "old move": moved(hop("beta", "alpha", 8 * DAY)),
    "return after a day, memory is short": moved(
        hop("beta", "gamma", 2 * DAY), hop("gamma", "alpha", DAY / 2), alpha=FULL
    ),
    "moved again by a user since": moved(hop("beta", "gamma", DAY)),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed_unit_moves(name: str) -> None:
    assert the_step(ALLOWED[name].plan()).add == ("node.id==id-beta",)
    assert ALLOWED[name].verdict() == (CHOSEN, [Reason("chosen_to_move", node="beta")])


def test_gap_is_saved_with_hysteresis() -> None:
    case = Case(state=State())
    first = apply_edits(State(), case.plan().remember)
    smaller = replace(case, nodes=samples(alpha=12, beta=10.5), state=first).plan(NOW + 60)
    over = replace(case, nodes=samples(alpha=12, beta=11.5), state=first).plan(NOW + 60)

    assert first.pressure == {"alpha": NOW}
    assert smaller.remember == ()
    assert apply_edits(first, over.remember).pressure == {}


def test_node_that_waits_for_memory_is_a_source_and_no_target() -> None:
    even = samples(alpha=6.5, beta=6.5)
    assert not Case(nodes=even, state=State()).plan().steps
    waiting = {**even, "id-alpha": replace(even["id-alpha"], is_strained=True)}
    assert the_step(Case(nodes=waiting).plan()).service_id == "id-big"
    both = {name: replace(sample, is_strained=True) for name, sample in even.items()}
    assert not Case(nodes=both).plan().steps


def test_equal_pressure_on_different_sizes_is_no_gap() -> None:
    case = Case(
        nodes={
            "id-alpha": NodeMemory("alpha", 64 * GB, 32 * GB),
            "id-beta": NodeMemory("beta", 8 * GB, 4 * GB),
        },
        state=State(),
    )

    assert case.plan() == Plan()


def test_replica_moves_by_excluding_its_node() -> None:
    seen = snapshot(
        *(node(name) for name in ("alpha", "beta", "gamma", "delta")),
        service("web", replicas=3),
        service("other"),
        *(task("web", name, slot=slot) for slot, name in enumerate(("alpha", "beta", "gamma"), 1)),
        task("other", "beta"),
    )
    measured = Memory(nodes=samples(alpha=14, beta=8, gamma=8, delta=1), services={"id-web": 5 * GB})
    state = State(pressure={"alpha": LONG_AGO})

    step = the_step(plan_rebalance(seen, (), measured, RebalanceRules(), state, NOW))

    assert step.summary == "move web from alpha to delta"
    assert step.add == ("node.id!=id-alpha",)


def test_nodes_that_swarm_prefers_are_excluded() -> None:
    seen = snapshot(
        *(node(name) for name in ("alpha", "beta", "gamma", "delta")),
        service("web", replicas=2),
        service("other"),
        task("web", "alpha", slot=1),
        task("web", "beta", slot=2),
        task("other", "delta"),
    )
    measured = Memory(nodes=samples(alpha=14, beta=8, gamma=13, delta=1), services={"id-web": 5 * GB})
    state = State(pressure={"alpha": LONG_AGO})

    step = the_step(plan_rebalance(seen, (), measured, RebalanceRules(), state, NOW))

    assert step.summary == "move web from alpha to delta"
    assert step.add == ("node.id!=id-alpha", "node.id!=id-gamma")
    assert step.why[-1] == Reason("nodes_excluded", count=1, node="delta")


def group(**fields: Any) -> Case:
    """big is an anchor with two followers, one of which has a follower of its own."""
    names = ("app", "cache", "proxy")
    services = {name: service(f"shop_{name}", **fields.get(name, {})) for name in names}
    return Case(
        service={"name": "shop_big"},
        parts=(*services.values(), *(task(f"shop_{name}", "alpha") for name in names)),
        memory={"id-big": GB, **{f"id-shop_{name}": GB for name in names}},
        desired=desired(anchors={"big": ("app", "cache"), "app": ("proxy",)}),
    )


def test_group_moves_by_its_anchor() -> None:
    step = the_step(group().plan())

    assert step.summary == "move shop_big with shop_app, shop_cache, shop_proxy from alpha to beta"
    assert (step.name, step.add) == ("shop_big", ("node.id==id-beta",))
    assert apply_edits(State(), step.intent_edits).moves["id-big"].memory_bytes == 4 * GB


@pytest.mark.parametrize(
    ("fields", "member", "reason"),
    [
        ({"app": {"mounts": (LOCAL,)}}, "app", "volume_stays"),
        ({"proxy": {"labels": {"orchestration.rebalance": "false"}}}, "proxy", "rebalance_label_false"),
        ({"cache": {"constraints": ("node.hostname != beta",)}}, "cache", None),
        ({"cache": {"update_state": "updating"}}, "cache", "service_in_update"),
        ({"app": {"reserved_nano_cpus": 2}, "proxy": {"reserved_nano_cpus": 2}}, "proxy", None),
    ],
)
def test_reason_against_a_member_blocks_the_group(
    fields: dict[str, Any], member: str, reason: str | None
) -> None:
    case = group(**fields)
    case.beta = {"nano_cpus": 3}

    verdict, found = case.verdict("shop_big with shop_app, shop_cache, shop_proxy")

    assert verdict == REJECTED
    followers = [one.params for one in found if one.code == "follower_not_movable"]
    assert f"shop_{member}" in [params["follower"] for params in followers]
    assert reason is None or reason in codes(found)
    assert case.plan().steps == ()


def test_anchor_label_is_no_obstacle_for_its_group() -> None:
    case = group(app={"constraints": ("node.labels.big == true",)})

    assert the_step(case.plan()).name == "shop_big"


def test_task_moves_to_its_preferred_node_without_waiting() -> None:
    case = Case(
        service={"labels": {"orchestration.preferred.node": "beta"}},
        nodes=samples(alpha=7, beta=1),
        state=State(),
    )

    step = the_step(case.plan())

    assert step.add == ("node.id==id-beta",)
    assert step.why[0] == Reason("not_on_preferred_node", preferred="beta", current="alpha")


def test_preferred_node_is_refused_above_the_highest_pressure() -> None:
    case = Case(
        service={"labels": {"orchestration.preferred.node": "id-beta"}},
        nodes=samples(alpha=7, beta=2),
        state=State(),
    )

    assert case.plan().steps == ()
    assert case.candidate().reasons[-1] == Reason(
        "preferred_node_refused", node="beta", reason=Reason("would_be_worst_pressure")
    )


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case(beta={"state": "down"}), Reason("node_state_unusable", state="down")),
        (Case(beta={"availability": "drain"}), Reason("node_availability_unusable", availability="drain")),
        (Case(nodes=samples(alpha=7)), Reason("node_unmeasured")),
        (Case(nodes=samples(beta=7)), Reason("node_unmeasured")),
        (Case(alpha={"availability": "pause"}), Reason("node_availability_unusable", availability="pause")),
        (
            Case(service={"replicas": 2}, parts=(task("big", "beta", slot=2),)),
            Reason("preferred_node_has_task"),
        ),
    ],
    ids=["down", "drained", "no sample there", "no sample here", "paused here", "has one"],
)
def test_refused_preferred_node_has_a_reason(case: Case, reason: Reason) -> None:
    case.service = {**case.service, "labels": {"orchestration.preferred.node": "beta"}}
    case.state = State()

    assert [step for step in case.plan().steps if step.add == ("node.id==id-beta",)] == []
    assert case.candidate().reasons[-1] == Reason("preferred_node_refused", node="beta", reason=reason)


def test_reasons_never_contain_none() -> None:
    """Each reason renders: a parameter of None would be refused."""
    for case, _expected in FORBIDDEN.values():
        assert "None" not in str(case.candidate(case.service.get("name", "big")))
        for message in (*case.plan().notes, *case.plan().warnings):
            assert "None" not in str(message)


def test_unknown_names_are_reported() -> None:
    case = Case(
        service={"labels": {"orchestration.preferred.node": "nowhere"}},
        rules=RebalanceRules(services={"ghost": ServiceRules()}),
    )

    assert case.plan().warnings == (
        Reason("rebalance_service_unknown", name="ghost", reason=case.plan().warnings[0].params["reason"]),
        Reason(
            "preferred_node_unknown",
            service="big",
            label="orchestration.preferred.node",
            node="nowhere",
        ),
    )
    case.service = {"labels": {"orchestration.preferred.node": "betas"}}
    assert case.plan().warnings[1].params["hint"] == "beta"


def test_moves_are_limited_per_cycle_and_host() -> None:
    names = ("alpha", "beta", "gamma", "delta")
    seen = snapshot(
        *(node(name) for name in names),
        *(service(f"s{n}") for n in range(8)),
        *(task(f"s{n}", names[n % 2]) for n in range(8)),
    )
    measured = Memory(
        nodes=samples(alpha=13, beta=13, gamma=1, delta=1), services={f"id-s{n}": 2 * GB for n in range(8)}
    )
    state = State(pressure={"alpha": LONG_AGO, "beta": LONG_AGO})

    def moves(most: int) -> list[str]:
        rules = RebalanceRules(max_moves_per_cycle=most)
        return [step.summary for step in plan_rebalance(seen, (), measured, rules, state, NOW).steps]

    assert len(moves(0)) == 0
    assert len(moves(1)) == 1
    assert len(moves(5)) == 2
    assert {what.split(" from ")[1].split(" ")[0] for what in moves(5)} == {"alpha", "beta"}


def test_move_under_way_counts_and_blocks_its_hosts() -> None:
    case = Case()
    case.state = replace(
        case.state,
        moves={"id-other": Move("", ("id-beta",), NOW, kind=REBALANCE, source="id-gamma")},
    )
    case.parts = (service("other", **ours("node.id==id-beta")), task("other", "gamma"))

    assert case.plan().steps == ()
    case.rules = RebalanceRules(max_moves_per_cycle=2)
    assert case.plan().steps == ()
    assert Reason("host_in_move") in case.verdict()[1]


def test_arrived_unit_keeps_its_earlier_memory() -> None:
    """A container that started a minute ago uses little memory so far, which does not make its node a
    target."""
    case = Case(
        nodes=samples(alpha=12, beta=2),
        parts=(service("new"), task("new", "beta")),
        memory={"id-big": 6 * GB, "id-new": GB // 2},
    )
    moved = {"id-new": (Relocation("id-alpha", "id-beta", NOW - 120, 9 * GB),)}
    case.state = replace(case.state, relocations=moved)

    assert case.plan().steps == ()
    assert the_step(case.plan(NOW + 3600)).name == "big"


def test_rejected_alternatives_have_reasons() -> None:
    case = Case(
        parts=(
            service("held", labels={"orchestration.rebalance": "false"}),
            task("held", "alpha"),
            service("small"),
            task("small", "alpha"),
        ),
        memory={"id-big": 6 * GB, "id-held": 4 * GB, "id-small": GB},
    )

    step = the_step(case.plan())

    assert step.why_not == (
        Reason(
            "unit_not_moved",
            unit="held",
            node="alpha",
            reasons=[Reason("rebalance_label_false", label="orchestration.rebalance")],
        ),
        Reason(
            "unit_not_moved",
            unit="small",
            node="alpha",
            reasons=[
                Reason(
                    "other_move_better",
                    source="alpha",
                    source_share=0.69,
                    target="beta",
                    target_share=0.12,
                )
            ],
        ),
    )


def test_balanced_swarm_has_an_empty_plan() -> None:
    assert Case(nodes=samples(alpha=6, beta=6), state=State()).plan() == Plan()


def test_old_moves_and_moves_of_removed_services_are_forgotten() -> None:
    old = Relocation("id-alpha", "id-beta", NOW - 8 * 86400, GB)
    new = Relocation("id-beta", "id-alpha", NOW - 3600, GB)
    case = Case(
        nodes=samples(alpha=6, beta=6),
        state=State(relocations={"id-big": (old, new), "id-gone": (new,)}),
    )

    assert apply_edits(case.state, case.plan().remember).relocations == {"id-big": (new,)}


def test_reversal_needs_a_wider_gap() -> None:
    """beta has given a unit away today: a reversal needs a gap of 40 % of a host, unless alpha is short."""
    given = {"id-other": (Relocation("id-beta", "id-gamma", NOW - 7200, GB),)}
    case = Case(nodes=samples(alpha=8, beta=2), memory={"id-big": 3 * GB})
    case.state = replace(case.state, relocations=given)
    case.parts = (service("other"),)
    short = replace(case, nodes=samples(alpha=14, beta=7))

    refused = Reason("gap_too_small", gap=6 * GB, needed=6.4 * GB)
    assert case.candidate().reasons == (Reason("target_refused", host="beta", reason=refused),)
    assert case.plan().steps == ()
    assert the_step(case.plan(NOW + 86400)).name == "big"
    assert the_step(short.plan()).name == "big"


@pytest.mark.parametrize(
    ("moves", "minutes_ago", "minutes_left"), [(2, 45, 15), (3, 60, 180), (4, 60, 180), (20, 239, 1)]
)
def test_cooldown_grows_with_each_move_up_to_a_limit(moves: int, minutes_ago: int, minutes_left: int) -> None:
    last = NOW - 60 * minutes_ago
    hops = [Relocation(f"id-{n}", f"id-{n + 1}", last - 3600 * (moves - n), GB) for n in range(moves - 1)]
    hops.append(Relocation(f"id-{moves - 1}", "id-alpha", last, GB))
    case = Case()
    case.state = replace(case.state, relocations={"id-big": tuple(hops)})

    expected = Reason("cooling_down", ago=60.0 * minutes_ago, left=60.0 * minutes_left)
    assert case.verdict() == (REJECTED, [expected])


def test_recent_gap_is_noted() -> None:
    (note,) = Case(state=State(pressure={"alpha": NOW - 500})).plan().notes

    assert note.code == "gap_must_last"
    assert (note.params["seconds"], note.params["needed"]) == (500.0, 600)


def test_gap_without_remedy_is_noted_with_reasons() -> None:
    plan = Case(service={"labels": {"orchestration.rebalance": "false"}}).plan()

    assert codes(plan.notes) == ["gap_without_remedy", "unit_not_moved"]
    assert codes(plan.notes[1].params["reasons"]) == ["rebalance_label_false"]


def test_unmeasured_node_is_noted() -> None:
    notes = Case(nodes=samples(alpha=12)).plan().notes

    assert notes[0] == Reason("node_left_out", node="beta", reason=Reason("node_unmeasured"))

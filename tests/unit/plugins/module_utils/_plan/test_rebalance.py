# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    REBALANCE,
    Attempts,
    Move,
    Relocation,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import (
    plan_rebalance,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.selection import CHOSEN, REJECTED
from tests.support.builders import desired, node, ours, service, snapshot, task
from tests.support.rebalance_case import LONG_AGO, NOW, Case, samples, the_step


def test_a_lasting_gap_moves_what_is_on_the_fuller_node() -> None:
    step = the_step(Case().plan())

    assert step.what == "move big from alpha to beta"
    assert step.add == ("node.id==id-beta",)
    assert "alpha has 75 % of its memory in use, beta 6 %" in step.why[0]
    assert "predicted 38 % on alpha, 44 % on beta" in step.why[1]
    move = apply_edits(State(), step.intent_edits).moves["id-big"]
    assert (move.kind, move.source, move.nodes, move.memory_bytes) == (
        REBALANCE,
        "id-alpha",
        ("id-beta",),
        6 * GB,
    )


LOCAL = Mount("volume", "data", "/data")


def moved(*relocations: Relocation, alpha: float = 12) -> Case:
    """``big`` has been moved like this. ``alpha``: GB in use on the host on which it is."""
    state = State(pressure={"alpha": LONG_AGO}, relocations={"id-big": relocations})
    return Case(nodes=samples(alpha=alpha, beta=1), state=state)


def hop(source: str, target: str, ago: float, failed: str | None = None) -> Relocation:
    return Relocation(f"id-{source}", f"id-{target}", NOW - ago, GB, failed)


DAY = 86400
FULL = 15  # of 16 GB
OFTEN = (hop("w", "x", 3 * DAY), hop("x", "y", 2 * DAY), hop("y", "z", DAY))

FORBIDDEN = {
    "label": (Case(service={"labels": {"orchestration.rebalance": "false"}}), "label orchestration.reb"),
    "local volume": (Case(service={"mounts": (LOCAL,)}), "volume data would stay behind"),
    "host path": (Case(service={"mounts": (Mount("bind", "/srv", "/x"),)}), "host path /srv would stay"),
    "updating": (Case(service={"update_state": "updating"}), "Swarm is updating it"),
    "paused": (Case(service={"update_state": "paused"}), "Swarm is updating it (paused)"),
    "constraint": (Case(service={"constraints": ("node.hostname == alpha",)}), "constraint node.hostname"),
    "platform": (Case(service={"platforms": (("linux", "arm64"),)}), "its image is for linux/arm64"),
    "reservation": (Case(service={"reserved_memory_bytes": 9}, beta={"memory_bytes": 8}), "it reserves"),
    "port": (
        Case(
            service={"host_ports": ((80, "tcp"),)},
            parts=(service("web", host_ports=((80, "tcp"),)), task("web", "beta")),
        ),
        "web has port 80/tcp",
    ),
    "drained target": (Case(beta={"availability": "drain"}), "there is no other host"),
    "paused target": (Case(beta={"availability": "pause"}), "there is no other host"),
    "target is down": (Case(beta={"state": "down"}), "there is no other host"),
    "paused source": (Case(alpha={"availability": "pause"}), "the node's availability is pause"),
    "no sample of the target": (Case(nodes=samples(alpha=12)), "there is no other host"),
    "no sample of the source": (Case(nodes=samples(beta=1)), "no fresh measurement"),
    "unknown memory": (Case(memory={}), "it is not known how much memory it uses"),
    "small gap": (Case(nodes=samples(alpha=12, beta=10.5)), "the gap is 1.5 GiB, less than 2.0 GiB"),
    "no gain": (Case(nodes=samples(alpha=12, beta=6.3)), "with its 6.0 GiB the gap would only change sides"),
    "small gain": (Case(memory={"id-big": GB // 4}), "the pair would be 0.5 GiB better, less than 1.0 GiB"),
    "tiny gain": (Case(memory={"id-big": GB // 64}), "the pair would be 32 MiB better, less than 1.0 GiB"),
    "not for long": (Case(state=State(pressure={"alpha": NOW - 500})), "not lasted for long enough"),
    "already moving": (
        Case(state=State(pressure={"alpha": LONG_AGO}, moves={"id-big": Move("x", (), NOW)})),
        "it is being moved",
    ),
    "being mended": (
        Case(state=State(pressure={"alpha": LONG_AGO}, attempts={"id-big": Attempts(1, NOW, NOW, "failed")})),
        "it is being mended",
    ),
    "not all run": (
        Case(service={"replicas": 2}, parts=(task("big", None, slot=2, state="pending"),)),
        "not all of its tasks run",
    ),
    "cooldown": (
        moved(hop("gamma", "alpha", 100)),
        "may be again in 13 min",
    ),
    "longer cooldown": (
        moved(*OFTEN, hop("z", "alpha", 1200)),
        "may be again in 220 min",
    ),
    "cooldown, memory is short": (
        moved(*OFTEN, hop("z", "alpha", 600), alpha=FULL),
        "may be again in 5 min",
    ),
    "return": (
        moved(hop("beta", "alpha", DAY)),
        "it was moved off that node 24.0 h ago",
    ),
    "straight back, though it came here by itself": (
        moved(hop("beta", "alpha", DAY), hop("alpha", "gamma", DAY / 2)),
        "it was moved off that node 24.0 h ago",
    ),
    "return within a day, memory is short": (
        moved(hop("beta", "gamma", DAY - 400), hop("gamma", "alpha", DAY / 2), alpha=FULL),
        "it was moved off that node 23.9 h ago",
    ),
    "straight back, memory is short": (
        moved(hop("beta", "alpha", 2 * DAY), alpha=FULL),
        "it was moved off that node 48.0 h ago",
    ),
    "return by way of another, memory is not short": (
        moved(hop("beta", "gamma", 2 * DAY), hop("gamma", "alpha", DAY / 2)),
        "it was moved off that node 48.0 h ago",
    ),
    "failed there": (
        moved(hop("alpha", "beta", 7200, "no room")),
        "a move there failed 2.0 h ago: no room",
    ),
    "follower": (
        Case(
            service={"name": "shop_big"},
            parts=(service("shop_db"), task("shop_db", "alpha")),
            desired=desired(anchors={"db": ("big",)}),
        ),
        "it follows shop_db and moves with it",
    ),
    "one physical host": (
        Case(
            nodes={
                "id-alpha": NodeMemory("metal", 16 * GB, 4 * GB),
                "id-beta": NodeMemory("metal", 16 * GB, 4 * GB),
            },
            state=State(pressure={"metal": LONG_AGO}),
        ),
        "there is no other host",
    ),
    "preferred here": (
        Case(service={"labels": {"orchestration.preferred.node": "alpha"}}),
        "alpha is its preferred node",
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_must_not_move_does_not_and_it_is_said_why(name: str) -> None:
    case, reason = FORBIDDEN[name]
    title = case.service.get("name", "big")

    verdict, found = case.verdict(title)

    assert [step.what for step in case.plan().steps if "move" in step.what and title in step.what] == []
    assert verdict == REJECTED
    assert reason in found


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
    "moved on by somebody else since": moved(hop("beta", "gamma", DAY)),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_may_move_moves(name: str) -> None:
    assert the_step(ALLOWED[name].plan()).add == ("node.id==id-beta",)
    assert ALLOWED[name].verdict() == (CHOSEN, "moves to beta")


def test_the_gap_is_remembered_and_has_some_give() -> None:
    case = Case(state=State())
    first = apply_edits(State(), case.plan().remember)
    smaller = replace(case, nodes=samples(alpha=12, beta=10.5), state=first).plan(NOW + 60)
    over = replace(case, nodes=samples(alpha=12, beta=11.5), state=first).plan(NOW + 60)

    assert first.pressure == {"alpha": NOW}
    assert smaller.remember == ()
    assert apply_edits(first, over.remember).pressure == {}


def test_hosts_of_two_sizes_with_equal_pressure_have_no_gap() -> None:
    case = Case(
        nodes={
            "id-alpha": NodeMemory("alpha", 64 * GB, 32 * GB),
            "id-beta": NodeMemory("beta", 8 * GB, 4 * GB),
        },
        state=State(),
    )

    assert case.plan() == Plan()


def test_of_several_replicas_one_is_moved_by_excluding_where_it_is() -> None:
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

    assert step.what == "move web from alpha to delta"
    assert step.add == ("node.id!=id-alpha",)


def test_nodes_that_swarm_would_rather_take_are_excluded_too() -> None:
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

    assert step.what == "move web from alpha to delta"
    assert step.add == ("node.id!=id-alpha", "node.id!=id-gamma")
    assert "1 more nodes are excluded" in step.why[-1]


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


def test_a_group_moves_as_a_unit_by_its_anchor() -> None:
    step = the_step(group().plan())

    assert step.what == "move shop_big with shop_app, shop_cache, shop_proxy from alpha to beta"
    assert (step.name, step.add) == ("shop_big", ("node.id==id-beta",))
    assert apply_edits(State(), step.intent_edits).moves["id-big"].memory_bytes == 4 * GB


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"app": {"mounts": (LOCAL,)}}, "shop_app, which follows it: its volume data"),
        ({"proxy": {"labels": {"orchestration.rebalance": "false"}}}, "shop_proxy, which follows it: its la"),
        ({"cache": {"constraints": ("node.hostname != beta",)}}, "shop_cache, which follows it: its cons"),
        ({"cache": {"update_state": "updating"}}, "shop_cache, which follows it: Swarm is updating it"),
        (
            {"app": {"reserved_nano_cpus": 2}, "proxy": {"reserved_nano_cpus": 2}},
            "it reserves 2e-09 CPUs, 1e-09 are unreserved",
        ),
    ],
)
def test_what_holds_a_member_holds_the_group(fields: dict[str, Any], reason: str) -> None:
    case = group(**fields)
    case.beta = {"nano_cpus": 3}

    verdict, found = case.verdict("shop_big with shop_app, shop_cache, shop_proxy")

    assert verdict == REJECTED
    assert reason in found
    assert case.plan().steps == ()


def test_a_label_of_the_group_is_no_obstacle() -> None:
    case = group(app={"constraints": ("node.labels.big == true",)})

    assert the_step(case.plan()).name == "shop_big"


def test_a_task_goes_to_its_preferred_node_without_waiting() -> None:
    case = Case(
        service={"labels": {"orchestration.preferred.node": "beta"}},
        nodes=samples(alpha=7, beta=1),
        state=State(),
    )

    step = the_step(case.plan())

    assert step.add == ("node.id==id-beta",)
    assert step.why[0] == "beta is its preferred node, and it runs on alpha"


def test_not_to_a_preferred_node_that_would_be_worse_than_the_worst() -> None:
    case = Case(
        service={"labels": {"orchestration.preferred.node": "id-beta"}},
        nodes=samples(alpha=7, beta=2),
        state=State(),
    )

    assert case.plan().steps == ()


def test_unknown_names_are_reported() -> None:
    case = Case(
        service={"labels": {"orchestration.preferred.node": "nowhere"}},
        rules=RebalanceRules(services={"ghost": ServiceRules()}),
    )

    assert case.plan().warnings == (
        "services.ghost: there is no service ghost in this swarm",
        "big: label orchestration.preferred.node: there is no node nowhere in this swarm",
    )


def test_no_more_moves_than_allowed_and_no_host_twice() -> None:
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
        return [step.what for step in plan_rebalance(seen, (), measured, rules, state, NOW).steps]

    assert len(moves(0)) == 0
    assert len(moves(1)) == 1
    assert len(moves(5)) == 2
    assert {what.split(" from ")[1].split(" ")[0] for what in moves(5)} == {"alpha", "beta"}


def test_a_move_under_way_counts_and_its_hosts_are_left_alone() -> None:
    case = Case()
    case.state = replace(
        case.state,
        moves={"id-other": Move("", ("id-beta",), NOW, kind=REBALANCE, source="id-gamma")},
    )
    case.parts = (service("other", **ours("node.id==id-beta")), task("other", "gamma"))

    assert case.plan().steps == ()
    case.rules = RebalanceRules(max_moves_per_cycle=2)
    assert case.plan().steps == ()
    assert "a move from or to it is under way" in case.verdict()[1]


def test_what_has_just_come_keeps_its_weight() -> None:
    """A container that was started a minute ago uses little yet: its new node is no good target for that."""
    case = Case(
        nodes=samples(alpha=12, beta=2),
        parts=(service("new"), task("new", "beta")),
        memory={"id-big": 6 * GB, "id-new": GB // 2},
    )
    moved = {"id-new": (Relocation("id-alpha", "id-beta", NOW - 120, 9 * GB),)}
    case.state = replace(case.state, relocations=moved)

    assert case.plan().steps == ()
    assert the_step(case.plan(NOW + 3600)).name == "big"


def test_alternatives_are_given_with_their_reasons() -> None:
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
        "held on alpha: its label orchestration.rebalance is false",
        "small on alpha: could go to beta (predicted 69 % on alpha, 12 % on beta); another is better",
    )


def test_a_balanced_swarm_is_left_alone_without_a_word() -> None:
    assert Case(nodes=samples(alpha=6, beta=6), state=State()).plan() == Plan()


def test_old_moves_and_those_of_lost_services_are_forgotten() -> None:
    old = Relocation("id-alpha", "id-beta", NOW - 8 * 86400, GB)
    new = Relocation("id-beta", "id-alpha", NOW - 3600, GB)
    case = Case(
        nodes=samples(alpha=6, beta=6),
        state=State(relocations={"id-big": (old, new), "id-gone": (new,)}),
    )

    assert apply_edits(case.state, case.plan().remember).relocations == {"id-big": (new,)}


def test_turning_round_what_was_done_takes_a_wider_gap() -> None:
    """beta has given something away today: to turn that takes 40 % of a host, unless alpha is short."""
    given = {"id-other": (Relocation("id-beta", "id-gamma", NOW - 7200, GB),)}
    case = Case(nodes=samples(alpha=8, beta=2), memory={"id-big": 3 * GB})
    case.state = replace(case.state, relocations=given)
    case.parts = (service("other"),)
    short = replace(case, nodes=samples(alpha=14, beta=7))

    assert case.verdict() == (REJECTED, "to beta: the gap is 6.0 GiB, less than 6.4 GiB")
    assert case.plan().steps == ()
    assert the_step(case.plan(NOW + 86400)).name == "big"
    assert the_step(short.plan()).name == "big"


@pytest.mark.parametrize(
    ("moves", "minutes_ago", "minutes_left"), [(2, 45, 15), (3, 60, 180), (4, 60, 180), (20, 239, 1)]
)
def test_pauses_grow_with_each_move_of_a_service_up_to_some_hours(
    moves: int, minutes_ago: int, minutes_left: int
) -> None:
    last = NOW - 60 * minutes_ago
    hops = [Relocation(f"id-{n}", f"id-{n + 1}", last - 3600 * (moves - n), GB) for n in range(moves - 1)]
    hops.append(Relocation(f"id-{moves - 1}", "id-alpha", last, GB))
    case = Case()
    case.state = replace(case.state, relocations={"id-big": tuple(hops)})

    expected = f"it was moved {minutes_ago} min ago, and may be again in {minutes_left} min"
    assert case.verdict() == (REJECTED, expected)

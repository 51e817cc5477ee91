# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An anchor moves and its followers follow, despite all kinds of faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import label_constraint
from tests.sim import Behaviour, Fault, Sim, out_of_sequence, swarm
from tests.unit.sim.controller import Controller, run

SECOND = 1_000_000_000
DATA = {"dependencies": {"db": {"services": ["app", "files"]}}}
HELD = label_constraint("db")
VOLUME = [{"Type": "volume", "Source": "data", "Target": "/data"}]


def spec(name: str, *constraints: str, **container: object) -> dict[str, object]:
    return {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": "x", **container},
            "Placement": {"Constraints": list(constraints)},
        },
        "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND},
    }


class Copies:
    """The highest number of copies of a service that ran at once."""

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.most: dict[str, int] = {}

    def __call__(self) -> None:
        counts: dict[str, int] = {}
        for node in self.sim.store.nodes.values():
            for container in self.sim.agents.containers(node):
                name = container.task.spec.name
                counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            self.most[name] = max(self.most.get(name, 0), count)


@pytest.fixture
def shop() -> Iterator[Sim]:
    """A database on delta with a stateless and a stateful follower, and other services elsewhere."""
    with swarm(workers=["delta", "echo", "foxtrot"]) as sim:
        delta = sim.node("delta")
        sim.place(spec("db", "node.hostname==delta"), [delta])
        sim.place(spec("app"), [delta, delta])
        sim.place(spec("files", Mounts=VOLUME), [delta])
        sim.place(spec("other"), [sim.node("foxtrot")])
        # four seconds to stop: time enough for a mistake to show
        sim.behave("files", Behaviour(stop_seconds=4))
        yield sim


def settle(sim: Sim, controllers: list[Controller], watch: Copies) -> None:
    run(sim, controllers, 15, watch)
    assert sim.node("delta").labels == {"db": "true"}
    for name in ("app", "files"):
        assert sim.service(name).spec.constraints == (HELD,)


def move_anchor(sim: Sim, target: str = "echo") -> None:
    """The user moves the database to another host."""
    service = sim.service("db")
    raw = {**service.spec.raw, "TaskTemplate": spec("db", f"node.hostname=={target}")["TaskTemplate"]}
    reply = sim._api._writes.update_service(service.id, {"version": str(service.version)}, raw)
    assert reply


def has_arrived(sim: Sim) -> bool:
    constraints = {sim.service(name).spec.constraints for name in ("app", "files")}
    return (
        sim.where("app") == ["echo", "echo"]
        and sim.where("files") == ["echo"]
        and sim.node("delta").labels == {}
        and constraints == {(HELD,)}
        and {sim.service(name).update_state for name in ("app", "files")} <= {None, "completed"}
    )


def check_arrived(sim: Sim, watch: Copies) -> None:
    assert sim.where("db") == ["echo"]
    assert sim.where("app") == ["echo", "echo"]
    assert sim.where("files") == ["echo"]
    assert sim.where("other") == ["foxtrot"]
    assert sim.node("echo").labels == {"db": "true"}
    assert sim.node("delta").labels == {}
    for name in ("app", "files"):
        assert sim.service(name).spec.constraints == (HELD,)
    assert watch.most["files"] == 1, "two copies of a stateful service ran at once"


def check_quiet(sim: Sim, controllers: list[Controller]) -> None:
    """No step is due, and the journal is empty."""
    writes = sim.store.writes
    for controller in controllers:
        plan = controller.cycle()
        assert plan is None or plan.is_empty, [step.summary for step in plan.steps]
        assert controller.seen is not None
        assert not controller.seen.state.moves
    assert sim.store.writes == writes


def test_followers_follow(shop: Sim) -> None:
    watch = Copies(shop)
    controllers = [Controller(shop, DATA)]
    settle(shop, controllers, watch)
    kept = {task.id for task in shop.tasks("other")}
    move_anchor(shop)
    run(shop, controllers, 40, watch, until=lambda: has_arrived(shop))
    run(shop, controllers, 3, watch)
    check_arrived(shop, watch)
    check_quiet(shop, controllers)
    assert {task.id for task in shop.tasks("other")} == kept
    assert controllers[0].errors == []
    controllers[0].close()


@pytest.mark.parametrize("seed", range(2))
def test_followers_follow_through_a_storm(shop: Sim, seed: int) -> None:
    """Every other write conflicts, connections break before and after a request is done, or it is refused."""
    watch = Copies(shop)
    controllers = [Controller(shop, DATA)]
    settle(shop, controllers, watch)
    shop.chance.seed(seed)
    faults = [
        shop.fail(out_of_sequence(chance=0.5)),
        shop.fail(Fault(method="POST", drop="after", chance=0.1)),
        shop.fail(Fault(drop="before", chance=0.03)),
        shop.fail(
            Fault(status=500, message="rpc error: code = DeadlineExceeded desc = deadline", chance=0.03)
        ),
    ]
    for target in ("foxtrot", "delta", "foxtrot"):
        move_anchor(shop, target)
        run(shop, controllers, 60, watch, until=lambda target=target: shop.where("files") == [target])  # type: ignore[misc]
    move_anchor(shop)
    run(shop, controllers, 90, watch, until=lambda: has_arrived(shop))
    shop.faults.clear()
    run(shop, controllers, 60, watch, until=lambda: has_arrived(shop))
    run(shop, controllers, 3, watch)
    check_arrived(shop, watch)
    check_quiet(shop, controllers)
    assert all(fault.hits for fault in faults)
    controllers[0].close()


def test_followers_follow_with_stale_reads(shop: Sim) -> None:
    """One instance gets stale answers for a while; version checks prevent harm."""
    watch = Copies(shop)
    controllers = [Controller(shop, DATA)]
    settle(shop, controllers, watch)
    move_anchor(shop)
    run(shop, controllers, 2, watch)
    fault = shop.fail(Fault(method="GET", path="/(nodes|services|tasks)", stale=True))
    run(shop, controllers, 20, watch)
    shop.faults.remove(fault)
    run(shop, controllers, 60, watch, until=lambda: has_arrived(shop))
    run(shop, controllers, 3, watch)
    check_arrived(shop, watch)
    check_quiet(shop, controllers)
    controllers[0].close()


@pytest.mark.parametrize("after", [0.5, 2, 5])
def test_new_leader_continues_moves(shop: Sim, after: float) -> None:
    """The leader's machine is lost this many seconds after the anchor has begun to move."""
    watch = Copies(shop)
    controllers = [Controller(shop, DATA, name) for name in ("alpha", "bravo", "charlie")]
    settle(shop, controllers, watch)
    move_anchor(shop)
    run(shop, controllers, after, watch, interval=0.5)
    shop.crash("alpha")
    run(shop, controllers[1:], 90, watch, until=lambda: has_arrived(shop))
    run(shop, controllers[1:], 3, watch)
    check_arrived(shop, watch)
    check_quiet(shop, controllers[1:])
    for controller in controllers:
        controller.close()


def test_followers_follow_after_the_anchors_node_is_lost(shop: Sim) -> None:
    """Power loss: there is no old container to wait for."""
    watch = Copies(shop)
    controllers = [Controller(shop, DATA)]
    settle(shop, controllers, watch)
    move = shop.service("db")
    shop._api._writes.update_service(
        move.id,
        {"version": str(move.version)},
        {**move.spec.raw, "TaskTemplate": spec("db", "node.role==worker")["TaskTemplate"]},
    )
    run(shop, controllers, 15, watch)
    shop.crash("delta")
    run(shop, controllers, 90, watch)
    (place,) = shop.where("db")
    assert place != "delta"
    assert shop.where("app") == [place, place]
    assert shop.where("files") == [place]
    shop.boot("delta")
    run(shop, controllers, 30, watch)
    assert shop.node("delta").labels == {}
    assert shop.where("app") == [place, place]
    check_quiet(shop, controllers)
    controllers[0].close()

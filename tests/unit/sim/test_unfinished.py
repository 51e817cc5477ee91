# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A follower that was scaled to 0 for its move always returns, whatever else changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import (
    CONSTRAINTS_LABEL,
    REPLICAS_LABEL,
    recorded,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import STATE_NAME
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.followers import plan_followers
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import (
    plan_label_sync,
    plan_removal,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.plan import next_pass
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.unfinished import (
    plan_unfinished,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import label_constraint
from tests.sim import Behaviour, Sim, swarm
from tests.sim.dirty import Panic
from tests.unit.sim.controller import Controller, run
from tests.unit.sim.test_relocation import SECOND, VOLUME, Copies, move_anchor, spec

HELD = label_constraint("db")
REPLICAS = 2
USERS = ["node.platform.os ==linux", "node.labels.zone !=x"]
DATA: dict[str, Any] = {
    "nodes": {"foxtrot": {"labels": ["ssd"]}},
    "dependencies": {"db": {"services": ["app", "files"]}},
}
NO_DEPENDENCIES = {"nodes": DATA["nodes"]}


class Planned(Controller):
    """An instance that plans only a part of a sync."""

    def __init__(self, sim: Sim, planner: Callable[[Observation, float], Plan]) -> None:
        super().__init__(sim, {})
        self.planner = planner

    def plan(self) -> Plan | None:
        self.seen = observe(self._open())
        return self.planner(self.seen, self.sim.now)


def files(**parts: Any) -> dict[str, Any]:
    """A stateful service with start-first updates, which is scaled to 0 for a move."""
    raw = spec("files", *USERS, Mounts=VOLUME)
    update = {"Parallelism": 1, "Monitor": SECOND, "Order": "start-first", "FailureAction": "rollback"}
    return {**raw, "Labels": {"mine": "x"}, "UpdateConfig": update, **parts}


@pytest.fixture
def shop() -> Iterator[Sim]:
    with swarm(workers=["delta", "echo", "foxtrot"]) as sim:
        delta, alpha = sim.node("delta"), sim.node("alpha")
        alpha.spec["Labels"] = {"zone": "true"}
        sim.store.touch(alpha)
        sim.place(spec("db", "node.hostname==delta"), [delta])
        sim.place(spec("app"), [delta])
        sim.place(files(), [delta] * REPLICAS)
        sim.place(spec("web", "node.labels.zone ==true", "node.role ==manager"), [alpha])
        sim.behave("files", Behaviour(stop_seconds=4))
        yield sim


def replicas(sim: Sim) -> int:
    return sim.service("files").spec.replicas


def labels(sim: Sim, name: str = "files") -> dict[str, str]:
    found: dict[str, str] = sim.service(name).spec.raw["Labels"]
    return found


def change(sim: Sim, name: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """A user changes the service's spec."""
    service = sim.service(name)
    raw = copy.deepcopy(service.spec.raw)
    edit(raw)
    sim._api._writes.update_service(service.id, {"version": str(service.version)}, raw)


def deploy(sim: Sim, count: int) -> None:
    """A redeploy of the user's stack file."""
    change(
        sim, "files", lambda raw: (raw.clear(), raw.update(files(Mode={"Replicated": {"Replicas": count}})))
    )


def scale(sim: Sim, count: int) -> None:
    change(sim, "files", lambda raw: raw["Mode"]["Replicated"].update(Replicas=count))


@pytest.fixture
def stopping(shop: Sim) -> tuple[Sim, Copies]:
    """The follower was scaled to 0 a moment ago, and its containers take their time."""
    watch = Copies(shop)
    controller = Controller(shop, DATA)
    run(shop, [controller], 15, watch)
    assert shop.service("files").spec.constraints == (*USERS, HELD)
    assert recorded(labels(shop)) == (HELD,)
    move_anchor(shop)
    run(shop, [controller], 20, watch, interval=0.5, until=lambda: replicas(shop) == 0)
    assert replicas(shop) == 0
    controller.close()
    return shop, watch


def forget_the_state(sim: Sim) -> None:
    """A user removes the state object."""
    for config in list(sim.store.configs.values()):
        if config.spec["Name"] == STATE_NAME:
            sim.store.remove(config)


def damage_the_journal(sim: Sim) -> None:
    for config in sim.store.configs.values():
        if config.spec["Name"] == STATE_NAME:
            config.spec = {**config.spec, "Labels": {**config.spec["Labels"], "orcastra.journal": "{"}}
            sim.store.touch(config)


def nothing(_sim: Sim) -> None:
    """Nothing else happens."""


def with_option(**options: Any) -> dict[str, Any]:
    return {**DATA, "dependencies": {"db": {"services": ["app", "files"], **options}}}


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "the same": DATA,
    "nothing": {},
    "labels alone": NO_DEPENDENCIES,
    "no dependency": {**DATA, "dependencies": {}},
    "no follower": {**DATA, "dependencies": {"db": {"services": []}}},
    "another follower": {**DATA, "dependencies": {"db": {"services": ["app"]}}},
    "another anchor": {**DATA, "dependencies": {"web": {"services": ["app", "files"]}}},
    "an anchor that is not there": {**DATA, "dependencies": {"database": {"services": ["app", "files"]}}},
    "another dependency": {**DATA, "dependencies": {"web": {"services": ["app"]}}},
    "no constraint of ours": with_option(manage_constraint=False),
    "evict": with_option(relocate="evict"),
    "ordered": with_option(relocate="ordered"),
}
ACCIDENTS = {"nothing": nothing, "no state": forget_the_state, "a damaged journal": damage_the_journal}


@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_scaled_follower_returns_with_any_configuration(
    stopping: tuple[Sim, Copies], name: str, accident: str
) -> None:
    sim, watch = stopping
    ACCIDENTS[accident](sim)
    controller = Controller(sim, CONFIGURATIONS[name])
    run(sim, [controller], 90, watch, until=lambda: len(sim.where("files")) == REPLICAS)
    run(sim, [controller], 30, watch)

    assert len(sim.where("files")) == replicas(sim) == REPLICAS
    assert watch.most["files"] == REPLICAS
    check_that_nothing_is_left(sim, controller)
    follows = "files" in str(CONFIGURATIONS[name].get("dependencies"))
    if name == "another anchor":
        assert sim.where("files") == sim.where("web") * REPLICAS
    elif follows and name != "an anchor that is not there":
        assert sim.where("files") == ["echo"] * REPLICAS
    if name == "labels alone":
        # an absent section removes nothing
        assert set(labels(sim)) == {"mine", CONSTRAINTS_LABEL}
    elif not follows:
        assert set(labels(sim)) == {"mine"}
        assert sim.service("files").spec.constraints == tuple(USERS)
    controller.close()


PARTS: dict[str, Callable[[Observation, float], Plan]] = {
    "label_sync": lambda seen, now: plan_label_sync(
        seen.snapshot, parse_config(DATA, stack_name=""), seen.state, now
    ),
    "label_sync without dependencies": lambda seen, now: plan_label_sync(
        seen.snapshot, parse_config(NO_DEPENDENCIES, stack_name=""), seen.state, now
    ),
    "removal": lambda seen, now: plan_removal(seen.snapshot, seen.state, now),
    "others without purge": lambda seen, now: plan_followers(
        seen.snapshot,
        resolve_anchor_groups(
            seen.snapshot, parse_config(CONFIGURATIONS["another dependency"], stack_name="")
        ),
        seen.state,
        now,
        begin=False,
    ),
    "rebalance": lambda seen, now: plan_unfinished(seen.snapshot, (), seen.state, now, balancing=False),
    "drain": lambda seen, now: (
        next_pass(
            seen.snapshot, parse_config({}, stack_name=""), seen.state, "bravo", now, protect_quorum=False
        ).plan
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_scaled_follower_returns_by_each_part_alone(stopping: tuple[Sim, Copies], name: str) -> None:
    """From now on only that module runs, which does not manage label constraints."""
    sim, watch = stopping
    controller = Planned(sim, PARTS[name])
    run(sim, [controller], 90, watch, until=lambda: len(sim.where("files")) == REPLICAS)
    run(sim, [controller], 30, watch)

    assert len(sim.where("files")) == replicas(sim) == REPLICAS
    assert watch.most["files"] == REPLICAS
    assert sim.service("files").spec.constraints == (*USERS, HELD)
    assert set(labels(sim)) == {"mine", CONSTRAINTS_LABEL}
    controller.close()


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("name", ["the same", "no dependency", "another anchor"])
def test_a_redeploy_meanwhile_has_the_last_word(stopping: tuple[Sim, Copies], name: str, count: int) -> None:
    sim, watch = stopping
    deploy(sim, count)
    controller = Controller(sim, CONFIGURATIONS[name])
    run(sim, [controller], 90, watch)

    assert len(sim.where("files")) == replicas(sim) == count
    check_that_nothing_is_left(sim, controller)
    controller.close()


@pytest.mark.parametrize("name", ["the same", "no dependency", "another anchor"])
def test_a_scaling_meanwhile_has_the_last_word_and_so_has_the_next(
    stopping: tuple[Sim, Copies], name: str
) -> None:
    sim, watch = stopping
    scale(sim, 3)
    controller = Controller(sim, CONFIGURATIONS[name])
    run(sim, [controller], 90, watch)
    assert len(sim.where("files")) == replicas(sim) == 3
    check_that_nothing_is_left(sim, controller)

    scale(sim, 0)
    run(sim, [controller], 30, watch)
    assert replicas(sim) == 0
    controller.close()


def test_a_rollback_to_the_scaling_to_0_is_undone(stopping: tuple[Sim, Copies]) -> None:
    sim, watch = stopping
    controller = Controller(sim, DATA)
    run(sim, [controller], 30, watch, interval=0.5, until=lambda: replicas(sim) == REPLICAS)
    service = sim.service("files")
    query = {"version": str(service.version), "rollback": "previous"}
    sim._api._writes.update_service(service.id, query, service.spec.raw)
    assert replicas(sim) == 0

    run(sim, [controller], 90, watch)
    assert sim.where("files") == ["echo"] * REPLICAS
    check_that_nothing_is_left(sim, controller)
    controller.close()


def test_the_spec_is_the_users_again_in_the_end(shop: Sim) -> None:
    """Pinned, moved by scaling and by a constraint, redeployed, removed."""
    names = ("app", "files", "db", "web")
    before = {name: copy.deepcopy(shop.service(name).spec.raw) for name in names}
    watch = Copies(shop)
    controller = Controller(shop, DATA)
    run(shop, [controller], 15, watch)
    move_anchor(shop)
    run(shop, [controller], 60, watch)
    assert shop.where("files") == ["echo"] * REPLICAS
    deploy(shop, REPLICAS)
    run(shop, [controller], 15, watch)
    for name, user_constraints in (("app", ()), ("files", USERS)):
        assert shop.service(name).spec.constraints == (*user_constraints, HELD)
        assert json.loads(labels(shop, name)[CONSTRAINTS_LABEL]) == [HELD]
    assert shop.service("web").spec.raw == before["web"]

    controller.desired = parse_config({**NO_DEPENDENCIES, "dependencies": {}}, stack_name="")
    run(shop, [controller], 30, watch)
    del before["db"]  # the user has moved it
    app = before["app"]["TaskTemplate"]["Placement"]
    assert app.pop("Constraints") == []  # the engine omits it
    assert {name: shop.service(name).spec.raw for name in before} == before
    check_that_nothing_is_left(shop, controller)
    controller.close()


def test_a_service_without_any_placement_survives_a_rollback(shop: Sim) -> None:
    """Real managers crash if a rollback removes a placement that running tasks have."""
    raw = {"Name": "bare", "TaskTemplate": {"ContainerSpec": {"Image": "x"}}}
    shop.place(raw, [shop.node("delta")])
    controller = Controller(shop, {"dependencies": {"db": {"services": ["bare"]}}})
    run(shop, [controller], 15, lambda: None)
    assert shop.service("bare").spec.constraints == (HELD,)
    change(shop, "bare", lambda spec: spec["TaskTemplate"].update(ForceUpdate=1))
    run(shop, [controller], 15, lambda: None)

    for _ in range(2):  # the restart, then the constraint
        service = shop.service("bare")
        query = {"version": str(service.version), "rollback": "previous"}
        shop._api._writes.update_service(service.id, query, service.spec.raw)
        shop.advance(1)
        assert service.spec.has_placement
        run(shop, [controller], 15, lambda: None)
        assert shop.where("bare") == ["delta"]

    # what would have happened
    change(shop, "bare", lambda spec: spec["TaskTemplate"].pop("Placement"))
    with pytest.raises(Panic):
        shop.advance(1)
    controller.close()


def check_that_nothing_is_left(sim: Sim, controller: Controller) -> None:
    writes = sim.store.writes
    plan = controller.cycle()
    assert plan is not None
    assert plan.is_empty, [step.summary for step in plan.steps]
    assert sim.store.writes == writes
    assert controller.seen is not None
    assert not controller.seen.state.moves
    assert REPLICAS_LABEL not in labels(sim)
    for name in ("app", "files"):
        assert not [text for text in sim.service(name).spec.constraints if text.startswith("node.id")]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects of balancing memory on services: alpha is short of memory, and bravo returns.

The ``balance`` fixture of each world gives hosts of 1 GiB whose exporters report the actual memory use of
containers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    MetricSources,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from tests.behaviour.world import SECOND, Swarm
from tests.support.rebalance_case import flatten

HOUR = 3600.0
CYCLE_SECONDS = 0.5
RULES = RebalanceRules(
    default=ServiceRules(memory_difference_bytes=GB // 10, rebalance_buffer_bytes=GB // 100),
    sustained_seconds=0,
)
ON_ALPHA = {"Constraints": ["node.hostname==alpha"]}
STAYS = {"orchestration.rebalance": "false"}


class Balance:
    """Orcastra's cycle on a swarm: followers first, then memory, as the runner does it."""

    def __init__(self, swarm: Swarm, sources: MetricSources, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds since the epoch, as the swarm's own clocks do."""
        self.swarm = swarm
        self.sources = sources
        self.later = 0.0
        """By how many seconds the planner's clock is ahead."""
        self.rules = RULES
        self.desired = parse_config({}, stack_name="")
        self.steps: list[str] = []
        self.warnings: list[Reason] = []
        self._clock = clock

    def depend(self, dependencies: Mapping[str, Any]) -> None:
        self.desired = parse_config({"dependencies": dependencies}, stack_name="")

    def cycle(self) -> Plan:
        """One cycle; returns the plan for memory."""
        engine = self.swarm.engine
        seen = observe(engine)
        now = self._clock() + self.later
        anchors = plan_anchors(seen.snapshot, self.desired, seen.state, now, static_labels=True)
        if not anchors.is_empty:
            self._carry_out(anchors)
            seen = observe(engine)
        plan = self.plan(seen)
        self._carry_out(plan)
        self.warnings += plan.warnings
        return plan

    def plan(self, seen: Observation | None = None) -> Plan:
        seen = seen or observe(self.swarm.engine)
        memory = self.measure(seen)
        groups = resolve_anchor_groups(seen.snapshot, self.desired)
        return plan_rebalance(
            seen.snapshot, groups, memory, self.rules, seen.state, self._clock() + self.later
        )

    def measure(self, seen: Observation | None = None) -> Memory:
        return measure((seen or observe(self.swarm.engine)).snapshot, self.sources)

    def state(self) -> State:
        return observe(self.swarm.engine).state

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Cycle until ``condition`` is true."""
        world = self.swarm.world
        end = world.now() + seconds
        while world.now() < end:
            self.cycle()
            if condition():
                return
            world.let_pass(CYCLE_SECONDS)
        raise AssertionError(f"waited {seconds:g} s for {what}; done: {self.steps}; plan: {self.plan()}")

    def settled(self) -> None:
        """Cycle until no move is under way and three more cycles change nothing."""
        self.until(lambda: not self.state().moves, "the end of all moves", 90)
        before = len(self.steps)
        for _cycle in range(3):
            self.cycle()
            self.swarm.world.let_pass(CYCLE_SECONDS)
        assert self.steps[before:] == []

    def known(self, *names: str) -> None:
        """Wait until the exporters report the memory use of each of these services."""

        def all_are() -> bool:
            seen = observe(self.swarm.engine)
            memory = self.measure(seen)
            return all(memory.services.get(self._id(seen, name), 0) > GB // 25 for name in names)

        self.swarm.until(all_are, f"the memory of {', '.join(names)}", 60)

    def _carry_out(self, plan: Plan) -> None:
        if plan.is_empty:
            return
        outcome = carry_out(self.swarm.engine, plan)
        assert not outcome.failures, [str(result.error) for result in outcome.failures]
        self.steps += [result.step.summary for result in outcome.results if result.changed]

    @staticmethod
    def _id(seen: Observation, name: str) -> str:
        return next(service.id for service in seen.snapshot.services if service.name == name)


def constraints(swarm: Swarm, name: str) -> list[str]:
    placement = swarm.engine.get_service(name)["Spec"]["TaskTemplate"].get("Placement") or {}
    return list(placement.get("Constraints") or [])


def away(swarm: Swarm, *hostnames: str) -> None:
    for hostname in hostnames:
        swarm.change_node(hostname, Availability="drain")


def returns(swarm: Swarm, hostname: str) -> None:
    swarm.change_node(hostname, Availability="active")


def short_of_memory(swarm: Swarm, balance: Balance, *names: str) -> None:
    """Fill alpha with services that may not move, in addition to ``names``. Bravo returns empty."""
    swarm.run("ballast", program="heavy", placement=ON_ALPHA, Labels=STAYS)
    balance.known("ballast", *names)
    returns(swarm, "bravo")


def test_failed_move_is_undone_and_saved(swarm: Swarm, balance: Balance) -> None:
    away(swarm, "bravo", "charlie")
    swarm.run("picky", program="picky")
    short_of_memory(swarm, balance, "picky")

    balance.until(lambda: swarm.where("picky") != ["alpha"], "the move to begin")
    assert balance.steps[-1] == "move picky from alpha to bravo"
    balance.until(
        lambda: swarm.where("picky") == ["alpha"] and not balance.state().moves, "the way back", 120
    )
    assert constraints(swarm, "picky") == []
    assert "move picky back to alpha" in balance.steps
    (failed,) = balance.state().relocations[swarm.engine.get_service("picky")["ID"]]
    assert failed.failed is not None
    failures = [one for one in balance.warnings if isinstance(one, Reason) and one.code == "move_failed"]
    assert [(one.params["service"], one.params["nodes"]) for one in failures][:1] == [("picky", ("bravo",))]

    # it does not move again after a while or after the cooldown, because it would be the same host
    task = swarm.ids("picky")
    for balance.later in (0.0, 0.5 * HOUR, 5 * HOUR):
        balance.settled()
    reasons = [reason for note in balance.plan().notes for reason in flatten([note])]
    assert "move_there_failed" in codes(reasons)
    assert swarm.ids("picky") == task


def test_move_affects_only_one_of_several_replicas(swarm: Swarm, balance: Balance) -> None:
    away(swarm, "bravo")
    on_charlie = {"Constraints": ["node.hostname==charlie"]}
    swarm.run("web", 2, program="heavy", placement=on_charlie)
    swarm.change("web", lambda spec: spec["TaskTemplate"].update(Placement={}))
    swarm.scale("web", 3)
    swarm.until(lambda: swarm.where("web") == ["alpha", "charlie", "charlie"], "one more on alpha")
    stay = {task["ID"] for task in swarm.running("web") if swarm.name_of(task["NodeID"]) == "charlie"}
    short_of_memory(swarm, balance, "web")

    during: set[str] = set()

    def is_moved() -> bool:
        during.update(constraints(swarm, "web"))
        return swarm.where("web") == ["bravo", "charlie", "charlie"]

    balance.until(is_moved, "the move")
    assert [text.partition("!=")[0].strip() for text in during] == ["node.id"]
    balance.settled()
    assert stay < swarm.ids("web")
    assert swarm.where("web") == ["bravo", "charlie", "charlie"]
    assert constraints(swarm, "web") == []
    assert [step for step in balance.steps if step.startswith("move ")] == ["move web from alpha to bravo"]


def test_anchor_move_includes_its_followers(swarm: Swarm, balance: Balance) -> None:
    balance.depend({"db": {"services": ["app"]}})
    away(swarm, "bravo", "charlie")
    swarm.run("db", program="heavy")
    swarm.run("app")
    balance.cycle()
    assert constraints(swarm, "app") == ["node.labels.db==true"]
    short_of_memory(swarm, balance, "db")

    where: list[tuple[list[str], list[str]]] = []

    def is_there() -> bool:
        where.append((swarm.where("db"), swarm.where("app")))
        return where[-1] == (["bravo"], ["bravo"])

    balance.until(is_there, "both on bravo", 90)
    assert "move db with app from alpha to bravo" in balance.steps
    # no follower arrives before its anchor
    assert all(db == ["bravo"] for db, app in where if app == ["bravo"])
    balance.settled()
    assert (swarm.where("db"), swarm.where("app"), swarm.where("ballast")) == (
        ["bravo"],
        ["bravo"],
        ["alpha"],
    )
    assert constraints(swarm, "db") == []
    assert constraints(swarm, "app") == ["node.labels.db==true"]
    assert "db" in swarm.node("bravo")["Spec"]["Labels"]
    assert "db" not in (swarm.node("alpha")["Spec"].get("Labels") or {})


def test_move_keeps_the_start_first_order(swarm: Swarm, balance: Balance) -> None:
    away(swarm, "bravo", "charlie")
    swarm.run("web", program="heavy", update={"Order": "start-first"})
    old = swarm.running("web")[0]["ID"]
    short_of_memory(swarm, balance, "web")

    balance.until(lambda: swarm.where("web") == ["bravo"], "the move")
    swarm.until(lambda: swarm.task(old)["Status"]["State"] == "shutdown", "the end of the old task")
    new = swarm.running("web")[0]
    assert new["Status"]["Timestamp"] < swarm.task(old)["Status"]["Timestamp"]
    balance.settled()
    assert constraints(swarm, "web") == []


def test_service_moves_to_its_preferred_node(swarm: Swarm, balance: Balance) -> None:
    away(swarm, "bravo", "charlie")
    # memory alone would move nothing
    balance.rules = RebalanceRules(sustained_seconds=0)
    swarm.run("wiki", program="heavy", Labels={"orchestration.preferred.node": "charlie"})
    swarm.run("other", program="heavy")
    stays = swarm.ids("other")
    balance.known("wiki")
    for hostname in ("bravo", "charlie"):
        returns(swarm, hostname)
    balance.until(lambda: swarm.where("wiki") == ["charlie"], "it to be there")
    balance.settled()
    assert swarm.where("wiki") == ["charlie"]
    assert swarm.ids("other") == stays
    assert constraints(swarm, "wiki") == []


def test_move_undone_by_a_user_is_forgotten(swarm: Swarm, balance: Balance) -> None:
    away(swarm, "bravo", "charlie")
    swarm.run("web", program="heavy", update={"Monitor": SECOND})
    short_of_memory(swarm, balance, "web")
    balance.until(lambda: constraints(swarm, "web"), "the move to begin")
    # like `docker service rollback`, except for Swarm's update status
    swarm.change("web", lambda spec: spec["TaskTemplate"].update(Placement={}))
    balance.until(lambda: not balance.state().moves, "the journal to be empty")
    balance.settled()
    assert constraints(swarm, "web") == []
    assert len(swarm.running("web")) == 1

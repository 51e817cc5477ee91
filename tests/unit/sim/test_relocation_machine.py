# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life cycle of relocations of every kind, under random actions of users and accidents."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import (
    CONSTRAINTS_LABEL,
    REPLICAS_LABEL,
    owned,
    replicas_before,
    without,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    BACK,
    DRAIN,
    REBALANCE,
    Move,
    SetMove,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.ending import place_service
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.managed import (
    move_off,
    move_to,
    user_constraints,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.placement import obstacles
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.state_repair import plan_state_repair
from tests.sim import Behaviour, swarm
from tests.unit.sim.controller import Controller

SECOND = 1_000_000_000
MANAGERS = ("alpha", "bravo", "charlie")
WORKERS = ("delta", "echo", "foxtrot")
FOLLOWERS = ("app", "files", "slow")
OTHERS = ("lone", "solo", "pair")
VOLUME = [{"Type": "volume", "Source": "data", "Target": "/data"}]
# the longest possible move, and the pauses between several attempts
END_SECONDS = 3600.0

workers = st.sampled_from(WORKERS)
movable = st.sampled_from((*FOLLOWERS, *OTHERS))
# Swarm rolls the updates of lone back, so its user doesn't change it
edited = st.sampled_from((*FOLLOWERS, "solo", "pair"))


class Instance(Controller):
    """Ends moves of every kind. It begins only those of followers."""

    def plan(self) -> Plan | None:
        self.seen = seen = observe(self._open())
        if not seen.is_leader:
            return None
        return plan_state_repair(seen.damage) + plan_anchors(
            seen.snapshot, self.desired, seen.state, self.sim.now, balancing=True
        )

    def begin(self, plan: Callable[[Observation], Plan]) -> None:
        seen = observe(self._open())
        carry_out(self._open(), plan(seen))


def users_part(raw: dict[str, Any], service_id: str) -> dict[str, Any]:
    """The spec without what Orcastra has recorded as its own."""
    found = copy.deepcopy(raw)
    labels = found.get("Labels") or {}
    placement = found["TaskTemplate"]["Placement"]
    constraints = placement.get("Constraints") or []
    placement["Constraints"] = list(without(constraints, owned(constraints, labels)))
    before = replicas_before(labels, service_id)
    if before is not None and found["Mode"]["Replicated"]["Replicas"] == 0:
        found["Mode"]["Replicated"]["Replicas"] = before
    found["Labels"] = {
        key: value for key, value in labels.items() if key not in (CONSTRAINTS_LABEL, REPLICAS_LABEL)
    }
    found["TaskTemplate"].pop("ForceUpdate", None)
    return found


class Relocations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sim = sim = swarm(MANAGERS, WORKERS, now=1_800_000_000.0, heartbeat_seconds=2)
        sim.__enter__()
        self.followers = list(FOLLOWERS)
        self.instance: Instance | None = None
        delta, foxtrot = sim.node("delta"), sim.node("foxtrot")
        sim.behave("files", Behaviour(stop_seconds=2))
        sim.place(self.spec("db"), [delta])
        sim.place(self.spec("app"), [delta, delta])
        sim.place(self.spec("files", Mounts=VOLUME), [delta])
        # for this one, Swarm would not wait
        sim.place(self.spec("slow", Mounts=VOLUME, StopGracePeriod=90 * SECOND), [delta])
        rolled_back = self.spec("lone")
        rolled_back["UpdateConfig"]["FailureAction"] = "rollback"
        sim.place(rolled_back, [foxtrot])
        sim.place(self.spec("solo"), [foxtrot])
        sim.place(self.spec("pair"), [foxtrot, foxtrot])
        self.expected = {
            service.id: users_part(service.spec.raw, service.id) for service in sim.store.services.values()
        }
        for _ in range(3):
            self.cycle(1)

    @staticmethod
    def spec(name: str, **container: object) -> dict[str, Any]:
        return {
            "Name": name,
            "Labels": {"team": "shop"},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "x", **container},
                "RestartPolicy": {"Condition": "any"},
                "Placement": {"Constraints": ["node.role==worker", "node.hostname!=golf"]},
            },
            "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND},
        }

    def teardown(self) -> None:
        try:
            self.always_ends()
        finally:
            self.restart()
            self.sim.__exit__(None, None, None)

    # Orcastra

    def active(self) -> Instance:
        hostname = self.sim.store.nodes[self.sim.store.leader_id or ""].hostname
        if self.instance is None or self.instance.hostname != hostname:
            self.restart()
            dependencies = {"db": {"services": self.followers, "relocate": "ordered"}}
            self.instance = Instance(self.sim, {"dependencies": dependencies}, hostname)
        return self.instance

    @rule(seconds=st.sampled_from([0, 1, 1, 1, 5, 40, 700]))
    def cycle(self, seconds: int) -> None:
        self.active().cycle()
        self.sim.advance(seconds)

    @rule()
    def restart(self) -> None:
        if self.instance is not None:
            self.instance.close()
            self.instance = None

    @rule(
        name=st.sampled_from(OTHERS),
        destination=workers,
        kind=st.sampled_from([REBALANCE, BACK, DRAIN]),
        fails=st.booleans(),
        then=st.sampled_from(["", "", "deploy", "roll back", "scale", "crash", "lose"]),
    )
    def begin(self, name: str, destination: str, kind: str, fails: bool, then: str) -> None:
        """Begin a move like balancing and drains do, if they would. ``then``: what follows at once."""
        self.fail_on(name, destination, fails)

        def plan(seen: Observation) -> Plan:
            service = next(one for one in seen.snapshot.services if one.name == name)
            (to,) = seen.snapshot.named(destination)
            sources = {task.node_id for task in seen.snapshot.tasks_of(service) if task.is_running}
            if (
                service.id in seen.state.moves
                or service.is_updating
                or len(sources) != 1
                or to.id in sources
                or obstacles(seen.snapshot, service, to, user_constraints(service))
            ):
                return Plan()
            source = str(sources.pop())
            move = Move("", (to.id,), self.sim.now, kind=kind, source=source)
            add = move_to(to.id) if service.replicas == 1 or kind == DRAIN else move_off(source)
            step = place_service(
                service,
                Reason("move_ends", service=name),
                add=(add,),
                why=(Reason("misplaced"),),
                intent_edits=(SetMove(service.id, move),),
            )
            return Plan(steps=(step,))

        self.active().begin(plan)
        if then == "crash":
            self.crash(destination)
        elif then == "lose":
            self.lose_entry(name)
        elif name == "lone":
            return
        elif then == "deploy":
            self.deploy(name, "x")
        elif then == "roll back":
            self.roll_back(name)
        elif then == "scale":
            self.scale(name, 2)

    # the user

    def write(self, name: str, change: Callable[[dict[str, Any]], None], **query: str) -> None:
        """Change a service. What belongs to the user afterwards must stay."""
        with self.sim.lock:
            service = self.sim.service(name)
            raw = copy.deepcopy(service.spec.raw)
            change(raw)
            request = {"version": str(service.version), **query}
            self.sim._api._writes.update_service(service.id, request, raw)
            self.sim._settle()
            self.expected[service.id] = users_part(self.sim.service(name).spec.raw, service.id)

    @rule(node=workers, fails=st.booleans())
    def move_anchor(self, node: str, fails: bool) -> None:
        for name in FOLLOWERS:
            self.fail_on(name, node, fails)
        self.write(
            "db",
            lambda raw: raw["TaskTemplate"].update(Placement={"Constraints": [f"node.hostname=={node}"]}),
        )

    @rule(name=edited, node=workers, is_wanted=st.booleans())
    def constrain(self, name: str, node: str, is_wanted: bool) -> None:
        """Add or remove a constraint, and keep everything else, like ``docker service update``."""
        text = f"node.hostname!={node}"

        def change(raw: dict[str, Any]) -> None:
            placement = raw["TaskTemplate"]["Placement"]
            kept = [one for one in placement.get("Constraints") or [] if one != text]
            placement["Constraints"] = [text, *kept] if is_wanted else kept

        self.write(name, change)

    @rule(name=edited, image=st.sampled_from("xyz"))
    def deploy(self, name: str, image: str) -> None:
        """Replace the spec by the user's own, like ``docker stack deploy``."""

        def change(raw: dict[str, Any]) -> None:
            raw.clear()
            raw.update(copy.deepcopy(self.expected[self.sim.service(name).id]))
            raw["TaskTemplate"]["ContainerSpec"]["Image"] = image

        self.write(name, change)

    @rule(name=edited)
    def roll_back(self, name: str) -> None:
        if self.sim.service(name).previous is not None:
            self.write(name, lambda raw: None, rollback="previous")

    @rule(name=st.sampled_from(["app", "pair", "slow"]), replicas=st.integers(1, 3))
    def scale(self, name: str, replicas: int) -> None:
        self.write(name, lambda raw: raw["Mode"].update(Replicated={"Replicas": replicas}))

    @rule(name=st.sampled_from(FOLLOWERS))
    def follow_or_not(self, name: str) -> None:
        """Add a follower to the configuration, or remove it."""
        if name in self.followers:
            self.followers.remove(name)
        else:
            self.followers.append(name)
        self.restart()

    # accidents

    @rule(name=workers)
    def crash(self, name: str) -> None:
        self.sim.crash(name)

    @rule(name=workers)
    def boot(self, name: str) -> None:
        self.sim.boot(name)

    @rule(name=movable, node=workers, is_broken=st.booleans())
    def fail_on(self, name: str, node: str, is_broken: bool) -> None:
        """Let the service's future containers fail on a host, or on none."""
        before = self.sim.behaviours.get(name, Behaviour())
        self.sim.behave(name, replace(before, refused_by=frozenset({node} if is_broken else ())))

    @rule(name=movable, node=workers)
    def end_containers(self, name: str, node: str) -> None:
        self.sim.kill(name, node, 1)

    @rule(name=st.sampled_from(MANAGERS))
    def elect(self, name: str) -> None:
        self.sim.elect(name)

    @rule(name=movable)
    def lose_entry(self, name: str) -> None:
        """The journal loses a move."""
        StateStore(self.active()._open()).update([SetMove(self.sim.service(name).id, None)])

    # invariants

    @invariant()
    def users_part_stays(self) -> None:
        for service in self.sim.store.services.values():
            assert users_part(service.spec.raw, service.id) == self.expected[service.id]

    @invariant()
    def constraints_are_unique(self) -> None:
        for service in self.sim.store.services.values():
            texts = service.spec.raw["TaskTemplate"]["Placement"].get("Constraints") or []
            managed = owned(texts, service.spec.raw.get("Labels") or {})
            assert max(Counter(texts).values(), default=0) <= 1, (service.name, texts)
            assert sum(text.startswith("node.id==") for text in managed) <= 1, (service.name, managed)
            assert sum(text.startswith("node.labels") for text in managed) <= 1, (service.name, managed)

    def unfinished(self) -> str:
        for service in self.sim.store.services.values():
            labels = service.spec.raw.get("Labels") or {}
            if any(text.startswith("node.id") for text in json.loads(labels.get(CONSTRAINTS_LABEL, "[]"))):
                return f"{service.name} has {labels[CONSTRAINTS_LABEL]}"
            if REPLICAS_LABEL in labels:
                return f"{service.name} has {labels[REPLICAS_LABEL]}"
        seen = self.active().seen
        return f"the journal has {sorted(seen.state.moves)}" if seen is not None and seen.state.moves else ""

    def always_ends(self) -> None:
        """Whatever has happened, all moves end once the hosts are back."""
        for name in WORKERS:
            self.sim.boot(name)
        end, seconds = self.sim.now + END_SECONDS, 1
        self.cycle(seconds)
        while left := self.unfinished():
            assert self.sim.now < end, left
            self.cycle(seconds)
            self.users_part_stays()
            self.constraints_are_unique()
            seconds = min(seconds + 1, 15)


Relocations.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestRelocations = Relocations.TestCase

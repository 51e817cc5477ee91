# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swarm's nodes and managers: failures of machines, elections, and when managers notice them."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.sim import events
from tests.sim.agents import Agents
from tests.sim.clock import Clock, Timer
from tests.sim.objects import SimNode, State
from tests.sim.store import Store

MISSED_HEARTBEATS = 3
JITTER_SECONDS = 0.5
RETURN_SECONDS = 2.0
ELECTION_SECONDS = (3.0, 6.0)
REGISTRATION_SECONDS = (0.2, 2.0)
"""How long agents search for the new leader after an election."""
ROLE_SECONDS = 1.0


class Cluster:
    """``heartbeat_seconds`` is the swarm's HeartbeatPeriod: a lost node is down after three of them."""

    def __init__(
        self, store: Store, clock: Clock, chance: random.Random, agents: Agents, heartbeat_seconds: float
    ) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self.changes_of_leader = 0
        self.on_new_leader: list[Callable[[], object]] = []
        self.on_lost_leader: list[Callable[[], object]] = []
        self._store = store
        self._clock = clock
        self._chance = chance
        self._agents = agents
        self._timers: dict[str, Timer] = {}
        self._election: Timer | None = None
        store.watch_nodes(self._on_node)

    @property
    def leader(self) -> SimNode | None:
        """The leader, if there is one with a majority."""
        found = self._store.nodes.get(self._store.leader_id or "")
        return found if found is not None and found.reachable and self._has_quorum() else None

    def crash(self, node: SimNode) -> None:
        """Power loss."""
        if node.up:
            node.up = False
            self._agents.power_off(node)
            self._lost(node)

    def boot(self, node: SimNode) -> None:
        if not node.up:
            node.up = True
            self._back(node)

    def cut(self, node: SimNode) -> None:
        """Disconnect its network; its containers keep running."""
        if not node.cut:
            node.cut = True
            self._lost(node)

    def mend(self, node: SimNode) -> None:
        if node.cut:
            node.cut = False
            self._back(node)

    def elect(self, node: SimNode) -> None:
        """Elect another leader immediately, as if the old one stepped down. Its manager components start from
        scratch."""
        for action in self.on_lost_leader:
            action()
        self._lead(node)

    def set_role(self, node: SimNode, role: str) -> None:
        """Promotion or demotion takes a moment."""
        self._clock.after(ROLE_SECONDS, lambda: self._take_role(node, role))

    def would_lose_quorum(self, node: SimNode) -> bool:
        """Return whether the managers would lose their majority without ``node``."""
        others = [other for other in self._managers() if other is not node]
        return sum(1 for other in others if other.reachable) <= len(others) // 2

    def _managers(self) -> list[SimNode]:
        return [
            self._store.nodes[node_id] for node_id in self._store.managers if node_id in self._store.nodes
        ]

    def _has_quorum(self) -> bool:
        managers = self._managers()
        return sum(1 for node in managers if node.reachable) > len(managers) // 2

    def _take_role(self, node: SimNode, role: str) -> None:
        if node.spec["Role"] != role or node.role == role:
            return
        before = events.node_facts(self._store, node)
        node.role = role
        if role == "manager":
            self._store.managers[node.id] = "reachable"
        else:
            self._store.managers.pop(node.id, None)
            if self._store.leader_id == node.id:
                self._lost_leader()
        self._store.touch(node, before)

    def _lost(self, node: SimNode) -> None:
        missed = MISSED_HEARTBEATS * (
            self.heartbeat_seconds + self._chance.uniform(-JITTER_SECONDS, JITTER_SECONDS)
        )
        # the last heartbeat was some time ago
        seconds = missed - self._chance.uniform(0.0, self.heartbeat_seconds)
        self._set_timer(node, seconds, lambda: self._down(node))
        if node.id in self._store.managers:
            self._set_reachability(node, "unreachable")
            if self._store.leader_id == node.id or not self._has_quorum():
                self._lost_leader()

    def _down(self, node: SimNode) -> None:
        if self.leader is None:
            # no leader notices it
            self._set_timer(node, self.heartbeat_seconds, lambda: self._down(node))
        elif node.id in self._store.nodes and node.state != "down":
            self._store.set_node_state(node, "down", "heartbeat failure")

    def _back(self, node: SimNode) -> None:
        if not node.reachable:
            return
        if node.id in self._store.managers:
            self._set_reachability(node, "reachable")
            if self.leader is None:
                self._lost_leader()
        self._set_timer(node, RETURN_SECONDS, lambda: self._register(node))

    def _register(self, node: SimNode) -> None:
        """A node's agent reports to the leader."""
        if not node.reachable or node.id not in self._store.nodes:
            return
        if self.leader is None:
            self._set_timer(node, 1.0, lambda: self._register(node))
            return
        if node.state != "ready" or node.message:
            self._store.set_node_state(node, "ready", "")
        self._agents.connect(node)

    def _set_timer(self, node: SimNode, seconds: float, action: Callable[[], object]) -> None:
        if node.id in self._timers:
            self._timers[node.id].cancel()
        self._timers[node.id] = self._clock.after(seconds, action)

    def _set_reachability(self, node: SimNode, word: str) -> None:
        self._store.managers[node.id] = word
        # part of the node's JSON, but not a change of the object
        node.rendered = None

    def _lost_leader(self) -> None:
        """Hold an election: there is no leader until it ends."""
        for action in self.on_lost_leader:
            action()
        if self._election is not None:
            self._election.cancel()
        self._election = self._clock.after(self._chance.uniform(*ELECTION_SECONDS), self._elect)

    def _elect(self) -> None:
        self._election = None
        candidates = [node for node in self._managers() if node.reachable]
        if not self._has_quorum():
            self._election = self._clock.after(1.0, self._elect)
        elif self.leader is not None:
            self._lead(self.leader)
        else:
            self._lead(self._chance.choice(candidates))

    def _lead(self, node: SimNode) -> None:
        old = self._store.nodes.get(self._store.leader_id or "")
        self._store.leader_id = node.id
        self.changes_of_leader += 1
        for changed, leads in ((old, False), (node, True)):
            if changed is not None and old is not node:
                changed.rendered = None
                self._store.publish(events.leader_event(self._store, changed, leads))
        for other in self._store.nodes.values():
            if other.state != "down":
                self._store.set_node_state(
                    other, "unknown", 'Node moved to "unknown" state due to leadership change in cluster'
                )
                if other.reachable:
                    seconds = self._chance.uniform(*REGISTRATION_SECONDS)
                    self._set_timer(other, seconds, lambda other=other: self._register(other))  # type: ignore[misc]
                else:
                    missed = MISSED_HEARTBEATS * self.heartbeat_seconds
                    self._set_timer(other, missed, lambda other=other: self._down(other))  # type: ignore[misc]
            elif other.reachable:
                self._set_timer(other, RETURN_SECONDS, lambda other=other: self._register(other))  # type: ignore[misc]
        for action in self.on_new_leader:
            action()

    def _on_node(self, node: SimNode, action: str) -> None:
        if action == "remove":
            if node.id in self._timers:
                self._timers.pop(node.id).cancel()
            for task in tuple(self._store.tasks_of_node[node.id].values()):
                if task.state < State.COMPLETE:
                    self._store.set_state(
                        task, State.ORPHANED, "Task belonged to a node that has been deleted"
                    )

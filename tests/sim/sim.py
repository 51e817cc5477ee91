# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated swarm as a test uses it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

from tests.sim import specs
from tests.sim.agents import Agents, Container
from tests.sim.api import Api
from tests.sim.clock import Clock
from tests.sim.cluster import Cluster
from tests.sim.faults import Fault, Faults
from tests.sim.global_services import Global
from tests.sim.keepers import Allocator, Enforcer, Reaper
from tests.sim.memory import Exporter
from tests.sim.objects import Behaviour, Json, SimNode, SimService, SimTask, State
from tests.sim.orchestrator import Replicated
from tests.sim.replies import Reply
from tests.sim.restarts import Restarts
from tests.sim.scheduler import Scheduler
from tests.sim.server import Server
from tests.sim.store import Store
from tests.sim.updates import Updates

HEARTBEAT_SECONDS = 5.0
PUMP_SECONDS = 0.01

T = TypeVar("T")


class Sim:
    """A swarm of nodes that exist only in this process, with Swarm's managers and agents, over real HTTP.

    Use it in a ``with`` block. Time only passes in ``advance``, ``wait_until`` and ``real_time``. ``now``:
    seconds since the epoch at the start (default: the real ones). ``seed`` determines all random choices. One
    thread may use it in addition to that of the HTTP server; for more threads, use ``lock``.
    """

    def __init__(
        self, *, seed: int = 1, now: float | None = None, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self.lock = threading.RLock()
        self.chance = random.Random(seed)
        self.clock = Clock(time.time() if now is None else now)
        self.store = Store(self.clock, self.chance)
        self.faults = Faults(self.chance, self.store)
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[tuple[str, str, str]] = []
        """The requests so far: host name, method, path."""
        self._default = Behaviour()
        self._restarts = Restarts(self.store, self.clock)
        self.agents = Agents(self.store, self.clock, self.chance, self._behaviour)
        self.scheduler = Scheduler(self.store, self.clock, self.chance)
        self._updates = Updates(self.store, self.clock, self._restarts)
        self._replicated = Replicated(self.store, self.clock, self._restarts, self._updates)
        self._global = Global(self.store, self.clock, self._restarts, self._updates)
        self._enforcer = Enforcer(self.store, self.clock)
        Allocator(self.store, self.clock)
        self.reaper = Reaper(self.store, self.clock)
        self.cluster = Cluster(self.store, self.clock, self.chance, self.agents, heartbeat_seconds)
        self.cluster.on_lost_leader += [self._updates.cancel_all, self._restarts.cancel_all]
        self.cluster.on_new_leader += [
            self.scheduler.restart,
            self._replicated.resume,
            self._global.resume,
            self._enforcer.resume,
            self.reaper.resume,
        ]
        self.exporter = Exporter(self.agents, lambda: self.clock.now)
        self._addresses: dict[str, SimNode] = {}
        self._api = Api(self.store, self.cluster, self.agents, self.store.new_id(), self._settle)
        self._server = Server(self._addresses.get, self._meet, self._answer, self._page, self._past_events)
        self.store.watch_events(self._server.send_event)

    def __enter__(self) -> Sim:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()

    # the swarm

    def add_node(
        self,
        hostname: str,
        *,
        role: str = "worker",
        labels: dict[str, str] | None = None,
        memory_bytes: int = 8 * 1024**3,
        nano_cpus: int = 4_000_000_000,
        engine_labels: dict[str, str] | None = None,
        architecture: str = "x86_64",
        os: str = "linux",
    ) -> SimNode:
        """Add a node, which is ready immediately. The first manager leads."""
        number = len(self._addresses)
        address = f"127.{20 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
        node = SimNode(
            id=self.store.new_id(),
            hostname=hostname,
            role=role,
            spec={"Labels": labels or {}, "Role": role, "Availability": "active"},
            address=address,
            engine_labels=engine_labels or {},
            os=os,
            architecture=architecture,
            nano_cpus=nano_cpus,
            memory_bytes=memory_bytes,
        )
        with self.lock:
            if role == "manager":
                self.store.managers[node.id] = "reachable"
                self.store.leader_id = self.store.leader_id or node.id
            self._addresses[address] = node
            self.store.add(node)
            self._settle()
        return node

    def node(self, hostname: str) -> SimNode:
        """The newest node with this name."""
        found = [node for node in self.store.nodes.values() if node.hostname == hostname]
        if not found:
            raise KeyError(hostname)
        return found[-1]

    def service(self, name: str) -> SimService:
        return next(service for service in self.store.services.values() if service.name == name)

    def tasks(self, service: str, *, desired: bool = True) -> list[SimTask]:
        """The tasks of a service. ``desired``: only those that should run."""
        found = self.store.tasks_of_service[self.service(service).id].values()
        return [task for task in found if not desired or task.desired <= State.RUNNING]

    def where(self, service: str) -> list[str]:
        """Host names of the nodes on which the service's tasks run, sorted."""
        running = [task for task in self.tasks(service) if task.state == State.RUNNING]
        return sorted(self.store.nodes[task.node_id].hostname for task in running)

    def containers(self, hostname: str) -> list[Container]:
        return self.agents.containers(self.node(hostname))

    def place(self, raw: Json, nodes: Sequence[SimNode], *, age_seconds: float = 3600.0) -> SimService:
        """Add a service whose tasks already run on ``nodes``, without scheduling.

        For large swarms and for given situations: one replica for each entry of ``nodes``.
        """
        with self.lock:
            spec = specs.read(specs.complete({**raw, "Mode": {"Replicated": {"Replicas": len(nodes)}}}), 0)
            since = self.clock.now - age_seconds
            service = SimService(id=self.store.new_id(), spec=spec)
            for slot, node in enumerate(nodes, start=1):
                task = SimTask(
                    id=self.store.new_id(), service_id=service.id, spec=spec, slot=slot, node_id=node.id
                )
                task.state, task.message = State.RUNNING, "started"
                self.store.add(task)
                self.store.touch(task)
                self.agents.adopt(task, node, since)
                task.created = task.timestamp = since
            self.store.add(service)
            service.created = since
            self._settle()
        return service

    def behave(self, service: str, behaviour: Behaviour) -> None:
        """Set the behaviour of the service's future containers."""
        self.behaviours[service] = behaviour

    # failures

    def crash(self, hostname: str) -> None:
        self._happen(hostname, self.cluster.crash)

    def boot(self, hostname: str) -> None:
        self._happen(hostname, self.cluster.boot)

    def cut(self, hostname: str) -> None:
        self._happen(hostname, self.cluster.cut)

    def mend(self, hostname: str) -> None:
        self._happen(hostname, self.cluster.mend)

    def elect(self, hostname: str) -> None:
        self._happen(hostname, self.cluster.elect)

    def kill(self, service: str, hostname: str, exit_code: int = 137) -> None:
        """End the service's containers on a node."""
        with self.lock:
            for container in self.containers(hostname):
                if container.task.spec.name == service:
                    self.agents.end(container.task.id, exit_code)
            self._settle()

    def fail(self, fault: Fault) -> Fault:
        """Inject a fault into requests until ``faults.remove`` or ``faults.clear``."""
        with self.lock:
            return self.faults.add(fault)

    # time

    @property
    def now(self) -> float:
        return self.clock.now

    def advance(self, seconds: float) -> None:
        with self.lock:
            self.clock.run_until(self.clock.now + seconds)

    def wait_until(self, condition: Callable[[], T], seconds: float = 60.0, step: float = 0.05) -> T:
        """Let time pass until ``condition`` is true, but at most ``timeout`` seconds. Return its value."""
        end = self.now + seconds
        while not (value := condition()):
            if self.now >= end:
                raise AssertionError(f"waited {seconds:g} simulated seconds for {condition}")
            self.advance(step)
        return value

    @contextmanager
    def real_time(self, speed: float = 1.0) -> Iterator[None]:
        """Let time pass ``speed`` times as fast as real time while the block runs."""
        ended = threading.Event()

        def pump() -> None:
            last = time.monotonic()
            while not ended.wait(PUMP_SECONDS):
                now = time.monotonic()
                self.advance((now - last) * speed)
                last = now

        thread = threading.Thread(target=pump, name="sim-clock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    # over HTTP

    def docker_host(self, node: SimNode | str | None = None) -> str:
        """The address of a node's engine; by default the leader's."""
        if node is None:
            node = self.store.nodes[self.store.leader_id or ""]
        found = self.node(node) if isinstance(node, str) else node
        return f"tcp://{found.address}:{self._server.port}"

    def exporter_url(self, node: SimNode | str) -> str:
        return self.docker_host(node).replace("tcp://", "http://") + "/metrics"

    def _behaviour(self, service: str) -> Behaviour:
        return self.behaviours.get(service, self._default)

    def _happen(self, hostname: str, action: Callable[[SimNode], object]) -> None:
        with self.lock:
            node = self.node(hostname)
            action(node)
            if not node.reachable:
                self._server.hang_up(node)
            self._settle()

    def _settle(self) -> None:
        """Process all immediate effects."""
        self.clock.run_until(self.clock.now)

    def _meet(self, node: SimNode, method: str, path: str) -> list[Fault]:
        with self.lock:
            self.requests.append((node.hostname, method, path))
            return self.faults.hit(method, path, node.hostname)

    def _answer(
        self, node: SimNode, method: str, path: str, query: dict[str, str], body: bytes, faults: list[Fault]
    ) -> Reply:
        with self.lock:
            seen = next((fault.seen for fault in faults if fault.seen is not None), None)
            return self._api.answer(node, method, path, query, body, seen)

    def _past_events(self, subscribe: Callable[[], None]) -> list[Json]:
        with self.lock:
            subscribe()
            return list(self.store.events)

    def _page(self, node: SimNode) -> str:
        with self.lock:
            return self.exporter.page(node)


def swarm(
    managers: Sequence[str] = ("alpha", "bravo", "charlie"), workers: Sequence[str] = (), **options: object
) -> Sim:
    """A swarm of these nodes."""
    sim = Sim(**options)  # type: ignore[arg-type]
    for hostname, role in itertools.chain(
        ((name, "manager") for name in managers), ((name, "worker") for name in workers)
    ):
        sim.add_node(hostname, role=role)
    return sim

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm of the managers alpha, bravo and charlie, real or simulated, as the tests see it.

All actions use the Engine API. Only actions without an API (a power loss, the behaviour of a container's
program, the passing of time) differ between the two.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError
from tests.sim import Behaviour, Sim

Json = dict[str, Any]
T = TypeVar("T")

IMAGE = "orcastra/app"
NODES = ("alpha", "bravo", "charlie")
SECOND = 1_000_000_000
STEP_SECONDS = 0.1
HEAVY_MIB = 150

# the programs of containers: a name, and its behaviour in the simulator
PROGRAMS: dict[str, Behaviour] = {
    "good": Behaviour(),
    # ignores SIGTERM
    "stubborn": Behaviour(stop_seconds=1e6),
    # ends with an error
    "broken": Behaviour(runs_seconds=0.05, exit_code=1),
    # ends well after a second
    "short": Behaviour(runs_seconds=1.0),
    # uses memory
    "heavy": Behaviour(memory_bytes=HEAVY_MIB * 1024.0**2),
    # the same, but fails on bravo
    "picky": Behaviour(memory_bytes=HEAVY_MIB * 1024.0**2, refused_by=frozenset({"bravo"})),
}
# a tmpfs counts as the memory of its container
FILL = f"dd if=/dev/zero of=/memory/full bs=1M count={HEAVY_MIB} 2> /dev/null; exec sleep 1000000"
COMMANDS: dict[str, list[str] | None] = {
    "good": None,
    "stubborn": ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"],
    "broken": ["sh", "-c", "exit 1"],
    "short": ["sh", "-c", "sleep 1"],
    "heavy": ["sh", "-c", FILL],
    "picky": ["sh", "-c", f'test "$NODE" != bravo || exit 1; {FILL}'],
}


class World(Protocol):
    """The differences between a real and a simulated swarm."""

    engine: Engine

    def now(self) -> float: ...

    def let_pass(self, seconds: float) -> None: ...

    def engine_of(self, hostname: str) -> Engine: ...

    def prepare(self, service: str, program: str) -> None: ...

    def crash(self, hostname: str) -> None: ...

    def boot(self, hostname: str) -> None: ...

    def depose(self, leader: str) -> None: ...


class Swarm:
    """A world with the actions and queries that the tests need."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine = world.engine

    # writing

    def spec(
        self,
        name: str,
        replicas: int | None = 1,
        *,
        program: str = "good",
        placement: Json | None = None,
        restart: Json | None = None,
        update: Json | None = None,
        **more: Any,
    ) -> Json:
        """A service's spec; without ``replicas``, a global one. Updates are monitored only for a moment."""
        container: Json = {"Image": IMAGE, "StopGracePeriod": 10 * SECOND}
        if COMMANDS[program] is not None:
            container["Command"] = COMMANDS[program]
        if program in ("heavy", "picky"):
            container["Mounts"] = [{"Type": "tmpfs", "Target": "/memory"}]
            container["Env"] = ["NODE={{.Node.Hostname}}"]
            container["Init"] = True
        container.update(more.pop("container", {}))
        self.world.prepare(name, program)
        template: Json = {"ContainerSpec": container}
        if placement is not None:
            template["Placement"] = placement
        template["RestartPolicy"] = {"Condition": "any", "Delay": SECOND // 2, **(restart or {})}
        template.update(more.pop("template", {}))
        return {
            "Name": name,
            "TaskTemplate": template,
            "Mode": {"Global": {}} if replicas is None else {"Replicated": {"Replicas": replicas}},
            "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND // 2, **(update or {})},
            **more,
        }

    def deploy(self, name: str, replicas: int | None = 1, **parts: Any) -> str:
        return str(self.engine.post("/services/create", self.spec(name, replicas, **parts))["ID"])

    def run(self, name: str, replicas: int | None = 1, **parts: Any) -> str:
        """Deploy a service, and wait until it runs."""
        service_id = self.deploy(name, replicas, **parts)
        desired = len(NODES) if replicas is None else replicas
        self.until(lambda: len(self.running(name)) == desired, f"{desired} running tasks of {name}")
        return service_id

    def change(self, name: str, change: Callable[[Json], None]) -> None:
        """Change the service's spec, in one write."""
        while True:
            service = self.engine.get_service(name)
            change(service["Spec"])
            try:
                self.engine.update_service(service["ID"], service["Version"]["Index"], service["Spec"])
            except EngineError as error:
                if "out of sequence" not in str(error):
                    raise
            else:
                return

    def constrain(self, name: str, *constraints: str) -> None:
        self.change(
            name,
            lambda spec: spec["TaskTemplate"].setdefault("Placement", {}).update(Constraints=constraints),
        )

    def scale(self, name: str, replicas: int) -> None:
        self.change(name, lambda spec: spec["Mode"]["Replicated"].update(Replicas=replicas))

    def force(self, name: str) -> None:
        def change(spec: Json) -> None:
            spec["TaskTemplate"]["ForceUpdate"] = spec["TaskTemplate"].get("ForceUpdate", 0) + 1

        self.change(name, change)

    def label(self, hostname: str, **labels: str) -> None:
        """Set a node's labels to just these."""
        self.change_node(hostname, Labels=labels)

    def change_node(self, hostname: str, **fields: Any) -> None:
        while True:
            node = self.node(hostname)
            try:
                self.engine.update_node(node["ID"], node["Version"]["Index"], {**node["Spec"], **fields})
            except EngineError as error:
                # a node's version also moves by itself
                if "out of sequence" not in str(error):
                    raise
            else:
                return

    def change_leader(self) -> None:
        """Let another manager become the leader, and wait until all nodes have reported to it."""
        leader = self.leader()
        self.world.depose(leader)
        self.until(lambda: self.leader() != leader, "another leader")
        self.until(
            lambda: all(node["Status"]["State"] == "ready" for node in self.engine.list_nodes()),
            "all nodes to be ready",
        )

    # seeing

    def leader(self) -> str:
        nodes = (node for node in self.engine.list_nodes() if node["ManagerStatus"].get("Leader"))
        return str(next(nodes)["Description"]["Hostname"])

    def node(self, hostname: str) -> Json:
        return next(node for node in self.engine.list_nodes() if node["Description"]["Hostname"] == hostname)

    def name_of(self, node_id: str) -> str:
        node = next((node for node in self.engine.list_nodes() if node["ID"] == node_id), None)
        return str(node["Description"]["Hostname"]) if node is not None else node_id

    def tasks(self, name: str) -> list[Json]:
        """All of a service's tasks, oldest first."""
        tasks = self.engine.list_tasks({"service": [name]})
        return sorted(tasks, key=lambda task: (task["CreatedAt"], task["Version"]["Index"]))

    def desired(self, name: str) -> list[Json]:
        return [task for task in self.tasks(name) if task["DesiredState"] in ("running", "ready")]

    def task(self, task_id: str) -> Json:
        found: Json = self.engine.get(f"/tasks/{task_id}")
        return found

    def running(self, name: str) -> list[Json]:
        return [task for task in self.desired(name) if task["Status"]["State"] == "running"]

    def ids(self, name: str) -> set[str]:
        """The IDs of the running tasks."""
        return {task["ID"] for task in self.running(name)}

    def where(self, name: str) -> list[str]:
        """The host names on which tasks run."""
        names = {node["ID"]: node["Description"]["Hostname"] for node in self.engine.list_nodes()}
        return sorted(names[task["NodeID"]] for task in self.running(name))

    def counts(self, name: str) -> dict[str, int]:
        return dict(Counter(self.where(name)))

    def containers(self, name: str, hostname: str) -> int:
        """How many containers of the service run on a node, according to its own engine."""
        service_id = self.engine.get_service(name)["ID"]
        found = self.world.engine_of(hostname).get("/containers/json")
        return sum(1 for one in found if one["Labels"].get("com.docker.swarm.service.id") == service_id)

    def update_state(self, name: str) -> str | None:
        state: str | None = (self.engine.get_service(name).get("UpdateStatus") or {}).get("State")
        return state

    # waiting

    def until(self, condition: Callable[[], T], what: str, seconds: float = 30.0) -> T:
        """Wait until ``condition`` is true; an engine that refuses counts as not yet."""
        end = self.world.now() + seconds
        last: object = None
        while True:
            try:
                value = condition()
                if value:
                    return value
                last = value
            except EngineError as error:
                last = error
            if self.world.now() > end:
                raise AssertionError(f"waited {seconds:g} s for {what}; last: {last!r}")
            self.world.let_pass(STEP_SECONDS)

    def settled(self, name: str) -> None:
        """Wait until an update of the service has completed."""
        self.until(lambda: self.update_state(name) == "completed", f"the end of {name}'s update")

    def stays(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Check that ``condition`` stays true for this many seconds."""
        end = self.world.now() + seconds
        while self.world.now() < end:
            assert condition(), what
            self.world.let_pass(STEP_SECONDS)


class SimWorld:
    """The simulator: time only passes while a test waits."""

    def __init__(self, sim: Sim, connect: Callable[[str], Engine]) -> None:
        self.sim = sim
        self.engine = connect(sim.docker_host())
        self._connect = connect
        self._engines: dict[str, Engine] = {}

    def close(self) -> None:
        for engine in (self.engine, *self._engines.values()):
            engine.close()

    def now(self) -> float:
        return self.sim.now

    def let_pass(self, seconds: float) -> None:
        self.sim.advance(seconds)

    def engine_of(self, hostname: str) -> Engine:
        if hostname not in self._engines:
            self._engines[hostname] = self._connect(self.sim.docker_host(hostname))
        return self._engines[hostname]

    def prepare(self, service: str, program: str) -> None:
        self.sim.behave(service, PROGRAMS[program])

    def crash(self, hostname: str) -> None:
        self.sim.crash(hostname)

    def boot(self, hostname: str) -> None:
        self.sim.boot(hostname)

    def depose(self, leader: str) -> None:
        self.sim.elect(next(name for name in NODES if name != leader))


class LabWorld:
    """Real engines: time passes by itself."""

    def __init__(self, lab: Any, connect: Callable[[str], Engine]) -> None:
        self.lab = lab
        self._connect = connect
        self._engines: dict[str, Engine] = {}
        # never query a manager that a test crashes
        self.engine = self.engine_of("alpha")

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()

    def now(self) -> float:
        return time.monotonic()

    def let_pass(self, seconds: float) -> None:
        time.sleep(seconds)

    def engine_of(self, hostname: str) -> Engine:
        if hostname not in self._engines:
            self._engines[hostname] = self._connect(self.lab[hostname].docker_host)
        return self._engines[hostname]

    def prepare(self, service: str, program: str) -> None:
        """The program is in the service's spec."""

    def crash(self, hostname: str) -> None:
        self.lab[hostname].crash()

    def boot(self, hostname: str) -> None:
        self.lab[hostname].boot()

    def depose(self, leader: str) -> None:
        """Stop the leader's engine until the others have elected a leader."""
        other = Swarm(self)
        other.engine = self.engine_of(next(name for name in NODES if name != leader))
        self.lab[leader].stop_engine()
        try:
            other.until(lambda: other.leader() != leader, "another leader")
        finally:
            self.lab[leader].start_engine()

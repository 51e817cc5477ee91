# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: a scenario, a fault at one request or at several, and the invariants."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.process import Process
from tests.faults.scenario import MANAGERS, OURS, STATEFUL, WORKERS, Scenario, own
from tests.sim.faults import DEADLINE_EXCEEDED, OUT_OF_SEQUENCE, Fault
from tests.sim.objects import State

KINDS = (
    "error", "conflict", "slow", "stale", "refused", "lost", "killed", "killed after", "election",
    "leader crash",
)  # fmt: skip
STORM = "storm"
SETTLE_SECONDS = 8
FAULT_CYCLES = 12
CALM_SECONDS = 900.0
QUIET_CYCLES = 3


class Violation(Exception):
    """An invariant doesn't hold."""


@dataclass
class Result:
    """The result of a run: ``requests`` at which a fault was possible, and the timeline."""

    seed: int
    kind: str
    position: int
    requests: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    commands: int = 0
    seconds: float = 0.0
    problem: str | None = None
    timeline: list[str] = field(default_factory=list)


class _Injector(Fault):
    """Counts the requests to engines, and injects the fault at its position."""

    def attach(self, run: Run) -> None:
        self.run = run

    def matches(self, method: str, path: str, node: str) -> bool:
        self.status, self.drop, self.seen = None, None, None
        return path != "/metrics" and self.run.meet(self, method, path, node)


class Run:
    def __init__(self, seed: int, kind: str, position: int, commands: Path) -> None:
        self.scenario = Scenario(seed)
        self.sim = self.scenario.sim
        self.chance = random.Random(f"{seed} {kind} {position}")
        self.result = Result(seed, kind, position)
        self.kind, self.position = kind, position
        self.commands = commands
        self.runs: Counter[str] = Counter()
        self.processes: dict[str, Process] = {}
        self.injecting = False
        self.is_dead = False
        self.finished: set[str] = set()
        self.finished_at: dict[str, int] = {}
        self.older = self.sim.store.snapshot()
        self.injector = _Injector()
        self.injector.attach(self)

    def play(self) -> Result:
        try:
            self._play()
        except Violation as error:
            self.result.problem = str(error)
        finally:
            for process in self.processes.values():
                process.close()
        self.result.commands = sum(self.runs.values())
        return self.result

    def say(self, text: str) -> None:
        self.result.timeline.append(f"{self.sim.now - self._start:8.1f}  {text}")

    def _play(self) -> None:
        self._start = self.sim.now
        self.sim.fail(self.injector)
        self._cycles(SETTLE_SECONDS)
        self.say(f"the user's change: {self.scenario.action}")
        self.scenario.disturb()
        self.commands.write_text("- {command: 'restart_service:other', id: once}\n")
        for process in self.processes.values():
            process.job._file.refresh(at_once=True)
        self.injecting = True
        self._cycles(FAULT_CYCLES)
        self.injecting = False
        self.say("the faults end")
        self.scenario.end()
        self._converge()

    def _cycles(self, count: int) -> None:
        for number in range(count):
            self._cycle(number)
            self._pass(1.0)

    def _converge(self) -> None:
        end = self.sim.now + CALM_SECONDS
        quiet, number = 0, 0
        while quiet < QUIET_CYCLES:
            if self.sim.now > end:
                raise Violation(
                    f"not settled after {CALM_SECONDS:g} s: {self._left() or 'plans are not empty'}"
                )
            number += 1
            is_quiet = self._cycle(number)
            quiet = quiet + 1 if is_quiet and not self._left() else 0
            self._pass(1.0 if number < 40 else 10.0)

    def _left(self) -> str:
        """The first difference from the final state, as text."""
        sim = self.sim
        for follower, anchor in self.scenario.followers.items():
            service = sim.service(follower)
            if len(sim.where(follower)) != service.spec.replicas:
                return f"{follower}: expected {service.spec.replicas} tasks, found {sim.where(follower)}"
            if not set(sim.where(follower)) <= set(sim.where(anchor)):
                return f"{follower} is on {sim.where(follower)}, {anchor} on {sim.where(anchor)}"
        for service in sim.store.services.values():
            text = (service.spec.raw.get("Labels") or {}).get("orcastra.constraints", "")
            if "node.id" in text:
                return f"{service.name} still has {text}"
            if OURS + "replicas" in (service.spec.raw.get("Labels") or {}):
                return f"{service.name} still has the record of its replicas"
        active = self.processes.get(sim.store.nodes[sim.store.leader_id or ""].hostname)
        if active is not None and active.swarm._seen is not None:
            state = active.swarm._seen.state
            if state.moves:
                return f"the journal has {sorted(state.moves)}"
            record = state.commands.get("id:once")
            if record is None or record.is_running:
                return f"the command has no result: {record}"
        return ""

    def _cycle(self, number: int) -> bool:
        """One cycle of the leader's instance, sometimes of another one too. Returns whether it was quiet."""
        leader = self.sim.store.nodes[self.sim.store.leader_id or ""].hostname
        names = [leader]
        if self.injecting and self.chance.random() < 0.2:
            names.insert(0, self.chance.choice(MANAGERS))
        quiet = False
        for name in dict.fromkeys(names):
            if not self.sim.node(name).up:
                continue
            process = self.processes.get(name)
            if process is None:
                process = self.processes[name] = Process(self.scenario, name, self.commands, self.runs)
            steps, errors = len(process.steps), len(process.errors)
            quiet = process.cycle(balance=self.scenario.balances and number % 3 == 0) is True
            self.result.steps += len(process.steps) - steps
            for text in process.steps[steps:]:
                self.say(f"{name}: {text}")
            for text in process.errors[errors:]:
                self.say(f"{name}: error: {text}")
            if process.unexplained:
                raise Violation(f"without a reason: {process.unexplained}")
            if self.is_dead:
                self.is_dead = False
                self.say(f"{name}: the process is killed and starts again")
                process.close()
                del self.processes[name]
            self._check()
        self.older = self.sim.store.snapshot() if self.injecting else self.older
        return quiet

    def _pass(self, seconds: float) -> None:
        for _tenth in range(round(seconds * 10)):
            self.sim.advance(0.1)
            self._check_copies()
        self._check()

    # faults

    def meet(self, fault: Fault, method: str, path: str, node: str) -> bool:
        """Decide on a request; called by the server, with the lock."""
        if not self.injecting:
            return False
        self.result.requests += 1
        if self.is_dead:
            fault.drop = "before"
            return True
        if self.kind == STORM:
            if self.chance.random() >= 0.12:
                return False
            kind = self.chance.choice(KINDS)
        elif self.result.requests == self.position:
            kind = self.kind
        else:
            return False
        self.result.injected[kind] += 1
        self.say(f"{kind} at request {self.result.requests}: {method} {path} at {node}")
        return self._inject(kind, fault, method, path, node)

    def _inject(self, kind: str, fault: Fault, method: str, path: str, node: str) -> bool:
        if kind in ("error", "conflict"):
            is_update = method == "POST" and path.endswith("/update")
            fault.status = 500
            fault.message = OUT_OF_SEQUENCE if kind == "conflict" and is_update else DEADLINE_EXCEEDED
        elif kind == "slow":
            for _tenth in range(10 * self.chance.choice([1, 5, 20])):
                self.sim.clock.run_until(self.sim.now + 0.1)
                self._check_copies_later()
        elif kind == "stale":
            fault.seen = self.older
        elif kind in ("refused", "lost"):
            fault.drop = "before" if kind == "refused" else "after"
        elif kind in ("killed", "killed after"):
            self.is_dead = True
            fault.drop = "before" if kind == "killed" else "after"
        elif kind == "election":
            self.sim.elect(self.chance.choice([name for name in MANAGERS if self.sim.node(name).up]))
        elif not self.scenario.crashed or set(self.scenario.crashed) <= set(WORKERS):
            leader = self.sim.store.nodes[self.sim.store.leader_id or ""].hostname
            self.sim.crash(leader)
            self.scenario.crashed.append(leader)
            self.is_dead = leader == node
            fault.drop = "before" if leader == node else None
        return True

    # invariants

    def _check_copies_later(self) -> None:
        try:
            self._check_copies()
        except Violation as error:
            # this is the server's thread: the next check raises it
            self._late = str(error)

    _late: str | None = None

    def _check_copies(self) -> None:
        if self._late is not None:
            raise Violation(self._late)
        counts: Counter[str] = Counter()
        jobs: set[str] = set()
        for node in self.sim.store.nodes.values():
            for container in self.sim.agents.containers(node):
                counts[container.task.spec.name] += 1
                if container.task.spec.name == "job":
                    jobs.add(container.task.id)
        for name in STATEFUL:
            if counts[name] > 1:
                raise Violation(f"{counts[name]} containers of {name} run at the same time")
        if not self.scenario.has_job:
            return
        if self.finished and jobs - self.finished:
            raise Violation("the one-shot service runs again although it has finished")
        for task in self.sim.tasks("job", desired=False):
            if task.state == State.COMPLETE:
                self.finished.add(task.id)

    def _check(self) -> None:
        self._check_copies()
        scenario = self.scenario
        for service in self.sim.store.services.values():
            found, expected = own(service.spec.raw, service.id), scenario.expected[service.id]
            if found != expected:
                raise Violation(f"{service.name}: expected the user's {expected}, found {found}")
        allowed = {"ssd", "zfs", "zone", *scenario.data["dependencies"]}
        for node in self.sim.store.nodes.values():
            for key, value in scenario.labels[node.hostname].items():
                if node.labels.get(key) != value:
                    raise Violation(f"{node.hostname}: the user's label {key} was changed")
            unknown = node.labels.keys() - allowed - scenario.labels[node.hostname].keys()
            if unknown:
                raise Violation(f"{node.hostname}: unexpected labels {sorted(unknown)}")
        if max(self.runs.values(), default=0) > 1:
            raise Violation(f"a command ran {max(self.runs.values())} times")


def play(seed: int, kind: str, position: int) -> Result:
    """One run. The same arguments give the same run."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(seed, kind, position, Path(folder) / "command.yml")
        run.commands.write_text("[]\n")
        with run.sim:
            return run.play()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance of the runner on every manager's own host, so that it loses its power with the host."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.lab import Host, Lab
from tests.lab.errors import LabError
from tests.lab.wait import wait_until
from tests.support.log_entry import sentence
from tests.support.runner_process import Loop

FOLDER = "/etc/swarm-orchestration"
ACTING = "acting: this node is the swarm leader"
LONGEST_ELECTION_SECONDS = 45
STANDING_BY = "standing by: the leader is node"


@dataclass(frozen=True)
class Takeover:
    """Seconds since the power loss: until Raft had a new leader, until its instance said that it acts, and
    until it had swarm observed as the one that acts."""

    leader: str
    elected: float
    acting: float
    cycle: float

    @property
    def after_election(self) -> float:
        """Seconds from the election to the first cycle of the new leader's instance."""
        return self.cycle - self.elected


class Instances:
    """The instances by host name. They talk to their own host's engine, as in production."""

    def __init__(self, lab: Lab, **settings: str) -> None:
        self.lab = lab
        self.loops: dict[str, Loop] = {}
        self.ended: list[tuple[str, Loop]] = []
        self._settings = settings

    def configure(self, data: Mapping[str, Any], **others: str) -> None:
        """Write ``swarm.yml`` and other files, by their path in the folder, to every host."""
        files = {"swarm.yml": json.dumps(data), **others}
        self.lab.each(lambda host: [write(host, f"{FOLDER}/{name}", text) for name, text in files.items()])

    def start(self, host: Host) -> Loop:
        variables = {"ORCASTRA_HTTP_ADDRESS": "off", **self._settings}
        program = [sys.executable, "-m", "orcastra_runner", "run", "--debug", "--log-format", "json"]
        process = host.popen(
            program,
            env=variables,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.loops[host.name] = Loop(process)
        return self.loops[host.name]

    def start_all(self) -> None:
        """Start one on each host, and wait until one acts and the others stand by."""
        for host in self.lab:
            self.start(host)
        leader = self.lab.leader().name
        for name, loop in self.loops.items():
            loop.wait_for(ACTING if name == leader else f"{STANDING_BY} {leader}", timeout=180)

    @contextlib.contextmanager
    def restarted(self) -> Iterator[None]:
        """Have them started again when their host has booted, as a service manager does."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.5):
                for name, loop in list(self.loops.items()):
                    host = self.lab[name]
                    if loop.process.poll() is None or not host.running or not host.engine_answers():
                        continue
                    with contextlib.suppress(LabError):  # gone again
                        self.start(host)
                        self.ended.append((name, loop))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def times_said(self, text: str) -> int:
        """How often any of them has said it, those that have ended included."""
        loops = [*self.loops.values(), *(loop for _name, loop in self.ended)]
        return sum(loop.said(text) for loop in loops)

    def lose_leader(self) -> Takeover:
        """Take the power of the leader's host away, and wait until another instance has taken over."""
        lost = self.lab.leader()
        rest = [host for host in self.lab if host.name != lost.name]
        ids = {host.name: node_id(host) for host in rest}
        moment = time.time()
        with ThreadPoolExecutor(len(rest)) as pool:
            found = threading.Event()
            watched = [pool.submit(_elected, host, ids[host.name], found) for host in rest]
            lost.crash()
            elected = min(at for at in (future.result() for future in watched) if at is not None)
        new = next(host for host in rest if leads(host, ids[host.name]))
        loop = self.loops[new.name]
        acting = _first(loop, lambda entry: sentence(entry).startswith(ACTING), moment)
        cycle = _first(loop, lambda entry: entry["event"] == "reconciliation finished", acting)
        return Takeover(new.name, elected - moment, acting - moment, cycle - moment)

    def stop(self) -> None:
        for loop in self.loops.values():
            with contextlib.suppress(ProcessLookupError):
                loop.process.kill()
            loop.process.wait()

    def said(self) -> str:
        """What they have logged, for the report of a test that fails."""
        entries = [
            (str(entry["time"]), name, sentence(entry))
            for name, loop in [*self.ended, *self.loops.items()]
            for entry in loop.entries
            if entry.get("level") != "debug"
        ]
        return "\n".join(" ".join(line) for line in sorted(entries)[-80:])


@contextlib.contextmanager
def on_every_host(lab: Lab, **settings: str) -> Iterator[Instances]:
    """Instances that can be started; they are ended, and their configuration is removed, at the end."""
    instances = Instances(lab, **settings)
    try:
        yield instances
    finally:
        instances.stop()
        for host in lab:
            if host.running:
                host.sh(f"rm -rf {FOLDER}")


def write(host: Host, path: str, text: str) -> None:
    host.sh(
        f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} > {path}.fresh; mv {path}.fresh {path}"
    )


def node_id(host: Host) -> str:
    return str(host.api("GET", "/info")["Swarm"]["NodeID"])


def leads(host: Host, own_id: str) -> bool:
    """Whether a host's own engine says that it is the leader; while there is none, it does not answer."""
    try:
        node = host.api("GET", f"/nodes/{own_id}", timeout=1)
    except (OSError, LabError):
        return False
    return bool((node.get("ManagerStatus") or {}).get("Leader"))


def _elected(host: Host, own_id: str, found: threading.Event) -> float | None:
    """When the host's engine became the leader, in seconds since the epoch; None if another one did."""
    deadline = time.monotonic() + LONGEST_ELECTION_SECONDS
    while time.monotonic() < deadline and not found.is_set():
        if leads(host, own_id):
            found.set()
            return time.time()
        time.sleep(0.1)
    return None


def _first(loop: Loop, is_it: Callable[[dict[str, Any]], bool], after: float) -> float:
    """When the log first had such a line after a moment, both in seconds since the epoch."""

    def find() -> float | None:
        for entry in list(loop.entries):
            at = datetime.fromisoformat(str(entry["time"])).timestamp()
            if at >= after and is_it(entry):
                return at
        return None

    return wait_until(find, 120, "the new leader's instance to act") or 0.0

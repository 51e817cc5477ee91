# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong, and what users do meanwhile. Each accident names its undo, if it has one."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.lab.records import Records
from tests.chaos.lab.timeline import Timeline
from tests.chaos.lab.world import HOSTS, RESTARTED, SICK_FILE, World, attempt
from tests.integration.anchors.stage import STACK
from tests.lab import Host

# of five managers, three keep the quorum
MOST_HOSTS_OUT = 2

Undo = Callable[[], None]


@dataclass
class Accidents:
    """Chooses and causes accidents. ``undo`` holds what brings the hosts back, by host name."""

    world: World
    records: Records
    timeline: Timeline
    rng: random.Random
    count: int = 0

    def __post_init__(self) -> None:
        self.undo: dict[str, Undo] = {}
        self._kinds: tuple[tuple[int, Callable[[], None]], ...] = (
            (3, self.crash),
            (2, self.lose_leader),
            (2, self.cut),
            (2, self.restart_engine),
            (2, self.drain),
            (3, self.kill_instance),
            (2, self.make_sick),
            (3, self.user_changes_service),
            (2, self.user_redeploys),
            (1, self.user_rolls_back),
            (2, self.user_moves_anchor),
            (1, self.user_labels_node),
            (2, self.edit_configuration),
            (2, self.give_command),
        )

    def cause_one(self) -> None:
        weights = [weight for weight, _kind in self._kinds]
        (kind,) = self.rng.choices([kind for _weight, kind in self._kinds], weights)
        self.count += 1
        kind()

    def undo_one(self) -> None:
        if self.undo:
            self.undo.pop(self.rng.choice(sorted(self.undo)))()

    def undo_all(self) -> None:
        while self.undo:
            self.undo_one()

    # hosts

    def _pick(self, *, leader: bool = False) -> Host | None:
        """Return a host that has no accident yet; None if too many have one."""
        lab = self.world.stage.swarm
        if len(self.undo) >= MOST_HOSTS_OUT:
            self.undo_one()
            return None
        if leader:
            host = attempt(lab.leader, 60, "a leader")
            return host if host.name not in self.undo else None
        return lab[self.rng.choice([name for name in HOSTS if name not in self.undo])]

    def crash(self, host: Host | None = None) -> None:
        host = host or self._pick()
        if host is None:
            return
        self.timeline.add(f"{host.name} loses power")
        host.crash()
        self.records.host_lost(host.name)
        self.undo[host.name] = lambda: self._boot(host)

    def _boot(self, host: Host) -> None:
        self.timeline.add(f"{host.name} boots")
        host.boot()
        self.world.configure()

    def lose_leader(self) -> None:
        host = self._pick(leader=True)
        if host is not None:
            self.crash(host)

    def cut(self) -> None:
        host = self._pick()
        if host is None:
            return
        self.timeline.add(f"{host.name} loses its network")
        self.records.host_cut(host.name)
        host.cut()

        def mend() -> None:
            self.timeline.add(f"{host.name} has its network again")
            host.mend()
            self.records.host_mended(host.name)
            self.world.configure()

        self.undo[host.name] = mend

    def restart_engine(self) -> None:
        host = self._pick()
        if host is None:
            return
        self.timeline.add(f"the engine of {host.name} restarts")
        self.records.host_lost(host.name)
        host.restart_engine()

    def drain(self) -> None:
        host = self._pick()
        if host is None:
            return
        self.timeline.add(f"the user drains {host.name}")
        stage = self.world.stage
        attempt(lambda: stage.set_availability(host.name, "drain"), 60, f"{host.name} to be drained")

        def activate() -> None:
            self.timeline.add(f"the user activates {host.name}")
            attempt(lambda: stage.set_availability(host.name, "active"), 60, f"{host.name} to be active")

        self.undo[host.name] = activate

    def kill_instance(self) -> None:
        """Kill one instance; it starts again, like a container would."""
        running = {
            name: loop
            for name, loop in self.world.instances.loops.items()
            if name not in self.undo and loop.process.poll() is None
        }
        if running:
            name = self.rng.choice(sorted(running))
            self.timeline.add(f"the instance on {name} is killed")
            running[name].process.send_signal(signal.SIGKILL)

    def make_sick(self) -> None:
        """Make a container unhealthy. It may end before that, so the command may fail."""
        places = [name for name in self.world.stage.places(RESTARTED) if name not in self.undo]
        if places:
            name = self.rng.choice(sorted(places))
            self.timeline.add(f"a container of {RESTARTED} on {name} becomes unhealthy")
            containers = f"$(docker ps -q -f name={RESTARTED})"
            script = f"for c in {containers}; do docker exec $c touch {SICK_FILE}; break; done; true"
            self.world.stage.swarm[name].sh(script)

    # users

    def _edit(self) -> Callable[[dict[str, Any]], None]:
        value = str(self.rng.randrange(10**6))

        def edit(spec: dict[str, Any]) -> None:
            spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"VALUE={value}"]
            spec["Labels"] = {**(spec.get("Labels") or {}), "release": value}

        return edit

    def _service(self) -> str:
        # not the queue: its start-first updates are overlaps that the user asks for
        return f"{STACK}_{self.rng.choice(['db', 'app', 'api', 'cache', 'front', 'web'])}"

    def user_changes_service(self) -> None:
        name, edit = self._service(), self._edit()
        self.timeline.add(f"the user changes {name}")
        attempt(lambda: self.world.ledger.change(name, edit), 60, f"{name} to be changed")

    def user_redeploys(self) -> None:
        name, edit = self._service(), self._edit()
        self.timeline.add(f"the user deploys {name} again")
        attempt(lambda: self.world.ledger.deploy(name, edit), 60, f"{name} to be deployed")

    def user_rolls_back(self) -> None:
        name = self._service()
        if name != RESTARTED:
            self.timeline.add(f"the user rolls {name} back")
            attempt(lambda: self.world.ledger.roll_back(name), 60, f"{name} to be rolled back")

    def user_moves_anchor(self) -> None:
        name = f"{STACK}_{self.rng.choice(['db', 'cache'])}"
        host = self.rng.choice(HOSTS)
        self.timeline.add(f"the user moves {name} off {host}")

        def edit(spec: dict[str, Any]) -> None:
            spec["TaskTemplate"]["Placement"]["Constraints"] = [f"node.hostname != {host}"]

        attempt(lambda: self.world.ledger.deploy(name, edit), 60, f"{name} to be deployed")

    def user_labels_node(self) -> None:
        host, value = self.rng.choice(HOSTS), str(self.rng.randrange(100))
        self.timeline.add(f"the user labels {host}")
        attempt(lambda: self.world.ledger.label_node(host, "owner", value), 60, f"{host} to get a label")

    def edit_configuration(self) -> None:
        host = self.rng.choice(HOSTS)
        labels = self.world.node_labels[host]
        if "rack" in labels:
            del labels["rack"]
        else:
            labels["rack"] = str(self.rng.randrange(10))
        self.timeline.add(f"the configuration of {host} is now {labels}")
        self.world.configure()

    def give_command(self) -> None:
        self.timeline.add(f"command {self.world.command_restart(self.rng)}: restart {RESTARTED}")

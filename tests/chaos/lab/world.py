# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swarm under test: its services, and Orcastra's configuration on every host."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import DONE, RUNNING
from tests.chaos.lab.ledger import Ledger
from tests.chaos.lab.timeline import Violation
from tests.integration.anchors.stage import JOURNAL, SECOND, STACK, Stage
from tests.lab.errors import LabError
from tests.lab.wait import wait_until
from tests.support.instances import Instances

HOSTS = ("alpha", "bravo", "charlie", "delta", "echo")
SETTINGS = {
    "EVENT_MODE": "true",
    "RELABEL_TIME": "5",
    "STACK_NAME": STACK,
    "AUTOHEAL_CHECK_INTERVAL": "2",
    "AUTOHEAL_GRACE_PERIOD": "0",
}
# anchor → its followers; app is an anchor too
DEPENDENCIES: dict[str, list[str]] = {"db": ["app"], "app": ["api"], "cache": ["queue", "front"]}
STATEFUL = ("shop_db", "shop_app", "shop_queue")
ONE_SHOT = "shop_migrate"
RESTARTED = "shop_web"
COMMANDS = "commands/swarm-orch.command.yml"
RULES = {
    "monitor_interval_seconds": 2,
    "default": {"sustained_high_minutes": 0, "memory_difference_gb": 0.12, "rebalance_buffer_gb": 0.03},
}
# a container is unhealthy while it has this file
SICK_FILE = "/tmp/sick"
HEALTH = {
    "Test": ["CMD-SHELL", f"test ! -e {SICK_FILE}"],
    "Interval": SECOND,
    "Retries": 2,
    "Timeout": 5 * SECOND,
}


class World:
    """The services of a small company, five hosts that are all managers, and an instance on each."""

    def __init__(self, stage: Stage, instances: Instances) -> None:
        self.stage = stage
        self.instances = instances
        self.ledger = Ledger(stage, frozenset(DEPENDENCIES))
        self.dependencies = {anchor: list(followers) for anchor, followers in DEPENDENCIES.items()}
        self.node_labels: dict[str, dict[str, str]] = {name: {"zone": name[0]} for name in HOSTS}
        self.commands: list[dict[str, str]] = []
        self._migrated = ""

    def deploy(self) -> None:
        stage = self.stage
        stage.deploy("db", constraints=["node.labels.zone != z"], volume=True, grace=5)
        stage.deploy("app", volume=True, grace=5)
        stage.deploy("api", replicas=2)
        stage.deploy("cache")
        stage.deploy("queue", volume=True, UpdateConfig={"Order": "start-first"})
        stage.deploy("front")
        stage.deploy(
            "web", replicas=3, UpdateConfig={"Order": "start-first"}, ContainerSpec={"Healthcheck": HEALTH}
        )
        stage.create("migrate", command=["sh", "-c", "exit 0"], RestartPolicy={"Condition": "none"})
        wait_until(self._migration, 60, "the one-shot service to complete")
        self._migrated = self._migration()
        for name in ("db", "app", "api", "cache", "queue", "front", "web"):
            self.ledger.record(f"{STACK}_{name}")

    def configure(self) -> None:
        """Write the current configuration to all hosts that are on."""
        nodes = {
            host.name: {"ip": host.ip, "labels": self.node_labels[host.name]} for host in self.stage.swarm
        }
        self.ledger.configured = {name: dict(labels) for name, labels in self.node_labels.items()}
        data = {"nodes": nodes, "dependencies": self.dependencies}
        files = {"rebalance_config.yml": json.dumps(RULES), COMMANDS: json.dumps(self.commands)}
        self.instances.configure(data, **files)

    def command_restart(self, rng: random.Random) -> str:
        number = len(self.commands) + 1
        self.commands.append(
            {"command": f"restart_service:{RESTARTED}", "id": f"chaos-{number}-{rng.randrange(10**6)}"}
        )
        self.configure()
        return self.commands[-1]["id"]

    # invariants

    def difference(self) -> str:
        """Return the first difference from the calm state as text, or an empty string."""
        stage = self.stage
        for node in stage.api("GET", "/nodes"):
            if node["Status"]["State"] != "ready":
                return f"{node['Description'].get('Hostname')} is {node['Status']['State']}"
        for anchor, followers in self.dependencies.items():
            names = [f"{STACK}_{name}" for name in followers]
            if found := stage.settled(f"{STACK}_{anchor}", *names):
                return found
        for service in stage.api("GET", "/services"):
            state = (service.get("UpdateStatus") or {}).get("State")
            if state in ("updating", "rollback_started"):
                return f"{service['Spec']['Name']} is {state}"
        if len(stage.places(RESTARTED)) != 3:
            return f"{RESTARTED} runs on {stage.places(RESTARTED)}"
        if self.commands and (left := self._commands_left()):
            return f"commands without a result: {left}"
        return self.ledger.label_difference()

    def _commands_left(self) -> list[str]:
        records = self._command_records()
        return [
            command["id"]
            for command in self.commands
            if records.get(f"id:{command['id']}", {}).get("status", RUNNING) == RUNNING
        ]

    def _command_records(self) -> dict[str, Any]:
        """Return the key of each command, such as ``id:chaos-1``, and its record."""
        return self.stage.remembered("orcastra.commands")

    def check(self) -> None:
        """Raise Violation if an invariant does not hold in the calm state."""
        self.ledger.check()
        for service in self.stage.api("GET", "/services"):
            constraints = (service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints") or ()
            if moving := [text for text in constraints if text.startswith("node.id")]:
                raise Violation("nothing is left behind", f"{service['Spec']['Name']} has {moving}")
        if journal := self.stage.remembered(JOURNAL):
            raise Violation("nothing is left behind", f"the journal has {journal}")
        if self._migration() != self._migrated:
            raise Violation("finished is finished", f"{ONE_SHOT} ran again")
        restarts = self.stage.service(RESTARTED)["Spec"]["TaskTemplate"].get("ForceUpdate", 0)
        states = [record["status"] for record in self._command_records().values()]
        # an instance that is killed in the middle of a command may have restarted the service or not
        if not states.count(DONE) <= restarts <= len(self.commands):
            raise Violation("commands at most once", f"{restarts} restarts, results {states}")
        for name, loop in [*self.instances.loops.items(), *self.instances.ended]:
            for entry in list(loop.entries):
                if entry.get("event") in ("done", "planned") and entry.get("action") and not entry.get("why"):
                    raise Violation("every action has a reason", f"{name}: {entry}")

    def _migration(self) -> str:
        """Return the ID of the completed task of the one-shot service, or an empty string."""
        tasks = [task for task in self.stage.tasks(ONE_SHOT) if task["Status"]["State"] == "complete"]
        return ",".join(sorted(task["ID"] for task in tasks))


def attempt(action: Callable[[], Any], seconds: float, what: str) -> Any:
    """Repeat an action of the user while the swarm has no leader or an update is out of sequence."""

    def call() -> tuple[Any]:
        return (action(),)

    try:
        return wait_until(call, seconds, what, interval=1)[0]
    except LabError as error:
        raise Violation("the swarm answers", str(error)) from error

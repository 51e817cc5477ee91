# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A random small swarm, and the changes that its user makes."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.sim import Behaviour, Sim, swarm

SECOND = 1_000_000_000
MIB = 1024**2
NOW = 1_800_000_000.0
WORKERS = ("delta", "echo", "foxtrot")
MANAGERS = ("alpha", "bravo", "charlie")
STATEFUL = ("files",)
ACTIONS = ("move", "crash", "edit", "redeploy", "rollback", "scale", "kill")
OURS = "orcastra."


class Scenario:
    """A swarm made from ``seed``: anchors with a chain, stateful, stateless and one-shot services.

    ``expected`` has the user's own spec of each service, ``labels`` the user's own labels of each node.
    """

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.sim: Sim = swarm(MANAGERS, WORKERS, seed=seed, now=NOW, heartbeat_seconds=2)
        self.balances = chance.random() < 0.5
        self.action = chance.choice(ACTIONS)
        dependencies: dict[str, Any] = {"db": {"services": ["app", "files"], "relocate": "ordered"}}
        self.followers = {"app": "db", "files": "db"}
        if chance.random() < 0.5:
            dependencies["files"] = {"services": ["thumbs"]}
            self.followers["thumbs"] = "files"
        self.has_job = chance.random() < 0.5
        if self.has_job:
            dependencies["db"]["services"].append("job")
        self.data: dict[str, Any] = {
            "nodes": {"delta": {"labels": ["ssd"]}, "echo": {"labels": {"zone": "b"}}},
            "dependencies": dependencies,
        }
        self.labels = {name: {"owner": name} for name in (*WORKERS, *MANAGERS)}
        self.expected: dict[str, Any] = {}
        self.crashed: list[str] = []
        self.user_wrote: Counter[str] = Counter()
        self._build()

    def _build(self) -> None:
        sim, chance = self.sim, self.chance
        for node in sim.store.nodes.values():
            node.memory_bytes, node.base_memory_bytes = 1024 * MIB, 160 * MIB
            node.spec["Labels"] = dict(self.labels[node.hostname])
        home = sim.node(chance.choice(WORKERS))
        sim.behave("files", Behaviour(stop_seconds=chance.choice([0.2, 2.0, 4.0]), memory_bytes=20.0 * MIB))
        sim.behave("job", Behaviour(runs_seconds=3.0))
        sim.place(spec("db", "node.role==worker"), [home])
        sim.place(spec("app", "node.role==worker"), [home] * chance.choice([1, 2]))
        volume = [{"Type": "volume", "Source": "data", "Target": "/data"}]
        sim.place(spec("files", Mounts=volume), [home])
        if "thumbs" in self.followers:
            sim.place(spec("thumbs"), [home])
        if self.has_job:
            sim.place(spec("job", restart="none"), [home])
        sim.place(spec("other", "node.labels.owner==echo"), [sim.node("echo")])
        if self.balances:
            for number in range(3):
                sim.behave(f"heavy{number}", Behaviour(memory_bytes=200.0 * MIB))
                sim.place(spec(f"heavy{number}"), [sim.node("foxtrot")])
        for service in sim.store.services.values():
            self.expected[service.id] = own(service.spec.raw, service.id)

    def update(self, name: str, raw: Mapping[str, Any], **query: str) -> None:
        """Write a service as its user."""
        service = self.sim.service(name)
        request = {"version": str(service.version), **query}
        self.sim._api._writes.update_service(service.id, request, dict(raw))
        self.sim._settle()
        self.user_wrote[name] += 1
        self.expected[service.id] = own(self.sim.service(name).spec.raw, service.id)

    def disturb(self) -> None:
        """Do what the scenario is about."""
        sim, chance = self.sim, self.chance
        with sim.lock:
            (home, *_rest) = sim.where("db") or ["delta"]
            target = chance.choice([name for name in WORKERS if name != home])
            if self.action == "move":
                self.update(
                    "db", changed(sim.service("db").spec.raw, "node.role==worker", f"node.hostname=={target}")
                )
            elif self.action == "crash":
                sim.crash(home)
                self.crashed.append(home)
            elif self.action == "edit":
                self.data["nodes"]["delta"]["labels"] = ["zfs"]
                self.data["dependencies"]["db"]["services"].remove("app")
                del self.followers["app"]
                self.data["dependencies"]["other"] = {"services": ["app"]}
                self.followers["app"] = "other"
            elif self.action == "redeploy":
                fresh = copy.deepcopy(self.expected[sim.service("files").id])
                fresh["TaskTemplate"]["ContainerSpec"]["Image"] = "y"
                self.update("files", fresh)
            elif self.action == "rollback":
                self.update("app", changed(sim.service("app").spec.raw, image="y"))
                sim.advance(1)
                if sim.service("app").previous is not None:
                    self.update("app", sim.service("app").spec.raw, rollback="previous")
                self.update(
                    "db", changed(sim.service("db").spec.raw, "node.role==worker", f"node.hostname=={target}")
                )
            elif self.action == "scale":
                raw = copy.deepcopy(sim.service("app").spec.raw)
                raw["Mode"] = {"Replicated": {"Replicas": 3}}
                self.update("app", raw)
            else:
                sim.kill("db", home, 1)
                sim.kill("files", home, 1)

    def end(self) -> None:
        """Bring all hosts back."""
        for name in self.crashed:
            self.sim.boot(name)
        self.crashed.clear()


def spec(name: str, *constraints: str, restart: str = "any", **container: object) -> dict[str, Any]:
    return {
        "Name": name,
        "Labels": {"team": "shop"},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "x", **container},
            "RestartPolicy": {"Condition": restart},
            "Placement": {"Constraints": list(constraints)},
        },
        "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND},
    }


def changed(raw: Mapping[str, Any], *constraints: str, image: str | None = None) -> dict[str, Any]:
    found = copy.deepcopy(dict(raw))
    if constraints:
        found["TaskTemplate"]["Placement"] = {"Constraints": list(constraints)}
    if image is not None:
        found["TaskTemplate"]["ContainerSpec"]["Image"] = image
    return found


def own(raw: Mapping[str, Any], service_id: str) -> dict[str, Any]:
    """The user's part of a spec: without the constraints and labels that Orcastra records as its own."""
    found = copy.deepcopy(dict(raw))
    labels = found.get("Labels") or {}
    ours = Counter(json.loads(labels.get("orcastra.constraints", "[]")))
    placement = found["TaskTemplate"].get("Placement") or {}
    kept = []
    for text in placement.get("Constraints") or ():
        if ours[text] > 0:
            ours[text] -= 1
        else:
            kept.append(text)
    found["TaskTemplate"]["Placement"] = {**placement, "Constraints": kept}
    before = json.loads(labels.get("orcastra.replicas", "{}"))
    if before.get("service") == service_id:
        found["Mode"] = {"Replicated": {"Replicas": before["replicas"]}}
    found["Labels"] = {key: value for key, value in labels.items() if not key.startswith(OURS)}
    found["TaskTemplate"].pop("ForceUpdate", None)
    return found

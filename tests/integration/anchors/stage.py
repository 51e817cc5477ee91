# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploys, changes and observes anchors and followers in the lab's swarm."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.lab import Host, Lab
from tests.lab.wait import wait_until
from tests.support.log_entry import sentence
from tests.support.runner_process import Loop, running

STACK = "shop"
STATE = "orcastra.state"
JOURNAL = "orcastra.journal"
ATTEMPTS = "orcastra.attempts"
SECOND = 1_000_000_000

# a container that stops slowly
SLOW_TO_STOP = ["sh", "-c", "trap 'sleep 5; exit 0' TERM; while :; do sleep 0.1; done"]


class Stage:
    """The shared lab, and Orcastra's configuration."""

    def __init__(self, swarm: Lab, folder: Path) -> None:
        self.swarm = swarm
        self.folder = folder
        self.loops: list[Loop] = []

    # Orcastra

    def configure(self, dependencies: Mapping[str, Any]) -> None:
        """Write the configuration file. A running loop reloads it within two seconds."""
        fresh = self.folder / "fresh"
        fresh.write_text(json.dumps({"dependencies": dependencies}))
        fresh.replace(self.folder / "swarm.yml")

    @contextlib.contextmanager
    def orcastra(
        self, host: Host | None = None, engine: str | None = None, **settings: str
    ) -> Iterator[Loop]:
        """Start ``orcastra run`` in event mode, on the leader's engine unless another one is given."""
        address = engine or (host or self.swarm.leader()).docker_host
        variables = {"EVENT_MODE": "true", "RELABEL_TIME": "1", "STACK_NAME": STACK, **settings}
        with running(self.folder, address, **variables) as loop:
            self.loops.append(loop)
            yield loop

    # Services

    def deploy(
        self,
        name: str,
        *,
        on: str | None = None,
        constraints: Sequence[str] = (),
        volume: bool = False,
        replicas: int = 1,
        command: Sequence[str] = (),
        grace: float | None = None,
        stack: str | None = STACK,
        **template: Any,
    ) -> None:
        """Create a service ``<stack>_<name>`` and wait until it runs.

        :param on: the only allowed host
        :param grace: its stop_grace_period in seconds
        :param template: fields of its TaskTemplate: ``RestartPolicy``, ``Resources``, further fields of its
            ``ContainerSpec``; also ``UpdateConfig``
        """
        self.create(
            name,
            on=on,
            constraints=constraints,
            volume=volume,
            replicas=replicas,
            command=command,
            grace=grace,
            stack=stack,
            **template,
        )
        full = full_name(name, stack)
        wait_until(lambda: len(self.places(full)) == replicas, 30, f"{full} to run")

    def create(
        self,
        name: str,
        *,
        on: str | None = None,
        constraints: Sequence[str] = (),
        volume: bool = False,
        replicas: int = 1,
        command: Sequence[str] = (),
        grace: float | None = None,
        stack: str | None = STACK,
        **template: Any,
    ) -> None:
        """Like ``deploy``, without waiting."""
        update = template.pop("UpdateConfig", {})
        container: dict[str, Any] = {"Image": "orcastra/app", **template.pop("ContainerSpec", {})}
        if command:
            container["Command"] = list(command)
        if grace is not None:
            container["StopGracePeriod"] = int(grace * SECOND)
        if volume:
            container["Mounts"] = [{"Type": "volume", "Source": f"{name}-data", "Target": "/data"}]
        placement = [*constraints, *([f"node.hostname == {on}"] if on is not None else [])]
        spec = {
            "Name": full_name(name, stack),
            "Labels": {"com.docker.stack.namespace": stack} if stack else {},
            "TaskTemplate": {
                "ContainerSpec": container,
                "Placement": {"Constraints": placement},
                "RestartPolicy": {"Condition": "any", "Delay": SECOND // 5},
                **template,
            },
            "Mode": {"Replicated": {"Replicas": replicas}},
            "UpdateConfig": {"Parallelism": 1, "Monitor": SECOND // 2, **update},
            "EndpointSpec": {"Mode": "dnsrr"},
        }
        self.api("POST", "/services/create", spec)

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/services/{name}")
        return found

    def change(self, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change a service's spec by hand."""

        def write() -> bool:
            found = self.service(name)
            edit(found["Spec"])
            query = {"version": str(found["Version"]["Index"])}
            self.api("POST", f"/services/{found['ID']}/update", found["Spec"], query)
            return True

        wait_until(write, 20, f"{name} to be changed by hand")

    def constraints(self, name: str) -> list[str]:
        placement = self.service(name)["Spec"]["TaskTemplate"].get("Placement") or {}
        return list(placement.get("Constraints") or ())

    def constrain(self, name: str, *constraints: str) -> None:
        """Replace a service's constraints, like ``docker stack deploy``."""

        def edit(spec: dict[str, Any]) -> None:
            spec["TaskTemplate"]["Placement"] = {"Constraints": list(constraints)}

        self.change(name, edit)

    def move(self, name: str, to: str) -> None:
        """Move a service of one replica by hand, and wait until it runs there."""
        self.constrain(name, f"node.hostname == {to}")
        wait_until(lambda: self.places(name) == [to], 30, f"{name} to run on {to}")

    def scale(self, name: str, replicas: int) -> None:
        def edit(spec: dict[str, Any]) -> None:
            spec["Mode"]["Replicated"]["Replicas"] = replicas

        self.change(name, edit)

    def tasks(self, name: str) -> list[dict[str, Any]]:
        """Return all tasks of a service that Swarm still lists."""
        found: list[dict[str, Any]] = self.api("GET", "/tasks", query={"filters": {"service": [name]}})
        return found

    def running(self, name: str) -> list[str]:
        """Return the IDs of the service's running containers."""
        return [
            task["Status"]["ContainerStatus"]["ContainerID"]
            for task in self.tasks(name)
            if task["Status"]["State"] == "running"
        ]

    def places(self, name: str) -> list[str]:
        """Return one host for each desired task of the service, or [] unless all are running."""
        names = {node["ID"]: node["Description"]["Hostname"] for node in self.api("GET", "/nodes")}
        desired = [task for task in self.tasks(name) if task["DesiredState"] in ("running", "ready")]
        if any(task["Status"]["State"] != "running" for task in desired):
            return []
        return sorted(names[task["NodeID"]] for task in desired)

    # Nodes

    def node(self, name: str) -> dict[str, Any]:
        nodes = self.api("GET", "/nodes")
        found: dict[str, Any] = next(item for item in nodes if item["Description"]["Hostname"] == name)
        return found

    def labelled(self, key: str) -> list[str]:
        """Return the hosts whose nodes have the label ``key=true``."""
        nodes = self.api("GET", "/nodes")
        return sorted(
            node["Description"]["Hostname"]
            for node in nodes
            if (node["Spec"].get("Labels") or {}).get(key) == "true"
        )

    def set_availability(self, name: str, availability: str) -> None:
        def write() -> bool:
            found = self.node(name)
            query = {"version": str(found["Version"]["Index"])}
            spec = {**found["Spec"], "Availability": availability}
            self.api("POST", f"/nodes/{found['ID']}/update", spec, query)
            return True

        wait_until(write, 20, f"{name} to be {availability}")

    def is_down(self, name: str) -> bool:
        return bool(self.node(name)["Status"]["State"] == "down")

    # Saved state

    def remembered(self, section: str) -> dict[str, Any]:
        """Return one section of the saved state."""
        for config in self.api("GET", "/configs"):
            if config["Spec"]["Name"] == STATE:
                found: dict[str, Any] = json.loads((config["Spec"].get("Labels") or {}).get(section, "{}"))
                return found
        return {}

    # The whole swarm

    def settled(self, anchor: str, *followers: str, label: str | None = None) -> str:
        """Return the first difference from the final state as text, or an empty string.

        In the final state, followers run on their anchor's node, only that node has the label, followers have
        one managed constraint (or the user's own), and the journal is empty.
        """
        anchor_on = sorted(set(self.places(anchor)))
        if not anchor_on:
            return f"{anchor} does not run"
        key = label or anchor.removeprefix(f"{STACK}_")
        if self.labelled(key) != anchor_on:
            return f"label {key} is on {self.labelled(key)}, {anchor} on {anchor_on}"
        for follower in followers:
            places = self.places(follower)
            if not places or not set(places) <= set(anchor_on):
                return f"{follower} is on {places}, {anchor} on {anchor_on}"
            moving = [text for text in self.constraints(follower) if text.startswith("node.id")]
            if moving:
                return f"{follower} has {moving}"
            if held_by(self.constraints(follower), key) != 1:
                return f"{follower} has {self.constraints(follower)}"
        journal = self.remembered(JOURNAL)
        return f"the journal has {journal}" if journal else ""

    def wait_settled(
        self,
        anchor: str,
        *followers: str,
        label: str | None = None,
        on: str | None = None,
        timeout: float = 45,
    ) -> None:
        """Wait for the final state. ``on`` is the anchor's expected host."""

        def is_settled() -> bool:
            found = self.settled(anchor, *followers, label=label)
            if not found and on is not None and set(self.places(anchor)) != {on}:
                found = f"{anchor} is on {self.places(anchor)}, not on {on}"
            last[0] = found
            return not found

        last = [""]
        try:
            wait_until(is_settled, timeout, "everything to be settled")
        except Exception as error:
            raise AssertionError(f"{error}: {last[0]}\n{self.said()}") from error

    def said(self) -> str:
        """Return the logs of all loops, for the report of a failed test."""
        entries = [entry for loop in self.loops for entry in loop.entries if entry.get("level") != "debug"]
        entries.sort(key=lambda entry: str(entry["time"]))
        return "\n".join(f"{entry['time']} {sentence(entry)}" for entry in entries[-60:])

    def wait_settled_on(self, label: str, host: str, *followers: str, timeout: float = 45) -> None:
        """Wait until only ``host`` has the label, and the followers run there with one constraint on it."""

        def is_settled() -> bool:
            are_there = all(
                self.places(name) == [host] and held_by(self.constraints(name), label) == 1
                for name in followers
            )
            return are_there and self.labelled(label) == [host]

        wait_until(is_settled, timeout, f"label {label} and {', '.join(followers)} to be on {host}")

    def update_state(self, name: str) -> str | None:
        found: str | None = (self.service(name).get("UpdateStatus") or {}).get("State")
        return found

    def versions(self, *names: str) -> dict[str, int]:
        """Return the versions of the services' specs."""
        return {name: self.service(name)["Version"]["Index"] for name in names}

    def task_ids(self, *names: str) -> dict[str, set[str]]:
        return {name: {task["ID"] for task in self.tasks(name)} for name in names}

    def api(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """Send a request to the leader's engine."""
        return self.swarm.leader().api(method, path, body, query)


def held_by(constraints: Sequence[str], label: str) -> int:
    """Count the constraints that require a label, in any spelling."""
    return sum(text.replace(" ", "") == f"node.labels.{label}==true" for text in constraints)


def full_name(name: str, stack: str | None) -> str:
    return f"{stack}_{name}" if stack else name


def cycles(loop: Loop, count: int, timeout: float = 60) -> None:
    """Wait until the loop has observed the swarm ``times`` more times."""
    seen = loop.said("swarm observed")
    loop.wait_for("swarm observed", times=seen + count, timeout=timeout)

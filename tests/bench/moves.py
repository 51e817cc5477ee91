# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time until followers are co-located with an anchor that moved, compared with the engines' minimum.

All times start when the anchor's new task runs, according to its engine. For the engines' minimum, the
benchmark makes the same changes itself, at once, instead of Orcastra.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.report import Table, calm_down, load_average, median, percentile
from tests.bench.runner import apply_configuration, running
from tests.bench.swarms import IMAGE, STACK
from tests.bench.upstream import INTERVAL_SECONDS, UpstreamLoop
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.wait import wait_until

ANCHOR = "db"
FOLLOWERS = ("app", "cache", "worker")
SAMPLE_SECONDS = 0.03
MONITOR_SECONDS = 1
"""Swarm's update monitor: the default of 5 s would lengthen the run without changing the figures."""

_LONGEST_SECONDS = 180
# with an interval of a minute
_SLOW_MOVES = 6
_STATE = "orcastra.state"


@dataclass(frozen=True)
class Way:
    """A method of moving the followers.

    ``settings``: the runner's variables, or None to move them by hand. ``delay_seconds``: Swarm's
    ``restart_policy.delay``. ``upstream_seconds``: the interval of the upstream project's loop, if that moves
    them.
    """

    name: str
    relocate: str
    settings: dict[str, str] | None = None
    delay_seconds: float = 5
    upstream_seconds: float | None = None

    @property
    def relabel_time(self) -> float:
        return float((self.settings or {}).get("RELABEL_TIME", 60))

    @property
    def phase_seconds(self) -> float:
        """The range over which the moves start, to cover all phases of the interval."""
        return self.upstream_seconds or min(self.relabel_time, 2)


_EVENTS, _POLLING = {"EVENT_MODE": "true"}, {"RELABEL_TIME": "2"}
WAYS = (
    Way("engines alone, by constraint", "ordered"),
    Way("ordered, event mode", "ordered", _EVENTS),
    Way("ordered, polling every 2 s", "ordered", _POLLING),
    Way("engines alone, by label", "evict"),
    Way("evict, event mode", "evict", _EVENTS),
    Way("evict, polling every 2 s", "evict", _POLLING),
    Way("upstream's algorithm, every 60 s", "evict", upstream_seconds=INTERVAL_SECONDS),
    Way("engines alone, by label, restart delay 0", "evict", delay_seconds=0),
    Way("evict, event mode, restart delay 0", "evict", _EVENTS, delay_seconds=0),
)


@dataclass(frozen=True)
class Times:
    """Seconds from the anchor's start on its new node until all orders are written, and until all run."""

    orders: float
    together: float


@dataclass(frozen=True)
class Seen:
    """The swarm at one moment: nodes by ID; services and active tasks by service name without the stack."""

    at: float
    nodes: dict[str, dict[str, Any]]
    services: dict[str, dict[str, Any]]
    tasks: dict[str, list[dict[str, Any]]]

    def runs_since(self, name: str, node_id: str) -> float | None:
        """Return when a service's last task started on this node, or None unless all run there."""
        tasks = self.tasks.get(name, [])
        if not tasks or any(t["NodeID"] != node_id or t["Status"]["State"] != "running" for t in tasks):
            return None
        return max(datetime.fromisoformat(task["Status"]["Timestamp"]).timestamp() for task in tasks)

    def labelled(self) -> set[str]:
        return {node_id for node_id, node in self.nodes.items() if ANCHOR in (node["Spec"]["Labels"] or {})}

    def constraints(self, name: str) -> list[str]:
        placement = self.services[name]["Spec"]["TaskTemplate"].get("Placement") or {}
        return placement.get("Constraints") or []


def new_table(repeat: int) -> Table:
    parts = ("orders", "orders to together", "together")
    return Table(
        f"An anchor with {len(FOLLOWERS)} followers moves {repeat} times: seconds after its new task runs",
        ["method", *(f"{part} {which}" for part in parts for which in ("median", "p95"))],
        notes=[
            "orders: all followers' placement is written. together: all run on the anchor's node.",
            "engines alone: the same orders, written by hand as soon as the anchor runs.",
            f"Orders are detected with a delay of up to {SAMPLE_SECONDS:g} s and three requests.",
            "Task start times come from the engine. Containers exit immediately on SIGTERM.",
            "By label, Swarm waits for restart_policy.delay (5 s by default) before it starts the new task.",
        ],
    )


def measure(table: Table, lab: Lab, way: Way, repeat: int, folder: Path) -> None:
    """Add a row."""
    calm_down()
    before = load_average()
    manager = lab.leader()
    _deploy(manager, way)
    if way.upstream_seconds is not None:
        followers = [f"{STACK}_{name}" for name in FOLLOWERS]
        loop = UpstreamLoop(manager, f"{STACK}_{ANCHOR}", followers, ANCHOR, _set_label)
        with loop.running(way.upstream_seconds):
            times = _moves(manager, way, min(repeat, _SLOW_MOVES))
    elif way.settings is None:
        times = _moves(manager, way, repeat)
    else:
        desired = {"dependencies": {ANCHOR: {"services": list(FOLLOWERS), "relocate": way.relocate}}}
        apply_configuration(manager.docker_host, desired, folder)
        with running(manager.ip, desired, way.relabel_time, folder, **way.settings):
            times = _moves(manager, way, repeat)
    columns = ([t.orders for t in times], [t.together - t.orders for t in times], [t.together for t in times])
    table.rows.append(
        (way.name, *(cell for column in columns for cell in (median(column), percentile(column, 95))))
    )
    table.load = (table.load[0] or before, load_average())


def _moves(manager: Host, way: Way, repeat: int) -> list[Times]:
    times = []
    for n in range(repeat):
        wait_until(
            lambda: _is_calm(_look(manager), manager, way), _LONGEST_SECONDS, "the swarm to be calm", 0.1
        )
        time.sleep((n + 0.5) / repeat * way.phase_seconds)
        seen = _look(manager)
        ids = sorted(seen.nodes)
        (home,) = (task["NodeID"] for task in seen.tasks[ANCHOR])
        times.append(_move(manager, way, ids[(ids.index(home) + 1 + n % 2) % len(ids)], home))
    return times


def _move(manager: Host, way: Way, target: str, source: str) -> Times:
    _set_constraints(manager, ANCHOR, [f"node.id=={target}"])
    moved: float | None = None
    ordered: float | None = None
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        seen = _look(manager)
        if moved is None:
            moved = seen.runs_since(ANCHOR, target)
            if moved is None:
                continue
            if way.settings is None and way.upstream_seconds is None:
                _act_by_hand(manager, way, seen, target)
                seen = _look(manager)
        if ordered is None and _is_ordered(seen, way, target, source):
            ordered = seen.at
        since = [seen.runs_since(name, target) for name in FOLLOWERS]
        if ordered is not None and all(moment is not None for moment in since):
            return Times(ordered - moved, max(moment for moment in since if moment is not None) - moved)
        time.sleep(SAMPLE_SECONDS)
    raise RuntimeError(f"{way.name}: the followers are not on the anchor's node after {_LONGEST_SECONDS} s")


def _is_ordered(seen: Seen, way: Way, target: str, source: str) -> bool:
    if way.relocate == "evict":
        return target in seen.labelled() and source not in seen.labelled()
    return all(f"node.id=={target}" in seen.constraints(name) for name in FOLLOWERS)


def _is_calm(seen: Seen, manager: Host, way: Way) -> bool:
    """Return whether all are co-located, Swarm monitors no update, and Orcastra has no pending changes."""
    homes = {task["NodeID"] for task in seen.tasks[ANCHOR]}
    if len(homes) != 1 or any(seen.runs_since(name, *homes) is None for name in (ANCHOR, *FOLLOWERS)):
        return False
    if any((s.get("UpdateStatus") or {}).get("State") == "updating" for s in seen.services.values()):
        return False
    if way.settings is None:
        return True
    if seen.labelled() != homes or any("node.id" in c for name in FOLLOWERS for c in seen.constraints(name)):
        return False
    states = [c["Spec"]["Labels"] for c in manager.api("GET", "/configs") if c["Spec"]["Name"] == _STATE]
    return not any(
        labels.get(f"orcastra.{section}", "{}") != "{}"
        for labels in states
        for section in ("moves", "attempts")
    )


def _act_by_hand(manager: Host, way: Way, seen: Seen, target: str) -> None:
    """Make the changes of an administrator who reacts immediately."""
    if way.relocate == "ordered":
        for name in FOLLOWERS:
            _set_constraints(manager, name, [f"node.id=={target}"])
        return
    _set_label(manager, target, True)
    for node_id in seen.labelled() - {target}:
        _set_label(manager, node_id, False)


def _deploy(manager: Host, way: Way) -> None:
    """Deploy the services from scratch, on the first node."""
    for service in manager.api("GET", "/services"):
        manager.api("DELETE", f"/services/{service['ID']}")
    wait_until(lambda: not manager.api("GET", "/tasks"), 60, "the old tasks to be gone")
    first = min(_look(manager).nodes)
    for node_id in _look(manager).nodes:
        _set_label(manager, node_id, node_id == first)
    by_label = way.settings is not None or way.relocate == "evict"
    for name in (ANCHOR, *FOLLOWERS):
        beside = [f"node.labels.{ANCHOR} == true"] if by_label else [f"node.id=={first}"]
        manager.api(
            "POST",
            "/services/create",
            _service(name, way, [f"node.id=={first}"] if name == ANCHOR else beside),
        )


def _service(name: str, way: Way, constraints: list[str]) -> dict[str, Any]:
    return {
        "Name": f"{STACK}_{name}",
        "Labels": {"com.docker.stack.namespace": STACK},
        "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE},
            "Placement": {"Constraints": constraints},
            "RestartPolicy": {"Condition": "any", "Delay": int(way.delay_seconds * 1e9)},
            # the host's network needs no setup
            "Networks": [{"Target": "host"}],
            "LogDriver": {"Name": "none"},
        },
        "UpdateConfig": {"Parallelism": 1, "Order": "stop-first", "Monitor": int(MONITOR_SECONDS * 1e9)},
        "Mode": {"Replicated": {"Replicas": 1}},
    }


def _look(manager: Host) -> Seen:
    tasks: dict[str, list[dict[str, Any]]] = {}
    found = manager.api("GET", "/services")
    services = {service["ID"]: service["Spec"]["Name"].removeprefix(f"{STACK}_") for service in found}
    for task in manager.api("GET", "/tasks", query={"filters": {"desired-state": ["running", "ready"]}}):
        if task["ServiceID"] in services:
            tasks.setdefault(services[task["ServiceID"]], []).append({"NodeID": "", **task})
    nodes = {node["ID"]: node for node in manager.api("GET", "/nodes")}
    return Seen(time.time(), nodes, {services[s["ID"]]: s for s in found}, tasks)


def _set_constraints(manager: Host, name: str, constraints: list[str]) -> None:
    def write() -> bool:
        service = manager.api("GET", f"/services/{STACK}_{name}")
        service["Spec"]["TaskTemplate"].setdefault("Placement", {})["Constraints"] = constraints
        path = f"/services/{service['ID']}/update"
        manager.api("POST", path, service["Spec"], {"version": service["Version"]["Index"]})
        return True

    wait_until(write, 30, f"the constraints of {name} to be written", 0.01)


def _set_label(manager: Host, node_id: str, there: bool) -> None:
    def write() -> bool:
        node = manager.api("GET", f"/nodes/{node_id}")
        labels = {key: value for key, value in (node["Spec"]["Labels"] or {}).items() if key != ANCHOR}
        spec = {**node["Spec"], "Labels": {**labels, ANCHOR: "true"} if there else labels}
        if spec != node["Spec"]:
            manager.api("POST", f"/nodes/{node_id}/update", spec, {"version": node["Version"]["Index"]})
        return True

    wait_until(write, 30, f"the label of node {node_id} to be written", 0.01)

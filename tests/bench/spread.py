# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loss and return of a host: time until tasks are spread again, restarts, failed requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.bench.report import Table, load_average
from tests.bench.runner import running
from tests.bench.swarms import IMAGE
from tests.integration import traffic
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.wait import wait_until

# replicas of the services besides ``web``, which has three
REPLICAS = (1, 1, 1, 1, 1, 1, 2, 2, 5, 1, 1)
SECOND = 1_000_000_000
SAMPLE_SECONDS = 1.0
LONGEST_SECONDS = 900
# without a change for this long, the swarm is at rest
REST_SECONDS = 90


def new_table() -> Table:
    return Table(
        f"A host of five is lost and returns: {len(REPLICAS) + 1} services, one under traffic",
        [
            "seconds until spread",
            "moves",
            "most tasks",
            "fewest tasks",
            "restarted",
            "requests",
            "failed",
        ],
        notes=[
            "Seconds until spread: from power-on to the last move, with the 120 s that a node must settle.",
            "Failed: after the host is back. Each request is sent once; see tests/integration/traffic.py.",
        ],
    )


def measure(table: Table, lab: Lab, folder: Path, say: Callable[[str], None]) -> None:
    """Add the row. Raises LabError if the swarm does not recover."""
    before = load_average()
    manager, lost_host = lab.leader(), lab.hosts[-1]
    lost = lost_host.name
    traffic.start(lab, IMAGE, 3)
    for number, replicas in enumerate(REPLICAS):
        manager.api("POST", "/services/create", _spec(f"small{number:02}", replicas))
    expected = sum(REPLICAS) + 3
    wait_until(lambda: len(_tasks(manager)) == expected, 300, "all services to run", 1)
    (folder / "rebalance_config.yml").write_text(yaml.safe_dump({"spread": {}}))
    with running(manager.ip, {"nodes": {}}, 60, folder):
        say(f"  before: {_totals(_tasks(manager))}")
        _rest(manager)
        say(f"  at rest: {_totals(_tasks(manager))}")
        lost_host.crash()
        wait_until(lambda: lost not in _totals(_tasks(manager)), 120, "Swarm to notice the loss", 1)
        wait_until(lambda: len(_tasks(manager)) == expected, 300, "Swarm to replace the tasks", 1)
        _rest(manager)
        seen = _tasks(manager)
        say(f"  without {lost}: {_totals(seen)}")
        failed_before = len(_failures(lab, lost))
        lost_host.boot()
        started = time.monotonic()
        last, restarted = started, 0
        moves = 0
        while time.monotonic() < started + LONGEST_SECONDS:
            now = _tasks(manager)
            if len(now) == expected and now != seen:
                new = Counter((service, node) for task, (service, node) in now.items() if task not in seen)
                gone = Counter((service, node) for task, (service, node) in seen.items() if task not in now)
                # a new task of the same service on the same node is a restart without a move
                restarted += sum((new & gone).values())
                moves += sum((new - gone).values())
                last, seen = time.monotonic(), now
                say(f"  {last - started:5.0f} s: {_totals(now)}")
            elif lost in _totals(now) and time.monotonic() > last + REST_SECONDS:
                break
            time.sleep(SAMPLE_SECONDS)
    counted = traffic.stop(lab)
    totals = _totals(seen)
    failures = len(counted.failures) - failed_before
    for failure in counted.failures[failed_before:]:
        say(f"  {failure}")
    fewest = min(totals[host.name] for host in lab)
    requests = counted.answered + failures
    row = (last - started, moves, max(totals.values()), fewest, restarted, requests, failures)
    table.rows.append(row)
    table.load = (before, load_average())


def _rest(manager: Host) -> None:
    """Wait until no task has changed for a while."""
    last, seen = time.monotonic(), _tasks(manager)

    def is_at_rest() -> bool:
        nonlocal last, seen
        now = _tasks(manager)
        if now != seen:
            last, seen = time.monotonic(), now
        return time.monotonic() > last + REST_SECONDS

    wait_until(is_at_rest, LONGEST_SECONDS, "the tasks to stay where they are", SAMPLE_SECONDS)


def _spec(name: str, replicas: int) -> dict[str, Any]:
    return {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": IMAGE, "Args": ["sleep", "100000"], "Init": True}},
        "Mode": {"Replicated": {"Replicas": replicas}},
    }


def _tasks(manager: Host) -> dict[str, tuple[str, str]]:
    """Return running task → its service ID and host name, without those of global services."""
    names = {node["ID"]: node["Description"]["Hostname"] for node in manager.api("GET", "/nodes")}
    found = {}
    for task in manager.api("GET", "/tasks"):
        is_running = task["DesiredState"] == task["Status"]["State"] == "running"
        if is_running and task.get("Slot"):
            found[task["ID"]] = (task["ServiceID"], names[task["NodeID"]])
    return found


def _totals(tasks: dict[str, tuple[str, str]]) -> Counter[str]:
    return Counter(node for _service, node in tasks.values())


def _failures(lab: Lab, lost: str) -> list[str]:
    """Return the failed requests of the clients that still run."""
    lines = (line for host in lab if host.name != lost for line in traffic.lines(lab, host.name))
    return [line for line in lines if line != "ok"]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time the playbooks over SSH: from bare hosts to a labelled swarm, and repair after each accident."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._model import errors
from tests.bench.report import Table, calm_down, load_average
from tests.bench.swarms import IMAGE
from tests.integration import accidents
from tests.integration.playbooks.conftest import Playbooks, ssh_inventory
from tests.lab import Lab
from tests.lab.errors import LabError

BOOTSTRAP = "orcastra.swarm.bootstrap"
HEAL = "orcastra.swarm.heal"
HEARTBEAT_SECONDS = 2


def new_table() -> Table:
    return Table(
        "Bootstrap of three bare hosts, and repair after accidents: one playbook run each",
        ["case", "seconds", "changed tasks", "changed tasks, second run", "seconds, second run"],
        notes=["All hosts are managers. After each run, roles, states and labels match the configuration."],
    )


def measure(table: Table, lab: Lab, folder: Path, say: Callable[[str], None]) -> None:
    """Add a row for the bootstrap and one for each accident. Raises LabError if a repair fails."""
    calm_down()
    before = load_average()
    run = _runner(table, lab, Playbooks(folder, ssh_inventory(lab, python=sys.executable)), say)
    keys: dict[str, str] = {}
    accidents.make_bare(lab)
    run("three bare hosts", BOOTSTRAP, keys)
    _first, second, third = [host.name for host in lab]

    def lock() -> None:
        keys["orcastra_unlock_key"] = accidents.lock(lab, second)

    def pause() -> None:
        accidents.create_service(lab, "web", IMAGE)
        lab.wait_until(lambda: accidents.running(lab, "web") == 2, 60, "the service to run")
        accidents.pause_update(lab, "web")

    def strike_off() -> None:
        accidents.demote(lab, third)
        accidents.strike_off(lab, third)

    def join_again() -> None:
        accidents.demote(lab, second)
        accidents.join_again(lab, second)

    happenings: dict[str, Callable[[], None]] = {
        "a manager demoted by hand": lambda: accidents.demote(lab, third),
        "labels lost": lambda: accidents.change_node(lab, second, Labels={}),
        "a paused update": pause,
        "a worker removed from the swarm": strike_off,
        "a stale entry for a host that joined again": join_again,
        "a wiped manager": lambda: accidents.wipe(lab[third]),
        "a locked manager": lock,
    }
    for what, happen in happenings.items():
        happen()
        run(what, HEAL, keys)
    table.load = (before, load_average())


def measure_without_engine(table: Table, lab: Lab, folder: Path, say: Callable[[str], None]) -> None:
    """Add a row for hosts that first install the engine, from local packages. Raises LabError."""
    calm_down()
    run = _runner(table, lab, Playbooks(folder, ssh_inventory(lab)), say)
    run("three hosts without an engine", BOOTSTRAP, {"orcastra_install_engine": "true"})


def _runner(
    table: Table, lab: Lab, playbooks: Playbooks, say: Callable[[str], None]
) -> Callable[[str, str, dict[str, str]], None]:
    """Return a function that runs a playbook, checks the swarm, runs it again, and adds a row."""
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(Path(errors.__file__).parents[6]))
    names = [host.name for host in lab]
    desired = {name: ("manager", "ready", {"disk": "ssd"}) for name in names}
    nodes = {host.name: {"ip": host.ip, "labels": {"disk": "ssd"}} for host in lab}
    swarm = {"heartbeat_seconds": HEARTBEAT_SECONDS}
    playbooks.write("swarm.yml", {"leader": names[0], "nodes": nodes, "swarm": swarm})

    def run(what: str, playbook: str, variables: dict[str, str]) -> None:
        say(f"  {what} ...")
        seconds, changed = _timed(playbooks, playbook, variables)
        if accidents.members(lab) != desired:
            raise LabError(f"{what}: expected {desired}, found {accidents.members(lab)}")
        again, left = _timed(playbooks, playbook, variables)
        table.rows.append((what, seconds, changed, left, again))

    return run


def _timed(playbooks: Playbooks, playbook: str, variables: dict[str, str]) -> tuple[float, int]:
    started = time.perf_counter()
    done = playbooks(playbook, limit=None, orcastra_swarm_file="swarm.yml", **variables)
    seconds = time.perf_counter() - started
    if done.status:
        raise LabError(f"{playbook} failed: {done.output[-2000:]}")
    return seconds, done.changed

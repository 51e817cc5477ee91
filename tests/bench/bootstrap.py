# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From bare hosts to a labelled swarm, and back after each accident: the playbooks, over SSH."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model import errors
from tests.bench.report import Table, calm_down, load_average
from tests.bench.swarms import IMAGE
from tests.integration import accidents
from tests.integration.playbooks.conftest import Playbooks, provide_python
from tests.lab import Lab
from tests.lab.errors import LabError

BOOTSTRAP = "orcastra.swarm.bootstrap"
HEAL = "orcastra.swarm.heal"
HEARTBEAT_SECONDS = 2


def new_table() -> Table:
    return Table(
        "From three bare hosts to a labelled swarm, and back after accidents: one run of a playbook",
        ["what", "seconds", "changed tasks", "of the second run", "seconds of it"],
        notes=["All hosts are managers. Healed means: roles, states and labels are as configured again."],
    )


def measure(table: Table, lab: Lab, folder: Path, say: Callable[[str], None]) -> None:
    """Add a row for the bootstrap and one for each accident. Raises LabError where one isn't mended."""
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(Path(errors.__file__).parents[6]))
    calm_down()
    before = load_average()
    names = [host.name for host in lab]
    wanted = {name: ("manager", "ready", {"disk": "ssd"}) for name in names}
    playbooks = Playbooks(folder, inventory_of(lab, provide_python(lab)))
    nodes = {host.name: {"ip": host.ip, "labels": {"disk": "ssd"}} for host in lab}
    swarm = {"heartbeat_seconds": HEARTBEAT_SECONDS}
    playbooks.write("swarm.yml", {"leader": names[0], "nodes": nodes, "swarm": swarm})
    keys: dict[str, str] = {}

    def run(what: str, playbook: str) -> None:
        say(f"  {what} ...")
        seconds, changed = _timed(playbooks, playbook, keys)
        if accidents.members(lab) != wanted:
            raise LabError(f"{what}: not mended: {accidents.members(lab)}")
        again, left = _timed(playbooks, playbook, keys)
        table.rows.append((what, seconds, changed, left, again))

    accidents.make_bare(lab)
    run("three bare hosts", BOOTSTRAP)
    _first, second, third = names

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
        "an update left paused": pause,
        "a worker struck off": strike_off,
        "a stale entry beside its host": join_again,
        "a manager wiped and made anew": lambda: accidents.wipe(lab[third]),
        "a locked manager": lock,
    }
    for what, happen in happenings.items():
        happen()
        run(what, HEAL)
    table.load = (before, load_average())


def _timed(playbooks: Playbooks, playbook: str, variables: dict[str, str]) -> tuple[float, int]:
    started = time.perf_counter()
    done = playbooks(playbook, limit=None, orcastra_swarm_file="swarm.yml", **variables)
    seconds = time.perf_counter() - started
    if done.status:
        raise LabError(f"{playbook} failed: {done.output[-2000:]}")
    return seconds, done.changed


def inventory_of(lab: Lab, python: str) -> dict[str, Any]:
    """All hosts of the lab, over SSH. ``python``: the interpreter there."""
    return {
        "swarm": {
            "hosts": {host.name: {"ansible_host": host.ip} for host in lab},
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_common_args": f"-F {lab.ssh_config}",
                "ansible_python_interpreter": python,
            },
        }
    }

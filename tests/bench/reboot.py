# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolling reboots under traffic: failed requests, time per host, changes by a second run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model import errors
from tests.bench.report import Table, calm_down, load_average
from tests.bench.swarms import IMAGE
from tests.integration import traffic
from tests.integration.accidents import REBOOT_OPTIONS
from tests.integration.playbooks.conftest import Playbooks, ssh_inventory
from tests.lab import Lab
from tests.lab.errors import LabError

ROLLING = "orcastra.swarm.rolling_reboot"
# replicas and update order, each with a health check
SERVICES = ((2, "start-first"), (1, "start-first"), (2, "stop-first"), (1, "stop-first"))


def new_table() -> Table:
    return Table(
        "Three hosts rebooted one after another, while a client on each keeps calling a web service",
        ["replicas", "update order", "requests", "failed", "seconds/host", "changed by a second run"],
        notes=[
            "Each request is sent once, to the first address from DNS; see tests/integration/traffic.py.",
            "The second run reboots only hosts that need it: none.",
        ],
    )


def measure(table: Table, lab: Lab, folder: Path, say: Callable[[str], None]) -> None:
    """Add a row for each kind of service. Raises LabError if a reboot fails."""
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(Path(errors.__file__).parents[6]))
    playbooks = Playbooks(folder, ssh_inventory(lab, python=sys.executable))
    calm_down()
    before = load_average()
    for replicas, order in SERVICES:
        say(f"  {replicas} replicas, {order} ...")
        lab.restore()
        traffic.start(lab, IMAGE, replicas, order)
        started = time.perf_counter()
        _run(playbooks)
        seconds = time.perf_counter() - started
        again = _run(playbooks, orcastra_reboot_if_needed=True)
        counted = traffic.stop(lab)
        requests = counted.answered + len(counted.failures)
        failed = len(counted.failures)
        table.rows.append((replicas, order, requests, failed, seconds / len(list(lab)), again))
    table.load = (before, load_average())


def _run(playbooks: Playbooks, **variables: Any) -> int:
    done = playbooks(ROLLING, limit=None, orcastra_reboot_options=REBOOT_OPTIONS, **variables)
    if done.status:
        raise LabError(f"{ROLLING} failed: {done.output[-2000:]}")
    return done.changed

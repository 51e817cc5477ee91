# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove a lab: its processes, networks, cgroups and files, however it ended."""

from __future__ import annotations

import shutil

from tests.lab import cgroups, network
from tests.lab.errors import LabError
from tests.lab.locks import Lock
from tests.lab.names import PREFIX, cgroup, lab_folder
from tests.lab.process import ProcessId, kill_all
from tests.lab.state import LabState, all_labs


def lab_lock(name: str) -> Lock:
    """The lock held while a process builds, removes or owns a lab."""
    return Lock(f"{PREFIX}-{name}")


def remove(name: str) -> None:
    """Remove a lab or its leftovers. The caller holds its lock."""
    hosts = lab_folder(name) / "hosts"
    folders = sorted(hosts.iterdir()) if hosts.is_dir() else []
    # The supervisors first: otherwise they might boot a host again.
    kill_all(ProcessId.read(folder / "supervisor.pid") for folder in folders)
    kill_all(ProcessId.read(folder / "init.pid") for folder in folders)
    # Hosts that aren't recorded yet, and processes started in a host from outside.
    kill_all(network.processes(name))
    network.remove_network(name)
    cgroups.remove(cgroup(name))
    if lab_folder(name).exists():
        shutil.rmtree(lab_folder(name))


def remove_abandoned() -> list[str]:
    """Remove all labs whose owner is gone (a test run that was killed); returns their names."""
    removed = []
    for name in all_labs():
        try:
            owner = LabState.load(name).owner
        except LabError:
            continue
        if owner and not owner.alive():
            lock = lab_lock(name)
            if lock.acquire():
                try:
                    remove(name)
                    removed.append(name)
                finally:
                    lock.release()
    return removed

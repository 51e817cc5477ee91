# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process behind a host that runs: boots it, boots it again after a reboot, keeps its memory file true.

Started by :meth:`tests.lab.host.Host.boot` as ``python -m tests.lab.supervisor LAB HOST``; ends when the host
loses its power, is switched off, or the process that owns the lab is gone.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from pathlib import Path

from tests.lab import cgroups, memory, names, network
from tests.lab.errors import LabError
from tests.lab.process import SYSTEM_ENVIRONMENT, ProcessId
from tests.lab.rootfs import FILES
from tests.lab.state import LabState

# A reboot(2) inside a pid namespace ends its first process with this signal; `unshare` passes it on.
_REBOOTED = 128 + signal.SIGHUP


def supervise(state: LabState, host: str) -> None:
    """Run a host until it is off."""
    folder = names.host_folder(state.name, host)
    cable = state.cable(host)
    while _run_once(state, folder, cable) == _REBOOTED:
        pass


def _run_once(state: LabState, folder: Path, cable: network.Cable) -> int:
    group = names.cgroup(state.name, cable.host)
    (folder / "init.pid").unlink(missing_ok=True)
    cgroups.remove(group)
    network.plug(cable, up=not (folder / "cut").exists())
    (folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
    memory.show(folder, group)
    process = subprocess.Popen(
        [
            *("nsenter", f"--net=/run/netns/{names.host_namespace(state.name, cable.host)}"),
            *("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"),
            *("bash", str(FILES / "init.sh"), str(folder), cable.host, state.root_of(cable.host)),
        ],
        env=SYSTEM_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        cwd="/",
    )
    while True:
        try:
            status = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            memory.show(folder, group)
            if _abandoned(state.name):
                process.kill()
            continue
        network.unplug(cable)
        return 128 - status if status < 0 else status


def _abandoned(lab: str) -> bool:
    """Whether the process that owns the lab is gone; read each time, as a lab that stays loses its owner."""
    try:
        owner = LabState.load(lab).owner
    except LabError:
        return True
    return bool(owner and not owner.alive())


def main() -> None:
    lab, host = sys.argv[1:]
    state = LabState.load(lab)
    own = ProcessId.of(int(Path("/proc/self").readlink().name))
    assert own
    own.write(names.host_folder(lab, host) / "supervisor.pid")
    supervise(state, host)


if __name__ == "__main__":
    main()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch a host on: start the supervisor that boots it and stays as long as the host is on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.lab import names
from tests.lab.process import SYSTEM_ENVIRONMENT, ProcessId

CHECKOUT = Path(__file__).parents[2]

# Kept so that ended processes can be waited for.
_started: list[subprocess.Popen[bytes]] = []


def switch_on(lab: str, host: str) -> None:
    """Start a host's supervisor in the background; its output goes to ``supervisor.log``."""
    _started[:] = [process for process in _started if process.poll() is None]
    folder = names.host_folder(lab, host)
    with (folder / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-s", "-S", "-m", "tests.lab.supervisor", lab, host],
            env={
                **SYSTEM_ENVIRONMENT,
                "PYTHONPATH": str(CHECKOUT),
                "PYTHONDONTWRITEBYTECODE": "1",
                "ORCASTRA_LAB_DIR": str(names.base_folder()),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    _started.append(process)
    if own := ProcessId.of(process.pid):
        own.write(folder / "supervisor.pid")

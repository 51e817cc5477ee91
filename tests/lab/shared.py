# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout and this process's interpreter, which hosts see read-only at the same paths.

A host has its own ``/root``, ``/home``, ``/tmp``, ``/run`` and ``/usr/local``. The natural places for a
checkout and for an interpreter are among them, so both are bound into each host.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.errors import LabError

if TYPE_CHECKING:
    from tests.lab.host import Host

CHECKOUT = Path(__file__).resolve().parents[2]
# Hosts have programs of their own there, so only the interpreter's parts can be bound.
_SYSTEM = (Path("/usr"), Path("/usr/local"))
_TIMEOUT_SECONDS = 20


def paths() -> list[Path]:
    """Return what to bind into hosts: absolute paths, none of them below another one."""
    found = {CHECKOUT, Path(sys.prefix).absolute(), *_interpreter()}
    return sorted(path for path in found if not any(other in path.parents for other in found))


def _interpreter() -> list[Path]:
    base = Path(sys.base_prefix).absolute()
    if base not in _SYSTEM:
        return [base, base.resolve()]
    library = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("INSTSONAME")))
    executable = Path(getattr(sys, "_base_executable", sys.executable))
    parts = [executable, executable.resolve(), Path(sysconfig.get_path("stdlib")), library]
    return [part for part in parts if part.exists()]


def check(host: Host) -> None:
    """Raise LabError if the host can't run this process's interpreter with the checkout's code."""
    program = "import docker, ansible_collections.orcastra.swarm, orcastra_runner.version"
    try:
        done = host.run([sys.executable, "-c", program], check=False, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        found = f"no answer within {_TIMEOUT_SECONDS} s"
    else:
        if not done.returncode:
            return
        said = (done.stderr or done.stdout).strip().splitlines()
        found = said[-1] if said else f"exit code {done.returncode}"
    raise LabError(f"lab hosts cannot run the code in {CHECKOUT} with {sys.executable}: {found}")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other releases of ansible-core, each in a virtual environment that is created once and kept.

They are in the checkout's ``.venv``, so that ``make clean`` removes them, or in the folder for temporary
files if there is no ``.venv``.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# release: requirement for pip, and its interpreters in order of preference
RELEASES = {
    "2.17": ("ansible-core==2.17.*", ("3.11", "3.10", "3.12")),
    "2.18": ("ansible-core==2.18.*", ("3.11", "3.12", "3.13")),
    "newest": ("ansible-core", ("3.14", "3.13", "3.12", "3.11")),
}
PACKAGES = ("docker", "jsonschema", "prometheus_client")
# The releases of `make ansible-matrix` and the newest pre-release: requirement, interpreters.
CORES = {
    "2.17": ("ansible-core==2.17.*", ("3.11", "3.12")),
    "2.18": ("ansible-core==2.18.*", ("3.11", "3.12", "3.13")),
    "2.19": ("ansible-core==2.19.*", ("3.11", "3.12", "3.13")),
    "2.20": ("ansible-core==2.20.*", ("3.12", "3.13")),
    "2.21": ("ansible-core==2.21.*", ("3.12", "3.13")),
    "next": ("ansible-core>=2.22.0b1", ("3.13",)),
}


class NoCore(Exception):
    """This machine can't install a release. The text has the reason."""


def ansible_core(release: str) -> Path:
    """The folder with the commands of a release. Raises NoCore."""
    desired, versions = RELEASES[release]
    return installed_core(release, desired, versions)


def installed_core(release: str, requirement: str, versions: tuple[str, ...]) -> Path:
    """The folder with the commands of a requirement for the first of these interpreters. Raises NoCore."""
    interpreter = _interpreter(versions)
    above = CHECKOUT / ".venv"
    above = above if above.is_dir() else Path(tempfile.gettempdir()) / "orcastra-tests"
    folder = above / "cores" / f"{release}-{interpreter.name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _call([interpreter, "-m", "venv", folder])
            _call([folder / "bin" / "python", "-m", "pip", "install", "--quiet", requirement, *PACKAGES])
            (folder / "complete").touch()
    return folder / "bin"


def _interpreter(versions: tuple[str, ...]) -> Path:
    for version in versions:
        # a shim of pyenv may exist without its interpreter
        found = shutil.which(f"python{version}")
        installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
        for path in (*([Path(found)] if found else []), *installed):
            if subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                return path
    raise NoCore(f"none of the interpreters {', '.join(versions)} is here")


def _call(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NoCore(f"{Path(command[0]).name} failed: {lines[-1] if lines else 'it said nothing'}")

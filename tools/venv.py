# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates ``.venv``: the runner, Ansible, the development tools, and the collection of the working tree.

``make venv`` runs it with the interpreter for the environment. It needs only the standard library. It does
nothing if ``.venv`` was made from the same files by the same interpreter.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "orcastra-stamp"
CONSTRAINTS = ROOT / "tools" / "constraints.txt"
# the content of the environment depends on these
SOURCES = [ROOT / "pyproject.toml", ROOT / "galaxy.yml", CONSTRAINTS, Path(__file__)]


class SetupError(Exception):
    """Something is missing; the text says how to fix it."""


def main() -> int:
    """Update ``.venv``; returns the exit status."""
    desired = stamp()
    if (
        STAMP.is_file()
        and STAMP.read_text(encoding="utf-8") == desired
        and (VENV / "bin" / "python").exists()
    ):
        link_collection()
        return 0
    started = time.monotonic()
    try:
        require_ensurepip()
        say(f"Setting up .venv with Python {sys.version.split()[0]} (under a minute, the first time)")
        create()
        install()
    except SetupError as error:
        say(f"error: {error}")
        return 1
    except subprocess.CalledProcessError as error:
        say(f"error: `{' '.join(map(str, error.cmd))}` failed; see its output above")
        return 1
    link_collection()
    STAMP.write_text(desired, encoding="utf-8")
    say(f".venv is ready ({time.monotonic() - started:.0f} s)")
    return 0


def say(text: str) -> None:
    """Print progress without delay."""
    print(text, flush=True)


def stamp() -> str:
    """Return a text that identifies this content: the interpreter, the checkout's path, the files' hashes."""
    lines = [f"{sys.version} {sys.executable} {ROOT}"]
    lines += [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.name}" for path in SOURCES]
    return "\n".join(lines) + "\n"


def require_ensurepip() -> None:
    """Install Debian's separate package of ``ensurepip`` if it is missing."""
    if importlib.util.find_spec("ensurepip"):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(
            f"{sys.executable} cannot create virtual environments: run apt-get install {package} as root, "
            "or select another Python with PYTHON=…"
        )
    say(f"Installing {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def create() -> None:
    """Create an empty environment. Replaces a broken one and one of another interpreter."""
    probe = "import sys; print(sys.version, sys._base_executable)"
    expected = f"{sys.version} {sys.executable}"
    python = VENV / "bin" / "python"
    if python.exists():
        found = subprocess.run(
            [python, "-c", probe], capture_output=True, text=True, check=False
        ).stdout.strip()
        if found == expected:
            return
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)


def install() -> None:
    """Install the requirements of pyproject.toml in the versions of tools/constraints.txt."""
    pip = [
        VENV / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-qq",
        "--no-input",
    ]
    subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True)  # the first with --group
    subprocess.run(
        [*pip, "--constraint", CONSTRAINTS, "--editable", ".", "--group", "dev"], check=True, cwd=ROOT
    )


def link_collection() -> None:
    """Make the checkout importable, and visible to Ansible, as ``ansible_collections.orcastra.swarm``.

    The link is in a folder of its own, which a ``.pth`` file adds to the path. If it were in site-packages,
    ``pip install .`` would write through it, and ``pip uninstall`` would delete the checkout's files.
    """
    collections = VENV / "collections"
    link = collections / "ansible_collections" / "orcastra" / "swarm"
    if not link.is_symlink() or link.resolve() != ROOT:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(ROOT, link.parent))
    for site in VENV.glob("lib/python*/site-packages"):
        pth = site / "orcastra-tree.pth"
        if not pth.is_file() or pth.read_text(encoding="utf-8") != f"{collections}\n":
            pth.write_text(f"{collections}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names and paths that belong to a lab. Nothing else on the machine is touched."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.lab.errors import LabError

PREFIX = "orcalab"
_LAB = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_HOST = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?\Z")


def base_folder() -> Path:
    """The folder for the state of labs: ``ORCASTRA_LAB_DIR``, or a folder under /var/lib."""
    folder = os.environ.get("ORCASTRA_LAB_DIR") or "/var/lib/orcastra-lab"
    if not folder.startswith("/") or re.search(r"[:,\\\s]", folder):
        raise LabError(
            f"ORCASTRA_LAB_DIR: expected an absolute path without spaces, ':' or ',', found {folder!r}"
        )
    return Path(folder)


def lab_folder(lab: str) -> Path:
    return base_folder() / "labs" / lab


def host_folder(lab: str, host: str) -> Path:
    return lab_folder(lab) / "hosts" / host


def switch_namespace(lab: str) -> str:
    """The network namespace with the bridge that joins the lab's hosts."""
    return f"{PREFIX}-{lab}"


def host_namespace(lab: str, host: str) -> str:
    # A dot can't be part of a lab's name, so no lab's prefix is the start of another one's.
    return f"{PREFIX}-{lab}.{host}"


def cgroup(lab: str, host: str = "") -> str:
    """The cgroup that holds a lab's containers, or a host's, from the root of the hierarchy."""
    return f"/{PREFIX}-{lab}/{host}".rstrip("/")


def check_lab_name(name: str) -> str:
    if not _LAB.match(name):
        raise LabError(
            f"name of a lab: expected up to 31 of a-z, 0-9 and '-', first a letter; found {name!r}"
        )
    return name


def check_host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _HOST.match(name):
            raise LabError(f"name of a host: expected letters a-z, digits and '-'; found {name!r}")
    if not names or len(set(names)) != len(names) or len(names) > 200:
        raise LabError(f"hosts: expected 1 to 200 different names, found {', '.join(names) or 'none'}")
    return names

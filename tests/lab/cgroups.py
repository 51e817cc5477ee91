# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroups for the containers of a host's engine, on cgroup v1, v2 or both."""

from __future__ import annotations

import os
import time
from pathlib import Path


def hierarchies() -> list[Path]:
    """Where cgroup file systems are mounted."""
    found = []
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, folder, kind = line.split()[:3]
        if kind in ("cgroup", "cgroup2"):
            found.append(Path(folder))
    return found


def folders(cgroup: str) -> list[Path]:
    """The existing folders of a cgroup (``/lab/host``) in all hierarchies."""
    return [folder for top in hierarchies() if (folder := top / cgroup.lstrip("/")).is_dir()]


def remove(cgroup: str, timeout: float = 10) -> None:
    """Remove a cgroup and its children once the kernel has released their processes."""
    deadline = time.monotonic() + timeout
    for top in folders(cgroup):
        for folder, _subfolders, _files in list(os.walk(top, topdown=False)):
            while True:
                try:
                    Path(folder).rmdir()
                except FileNotFoundError:
                    pass
                except OSError:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(0.01)
                    continue
                break


def memory_in_use(cgroup: str) -> int:
    """The memory in use by the processes of a cgroup, in bytes (usage minus inactive page cache)."""
    for folder in folders(cgroup):
        for usage_name, cache_name in (
            ("memory.current", "inactive_file"),
            ("memory.usage_in_bytes", "total_inactive_file"),
        ):
            try:
                usage = int((folder / usage_name).read_text())
                stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            except OSError:
                continue
            return max(0, usage - int(stat.get(cache_name, 0)))
    return 0

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own /proc/meminfo, which the engine, Swarm's scheduler and the node exporter read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab import cgroups

MIB = 1024 * 1024
# The memory that the kernel and the services of a small host use.
SYSTEM_MB = 160
_ZERO_UNLESS = ("HugePages", "Hugepagesize", "VmallocTotal", "DirectMap", "CommitLimit")


@dataclass(frozen=True)
class Memory:
    """A host's memory. With ``follow``, the available memory is the total minus the containers' real use."""

    total_mb: int
    available_mb: int
    follow: bool = False

    @classmethod
    def fresh(cls, total_mb: int) -> Memory:
        return cls(total_mb, max(0, total_mb - SYSTEM_MB))

    @classmethod
    def read(cls, host: Path) -> Memory:
        return cls(**json.loads((host / "memory.json").read_text()))

    def write(self, host: Path) -> None:
        """Save it; the host's supervisor reads it each second."""
        temporary = host / f"memory.json.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(self)))
        temporary.replace(host / "memory.json")


def show(host: Path, cgroup: str) -> None:
    """Update a host's /proc/meminfo file to its memory."""
    memory = Memory.read(host)
    available = memory.available_mb * 1024
    if memory.follow:
        available = (memory.total_mb - SYSTEM_MB) * 1024 - cgroups.memory_in_use(cgroup) // 1024
    text = meminfo(memory.total_mb * 1024, max(0, min(available, memory.total_mb * 1024)))
    path = host / "meminfo"
    if not path.exists():
        path.write_bytes(text)
    elif path.read_bytes() != text:
        # In place, and always as long as before: the file is bind-mounted, and may be read right now.
        with path.open("r+b") as file:
            file.write(text)


def meminfo(total_kb: int, available_kb: int) -> bytes:
    """The text of /proc/meminfo for these sizes, with the fields that this machine's kernel has."""
    values = {
        "MemTotal": total_kb,
        "MemFree": available_kb,
        "MemAvailable": available_kb,
        "CommitLimit": total_kb,
    }
    lines = []
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, value, *unit = line.replace(":", " ").split()
        if name not in values:
            values[name] = int(value) if name.startswith(_ZERO_UNLESS) else 0
        lines.append(f"{name + ':':<16}{values[name]:>12}{' kB' if unit else ''}\n")
    return "".join(lines).encode()

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The saved state of a lab in its folder, so that another process can find, use and remove it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.names import base_folder, lab_folder
from tests.lab.network import Cable
from tests.lab.process import ProcessId


@dataclass(frozen=True)
class LabState:
    """A lab that is up, or is being brought up."""

    name: str
    hosts: tuple[str, ...]
    subnet: int
    root: str
    """The folder below each host's root: ``/`` or another release's; see ``roots``."""
    engine: str
    tls: bool
    memory_mb: int
    owner: ProcessId | None
    """The process with which the lab ends; None for a lab that stays until it is removed."""
    bare: bool = False
    """Whether the hosts had no engine when the lab was made; then ``engine`` is empty."""
    roots: dict[str, str] = field(default_factory=dict)
    """The hosts whose folder is another one than ``root``."""

    def root_of(self, host: str) -> str:
        return self.roots.get(host, self.root)

    def cable(self, host: str) -> Cable:
        return Cable(self.name, host, self.subnet, self.hosts.index(host))

    def addresses(self) -> dict[str, str]:
        return {host: self.cable(host).ip for host in self.hosts}

    def save(self) -> None:
        path = _path(self.name)
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(path)

    @classmethod
    def load(cls, name: str) -> LabState:
        """Raises ``LabError`` if there is no such lab."""
        try:
            values = json.loads(_path(name).read_text())
        except FileNotFoundError:
            known = ", ".join(all_labs()) or "none"
            raise LabError(f"there is no lab named {name!r} (there are: {known})") from None
        values["hosts"] = tuple(values["hosts"])
        values["owner"] = ProcessId(**values["owner"]) if values["owner"] else None
        # a lab of another checkout may know more
        return cls(**{one.name: values[one.name] for one in fields(cls) if one.name in values})


def all_labs() -> list[str]:
    """The names of all labs that have a folder, whether they run or are leftovers."""
    folder = base_folder() / "labs"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def _path(name: str) -> Path:
    return lab_folder(name) / "lab.json"

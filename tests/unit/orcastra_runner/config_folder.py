# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder of configuration files that is checked every second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orcastra_runner.configuration import Configuration
from orcastra_runner.settings import Settings
from tests.unit.orcastra_runner.conftest import Clock

NODES = "nodes:\n  alpha: {labels: [ssd, zfs], ip: 10.0.0.1}\n  bravo: {labels: {rack: r-12}}\n"
DEPENDENCIES = "dependencies:\n  db: [web, api]\n  cache: {stack: '', services: [worker]}\n"
EVERYTHING = NODES + DEPENDENCIES


class Folder:
    """A folder of files and the configuration read from them, checked every second."""

    def __init__(self, settings: Settings, path: Path, clock: Clock, **texts: str) -> None:
        self.path, self.clock = path, clock
        self.settings = replace(settings, config_dir=path)
        for file in path.iterdir():
            file.unlink()
        for name, text in texts.items():
            self.file(name).write_text(text)
        self.configuration = Configuration(self.settings, clock)
        self.before = self.configuration.desired

    def file(self, name: str) -> Path:
        return self.path / (name if "." in name else f"{name}.yml")

    def wait(self, seconds: float, *, at_once: bool = False) -> list[str]:
        """Let time pass. Returns the changes."""
        found = []
        for _second in range(round(seconds)):
            self.clock.now += 1
            changes = self.configuration.reload(at_once=at_once)
            if changes:
                found.append(changes)
        return found

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        return {name: dict(node.labels) for name, node in self.configuration.desired.nodes.items()}

    @property
    def followers(self) -> dict[str, set[str]]:
        found = self.configuration.desired.dependencies
        return {anchor: set(dependency.followers) for anchor, dependency in found.items()}

    @property
    def is_as_before(self) -> bool:
        now = self.configuration.desired
        return (now.nodes, now.dependencies) == (self.before.nodes, self.before.dependencies)

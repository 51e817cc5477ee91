# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's configuration: where its files are, and noticing that they changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from orcastra_runner.settings import Settings


class Configuration:
    """The configuration in force. ``wanted`` is never anything but valid."""

    def __init__(self, settings: Settings) -> None:
        """Read and check the files. Raises ConfigError with everything that is wrong with them."""
        self.files = files_of(settings)
        self._settings = settings
        self._used = self._pending = self.files.fingerprint()
        self.wanted = self._load()

    def reload(self, *, at_once: bool = False) -> str | None:
        """Use the files as they are now, if they changed. Returns what changed in words, None if none did.

        A change is read only once two calls have found the same, because somebody may still be writing;
        ``at_once`` does not wait for that. Raises ConfigError if the new configuration is not valid, once for
        each change; the old one stays in force.
        """
        fingerprint = self.files.fingerprint()
        is_settled, self._pending = fingerprint == self._pending, fingerprint
        if fingerprint == self._used or not (is_settled or at_once):
            return None
        self._used = fingerprint
        before, self.wanted = self.wanted, self._load()
        return describe_changes(before, self.wanted)

    def present(self) -> list[Path]:
        """Return the files that are there."""
        paths = (self.files.swarm, self.files.dependencies, self.files.nodes)
        prints = self.files.fingerprint()
        return [
            path for path, found in zip(paths, prints, strict=True) if path is not None and found is not None
        ]

    def absent(self) -> list[str]:
        """Return the variables that name a file which is not there: a typing error, or on purpose."""
        named = {
            "SWARM_FILE": self._settings.swarm_file,
            "DEPENDENCIES_FILE": self._settings.dependencies_file,
            "NODES_FILE": self._settings.nodes_file,
        }
        present = self.present()
        return [name for name, path in named.items() if path is not None and path not in present]

    def _load(self) -> Wanted:
        if not self.present():
            paths = [str(path) for path in (self.files.swarm, self.files.dependencies, self.files.nodes)]
            expected = f"a configuration file at {', '.join(paths[:-1])} or {paths[-1]}"
            raise ConfigError([Problem(key="", expected=expected, found="none of them")])
        return load_configuration(
            self.files,
            stack_name=self._settings.stack_name,
            label_prefix=self._settings.label_prefix,
            restart_dependents=self._settings.restart_dependents,
        )


def files_of(settings: Settings) -> ConfigFiles:
    """Return where the files of the configuration are; each may be absent, but not all."""
    usual = ConfigFiles.in_directory(settings.config_dir)
    return ConfigFiles(
        swarm=settings.swarm_file or usual.swarm,
        dependencies=settings.dependencies_file or usual.dependencies,
        nodes=settings.nodes_file or usual.nodes,
    )


def has_configuration(settings: Settings) -> bool:
    """Whether any of the files is there."""
    return any(found is not None for found in files_of(settings).fingerprint())


def describe_changes(before: Wanted, after: Wanted) -> str:
    """Return in one line what is different, empty if nothing is."""
    parts = [
        *_mapping_changes("node", before.nodes, after.nodes),
        *_mapping_changes("dependency", before.dependencies, after.dependencies),
    ]
    for name in ("leader", "advertise_addr", "prune_unknown_labels"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            parts.append(f"{name} changed from {old} to {new}")
    return ", ".join(parts)


def _mapping_changes(noun: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    changes = [f"{noun} {name} added" for name in after if name not in before]
    changes += [f"{noun} {name} removed" for name in before if name not in after]
    return changes + [
        f"{noun} {name} changed" for name in after if name in before and before[name] != after[name]
    ]

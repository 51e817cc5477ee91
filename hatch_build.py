# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the collection into the wheel, beside the runner.

ansible-core finds any ``site-packages/ansible_collections/NAMESPACE/NAME`` by itself, so that one
``pip install`` brings both. Which files belong to the collection stands in ``galaxy.yml`` (``manifest``),
read here just as ``ansible-galaxy collection build`` reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from distlib.manifest import Manifest
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def collection_files(root: Path) -> list[str]:
    """Return the paths, relative to ``root`` and sorted, of the files that make up the collection."""
    galaxy = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))
    manifest = Manifest(str(root))
    for directive in galaxy["manifest"]["directives"]:
        manifest.process_directive(directive)
    return sorted(str(Path(path).relative_to(root)) for path in manifest.files)


class CollectionHook(BuildHookInterface):
    """Adds the collection to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files unless this is an editable install, which would freeze a copy that soon is stale."""
        if version == "editable":
            return
        root = Path(self.root).resolve()
        target = "ansible_collections/orcastra/swarm"
        # galaxy.yml isn't in a built collection, but is what names the version where no MANIFEST.json does
        for name in ["galaxy.yml", *collection_files(root)]:
            build_data["force_include"][str(root / name)] = f"{target}/{name}"

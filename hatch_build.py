# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the collection to the wheel, together with the runner.

ansible-core finds every ``site-packages/ansible_collections/NAMESPACE/NAME``, so a single ``pip install``
provides both. ``manifest`` in ``galaxy.yml`` selects the files of the collection. This hook evaluates it like
``ansible-galaxy collection build`` does.
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
        """Add the files, unless this is an editable install, whose copy would soon be outdated."""
        if version == "editable":
            return
        root = Path(self.root).resolve()
        target = "ansible_collections/orcastra/swarm"
        # a built collection does not contain galaxy.yml, but without MANIFEST.json, it provides the version
        for name in ["galaxy.yml", *collection_files(root)]:
            build_data["force_include"][str(root / name)] = f"{target}/{name}"

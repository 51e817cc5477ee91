# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the collection to the wheel, together with the runner.

ansible-core finds every ``site-packages/ansible_collections/NAMESPACE/NAME``, so a single ``pip install``
provides both. ``COLLECTION`` lists the files of the collection. ``build_ignore`` in ``galaxy.yml`` makes
``ansible-galaxy collection build`` leave out everything else.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TOP_FILES = ("CHANGELOG.rst", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "COPYING", "README.md", "SECURITY.md")
# folder → names of the files in it, at any depth, that belong to the collection
COLLECTION = {
    "changelogs": ("changelog.yaml", "config.yaml"),
    "docs": ("*.md", "*.rst", "*.yml"),
    "extensions": ("*.py", "*.yml"),
    "inventory": ("*.yml", "*.md"),
    "meta": ("*.yml", "*.txt"),
    "playbooks": ("*.yml", "*.md", "*.j2"),
    "plugins": ("*.py", "*.yml", "*.json"),
    "roles": ("*.yml", "*.md", "*.j2", "*.py"),
}


def collection_files(root: Path) -> list[str]:
    """Return the paths, relative to ``root`` and sorted, of the files that make up the collection."""
    found = [root / name for name in TOP_FILES if (root / name).is_file()]
    for folder, patterns in COLLECTION.items():
        for path in (root / folder).rglob("*"):
            parts = path.relative_to(root).parts
            is_hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and not is_hidden and any(fnmatchcase(path.name, one) for one in patterns):
                found.append(path)
    return sorted(str(path.relative_to(root)) for path in found)


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

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change the folder of mods."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .steps import Removal, Step


@dataclass(frozen=True, kw_only=True)
class StoreMod(Step):
    """Download a mod into the folder, or replace it with a newer version.

    ``name`` is its file or folder, or None if it is unknown. ``old`` and ``new`` are digests, or None if they
    are unknown.
    """

    title: str
    name: str | None
    old: str | None = None
    new: str | None = None

    @property
    def action(self) -> str:
        return "store_mod"

    @property
    def target(self) -> str:
        return f"mod {self.name or self.title}"

    @property
    def summary(self) -> str:
        return f"{'replace' if self.old else 'download'} {self.name or self.title}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"digest": self.old}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"digest": self.new or "new"}


@dataclass(frozen=True, kw_only=True)
class RemoveMod(Removal):
    """Remove the files of an entry. ``names`` are files; ``folder`` is the folder of an unpacked archive."""

    key: str
    names: tuple[str, ...]
    folder: str | None = None

    @property
    def action(self) -> str:
        return "remove_mod"

    @property
    def target(self) -> str:
        return f"mod {self.folder or ', '.join(self.names)}"

    @property
    def summary(self) -> str:
        return f"remove {self.folder or ', '.join(self.names)}"

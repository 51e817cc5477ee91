# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of steps that set some fields of a spec: that of a service, or of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .spec_merge import differences, merged
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class SpecChange(Step):
    """Set the fields of ``spec`` that ``desired`` contains, and keep all others."""

    spec: Mapping[str, Any]
    desired: Mapping[str, Any]

    @property
    def fields(self) -> str:
        """The names of the changed fields, for messages."""
        return ", ".join(path.rpartition(".")[2] for path in differences(self.spec, self.desired))

    @property
    def before(self) -> Mapping[str, Any]:
        return {path: old for path, (old, _new) in differences(self.spec, self.desired).items()}

    @property
    def after(self) -> Mapping[str, Any]:
        return {path: new for path, (_old, new) in differences(self.spec, self.desired).items()}

    def changed(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be newer than the plan."""
        return merged(spec, self.desired)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What steps have in common that bring a part of a spec to what is wanted: of a service, of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .spec_merge import differences, merged
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class SpecChange(Step):
    """Bring the fields of ``spec`` that ``desired`` has to its values; all others stay as they are."""

    spec: Mapping[str, Any]
    desired: Mapping[str, Any]

    @property
    def fields(self) -> str:
        """The names of the fields that change, for people."""
        return ", ".join(path.rpartition(".")[2] for path in differences(self.spec, self.desired))

    @property
    def before(self) -> Mapping[str, Any]:
        return {path: old for path, (old, _new) in differences(self.spec, self.desired).items()}

    @property
    def after(self) -> Mapping[str, Any]:
        return {path: new for path, (_old, new) in differences(self.spec, self.desired).items()}

    def changed(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be fresher than what the step was planned on."""
        return merged(spec, self.desired)

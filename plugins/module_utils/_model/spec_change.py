# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What steps have in common that bring a part of a spec to what is wanted: of a service, of the swarm."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import dataclass
from ansible_collections.orcastra.swarm.plugins.module_utils._model.spec_merge import differences, merged
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Step


@dataclass(frozen=True, kw_only=True)
class SpecChange(Step):
    """Bring the fields of ``spec`` that ``wanted`` has to its values; all others stay as they are."""

    spec: Mapping[str, Any]
    wanted: Mapping[str, Any]

    @property
    def fields(self) -> str:
        """The names of the fields that change, for people."""
        return ", ".join(path.rpartition(".")[2] for path in differences(self.spec, self.wanted))

    @property
    def before(self) -> Mapping[str, Any]:
        return {path: old for path, (old, _new) in differences(self.spec, self.wanted).items()}

    @property
    def after(self) -> Mapping[str, Any]:
        return {path: new for path, (_old, new) in differences(self.spec, self.wanted).items()}

    def changed(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be fresher than what the step was planned on."""
        return merged(spec, self.wanted)

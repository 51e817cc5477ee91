# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that create a service, or bring one to a wanted spec."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import ServiceStep
from ansible_collections.orcastra.swarm.plugins.module_utils._model.spec_merge import differences, merged
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Step


@dataclass(frozen=True, kw_only=True)
class CreateService(Step):
    """Create a service with ``spec``, as the engine's API takes it."""

    name: str
    spec: Mapping[str, Any]

    @property
    def action(self) -> str:
        return "create_service"

    @property
    def target(self) -> str:
        return f"service {self.name}"

    @property
    def what(self) -> str:
        return f"create {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {}

    @property
    def after(self) -> Mapping[str, Any]:
        return self.spec


@dataclass(frozen=True, kw_only=True)
class ConvergeService(ServiceStep):
    """Bring the fields of a service that ``wanted`` has to its values; all others stay as they are."""

    spec: Mapping[str, Any]
    wanted: Mapping[str, Any]

    @property
    def action(self) -> str:
        return "converge_service"

    @property
    def what(self) -> str:
        names = ", ".join(path.rpartition(".")[2] for path in differences(self.spec, self.wanted))
        return f"change {names} of {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {path: old for path, (old, _new) in differences(self.spec, self.wanted).items()}

    @property
    def after(self) -> Mapping[str, Any]:
        return {path: new for path, (_old, new) in differences(self.spec, self.wanted).items()}

    def changed(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be fresher than what the step was planned on."""
        return merged(spec, self.wanted)

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that create a service or change its spec."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .service_steps import ServiceStep
from .spec_change import SpecChange
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class CreateService(Step):
    """Create a service. ``spec`` has the format of the engine's API."""

    name: str
    spec: Mapping[str, Any]

    @property
    def action(self) -> str:
        return "create_service"

    @property
    def target(self) -> str:
        return f"service {self.name}"

    @property
    def summary(self) -> str:
        return f"create {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {}

    @property
    def after(self) -> Mapping[str, Any]:
        return self.spec


@dataclass(frozen=True, kw_only=True)
class ConvergeService(SpecChange, ServiceStep):
    """Set the fields of a service that ``desired`` contains, and keep all others."""

    @property
    def action(self) -> str:
        return "converge_service"

    @property
    def summary(self) -> str:
        return f"update {self.fields} of {self.name}"

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change services."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .ownership import (
    change_constraints,
    limit_update,
    replicas_before,
    restore_update,
    with_replicas_before,
    without,
)
from .reasons import Reason
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class ServiceStep(Step):
    """A change to one service.

    ``while_updating``: make the change even while Swarm is updating the service, because the change is what
    allows a stuck update to complete.
    """

    service_id: str
    name: str
    while_updating: bool = False

    @property
    def target(self) -> str:
        return f"service {self.name}"


@dataclass(frozen=True, kw_only=True)
class PlaceService(ServiceStep):
    """Add and remove placement constraints and, with ``replicas``, scale back from 0, in a single update.

    ``purpose`` describes the change. ``constraints`` are the current constraints of the service. Each entry
    of ``remove`` removes one managed constraint. The remaining managed constraints are recorded in the
    service's labels. ``unrecorded``: the number of replicas is only in the journal, and not in the service's
    labels. ``one_task``: Swarm replaces only one of the tasks that violate the constraints, and the step that
    ends the move restores the service's update settings.
    """

    purpose: Reason
    constraints: tuple[str, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replicas: int | None = None
    unrecorded: bool = False
    one_task: bool = False

    @property
    def action(self) -> str:
        return "place_service"

    @property
    def summary(self) -> str:
        return str(self.purpose)

    @property
    def before(self) -> Mapping[str, Any]:
        before: dict[str, Any] = {"constraints": list(self.constraints)}
        if self.replicas is not None:
            before["replicas"] = 0
        if self.one_task:
            before["update_stops_after_one_task"] = False
        return before

    @property
    def after(self) -> Mapping[str, Any]:
        after: dict[str, Any] = {"constraints": self.changed(self.constraints)}
        if self.replicas is not None:
            after["replicas"] = self.replicas
        if self.one_task:
            after["update_stops_after_one_task"] = True
        return after

    def changed(self, constraints: tuple[str, ...]) -> list[str]:
        """``constraints`` after the change."""
        kept = without(constraints, self.remove)
        return [*kept, *(text for text in self.add if text not in kept)]

    def change_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be newer than the plan.

        Only constraints that are managed in this spec are removed. If the user has scaled or redeployed the
        service since the plan, it keeps the user's number of replicas.
        """
        restore_update(spec, self.service_id)
        change_constraints(spec, self.remove, self.add)
        if self.one_task:
            limit_update(spec, self.service_id)
        replicated = spec["Mode"].get("Replicated") or {}
        recorded = replicas_before(spec.get("Labels") or {}, self.service_id)
        if self.replicas is not None and replicated.get("Replicas") == 0 and (recorded or self.unrecorded):
            replicated["Replicas"] = recorded or self.replicas
        if recorded and replicated.get("Replicas") != 0:
            spec["Labels"] = with_replicas_before(spec["Labels"], self.service_id, None)
        return spec


@dataclass(frozen=True, kw_only=True)
class ScaleService(ServiceStep):
    """Scale a replicated service. If it is scaled to 0, its labels record the previous number."""

    replicas_before: int
    replicas: int

    @property
    def action(self) -> str:
        return "scale_service"

    @property
    def summary(self) -> str:
        return f"scale {self.name} from {self.replicas_before} to {self.replicas}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"replicas": self.replicas_before}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"replicas": self.replicas}

    def change_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be newer than the plan."""
        replicated = spec["Mode"]["Replicated"]
        if self.replicas == 0 and replicated["Replicas"] > 0:
            spec["Labels"] = with_replicas_before(
                spec.get("Labels") or {}, self.service_id, replicated["Replicas"]
            )
        replicated["Replicas"] = self.replicas
        return spec


@dataclass(frozen=True, kw_only=True)
class RestartService(ServiceStep):
    """Make Swarm replace all tasks of a service, according to its update settings (a forced update)."""

    force_update: int

    @property
    def action(self) -> str:
        return "restart_service"

    @property
    def summary(self) -> str:
        return f"restart {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"force_update": self.force_update}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"force_update": self.force_update + 1}


@dataclass(frozen=True, kw_only=True)
class ResumeUpdate(ServiceStep):
    """Make Swarm resume a paused update, without changing the spec."""

    @property
    def action(self) -> str:
        return "resume_update"

    @property
    def summary(self) -> str:
        return f"resume the update of {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"update": "paused"}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"update": "updating"}


@dataclass(frozen=True, kw_only=True)
class RollBack(ServiceStep):
    """Restore a service's spec from before its last update, like ``docker service rollback``."""

    @property
    def action(self) -> str:
        return "roll_back"

    @property
    def summary(self) -> str:
        return f"roll back the update of {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"update": "paused"}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"update": "rollback_started"}

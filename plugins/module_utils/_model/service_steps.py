# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that write to services."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .ownership import change_constraints, replicas_before, with_replicas_before, without
from .reasons import Reason
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class ServiceStep(Step):
    """A write to one service.

    ``while_updating``: the write is made even if Swarm is still updating the service, because it is what
    frees an update that cannot end.
    """

    service_id: str
    name: str
    while_updating: bool = False

    @property
    def target(self) -> str:
        return f"service {self.name}"


@dataclass(frozen=True, kw_only=True)
class PlaceService(ServiceStep):
    """Add and remove placement constraints and, with ``replicas``, scale back from 0, all in one write.

    ``purpose`` is what that is for; ``constraints`` are those the service has now. Each entry of
    ``remove`` takes one constraint of ours away. What is ours then is recorded in the service's labels.
    ``unrecorded``: the number of tasks is in the journal alone, not in the service's labels.
    """

    purpose: Reason
    constraints: tuple[str, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replicas: int | None = None
    unrecorded: bool = False

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
        return before

    @property
    def after(self) -> Mapping[str, Any]:
        after: dict[str, Any] = {"constraints": self.changed(self.constraints)}
        if self.replicas is not None:
            after["replicas"] = self.replicas
        return after

    def changed(self, constraints: tuple[str, ...]) -> list[str]:
        """Apply the change to ``constraints``."""
        kept = without(constraints, self.remove)
        return [*kept, *(text for text in self.add if text not in kept)]

    def change_spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Apply the change to ``spec``, which may be fresher than what the step was planned on.

        Only what is ours in that very spec is removed. If the user has scaled or redeployed the service since
        then, it keeps the user's number of tasks.
        """
        change_constraints(spec, self.remove, self.add)
        replicated = spec["Mode"].get("Replicated") or {}
        recorded = replicas_before(spec.get("Labels") or {}, self.service_id)
        if self.replicas is not None and replicated.get("Replicas") == 0 and (recorded or self.unrecorded):
            replicated["Replicas"] = recorded or self.replicas
        if recorded and replicated.get("Replicas") != 0:
            spec["Labels"] = with_replicas_before(spec["Labels"], self.service_id, None)
        return spec


@dataclass(frozen=True, kw_only=True)
class ScaleService(ServiceStep):
    """Scale a replicated service. One that is scaled to 0 has the number from before in its labels."""

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
        """Apply the change to ``spec``, which may be fresher than what the step was planned on."""
        replicated = spec["Mode"]["Replicated"]
        if self.replicas == 0 and replicated["Replicas"] > 0:
            spec["Labels"] = with_replicas_before(
                spec.get("Labels") or {}, self.service_id, replicated["Replicas"]
            )
        replicated["Replicas"] = self.replicas
        return spec


@dataclass(frozen=True, kw_only=True)
class RestartService(ServiceStep):
    """Have Swarm replace all tasks of a service, as its update settings say (a forced update)."""

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
    """Have Swarm go on with an update that it has paused; nothing of the spec is changed."""

    @property
    def action(self) -> str:
        return "resume_update"

    @property
    def summary(self) -> str:
        return f"go on with the update of {self.name}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"update": "paused"}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"update": "updating"}


@dataclass(frozen=True, kw_only=True)
class RollBack(ServiceStep):
    """Roll a service back to its spec from before its last update, as ``docker service rollback`` does."""

    @property
    def action(self) -> str:
        return "roll_back"

    @property
    def summary(self) -> str:
        return f"roll {self.name} back to what it was before its update"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"update": "paused"}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"update": "rollback_started"}

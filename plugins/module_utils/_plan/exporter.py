# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the service that runs the node exporter on every node."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._model.deploy_steps import ConvergeService, CreateService
from .._model.exporter import ExporterConfig
from .._model.reasons import Reason, Refused
from .._model.snapshot import SwarmSnapshot
from .._model.spec_merge import differences
from .._model.steps import Plan

# when to check again whether Swarm's update has ended
REQUEUE_SECONDS = 5.0


def plan_exporter(
    snapshot: SwarmSnapshot,
    desired: ExporterConfig,
    spec: Mapping[str, Any] | None,
    networks: Mapping[str, str],
) -> Plan:
    """Plan to create or update the service.

    ``spec``: its present spec, or None if the service does not exist. ``networks``: name → ID, because Swarm
    stores IDs. While Swarm is updating the service, the plan only waits. Raises Refused if its mode would
    change.
    """
    if spec is None:
        why = (Reason("service_missing", service=desired.name),)
        return Plan(steps=(CreateService(why=why, name=desired.name, spec=desired.initial),))
    service = snapshot.service_by_name[desired.name]
    goal = _with_mounts(_with_network_ids(desired.spec, networks), spec, desired.mounts)
    changes = differences(spec, goal)
    if not changes:
        return Plan()
    if set(spec["Mode"]) != set(goal["Mode"]):
        mode = next(iter(goal["Mode"])).lower()
        raise Refused(Reason("service_mode_fixed", service=desired.name, expected=mode, found=service.mode))
    if service.is_updating and not service.is_update_paused:
        note = Reason("change_waits_for_update", service=desired.name)
        return Plan(notes=(note,), requeue_after=REQUEUE_SECONDS)
    step = ConvergeService(
        why=tuple(Reason("field_differs", field=path) for path in changes),
        service_id=service.id,
        name=service.name,
        while_updating=service.is_update_paused,
        spec=spec,
        desired=goal,
    )
    return Plan(steps=(step,))


def _with_network_ids(spec: Mapping[str, Any], networks: Mapping[str, str]) -> dict[str, Any]:
    template = dict(spec["TaskTemplate"])
    if "Networks" in template:
        template["Networks"] = [
            {**network, "Target": networks.get(network["Target"], network["Target"])}
            for network in template["Networks"]
        ]
    return {**spec, "TaskTemplate": template}


def _with_mounts(
    goal: dict[str, Any], spec: Mapping[str, Any], mounts: tuple[Mapping[str, Any], ...]
) -> dict[str, Any]:
    """Return ``goal`` with these mounts in addition to those of ``spec``."""
    if not mounts:
        return goal
    # keep their present order, so that it makes no difference
    missing = {mount["Target"]: mount for mount in mounts}
    current = spec["TaskTemplate"]["ContainerSpec"].get("Mounts") or []
    kept = [missing.pop(mount["Target"], mount) for mount in current]
    container = {**goal["TaskTemplate"].get("ContainerSpec", {}), "Mounts": [*kept, *missing.values()]}
    return {**goal, "TaskTemplate": {**goal["TaskTemplate"], "ContainerSpec": container}}

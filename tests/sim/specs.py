# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse a service's JSON for the orchestrators, with the checks of the engine."""

from __future__ import annotations

import json
from typing import Any

from tests.sim import constraints
from tests.sim.objects import Json, Keys, Spec

NANOSECONDS = 1_000_000_000
DEFAULT_RESTART_DELAY = 5.0
DEFAULT_STOP_GRACE = 10.0
DEFAULT_MONITOR = 5.0
_MODES = {"Replicated", "Global"}


class BadSpec(ValueError):
    """The engine refuses the spec, as an invalid argument."""


def complete(raw: Json) -> Json:
    """Return ``raw`` as the engine returns it: with the engine's additions, otherwise unchanged."""
    template = raw.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    desired = {**raw, "Labels": raw.get("Labels") or {}}
    desired["TaskTemplate"] = {
        **template,
        "ContainerSpec": {**container, "Isolation": container.get("Isolation") or "default"},
        "ForceUpdate": template.get("ForceUpdate") or 0,
        "Runtime": template.get("Runtime") or "container",
    }
    mode = raw.get("Mode") or {"Replicated": {}}
    if "Replicated" in mode:
        replicas = (mode["Replicated"] or {}).get("Replicas")
        mode = {"Replicated": {"Replicas": 1 if replicas is None else replicas}}
    desired["Mode"] = mode
    return desired


def read(raw: Json, version: int) -> Spec:
    """Raises BadSpec."""
    template = raw["TaskTemplate"]
    placement = template.get("Placement") or {}
    resources = template.get("Resources") or {}
    reservations = resources.get("Reservations") or {}
    restart = template.get("RestartPolicy") or {}
    mode = raw["Mode"]
    _check(raw, mode, placement)
    rest = {key: value for key, value in template.items() if key != "Placement"}
    # without an explicit value, Swarm's default applies
    delay = restart.get("Delay")
    grace = template["ContainerSpec"].get("StopGracePeriod")
    return Spec(
        raw=raw,
        keys=Keys(_text(rest), _text(placement), _text(raw.get("EndpointSpec")), _text(raw)),
        version=version,
        is_global="Global" in mode,
        replicas=(mode.get("Replicated") or {}).get("Replicas", 0),
        has_placement=template.get("Placement") is not None,
        constraints=tuple(placement.get("Constraints") or ()),
        preferences=tuple(
            preference["Spread"]["SpreadDescriptor"] for preference in placement.get("Preferences") or ()
        ),
        platforms=tuple(
            (_architecture(platform.get("Architecture", "")), platform.get("OS", ""))
            for platform in placement.get("Platforms") or ()
        ),
        max_replicas=placement.get("MaxReplicas") or 0,
        host_ports=tuple(
            (port.get("Protocol") or "tcp", port["PublishedPort"])
            for port in (raw.get("EndpointSpec") or {}).get("Ports") or ()
            if port.get("PublishMode") == "host" and port.get("PublishedPort")
        ),
        nano_cpus=reservations.get("NanoCPUs") or 0,
        memory_bytes=reservations.get("MemoryBytes") or 0,
        restart_condition=restart.get("Condition") or "any",
        restart_delay=DEFAULT_RESTART_DELAY if delay is None else delay / NANOSECONDS,
        max_attempts=restart.get("MaxAttempts") or 0,
        restart_window=(restart.get("Window") or 0) / NANOSECONDS,
        stop_grace=DEFAULT_STOP_GRACE if grace is None else grace / NANOSECONDS,
        task_json=json.dumps({key: value for key, value in template.items() if key != "Runtime"}),
    )


def _check(raw: Json, mode: Json, placement: Json) -> None:
    if len(mode) != 1 or not set(mode) <= _MODES:
        raise BadSpec(f"the simulator has no services of this mode: {sorted(mode)}")
    if not raw.get("Name"):
        raise BadSpec("meta: name must be provided")
    if not raw["TaskTemplate"]["ContainerSpec"].get("Image"):
        raise BadSpec("ContainerSpec: image reference must be provided")
    for text in placement.get("Constraints") or ():
        try:
            constraints.parse(text)
        except ValueError as error:
            raise BadSpec(str(error)) from None


def _architecture(name: str) -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(name, name)


def normal_architecture(name: str) -> str:
    return _architecture(name)


def _text(value: Any) -> str:
    """Normalize specs so that those that Swarm considers equal compare equal: an absent field is an empty
    one."""
    return json.dumps(_bare(value), sort_keys=True)


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        bare = {key: _bare(entry) for key, entry in value.items()}
        return {key: entry for key, entry in bare.items() if entry not in (None, "", 0, [], False)}
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    return value


def update_config(raw: Json | None) -> Json:
    """An ``UpdateConfig`` or ``RollbackConfig`` with Swarm's defaults; durations in seconds.

    Without a config, one task is updated at a time. In a given config, parallelism 0 means all at once.
    """
    found = {"Parallelism": 1} if raw is None else raw
    return {
        "parallelism": found.get("Parallelism") or 0,
        "delay": (found.get("Delay") or 0) / NANOSECONDS,
        "monitor": found["Monitor"] / NANOSECONDS if found.get("Monitor") else DEFAULT_MONITOR,
        "failure_action": found.get("FailureAction") or "pause",
        "max_failure_ratio": found.get("MaxFailureRatio") or 0.0,
        "order": found.get("Order") or "stop-first",
    }

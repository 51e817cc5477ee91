# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the engine's JSON into the snapshot. Absent parts get Swarm's defaults."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from .._model.mount import Mount
from .._model.ownership import has_placement
from .._model.snapshot import Node, Service, Task
from .engine import Json

_NANOSECONDS = 1_000_000_000
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


def parse_node(raw: Json) -> Node:
    spec = raw["Spec"]
    description = raw.get("Description") or {}
    platform = description.get("Platform") or {}
    resources = description.get("Resources") or {}
    engine = description.get("Engine") or {}
    status = raw.get("Status") or {}
    manager = raw.get("ManagerStatus") or {}
    return Node(
        id=raw["ID"],
        hostname=description.get("Hostname", ""),
        version=raw["Version"]["Index"],
        role=spec.get("Role", "worker"),
        availability=spec.get("Availability", "active"),
        state=status.get("State", "unknown"),
        address=status.get("Addr", ""),
        labels=spec.get("Labels") or {},
        engine_labels=engine.get("Labels") or {},
        engine_version=engine.get("EngineVersion", ""),
        os=platform.get("OS", ""),
        architecture=platform.get("Architecture", ""),
        nano_cpus=resources.get("NanoCPUs", 0),
        memory_bytes=resources.get("MemoryBytes", 0),
        leader=manager.get("Leader", False),
        reachability=manager.get("Reachability"),
        updated=parse_time(raw.get("UpdatedAt", "")),
        manager_addr=manager.get("Addr", ""),
    )


def parse_service(raw: Json) -> Service:
    spec = raw["Spec"]
    template = spec.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    placement = template.get("Placement") or {}
    reservations = (template.get("Resources") or {}).get("Reservations") or {}
    restart = template.get("RestartPolicy") or {}
    mode, replicas = _parse_mode(spec.get("Mode") or {})
    return Service(
        id=raw["ID"],
        name=spec["Name"],
        version=raw["Version"]["Index"],
        mode=mode,
        replicas=replicas,
        labels=spec.get("Labels") or {},
        image=container.get("Image", ""),
        constraints=tuple(placement.get("Constraints") or ()),
        preferences=tuple(
            (preference.get("Spread") or {}).get("SpreadDescriptor", "")
            for preference in placement.get("Preferences") or ()
        ),
        platforms=tuple(
            (platform.get("OS", ""), platform.get("Architecture", ""))
            for platform in placement.get("Platforms") or ()
        ),
        max_replicas_per_node=placement.get("MaxReplicas", 0),
        mounts=tuple(_parse_mount(mount) for mount in container.get("Mounts") or ()),
        networks=tuple(
            network.get("Target", "") for network in template.get("Networks") or spec.get("Networks") or ()
        ),
        host_ports=tuple(
            (port.get("PublishedPort", 0), port.get("Protocol", "tcp"))
            for port in (spec.get("EndpointSpec") or {}).get("Ports") or ()
            if port.get("PublishMode") == "host"
        ),
        reserved_nano_cpus=reservations.get("NanoCPUs", 0),
        reserved_memory_bytes=reservations.get("MemoryBytes", 0),
        restart_condition=restart.get("Condition", "any"),
        restart_delay_seconds=restart.get("Delay", 5 * _NANOSECONDS) / _NANOSECONDS,
        update_order=(spec.get("UpdateConfig") or {}).get("Order", "stop-first"),
        update_state=(raw.get("UpdateStatus") or {}).get("State"),
        update_message=(raw.get("UpdateStatus") or {}).get("Message", ""),
        can_roll_back=_can_roll_back(spec, raw.get("PreviousSpec")),
        previous_constraints=_constraints_of(raw.get("PreviousSpec") or {}),
        stop_grace_seconds=container.get("StopGracePeriod", 10 * _NANOSECONDS) / _NANOSECONDS,
        force_update=template.get("ForceUpdate", 0),
    )


def _can_roll_back(spec: Json, previous: Json | None) -> bool:
    """Whether there is a different spec to roll back to, and doing so does not crash managers."""
    if previous in (None, spec):
        return False
    return has_placement(previous) or not has_placement(spec)


def _constraints_of(spec: Json) -> tuple[str, ...]:
    placement = (spec.get("TaskTemplate") or {}).get("Placement") or {}
    return tuple(placement.get("Constraints") or ())


def _parse_mode(mode: Json) -> tuple[str, int | None]:
    """The name of the mode, and its number of tasks (None: one for each node)."""
    if "Global" in mode:
        return "global", None
    if "GlobalJob" in mode:
        return "global-job", None
    if "ReplicatedJob" in mode:
        return "replicated-job", (mode["ReplicatedJob"] or {}).get("TotalCompletions", 1)
    return "replicated", (mode.get("Replicated") or {}).get("Replicas", 1)


def _parse_mount(raw: Json) -> Mount:
    driver = (raw.get("VolumeOptions") or {}).get("DriverConfig") or {}
    return Mount(
        type=raw.get("Type", "volume"),
        source=raw.get("Source", ""),
        target=raw.get("Target", ""),
        driver=driver.get("Name", ""),
        read_only=raw.get("ReadOnly", False),
        options=_known_options(driver.get("Options") or {}),
    )


def _known_options(options: Mapping[str, str]) -> dict[str, str]:
    """The options of a volume that determine where its data is stored. Others may contain passwords."""
    known = {key.lower(): value for key, value in options.items() if key.lower() in ("type", "device", "o")}
    flags = [flag.strip() for flag in known.pop("o", "").split(",")]
    flags = [flag for flag in flags if flag and ("=" not in flag or flag.lower().startswith("addr="))]
    return {**known, "o": ",".join(flags)} if flags else known


def parse_time(text: str) -> float:
    """Parse a time of the engine (RFC 3339 with up to nanoseconds) into seconds since the epoch; 0 if absent.

    The engine writes most times in UTC, and its own clock in the time zone of its host.
    """
    if not text or text.startswith("0001-"):
        return 0.0
    match = _TIME.fullmatch(text)
    if match is None:
        return 0.0
    seconds, fraction, offset = match.groups()
    zone = "+00:00" if offset == "Z" else offset
    return datetime.fromisoformat(f"{seconds}{zone}").timestamp() + float(f"0{fraction or '.0'}")


def parse_task(raw: Json) -> Task:
    status = raw.get("Status") or {}
    container = status.get("ContainerStatus") or {}
    return Task(
        id=raw["ID"],
        service_id=raw.get("ServiceID", ""),
        node_id=raw.get("NodeID") or None,
        state=status.get("State", "new"),
        desired_state=raw.get("DesiredState", ""),
        slot=raw.get("Slot"),
        created=parse_time(raw.get("CreatedAt", "")),
        since=status.get("Timestamp", ""),
        message=status.get("Message", ""),
        error=status.get("Err", ""),
        exit_code=container.get("ExitCode"),
        container_id=container.get("ContainerID") or None,
        constraints=tuple(((raw.get("Spec") or {}).get("Placement") or {}).get("Constraints") or ()),
    )

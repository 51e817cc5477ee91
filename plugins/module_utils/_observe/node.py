# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe one node through its own engine, and the objects that services use through a manager."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from .._model.node import Container, ContainerLog, Health, Image, NodeView, ServicesInUse, Volume
from .engine import Engine, Json
from .errors import EngineError, NotFound
from .parse import parse_service, parse_time

_NANOSECONDS = 1_000_000_000
# the engine's defaults for a health check
_DEFAULT_RETRIES = 3
_DEFAULT_INTERVAL_SECONDS = 30.0
_ANONYMOUS_LABEL = "com.docker.volume.anonymous"
# the name that engines before 23.0 give to an anonymous volume
_ANONYMOUS_NAME = re.compile(r"[0-9a-f]{64}")
_RUNNING = ("running", "paused", "restarting")


def unhealthy_ids(engine: Engine) -> frozenset[str]:
    """The IDs of the containers that the engine calls unhealthy, in one request.

    They include all ended containers with a health check, because the engine calls them unhealthy.
    """
    return frozenset(raw["Id"] for raw in engine.list_containers({"health": ["unhealthy"]}))


def view_node(engine: Engine) -> NodeView:
    """The engine itself, without its objects. Raises EngineError if it does not report its time."""
    info = engine.info()
    if not parse_time(info.get("SystemTime", "")):
        raise EngineError(f"{engine.docker_host}: expected the engine's time, found none")
    swarm = info.get("Swarm") or {}
    return NodeView(
        engine_id=info.get("ID", ""),
        hostname=info.get("Name", ""),
        now=parse_time(info.get("SystemTime", "")),
        swarm_state=swarm.get("LocalNodeState") or "inactive",
        is_manager=bool(swarm.get("ControlAvailable")),
        node_id=swarm.get("NodeID", ""),
    )


def view_containers(engine: Engine, ids: Iterable[str]) -> tuple[Container, ...]:
    """The containers with these IDs, without those that no longer exist."""
    found = []
    for container_id in sorted(ids):
        with contextlib.suppress(NotFound):
            found.append(parse_container(engine.get_container(container_id)))
    return tuple(found)


def view_storage(engine: Engine) -> NodeView:
    """The node with all containers, images and volumes."""
    listed = engine.list_containers()
    running = tuple(_parse_listed(raw) for raw in listed if raw.get("State") in _RUNNING)
    ended = [raw["Id"] for raw in listed if raw.get("State") not in _RUNNING]
    return replace(
        view_node(engine),
        containers=running + view_containers(engine, ended),
        images=tuple(_parse_image(raw) for raw in engine.list_images()),
        volumes=tuple(_parse_volume(raw) for raw in engine.list_volumes()),
        dangling_volumes=tuple(_parse_volume(raw) for raw in engine.list_volumes({"dangling": ["true"]})),
    )


def view_logs(engine: Engine) -> tuple[ContainerLog, ...]:
    """The log settings of all containers, including those that have ended."""
    found = []
    for listed in engine.list_containers():
        with contextlib.suppress(NotFound):
            raw = engine.get_container(listed["Id"])
            log = (raw.get("HostConfig") or {}).get("LogConfig") or {}
            name = raw.get("Name", "").lstrip("/")
            found.append(
                ContainerLog(name, log.get("Type", ""), (log.get("Config") or {}).get("max-size", ""))
            )
    return tuple(found)


def services_in_use(engine: Engine) -> ServicesInUse:
    """The images and volumes that services use. Raises NotAManager if the engine is not a manager."""
    images: set[str] = set()
    volumes: set[str] = set()
    stop_grace = {}
    for raw in engine.list_services():
        for spec in (raw["Spec"], raw.get("PreviousSpec") or {}):
            container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
            images.add(container.get("Image") or "")
            volumes |= {mount.get("Source") or "" for mount in container.get("Mounts") or ()}
        stop_grace[raw["ID"]] = parse_service(raw).stop_grace_seconds
    return ServicesInUse(
        images=frozenset(images - {""}), volumes=frozenset(volumes - {""}), stop_grace=stop_grace
    )


def parse_container(raw: Json) -> Container:
    """A container, from its full description."""
    state, config = raw.get("State") or {}, raw.get("Config") or {}
    return Container(
        id=raw["Id"],
        name=raw.get("Name", "").lstrip("/"),
        state=state.get("Status", ""),
        image_id=raw.get("Image", ""),
        labels=config.get("Labels") or {},
        created=parse_time(raw.get("Created", "")),
        started=parse_time(state.get("StartedAt", "")),
        finished=parse_time(state.get("FinishedAt", "")),
        exit_code=state.get("ExitCode", 0),
        stop_timeout=config.get("StopTimeout"),
        health=_parse_health(state.get("Health"), config.get("Healthcheck") or {}),
        volumes=_volume_names(raw),
        anonymous_volumes=_anonymous_volumes(raw),
    )


def _volume_names(raw: Json) -> tuple[str, ...]:
    mounts = [mount for mount in raw.get("Mounts") or () if mount.get("Type") == "volume"]
    return tuple(dict.fromkeys(mount["Name"] for mount in mounts if mount.get("Name")))


def _anonymous_volumes(raw: Json) -> tuple[str, ...]:
    """The volumes that ``docker rm -v`` would remove: those that its configuration does not name."""
    config = raw.get("HostConfig") or {}
    named = {bind.partition(":")[0] for bind in config.get("Binds") or ()}
    named |= {mount.get("Source") for mount in config.get("Mounts") or ()}
    return tuple(name for name in _volume_names(raw) if name not in named)


def _parse_health(health: Json | None, check: Json) -> Health | None:
    if not health or health.get("Status", "none") == "none":
        return None
    retries = check.get("Retries") or _DEFAULT_RETRIES
    interval = (check.get("Interval") or 0) / _NANOSECONDS or _DEFAULT_INTERVAL_SECONDS
    streak = health.get("FailingStreak", 0)
    ends = [parse_time(entry.get("End", "")) for entry in health.get("Log") or ()]
    since = 0.0
    if ends and streak >= retries:
        # the check that made it unhealthy; the log has only the last five, so estimate earlier ones
        index = len(ends) - 1 - (streak - retries)
        since = ends[index] if index >= 0 else ends[0] + index * interval
    return Health(status=health["Status"], failing_streak=streak, retries=retries, since=since)


def _parse_listed(raw: Json) -> Container:
    names: Collection[str] = raw.get("Names") or ("",)
    return Container(
        id=raw["Id"],
        name=next(iter(names)).lstrip("/"),
        state=raw.get("State", ""),
        image_id=raw.get("ImageID", ""),
        labels=raw.get("Labels") or {},
        created=float(raw.get("Created") or 0),
        volumes=_volume_names(raw),
    )


def _parse_image(raw: Json) -> Image:
    return Image(
        id=raw["Id"],
        created=float(raw.get("Created") or 0),
        size=raw.get("Size") or 0,
        tags=tuple(tag for tag in raw.get("RepoTags") or () if not tag.endswith("<none>")),
        digests=tuple(digest for digest in raw.get("RepoDigests") or () if not digest.startswith("<none>")),
        labels=raw.get("Labels") or {},
    )


def _parse_volume(raw: Json) -> Volume:
    labels = raw.get("Labels") or {}
    return Volume(
        name=raw["Name"],
        driver=raw.get("Driver", "local"),
        anonymous=_ANONYMOUS_LABEL in labels or bool(_ANONYMOUS_NAME.fullmatch(raw["Name"])),
        labels=labels,
    )

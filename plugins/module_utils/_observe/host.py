# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gather what `doctor` judges about a host: Python, libraries, its engine, and the way to the other hosts."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import grp
import os
import socket
import stat
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._model.address import parse_address
from .._model.doctor import ClosedPort, HostFacts
from .._model.errors import OrcastraError
from .connection import DOCKER_IMPORT_ERROR, ConnectionOptions, connect
from .engine import Engine, Json
from .errors import EngineError
from .node import view_logs
from .parse import parse_node, parse_time

MANAGER_PORT = 2377
GOSSIP_PORT = 7946
PORT_TIMEOUT_SECONDS = 3.0
MAX_PORTS = 200
_THREADS = 16


def host_facts(
    options: ConnectionOptions,
    libraries: Mapping[str, str | None],
    *,
    now: float | None = None,
    check_ports: bool = True,
    check_logs: bool = True,
) -> HostFacts:
    """Gather the facts. Never raises for what is missing: that is a fact.

    ``now``: seconds since the epoch at the place whose clock counts; None compares with this host's clock.
    """
    facts = HostFacts(
        python=tuple(sys.version_info[:3]), libraries=dict(libraries), docker_host=options.docker_host
    )
    if DOCKER_IMPORT_ERROR is not None:
        return facts
    started = time.monotonic()
    try:
        with closing(connect(options)) as engine:
            return _engine_facts(facts, engine, now, started, check_ports=check_ports, check_logs=check_logs)
    except OrcastraError as error:
        fault, group = socket_fault(options.docker_host)
        return replace(facts, engine_fault=fault, socket_group=group, engine_error=str(error))


def _engine_facts(
    facts: HostFacts,
    engine: Engine,
    now: float | None,
    started: float,
    *,
    check_ports: bool,
    check_logs: bool,
) -> HostFacts:
    info = engine.info()
    swarm = info.get("Swarm") or {}
    reference = time.time() if now is None else now + (time.monotonic() - started)
    engine_time = parse_time(info.get("SystemTime") or "")
    is_active = swarm.get("LocalNodeState") == "active"
    membership = "none"
    if is_active:
        membership = "manager" if swarm.get("ControlAvailable") else "worker"
    peers = _peers(engine, swarm) if is_active and check_ports else []
    closed = closed_ports(peers)
    unlimited: tuple[str, ...] = ()
    if check_logs:
        # a socket proxy may not let this through
        with suppress(EngineError):
            unlimited = tuple(sorted(found.container for found in view_logs(engine) if found.is_unlimited))
    return replace(
        facts,
        engine=str(info.get("ServerVersion") or ""),
        membership=membership,
        skew_seconds=engine_time - reference if engine_time else None,
        closed=closed,
        open_ports=len(peers) - len(closed),
        unlimited_logs=unlimited,
    )


def socket_fault(docker_host: str) -> tuple[str, str]:
    """Say why an engine doesn't answer, and which group may use its socket."""
    if not docker_host.startswith("unix://"):
        return "unreachable", ""
    path = docker_host.removeprefix("unix://")
    try:
        status = Path(path).stat()
    except PermissionError:
        return "no_permission", ""
    except OSError:
        return "missing_socket", ""
    if not stat.S_ISSOCK(status.st_mode):
        return "missing_socket", ""
    if os.access(path, os.R_OK | os.W_OK):
        return "unreachable", ""
    try:
        return "no_permission", grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        return "no_permission", str(status.st_gid)


def _peers(engine: Engine, swarm: Json) -> list[tuple[str, str, int]]:
    """Name, address and port of each place that this host must reach as a member of its swarm."""
    own_id, own = swarm.get("NodeID"), parse_address(swarm.get("NodeAddr"))
    found = []
    for entry in swarm.get("RemoteManagers") or ():
        host, _colon, port = str(entry.get("Addr", "")).rpartition(":")
        if entry.get("NodeID") != own_id and host and port.isdigit():
            found.append((host.strip("[]"), host.strip("[]"), int(port)))
    if swarm.get("ControlAvailable"):
        try:
            nodes = [parse_node(raw) for raw in engine.list_nodes()]
        except EngineError:
            nodes = []
        for node in nodes:
            if node.id != own_id and node.is_ready and node.addresses and node.addresses[0] != own:
                found.append((node.hostname or node.id, str(node.addresses[0]), GOSSIP_PORT))
    return found[:MAX_PORTS]


def closed_ports(peers: Iterable[tuple[str, str, int]]) -> tuple[ClosedPort, ...]:
    """Try each port over TCP, several at a time. Returns those that can't be reached."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return tuple(found for found in pool.map(_try_port, peers) if found is not None)


def _try_port(peer: tuple[str, str, int]) -> ClosedPort | None:
    name, address, port = peer
    try:
        with socket.create_connection((address, port), PORT_TIMEOUT_SECONDS):
            return None
    except OSError as error:
        return ClosedPort(name, address, port, error.strerror or str(error) or "timed out")


def library_versions(names: Iterable[str]) -> dict[str, str | None]:
    """Name → version of the installed distributions of these names, None for those that are missing."""
    from importlib import metadata  # noqa: PLC0415 - it takes a while, and only doctor needs it

    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge the prerequisites of a host and of the swarm: missing ones, and how to fix them."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable

from .._model.doctor import FAILED, OK, WARNING, Finding, HostFacts
from .._model.membership import MAX_MANAGERS
from .._model.reasons import Reason
from .._model.snapshot import SwarmSnapshot

OLDEST_PYTHON = (3, 9)
# the oldest engine that the test suite runs on
OLDEST_ENGINE = (20, 10)
# Swarm itself bears more, but logs and metrics of hosts that differ by more can't be compared.
MOST_SKEW_SECONDS = 10.0
# the packages of Debian for the libraries, where the name differs from pip's
_DEBIAN = {"docker": "python3-docker"}


def diagnose_host(facts: HostFacts) -> tuple[Finding, ...]:
    """Return the findings about a host, those about its engine last."""
    return (_python(facts), *_libraries(facts), *_engine(facts))


def _python(facts: HostFacts) -> Finding:
    version = ".".join(map(str, facts.python))
    if facts.python >= OLDEST_PYTHON:
        return Finding(OK, Reason("doctor_python", version=version))
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Finding(
        FAILED,
        Reason("doctor_python_old", version=version, oldest=oldest),
        Reason("doctor_python_fix", oldest=oldest),
    )


def _libraries(facts: HostFacts) -> list[Finding]:
    found = []
    for name, version in sorted(facts.libraries.items()):
        if version is not None:
            found.append(Finding(OK, Reason("doctor_library", library=name, version=version)))
        elif name in _DEBIAN:
            fix = Reason("doctor_package_fix", library=name, package=_DEBIAN[name])
            found.append(Finding(FAILED, Reason("doctor_library_missing", library=name), fix))
        else:
            fix = Reason("doctor_library_fix", library=name)
            found.append(Finding(FAILED, Reason("doctor_library_missing", library=name), fix))
    return found


def _engine(facts: HostFacts) -> list[Finding]:
    if facts.engine is None:
        return [_unreachable(facts)] if facts.engine_fault else []
    found = []
    if _version(facts.engine) < OLDEST_ENGINE:
        oldest = ".".join(map(str, OLDEST_ENGINE))
        reason = Reason("doctor_engine_old", version=facts.engine, oldest=oldest)
        found.append(Finding(WARNING, reason, Reason("doctor_engine_old_fix")))
    else:
        found.append(Finding(OK, Reason("doctor_engine", version=facts.engine, host=facts.docker_host)))
    found.append(_membership(facts))
    found += _clock(facts)
    for port in facts.closed:
        reason = Reason(
            "doctor_port_closed", host=port.name, address=port.address, port=port.port, error=port.error
        )
        found.append(Finding(FAILED, reason, Reason("doctor_port_fix", port=port.port)))
    if facts.open_ports and not facts.closed:
        found.append(Finding(OK, Reason("doctor_ports", count=facts.open_ports)))
    if facts.unlimited_logs:
        reason = Reason("doctor_logs_unlimited", containers=facts.unlimited_logs)
        found.append(Finding(WARNING, reason, Reason("doctor_logs_fix")))
    return found


def _unreachable(facts: HostFacts) -> Finding:
    host = facts.docker_host
    if facts.engine_fault == "missing_socket":
        return Finding(
            FAILED, Reason("doctor_socket_missing", host=host), Reason("doctor_socket_missing_fix")
        )
    if facts.engine_fault == "no_permission":
        fix = Reason("doctor_socket_denied_fix", group=facts.socket_group or "docker")
        return Finding(FAILED, Reason("doctor_socket_denied", host=host), fix)
    reason = Reason("doctor_engine_unreachable", host=host, error=facts.engine_error or None)
    return Finding(FAILED, reason, Reason("doctor_engine_unreachable_fix"))


def _membership(facts: HostFacts) -> Finding:
    if facts.membership == "none":
        return Finding(WARNING, Reason("doctor_no_member"), Reason("doctor_no_member_fix"))
    return Finding(OK, Reason("doctor_member", role=facts.membership))


def _clock(facts: HostFacts) -> list[Finding]:
    if facts.skew_seconds is None:
        return []
    if abs(facts.skew_seconds) <= MOST_SKEW_SECONDS:
        return [Finding(OK, Reason("doctor_clock"))]
    if facts.skew_seconds > 0:
        reason = Reason("doctor_clock_ahead", seconds=facts.skew_seconds)
    else:
        reason = Reason("doctor_clock_behind", seconds=-facts.skew_seconds)
    return [Finding(WARNING, reason, Reason("doctor_clock_fix"))]


def diagnose_swarm(snapshot: SwarmSnapshot, damage: Iterable[object] = ()) -> tuple[Finding, ...]:
    """Return the findings about the swarm. ``damage``: the parts of the saved state that can't be read."""
    return (
        *_nodes(snapshot),
        *_managers(snapshot),
        *_versions(snapshot),
        *_images(snapshot),
        *(
            Finding(WARNING, Reason("doctor_damage", damage=str(part)), Reason("doctor_damage_fix"))
            for part in damage
        ),
    )


def _nodes(snapshot: SwarmSnapshot) -> list[Finding]:
    found = [
        Finding(
            WARNING,
            Reason("doctor_node_not_ready", node=node.hostname or node.id, state=node.state),
            Reason("doctor_node_fix"),
        )
        for node in snapshot.nodes
        if not node.is_ready
    ]
    ready = sum(node.is_ready for node in snapshot.nodes)
    return found or [Finding(OK, Reason("doctor_nodes_ready", count=ready))]


def _managers(snapshot: SwarmSnapshot) -> list[Finding]:
    managers = [node for node in snapshot.nodes if node.role == "manager"]
    reachable = [node for node in managers if node.reachability == "reachable"]
    if len(reachable) * 2 <= len(managers) + 1 and len(reachable) < len(managers):
        reason = Reason("doctor_quorum_thin", reachable=len(reachable), managers=len(managers))
        return [Finding(WARNING, reason, Reason("doctor_node_fix"))]
    if managers and (len(managers) % 2 == 0 or len(managers) > MAX_MANAGERS):
        reason = Reason("doctor_managers_even", managers=len(managers))
        return [Finding(WARNING, reason, Reason("doctor_managers_fix"))]
    return [Finding(OK, Reason("doctor_managers", managers=len(managers)))]


def _versions(snapshot: SwarmSnapshot) -> list[Finding]:
    by_version: dict[str, list[str]] = {}
    for node in snapshot.nodes:
        if node.engine_version:
            by_version.setdefault(node.engine_version, []).append(node.hostname or node.id)
    old = sorted(version for version in by_version if _version(version) < OLDEST_ENGINE)
    if old:
        nodes = sorted(name for version in old for name in by_version[version])
        oldest = ".".join(map(str, OLDEST_ENGINE))
        reason = Reason("doctor_nodes_old", nodes=nodes, oldest=oldest)
        return [Finding(WARNING, reason, Reason("doctor_engine_old_fix"))]
    if len({_version(version)[:1] for version in by_version}) > 1:
        reason = Reason("doctor_versions_differ", versions=sorted(by_version, key=_version))
        return [Finding(WARNING, reason, Reason("doctor_versions_fix"))]
    return (
        [Finding(OK, Reason("doctor_versions", versions=sorted(by_version, key=_version)))]
        if by_version
        else []
    )


def _images(snapshot: SwarmSnapshot) -> list[Finding]:
    """The nodes that say of a task which should run that they don't have its image."""
    missing: dict[str, set[str]] = {}
    for task in snapshot.tasks:
        if not task.error.startswith("No such image"):
            continue
        service = snapshot.service_by_id.get(task.service_id)
        node = snapshot.node_by_id.get(task.node_id or "")
        is_newest = service is not None and task.created == max(
            (
                one.created
                for one in snapshot.tasks_of(service)
                if (one.slot, one.node_id) == (task.slot, task.node_id)
            ),
            default=0.0,
        )
        if service and node and is_newest:
            missing.setdefault(service.image.partition("@")[0], set()).add(node.hostname or node.id)
    return [
        Finding(
            FAILED,
            Reason("doctor_image_missing", image=image, nodes=sorted(nodes)),
            Reason("doctor_image_fix", image=image),
        )
        for image, nodes in sorted(missing.items())
    ]


def _version(text: str) -> tuple[int, ...]:
    """``28.5.1`` → (28, 5, 1); ``20.10.24+dfsg1`` → (20, 10, 24)."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0].partition("-")[0])[:3])

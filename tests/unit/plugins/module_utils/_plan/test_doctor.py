# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each missing prerequisite is one finding with a fix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.doctor import (
    FAILED,
    OK,
    WARNING,
    ClosedPort,
    Finding,
    HostFacts,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.doctor import diagnose_host, diagnose_swarm
from tests.support.builders import node, service, snapshot, task

READY = HostFacts(
    python=(3, 11, 2),
    libraries={"docker": "7.0"},
    docker_host="unix:///var/run/docker.sock",
    engine="28.5.1",
    membership="manager",
    skew_seconds=0.2,
    open_ports=4,
)


def bad(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    assert all((one.fix is None) == (one.status == OK) for one in findings)
    assert all(one.reason.text and (one.fix is None or one.fix.text) for one in findings)
    return [(one.status, one.reason.code) for one in findings if one.status != OK]


def test_ready_host_has_no_problem() -> None:
    findings = diagnose_host(READY)

    assert bad(findings) == []
    assert [one.reason.code for one in findings] == [
        "doctor_python", "doctor_library", "doctor_engine", "doctor_member", "doctor_clock", "doctor_ports",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"python": (3, 8, 10)}, FAILED, "doctor_python_old"),
        ({"libraries": {"docker": None}, "engine": None}, FAILED, "doctor_library_missing"),
        ({"libraries": {"ansible-core": None}}, FAILED, "doctor_library_missing"),
        ({"engine": None, "engine_fault": "missing_socket"}, FAILED, "doctor_socket_missing"),
        ({"engine": None, "engine_fault": "no_permission"}, FAILED, "doctor_socket_denied"),
        ({"engine": None, "engine_fault": "unreachable"}, FAILED, "doctor_engine_unreachable"),
        ({"engine": "19.03.5"}, WARNING, "doctor_engine_old"),
        ({"engine": "20.9"}, WARNING, "doctor_engine_old"),
        ({"membership": "none", "open_ports": 0}, WARNING, "doctor_no_member"),
        ({"skew_seconds": 3600.0}, WARNING, "doctor_clock_ahead"),
        ({"skew_seconds": -11.0}, WARNING, "doctor_clock_behind"),
        ({"closed": (ClosedPort("b", "10.0.0.2", 2377, "refused"),)}, FAILED, "doctor_port_closed"),
        ({"unlimited_logs": ("a", "b")}, WARNING, "doctor_logs_unlimited"),
    ],
)
def test_missing_prerequisite_is_one_finding(changes: dict[str, Any], status: str, code: str) -> None:
    assert bad(diagnose_host(replace(READY, **changes))) == [(status, code)]


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "20.10.0", "26.1.5-1", "28.5", "100"])
def test_supported_engine_versions(version: str) -> None:
    assert bad(diagnose_host(replace(READY, engine=version))) == []


def manager(name: str, **fields: Any) -> Any:
    return node(
        name, **{"role": "manager", "reachability": "reachable", "engine_version": "28.5.1", **fields}
    )


THREE = [manager(name) for name in ("a", "b", "c")]


def test_healthy_swarm_has_no_problem() -> None:
    assert bad(diagnose_swarm(snapshot(*THREE, node("w", engine_version="28.5.2")))) == []


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([*THREE, node("w", state="down")], [(WARNING, "doctor_node_not_ready")]),
        ([*THREE, manager("d")], [(WARNING, "doctor_managers_even")]),
        (
            [*THREE[:2], manager("c", reachability="unreachable")],
            [(WARNING, "doctor_quorum_thin")],
        ),
        ([*THREE, node("w", engine_version="26.1.5")], [(WARNING, "doctor_versions_differ")]),
        ([*THREE, node("w", engine_version="19.03.1")], [(WARNING, "doctor_nodes_old")]),
    ],
)
def test_problem_of_the_swarm_is_one_finding(nodes: list[Any], expected: list[tuple[str, str]]) -> None:
    assert bad(diagnose_swarm(snapshot(*nodes))) == expected


def test_missing_image_names_each_node_once() -> None:
    web = service("web", image="orcastra:latest@sha256:1")
    old = task(
        "web",
        "a",
        id="old",
        state="rejected",
        desired_state="shutdown",
        created=1.0,
        error="No such image: x",
    )
    new = task("web", "a", id="new", created=2.0)
    failing = [
        task(
            "web",
            name,
            id=f"{name}{created}",
            slot=2,
            state="rejected",
            created=created,
            error="No such image: x",
        )
        for name, created in (("b", 1.0), ("b", 2.0), ("c", 2.0))
    ]

    findings = diagnose_swarm(snapshot(*THREE, web, old, new, *failing))

    assert bad(findings) == [(FAILED, "doctor_image_missing")]
    (found,) = (one for one in findings if one.status == FAILED)
    assert dict(found.reason.params) == {"image": "orcastra:latest", "nodes": ("b", "c")}


def test_damage_of_the_saved_state_is_a_warning() -> None:
    assert bad(diagnose_swarm(snapshot(*THREE), ["moves"])) == [(WARNING, "doctor_damage")]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a host that doctor judges."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import ConnectionOptions
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.host import (
    closed_ports,
    host_facts,
    library_versions,
    socket_fault,
)


def test_closed_ports_are_those_that_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        is_open, closed = server.getsockname()[1], other.getsockname()[1]
        other.close()
        found = closed_ports([("alpha", "127.0.0.1", is_open), ("bravo", "127.0.0.1", closed)])

    assert [(one.name, one.port) for one in found] == [("bravo", closed)]
    assert found[0].error


@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
def test_socket_fault_without_a_socket(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "docker.sock"
    if kind == "file":
        path.write_text("")
    elif kind == "folder":
        path.mkdir()

    assert socket_fault(f"unix://{path}") == ("missing_socket", "")


def test_socket_fault_with_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert socket_fault(f"unix://{path}") == ("unreachable", "")
        monkeypatch.setattr(os, "access", lambda _path, _mode: False)
        fault, group = socket_fault(f"unix://{path}")

    assert (fault, bool(group)) == ("no_permission", True)
    assert socket_fault("tcp://10.0.0.1:2375") == ("unreachable", "")


def test_host_facts_without_an_engine(tmp_path: Path) -> None:
    facts = host_facts(ConnectionOptions(docker_host=f"unix://{tmp_path}/none"), {"docker": "7"})

    assert (facts.engine, facts.engine_fault, facts.membership) == (None, "missing_socket", "none")


def test_library_versions_of_missing_ones_are_none() -> None:
    found = library_versions(["docker", "no-such-distribution"])

    assert found["docker"]
    assert found["no-such-distribution"] is None

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra run`` without a configuration, as a separate process on a simulated swarm in real time."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

from tests.lab.wait import wait_until
from tests.sim import Sim
from tests.support.runner_process import running

CONFIGURATION = "nodes:\n  bravo: {labels: [ssd]}\n"
SETTINGS = {"EVENT_MODE": "true", "RELABEL_TIME": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def api(port: int, name: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{name}", timeout=10) as response:
        return json.load(response)


def writes(sim: Sim) -> list[tuple[str, str]]:
    return [(method, path) for _node, method, path in sim.requests if method != "GET"]


def test_run_without_configuration_shows_the_swarm_and_writes_nothing(sim: Sim, tmp_path: Path) -> None:
    bravo = sim.node("bravo")
    sim.place({"Name": "db", "TaskTemplate": {"ContainerSpec": {"Image": "x"}}}, [bravo])
    port = free_port()
    settings = {**SETTINGS, "ORCASTRA_HTTP_ADDRESS": f"127.0.0.1:{port}"}
    with sim.real_time(), running(tmp_path, sim.docker_host(), is_default=True, **settings) as loop:
        loop.wait_for("swarm observed", times=3)
        state, plan = api(port, "state"), api(port, "plan")
        loop.end(signal.SIGTERM)
        assert loop.process.returncode == 0
    assert state["instance"]["read_only"] is True
    assert [error["topic"] for error in state["errors"]] == ["configuration"]
    assert [service["name"] for service in state["services"]] == ["db"]
    assert plan["verdict"]["sync"]["code"] == "verdict_not_configured"
    assert loop.said("read-only: ") == 1
    assert writes(sim) == []


def test_run_picks_up_the_first_valid_configuration(sim: Sim, tmp_path: Path) -> None:
    port = free_port()
    settings = {**SETTINGS, "ORCASTRA_HTTP_ADDRESS": f"127.0.0.1:{port}"}
    bravo = sim.node("bravo")
    with sim.real_time(), running(tmp_path, sim.docker_host(), is_default=True, **settings) as loop:
        loop.wait_for("read-only: ")
        (tmp_path / "swarm.yml").write_text("nodes: [bravo]\n")
        loop.wait_for("configuration rejected")
        assert writes(sim) == []
        (tmp_path / "swarm.yml").write_text(CONFIGURATION)
        loop.wait_for("orcastra started", times=2)
        wait_until(lambda: bravo.spec.get("Labels") == {"ssd": "true"}, what="the label on bravo")
        assert api(port, "state")["instance"]["read_only"] is False
        loop.end(signal.SIGTERM)
        assert loop.process.returncode == 0


def test_run_waits_until_the_other_files_are_valid(sim: Sim, tmp_path: Path) -> None:
    with sim.real_time(), running(tmp_path, sim.docker_host(), is_default=True, **SETTINGS) as loop:
        loop.wait_for("read-only: ")
        (tmp_path / "rebalance_config.yml").write_text("rebalance: {nonsense: 1}\n")
        (tmp_path / "swarm.yml").write_text(CONFIGURATION)
        loop.wait_for("configuration rejected")
        assert writes(sim) == []
        (tmp_path / "rebalance_config.yml").unlink()
        loop.wait_for("orcastra started", times=2)
        loop.end(signal.SIGTERM)

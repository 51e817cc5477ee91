# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner as a separate process on a simulated swarm in real time."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.sim import Sim
from tests.support.runner_process import running

CONFIGURATION = """
nodes:
  bravo: {labels: [ssd]}
dependencies:
  db: {services: [app]}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_loop_ends_on_request(sim: Sim, tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "swarm.yml").write_text(CONFIGURATION)
    settings = {"STACK_NAME": "", "ORCASTRA_RESYNC_INTERVAL": "3600", "RELABEL_TIME": "3600"}
    with sim.real_time(), running(tmp_path, sim.docker_host(), **settings) as loop:
        loop.wait_for("swarm observed")
        loop.end(number)
        assert loop.process.returncode == 0
        assert (loop.entries[-1]["event"], loop.entries[-1]["signal"]) == ("stopping", number.name)


def test_idle_loop_makes_five_requests_per_cycle(sim: Sim, tmp_path: Path) -> None:
    template = {"ContainerSpec": {"Image": "x"}, "Placement": {"Constraints": ["node.labels.db==true"]}}
    bravo = sim.node("bravo")
    bravo.spec["Labels"] = {"ssd": "true", "db": "true"}
    sim.store.touch(bravo)
    sim.place({"Name": "db", "TaskTemplate": {"ContainerSpec": {"Image": "x"}}}, [bravo])
    sim.place({"Name": "app", "TaskTemplate": template}, [bravo])
    (tmp_path / "swarm.yml").write_text(CONFIGURATION)
    settings = {"STACK_NAME": "", "ORCASTRA_RESYNC_INTERVAL": "600", "RELABEL_TIME": "1"}
    with sim.real_time(), running(tmp_path, sim.docker_host(), **settings) as loop:
        loop.wait_for("swarm observed", times=2)
        asked = len(sim.requests)
        looks = loop.said("swarm observed")
        loop.wait_for("swarm observed", times=looks + 3)
        assert len(sim.requests) - asked <= 5 * (loop.said("swarm observed") - looks + 1)
        loop.end(signal.SIGTERM)
    quiet = [(method, path) for _node, method, path in sim.requests[asked:]]
    assert set(quiet) == {
        ("GET", "/info"), ("GET", "/configs/orcastra.state"),
        ("GET", "/nodes"), ("GET", "/services"), ("GET", "/tasks"),
    }  # fmt: skip

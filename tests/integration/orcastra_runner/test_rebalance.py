# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra run`` balances memory: containers that hold memory, real exporters, a node that returns."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.integration.memory import memory_user, running, set_availability, tasks_measured
from tests.lab import Lab
from tests.runner_process import Loop
from tests.runner_process import running as running_loop

RULES = {
    "monitor_interval_seconds": 2,
    "default": {"sustained_high_minutes": 0, "memory_difference_gb": 0.12, "rebalance_buffer_gb": 0.03},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {}}\n")
    (tmp_path / "rebalance_config.yml").write_text(yaml.safe_dump(RULES))
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_node_that_returns_gets_its_share(swarm: Lab, config: Path) -> None:
    names = [f"user-{number}" for number in range(6)]
    for host in swarm:
        host.set_memory(total_mb=1024)
        host.follow_memory()
    set_availability(swarm, "charlie", "drain")
    for name in names:
        swarm["alpha"].api("POST", "/services/create", memory_user(name, 100))
    swarm.wait_until(lambda: len(running(swarm)) == 6, timeout=90, what="six services")
    before = running(swarm)
    assert {host for host, _start in before.values()} == {"alpha", "bravo"}

    with tasks_measured(swarm):
        set_availability(swarm, "charlie", "active")
        with running_loop(config, swarm["alpha"].docker_host, ORCASTRA_LEADER="always") as loop:
            swarm.wait_until(
                lambda: (
                    Counter(host for host, _start in running(swarm).values())
                    == {"alpha": 2, "bravo": 2, "charlie": 2}
                ),
                timeout=300,
                what="two services on each host",
            )
            _wait_until_settled(swarm, loop)
            loop.end(signal.SIGTERM)
        after = running(swarm)

    stayed = [name for name in names if after[name][0] == before[name][0]]
    assert len(stayed) == 4
    assert {name: after[name] for name in stayed} == {name: before[name] for name in stayed}
    assert loop.said("done: move") == 2
    for name in names:
        spec = swarm["alpha"].api("GET", f"/services/{name}")["Spec"]
        assert not spec["TaskTemplate"].get("Placement", {}).get("Constraints")


def _wait_until_settled(swarm: Lab, loop: Loop) -> None:
    """Until no move is under way, and two more cycles have found nothing to do."""

    def journal() -> object:
        (state,) = swarm["alpha"].api("GET", "/configs", query={"filters": {"name": ["orcastra.state"]}})
        return json.loads(state["Spec"]["Labels"].get("orcastra.journal", "{}"))

    swarm.wait_until(lambda: not journal(), timeout=60, what="an empty journal")
    loop.wait_for("measured memory", times=loop.said("measured memory") + 2)

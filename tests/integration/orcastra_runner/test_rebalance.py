# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra run`` balances memory, with real containers and exporters, after a node returns."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.integration.anchors.killing_proxy import KillingProxy
from tests.integration.memory import memory_user, running, set_availability, tasks_measured
from tests.lab import Lab
from tests.support.runner_process import Loop
from tests.support.runner_process import running as running_loop

MOST_WRITES = 20
RULES = {
    "monitor_interval_seconds": 1,
    "default": {"sustained_high_minutes": 0, "memory_difference_gb": 0.12, "rebalance_buffer_gb": 0.03},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {}}\n")
    (tmp_path / "rebalance_config.yml").write_text(yaml.safe_dump(RULES))
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rebalance_moves_services_to_a_returning_node(swarm: Lab, config: Path) -> None:
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
    """Wait until no move is in progress, and two more cycles found no changes."""

    swarm.wait_until(lambda: not _journal(swarm), timeout=60, what="an empty journal")
    loop.wait_for("measured memory", times=loop.said("measured memory") + 2)


def _journal(swarm: Lab) -> object:
    states = swarm["alpha"].api("GET", "/configs", query={"filters": {"name": ["orcastra.state"]}})
    return [json.loads(state["Spec"]["Labels"].get("orcastra.journal", "{}")) for state in states] != [{}]


def _forget(swarm: Lab) -> None:
    """Delete the saved state, so that a moved service may move again."""
    manager = swarm["alpha"]
    for state in manager.api("GET", "/configs", query={"filters": {"name": ["orcastra.state"]}}):
        manager.api("DELETE", f"/configs/{state['ID']}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rebalance_survives_kill_at_any_write(swarm: Lab, config: Path) -> None:
    """Kills alternate between before and after a write. The move always ends and leaves nothing behind."""
    manager = swarm["alpha"].docker_host
    environment = {"ORCASTRA_LEADER": "always", "EVENT_MODE": "true", "RELABEL_TIME": "1"}
    for host in swarm:
        host.set_memory(total_mb=1024)
        host.follow_memory()
    set_availability(swarm, "charlie", "drain")
    ballast = memory_user("ballast", 150, Labels={"orchestration.rebalance": "false"})
    ballast["TaskTemplate"]["Placement"] = {"Constraints": ["node.hostname==alpha"]}
    swarm["alpha"].api("POST", "/services/create", ballast)
    written: list[str] = []
    with tasks_measured(swarm):
        for nth in range(1, MOST_WRITES):
            set_availability(swarm, "bravo", "drain")
            swarm["alpha"].api("POST", "/services/create", memory_user("user", 150))
            swarm.wait_until(lambda: len(running(swarm)) == 2, timeout=60, what="both to run")
            stays = running(swarm)["ballast"]
            set_availability(swarm, "bravo", "active")
            with (
                KillingProxy(swarm["alpha"].ip, nth, before=nth % 2 == 1) as proxy,
                running_loop(config, proxy.docker_host, **environment) as loop,
            ):
                proxy.watch(loop.process)
                swarm.wait_until(
                    lambda proxy=proxy: proxy.killed.is_set() or _is_moved(swarm),
                    timeout=60,
                    what=f"the controller to be killed at write {nth}, or to finish",
                )
                was_killed = proxy.killed.is_set()
                written = proxy.posts
            with running_loop(config, manager, **environment):
                swarm.wait_until(lambda: _is_moved(swarm), timeout=60, what=f"the end, killed at {written}")
            assert running(swarm)["ballast"] == stays
            if not was_killed:
                break
            swarm["alpha"].api("DELETE", "/services/user")
            _forget(swarm)
            swarm.wait_until(lambda: len(running(swarm)) == 1, timeout=60, what="its end")
    assert nth > 3, f"a move takes more writes than {written}"


def _is_moved(swarm: Lab) -> bool:
    """Return whether the service runs on bravo without a constraint, and the journal is empty."""
    placement = swarm["alpha"].api("GET", "/services/user")["Spec"]["TaskTemplate"].get("Placement", {})
    is_there = running(swarm).get("user", ("", ""))[0] == "bravo"
    return is_there and not placement.get("Constraints") and not _journal(swarm)

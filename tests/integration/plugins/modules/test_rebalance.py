# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rebalance module on a swarm with one host that is low on memory."""

from __future__ import annotations

from typing import Any

from tests.integration.memory import memory_user, running, set_availability, tasks_measured
from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab

CONFIG = {
    "default": {"sustained_high_minutes": 0, "memory_difference_gb": 0.1, "rebalance_buffer_gb": 0.01},
    "metrics": {"scrape_interval_seconds": 30},
}


def constraints(swarm: Lab, name: str) -> list[str]:
    spec = swarm["alpha"].api("GET", f"/services/{name}")["Spec"]
    found: list[str] = spec["TaskTemplate"].get("Placement", {}).get("Constraints") or []
    return found


def test_rebalance_from_check_to_move(swarm: Lab, run_module: Modules) -> None:
    for host in swarm:
        host.set_memory(total_mb=1024)
        host.follow_memory()
    for name in ("bravo", "charlie"):
        set_availability(swarm, name, "drain")
    for number in range(2):
        swarm["alpha"].api("POST", "/services/create", memory_user(f"user-{number}", 80))
    swarm.wait_until(lambda: len(running(swarm)) == 2, timeout=60, what="two services on alpha")
    set_availability(swarm, "bravo", "active")
    before = running(swarm)

    def balance(**options: Any) -> dict[str, Any]:
        return run_module("rebalance", rebalance_config=CONFIG, **options)

    with tasks_measured(swarm):
        swarm.wait_until(lambda: balance(check=True).get("plan"), timeout=60, what="a move that is planned")
        checked = balance(check=True)
        assert checked["changed"]
        assert [entry["hostname"] for entry in checked["memory"]] == ["alpha", "bravo", "charlie"]
        assert running(swarm) == before

        done = balance()
        assert [step["summary"] for step in done["plan"]] == [step["summary"] for step in checked["plan"]]
        (moved,) = [name for name in before if f"move {name} " in done["plan"][0]["summary"]]
        (stays,) = [name for name in before if name != moved]
        swarm.wait_until(
            lambda: running(swarm).get(moved, ("", ""))[0] == "bravo", timeout=60, what="the move"
        )

        def is_over() -> bool:
            found = balance()
            return not found["changed"] and "requeue_after" not in found

        swarm.wait_until(is_over, timeout=90, what="the end of the move")
        again = balance()

    assert (again["changed"], again["plan"]) == (False, [])
    assert running(swarm)[stays] == before[stays]
    assert [constraints(swarm, name) for name in before] == [[], []]


def test_rebalance_without_gap_changes_nothing(swarm: Lab, run_module: Modules) -> None:
    for check in (True, False):
        done = run_module("rebalance", check=check)
        assert (done["changed"], done["plan"]) == (False, [])
        assert len(done["memory"]) == 3


def test_rebalance_refuses_invalid_configuration(swarm: Lab, run_module: Modules) -> None:
    refused = run_module("rebalance", rebalance_config={"nodes": {}, "default": {"cooldown_minutes": -1}})
    assert refused["failed"]
    assert "default.cooldown_minutes: expected a number of minutes from 0 to 1000000, found" in refused["msg"]
    assert "nodes: expected one of monitor_interval_seconds," in refused["msg"]

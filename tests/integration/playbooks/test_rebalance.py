# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole cycle balances memory, too, where that is configured: the playbook ``site``, plan and run."""

from __future__ import annotations

import json

from tests.integration.memory import memory_user, running, set_availability, tasks_measured
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.runner_process import orcastra

RULES = {
    "monitor_interval_seconds": 2,
    "default": {"sustained_high_minutes": 0, "memory_difference_gb": 0.1, "rebalance_buffer_gb": 0.01},
}


def test_plan_site_and_one_cycle(swarm: Lab, run_playbook: Playbooks) -> None:
    for host in swarm:
        host.set_memory(total_mb=1024)
        host.follow_memory()
    for name in ("bravo", "charlie"):
        set_availability(swarm, name, "drain")
    ballast = memory_user("ballast", 100, Labels={"orchestration.rebalance": "false"})
    for spec in (ballast, memory_user("user", 150)):
        swarm["alpha"].api("POST", "/services/create", spec)
    swarm.wait_until(lambda: len(running(swarm)) == 2, timeout=60, what="two services on alpha")
    set_availability(swarm, "bravo", "active")
    run_playbook.write("swarm.yml", "nodes: {alpha: {}}\n")
    files = {"orcastra_swarm_file": str(run_playbook.folder / "swarm.yml")}
    engine = {"DOCKER_HOST": swarm["alpha"].docker_host}
    config = ("--config", run_playbook.folder)
    move = "move user from alpha to bravo"
    before = running(swarm)

    with tasks_measured(swarm):
        # without a configuration nothing is balanced
        quiet = run_playbook("orcastra.swarm.site", "--check", **files)
        assert (quiet.status, quiet.changed) == (0, 0), quiet.output
        assert move not in orcastra("plan", *config, **engine).stdout

        rules = run_playbook.write("rebalance_config.yml", RULES)
        swarm.wait_until(
            lambda: move in orcastra("plan", *config, **engine).stdout, timeout=60, what="the plan of a move"
        )
        planned = orcastra("plan", "--why", "--format", "json", *config, **engine)
        data = json.loads(planned.stdout)
        assert [step["what"] for step in data["plan"]] == [move]
        reasons = {found["title"]: (found["verdict"], found["reason"]) for found in data["candidates"]}
        assert reasons == {
            "user": ("chosen", "moves to bravo"),
            "ballast": ("rejected", "its label orchestration.rebalance is false"),
        }
        assert running(swarm) == before

        # the first run of the playbook begins it, one cycle of the runner ends it
        site = run_playbook("orcastra.swarm.site", "--diff", **files, orcastra_rebalance_file=str(rules))
        assert (site.status, site.changed) == (0, 1), site.output
        once = orcastra("run", "--once", *config, ORCASTRA_LEADER="always", **engine)
        assert once.returncode == 0, once.stderr
        assert "end the move of user" in once.stderr
        again = run_playbook("orcastra.swarm.site", **files, orcastra_rebalance_file=str(rules))
        assert (again.status, again.changed) == (0, 0), again.output
    assert running(swarm)["user"][0] == "bravo"
    assert running(swarm)["ballast"] == before["ballast"]

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A full cycle also balances memory if configured: the playbook ``site``, plan and run."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.integration.memory import memory_user, running, set_availability, tasks_measured
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.support.runner_process import orcastra

RULES = {
    "monitor_interval_seconds": 2,
    "default": {"sustained_high_minutes": 0, "memory_difference_gb": 0.1, "rebalance_buffer_gb": 0.01},
}


def fill_alpha(swarm: Lab) -> None:
    """Run two services on alpha, of which one may move, and nothing on bravo, where tasks may run too."""
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


def test_rebalance_in_plan_site_and_single_cycle(swarm: Lab, run_playbook: Playbooks) -> None:
    fill_alpha(swarm)
    run_playbook.write("swarm.yml", "nodes: {alpha: {}}\n")
    files = {"orcastra_swarm_file": str(run_playbook.folder / "swarm.yml")}
    engine = {"DOCKER_HOST": swarm["alpha"].docker_host}
    config = ("--config", run_playbook.folder)
    move = "move user from alpha to bravo"
    before = running(swarm)

    with tasks_measured(swarm):
        # without a configuration, no memory is balanced
        quiet = run_playbook("orcastra.swarm.site", "--check", **files)
        assert (quiet.status, quiet.changed) == (0, 0), quiet.failure
        assert not json.loads(orcastra("plan", "--format", "json", *config, **engine).stdout)["plan"]

        rules = run_playbook.write("rebalance_config.yml", RULES)
        swarm.wait_until(
            lambda: move in orcastra("plan", *config, **engine).stdout, timeout=60, what="the plan of a move"
        )
        planned = orcastra("plan", "--explain", "--format", "json", *config, **engine)
        data = json.loads(planned.stdout)
        assert [step["summary"] for step in data["plan"]] == [move]
        reasons = {
            found["title"]: (found["verdict"], [reason["code"] for reason in found["reasons"]])
            for found in data["candidates"]
        }
        assert reasons == {
            "user": ("chosen", ["chosen_to_move"]),
            "ballast": ("rejected", ["rebalance_label_false"]),
        }
        assert running(swarm) == before

        # the first run of the playbook starts the move, one cycle of the runner finishes it
        site = run_playbook("orcastra.swarm.site", "--diff", **files, orcastra_rebalance_file=str(rules))
        assert (site.status, site.changed) == (0, 1), site.failure
        once = orcastra("run", "--once", *config, ORCASTRA_LEADER="always", **engine)
        assert once.returncode == 0, once.stderr
        assert "end the move of user" in once.stderr
        again = run_playbook("orcastra.swarm.site", **files, orcastra_rebalance_file=str(rules))
        assert (again.status, again.changed) == (0, 0), again.failure
    assert running(swarm)["user"][0] == "bravo"
    assert running(swarm)["ballast"] == before["ballast"]


def test_site_waits_for_move_for_balance(swarm: Lab, run_playbook: Playbooks) -> None:
    """One run ends the move that it begins for balance."""
    fill_alpha(swarm)
    move = "move user from alpha to bravo"
    rules = run_playbook.write("rebalance_config.yml", RULES)
    options = {"orcastra_nodes": {"alpha": {}}, "orcastra_rebalance_file": str(rules)}

    with tasks_measured(swarm):
        swarm.wait_until(
            lambda: move in run_playbook("orcastra.swarm.site", "--check", **options).output,
            timeout=60,
            what="the plan of a move",
        )
        done = run_playbook("orcastra.swarm.site", limit="all", orcastra_wait=True, **options)
    assert done.status == 0, done.failure
    assert f"- Changed: {move}. Reason: " in done.output
    assert "- Changed: end the move of user. Reason: " in done.output
    assert "- Pending" not in done.output
    assert running(swarm)["user"][0] == "bravo"
    service = swarm["alpha"].api("GET", "/services/user")
    assert not (service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints")


PASSWORD = "planted-53cr37"
PAGE = b"node_memory_MemTotal_bytes 4e9\nnode_memory_MemAvailable_bytes 3e9\n"


class Guarded(BaseHTTPRequestHandler):
    """A node exporter that requires a login."""

    def do_GET(self) -> None:
        right = base64.b64encode(f"prom:{PASSWORD}".encode()).decode()
        is_right = self.headers.get("Authorization") == f"Basic {right}"
        self.send_response(200 if is_right else 401)
        self.end_headers()
        self.wfile.write(PAGE if is_right else b"no")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def guarded(swarm: Lab) -> Iterator[str]:
    """Return the URL of an exporter that requires the user prom and its password."""
    address = swarm["alpha"].ip.rpartition(".")[0] + ".1"
    with ThreadingHTTPServer((address, 0), Guarded) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{address}:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("written", ["variable", "file", "literal"])
def test_rebalance_reads_exporters_with_login(
    swarm: Lab, run_playbook: Playbooks, guarded: str, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    secret = PASSWORD if written == "literal" else "${PROM_PASSWORD}"
    environment = {}
    if written == "variable":
        environment = {"PROM_PASSWORD": PASSWORD}
    elif written == "file":
        environment = {"PROM_PASSWORD_FILE": str(run_playbook.write("password", f"{PASSWORD}\n"))}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    exporters = {host.name: f"{guarded}/{host.name}" for host in swarm}
    login = {"username": "prom", "password": secret}
    alpha = {"exporter_url": exporters.pop("alpha"), **login}
    rules = {
        **RULES,
        "node_exporters": {"alpha": alpha, **exporters},
        "metrics": {"node_exporter_auth": login},
    }
    path = run_playbook.write("rebalance_config.yml", rules)
    run_playbook.write("swarm.yml", "nodes: {alpha: {}}\n")
    options = {"orcastra_rebalance_file": str(path)}

    # the most verbose output of Ansible
    done = run_playbook("orcastra.swarm.rebalance", "--check", "--diff", "-vvv", **options)
    assert done.status == 0, done.failure
    assert done.output.count('"total_bytes": 4000000000') >= 3
    assert PASSWORD not in done.output
    logs = (
        "cat /var/log/syslog /var/log/messages /var/log/user.log 2>/dev/null; journalctl 2>/dev/null || true"
    )
    assert PASSWORD not in swarm["alpha"].sh(logs)

    engine = {"DOCKER_HOST": swarm["alpha"].docker_host, "ORCASTRA_LEADER": "always", **environment}
    config = ("--config", run_playbook.folder)
    for arguments in (("plan", "--format", "json"), ("run", "--once", "--debug"), ("config", "check")):
        ran = orcastra(*arguments, *config, **engine)
        assert ran.returncode == 0, ran.stderr
        assert "401" not in ran.stdout + ran.stderr
        assert PASSWORD not in ran.stdout + ran.stderr

    # a wrong password, and a missing one
    run_playbook.write("password", "another")
    wrong = {"PROM_PASSWORD": "another"} if written == "variable" else {}
    ran = orcastra("plan", *config, **{**engine, **wrong})
    assert written == "literal" or "401" in ran.stdout
    assert PASSWORD not in ran.stdout + ran.stderr
    for name in environment:
        monkeypatch.delenv(name)
    if environment:
        missing = orcastra("plan", *config, DOCKER_HOST=engine["DOCKER_HOST"])
        assert missing.returncode == 2
        assert "PROM_PASSWORD" in missing.stderr


def test_rebalance_refuses_a_secret_in_a_parameter(swarm: Lab, run_playbook: Playbooks, guarded: str) -> None:
    login = {"username": "prom", "password": "${PROM_PASSWORD}"}
    rules = {"node_exporters": {host.name: f"{guarded}/{host.name}" for host in swarm}}
    given = {**rules, "metrics": {"node_exporter_auth": login}}
    variables = {"PROM_PASSWORD": PASSWORD}
    done = run_playbook(
        "orcastra.swarm.rebalance",
        "--check",
        "-vvv",
        orcastra_rebalance=given,
        orcastra_rebalance_variables=variables,
    )
    assert done.status == 0, done.failure
    assert done.output.count('"total_bytes": 4000000000') >= 3
    assert PASSWORD not in done.output
    login["password"] = PASSWORD
    done = run_playbook("orcastra.swarm.rebalance", "--check", orcastra_rebalance=given)
    assert done.status != 0
    assert "metrics.node_exporter_auth.password" in done.output
    assert PASSWORD not in done.output

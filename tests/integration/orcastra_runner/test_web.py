# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Page, metrics and API of the active instance and of a standby instance, on real engines."""

from __future__ import annotations

import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.integration.orcastra_runner.swarm_helpers import create_service, labels, running_on, set_labels
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.browser import PROGRAM, Browser
from tests.support.runner_process import Loop, orcastra, running

pytestmark = pytest.mark.lab

TOKEN = "planted-token-53cr37"


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """Configure the anchor label ``db`` for the service ``shop_db``."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "swarm.yml").write_text(
        "nodes:\n  alpha: {labels: [ssd]}\n  bravo: {labels: {disk: hdd}}\n"
        "dependencies:\n  db: {stack: shop, services: [app, cache]}\n"
    )
    return folder


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def ask(address: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Return the status and the content. JSON content is parsed."""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        content = reply.read().decode()
        is_json = reply.headers.get_content_type() == "application/json"
        return reply.status, json.loads(content) if is_json else content
    finally:
        connection.close()


def result_of(address: str, id_: str) -> dict[str, Any] | None:
    """Return the state's entry for a command after it has ended."""
    _, state = ask(address, "GET", "/api/state")
    return next((one for one in state["commands"] if one.get("id") == id_ and "finished_at" in one), None)


def check_commands(swarm: Lab, address: str, loop: Loop, state_dir: Path) -> None:
    """Check that a repeated command runs only once, with the token from the state folder."""
    asked = {"command": "restart_service", "service": "shop_db", "id": "once"}
    assert ask(address, "POST", "/commands", asked)[0] == 401
    token = (state_dir / "api_token").read_text().strip()
    right = {"Authorization": f"Bearer {token}"}
    for _ in range(2):
        assert ask(address, "POST", "/commands", asked, **right)[0] in (200, 202)
    wait_until(lambda: result_of(address, "once") is not None, timeout=120, what="the result")
    status, told = ask(address, "POST", "/commands", asked, **right)
    assert (status, told["status"], told["command"]) == (200, "done", "restart_service shop_db")
    assert loop.said("command started: restart_service shop_db") == 1
    services = swarm.leader().api("GET", "/services")
    (found,) = [one for one in services if one["Spec"]["Name"] == "shop_db"]
    assert found["Spec"]["TaskTemplate"]["ForceUpdate"] == 1


def check_page(address: str) -> None:
    """Check that the page shows the same. TEST_PICTURES is the folder for its picture."""
    with Browser() as browser:
        browser.look_at(f"http://{address}/", width=1100)
        browser.wait_for("document.getElementById('live').textContent === 'live'")
        browser.wait_for("document.querySelectorAll('[role=meter]').length === 3")
        browser.wait_for("document.querySelectorAll('#groups .good').length === 2")
        browser.wait_for("document.querySelectorAll('#glance .warn').length === 0")
        assert "set db=true" in browser.text()
        assert browser.messages == []
        if folder := os.environ.get("TEST_PICTURES"):
            browser.picture(Path(folder) / "page.png")


def test_active_instance_serves_page_metrics_and_api(swarm: Lab, config_dir: Path) -> None:
    leader = swarm.leader()
    exporters = {host.name: f"http://{host.ip}:9100/metrics" for host in swarm.hosts}
    rules = {"monitor_interval_seconds": 5, "node_exporters": exporters}
    (config_dir / "rebalance_config.yml").write_text(json.dumps(rules))
    for name, on in (("shop_db", "bravo"), ("shop_app", None), ("shop_cache", None), ("shop_proxy", None)):
        create_service(swarm, name, on)
    address = free_address()
    state_dir = config_dir.parent / "state"
    settings = {
        "EVENT_MODE": "true",
        "RELABEL_TIME": "3600",
        "ORCASTRA_HTTP_ADDRESS": address,
        "ORCASTRA_STATE_DIR": str(state_dir),
    }
    with running(config_dir, leader.docker_host, **settings) as loop:
        loop.wait_for("http server started")
        wait_until(lambda: ask(address, "GET", "/readyz")[0] == 200, timeout=60, what="the first observation")
        for name in ("shop_app", "shop_cache"):
            wait_until(
                lambda name=name: running_on(swarm, name) == "bravo", timeout=120, what=f"{name} on bravo"
            )
        health = orcastra("healthcheck", ORCASTRA_STATE_DIR=str(state_dir))
        assert (health.returncode, health.stdout[:5]) == (0, "live:")

        set_labels(swarm, "alpha", {})
        wait_until(lambda: labels(swarm, "alpha") == {"ssd": "true"}, timeout=60, what="the label to return")
        wait_until(
            lambda: (
                ask(address, "GET", "/api/history")[1]["actions"][0]["summary"]
                == "set ssd=true on node alpha"
            ),
            timeout=30,
            what="the history to have it",
        )
        check_commands(swarm, address, loop, state_dir)
        metrics = ask(address, "GET", "/metrics")[1]
        for line in (
            "swarm_orch_leader 1.0",
            'orcastra_nodes{state="ready"} 3.0',
            'orcastra_commands_total{command="restart_service",status="done"} 1.0',
        ):
            assert f"\n{line}\n" in metrics, line
        assert "\nanchor_updates_total 0.0\n" not in metrics
        if PROGRAM is not None:
            check_page(address)


def test_standby_instance_serves_page_metrics_and_api(swarm: Lab, config_dir: Path) -> None:
    other = next(host for host in swarm.hosts if host.name != swarm.leader().name)
    address = free_address()
    settings = {"ORCASTRA_HTTP_ADDRESS": address, "ORCASTRA_API_TOKEN": TOKEN}
    with running(config_dir, other.docker_host, **settings) as loop:
        loop.wait_for("standing by: the leader is node")
        assert ask(address, "GET", "/readyz")[0] == 200
        assert "\nswarm_orch_leader 0.0\n" in ask(address, "GET", "/metrics")[1]
        assert ask(address, "POST", "/sync")[0] == 401
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert ask(address, "POST", "/sync", **right)[0] == 202
        loop.wait_for("sync requested")
        status, told = ask(address, "POST", "/commands", {"command": "relabel_all"}, **right)
        assert status == 409
        assert f"the leader is node {swarm.leader().name}" in told["error"]
        assert TOKEN not in json.dumps(loop.entries)
    with (
        socket.create_server(("127.0.0.1", 0)) as busy,
        running(
            config_dir, other.docker_host, ORCASTRA_HTTP_ADDRESS=f"127.0.0.1:{busy.getsockname()[1]}"
        ) as loop,
    ):
        loop.wait_for("http server could not start")
        loop.wait_for("standing by: the leader is node")

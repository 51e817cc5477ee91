# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Healing on real engines: repairs containers that Swarm doesn't restart, and changes nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.wait import wait_until

# stops immediately on SIGTERM, with exit status 0
OBEDIENT = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
# stops immediately on SIGTERM, with the exit status of a killed process
KILLED = "trap 'exit 143' TERM; while :; do sleep 0.1; done"
CHECK = {
    "Test": ["CMD-SHELL", "test ! -e /tmp/ill"],
    "Interval": 500_000_000,
    "Timeout": 5_000_000_000,
    "Retries": 2,
}
QUICK = {"grace_period": 1, "default_stop_timeout": 1}


def create(host: Host, name: str, script: str = KILLED, **restart: Any) -> None:
    """Create a service with one task on ``host`` that is unhealthy if ``/tmp/ill`` exists."""
    labels = restart.pop("labels", {})
    container = {
        "Image": "orcastra/app",
        "Command": ["sh", "-c", script],
        "Healthcheck": CHECK,
        "StopGracePeriod": 1_000_000_000,
        "Labels": labels,
    }
    template = {
        "ContainerSpec": container,
        "RestartPolicy": {"Condition": "any", "Delay": 500_000_000, **restart},
        "Placement": {"Constraints": [f"node.hostname=={host.name}"]},
    }
    spec = {"Name": name, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 1}}}
    host.api("POST", "/services/create", {**spec, "EndpointSpec": {"Mode": "dnsrr"}})


def containers(host: Host, name: str, status: str = "running") -> list[str]:
    filters = {"label": [f"com.docker.swarm.service.name={name}"], "status": [status]}
    return [raw["Id"] for raw in host.api("GET", "/containers/json", None, {"all": "1", "filters": filters})]


def health(host: Host, container: str) -> str:
    return str(host.api("GET", f"/containers/{container}/json")["State"].get("Health", {}).get("Status"))


def wait_healthy(host: Host, name: str) -> str:
    """Wait until the service's container is healthy. Returns its ID."""

    def find() -> str | None:
        return next((one for one in containers(host, name) if health(host, one) == "healthy"), None)

    return str(wait_until(find, 60, f"{name} to be healthy"))


def make_ill(host: Host, container: str) -> None:
    host.sh(f"docker exec {container} touch /tmp/ill")


def make_stuck(host: Host, name: str) -> str:
    """Make a container unhealthy without notice by Swarm, which identifies containers by their names."""
    container = wait_healthy(host, name)
    host.sh(f"docker rename {container} stuck-{name}")
    make_ill(host, container)
    wait_until(lambda: health(host, container) == "unhealthy", 60, f"{name} to be unhealthy")
    return container


def plain(host: Host, name: str, *labels: str) -> str:
    options = " ".join(f"--label {label}" for label in labels)
    check = "--health-cmd 'test ! -e /tmp/ill' --health-interval 0.5s --health-retries 2"
    container = host.sh(f"docker run -d --name {name} {options} {check} --init orcastra/app").strip()
    wait_until(lambda: health(host, container) == "healthy", 60, f"{name} to be healthy")
    make_ill(host, container)
    wait_until(lambda: health(host, container) == "unhealthy", 60, f"{name} to be unhealthy")
    return container


def whats(result: dict[str, Any]) -> list[str]:
    assert not result.get("failed"), result
    return sorted(step["summary"] for step in result["plan"])


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Return the URL of a webhook, and its received messages."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/secret", bodies
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def alpha(swarm: Lab) -> Iterator[Host]:
    host = swarm["alpha"]
    yield host
    host.sh("docker rm -f $(docker ps -aq --filter name=plain-) 2>/dev/null || true")


def test_autoheal_replaces_only_the_stuck_container(
    alpha: Host, run_module: Modules, tmp_path: Path, told: tuple[str, list[dict[str, Any]]]
) -> None:
    url, bodies = told
    for name in ("web", "neighbour"):
        create(alpha, name)
    create(alpha, "leave", labels={"autoheal": "false"})
    neighbour, stuck, left = (
        wait_healthy(alpha, "neighbour"),
        make_stuck(alpha, "web"),
        make_stuck(alpha, "leave"),
    )
    asked, unasked = plain(alpha, "plain-asked", "autoheal=true"), plain(alpha, "plain-unasked")
    options = {**QUICK, "state_dir": str(tmp_path), "webhook_url": url}

    wait = run_module("autoheal", state_dir=str(tmp_path), grace_period=600)
    assert (whats(wait), wait["changed"]) == ([], False)

    def plan() -> list[str]:
        checked = run_module("autoheal", check=True, **options)
        return whats(checked) if len(checked["plan"]) == 2 else []

    expected = ["restart plain-asked", "stop stuck-web of web"]
    assert wait_until(plan, 30, "both to be due") == expected
    assert not bodies
    assert not list(tmp_path.glob("node-*"))
    started = alpha.api("GET", f"/containers/{asked}/json")["State"]["StartedAt"]
    before = [alpha.api("GET", f"/containers/{one}/json")["State"] for one in (neighbour, left, unasked)]

    done = run_module("autoheal", **options)
    assert (whats(done), done["changed"]) == (expected, True)
    assert wait_healthy(alpha, "web") != stuck
    assert alpha.api("GET", f"/containers/{asked}/json")["State"]["StartedAt"] != started
    after = [alpha.api("GET", f"/containers/{one}/json")["State"] for one in (neighbour, left, unasked)]
    assert [state["StartedAt"] for state in after] == [state["StartedAt"] for state in before]
    assert sorted(body["event"] for body in bodies) == ["healed", "healed"]
    assert all(body["text"].startswith("alpha: ") for body in bodies)

    service = next(raw for raw in alpha.api("GET", "/services") if raw["Spec"]["Name"] == "web")
    assert service["Spec"]["TaskTemplate"].get("ForceUpdate", 0) == 0
    assert run_module("autoheal", **options)["changed"] is False


def test_autoheal_restarts_abandoned_services_last(
    swarm: Lab, alpha: Host, run_module: Modules, tmp_path: Path
) -> None:
    create(alpha, "zero", OBEDIENT, Condition="on-failure")
    create(alpha, "used", Condition="any", MaxAttempts=1)
    create(alpha, "migration", "sleep 1", Condition="on-failure")
    options = {**QUICK, "state_dir": str(tmp_path)}
    make_ill(alpha, wait_healthy(alpha, "zero"))
    for _ in range(2):
        ill = wait_healthy(alpha, "used")
        make_ill(alpha, ill)
        wait_until(lambda: ill not in containers(alpha, "used"), 60, "Swarm to end it")  # noqa: B023
    wait_until(lambda: containers(alpha, "migration", "exited"), 60, "the migration to end")
    wait_until(lambda: not containers(alpha, "zero"), 60, "Swarm to end zero")

    # a worker reports tasks whose state only a manager can decide
    assert run_module("autoheal", docker_host=swarm["bravo"].docker_host, **options)["plan"] == []

    def plan() -> list[str]:
        checked = run_module("autoheal", check=True, **options)
        return whats(checked) if len(checked["plan"]) == 2 else []

    assert wait_until(plan, 30, "both to be due") == ["restart used", "restart zero"]
    done = run_module("autoheal", **options)
    assert whats(done) == ["restart used", "restart zero"]
    wait_healthy(alpha, "zero")
    wait_healthy(alpha, "used")
    assert containers(alpha, "migration") == []
    again = run_module("autoheal", **options)
    assert (again["changed"], again["plan"]) == (False, [])


def test_autoheal_gives_up_and_notifies_once(
    alpha: Host, run_module: Modules, tmp_path: Path, told: tuple[str, list[dict[str, Any]]]
) -> None:
    url, bodies = told
    ill = plain(alpha, "plain-ill", "mine=1", "mine.stop.timeout=0")
    options = {
        "grace_period": 0,
        "container_label": "mine",
        "state_dir": str(tmp_path),
        "webhook_url": url,
        "backoff": 1,
        "max_attempts": 1,
    }

    def events() -> list[str]:
        run_module("autoheal", **options)
        return [body["event"] for body in bodies]

    wait_until(lambda: "given_up" in events(), 60, "it to be given up", interval=0.5)
    assert [body["event"] for body in bodies] == ["healed", "given_up"]
    started = alpha.api("GET", f"/containers/{ill}/json")["State"]["StartedAt"]
    last = run_module("autoheal", **options)
    assert (last["changed"], last["given_up"], len(bodies)) == (False, [], 2)
    assert alpha.api("GET", f"/containers/{ill}/json")["State"]["StartedAt"] == started


def test_autoheal_continues_if_webhook_fails(alpha: Host, run_module: Modules, tmp_path: Path) -> None:
    plain(alpha, "plain-ill", "autoheal=true")
    options = {"grace_period": 0, "default_stop_timeout": 0, "state_dir": str(tmp_path)}
    done = run_module("autoheal", webhook_url="http://127.0.0.1:9/secret", **options)
    assert whats(done) == ["restart plain-ill"]
    assert done["warnings"][0].startswith("webhook at 127.0.0.1: ")
    assert "secret" not in json.dumps(done["warnings"])

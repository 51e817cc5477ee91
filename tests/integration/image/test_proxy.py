# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""stack-proxy.yml and compose-proxy.yml: HAProxy in front of the engine allows only a few requests."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from tests.integration.image.stacks import (
    PROXY_CONFIGURATION,
    TOKEN,
    check_that_all_are_healed,
    deploy,
    get,
    put,
    running,
)
from tests.integration.orcastra_runner.swarm_helpers import (
    change_constraints,
    create_service,
    labels,
    restarts,
    running_on,
    set_labels,
)
from tests.lab import Host, Lab, image
from tests.lab.wait import wait_until
from tests.support import compose_file, image_build
from tests.support.proxied_calls import ALLOWED, FOREIGN, REFUSED, requests_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

CONFIGURATION = """
nodes:
  alpha: {labels: [ssd]}
swarm:
  task_history_limit: 3
dependencies:
  db: {services: [app], relocate: evict}
"""
# Only events trigger cycles during the test. Unused objects are pruned every minute, without a grace period.
MORE = """
version: "3.8"
services:
  orcastra:
    environment:
      RELABEL_TIME: "600"
      GC_CRON: "* * * * *"
      GC_GRACE_PERIOD_SECONDS: "0"
      GC_MINIMUM_IMAGES_TO_SAVE: "0"
      GC_EXCLUDE_IMAGES: "orcastra*,haproxy*"
      ORCASTRA_GC_NAMED_VOLUMES: "true"
      GC_PLAIN_CONTAINERS: "true"
"""
# Orcastra's process could send the same requests.
PROBE = """
import http.client, json, socket, sys
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect("/run/engine/docker.sock")
for method, path in json.load(sys.stdin):
    connection = Connection("engine")
    body = "{}" if method == "POST" else None
    connection.request(method, path, body, {"Content-Type": "application/json"})
    print(connection.getresponse().status)
    connection.close()
"""
ORCASTRA, PROXY = "orcastra_orcastra", "orcastra_proxy"


def container_of(host: Host, service: str) -> str:
    """Return the service's running container on a host."""
    return host.sh(f"docker ps -q --filter label=com.docker.swarm.service.name={service}").strip()


def log_of(host: Host, container: str) -> str:
    return host.sh(f"docker logs {container} 2>&1")


def refusals(host: Host) -> list[str]:
    """Return the refused requests from the log of the host's proxy."""
    said = log_of(host, container_of(host, PROXY)).splitlines()
    return [line for line in said if line.startswith("refused:")]


def answers(host: Host, container: str, calls: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Send each request from inside Orcastra's container. Returns the responses."""
    asked = list(calls)
    command = ["docker", "exec", "-i", container, "python3", "-c", PROBE]
    said = host.run(command, input=json.dumps(asked), timeout=120).stdout.split()
    return dict(zip(asked, map(int, said), strict=True))


def history_limit(hosts: Lab) -> int:
    spec = hosts.leader().api("GET", "/swarm")["Spec"]
    return int(spec["Orchestration"]["TaskHistoryRetentionLimit"])


def label_comes_back(hosts: Lab) -> None:
    """Remove alpha's label by hand, and wait until Orcastra sets it again."""
    set_labels(hosts, "alpha", {})
    wait_until(lambda: labels(hosts, "alpha") == {"ssd": "true"}, 180, "the label to come back")


def check_rights(host: Host) -> None:
    """Check that, for Orcastra's user in its container, only the necessary calls succeed."""
    container = container_of(host, ORCASTRA)
    assert host.sh(f"docker exec {container} id -G").split() == ["10001"]
    assert "docker.sock" not in host.sh(f"docker exec {container} ls -A /run /var/run")
    assert "Leader:" in host.sh(f"docker exec {container} orcastra status")

    asked = requests_of(*(call for calls in ALLOWED.values() for call in calls))
    # without an API version, so the engine uses its newest
    allowed = answers(host, container, [(method, path.replace("/v1.45/", "/")) for method, path in asked])
    assert len(allowed) > 30
    # responses of the engine itself: not found, no spec, or a version conflict
    assert {call: status for call, status in allowed.items() if status not in (200, 400, 404, 500)} == {}
    versioned = [(method, f"/v1.41{path}") for method, path in FOREIGN]
    refused = answers(host, container, [*requests_of(*REFUSED.values()), *FOREIGN, *versioned])
    assert {call: status for call, status in refused.items() if status != 403} == {}


def test_stack(proxied_hosts: Lab) -> None:
    hosts = proxied_hosts
    bravo = hosts["bravo"]
    create_service(hosts, "shop_db", "bravo")
    create_service(hosts, "shop_app")
    anonymous = bravo.sh(
        "docker run --name over -v /data orcastra/app true;"
        " docker inspect -f '{{(index .Mounts 0).Name}}' over; docker volume create precious >/dev/null"
    ).strip()
    image.load(bravo, image.busybox_image("test/unused:1"))
    deploy(hosts.leader(), "stack-proxy.yml", CONFIGURATION, MORE)
    wait_until(lambda: running(hosts, PROXY) == running(hosts, ORCASTRA) == 3, 240, "both on each node")

    # a cycle: labels, the swarm's settings, followers on their anchor's node
    wait_until(lambda: labels(hosts, "alpha") == {"ssd": "true"}, 180, "the label")
    wait_until(lambda: running_on(hosts, "shop_app") == "bravo", 180, "app on the node of db")
    wait_until(lambda: history_limit(hosts) == 3, 60, "the swarm's settings")

    leader = hosts.leader()
    assert [line for host in hosts for line in refusals(host)] == []
    check_rights(leader)
    probed = {host: len(refusals(host)) for host in hosts}

    # events of the swarm and of tasks arrive
    label_comes_back(hosts)
    change_constraints(hosts, "shop_db", "node.hostname==charlie")
    wait_until(lambda: running_on(hosts, "shop_db") == "charlie", 60, "db to move")
    wait_until(lambda: running_on(hosts, "shop_app") == "charlie", 180, "app to follow")

    # a command, through a playbook
    before = restarts(hosts, "shop_app")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    command = json.dumps({"command": "restart_service", "service": "shop_app"})
    assert get(hosts.leader(), "/commands", "POST", command, **headers)[0] == 202
    wait_until(lambda: restarts(hosts, "shop_app") == before + 1, 180, "app to be restarted")

    check_that_all_are_healed(hosts.hosts)

    # Orcastra prunes the node and reports the objects that the proxy protects
    wait_until(lambda: "over" not in bravo.sh("docker ps -a --format '{{.Names}}'").split(), 180, "pruning")
    wait_until(lambda: "test/unused" not in bravo.sh("docker images"), 60, "the image to be pruned")
    said = "DELETE /volumes/precious: refused by the socket proxy"
    wait_until(lambda: said in log_of(bravo, container_of(bravo, ORCASTRA)), 60, "the refusal in the log")
    volumes = bravo.sh("docker volume ls -q").split()
    assert "precious" in volumes
    assert anonymous not in volumes

    # the proxy refused none of Orcastra's other requests
    assert {line for host in hosts for line in refusals(host)[probed[host] :]} == {
        "refused: DELETE /volumes/precious"
    }

    # the proxy on the active instance's node is briefly down
    lost = container_of(leader, PROXY)
    leader.sh(f"docker kill {lost}")
    wait_until(lambda: container_of(leader, PROXY) not in ("", lost), 60, "another proxy")
    label_comes_back(hosts)
    assert running(hosts, ORCASTRA) == 3


def test_compose(proxied_hosts: Lab) -> None:
    """Here, Orcastra starts first and continues when the proxy is available."""
    hosts = proxied_hosts
    leader = hosts.leader()
    leader.sh("mkdir -p /etc/swarm-orchestration")
    leader.run(["tee", "/etc/swarm-orchestration/swarm.yml"], input="nodes:\n  alpha: {labels: [ssd]}\n")
    put(leader, PROXY_CONFIGURATION, (image_build.ROOT / PROXY_CONFIGURATION).read_text("utf-8"))
    variables = {"ORCASTRA_IMAGE": image_build.NAME, "HAPROXY_IMAGE": image_build.HAPROXY_NAME}
    containers = compose_file.up(leader, image_build.ROOT / "compose-proxy.yml", variables)
    orcastra, proxy = containers["orcastra"], containers["proxy"]
    wait_until(lambda: labels(hosts, "alpha") == {"ssd": "true"}, 180, "the label")
    wait_until(lambda: get(leader, "/readyz")[0] == 200, 30, "it to be ready")

    # an administrator stops the proxy for a while
    leader.sh(f"docker stop {proxy}")
    set_labels(hosts, "alpha", {})
    assert leader.sh(f"docker exec {orcastra} orcastra status 2>&1 || true").count("cannot be reached") == 1
    leader.sh(f"docker start {proxy}")
    wait_until(lambda: labels(hosts, "alpha") == {"ssd": "true"}, 180, "the label to come back")
    assert leader.api("GET", f"/containers/{orcastra}/json")["RestartCount"] == 0
    assert "Traceback" not in log_of(leader, orcastra)

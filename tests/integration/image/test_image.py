# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image: its content, and its container on a manager, as in compose.yml."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.integration.image.stacks import get
from tests.integration.orcastra_runner.swarm_helpers import labels
from tests.lab import Host, Lab
from tests.lab.wait import wait_until
from tests.support import compose_file, image_build

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

MEGABYTE = 1000**2


def run(host: Host, *arguments: str, check: bool = True) -> str:
    done = host.run(["docker", "run", "--rm", *arguments], check=check)
    return done.stdout + done.stderr


def test_image_content(hosts: Lab) -> None:
    alpha = hosts["alpha"]
    found: dict[str, Any] = alpha.api("GET", f"/images/{image_build.NAME}/json")
    config = found["Config"]
    assert found["Size"] < 230 * MEGABYTE
    assert (
        config["User"] == ""
    )  # the entry point switches to another user, see test_image_started_as_root_switches_user
    assert list(config["ExposedPorts"]) == ["6060/tcp"]
    assert list(config["Volumes"]) == ["/var/lib/orcastra"]
    assert config["Labels"]["org.opencontainers.image.version"] == image_build.VERSION
    assert config["Labels"]["org.opencontainers.image.licenses"] == "GPL-3.0-or-later"
    assert config["Healthcheck"]["Test"][-1] == "healthcheck"
    assert not [line for line in config["Env"] if "PIP" in line]
    history = str(alpha.api("GET", f"/images/{image_build.NAME}/history"))
    assert "PIP_" not in history
    script = (
        "id -u; for name in cc gcc g++ make pip pip3; do command -v $name; done;"
        " ls -A /root /var/cache/apt /var/lib/apt/lists; ls -d /src /wheels; cat /proc/1/comm;"
        " ansible-doc --type module orcastra.swarm.label_sync | head -1"
    )
    lines = run(alpha, image_build.NAME, "sh", "-c", script, check=False).split("\n")
    said = "\n".join(lines)
    assert lines[0] == "10001"
    assert not [line for line in lines if line.startswith(("/usr/bin", "/opt"))], said
    assert "tini" in lines
    assert "LABEL_SYNC" in said.upper()
    assert "pkgcache" not in said
    assert "No such file or directory" in said  # neither /src nor /wheels


def test_image_explains_an_unusable_socket(hosts: Lab) -> None:
    alpha = hosts["alpha"]
    group = alpha.sh("stat -c %g /run/docker.sock").strip()
    mount = ("-v", "/run/docker.sock:/var/run/docker.sock")
    assert "found nothing; mount it" in run(alpha, image_build.NAME, "status", check=False)
    own = ("--user", "10001:10001")
    said = run(alpha, *mount, *own, image_build.NAME, "status", check=False)
    assert f"--group-add {group}" in said
    leader = f"Leader:    {hosts.leader().name}"
    assert leader in run(alpha, *mount, *own, "--group-add", group, image_build.NAME, "status")
    as_root = ("--user", "0", "--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID")
    said = run(alpha, *mount, *as_root, image_build.NAME, "sh", "-c", "id -u; orcastra status")
    assert said.startswith("10001\n")
    assert leader in said
    assert run(alpha, image_build.NAME, "--version").startswith("orcastra ")


def test_image_started_as_root_switches_user(hosts: Lab) -> None:
    """Like upstream's Compose file: the socket is mounted, and no user is set."""
    alpha = hosts["alpha"]
    mount = ("-v", "/run/docker.sock:/var/run/docker.sock")

    said = run(alpha, *mount, image_build.NAME, "sh", "-c", "id -u; cat /proc/self/status; orcastra plan")

    assert said.startswith("10001\n")
    assert "CapEff:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "orcastra init" in said  # without a configuration, it shows only the swarm
    for command, expected in (("plan", "orcastra init"), ("doctor", "orcastra init"), ("init", "nodes:")):
        arguments = ("--output", "-") if command == "init" else ()
        assert expected in run(alpha, *mount, image_build.NAME, command, *arguments)
    refused = run(alpha, *mount, "--cap-drop", "ALL", image_build.NAME, "plan", check=False)
    assert "--cap-add" in refused


INBOX = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(200)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 8399), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def test_image_sends_notifications_and_prints_completion(hosts: Lab) -> None:
    alpha = hosts["alpha"]
    inbox = alpha.popen([sys.executable, "-c", INBOX], stdout=subprocess.PIPE)
    try:
        assert inbox.stdout is not None
        assert inbox.stdout.readline() == "ready\n"
        url = "json://user:S3CRET@127.0.0.1:8399/"
        options = ("--network", "host", "-e", f"NOTIFY_URLS={url}", image_build.NAME, "orcastra")
        said = run(alpha, *options, "notify", "--test")
        assert json.loads(inbox.stdout.readline())["title"]
        assert "S3CRET" not in said
    finally:
        inbox.terminate()
        inbox.wait()
    assert "_shtab" in run(alpha, image_build.NAME, "orcastra", "completion", "bash")


def test_compose(hosts: Lab) -> None:
    alpha = hosts.leader()
    alpha.sh("mkdir -p /etc/swarm-orchestration")
    alpha.run(["tee", "/etc/swarm-orchestration/swarm.yml"], input="nodes:\n  bravo: {labels: [ssd]}\n")
    group = alpha.sh("stat -c %g /run/docker.sock").strip()
    variables = {"ORCASTRA_IMAGE": image_build.NAME, "DOCKER_GID": group}
    container = compose_file.up(alpha, image_build.ROOT / "compose.yml", variables)["orcastra"]

    def state() -> dict[str, Any]:
        found: dict[str, Any] = alpha.api("GET", f"/containers/{container}/json")["State"]
        return found

    wait_until(lambda: labels(hosts, "bravo") == {"ssd": "true"}, 90, "the label")
    wait_until(lambda: state()["Health"]["Status"] == "healthy", 90, "the container to be healthy")
    assert get(alpha, "/healthz")[0] == 200
    wait_until(lambda: get(alpha, "/readyz")[0] == 200, 30, "it to be ready")
    assert "swarm_orch_leader" in get(alpha, "/metrics")[1]
    assert get(alpha, "/sync", "POST")[0] == 401  # it generated its own token, and this request has none
    assert "uid=10001" in alpha.sh(f"docker exec {container} id")
    began = time.monotonic()
    alpha.run(["docker", "stop", container])
    assert time.monotonic() - began < 10
    assert state()["ExitCode"] == 0
    said = alpha.sh(f"docker logs {container} 2>&1")
    assert "stopping" in said
    assert "Traceback" not in said

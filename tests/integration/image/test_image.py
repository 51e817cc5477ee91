# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The container image, built from the Dockerfile and run as compose.yml and stack.yml say."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.container_image import NAME, ROOT, built_image
from tests.integration.orcastra_runner.swarm_helpers import create_service, labels, running_on
from tests.lab import Host, Lab
from tests.lab.errors import CommandFailed
from tests.lab.image import load
from tests.lab.wait import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("image")]

CONFIGURATION = "dependencies:\n  db: {stack: shop, services: [app]}\n"
TOKEN = "planted-token-53cr37"


@pytest.fixture(scope="module")
def archive() -> bytes:
    return built_image(print)


@pytest.fixture
def hosts(swarm: Lab, archive: bytes) -> Iterator[Lab]:
    """The lab with the image on all hosts, gone from them afterwards."""
    swarm.each(lambda host: load(host, archive))
    yield swarm
    swarm.each(clear)


def clear(host: Host) -> None:
    query = {"all": "1", "filters": {"ancestor": [NAME]}}
    for found in host.api("GET", "/containers/json", query=query):
        docker(host, "rm", "--force", "--volumes", found["Id"], check=False)
    docker(host, "image", "rm", "--force", NAME, check=False)


def docker(host: Host, *arguments: str, input: str | None = None, check: bool = True) -> str:
    done = host.run(["docker", *arguments], input=input, check=check, timeout=120)
    return done.stdout + done.stderr


def gid(host: Host) -> str:
    """The number of the socket's group."""
    return host.sh("stat -c %g /run/docker.sock").strip()


def filled(text: str, values: dict[str, str]) -> Any:
    """A Compose file as `docker compose` reads it: ${NAME:-default} replaced."""
    return yaml.safe_load(re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: values.get(found[1], found[2]), text))


def run_arguments(service: dict[str, Any]) -> list[str]:
    """What `docker run` is to be told for a service of a Compose file. Nothing may be left out."""
    known = {
        "user": lambda value: ["--user", value],
        "restart": lambda value: ["--restart", value],
        "read_only": lambda value: ["--read-only"] if value else [],
        "cap_drop": lambda value: [f"--cap-drop={one}" for one in value],
        "security_opt": lambda value: [f"--security-opt={one}" for one in value],
        "environment": lambda value: [f"--env={name}={text}" for name, text in value.items()],
        "volumes": lambda value: [f"--volume={one}" for one in value],
        "tmpfs": lambda value: [f"--tmpfs={one}" for one in value],
        "ports": lambda value: [f"--publish={one}" for one in value],
        "stop_grace_period": lambda value: [f"--stop-timeout={value.removesuffix('s')}"],
        "build": lambda _value: [],
        "image": lambda _value: [],
    }
    return [argument for key, value in service.items() for argument in known[key](value)]


def ask(host: Host, method: str, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host.ip, 6060, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def configure(host: Host) -> None:
    script = "mkdir -p /etc/swarm-orchestration && cat > /etc/swarm-orchestration/swarm.yml"
    host.run(["sh", "-c", script], input=CONFIGURATION)


def health(host: Host, container: str) -> str:
    return str(host.api("GET", f"/containers/{container}/json")["State"]["Health"]["Status"])


def test_what_is_in_the_image(hosts: Lab, archive: bytes) -> None:
    host = hosts.hosts[0]
    settings = host.api("GET", f"/images/{NAME}/json")["Config"]

    def inside(script: str) -> str:
        options = ("--rm", "--network=none", "--entrypoint", "tini")
        return docker(host, "run", *options, NAME, "--", "sh", "-c", script).strip()

    assert len(archive) < 300e6
    assert settings["User"] == "6060:6060"
    assert settings["Healthcheck"]["Test"] == ["CMD", "orcastra", "healthcheck"]
    assert settings["Labels"]["org.opencontainers.image.title"] == "Orcastra"
    assert (
        inside("id -u; cat /proc/1/comm; for tool in gcc cc make pip; do command -v $tool; done; true")
        == "6060\ntini"
    )
    assert "orcastra.swarm" in inside("ansible-galaxy collection list")
    assert inside("orcastra --version").startswith("orcastra ")


def test_without_the_group_of_the_socket_it_says_what_is_missing(hosts: Lab) -> None:
    host = hosts.hosts[0]
    configure(host)
    with pytest.raises(CommandFailed) as failed:
        docker(
            host, "run", "--rm", "--network=none", "--volume=/var/run/docker.sock:/var/run/docker.sock",
            "--volume=/etc/swarm-orchestration:/etc/swarm-orchestration:ro", NAME, "run", "--once",
        )  # fmt: skip
    assert "docker.sock" in str(failed.value)
    assert re.search(r"[Pp]ermission|group", str(failed.value))


def test_one_container_as_in_the_compose_file(hosts: Lab) -> None:
    """It labels, has the follower follow, answers, and ends within its time; its state is its own."""
    host = hosts.leader()
    configure(host)
    text = (ROOT / "compose.yml").read_text()
    values = {"DOCKER_GID": gid(host), "ORCASTRA_IMAGE": NAME, "ORCASTRA_API_TOKEN": TOKEN}
    service = filled(text, values)["services"]["orcastra"]
    create_service(hosts, "shop_db", "charlie")
    create_service(hosts, "shop_app", "alpha")
    docker(host, "service", "update", "--constraint-rm=node.hostname==alpha", "--detach", "shop_app")

    docker(host, "run", "--detach", "--name=orcastra", *run_arguments(service), NAME)

    wait_until(lambda: running_on(hosts, "shop_app") == "charlie", 90, "the follower beside its anchor")
    assert labels(hosts, "charlie") == {"db": "true"}
    wait_until(lambda: health(host, "orcastra") == "healthy", 60, "the container to be healthy")
    assert ask(host, "GET", "/healthz")[0] == 200
    assert ask(host, "GET", "/readyz")[0] == 200
    assert "swarm_orch_leader 1.0" in ask(host, "GET", "/metrics")[1]
    assert ask(host, "POST", "/sync")[0] in (401, 403)
    assert ask(host, "POST", "/sync", Authorization=f"Bearer {TOKEN}")[0] in (200, 202)
    log = docker(host, "logs", "orcastra")
    assert TOKEN not in log
    assert "Traceback" not in log
    begin = time.monotonic()
    docker(host, "stop", "orcastra")
    assert time.monotonic() - begin < 10
    assert host.api("GET", "/containers/orcastra/json")["State"]["ExitCode"] in (0, 143)


def test_an_instance_on_every_node_as_in_the_stack_file(hosts: Lab) -> None:
    host = hosts.leader()
    for name in ("stack.yml", "swarm.yml"):
        text = (ROOT / name).read_text() if name == "stack.yml" else CONFIGURATION
        host.run(["sh", "-c", f"cat > /root/{name}"], input=text)
    docker(host, "secret", "create", "orcastra_api_token", "-", input=TOKEN)
    create_service(hosts, "shop_db", "bravo")

    host.sh(
        f"cd /root && DOCKER_GID={gid(host)} ORCASTRA_IMAGE={NAME} "
        "docker stack deploy --resolve-image never -c stack.yml orcastra"
    )

    try:
        wait_until(lambda: all(ready(one) for one in hosts), 120, "all instances to be ready")
        wait_until(lambda: labels(hosts, "bravo") == {"db": "true"}, 60, "the anchor's label")
        leading = [json.loads(ask(one, "GET", "/api/state")[1])["instance"]["acts"] for one in hosts]
        assert sorted(leading) == [False, False, True]
        for one in hosts:
            # what looks after the node itself runs on each of them
            metrics = ask(one, "GET", "/metrics")[1]
            assert re.search(r'orcastra_job_runs_total\{name="autoheal"', metrics), metrics
            (container,) = one.api("GET", "/containers/json", query={"filters": {"ancestor": [NAME]}})
            assert "Traceback" not in docker(one, "logs", container["Id"])
    finally:
        docker(host, "stack", "rm", "orcastra")
        docker(host, "secret", "rm", "orcastra_api_token", check=False)
        for one in hosts:
            wait_until(lambda one=one: not containers(one), 60, "the instances to be gone")
            docker(one, "volume", "rm", "--force", "orcastra_state", check=False)


def ready(host: Host) -> bool:
    return ask(host, "GET", "/readyz")[0] == 200


def containers(host: Host) -> list[Any]:
    found: list[Any] = host.api(
        "GET", "/containers/json", query={"all": "1", "filters": {"ancestor": [NAME]}}
    )
    return found

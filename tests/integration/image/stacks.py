# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploys the project's stack files in the lab, and contains checks that apply to all of them."""

from __future__ import annotations

import http.client
from collections.abc import Sequence

from tests.integration.orcastra_runner.swarm_helpers import tasks
from tests.lab import Host, Lab
from tests.lab.wait import wait_until
from tests.support import image_build

TOKEN = "a-secret-token"
PROXY_CONFIGURATION = "container/socket-proxy.cfg"
# Shorter intervals, and a longer timeout for a busy machine. Everything else comes from the stack file.
QUICK = """
version: "3.8"
services:
  orcastra:
    healthcheck: {interval: 5s, timeout: 60s}
    environment:
      AUTOHEAL_CHECK_INTERVAL: "1"
      AUTOHEAL_GRACE_PERIOD: "0"
      AUTOHEAL_DEFAULT_STOP_TIMEOUT: "0"
"""


def get(
    host: Host, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host.ip, 6060, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


def put(host: Host, name: str, text: str) -> None:
    """Write a file in the folder from which the stack is deployed."""
    host.sh(f"mkdir -p $(dirname /tmp/{name})")
    host.run(["tee", f"/tmp/{name}"], input=text)


def deploy(manager: Host, stack: str, configuration: str, *more: str, with_token: bool = True) -> None:
    """Deploy a stack file of the project, with ``configuration`` as swarm.yml and ``more`` override files."""
    for name in (stack, "stack-token.yml", PROXY_CONFIGURATION):
        put(manager, name, (image_build.ROOT / name).read_text("utf-8"))
    put(manager, "swarm.yml", configuration)
    files = [stack, "stack-token.yml"] if with_token else [stack]
    for number, text in enumerate((QUICK, *more)):
        files.append(f"more-{number}.yml")
        put(manager, files[-1], text)
    if with_token:
        manager.run(["docker", "secret", "create", "orcastra_api_token", "-"], input=TOKEN)
    options = " ".join(f"-c {name}" for name in files)
    manager.run(
        ["sh", "-c", f"cd /tmp && docker stack deploy --resolve-image never {options} orcastra"],
        env={
            "ORCASTRA_IMAGE": image_build.NAME,
            "HAPROXY_IMAGE": image_build.HAPROXY_NAME,
            "STACK_NAME": "shop",
        },
        timeout=120,
    )


def running(hosts: Lab, name: str) -> int:
    """Return the number of running tasks of a service whose desired state is also running."""
    desired = [task for task in tasks(hosts, name) if task["DesiredState"] == "running"]
    return sum(task["Status"]["State"] == "running" for task in desired)


def check_that_all_are_healed(hosts: Sequence[Host]) -> None:
    """Check that each instance heals containers on its own node."""
    check = "--health-cmd false --health-interval 0.2s --health-retries 2"
    start = f"docker run -d --init --name ill --label autoheal=true {check} orcastra/app"
    ill = {host: host.sh(start).strip() for host in hosts}
    for host, container in ill.items():
        began = host.api("GET", f"/containers/{container}/json")["State"]["StartedAt"]
        wait_until(
            lambda host=host, container=container, began=began: (  # type: ignore[misc]
                host.api("GET", f"/containers/{container}/json")["State"]["StartedAt"] != began
            ),
            180,
            f"{host.name} to be healed",
        )

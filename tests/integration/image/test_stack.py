# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""stack.yml as it is: an instance on every node; followers follow, and each node is looked after."""

from __future__ import annotations

import pytest

from tests import image_build
from tests.integration.image.test_image import get
from tests.integration.orcastra_runner.swarm_helpers import (
    change_constraints,
    create_service,
    running_on,
    service,
    tasks,
)
from tests.lab import Host, Lab
from tests.lab.wait import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

CONFIGURATION = """
dependencies:
  db: {services: [app], relocate: evict}
"""
# Only to be quicker: nothing else is different from stack.yml.
QUICK = """
version: "3.8"
services:
  orcastra:
    healthcheck: {interval: 2s}
    environment:
      AUTOHEAL_CHECK_INTERVAL: "1"
      AUTOHEAL_GRACE_PERIOD: "0"
      AUTOHEAL_DEFAULT_STOP_TIMEOUT: "0"
"""
NAME = "orcastra_orcastra"


def deploy(manager: Host) -> None:
    files = {
        "stack.yml": (image_build.ROOT / "stack.yml").read_text(),
        "swarm.yml": CONFIGURATION,
        "quick.yml": QUICK,
    }
    for name, text in files.items():
        manager.run(["tee", f"/tmp/{name}"], input=text)
    manager.run(["docker", "secret", "create", "orcastra_api_token", "-"], input="a-secret-token")
    command = "cd /tmp && docker stack deploy --resolve-image never -c stack.yml -c quick.yml orcastra"
    manager.run(
        ["sh", "-c", command], env={"ORCASTRA_IMAGE": image_build.NAME, "STACK_NAME": "shop"}, timeout=120
    )


def running(hosts: Lab) -> int:
    wanted = [task for task in tasks(hosts, NAME) if task["DesiredState"] == "running"]
    return sum(task["Status"]["State"] == "running" for task in wanted)


def test_stack(hosts: Lab) -> None:
    create_service(hosts, "shop_db", "bravo")
    create_service(hosts, "shop_app")
    deploy(hosts.leader())
    wait_until(lambda: running(hosts) == 3, 120, "an instance on each node")
    before = service(hosts, NAME)

    # followers are beside their anchor, and stay so when it moves
    wait_until(lambda: running_on(hosts, "shop_app") == "bravo", 90, "app beside db")
    change_constraints(hosts, "shop_db", "node.hostname==charlie")
    wait_until(lambda: running_on(hosts, "shop_db") == "charlie", 60, "db to move")
    wait_until(lambda: running_on(hosts, "shop_app") == "charlie", 90, "app to follow")

    # each node answers for itself, one of them acts
    for host in hosts:
        wait_until(lambda host=host: get(host, "/readyz")[0] == 200, 30, host.name)  # type: ignore[misc]
        assert get(host, "/healthz")[0] == 200
        assert get(host, "/sync", "POST")[0] == 401
        assert get(host, "/sync", "POST", Authorization="Bearer a-secret-token")[0] in (200, 202)
    leads = {host.name: "\nswarm_orch_leader 1.0\n" in get(host, "/metrics")[1] for host in hosts}
    assert [name for name, does in leads.items() if does] == [hosts.leader().name]

    # each node is looked after by its own instance
    check = "--health-cmd false --health-interval 0.2s --health-retries 2"
    start = f"docker run -d --init --name ill --label autoheal=true {check} orcastra/app"
    ill = {host: host.sh(start).strip() for host in hosts}
    for host, container in ill.items():
        began = host.api("GET", f"/containers/{container}/json")["State"]["StartedAt"]
        wait_until(
            lambda host=host, container=container, began=began: (  # type: ignore[misc]
                host.api("GET", f"/containers/{container}/json")["State"]["StartedAt"] != began
            ),
            60,
            f"{host.name} to be healed",
        )
    # it leaves itself alone, and asks for nothing that it may not do
    after = service(hosts, NAME)
    assert after["Version"] == before["Version"]
    assert running(hosts) == 3
    assert len(tasks(hosts, NAME)) == 3
    uid = hosts["alpha"].sh("for pid in $(pgrep -f '[o]rcastra run'); do stat -c %u /proc/$pid; done").split()
    assert uid
    assert set(uid) == {"10001"}

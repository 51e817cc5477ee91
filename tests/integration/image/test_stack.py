# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""stack.yml: an instance runs on every node, followers move with their anchor, and each node is healed."""

from __future__ import annotations

import pytest

from tests.integration.image.stacks import check_that_all_are_healed, deploy, get, running
from tests.integration.orcastra_runner.swarm_helpers import (
    change_constraints,
    create_service,
    running_on,
    service,
    tasks,
)
from tests.lab import Lab
from tests.lab.wait import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

CONFIGURATION = """
dependencies:
  db: {services: [app], relocate: evict}
"""
NAME = "orcastra_orcastra"


def test_stack(hosts: Lab) -> None:
    create_service(hosts, "shop_db", "bravo")
    create_service(hosts, "shop_app")
    deploy(hosts.leader(), "stack.yml", CONFIGURATION, with_token=False)
    wait_until(lambda: running(hosts, NAME) == 3, 120, "an instance on each node")
    before = service(hosts, NAME)

    # followers run on their anchor's node, even after it moves
    wait_until(lambda: running_on(hosts, "shop_app") == "bravo", 90, "app on the node of db")
    change_constraints(hosts, "shop_db", "node.hostname==charlie")
    wait_until(lambda: running_on(hosts, "shop_db") == "charlie", 60, "db to move")
    wait_until(lambda: running_on(hosts, "shop_app") == "charlie", 90, "app to follow")

    # each instance answers on its own node, and one is active
    for host in hosts:
        wait_until(lambda host=host: get(host, "/readyz")[0] == 200, 30, host.name)  # type: ignore[misc]
        assert get(host, "/healthz")[0] == 200
        assert get(host, "/sync", "POST")[0] == 401
        token = host.sh(
            f"docker exec -u 10001 $(docker ps -q -f name={NAME}) cat /var/lib/orcastra/api_token"
        ).strip()
        assert get(host, "/sync", "POST", Authorization=f"Bearer {token}")[0] in (200, 202)
    leads = {host.name: "\nswarm_orch_leader 1.0\n" in get(host, "/metrics")[1] for host in hosts}
    assert [name for name, does in leads.items() if does] == [hosts.leader().name]

    check_that_all_are_healed(hosts.hosts)

    # Orcastra doesn't change its own service, and runs without root
    after = service(hosts, NAME)
    assert after["Version"] == before["Version"]
    assert running(hosts, NAME) == 3
    assert len(tasks(hosts, NAME)) == 3
    uid = hosts["alpha"].sh("for pid in $(pgrep -f '[o]rcastra run'); do stat -c %u /proc/$pid; done").split()
    assert uid
    assert set(uid) == {"10001"}

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The behavioural tests' view of the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.behaviour")

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (  # noqa: E402
    ConnectionOptions,
    connect,
)
from tests.behaviour.world import NODES, LabWorld, Swarm  # noqa: E402
from tests.lab import Lab  # noqa: E402


@pytest.fixture(scope="module")
def clean_lab(lab: Lab) -> Lab:
    lab.restore()
    return lab


@pytest.fixture
def swarm(clean_lab: Lab) -> Iterator[Swarm]:
    """Each test cleans up after itself, which takes far less time than a restored lab."""
    world = LabWorld(clean_lab, lambda docker_host: connect(ConnectionOptions(docker_host=docker_host)))
    swarm = Swarm(world)
    try:
        yield swarm
        _clean(swarm)
    except Exception:
        clean_lab.restore()
        raise
    finally:
        world.close()


def _clean(swarm: Swarm) -> None:
    for service in swarm.engine.list_services():
        swarm.engine._request("DELETE", f"/services/{service['ID']}", None, {})
    for config in swarm.engine.get("/configs"):
        swarm.engine.delete_config(config["ID"])
    for name in NODES:
        spec = swarm.node(name)["Spec"]
        if spec.get("Labels") or spec["Availability"] != "active":
            swarm.change_node(name, Labels={}, Availability="active")

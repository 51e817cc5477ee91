# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that give the behaviour tests access to the lab."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.behaviour")

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources  # noqa: E402
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (  # noqa: E402
    ConnectionOptions,
    connect,
)
from tests.behaviour.balancing import Balance  # noqa: E402
from tests.behaviour.world import LabWorld, Swarm  # noqa: E402
from tests.integration.memory import tasks_measured  # noqa: E402
from tests.lab import Lab  # noqa: E402


@pytest.fixture
def swarm(lab: Lab) -> Iterator[Swarm]:
    """Restore the lab, and return it through the interface that it shares with the simulator."""
    lab.restore()
    world = LabWorld(lab, lambda docker_host: connect(ConnectionOptions(docker_host=docker_host)))
    try:
        yield Swarm(world)
    finally:
        world.close()


@pytest.fixture
def balance(lab: Lab, swarm: Swarm) -> Iterator[Balance]:
    """Hosts with 1 GiB, measured by their real exporters."""
    for host in lab:
        host.set_memory(total_mb=1024)
        host.follow_memory()
    with tasks_measured(lab):
        yield Balance(swarm, MetricSources(node_exporter_url="http://{address}:9100/metrics"), time.time)

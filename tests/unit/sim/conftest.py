# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated swarm, and the behavioural tests' view of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

pytest.register_assert_rewrite("tests.behaviour")

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources  # noqa: E402
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (  # noqa: E402
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine  # noqa: E402
from tests import sim as simulator  # noqa: E402
from tests.behaviour.balancing import Balance  # noqa: E402
from tests.behaviour.world import SimWorld, Swarm  # noqa: E402

MIB = 1024**2


@pytest.fixture
def sim() -> Iterator[simulator.Sim]:
    """Three managers, alpha, bravo and charlie, with the lab's faster heartbeat."""
    with simulator.swarm(heartbeat_seconds=2) as sim:
        yield sim


@pytest.fixture
def to_engine() -> Iterator[Callable[[str], Engine]]:
    """Connects to an engine; closed at the end."""
    engines: list[Engine] = []

    def open_engine(docker_host: str) -> Engine:
        engines.append(connect(ConnectionOptions(docker_host=docker_host, timeout=10)))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


@pytest.fixture
def swarm(sim: simulator.Sim, to_engine: Callable[[str], Engine]) -> Swarm:
    return Swarm(SimWorld(sim, to_engine))


@pytest.fixture
def balance(sim: simulator.Sim, swarm: Swarm) -> Balance:
    """Hosts of 1 GiB, of which their own programs use 160 MiB."""
    for node in sim.store.nodes.values():
        node.memory_bytes, node.base_memory_bytes = 1024 * MIB, 160 * MIB
    port = sim.docker_host().rpartition(":")[2]
    sources = MetricSources(node_exporter_url=f"http://{{address}}:{port}/metrics")
    return Balance(swarm, sources, lambda: sim.now)

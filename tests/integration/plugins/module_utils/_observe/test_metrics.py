# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory as reported by real exporters."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from tests.integration.memory import TEXTFILE_DIR, memory_user, running, tasks_measured
from tests.lab import Lab

MIB = 1024 * 1024
DEFAULT = MetricSources(node_exporter_url="http://{address}:9100/metrics")


def look(swarm: Lab) -> SwarmSnapshot:
    engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))
    try:
        return observe(engine).snapshot
    finally:
        engine.close()


def by_hostname(snapshot: SwarmSnapshot, memory: Memory) -> dict[str, tuple[int, int]]:
    """Return host name → total MiB, available MiB."""
    return {
        snapshot.node_by_id[node_id].hostname: (sample.total_bytes // MIB, sample.available_bytes // MIB)
        for node_id, sample in memory.nodes.items()
    }


@pytest.fixture
def hanging() -> Iterator[str]:
    """Return the URL of an endpoint that accepts connections but never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/metrics"


def test_each_host_reports_its_own_memory(swarm: Lab) -> None:
    swarm["alpha"].set_memory(total_mb=4096, available_mb=1000)
    swarm["bravo"].set_memory(total_mb=2048, available_mb=2000)
    snapshot = look(swarm)
    memory = measure(snapshot, DEFAULT)
    assert by_hostname(snapshot, memory) == {
        "alpha": (4096, 1000),
        "bravo": (2048, 2000),
        "charlie": (2048, swarm["charlie"].memory.available_mb),
    }
    assert memory.problems == ()


def test_hanging_exporter_delays_only_until_deadline(swarm: Lab, hanging: str) -> None:
    snapshot = look(swarm)
    exporters = {host.name: f"http://{host.ip}:9100/metrics" for host in swarm}
    started = time.monotonic()
    memory = measure(
        snapshot, MetricSources(node_exporters={**exporters, "bravo": hanging}, timeout_seconds=3)
    )
    assert time.monotonic() - started < 5
    assert sorted(by_hostname(snapshot, memory)) == ["alpha", "charlie"]
    (problem,) = memory.problems
    assert problem.code == "endpoint_failed"
    assert (problem.params["node"], problem.params["url"]) == ("bravo", hanging)
    assert problem.params["problem"].startswith("no answer ")


def test_task_memory_expires(swarm: Lab) -> None:
    swarm["alpha"].api("POST", "/services/create", memory_user("user", 60))
    swarm.wait_until(lambda: running(swarm), timeout=60, what="the service")
    sources = MetricSources(node_exporter_url="http://{address}:9100/metrics", scrape_interval_seconds=1)

    with tasks_measured(swarm):
        swarm.wait_until(lambda: measure(look(swarm), sources).tasks, timeout=60, what="a sample of the task")
        snapshot = look(swarm)
        swarm.wait_until(
            lambda: max(measure(snapshot, sources).tasks.values(), default=0) >= 60 * MIB,
            timeout=30,
            what="all of its memory",
        )
        memory = measure(snapshot, sources)
        host = swarm[running(swarm)["user"][0]]
        kept = host.sh(f"cat {TEXTFILE_DIR}/orcastra_memory.prom")
    ((task_id, size),) = memory.tasks.items()
    (service,) = snapshot.services
    assert task_id in {task.id for task in snapshot.tasks}
    assert 60 * MIB <= size < 80 * MIB
    assert memory.services == {service.id: size}

    host.run(["sh", "-c", f"cat > {TEXTFILE_DIR}/orcastra_memory.prom"], input=kept)
    swarm.wait_until(
        lambda: not measure(snapshot, sources).tasks, timeout=30, what="the sample to be too old"
    )
    stale = measure(snapshot, sources)
    host.run(["rm", f"{TEXTFILE_DIR}/orcastra_memory.prom"])
    assert any(
        Reason("task_memory_outdated", limit=2) in problem.params.get("reasons", ())
        for problem in stale.problems
    )
    assert len(stale.nodes) == 3

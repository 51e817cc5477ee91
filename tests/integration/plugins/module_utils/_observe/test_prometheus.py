# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory as reported by a real Prometheus server, which scrapes the exporters of the lab's hosts."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from tests.integration.memory import memory_user, running, tasks_measured
from tests.integration.plugins.module_utils._observe.test_metrics import MIB, look
from tests.lab import Lab, packages

INTERVAL = 2


@pytest.fixture
def server(swarm: Lab, tmp_path: Path) -> Iterator[str]:
    """The URL of a Prometheus server on loopback."""
    packages.provide("prometheus", "prometheus")
    configuration = {
        "global": {"scrape_interval": f"{INTERVAL}s", "scrape_timeout": f"{INTERVAL}s"},
        "scrape_configs": [
            {"job_name": "node", "static_configs": [{"targets": [f"{host.ip}:9100" for host in swarm]}]}
        ],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (tmp_path / "prometheus.log").open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address={address}",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        swarm.wait_until(lambda: _is_ready(f"http://{address}"), timeout=60, what="the server to be ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_prometheus_returns_exporter_values_until_too_old(swarm: Lab, server: str) -> None:
    swarm["alpha"].set_memory(total_mb=4096, available_mb=1000)
    swarm["alpha"].api("POST", "/services/create", memory_user("user", 60))
    sources = MetricSources(prometheus_url=server, scrape_interval_seconds=INTERVAL)
    direct = MetricSources(node_exporter_url="http://{address}:9100/metrics")
    swarm.wait_until(lambda: running(swarm), timeout=60, what="the service")
    with tasks_measured(swarm):

        def is_known() -> bool:
            found = measure(look(swarm), sources)
            return len(found.nodes) == 3 and max(found.tasks.values(), default=0) >= 60 * MIB

        swarm.wait_until(is_known, timeout=60, what="the memory of all nodes, and of the task")
        snapshot = look(swarm)
        told, asked = measure(snapshot, sources), measure(snapshot, direct)
    assert told.nodes == asked.nodes
    assert len(told.nodes) == 3
    assert told.tasks.keys() == asked.tasks.keys()
    assert told.problems == ()

    # a plain query would give the last sample of a lost host for five minutes
    charlie = next(node.id for node in snapshot.nodes if node.hostname == "charlie")
    swarm["charlie"].crash()
    swarm.wait_until(
        lambda: charlie not in measure(snapshot, sources).nodes, timeout=20, what="the sample to be too old"
    )
    found = measure(snapshot, sources)
    assert len(found.nodes) == 2
    missing = [problem.params["node"] for problem in found.problems if problem.code == "server_without_node"]
    assert "charlie" in missing
    swarm["charlie"].boot()

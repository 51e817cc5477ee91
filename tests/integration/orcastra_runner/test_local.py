# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra run`` manages its own node on every instance, also on a worker."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import heal_node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.autoheal import HealRules
from orcastra_runner.local.prune import PruneJob
from orcastra_runner.settings import read_settings
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.image import busybox_image, load
from tests.lab.wait import wait_until
from tests.support.runner_process import running


def set_role(swarm: Lab, role: str) -> None:
    alpha, charlie = swarm["alpha"], swarm["charlie"]
    nodes = alpha.api("GET", "/nodes")
    node = next(raw for raw in nodes if raw["Description"]["Hostname"] == "charlie")
    spec = {**node["Spec"], "Role": role}
    alpha.api("POST", f"/nodes/{node['ID']}/update", spec, {"version": node["Version"]["Index"]})
    wait_until(
        lambda: charlie.api("GET", "/info")["Swarm"]["ControlAvailable"] == (role == "manager"), 60, role
    )


@pytest.fixture
def charlie(swarm: Lab) -> Iterator[Host]:
    """Demote charlie to a worker."""
    set_role(swarm, "worker")
    host = swarm["charlie"]
    yield host
    host.sh("docker rm -f plain-ill; docker rmi -f $(docker images -q test/app) 2>/dev/null || true")
    set_role(swarm, "manager")


def test_quiet_local_cycle_sends_one_request_and_writes_nothing(swarm: Lab, tmp_path: Path) -> None:
    engine = connect(ConnectionOptions(docker_host=swarm["alpha"].docker_host))
    before = engine.requests
    healing = heal_node(engine, HealRules(), tmp_path)
    assert (engine.requests - before, healing.changed, list(tmp_path.iterdir())) == (1, False, [])
    engine.close()


def test_worker_is_healed(swarm: Lab, charlie: Host, tmp_path: Path) -> None:
    check = "--health-cmd false --health-interval 0.2s --health-retries 2"
    ill = charlie.sh(
        f"docker run -d --init --name plain-ill --label autoheal=true {check} orcastra/app"
    ).strip()
    started = charlie.api("GET", f"/containers/{ill}/json")["State"]["StartedAt"]
    config, state = tmp_path / "config", tmp_path / "state"
    config.mkdir()
    (config / "swarm.yml").write_text("nodes: {}\n")

    variables = {
        "ORCASTRA_STATE_DIR": str(state),
        "ORCASTRA_MANAGER_HOST": swarm["alpha"].docker_host,
        "AUTOHEAL_CHECK_INTERVAL": "0.5",
        "AUTOHEAL_GRACE_PERIOD": "0",
        "AUTOHEAL_DEFAULT_STOP_TIMEOUT": "0",
    }
    with running(config, charlie.docker_host, **variables) as loop:
        loop.wait_for("next prune scheduled", timeout=60)
        loop.wait_for("done: restart plain-ill", timeout=60)
        assert charlie.api("GET", f"/containers/{ill}/json")["State"]["StartedAt"] != started
        loop.wait_for("standing by", timeout=60)
        assert loop.said("playbook started") == 0
        loop.end(signal.SIGTERM)


def test_worker_is_pruned(swarm: Lab, charlie: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test calls the job directly, because the process would wait for the next full minute."""
    for tag in "12":
        load(charlie, busybox_image(f"test/app:{tag}", {"/version": tag}))
    spec = {"TaskTemplate": {"ContainerSpec": {"Image": "test/app:1"}}, "EndpointSpec": {"Mode": "dnsrr"}}
    spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.hostname==charlie"]}  # type: ignore[assignment]
    swarm["alpha"].api("POST", "/services/create", {"Name": "app", **spec})
    wait_until(lambda: "test/app:1" in charlie.sh("docker ps"), 60, "app to run")
    monkeypatch.setenv("ORCASTRA_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("GC_GRACE_PERIOD_SECONDS", "0")
    monkeypatch.setenv("GC_MINIMUM_IMAGES_TO_SAVE", "0")
    monkeypatch.setenv("GC_EXCLUDE_IMAGES", "orcastra/*")
    manager = ConnectionOptions(docker_host=swarm["alpha"].docker_host)
    with closing(connect(ConnectionOptions(docker_host=charlie.docker_host))) as engine:
        PruneJob(read_settings(), None).run(engine)
        assert len(charlie.sh("docker images -q test/app").split()) == 2
        PruneJob(read_settings(), lambda: connect(manager)).run(engine)
    assert charlie.sh("docker images --format '{{.Tag}}' test/app").split() == ["1"]
    swarm["alpha"].sh("docker service rm app")
    wait_until(lambda: "test/app" not in charlie.sh("docker ps"), 60, "app to end")

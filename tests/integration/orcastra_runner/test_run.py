# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner as a separate process, with real engines."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Host, Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import Loop, orcastra, running

pytestmark = pytest.mark.lab

STATE = "orcastra.state"
SECRET = "planted-secret-53cr37"


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """Configure the label ``disk=ssd`` for bravo."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "swarm.yml").write_text("nodes:\n  bravo: {labels: {disk: ssd}}\n")
    return folder


@pytest.fixture
def loop(swarm: Lab, config_dir: Path) -> Iterator[Loop]:
    """Start a loop on the leader's engine that polls every second. Waits until it has set the label."""
    with running(config_dir, swarm.leader().docker_host, RELABEL_TIME="1") as loop:
        loop.wait_for("verified: the swarm matches the configuration")
        yield loop


def node(swarm: Lab, name: str, through: Host | None = None) -> dict[str, Any]:
    """Return a node as the engine lists it."""
    nodes = (through or swarm.leader()).api("GET", "/nodes")
    found: dict[str, Any] = next(item for item in nodes if item["Description"]["Hostname"] == name)
    return found


def labels(swarm: Lab, name: str, through: Host | None = None) -> dict[str, str]:
    found: dict[str, str] = node(swarm, name, through)["Spec"].get("Labels") or {}
    return found


def set_labels(swarm: Lab, name: str, desired: dict[str, str], through: Host | None = None) -> None:
    """Set a node's labels by hand, like ``docker node update``."""

    def write() -> bool:
        found = node(swarm, name, through)
        spec = {**found["Spec"], "Labels": desired}
        path = f"/nodes/{found['ID']}/update?version={found['Version']['Index']}"
        (through or swarm.leader()).api("POST", path, spec)
        return True

    wait_until(write, what="the label to be changed by hand")


def state_exists(swarm: Lab) -> bool:
    configs = swarm.leader().api("GET", "/configs")
    return any(config["Spec"]["Name"] == STATE for config in configs)


def test_second_cycle_finds_no_changes(swarm: Lab, config_dir: Path) -> None:
    docker_host = swarm.leader().docker_host
    dry = orcastra("run", "--once", "--check", "--config", config_dir, DOCKER_HOST=docker_host)
    assert dry.returncode == 0
    assert "planned: set disk=ssd on node bravo" in dry.stderr
    assert labels(swarm, "bravo") == {}
    assert not state_exists(swarm)

    first = orcastra("run", "--config", config_dir, DOCKER_HOST=docker_host, RUN_ONCE="true")
    assert first.returncode == 0, first.stderr
    assert "done: set disk=ssd on node bravo" in first.stderr
    assert labels(swarm, "bravo") == {"disk": "ssd"}

    second = orcastra("run", "--once", "--config", config_dir, DOCKER_HOST=docker_host)
    assert second.returncode == 0
    assert "no changes needed: the swarm matches the configuration" in second.stderr
    assert "orcastra started" in second.stderr
    assert "planned" not in second.stderr

    status = json.loads(orcastra("status", "--format", "json", DOCKER_HOST=docker_host).stdout)
    assert status["acts"]
    assert status["leader"] == swarm.leader().name
    owned = {found["hostname"]: found["owned_labels"] for found in status["nodes"]}
    assert owned == {"alpha": [], "bravo": ["disk"], "charlie": []}
    plan = orcastra("plan", "--config", config_dir, DOCKER_HOST=docker_host)
    assert plan.stdout == "No changes needed: the swarm matches the configuration.\n"


def test_loop_restores_a_removed_label(swarm: Lab, loop: Loop) -> None:
    set_labels(swarm, "bravo", {"mine": "x"})
    wait_until(lambda: labels(swarm, "bravo") == {"mine": "x", "disk": "ssd"}, 20, "the label to return")
    loop.end(signal.SIGTERM)
    assert loop.process.returncode == 0
    assert loop.entries[-1]["event"] == "stopping"


def test_quiet_cycles_cost_five_requests_and_no_process(swarm: Lab, loop: Loop) -> None:
    looks = loop.said("swarm observed")
    loop.wait_for("swarm observed", times=looks + 3)
    costs = [entry["requests"] for entry in loop.entries if entry["event"] == "swarm observed"]
    assert max(costs) <= 5
    assert loop.said("playbook started") == 1


def test_sighup_and_changed_file_trigger_a_cycle(swarm: Lab, config_dir: Path) -> None:
    with running(config_dir, swarm.leader().docker_host, RELABEL_TIME="600") as loop:
        loop.wait_for("verified: the swarm matches the configuration")
        set_labels(swarm, "bravo", {})
        loop.process.send_signal(signal.SIGHUP)
        wait_until(lambda: labels(swarm, "bravo") == {"disk": "ssd"}, 20, "the label to return")

        (config_dir / "swarm.yml").write_text("nodes:\n  bravo: {labels: [zfs]}\n")
        wait_until(lambda: labels(swarm, "bravo") == {"zfs": "true"}, 20, "the new configuration to be used")
        (config_dir / "swarm.yml").write_text("nodes:\n  bravo: {labels: 3}\n")
        loop.wait_for("keeping the previous configuration")
        assert labels(swarm, "bravo") == {"zfs": "true"}


def test_resync_runs_whole_site_and_leaves_no_secret(swarm: Lab, config_dir: Path, tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    with running(
        config_dir,
        swarm.leader().docker_host,
        RELABEL_TIME="600",
        ORCASTRA_RESYNC_INTERVAL="3",
        ORCASTRA_ARTIFACTS_DIR=str(artifacts),
        ORCASTRA_KEEP_ARTIFACTS="2",
        DB_PASSWORD=SECRET,
    ) as loop:
        loop.wait_for("playbook changed nothing", times=2, timeout=40)
        loop.end(signal.SIGTERM)
    sites = [entry for entry in loop.entries if entry.get("playbook") == "orcastra.swarm.site"]
    assert sites
    assert len(list(artifacts.iterdir())) == 2
    files = [path for path in artifacts.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(errors="replace")
        assert SECRET not in text, path
        assert "SWMTKN" not in text, path
    assert SECRET not in json.dumps(loop.entries)


def test_sigterm_during_playbook_ends_in_time_and_next_run_finishes(swarm: Lab, config_dir: Path) -> None:
    docker_host = swarm.leader().docker_host
    with running(config_dir, docker_host) as loop:
        loop.wait_for("playbook started")
        frozen = wait_until(lambda: playbooks_of(loop.process.pid), what="ansible-playbook to start")
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        loop.end(signal.SIGTERM)
        assert loop.process.returncode == 0
        wait_until(lambda: not any(is_alive(pid) for pid in frozen), what="the playbook to be gone")
    once = orcastra("run", "--once", "--config", config_dir, DOCKER_HOST=docker_host)
    assert once.returncode == 0, once.stderr
    assert labels(swarm, "bravo") == {"disk": "ssd"}


def test_run_reports_an_engine_restart_once_and_reconnects(swarm: Lab, loop: Loop) -> None:
    leader = swarm.leader()
    leader.stop_engine()
    loop.wait_for("the engine cannot be reached")
    started = time.monotonic()
    loop.wait_for("retry scheduled", times=loop.said("retry scheduled") + 2)
    assert loop.said("the engine cannot be reached") <= 2, time.monotonic() - started
    leader.start_engine()
    loop.wait_for("problem resolved: engine", timeout=60)
    assert loop.process.poll() is None


def test_run_on_a_worker_reports_standby(swarm: Lab, config_dir: Path) -> None:
    set_role(swarm, "charlie", "worker")
    docker_host = swarm["charlie"].docker_host
    for arguments in (["run", "--once"], ["plan"], ["status"]):
        result = orcastra(*arguments, "--config", config_dir, DOCKER_HOST=docker_host)
        assert result.returncode == 1
        assert "expected a manager of the swarm, found a worker" in result.stderr
    with running(config_dir, docker_host, RELABEL_TIME="1") as loop:
        loop.wait_for("standing by: ")
        set_role(swarm, "charlie", "manager")
        loop.wait_for("standing by: the leader is node")
        assert loop.said("found a worker") == 1
    assert labels(swarm, "bravo") == {}


@pytest.mark.slow
def test_new_leader_takes_over(swarm: Lab, config_dir: Path) -> None:
    leader = swarm.leader()
    first, second = [host for host in swarm if host.name != leader.name]
    with (
        running(config_dir, leader.docker_host, RELABEL_TIME="1") as acting,
        running(config_dir, first.docker_host, RELABEL_TIME="1") as one,
        running(config_dir, second.docker_host, RELABEL_TIME="1") as other,
    ):
        acting.wait_for("verified: the swarm matches the configuration")
        one.wait_for(f"standing by: the leader is node {leader.name}")
        other.wait_for(f"standing by: the leader is node {leader.name}")
        leader.crash()
        wait_until(lambda: swarm.leader().name != leader.name, 60, "a new leader")
        new = swarm.leader()
        now_acting, still_waiting = (one, other) if new.name == first.name else (other, one)
        now_acting.wait_for("acting: this node is the swarm leader", timeout=60)
        set_labels(swarm, new.name, {"by": "hand"}, new)
        (config_dir / "swarm.yml").write_text(f"nodes:\n  {new.name}: {{labels: [new]}}\n")
        wait_until(
            lambda: labels(swarm, new.name, new) == {"by": "hand", "new": "true"},
            30,
            "the new leader's instance to be active",
        )
        assert still_waiting.said("playbook started") == 0


def set_role(swarm: Lab, name: str, role: str) -> None:
    """Promote or demote a node, and wait until its own engine knows."""

    def write() -> bool:
        found = node(swarm, name)
        path = f"/nodes/{found['ID']}/update?version={found['Version']['Index']}"
        swarm.leader().api("POST", path, {**found["Spec"], "Role": role})
        return True

    wait_until(write, what=f"{name} to be made a {role}")
    desired = role == "manager"
    wait_until(
        lambda: swarm[name].api("GET", "/info")["Swarm"]["ControlAvailable"] == desired,
        what=f"{name} to be a {role}",
    )


def playbooks_of(parent: int) -> list[int]:
    """Return the IDs of the ansible-playbook processes that ``parent`` started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and b"ansible-playbook" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The autoheal, prune and log_rotate playbooks, run from a control node over SSH; charlie is a worker."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.image import busybox_image, load
from tests.lab.wait import wait_until
from tests.support.runner_process import running as instance

STATE_DIR = "/var/lib/orcastra"


def set_role(swarm: Lab, role: str) -> None:
    alpha, charlie = swarm["alpha"], swarm["charlie"]
    nodes = alpha.api("GET", "/nodes")
    node = next(raw for raw in nodes if raw["Description"]["Hostname"] == "charlie")
    spec = {**node["Spec"], "Role": role}
    alpha.api("POST", f"/nodes/{node['ID']}/update", spec, {"version": node["Version"]["Index"]})
    is_manager = role == "manager"
    wait_until(
        lambda: charlie.api("GET", "/info")["Swarm"]["ControlAvailable"] == is_manager, 60, f"charlie: {role}"
    )


@pytest.fixture
def playbooks(run_playbook: Playbooks, inventory: dict[str, Any], swarm: Lab) -> Iterator[Playbooks]:
    """The same inventory with charlie as a worker."""
    managers = inventory["managers"]
    workers = {"hosts": {"charlie": managers["hosts"].pop("charlie")}, "vars": managers["vars"]}
    run_playbook.write("inventory.yml", {"managers": managers, "workers": workers})
    set_role(swarm, "worker")
    yield run_playbook
    set_role(swarm, "manager")
    swarm.each(lambda host: host.sh(f"rm -rf {STATE_DIR} /etc/logrotate.d/orcastra /srv/rotated"))


def deploy(host: Host, name: str, image: str, **fields: Any) -> None:
    container = {"Image": image, "StopGracePeriod": 1_000_000_000, **fields}
    template = {
        "ContainerSpec": container,
        "RestartPolicy": {"Condition": "on-failure", "Delay": 500_000_000},
        "Placement": {"Constraints": ["node.hostname==charlie"]},
    }
    spec = {"Name": name, "TaskTemplate": template, "EndpointSpec": {"Mode": "dnsrr"}}
    host.api("POST", "/services/create", spec)


def running(host: Host, name: str, health: str = "") -> list[str]:
    desired = f"--filter health={health}" if health else ""
    return host.sh(f"docker ps -q --filter label=com.docker.swarm.service.name={name} {desired}").split()


def test_autoheal_restarts_ended_worker_tasks_through_a_manager(playbooks: Playbooks, swarm: Lab) -> None:
    charlie = swarm["charlie"]
    check = {"Test": ["CMD-SHELL", "test ! -e /tmp/ill"], "Interval": 500_000_000, "Retries": 2}
    script = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    deploy(swarm["alpha"], "zero", "orcastra/app", Command=script, Healthcheck=check)
    wait_until(lambda: running(charlie, "zero", "healthy"), 60, "zero to be healthy")
    charlie.sh(f"docker exec {running(charlie, 'zero')[0]} touch /tmp/ill")
    wait_until(lambda: not running(charlie, "zero"), 60, "Swarm to end it")
    variables = {"orcastra_autoheal_grace_period": 1}

    alone = playbooks("orcastra.swarm.autoheal", limit="charlie", **variables)
    assert (alone.status, alone.changed) == (0, 0), alone.failure
    checked = playbooks("orcastra.swarm.autoheal", "--check", "--diff", limit=None, **variables)
    assert (checked.status, checked.changed) == (0, 1), checked.failure
    assert "force_update" in checked.output
    done = playbooks("orcastra.swarm.autoheal", limit=None, **variables)
    assert (done.status, done.changed) == (0, 1), done.failure
    wait_until(lambda: running(charlie, "zero", "healthy"), 60, "zero to be healthy again")
    again = playbooks("orcastra.swarm.autoheal", limit=None, **variables)
    assert (again.status, again.changed) == (0, 0), again.failure


def test_prune_removes_unused_images_on_a_worker(playbooks: Playbooks, swarm: Lab) -> None:
    charlie = swarm["charlie"]
    for tag in "12":
        load(charlie, busybox_image(f"test/app:{tag}", {"/version": tag}))
    deploy(swarm["alpha"], "app", "test/app:1")
    wait_until(lambda: running(charlie, "app"), 60, "app to run")
    variables = {
        "orcastra_prune_grace_period": 0,
        "orcastra_prune_keep_images": 0,
        "orcastra_prune_exclude_images": ["orcastra/app", "test/node-exporter*"],
    }

    alone = playbooks("orcastra.swarm.prune", limit="charlie", **variables)
    assert alone.status == 0, alone.failure
    assert charlie.sh("docker images -q test/app").split().__len__() == 2
    done = playbooks("orcastra.swarm.prune", "--diff", limit=None, **variables)
    assert done.status == 0, done.failure
    assert charlie.sh("docker images --format '{{.Tag}}' test/app").split() == ["1"]
    again = playbooks("orcastra.swarm.prune", limit=None, **variables)
    assert (again.status, again.changed) == (0, 0), again.failure
    swarm["alpha"].sh("docker service rm app")
    wait_until(lambda: not running(charlie, "app"), 60, "app to end")
    charlie.sh("docker rm -f $(docker ps -aq) >/dev/null 2>&1; docker rmi -f test/app:1")


def test_log_rotate_rotates_configured_files(playbooks: Playbooks, swarm: Lab) -> None:
    alpha = swarm["alpha"]
    alpha.sh(
        "mkdir -p '/srv/rotated/Media Server'; head -c 20000 /dev/zero > '/srv/rotated/Media Server/app.log'"
    )
    alpha.sh("docker create --name plain-endless -v proxy_logs:/log orcastra/app")
    volume = "/var/lib/docker/volumes/proxy_logs/_data"
    alpha.sh(
        f"head -c 20000 /dev/zero > {volume}/access.log; ln -s /var/lib/docker/containers /srv/rotated/link"
    )
    entry = {
        "name": "app",
        "paths": ["/srv/{rotated,absent}/Media Server/*.log", "/var/lib/docker/volumes/*/_data/*.log"],
        "rotate": 2,
        "size": "10k",
        "compress": False,
        "postrotate": "if true; then\n  echo rotated >> /srv/rotated/said\nfi",
    }
    variables: dict[str, Any] = {"orcastra_log_rotate_files": [entry], "orcastra_log_rotate_install": False}

    bad = [
        {"name": "one", "size": None},
        {"name": "two", "paths": ["/srv/**/x.log"]},
        {"name": "three", "paths": ["/var/lib/docker/./containers//*/*-json.log"]},
        {"name": "four", "paths": ["/data/docker/containers/*/*.log"]},
        {"name": "five", "paths": ["/var/lib/docker/*/*/*.log"]},
        {"name": "six", "paths": ["/srv/rotated/link/*/*.log"]},
        {"name": "seven", "size": "10 MB"},
        {"name": "eight", "postrotate": "true\nendscript\n}"},
    ]
    plain = {"paths": ["/srv/plain.log"], "rotate": 2, "size": "10k"}
    wrong = [
        {
            name: value
            for name, value in {**plain, "paths": [f"/srv/plain-{one['name']}.log"], **one}.items()
            if value is not None
        }
        for one in bad
    ]
    refused = playbooks(
        "orcastra.swarm.log_rotate", **{**variables, "orcastra_log_rotate_files": [entry, *wrong]}
    )
    assert refused.status != 0
    assert "entry app" not in refused.output
    for one in bad:
        assert f"entry {one['name']}: " in refused.output
    assert alpha.sh("ls /etc/logrotate.d").split().count("orcastra") == 0

    checked = playbooks("orcastra.swarm.log_rotate", "--check", "--diff", **variables)
    assert (checked.status, checked.changed) == (0, 1), checked.failure
    assert alpha.sh("ls /etc/logrotate.d").split().count("orcastra") == 0
    done = playbooks("orcastra.swarm.log_rotate", **variables)
    assert (done.status, done.changed) == (0, 1), done.failure
    assert "the log file has no limit (max-size) for" in done.output
    again = playbooks("orcastra.swarm.log_rotate", **variables)
    assert (again.status, again.changed) == (0, 0), again.failure
    for _ in range(4):
        alpha.sh("logrotate -s /srv/rotated/state /etc/logrotate.d/orcastra")
        alpha.sh("head -c 20000 /dev/zero > '/srv/rotated/Media Server/app.log'")
    assert alpha.sh("ls '/srv/rotated/Media Server'").split() == ["app.log", "app.log.1", "app.log.2"]
    assert "access.log.1" in alpha.sh(f"ls {volume}").split()
    assert alpha.sh("cat /srv/rotated/said").split() == ["rotated"] * 4

    gone = playbooks("orcastra.swarm.log_rotate", **{**variables, "orcastra_log_rotate_files": []})
    assert (gone.status, gone.changed) == (0, 1), gone.failure
    alpha.sh("docker rm plain-endless; docker volume rm proxy_logs")


@pytest.mark.timeout(900)
def test_active_instance_maintains_hosts_without_instance(playbooks: Playbooks, swarm: Lab) -> None:
    """An instance runs on a manager, but not on charlie."""
    alpha, charlie = swarm["alpha"], swarm["charlie"]
    check = "--health-cmd false --health-interval 0.2s --health-retries 2"
    ill = f"docker run -d --init --name plain-ill --label autoheal=true {check} orcastra/app"
    charlie.sh(f"{ill}; docker run --name plain-ended orcastra/app true")
    inventory = yaml.safe_load((playbooks.folder / "inventory.yml").read_text())
    rotated = {"name": "app", "paths": ["/srv/rotated/*.log"], "rotate": 2, "size": "1k"}
    inventory["workers"]["hosts"]["charlie"]["orcastra_log_rotate_files"] = [rotated]
    playbooks.write("inventory.yml", inventory)
    playbooks.write("swarm.yml", "nodes: {}\n")
    variables = {
        "ORCASTRA_INVENTORY": str(playbooks.folder / "inventory.yml"),
        "ORCASTRA_REMOTE_HOSTS": "workers",
        "ORCASTRA_STATE_DIR": str(playbooks.folder / "state"),
        "AUTOHEAL_CHECK_INTERVAL": "1",
        "AUTOHEAL_GRACE_PERIOD": "0",
        "AUTOHEAL_DEFAULT_STOP_TIMEOUT": "0",
        "GC_CRON": "* * * * *",
        "GC_GRACE_PERIOD_SECONDS": "1",
        "GC_PLAIN_CONTAINERS": "1",
        "LOOP_INTERVAL": "2",
        "ORCASTRA_LEADER": "always",
        "MOD_MANAGER_REFRESH_INTERVAL_MINUTES": "0",
    }
    try:
        with instance(playbooks.folder, alpha.docker_host, **variables) as loop:
            loop.wait_for("done: restart plain-ill", timeout=240)
            loop.wait_for("done: remove plain-ended", timeout=240)
            written = "grep -q /srv/rotated/ /etc/logrotate.d/orcastra"
            wait_until(
                lambda: charlie.run(["sh", "-c", written], check=False).returncode == 0, 240, "log_rotate"
            )
            loop.end(signal.SIGTERM)
        assert {entry.get("host") for entry in loop.entries if entry["event"] == "done"} == {"charlie"}
        assert not [entry for entry in loop.entries if entry["level"] == "error"]
        assert "orcastra" not in alpha.sh("ls /etc/logrotate.d").split()
    finally:
        charlie.sh("docker rm -f plain-ill plain-ended")

# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mods playbook over SSH and the runner's job, with a server of mods on the lab's network."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.integration import accidents
from tests.integration.orcastra_runner.test_web import ask, free_address
from tests.integration.playbooks.conftest import Playbooks
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.mod_server import ModServer
from tests.support.runner_process import running

DEST = "/srv/orcastra-mods"
SECRET = "s3cret-value"


@pytest.fixture
def server(swarm: Lab) -> Iterator[ModServer]:
    with ModServer(swarm["alpha"].ip.rpartition(".")[0] + ".1") as server:
        yield server
    swarm.each(lambda host: host.sh(f"umount {DEST} 2>/dev/null; rm -rf {DEST}"))


def deploy(swarm: Lab, name: str, labels: dict[str, str]) -> None:
    """Create a service without tasks. Its mods are still required."""
    spec = {
        "Name": name,
        "Labels": labels,
        "Mode": {"Replicated": {"Replicas": 0}},
        "TaskTemplate": {"ContainerSpec": {"Image": "orcastra/app"}},
        "EndpointSpec": {"Mode": "dnsrr"},
    }
    swarm["alpha"].api("POST", "/services/create", spec)


def test_mods_playbook_stores_desired_mods(run_playbook: Playbooks, swarm: Lab, server: ModServer) -> None:
    headers = {"X-Key": SECRET}
    private = server.put("/private.bin", b"private", headers_needed=headers)
    in_label = f"{server.put('/map.dat', b'map')}?token={SECRET}"
    deploy(swarm, "game", {"com.linuxserver.mod.map": in_label})
    config = {
        "discover": {"allow_private": True},
        "mods": [
            f"{server.put('/a.bin', b'A' * 100_000)}?token={SECRET}",
            {"url": private, "headers": headers},
        ],
    }
    run_playbook.write("config.json", config)
    variables = {"orcastra_mods_file": "config.json", "orcastra_mods_dest": DEST}

    checked = run_playbook("orcastra.swarm.mods", "--check", "--diff", limit="alpha,bravo", **variables)
    assert (checked.status, checked.changed) == (0, 2), checked.failure
    assert swarm["alpha"].run(["test", "-e", DEST], check=False).returncode == 1
    done = run_playbook("orcastra.swarm.mods", "-vvv", limit="alpha,bravo", **variables)
    assert (done.status, done.changed) == (0, 2), done.failure
    assert SECRET not in done.output
    for name in ("alpha", "bravo"):
        assert swarm[name].sh(f"ls {DEST}").split() == ["a.bin", "map.dat", "private.bin"]
        assert SECRET not in swarm[name].sh(f"cat {DEST}/.orcastra-mods.json")
    again = run_playbook("orcastra.swarm.mods", limit="alpha,bravo", **variables)
    assert (again.status, again.changed) == (0, 0), again.failure

    # the service is removed, and one mod fails: the other mods are still refreshed
    swarm["alpha"].sh("docker service rm game")
    server.put("/a.bin", b"new")
    server.items["/private.bin"].headers_needed = {"X-Key": "another"}
    server.put("/private.bin", b"newer", headers_needed={"X-Key": "another"})
    failed = run_playbook("orcastra.swarm.mods", **variables)
    assert failed.status != 0
    assert f"{private} answered 401" in failed.output
    assert "1 of 2 mods succeeded" in failed.output
    assert swarm["alpha"].sh(f"ls {DEST}; cat {DEST}/a.bin {DEST}/private.bin").split() == [
        "a.bin",
        "private.bin",
        "newprivate",
    ]


def test_mods_keep_old_file_on_full_or_read_only_disk(
    run_playbook: Playbooks, swarm: Lab, server: ModServer
) -> None:
    alpha = swarm["alpha"]
    alpha.sh(f"mkdir -p {DEST}; mount -t tmpfs -o size=1m tmpfs {DEST}")
    small, large = server.put("/small.bin", b"old"), server.put("/large.bin", b"old")
    variables = {"orcastra_mods": {"mods": [large, small]}, "orcastra_mods_dest": DEST}
    first = run_playbook("orcastra.swarm.mods", **variables)
    assert first.status == 0, first.failure
    server.put("/large.bin", b"x" * 3_000_000)
    server.put("/small.bin", b"new")
    full = run_playbook("orcastra.swarm.mods", **variables)
    assert full.status != 0
    assert f"{large}: can't be written: No space left on device" in full.output
    assert alpha.sh(f"cat {DEST}/large.bin {DEST}/small.bin") == "oldnew"
    assert alpha.sh(f"ls -A {DEST} | grep -c part- || true").strip() == "0"
    alpha.sh(f"mount -o remount,ro {DEST}")
    read_only = run_playbook("orcastra.swarm.mods", **variables)
    assert read_only.status != 0
    assert "it can't be written: Read-only file system" in read_only.output
    assert alpha.sh(f"cat {DEST}/large.bin") == "old"


def test_mods_refresh_on_all_nodes_on_one_request(swarm: Lab, server: ModServer, tmp_path: Path) -> None:
    """The leader's instance, a standby instance, and an instance on a worker."""
    accidents.demote(swarm, "charlie")
    with ExitStack() as stack:
        addresses = {host.name: free_address() for host in swarm}
        for host in swarm:
            folder = tmp_path / host.name
            folder.mkdir()
            (folder / "swarm.yml").write_text("nodes: {}\n")
            (folder / "config.json").write_text(f'["{server.put("/a.bin", b"0")}"]')
            stack.enter_context(
                running(
                    folder,
                    host.docker_host,
                    MOD_MANAGER_CONFIG=str(folder / "config.json"),
                    MOD_MANAGER_DEST=str(folder / "mods"),
                    MOD_MANAGER_REFRESH_INTERVAL_MINUTES="60",
                    ORCASTRA_STATE_DIR=str(folder / "state"),
                    ORCASTRA_MANAGER_HOST=swarm["bravo"].docker_host,
                    ORCASTRA_HTTP_ADDRESS=addresses[host.name],
                    RELABEL_TIME="1",
                    GC_CRON="off",
                )
            )

        def all_have(content: bytes) -> bool:
            files = [tmp_path / name / "mods" / "a.bin" for name in addresses]
            return all(file.exists() and file.read_bytes() == content for file in files)

        wait_until(lambda: all_have(b"0"), 60, "the first refresh")
        for number, (name, address) in enumerate(addresses.items(), start=1):
            content = str(number).encode()
            server.put("/a.bin", content)
            token = (tmp_path / name / "state" / "api_token").read_text().strip()
            assert ask(address, "POST", "/refresh_mods", Authorization=f"Bearer {token}")[0] == 202
            wait_until(partial(all_have, content), 60, "the requested refresh")


def test_runner_refreshes_mods_on_schedule_and_on_command(
    swarm: Lab, server: ModServer, tmp_path: Path
) -> None:
    dest = tmp_path / "mods"
    (tmp_path / "swarm.yml").write_text("nodes: {}\n")
    url = server.put("/a.bin", b"one", headers_needed={"X-Key": SECRET})
    config = [{"url": f"{url}?token=${{TOKEN}}", "headers": {"X-Key": "${KEY}"}}]
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "key").write_text(f"{SECRET}\n")
    environment = {
        "MOD_MANAGER_CONFIG": str(tmp_path / "config.json"),
        "MOD_MANAGER_DEST": str(dest),
        "MOD_MANAGER_REFRESH_INTERVAL_MINUTES": "60",
        "ORCASTRA_STATE_DIR": str(tmp_path / "state"),
        "ORCASTRA_LEADER": "always",
        "GC_CRON": "off",
        "KEY_FILE": str(tmp_path / "key"),
        "TOKEN": "another",
    }
    with running(tmp_path, swarm["alpha"].docker_host, **environment) as loop:
        wait_until((dest / "a.bin").exists, 60, "the first refresh")
        server.put("/a.bin", b"two", headers_needed={"X-Key": SECRET})
        commands = tmp_path / "commands" / "swarm-orch.command.yml"
        commands.parent.mkdir(exist_ok=True)
        commands.write_text("- refresh_mods\n")
        loop.process.send_signal(signal.SIGHUP)
        wait_until(lambda: (dest / "a.bin").read_bytes() == b"two", 120, "the command")
        loop.end(signal.SIGTERM)

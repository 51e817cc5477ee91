# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the lab behaves like a separate machine."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.lab import CommandFailed, Lab, LabError


def metrics(ip: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{ip}:9100/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        match[1]: float(match[2]) for match in re.finditer(r"^(node_memory_\w+) (\S+)$", text, re.MULTILINE)
    }


def test_host_has_separate_files_processes_and_names(swarm: Lab) -> None:
    alpha, bravo = swarm["alpha"], swarm["bravo"]
    assert [host.run(["hostname"]).stdout.strip() for host in swarm] == ["alpha", "bravo", "charlie"]
    alpha.run(["sh", "-c", "echo here > ~/file; echo here > /etc/file"])
    assert alpha.run(["cat", "/etc/file"]).stdout == "here\n"
    assert bravo.run(["sh", "-c", "ls /etc/file ~/file"], check=False).returncode == 2
    assert not Path("/etc/file").exists()
    # No files of this machine's root account, and no processes of other hosts.
    assert alpha.run(["sh", "-c", "ls ~"]).stdout == "file\n"
    assert alpha.run(["ps", "-C", "dockerd", "-o", "pid="]).stdout.count("\n") == 1
    assert len({host.run(["cat", "/etc/machine-id"]).stdout for host in swarm}) == 3
    assert alpha.run(["ls", "/sys/class/net"]).stdout.split()[:2] == ["docker0", "docker_gwbridge"]


def test_run_and_popen(swarm: Lab) -> None:
    alpha = swarm["alpha"]
    assert alpha.run(["cat"], input="text\n").stdout == "text\n"
    assert alpha.run(["sh", "-c", "echo $A $HOME"], env={"A": "b"}).stdout == "b /root\n"
    with pytest.raises(CommandFailed, match="said why") as caught:
        alpha.run(["sh", "-c", "echo said why >&2; exit 3"])
    assert caught.value.returncode == 3
    with pytest.raises(subprocess.TimeoutExpired):
        alpha.run(["sleep", "6543"], timeout=0.3)
    process = alpha.popen(["sleep", "6544"])
    swarm.wait_until(lambda: "6544" in alpha.run(["ps", "ax"]).stdout, 10, "the process")
    process.kill()
    process.wait()
    # The process itself has ended, not only its wrapper on this machine.
    swarm.wait_until(lambda: not re.search("sleep 654[34]", alpha.run(["ps", "ax"]).stdout), 10, "its end")


def test_ssh_between_hosts_and_from_outside(swarm: Lab) -> None:
    alpha, bravo = swarm["alpha"], swarm["bravo"]
    assert alpha.run(["ssh", "bravo", "hostname"]).stdout == "bravo\n"
    assert alpha.run(["ssh", bravo.ip, "docker info -f '{{.Name}}'"]).stdout == "bravo\n"

    def ssh(*words: str) -> str:
        done = subprocess.run(
            ["ssh", *words], env=swarm.ssh_environment(), capture_output=True, text=True, check=True
        )
        return done.stdout

    assert ssh("-F", str(swarm.ssh_config), "charlie", "hostname") == "charlie\n"
    # Without a configuration file, as Docker's clients call SSH.
    assert ssh("-l", "root", bravo.ip, "hostname") == "bravo\n"


def test_host_memory_limit_is_reported(swarm: Lab) -> None:
    host = swarm["bravo"]
    host.set_memory(total_mb=4096, available_mb=1000)
    assert host.api("GET", "/info")["MemTotal"] == 4096 * 2**20
    assert host.run(["free", "-m"]).stdout.split()[7] == "4096"
    assert metrics(host.ip)["node_memory_MemTotal_bytes"] == 4096 * 2**20
    assert metrics(host.ip)["node_memory_MemAvailable_bytes"] == 1000 * 2**20
    host.set_memory(available_mb=10)
    assert metrics(host.ip)["node_memory_MemAvailable_bytes"] == 10 * 2**20
    assert metrics(swarm["alpha"].ip)["node_memory_MemTotal_bytes"] == 2048 * 2**20
    with pytest.raises(LabError, match="found 5000 of 4096"):
        host.set_memory(available_mb=5000)


def test_memory_follows_containers(swarm: Lab) -> None:
    host = swarm["charlie"]
    host.follow_memory()

    def available_mb() -> float:
        return metrics(host.ip)["node_memory_MemAvailable_bytes"] / 2**20

    before = available_mb()
    # The shell keeps a variable's text in memory while another command follows the sleep.
    keep = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 1000; :"
    host.run(["docker", "run", "-d", "--name", "big", "orcastra/app", "sh", "-c", keep])
    swarm.wait_until(lambda: available_mb() < before - 90, 30, "less available memory")
    host.run(["docker", "rm", "-f", "big"])
    swarm.wait_until(lambda: available_mb() > before - 20, 10, "the memory to be available again")


def test_reboot_changes_boot_id(swarm: Lab) -> None:
    host = swarm["charlie"]
    read = ["cat", "/proc/sys/kernel/random/boot_id"]
    before = host.run(read).stdout
    host.run(["touch", "/srv/stays", "/tmp/goes", "/run/goes"])
    # Same command as in Ansible's reboot module.
    swarm["alpha"].run(["ssh", "charlie", "shutdown", "-r", "now", "reboot"])
    swarm.wait_until(lambda: host.running and host.run(read).stdout not in ("", before), 30, "the reboot")
    host.wait_for_engine()
    assert host.run(read).stdout.strip() == host.boot_id
    assert host.run(["ls", "/srv/stays", "/tmp/goes", "/run/goes"], check=False).stdout == "/srv/stays\n"


def test_unplug_and_plug_in(swarm: Lab) -> None:
    host = swarm["bravo"]
    host.cut()
    started = time.monotonic()
    with pytest.raises(OSError, match=r"timed out|unreachable|No route"):
        host.api("GET", "/_ping", timeout=1)
    assert time.monotonic() - started < 5
    assert host.engine_answers()
    host.mend()
    swarm.wait_until(lambda: host.api("GET", "/_ping", timeout=1) == "OK", 10, "the network")


def test_engine_stops_and_starts(swarm: Lab) -> None:
    host = swarm["charlie"]
    before = host.sh("cat /run/docker.pid")
    host.restart_engine()
    assert host.sh("cat /run/docker.pid") != before
    host.stop_engine()
    assert not host.engine_answers()

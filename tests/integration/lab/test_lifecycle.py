# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab starts, is removed without leftovers, runs next to others, and removes leftovers of a killed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import Lab, LabError, cgroups, leftovers, names, wait_until
from tests.lab.process import ProcessId, command
from tests.lab.state import LabState, all_labs

CHECKOUT = Path(__file__).parents[3]
_CRASHING_RUN = """
import sys, time
from tests.lab import Lab
lab = Lab(sys.argv[1], hosts=["one"], engine=sys.argv[2] or None).up()
print("up", flush=True)
time.sleep(600)
"""


def lab_name(suffix: str) -> str:
    return f"t{suffix}-{os.getpid()}"


def traces(name: str) -> list[str]:
    """Return everything on this machine that still belongs to a lab."""
    prefix = f"{names.PREFIX}-{name}"
    found = [line for line in command(["ip", "netns", "list"]).splitlines() if line.startswith(prefix)]
    found += [line for line in command(["ip", "link", "show"]).splitlines() if f"alias {prefix}" in line]
    found += [
        line
        for line in Path("/proc/mounts").read_text().splitlines()
        if f"/{name}/" in line or prefix in line
    ]
    found += [str(folder) for folder in cgroups.folders(names.cgroup(name))]
    found += [str(path) for path in (names.lab_folder(name), leftovers.lab_lock(name).path) if path.exists()]
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = cmdline.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"tests.lab.supervisor {name} " in b" ".join(words).decode() or prefix.encode() in b" ".join(
            words
        ):
            found.append(f"process {cmdline.parent.name}: {words}")
    return found


def descendants(root: ProcessId) -> list[ProcessId]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, queue = [], [root.pid]
    while queue:
        pid = queue.pop()
        queue += children.get(pid, [])
        if process := ProcessId.of(pid):
            found.append(process)
    return found


def test_down_leaves_nothing(lab_engine: str | None) -> None:
    name = lab_name("d")
    with Lab(name, hosts=["one", "two"], engine=lab_engine) as lab:
        lab.form_swarm(managers=1)
        lab.load_image("orcastra/app")
        lab["one"].run(["docker", "run", "-d", "orcastra/app"])
        assert traces(name)
        running = []
        for host in lab:
            supervisor = ProcessId.read(host.folder / "supervisor.pid")
            assert supervisor
            running += descendants(supervisor)
        # More than supervisor, unshare, PID 1, sshd, exporter, dockerd, containerd per host, and a container.
        assert len(running) > 14
    assert traces(name) == []
    assert [process for process in running if process.alive()] == []


def test_two_labs_side_by_side(lab: Lab, lab_engine: str | None) -> None:
    with Lab(lab_name("s"), hosts=["alpha"], engine=lab_engine) as other:
        assert other.state.subnet != lab.state.subnet
        here, there = lab["alpha"], other["alpha"]
        assert here.api("GET", "/info")["ID"] != there.api("GET", "/info")["ID"]
        there.run(["touch", "/etc/of-the-other-lab"])
        assert here.run(["test", "-e", "/etc/of-the-other-lab"], check=False).returncode == 1
        assert not Path("/etc/of-the-other-lab").exists()
        # Their networks are separate.
        probe = here.run(
            ["ssh", "-oConnectTimeout=2", "-oStrictHostKeyChecking=no", there.ip, "true"], check=False
        )
        assert probe.returncode == 255
    assert here.engine_answers()


def test_name_in_use_is_refused(lab: Lab) -> None:
    # Another process, because a process can take its own lock again.
    script = "import sys; from tests.lab import Lab; Lab(sys.argv[1], hosts=['x']).up()"
    second = subprocess.run(
        [sys.executable, "-c", script, lab.name], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert f"lab {lab.name!r} is in use by process {os.getpid()}" in second.stderr
    assert lab["alpha"].engine_answers()


def test_lab_removes_leftovers_of_a_killed_run(lab_engine: str | None) -> None:
    killed, same = lab_name("k"), lab_name("m")
    runs = {
        name: subprocess.Popen(
            [sys.executable, "-c", _CRASHING_RUN, name, lab_engine or ""],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in (killed, same)
    }
    hosts: list[ProcessId] = []
    for name, run in runs.items():
        with run:
            assert run.stdout
            assert run.stdout.readline() == "up\n"
            supervisor = ProcessId.read(names.host_folder(name, "one") / "supervisor.pid")
            assert supervisor
            hosts += descendants(supervisor)
            run.send_signal(signal.SIGKILL)
        assert traces(name)
    # A lab with the same name is rebuilt. The other lab is removed because it has no owner.
    with Lab(same, hosts=["one"], engine=lab_engine) as lab:
        assert not [process for process in hosts if process.alive()]
        wait_until(lambda: not traces(killed), 10, "all traces of the other one to be gone")
        assert lab["one"].engine_answers()
    assert traces(same) == []


def test_hosts_stop_with_their_owner(lab_engine: str | None) -> None:
    name = lab_name("o")
    with subprocess.Popen(
        [sys.executable, "-c", _CRASHING_RUN, name, lab_engine or ""],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout
        assert run.stdout.readline() == "up\n"
        supervisor = ProcessId.read(names.host_folder(name, "one") / "supervisor.pid")
        assert supervisor
        processes = descendants(supervisor)
        run.kill()
    wait_until(lambda: not [process for process in processes if process.alive()], 10, "the end of all hosts")
    # Another test run on this machine may already be removing them.
    leftovers.remove_abandoned()
    wait_until(lambda: not traces(name), 10, "all traces to be gone")


def test_failed_start_leaves_nothing(lab_engine: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    name = lab_name("f")
    monkeypatch.setattr(
        "tests.lab.rootfs._engine_defaults", lambda cable, tls: "DOCKER_OPTS=--no-such-option\n"
    )
    monkeypatch.setattr("tests.lab.host.ENGINE_TIMEOUT", 2)
    with pytest.raises(LabError, match="no-such-option"):
        Lab(name, hosts=["one"], engine=lab_engine).up()
    assert traces(name) == []


def test_command_line(lab_engine: str | None) -> None:
    name = lab_name("c")

    def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "tests.lab", "--name", name, *arguments]
        return subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    engine = ["--engine", lab_engine] if lab_engine else []
    try:
        assert lab("up", "--hosts", "one", "--swarm", *engine).returncode == 0
        # It keeps running, because it has no owner.
        assert LabState.load(name).owner is None
        assert f"{name}: 1 of 1 hosts run" in lab("list").stdout
        assert "is up already" in lab("up", "--hosts", "one").stderr
        nodes = lab("run", "one", "--", "docker", "node", "ls", "--format", "{{.Hostname}} {{.Status}}")
        assert nodes.stdout == "one Ready\n"
        assert lab("run", "one", "--", "sh", "-c", "exit 7").returncode == 7
        assert (
            "500 of 1000 MiB available"
            in lab("memory", "one", "--total", "1000", "--available", "500").stdout
        )
        assert lab("crash", "one").returncode == 0
        assert "off" in lab("status").stdout
        assert "one is off" in lab("run", "one", "true").stderr
        assert "no host 'two'" in lab("boot", "two").stderr
        assert lab("boot", "one").returncode == 0
    finally:
        down = lab("down")
    assert down.returncode == 0
    assert name not in all_labs()
    assert traces(name) == []
    assert "no lab named" in lab("status").stderr
